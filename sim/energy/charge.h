// Counts to joules: the ledgers of layers and of what they share, under the policy `exact` (what
// the mapped hardware really switches). Closed form, or from the counts of a simulation.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/dataflow/ledger.h"

struct activity_params;
struct chip;
struct err;
struct dataflow;
struct mapping;

// How often things happened, in `images` images: rows or windows that nodes worked on, tokens that
// channels carried.
struct tally {
    int images;
    const int64_t *node_rows;      // per node: first windows of a row
    const int64_t *node_windows;   // per node: all windows
    const int64_t *channel_tokens; // per channel
};

// Fills ledgers (one per layer of the net, zeroed by the caller; [0] stays empty) and shared, both
// per image and without leakage.
void charge_exact(const struct dataflow *flow, const struct tally *tally, struct ledger *layers,
                  struct ledger *shared);
// Whether the chip has the units that the net's layers work with; says which layer's it lacks.
bool charge_check(const struct mapping *mapping, struct err *err);
// Whether the counts of so many images stay within 64 bits; says which layer's do not.
bool charge_fits(const struct dataflow *flow, int images, struct err *err);
// The same as charge_exact from the flow alone, for one image.
void charge_closed_form(const struct dataflow *flow, struct ledger *layers, struct ledger *shared);

// What is known of the data that a layer's arrays see: measured, or assumed by the chip.
const struct activity_params *charge_activity(const struct dataflow *flow, int layer);

// Energy of single events, for traces; they add up to what charge_exact says of the same counts.
// `add`: the part of a node's work that belongs to the residual add in its tile.
double charge_node(const struct dataflow *flow, int node, int64_t rows, int64_t windows, bool add);
// One token: what the sender's layer pays, or the reader's.
double charge_token(const struct dataflow *flow, int channel, bool sender);

// Leakage of `seconds` per image: each layer's tiles to the layer, the rest to shared.
void charge_leakage(const struct mapping *mapping, double seconds, struct ledger *layers,
                    struct ledger *shared);

// Area of what the read-outs of overridden layers take more (or less) than the chip's own.
double charge_override_area(const struct mapping *mapping);
// Energy of one image without leakage and area of the occupied tiles, from the flow alone: what a
// simulation says too, without its events.
struct charged {
    double energy_j, area_m2;
};
struct charged charge_total(const struct dataflow *flow);
