// Cache of sub-nets of a super-net that are ready to run, each a net, its graph and its values.
// Creating one costs as much as several steps, so the most recently used are kept.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nets/train/graph.h"
#include "nets/train/measure.h"

struct arena;
struct err;
struct net;

// Creates the super-net's net at other widths, one per scalable layer. The caller owns the result.
struct resize {
    bool (*net)(const void *context, const int *widths, struct net **out, struct err *err);
    const void *context;
};

struct subnets_params {
    const struct net *wide;
    struct graph *graph; // of the wide net
    struct graph_options options;
    struct resize resize;
    size_t keep; // maximum number
};

struct subnet {
    const struct net *net;
    struct graph *graph;
    struct measured values; // gathered weights; stats: gradients, or a batch's statistics
    double *ranges;         // (net->n), see graph_ranges
    // Private to the cache.
    struct net *made; // NULL: the wide net itself
    int *widths;
    uint64_t used;
    struct arena *mem;
};

struct subnets;

struct subnets *subnets_create(const struct subnets_params *params);
void subnets_destroy(struct subnets *subnets); // NULL is fine
// Valid until `keep` others have been requested.
bool subnets_get(struct subnets *subnets, const int *widths, struct subnet **out, struct err *err);
size_t subnets_bytes(const struct subnets *subnets); // their current memory
