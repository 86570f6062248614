// Work in a process of its own, so that the one that drives a search never has the threads of a
// training library, and what is killed with it lets go of its folder.
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct run;
struct train_job;

struct subprocess {
    int threads;
    const volatile sig_atomic_t *stop; // set by a signal: write the state down, and end
    // In the process that leaves the driver, before anything else; NULL: nothing.
    void (*begin)(void *context);
    void *context;
    void (*progress)(const struct run *run); // in the process that trains; NULL: never
};

// Calls work(context, answer) there; `answer` is `size` zeroed bytes, which come back. False when
// there was no such process, or it died.
bool subprocess_run(const struct subprocess *how, void (*work)(void *context, void *answer),
                    void *context, size_t size, void *answer, struct err *err);

struct trained {
    bool done;            // false: it was stopped
    double test_accuracy; // share of the job's test images, where it was asked for
    struct err warning;   // what was damaged in the folder and is passed over, if anything
};

// Trains into the folder, or goes on with what is there.
bool subprocess_train(const struct train_job *job, const char *folder, const struct subprocess *how,
                      bool test, struct trained *out, struct err *err);
