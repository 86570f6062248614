// Stage A: a training run in a process of its own, so that the one that drives never has the
// threads of a training library.
#pragma once
#include <signal.h>
#include <stdbool.h>

struct err;
struct run;
struct train_job;

struct stage_a {
    int threads;
    const volatile sig_atomic_t *stop; // set by a signal: write the state down, and end
    // In the process that leaves the driver, before anything else.
    void (*begin)(void *context);
    void *context;
    void (*progress)(const struct run *run); // in the process that trains; NULL: never
};

// Trains into the folder, or goes on with what is there; *done is false if it was stopped.
// `warning`: what was damaged there and is passed over, if anything.
bool stage_a_run(const struct train_job *job, const char *folder, const struct stage_a *how,
                 bool *done, struct err *warning, struct err *err);
