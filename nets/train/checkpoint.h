// The state of a training run between two steps, in a file: with it the run goes on to the same
// bytes as one that was never stopped.
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
    double train_accuracy;    // of the forward passes of its steps, augmentation included
    double held_out_accuracy; // after it; -1: none held out
    double rate;              // of its first step
    double seconds;           // the only one that differs between two runs of one job
    double smallest_accuracy; // a super-net's smallest on held-out images; -1: none
};

struct train_state {
    uint64_t step; // done, in all
    // Of the epoch that is under way.
    uint64_t right, seen;
    double loss, seconds; // sums
    size_t n_rows;        // epochs done
    struct epoch_row *rows;
    size_t rows_capacity;
    struct tensors params;
    struct tensors best; // n is 0 where the best are not kept
    double best_accuracy;
    struct optimiser_state optimiser;
    size_t n_ranges; // the layers' largest values so far (graph.h)
    double *ranges;
};

// Writes FOLDER/checkpoint; the one that was there becomes FOLDER/checkpoint.old. Whenever it is
// stopped, and also when the disk is full, one of the two is whole. `identity`: lines "KEY VALUE"
// of all that the run depends on.
bool checkpoint_write(const char *folder, const char *identity, const struct train_state *state,
                      struct err *err);

enum checkpoint_found {
    CHECKPOINT_NONE,    // there is no such file; state is as it was
    CHECKPOINT_READ,    // state is that of the file
    CHECKPOINT_DAMAGED, // err says how; state is no more to be used
    CHECKPOINT_REFUSED, // of another job, net or version; err says what differs
};

// One file. `state` has the sizes of its net and optimiser.
enum checkpoint_found checkpoint_read(const char *path, const char *identity,
                                      struct train_state *state, struct err *err);
// The newest whole one of the folder. `warning` says what is wrong with a newer one that had to be
// passed over, else it stays empty.
enum checkpoint_found checkpoint_find(const char *folder, const char *identity,
                                      struct train_state *state, struct err *warning,
                                      struct err *err);
