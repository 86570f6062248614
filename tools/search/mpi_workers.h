// Evaluation on the ranks of an MPI job, driven by rank 0: both ends of the connections of
// mpi_bridge.h. Does not use MPI directly.
#pragma once

struct err;
struct line;
struct search;
struct workers;
struct workers_params;

// Driver side: one worker on each rank except this one. `line` is borrowed for their lifetime; only
// the sizes in params are used. A rank that has lost its worker for good receives no more tasks;
// when the last one is lost, the search cannot continue.
struct workers *mpi_workers_start(void *line, const struct search *search,
                                  const struct workers_params *params, struct err *err);

// Worker side; runs until the driver has no more tasks. `open` creates the driver's search, ready
// to evaluate, when the first task arrives; if it returns NULL, with err, the driver's search ends.
// A child process evaluates; if it dies, a new one replaces it.
void ranks_serve(const struct line *line, struct search *(*open)(void *context, struct err *err),
                 void *context);
