// Programs run to their end: what comes back of them, and that nothing of them stays.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/study/child.h"

enum { LONG_S = 300 }; // no test waits for it

static struct child_spec shell_spec(char *script, char *words[4])
{
    static char sh[] = "sh", flag[] = "-c";
    words[0] = sh;
    words[1] = flag;
    words[2] = script;
    words[3] = NULL;
    return (struct child_spec){.words = words, .timeout_s = LONG_S, .most = 1 << 20};
}

static struct child_result run_shell(const char *script)
{
    char text[400], *words[4];
    struct child_result result;
    snprintf(text, sizeof text, "%s", script);
    struct child_spec spec = shell_spec(text, words);
    child_run(&spec, &result);
    return result;
}

static void expect_no_children(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void output_is_whole(void **state)
{
    (void)state;
    struct child_result r = run_shell("seq 20000; echo one >&2; echo two >&2");
    assert_int_equal(r.end, CHILD_DONE);
    assert_int_equal(r.n, 9 * 2 + 90 * 3 + 900 * 4 + 9000 * 5 + 10001 * 6);
    assert_memory_equal(r.output, "1\n2\n3\n", 6);
    assert_memory_equal(r.output + r.n - 6, "20000\n", 6);
    assert_int_equal(r.said_size, 8);
    assert_memory_equal(r.said, "one\ntwo\n", 8);
    free(r.output);
    expect_no_children();
}

static void failures_are_told_apart(void **state)
{
    (void)state;
    static char none[] = "/there/is/no/such/program", folder[] = "/", true_[] = "true";
    char *missing[] = {none, NULL}, *directory[] = {folder, NULL}, *fine[] = {true_, NULL};
    struct child_result r = run_shell("echo output; exit 3");
    assert_int_equal(r.end, CHILD_FAILED);
    assert_int_equal(WEXITSTATUS(r.status), 3);
    assert_null(r.output);
    r = run_shell("kill -9 $$");
    assert_int_equal(r.end, CHILD_FAILED);
    assert_int_equal(WTERMSIG(r.status), SIGKILL);
    // The status that shells give a missing program, by a program that is there.
    r = run_shell("exit 127");
    assert_int_equal(r.end, CHILD_FAILED);
    struct child_spec spec = {.words = missing, .timeout_s = LONG_S};
    child_run(&spec, &r);
    assert_int_equal(r.end, CHILD_MISSING);
    spec.words = directory;
    child_run(&spec, &r);
    assert_int_equal(r.end, CHILD_NOT_STARTED);
    assert_int_equal(r.error, EACCES);
    spec = (struct child_spec){.words = fine, .folder = none, .timeout_s = LONG_S};
    child_run(&spec, &r);
    assert_int_equal(r.end, CHILD_NOT_STARTED);
    assert_int_equal(r.error, ENOENT);
    expect_no_children();
}

// Returns when all writers of a pipe are gone.
static void expect_end(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    char byte;
    assert_int_equal(poll(&polled, 1, LONG_S * 1000), 1);
    assert_int_equal(read(fd, &byte, 1), 0);
}

// The program and what it started hold the write end of a pipe, which shows when they are gone.
static void killed(struct child_spec *spec, enum child_end end)
{
    int ends[2];
    struct child_result r;
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    child_run(spec, &r);
    close(ends[1]);
    assert_int_equal(r.end, end);
    assert_null(r.output);
    expect_end(ends[0]);
    close(ends[0]);
    expect_no_children();
}

static void hung_group_is_killed(void **state)
{
    (void)state;
    char script[] = "trap '' TERM INT; sleep 1000 & sleep 1000; sleep 1000", *words[4];
    struct child_spec spec = shell_spec(script, words);
    spec.timeout_s = 0.1;
    killed(&spec, CHILD_LATE);
    volatile sig_atomic_t stop = SIGTERM;
    spec.timeout_s = LONG_S;
    spec.stop = &stop;
    killed(&spec, CHILD_STOPPED);
    char endless[] = "while :; do echo line; done";
    spec = shell_spec(endless, words);
    killed(&spec, CHILD_TOO_LONG);
    // Nobody reads so fast that it would ever wait.
    char talking[] = "while :; do echo line >&2; done & while :; do echo line >&2; done";
    spec = shell_spec(talking, words);
    spec.timeout_s = 0.1;
    killed(&spec, CHILD_LATE);
    // Both streams are closed, and yet it does not end.
    char silent[] = "exec >&- 2>&-; sleep 1000";
    spec = shell_spec(silent, words);
    spec.timeout_s = 0.1;
    killed(&spec, CHILD_LATE);
}

static void background_process_is_not_waited_for(void **state)
{
    (void)state;
    char script[] = "sleep 1000 & echo done", *words[4];
    struct child_spec spec = shell_spec(script, words);
    killed(&(struct child_spec){.words = spec.words, .timeout_s = 0.1, .most = 0}, CHILD_TOO_LONG);
    struct child_result r;
    child_run(&spec, &r);
    assert_int_equal(r.end, CHILD_DONE);
    assert_int_equal(r.n, 5);
    assert_memory_equal(r.output, "done\n", 5);
    free(r.output);
    expect_no_children();
}

// It inherits what this test inherited from whoever runs it, and nothing of its own.
static void nothing_is_inherited(void **state)
{
    (void)state;
    const char list[] = "ls /proc/$$/fd";
    struct child_result before = run_shell(list);
    int ends[2];
    assert_true(child_pipe(ends));
    struct child_result after = run_shell(list);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(after.n, before.n);
    assert_memory_equal(after.output, before.output, before.n);
    free(before.output);
    free(after.output);
}

static void surroundings_are_clean(void **state)
{
    (void)state;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    assert_int_equal(sigaction(SIGPIPE, &ignore, &old), 0);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
    struct child_result r =
        run_shell("readlink /proc/self/fd/0; grep -E '^Sig(Ign|Blk):' /proc/self/status; echo $$;"
                  "cut -d' ' -f5 /proc/$$/stat");
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    sigaction(SIGPIPE, &old, NULL);
    assert_int_equal(r.end, CHILD_DONE);
    char text[600];
    snprintf(text, sizeof text, "%.*s", (int)r.n, r.output);
    assert_non_null(strstr(text, "/dev/null\n"));
    assert_non_null(strstr(text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"));
    int pid = 0, group = -1;
    assert_int_equal(sscanf(strrchr(text, ':') + 1, "%*s %d %d", &pid, &group), 2);
    assert_int_equal(pid, group);
    free(r.output);
}

static void closed_standard_streams(void **state)
{
    (void)state;
    int kept[3];
    for (int i = 0; i < 3; i++)
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
    fflush(NULL);
    for (int i = 0; i < 3; i++)
        close(i);
    struct child_result r = run_shell("echo output; echo error >&2");
    for (int i = 0; i < 3; i++) {
        dup2(kept[i], i);
        close(kept[i]);
    }
    assert_int_equal(r.end, CHILD_DONE);
    assert_int_equal(r.n, 7);
    assert_int_equal(r.said_size, 6);
    free(r.output);
}

static const char *quoted(const char *text, enum child_line which, size_t size)
{
    static char out[100];
    child_quote(text, strlen(text), which, out, size);
    return out;
}

static void lines_are_quoted(void **state)
{
    (void)state;
    const char text[] = "\n  \n first \r\nmid\n\033[31mlast\t1\n\n \n";
    assert_string_equal(quoted(text, CHILD_FIRST_LINE, 100), " first");
    assert_string_equal(quoted(text, CHILD_LAST_LINE, 100), "\\x1b[31mlast\\t1");
    assert_string_equal(quoted("no newline", CHILD_LAST_LINE, 100), "no newline");
    assert_string_equal(quoted("no newline", CHILD_LAST_LINE, 6), "no...");
    assert_string_equal(quoted("", CHILD_FIRST_LINE, 100), "");
    assert_string_equal(quoted("\n\n", CHILD_LAST_LINE, 100), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_is_whole),
        cmocka_unit_test(failures_are_told_apart),
        cmocka_unit_test(hung_group_is_killed),
        cmocka_unit_test(background_process_is_not_waited_for),
        cmocka_unit_test(nothing_is_inherited),
        cmocka_unit_test(surroundings_are_clean),
        cmocka_unit_test(closed_standard_streams),
        cmocka_unit_test(lines_are_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
