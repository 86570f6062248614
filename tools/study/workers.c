#include "tools/study/workers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "tools/study/child.h"
#include "tools/study/pool.h"

struct worker {
    pid_t pid; // 0: none
    int to, from;
    bool busy;
    char *task;
};

struct pool {
    struct workers base;
    struct workers_params params;
    struct worker *all;    // params.jobs
    struct pollfd *polled; // likewise
};

// Inherited pipe ends of other workers would keep them open after the driver's death.
static void close_others(const struct pool *ws)
{
    for (int i = 0; i < ws->params.jobs; i++)
        if (ws->all[i].pid) {
            close(ws->all[i].to);
            close(ws->all[i].from);
        }
}

enum { SPENT = 3 }; // exit code: a new process has to continue

// A worker ends when the other end of a pipe is closed.
static _Noreturn void take_tasks(const struct workers_params *p, int in, int out)
{
    char *task = mem_alloc(p->task_size, 1), *answer = mem_alloc(p->answer_size, 1);
    if (p->begin)
        p->begin(p->context);
    while (pool_receive(in, task, p->task_size)) {
        memset(answer, 0, p->answer_size);
        p->work(p->context, task, answer);
        if (!pool_send(out, answer, p->answer_size))
            break;
        if (p->spent && p->spent(p->context))
            _exit(SPENT);
    }
    _exit(0);
}

// If workers can be spent, the driver's child only supervises: it forks one child after another to
// do the work.
static _Noreturn void serve(const struct pool *ws, pid_t driver, int in, int out)
{
    const struct workers_params *p = &ws->params;
    child_die_with(driver); // so it cannot finish a task when a new driver has started
    // A terminal sends Ctrl-C and hang-up to all of its processes; only the driver decides when
    // workers end.
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    close_others(ws);
    for (int status = 0; p->spent;) {
        pid_t self = getpid(), child = child_fork();
        if (child == 0) {
            child_die_with(self);
            take_tasks(p, in, out);
        }
        if (child < 0)
            _exit(1);
        status = child_wait(child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != SPENT)
            _exit(1);
    }
    take_tasks(p, in, out);
}

static bool start(struct pool *ws, struct worker *w, struct err *err)
{
    int down[2], up[2];
    static const char sentence[] = "a worker could not be started: %s; use fewer --jobs";
    if (!child_pipe(down))
        return err_fail(err, sentence, strerror(errno));
    if (!child_pipe(up)) {
        err_fail(err, sentence, strerror(errno));
        close(down[0]);
        close(down[1]);
        return false;
    }
    pid_t driver = getpid(), pid = child_fork();
    if (pid == 0) {
        close(down[1]);
        close(up[0]);
        serve(ws, driver, down[0], up[1]);
    }
    if (pid < 0)
        err_fail(err, sentence, strerror(errno));
    close(down[0]);
    close(up[1]);
    if (pid < 0) {
        close(down[1]);
        close(up[0]);
        return false;
    }
    w->pid = pid;
    w->to = down[1];
    w->from = up[0];
    w->busy = false;
    return true;
}

static void stop(struct worker *w)
{
    if (!w->pid)
        return;
    close(w->to);
    close(w->from);
    kill(w->pid, SIGKILL);
    child_wait(w->pid);
    w->pid = 0;
    w->busy = false;
}

static void destroy(struct workers *workers)
{
    struct pool *ws = (struct pool *)workers;
    for (int i = 0; i < ws->params.jobs; i++) {
        stop(&ws->all[i]);
        free(ws->all[i].task);
    }
    free(ws->all);
    free(ws->polled);
    free(ws);
}

static int busy(const struct workers *workers)
{
    const struct pool *ws = (const struct pool *)workers;
    int n = 0;
    for (int i = 0; i < ws->params.jobs; i++)
        n += ws->all[i].busy;
    return n;
}

static bool idle(const struct workers *workers)
{
    return busy(workers) < ((const struct pool *)workers)->params.jobs;
}

static bool give(struct workers *workers, const void *task, struct err *err)
{
    struct pool *ws = (struct pool *)workers;
    struct worker *w = ws->all;
    size_t size = ws->params.task_size;
    while (w->busy)
        w++;
    bool sent = pool_send(w->to, task, size);
    if (!sent) { // it died while idle, which does not count as a death of this task
        stop(w);
        if (!start(ws, w, err))
            return false;
        pool_send(w->to, task, size); // a further death is detected at the other pipe
    }
    memcpy(w->task, task, size);
    w->busy = true;
    return true;
}

static bool wait_for(struct workers *workers, int timeout_ms, enum workers_event *event, void *task,
                     void *answer, struct err *err)
{
    struct pool *ws = (struct pool *)workers;
    *event = WORKERS_NOTHING;
    for (int i = 0; i < ws->params.jobs; i++)
        ws->polled[i] =
            (struct pollfd){.fd = ws->all[i].busy ? ws->all[i].from : -1, .events = POLLIN};
    int ready = poll(ws->polled, (nfds_t)ws->params.jobs, timeout_ms);
    if (ready < 0 && errno != EINTR)
        return err_fail(err, "waiting for workers: %s", strerror(errno));
    for (int i = 0; ready > 0 && i < ws->params.jobs; i++) {
        struct worker *w = &ws->all[i];
        if (!ws->polled[i].revents)
            continue;
        memcpy(task, w->task, ws->params.task_size);
        if (pool_receive(w->from, answer, ws->params.answer_size)) {
            w->busy = false;
            *event = WORKERS_ANSWER;
            return true;
        }
        stop(w);
        *event = WORKERS_DIED;
        return start(ws, w, err);
    }
    return true;
}

static const struct workers_kind pool_kind = {destroy, busy, idle, give, wait_for};

struct workers *workers_create(const struct workers_params *params, struct err *err)
{
    struct pool *ws = mem_alloc(1, sizeof *ws);
    ws->base.kind = &pool_kind;
    ws->params = *params;
    ws->all = mem_alloc((size_t)params->jobs, sizeof *ws->all);
    ws->polled = mem_alloc((size_t)params->jobs, sizeof *ws->polled);
    for (int i = 0; i < params->jobs; i++)
        ws->all[i].task = mem_alloc(params->task_size, 1);
    for (int i = 0; i < params->jobs; i++)
        if (!start(ws, &ws->all[i], err)) {
            destroy(&ws->base);
            return NULL;
        }
    return &ws->base;
}

// --- All kinds of workers ---

void workers_destroy(struct workers *workers)
{
    if (workers)
        workers->kind->destroy(workers);
}

int workers_busy(const struct workers *workers)
{
    return workers->kind->busy(workers);
}

bool workers_idle(const struct workers *workers)
{
    return workers->kind->idle(workers);
}

bool workers_give(struct workers *workers, const void *task, struct err *err)
{
    return workers->kind->give(workers, task, err);
}

bool workers_wait(struct workers *workers, int timeout_ms, enum workers_event *event, void *task,
                  void *answer, struct err *err)
{
    return workers->kind->wait(workers, timeout_ms, event, task, answer, err);
}
