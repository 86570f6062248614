// The state of a training run between two steps, in a file: a run resumed from it gives the same
// bytes as an uninterrupted one.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nets/train/optimise.h"
#include "nets/train/tensors.h"

struct err;

enum { CHECKPOINT_VERSION = 2 };

struct epoch_row {
    double loss;              // mean over the epoch's images
    double train_accuracy;    // over the forward passes of its steps, with augmentation
    double held_out_accuracy; // after it; -1: none held out
    double rate;              // of its first step
    double seconds;           // the only member that differs between two runs of a job
    double smallest_accuracy; // of a super-net's smallest sub-net on held-out images; -1: none
};

struct train_state {
    uint64_t step; // number of finished steps
    // Of the current epoch.
    uint64_t right, seen;
    double loss, seconds; // sums
    size_t n_rows;        // epochs done
    struct epoch_row *rows;
    size_t rows_capacity;
    struct tensors params;
    struct tensors best; // n is 0 if the best are not kept
    double best_accuracy;
    struct optimiser_state optimiser;
    size_t n_ranges; // the layers' largest values so far (graph.h)
    double *ranges;
};

// Writes FOLDER/checkpoint; the previous one becomes FOLDER/checkpoint.old. One of the two is
// always complete, even after a kill or on a full disk. `identity`: lines "KEY VALUE" of everything
// the run depends on.
bool checkpoint_write(const char *folder, const char *identity, const struct train_state *state,
                      struct err *err);

enum checkpoint_found {
    CHECKPOINT_NONE,    // no such file; state is unchanged
    CHECKPOINT_READ,    // state is that of the file
    CHECKPOINT_DAMAGED, // err says how; state is invalid
    CHECKPOINT_REFUSED, // of another job, net or version; err says what differs
};

// One file. `state` has the sizes of its net and optimiser.
enum checkpoint_found checkpoint_read(const char *path, const char *identity,
                                      struct train_state *state, struct err *err);
// The newest complete one of the folder. `warning` says what is wrong with a newer one that was
// skipped, else it stays empty.
enum checkpoint_found checkpoint_find(const char *folder, const char *identity,
                                      struct train_state *state, struct err *warning,
                                      struct err *err);
