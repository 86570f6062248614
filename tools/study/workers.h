// Workers that execute one task after another: processes of this machine (workers_create), or MPI
// ranks (search/mpi_workers.h). The driver process only distributes tasks; a worker that dies is
// replaced.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct err;
struct workers;

struct workers_params {
    int jobs;                      // workers
    size_t task_size, answer_size; // bytes; at most one atomic write to a pipe
    // In a new worker, before its first task; may be NULL.
    void (*begin)(void *context);
    // In a worker; state kept between tasks stays in that process.
    void (*work)(void *context, const void *task, void *answer);
    // In a worker, after an answer: whether a new process should replace it. May be NULL.
    bool (*spent)(void *context);
    void *context; // borrowed
};

enum workers_event { WORKERS_NOTHING, WORKERS_ANSWER, WORKERS_DIED };

// Implementation of a kind of worker, called by the functions below.
struct workers_kind {
    void (*destroy)(struct workers *workers);
    int (*busy)(const struct workers *workers);
    bool (*idle)(const struct workers *workers);
    bool (*give)(struct workers *workers, const void *task, struct err *err);
    bool (*wait)(struct workers *workers, int timeout_ms, enum workers_event *event, void *task,
                 void *answer, struct err *err);
};
struct workers { // the first member of a kind's own struct
    const struct workers_kind *kind;
};

// Processes of this machine. Call it before this process has threads. Params are copied. NULL and
// err if no process can be started.
struct workers *workers_create(const struct workers_params *params, struct err *err);
// Kills busy workers. NULL is fine.
void workers_destroy(struct workers *workers);

bool workers_idle(const struct workers *workers); // whether one is idle
int workers_busy(const struct workers *workers);
// Sends the task to an idle worker; a worker that died while idle is replaced. False and err if no
// worker can be started.
bool workers_give(struct workers *workers, const void *task, struct err *err);
// Waits for at most timeout_ms. ANSWER: task and answer of a finished worker. DIED: the task of a
// worker that died and was replaced; false and err if it could not be replaced.
bool workers_wait(struct workers *workers, int timeout_ms, enum workers_event *event, void *task,
                  void *answer, struct err *err);
