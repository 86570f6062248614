#include "tools/search/mpi_workers.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tools/search/local_workers.h"
#include "tools/search/search_loop.h"
#include "tools/search/message.h"
#include "tools/search/identity.h"
#include "tools/search/mpi_bridge.h"
#include "tools/study/workers.h"

static_assert(sizeof(struct search_task) <= FRAME_MOST, "a task fits in one frame");
static_assert(sizeof(struct search_answer) <= FRAME_MOST, "an answer fits in one frame");

// --- The driver's end ---

struct member {
    bool busy, gone;
    char *task;
};

struct mpi_workers {
    struct workers base;
    const struct line *line;
    int task_size, answer_size;
    struct member *of; // (ranks); the first is the driver's and stays empty
};

static void destroy(struct workers *workers)
{
    struct mpi_workers *c = (struct mpi_workers *)workers;
    for (int r = 1; r < c->line->ranks; r++)
        free(c->of[r].task);
    free(c->of);
    free(c);
}

static int busy(const struct workers *workers)
{
    const struct mpi_workers *c = (const struct mpi_workers *)workers;
    int n = 0;
    for (int r = 1; r < c->line->ranks; r++)
        n += c->of[r].busy;
    return n;
}

// The first idle rank; the number of ranks if there is none.
static int idle_rank(const struct mpi_workers *c)
{
    int r = 1;
    while (r < c->line->ranks && (c->of[r].busy || c->of[r].gone))
        r++;
    return r;
}

static bool idle(const struct workers *workers)
{
    const struct mpi_workers *c = (const struct mpi_workers *)workers;
    return idle_rank(c) < c->line->ranks;
}

static bool tell(const struct mpi_workers *c, enum frame_kind kind, int rank, const void *bytes,
                 int size, struct err *err)
{
    struct frame frame;
    frame_fill(&frame, kind, rank, bytes, size);
    return frame_send(c->line->out, &frame) || err_fail(err, "the other ranks cannot be reached");
}

static bool give(struct workers *workers, const void *task, struct err *err)
{
    struct mpi_workers *c = (struct mpi_workers *)workers;
    int rank = idle_rank(c);
    memcpy(c->of[rank].task, task, (size_t)c->task_size);
    c->of[rank].busy = true;
    return tell(c, FRAME_TASK, rank, task, c->task_size, err);
}

static bool all_gone(const struct mpi_workers *c)
{
    for (int r = 1; r < c->line->ranks; r++)
        if (!c->of[r].gone)
            return false;
    return true;
}

static bool wait_for(struct workers *workers, int timeout_ms, enum workers_event *event, void *task,
                     void *answer, struct err *err)
{
    struct mpi_workers *c = (struct mpi_workers *)workers;
    struct pollfd polled = {.fd = c->line->in, .events = POLLIN};
    struct frame frame;
    *event = WORKERS_NOTHING;
    int ready = poll(&polled, 1, timeout_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return true;
    if (ready < 0 || !frame_receive(c->line->in, &frame))
        return err_fail(err, "the other ranks cannot be reached");
    struct member *m = &c->of[frame.rank];
    if (frame.kind == FRAME_ANSWER && frame.size != c->answer_size)
        return err_set(err,
                       "rank %d runs a different version of bitline than rank 0; use one version "
                       "on all machines",
                       frame.rank);
    m->gone = frame.kind == FRAME_LOST;
    if (all_gone(c))
        return err_fail(err, "no rank has a worker any more; continue with --resume");
    if (!m->busy)
        return true;
    m->busy = false;
    memcpy(task, m->task, (size_t)c->task_size);
    *event = frame.kind == FRAME_ANSWER ? WORKERS_ANSWER : WORKERS_DIED;
    if (frame.kind == FRAME_ANSWER)
        memcpy(answer, frame.bytes, (size_t)c->answer_size);
    return true;
}

static const struct workers_kind mpi_kind = {destroy, busy, idle, give, wait_for};

struct workers *mpi_workers_start(void *line, const struct search *search,
                                  const struct workers_params *params, struct err *err)
{
    struct mpi_workers *c = mem_alloc(1, sizeof *c);
    *c = (struct mpi_workers){.base.kind = &mpi_kind,
                              .line = line,
                              .task_size = (int)params->task_size,
                              .answer_size = (int)params->answer_size};
    c->of = mem_alloc((size_t)c->line->ranks, sizeof *c->of);
    bool ok = true;
    for (int r = 1; r < c->line->ranks; r++) {
        c->of[r].task = mem_alloc(params->task_size, 1);
        ok = ok && tell(c, FRAME_BEGIN, r, search->hash, sizeof search->hash, err);
    }
    if (ok)
        return &c->base;
    destroy(&c->base);
    return NULL;
}

// --- A rank's end ---

// Different files on this machine would give different answers.
static bool check(struct search *s, const struct frame *begin, struct err *err)
{
    identify_search(s);
    return (begin->size == sizeof s->hash && !memcmp(begin->bytes, s->hash, sizeof s->hash)) ||
           err_set(err,
                   "its files (job, chip, net, images or weights) or its bitline differ from those "
                   "of rank 0");
}

// Runs the task in one worker, and waits for its answer or death.
static void judge(struct workers *worker, const struct frame *task, struct frame *answer)
{
    enum workers_event event = WORKERS_NOTHING;
    struct search_answer out = {0};
    struct search_task same;
    bool ok = task->size == sizeof same ||
              err_set(&out.err, "a rank runs a different version of bitline than "
                                "rank 0; use one version on all machines");
    ok = ok && workers_give(worker, task->bytes, &out.err);
    while (ok && event == WORKERS_NOTHING)
        ok = workers_wait(worker, -1, &event, &same, &out, &out.err);
    out.broken = out.broken || !ok;
    frame_fill(answer, event == WORKERS_DIED ? FRAME_DIED : FRAME_ANSWER, 0, &out, sizeof out);
}

static void refuse(int rank, const struct err *why, struct frame *answer)
{
    struct search_answer out = {.broken = true};
    err_wrap(&out.err, why, "rank %d: %s", rank, why->text);
    frame_fill(answer, FRAME_ANSWER, 0, &out, sizeof out);
}

void ranks_serve(const struct line *line, struct search *(*open)(void *context, struct err *err),
                 void *context)
{
    struct frame in, out;
    struct err err = {0};
    struct worker_state bench;
    struct workers *worker = NULL;
    // As in a driver of local workers: a dead worker is detected when it is written to, and rank 0
    // decides how the search continues.
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    if (!frame_receive(line->in, &in)) // there was nothing to do
        return;
    struct search *s = open(context, &err);
    if (s && check(s, &in, &err)) {
        struct workers_params params = local_workers(&bench, s, 1);
        worker = workers_create(&params, &err);
    }
    while (frame_receive(line->in, &in)) {
        if (worker)
            judge(worker, &in, &out);
        else
            refuse(line->rank, &err, &out);
        frame_send(line->out, &out);
    }
    workers_destroy(worker);
}
