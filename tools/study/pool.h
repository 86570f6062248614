// Worker processes: forked before any library starts threads, each computes its share and sends it
// back through a pipe.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct err;

// Calls work(context, j, jobs, result) for j in 0..jobs-1, each in its own process (in this one if
// jobs is 1); `result` is `size` zeroed bytes, copied back to results + j * size. False, with err,
// if a worker dies.
bool pool_run(int jobs, size_t size, void (*work)(void *context, int j, int jobs, void *result),
              void *context, void *results, struct err *err);

// Transfers all n bytes through a pipe, blocking; false if the other end is closed.
bool pool_send(int fd, const void *data, size_t n);
bool pool_receive(int fd, void *data, size_t n);
