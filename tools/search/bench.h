// Candidates judged by worker processes of this machine: what `struct workers_params` says of them.
#pragma once
#include "tools/search/evaluate.h"
#include "tools/study/workers.h"

struct search;
struct store;

struct bench {
    struct evaluator evaluator;
    struct store *store; // that workers let go of; NULL: none is open
};

// The bench lives as long as the workers; the search is lent.
struct workers_params bench_workers(struct bench *bench, const struct search *search, int jobs);
