// One optimiser step.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf/conf.h"

struct arena;
struct tensors;

enum optimiser_kind { OPTIMISER_SGD, OPTIMISER_ADAM, OPTIMISER_ADAMW };
extern const char *const optimiser_names[]; // NULL-terminated

struct optimiser {
    int kind;    // of optimiser_names
    double rate; // base learning rate; the schedule multiplies it
    double momentum;
    bool nesterov;
    double weight_decay; // on every parameter
    double beta1, beta2, epsilon;
};

extern const struct conf_field optimiser_fields[];

// Pulls the magnitude of conv and linear weights to w0: strength * (|w| - w0)^2 added to the loss
// (HAWIS, Eq. 4).
struct two_side {
    double w0, strength;
};

extern const struct conf_field two_side_fields[];

// Optimiser state: all zero before the first step.
struct optimiser_state {
    size_t n;
    float *first, *second; // momentum; mean and uncentred variance of Adam. (n) each; NULL: unused
};

struct optimiser_state optimiser_state(const struct optimiser *optimiser,
                                       const struct tensors *params, struct arena *mem);
// Adds the gradient of the two-side term to that of the weights. sign(0) is +1, as in the net.
void two_side_add(const struct two_side *two_side, const struct tensors *params,
                  const struct tensors *grads);
// Scales all gradients so that their Euclidean norm is at most `most`; returns the norm before.
double clip_gradients(const struct tensors *grads, double most);
// The formulas of PyTorch's SGD, Adam and AdamW: step counts from 0, rate is that of this step.
// Running statistics are not changed.
void optimiser_step(const struct optimiser *optimiser, double rate, uint64_t step,
                    const struct tensors *params, const struct tensors *grads,
                    struct optimiser_state *state);
