// Shared by the files graph*.c: the net as nodes, their maps, and the private memory of a worker. A
// step is one run of the team: every worker processes all nodes for its own shards, with barriers
// where sums over the batch must be complete. Sums are kept per shard, and every worker adds them
// up in the order of shards.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nets/backend/backend.h"
#include "nets/net.h"
#include "nets/train/elements.h"
#include "nets/train/graph.h"

struct arena;
struct layer_weights;
struct team;
struct weights;

// In the backward pass a gradient goes to one of two maps of the layer that was read.
struct edge {
    bool plain; // the value read is before the activation
    bool first; // first gradient to arrive: overwrites
};

// Row group of a product's weights that is read out separately, and its input channels.
struct cut {
    int first, end;
    int chan0, channels;
};

struct node {
    const struct layer *layer;
    int owner;   // the layer whose struct layer_weights hold its batch-norm or bias
    int product; // the layer whose product starts its sums; -1: none
    bool merged; // its product accumulates into the sums of the following add
    bool biased;
    bool product_reads, stream_reads; // consumers: products; adds, pools and the loss
    bool makes;         // a product, and the first one to run that reads its input: packs it
    bool made;          // some product packs it
    struct edge *edges; // one per input
    int c, width;       // channels; row width, a multiple of c
    size_t rows, map;   // of one image: rows, elements

    float *sum;               // (batch, h, w, c), before batch-norm; NULL: merged, or the input
    void *operands;           // (batch, h, w, c), read by products; NULL: no product does
    float *masked, *plain;    // gradients, see struct edge; NULL: none
    double *moments, *passed; // (shards, 2, width): forward, backward
    double *most;             // (shards), the largest value; NULL: not quantised

    // Of products: effective weights, and the scale (width each) of the weights and of the sums.
    float *effect, *unit, *unit_sum;
    float *natural;   // in struct weights' order if the backend's differs; else NULL
    int side;         // which of the two maps of partial gradients
    int pieces;       // read-outs, each a product of its own; 0: one product
    struct cut *cuts; // of each

    int bits;     // of its values in the forms int8 and int16; 0: not quantised
    int range_of; // the node whose range it uses
    double range; // 0: not known yet, values are not quantised
};

// A product of one cut.
struct piece {
    struct conv *conv;
    const struct backend *backend;
};

struct worker {
    struct conv **convs;      // per layer, planned; NULL: no product
    float **scale, **shift;   // per node, (width): v = scale * sum + shift
    double **mean, **inverse; // per node, (c): of the batch, inverse deviation; NULL: no batch-norm
    float *factors[3];        // (widest): of a pass
    double *totals;           // (2, widest)
    float *map, *map2;        // one shard of the largest map
    void *gradient;           // the same, as operands
    float *row;               // (widest): of a window, the largest elements,
    int *best;                // and their positions
    struct piece **pieces;    // per layer: its pieces; NULL: none
    float **slice;            // per layer: the weights of one piece, other rows zero,
    void **taken;             // and its input channels of one shard
    int pending;              // the product whose gradients are still to be added up; -1: none
};

struct graph {
    const struct net *net;
    struct graph_options options;
    const struct elements *elements;
    struct team *team;
    struct arena *mem;
    size_t bytes;
    int shards; // of a whole batch
    struct node *nodes;
    struct worker *workers;
    const struct backend **backends; // per layer: the backend of its product
    float *parts[2];                 // (shards, weights): gradients of the products of each side
    float *zeros, *ones;             // (widest)
    void *tables;                    // of the encoder, (raw_c, 256, planes), as operands
    float *values;                   // the same as floats, if not only products read the input
    double *losses;                  // (shards)

    // Of the current step.
    const struct weights *params;
    struct weights *grads, *stats;
    const struct graph_batch *batch;
    float *logits;
    uint64_t step;
    int step_shards;
    bool own; // use the batch's own statistics
};

// --- Division of work ---
bool graph_mine(const struct graph *g, int worker, int shard);
int graph_images(const struct graph *g, int shard); // of the shard, in this batch
float *graph_at(const struct graph *g, int node, float *map, int shard);
void *graph_operands_at(const struct graph *g, int node, int shard);
// Zero-fills an incomplete shard after its images; zeros add nothing to products.
void graph_clear_rest(const struct graph *g, int node, int shard, void *operands);

// --- graph_plan.c ---
bool graph_plan(struct graph *g, struct err *err);
void *graph_alloc(struct graph *g, size_t n, size_t size);

struct conv_shape graph_shape(const struct graph *g, int layer);

// --- graph_input.c ---
void graph_plan_input(struct graph *g);
void graph_encode(const struct graph *g, int shard);
void graph_encode_values(const struct graph *g, int shard);

// --- graph_weights.c ---
// Computes the effective weights of layer i, and the scale of its sums.
void graph_set_effect(struct graph *g, int layer);
// Adds up partial gradients of layer i; each worker adds a range.
void graph_add_parts(struct graph *g, int worker, int layer);
double graph_step_of(const struct graph *g, int node); // scale of its operands

// --- graph_pieces.c ---
bool graph_plan_pieces(struct graph *g, int layer, struct err *err);
void graph_destroy_pieces(struct graph *g, int worker, int layer);
void graph_set_pieces(struct graph *g, int worker, int layer);
// A shard's sums of a product, after the perturbation.
void graph_multiply(struct graph *g, int worker, int layer, int shard, float *sums);

// --- graph_norm.c ---
void graph_set_norm(struct graph *g, int worker, int node);
void graph_set_pass(struct graph *g, int worker, int node);
struct reading graph_reading(const struct graph *g, int worker, int node, bool product);
struct passing graph_passing(const struct graph *g, int worker, int node, int shard);

// --- graph_stream.c ---
// Computes a node's sums from the map, or shortcut, that it reads; and propagates a shard's
// gradients to it.
void graph_pool(struct graph *g, int worker, int node, int shard);
void graph_pool_back(struct graph *g, int worker, int node, int shard, const float *gradient);
void graph_add_shortcut(struct graph *g, int worker, int node, int shard, const float *scale,
                        const float *shift);
// Propagates the gradient of an add's sum to one of its two inputs; nothing is to be done if it was
// written there directly, to the place that graph_direct returns (NULL: none).
float *graph_direct(const struct graph *g, int node, int edge, int shard);
void graph_give(struct graph *g, int node, int edge, int shard, const float *gradient);

// --- graph_join.c ---
// Computes a node's values from those that it joins or multiplies; and propagates a shard's
// gradients to them.
void graph_concat(struct graph *g, int worker, int node, int shard);
void graph_concat_back(struct graph *g, int node, int shard, const float *gradient);
void graph_multiply_maps(struct graph *g, int worker, int node, int shard);
void graph_multiply_back(struct graph *g, int worker, int node, int shard, const float *gradient);

// --- graph_forward.c, graph_backward.c ---
void graph_run_forward(struct graph *g, int worker);
void graph_run_backward(struct graph *g, int worker);
