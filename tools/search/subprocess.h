// Work in a subprocess, so that the driver of a search never has the threads of a training library,
// and a killed process releases the lock of its folder.
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct run;
struct train_job;

struct subprocess {
    int threads;
    const volatile sig_atomic_t *stop; // set by a signal: save the state and end
    // Called first in the subprocess; may be NULL.
    void (*begin)(void *context);
    void *context;
    void (*progress)(const struct run *run); // in the subprocess; may be NULL
};

// Calls work(context, answer) in a subprocess; `answer`, `size` zeroed bytes, is copied back.
// False: the process could not be started, or it died.
bool subprocess_run(const struct subprocess *how, void (*work)(void *context, void *answer),
                    void *context, size_t size, void *answer, struct err *err);

struct trained {
    bool done;            // false: it was stopped
    double test_accuracy; // on the job's test images, if `test` was set
    struct err warning;   // damaged files in the folder that were skipped, if any
};

// Trains in the folder, resuming from a checkpoint if there is one.
bool subprocess_train(const struct train_job *job, const char *folder, const struct subprocess *how,
                      bool test, struct trained *out, struct err *err);
