// The values of a net as a flat list, in the net's order: what optimisers and checkpoints walk
// over without knowing layers.
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
    TENSOR_MEAN, // running statistics: from here on, not learned
    TENSOR_VAR,
};

struct tensor {
    enum tensor_kind kind;
    size_t n;
    float *values; // lent from the weights
};

struct tensors {
    size_t n;
    struct tensor *items;
    size_t values; // of all of them
};

// The same net gives the same list for any of its weights.
struct tensors tensors_of(const struct net *net, const struct weights *weights, struct arena *mem);
// All values of `from` to `to`, lists of one net.
void tensors_copy(const struct tensors *to, const struct tensors *from);
// Moves running statistics by `share` towards those of `from`; all else stays.
void tensors_move_statistics(const struct tensors *to, const struct tensors *from, float share);
