// Who sends what to whom: the mapped net as nodes (what one tile does for one layer) and channels
// between them, with everything that one token costs. Rows of the producer's map are the tokens, or
// single pixels. Static and pure: sim/events brings it to life, sim/energy/charge counts it.
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
    int layer;            // whose map flows
    int consumer;         // the layer that reads it
    const int *rank;      // rank[y]: how many of the map's first y rows come through here
    int per_row;          // tokens of a row
    int64_t capacity;     // tokens that the consumer can keep; credits
    int hops;             // links; -1: both ends in one tile
    int64_t bits, flits;  // of one token
    int64_t source_words; // read from the sender's tile buffer
    int64_t pe_words;     // written to the receiver's PE buffers, all together
    int64_t tile_words;   // written to the receiver's tile buffer
    int64_t reread_words; // and read from there again when used
    int64_t bus_bits;
    double source_s, link_s, bus_s, port_s; // each part is busy with one token for so long
};

struct dataflow_node {
    int stage, tile, replica;
    int out0, outs;      // output channels it hands on; outs 0: it only helps others
    int n_in, n_out;     // channels, through flow->links
    const int *in, *out; // channel numbers; partial sums and shortcuts stand last in `in`
    int n_early;         // in[0 .. n_early) are needed before it computes, the rest after
    struct window_cost work;
};

struct dataflow_stage {
    int layer; // conv, linear, pool, add or multiply; a concat is no stage: its readers' channels
               // come from where its parts are made
    int add;   // the residual add done in the same tiles, -1: none
    int node0, nodes;
    int replicas;
};

struct dataflow {
    const struct mapping *mapping;
    const struct activity_params *activity; // per layer of the net, lent by who measured it; NULL
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
// The stage whose nodes work for a layer (for an add done in its conv's tiles: the conv's).
int dataflow_stage_of(const struct dataflow *flow, int layer);
// The last layer of a stage: whose map it hands on.
int dataflow_out_layer(const struct dataflow_stage *stage);
