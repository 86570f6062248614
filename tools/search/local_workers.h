// Evaluation by worker processes of this machine: fills in `struct workers_params`.
#pragma once
#include "tools/search/evaluate.h"
#include "tools/study/workers.h"

struct search;
struct store;

struct worker_state {
    struct evaluator evaluator;
    struct store *store; // closed in the workers; NULL: none is open
};

// The struct must outlive the workers; the search is borrowed.
struct workers_params local_workers(struct worker_state *bench, const struct search *search,
                                    int jobs);
