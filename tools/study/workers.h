// Workers that take one task after another, wherever they are: processes of this machine
// (workers_create), or ranks (search/ranks.h). The process that drives them does no work of its
// own; a worker that dies is replaced by a new one.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct err;
struct workers;

struct workers_params {
    int jobs;                      // workers
    size_t task_size, answer_size; // bytes; small: answers go through a pipe in one piece
    // In a new worker, before its first task; may be NULL.
    void (*begin)(void *context);
    // In a worker; whatever it keeps from task to task stays in that process.
    void (*work)(void *context, const void *task, void *answer);
    // In a worker, after an answer: whether it should make room for a fresh process. May be NULL.
    bool (*spent)(void *context);
    void *context; // lent
};

enum workers_event { WORKERS_NOTHING, WORKERS_ANSWER, WORKERS_DIED };

// What makes them: one of these behind the functions below.
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
// err if no process can be had.
struct workers *workers_create(const struct workers_params *params, struct err *err);
// Kills those that are at work. NULL is fine.
void workers_destroy(struct workers *workers);

bool workers_idle(const struct workers *workers); // whether one waits for a task
int workers_busy(const struct workers *workers);
// To one that waits; another takes the place of one that has died waiting. False and err if none
// can be had.
bool workers_give(struct workers *workers, const void *task, struct err *err);
// Waits for at most timeout_ms. ANSWER: task and answer of one that is done. DIED: the task of one
// that died, in whose place a new one stands, unless none can be had: false and err.
bool workers_wait(struct workers *workers, int timeout_ms, enum workers_event *event, void *task,
                  void *answer, struct err *err);
