// A training run in its folder: the trainer's steps, and what is written down of them.
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
    bool resume; // go on with what the folder has; begin if it has nothing
    int workers;
};

// Makes the folder, or finds it, locks it, and writes job.yaml as it was understood. Refuses one
// that holds another run, or one to go on with that nobody asked to go on with. `warning`: what was
// damaged and is passed over, if anything.
bool run_open(const struct train_job *job, const struct run_options *options, struct run **out,
              struct err *warning, struct err *err);
// `note` and `err`: as of store_close(). A run of NULL is fine.
bool run_close(struct run *run, struct err *note, struct err *err);

// Until all steps are done or *stop is set; then the state is in the folder's checkpoint.
// `progress` is called after steps, NULL: never.
bool run_train(struct run *run, const volatile sig_atomic_t *stop,
               void (*progress)(const struct run *run), struct err *err);
// Writes weights.safetensors and metrics.csv, seconds.csv.
bool run_export(const struct run *run, struct err *err);
