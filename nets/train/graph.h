// Forward and backward pass of a batch, split into fixed shards over threads, so that the result is
// the same for any number of threads. Parameters and gradients are both struct weights.
//
// Forms: binary as DoReFa (weights sign(w) * mean|w| of the layer, sign(0) = +1 as nets/forward has
// it; activations 1 where x > 0.5, gradient passed where 0 <= x <= 1, or +1 where x >= 0, else -1,
// gradient passed where -1 <= x <= 1; that of weights passed
// everywhere, the scale taken as constant); int8 and int16 as nets/integer has them: symmetric
// steps of weights, of a size per output channel, and steps of activations from 0 to a running
// range, gradients straight through inside it; float.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nets/backend/backend.h"

struct err;
struct net;
struct perturb;
struct weights;

struct graph_options {
    const struct backend *backend;
    enum operand operand;
    int batch;                     // maximum number of images
    int shard;                     // images per matrix product; affects the result, unlike workers
    int workers;                   // threads, the caller's included
    const struct perturb *perturb; // NULL: none; borrowed
    bool scaled_gradient; // binary: the gradient of w is that of sign(w); else of the scaled sign
};

struct graph_batch {
    int n;                        // images, at most options.batch
    const uint8_t *const *images; // raw, (channels, height, width) each
    const float *targets;         // (n, classes): probabilities; may be NULL
};

struct graph;

// Fails, with the layer in err, if a layer cannot be trained. The net is borrowed.
bool graph_create(const struct net *net, const struct graph_options *options, struct graph **out,
                  struct err *err);
void graph_destroy(struct graph *graph); // NULL is fine

// Forward with the batch's own statistics, backward from the mean cross-entropy with the targets.
// Overwrites grads: w, bias, gamma, beta hold gradients, mean and var the batch's statistics (var
// unbiased, as PyTorch's running one). Returns the loss; logits (n, classes), may be NULL.
double graph_train(struct graph *graph, const struct weights *params, uint64_t step,
                   const struct graph_batch *batch, struct weights *grads, float *logits);
// Forward pass only: with running statistics; or, if stats is given, with the batch's own, which
// are written there.
void graph_forward(struct graph *graph, const struct weights *params, uint64_t step,
                   const struct graph_batch *batch, struct weights *stats, float *logits);
// Forms int8 and int16: per layer the largest value so far, which its quantisation steps span; 0:
// none yet, values are not quantised. Training steps, and forward passes with stats, increase them.
void graph_ranges(const struct graph *graph, double *ranges);
void graph_set_ranges(struct graph *graph, const double *ranges);
size_t graph_bytes(const struct graph *graph); // its memory
