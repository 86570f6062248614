// A training run in its folder: runs the trainer's steps and records their results.
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;
struct store;
struct train_job;
struct trainer;

struct run {
    const struct train_job *job;
    const char *folder;
    struct trainer *trainer;
    struct store *store;
    const char *identity;
    uint64_t first; // step at which this process began
    double seconds; // of its steps
    struct arena *mem;
};

struct run_options {
    const char *folder;
    bool resume; // resume a run, or start one if the folder is empty
    int workers;
};

// Creates or opens the folder, locks it, and writes job.yaml as parsed. Refuses a folder that holds
// another run, or an unfinished run if `resume` is not set. `warning`: damaged files that were
// skipped, if any.
bool run_open(const struct train_job *job, const struct run_options *options, struct run **out,
              struct err *warning, struct err *err);
// `note` and `err`: see store_close(). The run may be NULL.
bool run_close(struct run *run, struct err *note, struct err *err);

// Runs until all steps are done or *stop is set; then the state is in the folder's checkpoint.
// `progress` is called after steps; may be NULL.
bool run_train(struct run *run, const volatile sig_atomic_t *stop,
               void (*progress)(const struct run *run), struct err *err);
// Writes weights.safetensors, metrics.csv and seconds.csv.
bool run_export(const struct run *run, struct err *err);
