// Candidates of a round that wait for a worker: each is given out once, and again when its worker
// died or the command that judges failed. Neither is ever a result.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct search;
struct search_answer;
struct search_task;

// n episodes from `first` on, upwards or (references, below 0) downwards.
struct batch {
    int64_t first, n, next;
    struct search_task *again; // (workers) what dead workers left
    size_t n_again;
    struct search_task *later; // what the command that judges failed over: after the others
    size_t n_later, later_size;
    int unjudged; // such failures in a row; set it to 0 at every result
};

void batch_init(struct batch *batch, int64_t first, int64_t n, int workers);
void batch_fini(struct batch *batch);
// The next task; false: all are given out or done.
bool batch_next(struct batch *batch, struct search *search, struct search_task *task);
// A worker died over the task: it is given out again, once; after a second death false, and err.
bool batch_retry(struct batch *batch, struct search_task *task, struct err *err);
// The command that judges failed over the task, as the answer says: it is given out again after the
// others. False, with err, when that happened for the third time without a result in between.
bool batch_put_off(struct batch *batch, struct search_task *task,
                   const struct search_answer *answer, struct err *err);
