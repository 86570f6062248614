// The dataflow graph of a mapped net: nodes (the work of one tile for one layer) and channels
// between them, with all costs of one token. Tokens are rows of the producer's map, or single
// pixels. Immutable; sim/events simulates it, sim/energy/charge computes its energy.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/dataflow/window_cost.h"

struct activity_params;
struct arena;
struct mapping;

enum tokens { TOKENS_ROWS, TOKENS_WINDOWS };
extern const char *const token_names[]; // "rows", "windows", NULL

enum channel_kind { CHANNEL_INPUT, CHANNEL_SHORTCUT, CHANNEL_PSUM, CHANNEL_RESULT };

enum { NODE_OFFCHIP = -1 };

struct dataflow_channel {
    enum channel_kind kind;
    int from, to;         // nodes, or NODE_OFFCHIP
    int layer;            // the layer whose map is transferred
    int consumer;         // the layer that reads it
    const int *rank;      // rank[y]: how many of the map's first y rows use this channel
    int per_row;          // tokens per row
    int64_t capacity;     // tokens that the consumer can buffer; credits
    int hops;             // links; -1: both ends in one tile
    int64_t bits, flits;  // of one token
    int64_t source_words; // read from the sender's tile buffer
    int64_t pe_words;     // written to the receiver's PE buffers, in total
    int64_t tile_words;   // written to the receiver's tile buffer
    int64_t reread_words; // read from there again when used
    int64_t bus_bits;
    double source_s, link_s, bus_s, port_s; // time per token that each resource is busy
};

struct dataflow_node {
    int stage, tile, replica;
    int out0, outs;      // output channels that it sends; outs 0: it sends only partial sums
    int n_in, n_out;     // channels, through flow->links
    const int *in, *out; // channel numbers; partial sums and shortcuts are last in `in`
    int n_early;         // in[0 .. n_early) are needed before its computation, the rest after
    struct window_cost work;
};

struct dataflow_stage {
    int layer; // conv, linear, pool, add or multiply. A concat is not a stage: its readers'
               // channels start at the producers of its parts
    int add;   // the residual add fused into the same tiles, -1: none
    int node0, nodes;
    int replicas;
};

struct dataflow {
    const struct mapping *mapping;
    const struct activity_params *activity; // measured, per layer of the net, not owned; or NULL
    enum tokens tokens;
    int n_stages, n_nodes, n_channels;
    struct dataflow_stage *stages;
    struct dataflow_node *nodes;
    struct dataflow_channel *channels;
    const int *from_offchip; // channels of the image
    int n_from_offchip;
    int64_t image_bits, result_bits; // over the off-chip link, per image
    struct arena *mem;
};

struct dataflow *dataflow_create(const struct mapping *mapping, enum tokens tokens);
void dataflow_destroy(struct dataflow *flow); // NULL is fine
// The stage whose nodes compute a layer (for an add fused into its conv's tiles: the conv's stage).
int dataflow_stage_of(const struct dataflow *flow, int layer);
// The last layer of a stage, whose map it sends.
int dataflow_out_layer(const struct dataflow_stage *stage);
