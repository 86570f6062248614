#include "tools/search/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/mem.h"
#include "tools/study/child.h"
#include "tools/study/pool.h"
#include "base/visible.h"

enum {
    LINE_MOST = 4096, // of an answer
    TAIL_SIZE = 1024, // of its standard error
};

struct plugin {
    char *const *words;
    double timeout_s;
    pid_t pid;                 // of its group; 0: not running
    int to, from, said, alive; // standard input, output and error; what its watcher reads
    char tail[TAIL_SIZE];      // the end of its standard error
    size_t tail_size;
};

struct plugin *plugin_create(char *const *words, double timeout_s)
{
    struct plugin *p = mem_alloc(1, sizeof *p);
    *p = (struct plugin){.words = words, .timeout_s = timeout_s};
    return p;
}

// Kills the process group, including processes that the command started.
static void stop(struct plugin *p)
{
    if (!p->pid)
        return;
    close(p->to);
    close(p->from);
    close(p->said);
    close(p->alive);
    kill(-p->pid, SIGKILL);
    child_wait(p->pid);
    p->pid = 0;
}

void plugin_destroy(struct plugin *plugin)
{
    if (!plugin)
        return;
    stop(plugin);
    free(plugin);
}

static _Noreturn void become(const struct plugin *p, int in, int out, int said)
{
    child_default_signals();
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(said, STDERR_FILENO) < 0)
        _exit(127);
    execvp(p->words[0], p->words);
    fprintf(stderr, "%s: %s\n", visible(p->words[0]), strerror(errno));
    _exit(127);
}

// First process of the command's group: a watcher that ends the group when the worker ends, even if
// the worker is killed.
static _Noreturn void watch(const struct plugin *p, int alive, int in, int out, int said)
{
    char none;
    setpgid(0, 0);
    signal(SIGCHLD, SIG_IGN); // an ended command is reaped automatically
    if (child_fork() == 0)
        become(p, in, out, said);
    close(in);
    close(out);
    close(said);
    while (read(alive, &none, 1) < 0 && errno == EINTR)
        ;
    kill(0, SIGKILL);
    _exit(0);
}

static bool start(struct plugin *p, struct err *err)
{
    int down[2] = {-1, -1}, up[2] = {-1, -1}, said[2] = {-1, -1}, alive[2] = {-1, -1};
    pid_t pid = -1;
    if (child_pipe(down) && child_pipe(up) && child_pipe(said) && child_pipe(alive)) {
        pid = child_fork();
        if (pid == 0) {
            close(down[1]);
            close(up[0]);
            close(said[0]);
            close(alive[1]);
            watch(p, alive[0], down[0], up[1], said[1]);
        }
    }
    int why = errno;
    const int theirs[] = {down[0], up[1], said[1], alive[0]},
              ours[] = {down[1], up[0], said[0], alive[1]};
    for (int i = 0; i < 4; i++) {
        if (theirs[i] >= 0)
            close(theirs[i]);
        if (ours[i] >= 0 && pid < 0)
            close(ours[i]);
    }
    if (pid < 0)
        return err_fail(err, "cannot start the command '%.60s': %s", p->words[0], strerror(why));
    setpgid(pid, pid); // in parent and child, to avoid a race
    fcntl(said[0], F_SETFL, O_NONBLOCK);
    p->pid = pid;
    p->to = down[1];
    p->from = up[0];
    p->said = said[0];
    p->alive = alive[1];
    p->tail_size = 0;
    return true;
}

// Passes on the command's standard error, and keeps the end of it. The amount is limited, so that a
// fast writer cannot keep the caller from checking the time.
static void pass_on(struct plugin *p)
{
    enum { MOST_READS = 256 };
    char bytes[TAIL_SIZE];
    for (int i = 0; i < MOST_READS; i++) {
        ssize_t got = read(p->said, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        size_t n = (size_t)got;
        pool_send(STDERR_FILENO, bytes, n);
        size_t kept = p->tail_size < TAIL_SIZE - n ? p->tail_size : TAIL_SIZE - n;
        memmove(p->tail, p->tail + p->tail_size - kept, kept);
        memcpy(p->tail + kept, bytes, n);
        p->tail_size = kept + n;
    }
}

// Waits for data of the answer; false: none within `left` seconds.
static bool wait_for(struct plugin *p, double left)
{
    struct pollfd polled[] = {{.fd = p->from, .events = POLLIN}, {.fd = p->said, .events = POLLIN}};
    double end = clock_now_s() + left;
    while (!polled[0].revents) {
        left = end - clock_now_s();
        if (left <= 0)
            return false;
        if (poll(polled, 2, left < 1e6 ? (int)(left * 1000) + 1 : 1000000000) < 0) {
            polled[0].revents = 0; // a signal
            continue;
        }
        if (polled[1].revents)
            pass_on(p);
        if (polled[1].revents & (POLLHUP | POLLERR))
            polled[1].fd = -1; // closed by the command
    }
    return true;
}

// One line without its end, at most LINE_MOST characters.
static bool read_line(struct plugin *p, char *line, struct err *err)
{
    double end = clock_now_s() + p->timeout_s;
    for (size_t n = 0; n < LINE_MOST;) {
        if (!wait_for(p, end - clock_now_s()))
            return err_fail(err, "it gave no answer within %g s", p->timeout_s);
        ssize_t k = read(p->from, line + n, 1);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return err_fail(err, "it ended without an answer");
        if (line[n] == '\n') {
            line[n] = 0;
            return true;
        }
        n++;
    }
    return err_fail(err, "it answered with more than %d characters", LINE_MOST);
}

static char *question_line(const struct plugin_question *q)
{
    json_set_alloc_funcs(mem_bytes, free);
    json_t *widths = json_array();
    for (size_t i = 0; i < q->n_widths; i++)
        json_array_append_new(widths, json_integer(q->widths[i]));
    json_t *all = json_pack("{s:I, s:s, s:o, s:s, s:I}", "id", (json_int_t)q->id, "net", q->net,
                            "widths", widths, "knobs", q->knobs, "seed", (json_int_t)q->seed);
    char *text = json_dumps(all, JSON_COMPACT);
    size_t n = strlen(text) + 2;
    char *line = mem_alloc(n, 1);
    snprintf(line, n, "%s\n", text);
    free(text);
    json_decref(all);
    return line;
}

static enum plugin_end read_answer(const char *line, int64_t id, double *accuracy, struct err *err)
{
    json_t *all = json_loads(line, 0, NULL);
    const json_t *number = all ? json_object_get(all, "accuracy") : NULL;
    const json_t *refusal = all ? json_object_get(all, "error") : NULL;
    const json_t *which = all ? json_object_get(all, "id") : NULL;
    double value = json_is_number(number) ? json_number_value(number) : -1;
    enum plugin_end end = PLUGIN_FAILED;
    char shown[200];
    if (json_is_integer(which) && json_integer_value(which) == id) {
        if (json_is_string(refusal))
            end = PLUGIN_REFUSED;
        else if (value >= 0 && value <= 1)
            end = PLUGIN_JUDGED;
    }
    if (end == PLUGIN_JUDGED)
        *accuracy = value;
    else if (end == PLUGIN_REFUSED)
        err_set(err, "%s", escape_line_to(shown, sizeof shown, json_string_value(refusal)));
    else
        err_fail(err, "it answered '%s', not {\"id\": %lld, \"accuracy\": 0..1}",
                 escape_line_to(shown, 80, line), (long long)id);
    json_decref(all);
    return end;
}

// One try; a program that has failed is killed.
static enum plugin_end ask_once(struct plugin *p, const struct plugin_question *question,
                                double *accuracy, struct err *err)
{
    char answer[LINE_MOST + 1], said[200];
    struct err why = {0};
    enum plugin_end end = PLUGIN_FAILED;
    if (!p->pid && !start(p, err))
        return PLUGIN_FAILED;
    char *line = question_line(question);
    bool sent =
        pool_send(p->to, line, strlen(line)) || err_fail(&why, "it ended without an answer");
    free(line);
    if (sent && read_line(p, answer, &why))
        end = read_answer(answer, question->id, accuracy, &why);
    pass_on(p);
    if (end == PLUGIN_REFUSED)
        *err = why;
    if (end != PLUGIN_FAILED)
        return end;
    child_quote(p->tail, p->tail_size, CHILD_LAST_LINE, said, sizeof said);
    err_fail(err, "%s%s%s%s", why.text, *said ? " (standard error: " : "", said, *said ? ")" : "");
    stop(p);
    return PLUGIN_FAILED;
}

enum plugin_end plugin_ask(struct plugin *p, const struct plugin_question *question,
                           double *accuracy, struct err *err)
{
    struct err why = {0};
    enum plugin_end end = PLUGIN_FAILED;
    for (int i = 0; i < PLUGIN_TRIES && end == PLUGIN_FAILED; i++) {
        why = (struct err){0};
        end = ask_once(p, question, accuracy, &why);
    }
    if (end != PLUGIN_JUDGED)
        *err = why;
    return end;
}
