// What the files graph*.c share: the net as nodes, their maps, and what a worker keeps for itself.
// A step is one run of the team: every worker goes through all nodes with its own shards and meets
// the others where a batch's sums must be complete. Sums stand per shard and are added up by
// everyone alike, in the order of shards.
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

// On the way back a gradient goes to one of two maps of the layer that was read.
struct edge {
    bool plain; // what was read stands before the activation
    bool first; // nothing is there yet: it is overwritten
};

// Rows of a product's weights that are read out alone, and the input channels that they touch.
struct cut {
    int first, end;
    int chan0, channels;
};

struct node {
    const struct layer *layer;
    int owner;   // the layer whose struct layer_weights hold its batch-norm or bias
    int product; // the layer whose product its sums begin with; -1: none
    bool merged; // its product goes into the sums of the add behind it
    bool biased;
    bool product_reads, stream_reads; // who reads it: products; adds, pools and the loss
    bool makes;                       // a product, the first one to run that reads its input
    bool made;                        // there is one
    struct edge *edges;               // one for each of the inputs
    int c, width;                     // channels; of a row, a multiple of them
    size_t rows, map;                 // of one image: rows, elements

    float *sum;               // (batch, h, w, c), before batch-norm; NULL: merged, or the input
    void *operands;           // (batch, h, w, c), what products read; NULL: none does
    float *masked, *plain;    // gradients, see struct edge; NULL: none comes
    double *moments, *passed; // (shards, 2, width): forward, backward
    double *most;             // (shards), the largest value; NULL: not quantised

    // Of products: weights in effect, and what 1 is worth (width each) of them and of their sums.
    float *effect, *unit, *unit_sum;
    float *natural;   // in struct weights' order, where the backend takes another; else NULL
    int side;         // of the two maps of partial gradients
    int pieces;       // read-outs, with products of their own; 0: one product
    struct cut *cuts; // of each

    int bits;     // of its values in the forms int8 and int16; 0: not quantised
    int range_of; // the node whose range it has
    double range; // 0: not known yet, values pass as they are
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
    void *gradient;           // the same as operands
    float *row;               // (widest): of a window, the largest elements,
    int *best;                // and where they stand
    struct piece **pieces;    // per layer: its pieces; NULL: none
    float **slice;            // per layer: the weights of one piece, zeros around its rows,
    void **taken;             // and its input channels of one shard
    int pending;              // the product whose gradients wait to be added up; -1: none
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
    const struct backend **backends; // per layer: who computes its product
    float *parts[2];                 // (shards, weights): gradients of the products of each side
    float *zeros, *ones;             // (widest)
    void *tables;                    // of the encoder, (raw_c, 256, planes), as operands
    float *values;                   // the same as floats, where not only products read the input
    double *losses;                  // (shards)

    // Of the step at hand.
    const struct weights *params;
    struct weights *grads, *stats;
    const struct graph_batch *batch;
    float *logits;
    uint64_t step;
    int step_shards;
    bool own; // the batch's own statistics
};

// --- Who does what ---
bool graph_mine(const struct graph *g, int worker, int shard);
int graph_images(const struct graph *g, int shard); // of the shard, in this batch
float *graph_at(const struct graph *g, int node, float *map, int shard);
void *graph_operands_at(const struct graph *g, int node, int shard);
// What a shard that is not full has behind its images: zeros, which add nothing to products.
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
// Of layer i, into effect; what its sums are worth.
void graph_set_effect(struct graph *g, int layer);
// Partial gradients of layer i, added up by all workers, a range each.
void graph_add_parts(struct graph *g, int worker, int layer);
double graph_step_of(const struct graph *g, int node); // what 1 of its operands is worth

// --- graph_pieces.c ---
bool graph_plan_pieces(struct graph *g, int layer, struct err *err);
void graph_destroy_pieces(struct graph *g, int worker, int layer);
void graph_set_pieces(struct graph *g, int worker, int layer);
// A shard's sums of a product, as the perturbation leaves them.
void graph_multiply(struct graph *g, int worker, int layer, int shard, float *sums);

// --- graph_norm.c ---
void graph_set_norm(struct graph *g, int worker, int node);
void graph_set_pass(struct graph *g, int worker, int node);
struct reading graph_reading(const struct graph *g, int worker, int node, bool product);
struct passing graph_passing(const struct graph *g, int worker, int node, int shard);

// --- graph_stream.c ---
// Node's sums from the map, or shortcut, that it reads; and gradients (a shard's) to there.
void graph_pool(struct graph *g, int worker, int node, int shard);
void graph_pool_back(struct graph *g, int worker, int node, int shard, const float *gradient);
void graph_add_shortcut(struct graph *g, int worker, int node, int shard, const float *scale,
                        const float *shift);
// The gradient of an add's sum, to one of the two that it adds; nothing is left to do where it
// stands there already, as graph_direct says where it may (NULL: nowhere).
float *graph_direct(const struct graph *g, int node, int edge, int shard);
void graph_give(struct graph *g, int node, int edge, int shard, const float *gradient);

// --- graph_join.c ---
// Node's values from those that it joins or multiplies; and gradients (a shard's) to there.
void graph_concat(struct graph *g, int worker, int node, int shard);
void graph_concat_back(struct graph *g, int node, int shard, const float *gradient);
void graph_multiply_maps(struct graph *g, int worker, int node, int shard);
void graph_multiply_back(struct graph *g, int worker, int node, int shard, const float *gradient);

// --- graph_forward.c, graph_backward.c ---
void graph_run_forward(struct graph *g, int worker);
void graph_run_backward(struct graph *g, int worker);
