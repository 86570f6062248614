// Converts event counts to joules: the ledgers of layers and of shared parts under the policy
// `exact` (what the mapped hardware switches). In closed form, or from the counts of a simulation.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/dataflow/ledger.h"

struct activity_params;
struct chip;
struct err;
struct dataflow;
struct mapping;

// Event counts over `images` images: rows or windows processed by nodes, tokens transferred by
// channels.
struct tally {
    int images;
    const int64_t *node_rows;      // per node: first windows of a row
    const int64_t *node_windows;   // per node: all windows
    const int64_t *channel_tokens; // per channel
};

// Fills layers (one per layer of the net, zeroed by the caller; [0] stays empty) and shared, both
// per image and without leakage.
void charge_exact(const struct dataflow *flow, const struct tally *tally, struct ledger *layers,
                  struct ledger *shared);
// Fails if the chip lacks a unit that the net needs; err names the layer.
bool charge_check(const struct mapping *mapping, struct err *err);
// Fails if the counts of so many images exceed 64 bits; err names the layer.
bool charge_fits(const struct dataflow *flow, int images, struct err *err);
// The same as charge_exact from the dataflow alone, for one image.
void charge_closed_form(const struct dataflow *flow, struct ledger *layers, struct ledger *shared);

// Switching activity of a layer's arrays: measured, or assumed by the chip.
const struct activity_params *charge_activity(const struct dataflow *flow, int layer);

// Energy of single events, for traces; their sum equals charge_exact for the same counts. `add`:
// the part of a node's work that belongs to the residual add in its tile.
double charge_node(const struct dataflow *flow, int node, int64_t rows, int64_t windows, bool add);
// Energy of one token, charged to the sender's layer or the reader's.
double charge_token(const struct dataflow *flow, int channel, bool sender);

// Adds the leakage of `seconds` per image: of each layer's tiles to the layer, the rest to shared.
void charge_leakage(const struct mapping *mapping, double seconds, struct ledger *layers,
                    struct ledger *shared);

// Area of the read-outs of overridden layers minus that of the chip's own read-outs; may be
// negative.
double charge_override_area(const struct mapping *mapping);
// Energy of one image without leakage and area of the occupied tiles, from the dataflow alone;
// equal to the result of a simulation.
struct charged {
    double energy_j, area_m2;
};
struct charged charge_total(const struct dataflow *flow);
