// Candidates judged on the ranks of an MPI job, which rank 0 drives: both ends of the lines that
// relay.h holds. MPI itself is not seen here.
#pragma once

struct err;
struct line;
struct search;
struct workers;
struct workers_params;

// At the driver's end: one worker on each rank but this one. `line` is lent for their life; of the
// params only sizes count. A rank that has lost its worker for good is given nothing any more; with
// the last of them the search cannot go on.
struct workers *mpi_workers_start(void *line, const struct search *search,
                                  const struct workers_params *params, struct err *err);

// At the other end, until the driver has no more tasks. `open` makes the search as the driver has
// it, ready to judge, when there is something to do; NULL, with err, ends the driver's search. A
// process below this one judges: if it dies, a new one takes its place.
void ranks_serve(const struct line *line, struct search *(*open)(void *context, struct err *err),
                 void *context);
