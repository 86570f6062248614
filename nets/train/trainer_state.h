// Shared by the files trainer*.c.
#pragma once
#include <stdint.h>

#include "nets/train/measure.h"
#include "nets/train/slim_draw.h"
#include "nets/train/trainer.h"

struct graph;
struct graph_batch;
struct subnets;

struct trainer {
    struct trainer_params params;
    const struct recipe *recipe;
    struct graph *graph, *teacher; // teacher: NULL without one
    struct weights *weights, *grads, *best;
    struct measured measured; // weights and grads
    struct train_state state;
    uint64_t steps, epoch_steps;
    size_t n_held_out, n_train;
    uint32_t *held_out, *train; // indices of images
    uint32_t *order;            // those of `train`, of the epoch...
    int64_t order_epoch;        // ...with this number; -1: none yet
    uint8_t *images;            // a batch, augmented
    const uint8_t **pointers;
    uint8_t *labels;
    float *targets, *logits, *teacher_logits;
    // Of a super-net.
    struct subnets *subnets; // NULL: not a super-net
    struct slim_space space;
    int *widths;    // (sub_nets, space.n), of the step
    int *candidate; // (space.n)
    bool has_candidate;
    struct arena *mem;
};

// Parameters for batches of images of a data set.
struct measure trainer_measure(const struct trainer *trainer, const struct dataset *data);

// --- trainer_slim.c ---
bool trainer_make_subnets(struct trainer *trainer, struct err *err);
// Sums the gradients of all sub-nets of the step and updates ranges; *loss and logits are those of
// the first sub-net.
bool trainer_learn_all(struct trainer *trainer, struct graph_batch *batch, double *loss,
                       struct err *err);
// Accuracy of the smallest sub-net on the held-out images.
bool trainer_smallest(struct trainer *trainer, double *accuracy, struct err *err);
