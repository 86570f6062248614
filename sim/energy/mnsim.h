// The policy `mnsim`: MNSIM 2.0's charging rules (complete tiles, the layer's largest block for
// every PE, power of a part times the time it is on), to reproduce published numbers. Closed form;
// source: MNSIM 2.0 at ca39ccb, with the file and line at each rule.
//
// Not modelled, together under 0.05 % of a net's energy: registers, shift registers, multiplexers
// and the PE's adders of the digital part.
#pragma once
#include <stdbool.h>

#include "sim/dataflow/ledger.h"

struct chip;
struct err;
struct net;

struct mnsim_layer {
    int pes, tiles;  // charged
    double serial_s; // all its windows, serially
};

struct mnsim_result {
    struct mnsim_layer *layers; // one per layer of the net; free()
    struct ledger *ledgers;     // likewise
    int pes, tiles;
    double tile_m2, area_m2;
    double input_buffer_bytes, output_buffer_bytes; // chip-wide
};

// Fails for a chip without an mnsim block, a form that the block does not charge, dense mapping,
// replication, and kernels taller than a crossbar.
bool mnsim_charge(const struct net *net, const struct chip *chip, struct mnsim_result *out,
                  struct err *err);
void mnsim_fini(struct mnsim_result *result);
