// A step of training written out: plain loops over (image, channel, y, x) in double, one formula
// after the other. What nets/train is held against.
#pragma once
#include <stdint.h>

struct net;
struct weights;

struct plain_step {
    const struct net *net;
    const struct weights *params;
    int n;
    const uint8_t *const *images;
    const float *targets; // NULL: forward alone
    int running;          // statistics are those of params
    const double *ranges; // per layer, of the forms int8 and int16; NULL in others
};

// Returns the mean loss. grads (as graph_train fills them) and logits (n, classes) may be NULL.
double plain_run(const struct plain_step *step, struct weights *grads, double *logits);
