// Queue of a round's candidates. Each is assigned to a worker once, and again if the worker died or
// the evaluator command failed. Neither event is ever stored as a result.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct search;
struct search_answer;
struct search_task;

// n episodes, counting up from `first`, or down for references (episodes below 0).
struct batch {
    int64_t first, n, next;
    struct search_task *again; // (workers) tasks of dead workers
    size_t n_again;
    struct search_task *later; // tasks on which the evaluator command failed: after all others
    size_t n_later, later_size;
    int unjudged; // such failures in a row; set it to 0 at every result
};

void batch_init(struct batch *batch, int64_t first, int64_t n, int workers);
void batch_fini(struct batch *batch);
// The next task; false: all are assigned or done.
bool batch_next(struct batch *batch, struct search *search, struct search_task *task);
// A worker died while it ran the task: queues the task again, once. False, with err, after a second
// death.
bool batch_retry(struct batch *batch, struct search_task *task, struct err *err);
// The evaluator command failed on the task (details in the answer): queues the task again, after
// the others. False, with err, on the third such failure without a result in between.
bool batch_put_off(struct batch *batch, struct search_task *task,
                   const struct search_answer *answer, struct err *err);
