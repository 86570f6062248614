#include "tools/search/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "sim/base/clock.h"
#include "sim/base/err.h"
#include "sim/base/mem.h"
#include "tools/visible.h"

enum { LINE_MOST = 4096 }; // of an answer

struct plugin {
    char *const *words;
    double timeout_s;
    pid_t pid; // of its group; 0: not running
    int to, from, alive;
};

struct plugin *plugin_create(char *const *words, double timeout_s)
{
    struct plugin *p = mem_alloc(1, sizeof *p);
    *p = (struct plugin){.words = words, .timeout_s = timeout_s};
    return p;
}

// The whole group, so that what the command started goes with it.
static void stop(struct plugin *p)
{
    if (!p->pid)
        return;
    close(p->to);
    close(p->from);
    close(p->alive);
    kill(-p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    p->pid = 0;
}

void plugin_destroy(struct plugin *plugin)
{
    if (!plugin)
        return;
    stop(plugin);
    free(plugin);
}

static _Noreturn void become(const struct plugin *p, int in, int out)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
        _exit(127);
    execvp(p->words[0], p->words);
    fprintf(stderr, "bitline: %s: %s\n", visible(p->words[0]), strerror(errno));
    _exit(127);
}

// The first of the command's group: a process that ends the whole of it when the worker ends, even
// if it is killed and cannot.
static _Noreturn void watch(const struct plugin *p, int alive, int in, int out)
{
    char none;
    setpgid(0, 0);
    if (fork() == 0) {
        close(alive);
        become(p, in, out);
    }
    close(in);
    close(out);
    while (read(alive, &none, 1) < 0 && errno == EINTR)
        ;
    kill(0, SIGKILL);
    _exit(0);
}

static bool start(struct plugin *p, struct err *err)
{
    int down[2] = {-1, -1}, up[2] = {-1, -1}, alive[2] = {-1, -1};
    pid_t pid = -1;
    if (pipe(down) == 0 && pipe(up) == 0 && pipe(alive) == 0) {
        // Not for the plug-ins of other processes, and not for the next one of this.
        fcntl(down[1], F_SETFD, FD_CLOEXEC);
        fcntl(up[0], F_SETFD, FD_CLOEXEC);
        fcntl(alive[1], F_SETFD, FD_CLOEXEC);
        fflush(NULL);
        pid = fork();
        if (pid == 0) {
            close(down[1]);
            close(up[0]);
            close(alive[1]);
            watch(p, alive[0], down[0], up[1]);
        }
    }
    int why = errno;
    const int theirs[] = {down[0], up[1], alive[0]}, ours[] = {down[1], up[0], alive[1]};
    for (int i = 0; i < 3; i++) {
        if (theirs[i] >= 0)
            close(theirs[i]);
        if (ours[i] >= 0 && pid < 0)
            close(ours[i]);
    }
    if (pid < 0)
        return err_set(err, "the command '%.60s' could not be started: %s", p->words[0],
                       strerror(why));
    setpgid(pid, pid); // here too: whoever comes first
    p->pid = pid;
    p->to = down[1];
    p->from = up[0];
    p->alive = alive[1];
    return true;
}

static bool send_line(const struct plugin *p, const char *line)
{
    size_t n = strlen(line), done = 0;
    while (done < n) {
        ssize_t k = write(p->to, line + done, n - done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        done += (size_t)k;
    }
    return true;
}

// One line without its end, at most LINE_MOST characters.
static bool read_line(const struct plugin *p, char *line, struct err *err)
{
    double end = clock_now_s() + p->timeout_s;
    for (size_t n = 0; n < LINE_MOST;) {
        double left = end - clock_now_s();
        struct pollfd fd = {.fd = p->from, .events = POLLIN};
        int ready = left > 0 ? poll(&fd, 1, left < 1e6 ? (int)(left * 1000) + 1 : 1000000000) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return err_set(err, "the command gave no answer within %g s", p->timeout_s);
        ssize_t k = read(p->from, line + n, 1);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return err_set(err, "the command ended without an answer");
        if (line[n] == '\n') {
            line[n] = 0;
            return true;
        }
        n++;
    }
    return err_set(err, "the command answered with more than %d characters", LINE_MOST);
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

static bool read_answer(const char *line, int64_t id, double *accuracy, struct err *err)
{
    json_set_alloc_funcs(mem_bytes, free);
    json_t *all = json_loads(line, 0, NULL);
    json_t *number = all ? json_object_get(all, "accuracy") : NULL;
    json_t *which = all ? json_object_get(all, "id") : NULL;
    double value = json_is_number(number) ? json_number_value(number) : -1;
    bool ok = json_is_integer(which) && json_integer_value(which) == id && value >= 0 && value <= 1;
    json_decref(all);
    if (!ok)
        return err_set(err,
                       "the command answered '%.80s'; {\"id\": %lld, \"accuracy\": 0..1} is wanted",
                       line, (long long)id);
    *accuracy = value;
    return true;
}

bool plugin_ask(struct plugin *p, const struct plugin_question *question, double *accuracy,
                struct err *err)
{
    char answer[LINE_MOST + 1];
    if (!p->pid && !start(p, err))
        return false;
    char *line = question_line(question);
    bool ok = send_line(p, line) || err_set(err, "the command ended without an answer");
    free(line);
    ok = ok && read_line(p, answer, err) && read_answer(answer, question->id, accuracy, err);
    if (!ok)
        stop(p);
    return ok;
}
