// The values of a net as a flat list, in the net's order, for code that needs no layers, such as
// optimisers and checkpoints.
#pragma once
#include <stddef.h>

struct arena;
struct net;
struct weights;

enum tensor_kind {
    TENSOR_WEIGHT,
    TENSOR_BIAS,
    TENSOR_GAMMA,
    TENSOR_BETA,
    TENSOR_MEAN, // from here on running statistics, not learned
    TENSOR_VAR,
};

struct tensor {
    enum tensor_kind kind;
    size_t n;
    float *values; // borrowed from the weights
};

struct tensors {
    size_t n;
    struct tensor *items;
    size_t values; // total
};

// All weights of one net give lists of the same layout.
struct tensors tensors_of(const struct net *net, const struct weights *weights, struct arena *mem);
// Copies all values of `from` to `to`, lists of one net.
void tensors_copy(const struct tensors *to, const struct tensors *from);
// Moves running statistics by `share` towards those of `from`; other values are unchanged.
void tensors_move_statistics(const struct tensors *to, const struct tensors *from, float share);
