// Sub-nets of a super-net that are set up to run: a net, its graph and room for its values each.
// Setting one up costs as much as some steps, so those that were used last are kept.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nets/train/graph.h"
#include "nets/train/measure.h"

struct arena;
struct err;
struct net;

// The super-net's net at other widths, one per scalable layer. The caller owns what it makes.
struct resize {
    bool (*net)(const void *context, const int *widths, struct net **out, struct err *err);
    const void *context;
};

struct subnets_params {
    const struct net *wide;
    struct graph *graph; // of the wide net
    struct graph_options options;
    struct resize resize;
    size_t keep; // how many at most
};

struct subnet {
    const struct net *net;
    struct graph *graph;
    struct measured values; // weights to be gathered; stats: gradients, or a batch's statistics
    double *ranges;         // (net->n), see graph_ranges
    // The owner's.
    struct net *made; // NULL: the wide net itself
    int *widths;
    uint64_t used;
    struct arena *mem;
};

struct subnets;

struct subnets *subnets_create(const struct subnets_params *params);
void subnets_destroy(struct subnets *subnets); // NULL is fine
// It stays until `keep` others have been asked for.
bool subnets_get(struct subnets *subnets, const int *widths, struct subnet **out, struct err *err);
size_t subnets_bytes(const struct subnets *subnets); // memory that they hold now
