#include "tools/study/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/mem.h"

// --- Parts ---

// Moves one end above the standard streams, which a child sets up by dup2().
static bool set_up_end(int *fd)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int why = errno;
    close(*fd);
    *fd = moved;
    errno = why;
    return moved >= 0;
}

bool child_pipe(int ends[2])
{
    if (pipe(ends))
        return false;
    bool ok = set_up_end(&ends[0]), both = set_up_end(&ends[1]) && ok;
    int why = errno;
    for (int i = 0; !both && i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    errno = why;
    return both;
}

pid_t child_fork(void)
{
    enum { TRIES = 10, PAUSE_MS = 100 };
    fflush(NULL);
    pid_t pid = fork();
    for (int i = 0; pid < 0 && errno == EAGAIN && i < TRIES; i++) {
        poll(NULL, 0, PAUSE_MS);
        pid = fork();
    }
    return pid;
}

void child_default_signals(void)
{
    enum { LAST_SIGNAL = 31 }; // those above are real-time signals
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int i = 1; i <= LAST_SIGNAL; i++)
        sigaction(i, &standard, NULL); // fails for SIGKILL and SIGSTOP alone
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void child_die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
}

int child_wait(pid_t pid)
{
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    return ended == pid ? status : -1;
}

static bool is_blank(const char *line, size_t n)
{
    size_t i = 0;
    while (i < n && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r'))
        i++;
    return i == n;
}

void child_quote(const char *text, size_t n, enum child_line which, char *out, size_t size)
{
    const char *line = text, *end = text + n;
    size_t length = 0;
    for (const char *at = text; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t here = (size_t)((newline ? newline : end) - at);
        if (!is_blank(at, here)) {
            line = at;
            length = here;
            if (which == CHILD_FIRST_LINE)
                break;
        }
        at += here + 1;
    }
    while (length > 0 && is_blank(line + length - 1, 1))
        length--;
    char raw[1024];
    snprintf(raw, sizeof raw, "%.*s", (int)(length < sizeof raw ? length : sizeof raw - 1), line);
    escape_line_to(out, size, raw);
}

// --- Running a program to completion ---

struct running {
    pid_t pid;
    int out, err; // read ends; -1: closed
    size_t room;  // capacity of result->output
};

// Never returns. Writes errno to `failed` if the program cannot be started; exec closes it
// otherwise.
static _Noreturn void become(const struct child_spec *spec, pid_t parent, int out, int err,
                             int failed)
{
    child_die_with(parent);
    setpgid(0, 0);
    child_default_signals();
    int nothing = open("/dev/null", O_RDONLY);
    bool ok = nothing >= 0 && (!spec->folder || chdir(spec->folder) == 0) &&
              dup2(nothing, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
              dup2(err, STDERR_FILENO) >= 0 && (!spec->c_locale || setenv("LC_ALL", "C", 1) == 0);
    if (nothing > STDERR_FILENO)
        close(nothing);
    int why = ok ? 0 : errno;
    if (ok) {
        execvp(spec->words[0], spec->words);
        why = errno == ENOENT ? -ENOENT : errno; // distinguishes it from a missing folder
    }
    while (write(failed, &why, sizeof why) < 0 && errno == EINTR)
        ;
    _exit(127);
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

// Fills result->end and error when the program does not run.
static bool start(const struct child_spec *spec, struct running *r, struct child_result *result)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, failed[2] = {-1, -1}, why = 0;
    pid_t parent = getpid();
    r->pid = -1;
    if (child_pipe(out) && child_pipe(err) && child_pipe(failed))
        r->pid = child_fork();
    if (r->pid == 0)
        become(spec, parent, out[1], err[1], failed[1]);
    if (r->pid < 0)
        why = errno;
    else
        setpgid(r->pid, r->pid); // in parent and child, to avoid a race
    close_end(&out[1]);
    close_end(&err[1]);
    close_end(&failed[1]);
    if (r->pid > 0) {
        ssize_t got;
        while ((got = read(failed[0], &why, sizeof why)) < 0 && errno == EINTR)
            ;
        if (got > 0)
            child_wait(r->pid);
    }
    close_end(&failed[0]);
    r->out = out[0];
    r->err = err[0];
    result->end = why == -ENOENT ? CHILD_MISSING : CHILD_NOT_STARTED;
    result->error = why < 0 ? -why : why;
    return why == 0;
}

// Reads available data, without blocking, from one of the two streams; closes it at its end. The
// amount is limited, so that a fast writer cannot keep the caller from checking the time.
static void drain(struct running *r, bool is_output, size_t most, struct child_result *result)
{
    enum { MOST_READS = 64 };
    int *fd = is_output ? &r->out : &r->err;
    char bytes[16384];
    for (int i = 0; i < MOST_READS && *fd >= 0 && result->n <= most; i++) {
        ssize_t got = read(*fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            close_end(fd);
            return;
        }
        if (is_output) {
            result->output = mem_grow(result->output, &r->room, result->n + (size_t)got, 1);
            memcpy(result->output + result->n, bytes, (size_t)got);
            result->n += (size_t)got;
        } else {
            size_t room = sizeof result->said - result->said_size;
            size_t kept = (size_t)got < room ? (size_t)got : room;
            memcpy(result->said + result->said_size, bytes, kept);
            result->said_size += kept;
        }
    }
}

// Whether a child has ended. It is not reaped, so that its process id is not reused.
static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

// Runs until the program has ended, or has to be killed; result->end says which.
static void attend(const struct child_spec *spec, struct running *r, struct child_result *result)
{
    double end = clock_now_s() + spec->timeout_s;
    for (;;) {
        struct pollfd polled[] = {{.fd = r->out, .events = POLLIN},
                                  {.fd = r->err, .events = POLLIN}};
        // With both streams closed there is no event for the end of the program.
        poll(polled, 2, r->out < 0 && r->err < 0 ? 5 : 100);
        bool ended = has_ended(r->pid);
        // Reads the remaining output of an ended program: a pipe holds at most 64 reads.
        drain(r, true, spec->most, result);
        drain(r, false, spec->most, result);
        if (result->n > spec->most)
            result->end = CHILD_TOO_LONG;
        else if (ended)
            result->end = CHILD_DONE;
        else if (spec->stop && *spec->stop)
            result->end = CHILD_STOPPED;
        else if (clock_now_s() > end)
            result->end = CHILD_LATE;
        else
            continue;
        return;
    }
}

void child_run(const struct child_spec *spec, struct child_result *result)
{
    struct running r = {.out = -1, .err = -1};
    *result = (struct child_result){0};
    if (start(spec, &r, result)) {
        fcntl(r.out, F_SETFL, O_NONBLOCK);
        fcntl(r.err, F_SETFL, O_NONBLOCK);
        attend(spec, &r, result);
        kill(-r.pid, SIGKILL); // with all processes that it started
        result->status = child_wait(r.pid);
        if (result->end == CHILD_DONE && result->status != 0)
            result->end = CHILD_FAILED;
    }
    close_end(&r.out);
    close_end(&r.err);
    if (result->end != CHILD_DONE) {
        free(result->output);
        result->output = NULL;
        result->n = 0;
    }
}
