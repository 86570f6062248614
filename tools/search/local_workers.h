// Candidates judged by worker processes of this machine: what `struct workers_params` says of them.
#pragma once
#include "tools/search/evaluate.h"
#include "tools/study/workers.h"

struct search;
struct store;

struct worker_state {
    struct evaluator evaluator;
    struct store *store; // that workers let go of; NULL: none is open
};

// The bench lives as long as the workers; the search is lent.
struct workers_params local_workers(struct worker_state *bench, const struct search *search,
                                    int jobs);
