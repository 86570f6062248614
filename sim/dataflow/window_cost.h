// Cost of one output window of a layer in one tile: operations and durations in closed form. The
// bit cycles inside a window (DAC, array, sample and hold, ADC rounds, shift-add) are summed here
// and never become events.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/dataflow/ledger.h"

struct mapping;

enum step { STEP_READ, STEP_ARRAY, STEP_CONVERT, STEP_DIGITAL, STEP_WRITE, STEPS };
extern const char *const step_names[]; // "buffer read", "array", "conversion", ...

struct window_cost {
    // Operations of one window. Reads of input buffers are separate, because the first window of a
    // row reads all k columns and the next ones only the new ones.
    int64_t count[METERS];
    int64_t first_words, next_words; // from the PE or the tile buffers (see read_meter)
    int64_t first_bus_bits, next_bus_bits;
    enum meter read_meter;
    int64_t add_count[METERS];     // of the residual add fused into this tile, charged to the add
    double step_s[STEPS];          // one window that is not the first of its row
    double first_s, next_s;        // time that the tile is busy
    double delay_s;                // additional time until the result (overlapped windows)
    double tail_s;                 // after sums from other tiles or the shortcut have arrived
    double adc_busy_s, adc_wait_s; // of one window: conversion time; columns in line for an ADC
};

// The tile's own share: its slices and the merging inside the tile.
struct window_cost window_cost_of_tile(const struct mapping *mapping, int tile);
// Adds to a merging tile's cost what follows the sums: adding partial sums of `helpers` (outs of
// each), the residual add (`add` >= 0), threshold or activation, writing the output. `split`: the
// tile waits for other data between its own sums and these steps.
void window_cost_finish(struct window_cost *work, const struct mapping *mapping, int layer, int add,
                        int outs, int64_t helper_sums, bool split);
// A separate pooling, add or multiply layer on a tile, for `outs` channels.
struct window_cost window_cost_of_plain(const struct mapping *mapping, int layer, int outs);
// Bits of one partial sum as it is sent to another tile.
int window_cost_psum_bits(const struct mapping *mapping, int layer);
// Bits of one stored output element of a layer, as its consumers read it.
int window_cost_stored_bits(const struct mapping *mapping, int layer);
