// Main loop of a sweep: sends tasks (point, trial) to workers and writes their results to the
// store, until every point has its trials or the stopping rule has ended it.
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/crossbar/fault.h"
#include "tools/sweep/stats.h"

struct err;
struct plan;
struct store;

struct sweep_loop_trial {
    bool done;
    uint32_t right;
    struct fault_counts faults;
};

struct sweep_loop_point {
    struct sweep_loop_trial *trials; // job->trials
    size_t n;                        // trials that count; 0: not decided yet
    struct stats_sum checked;        // over the trials that the rule has read
    size_t first_free;               // the first that is neither done nor assigned
};

struct sweep_loop {
    const struct plan *plan; // borrowed, as is the store
    struct store *store;
    struct sweep_loop_point *points;
    size_t done, all; // trials: finished, and total if no rule ends a point
};

struct sweep_loop_params {
    int jobs;
    const volatile sig_atomic_t *stop; // set by a signal: finish trials in progress, skip the rest
    // Every half second; may be NULL.
    void (*progress)(void *context, size_t done, size_t all, double seconds, size_t done_here);
    void *context;
};

// Writes the job to the store, or reads it and the finished trials from there.
struct sweep_loop *sweep_loop_create(const struct plan *plan, struct store *store, struct err *err);
void sweep_loop_destroy(struct sweep_loop *drive); // NULL is fine
// True when all points are decided, or *stop was set; sweep_loop_done() says which.
bool sweep_loop_run(struct sweep_loop *drive, const struct sweep_loop_params *params,
                    struct err *err);
bool sweep_loop_done(const struct sweep_loop *drive);
