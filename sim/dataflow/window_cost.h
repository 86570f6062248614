// What one tile does for one output window of its layer: operations and durations in closed form.
// The bit cycles inside a window (DAC, array, sample and hold, ADC rounds, shift-add) never become
// events; they are added up here.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/dataflow/ledger.h"

struct mapping;

enum step { STEP_READ, STEP_ARRAY, STEP_CONVERT, STEP_DIGITAL, STEP_WRITE, STEPS };
extern const char *const step_names[]; // "buffer read", "array", "conversion", ...

struct window_cost {
    // Operations of one window; reads of input buffers stand apart, since the first window of a row
    // reads all k columns and the next ones only the new ones.
    int64_t count[METERS];
    int64_t first_words, next_words; // of the PE buffers or the tile's (read_meter)
    int64_t first_bus_bits, next_bus_bits;
    enum meter read_meter;
    int64_t add_count[METERS];     // of the residual add done in this tile, charged to the add
    double step_s[STEPS];          // one window that is not the first of its row
    double first_s, next_s;        // the tile is busy for so long
    double delay_s;                // and the result comes so much later (overlapped windows)
    double tail_s;                 // after sums from other tiles or the shortcut have come
    double adc_busy_s, adc_wait_s; // of one window: conversion time; columns in line for an ADC
};

// The tile's own share: its slices, merging inside the tile.
struct window_cost window_cost_of_tile(const struct mapping *mapping, int tile);
// Adds to a merging tile's work what follows the sums: partial sums of `helpers` (outs of each)
// added, the residual add (`add` >= 0), threshold or activation, output written. `split`: the tile
// waits for something between its own sums and these steps.
void window_cost_finish(struct window_cost *work, const struct mapping *mapping, int layer, int add,
                        int outs, int64_t helper_sums, bool split);
// A pooling, add or multiply layer that stands alone on a tile, for `outs` channels.
struct window_cost window_cost_of_plain(const struct mapping *mapping, int layer, int outs);
// Bits of one partial sum as it is sent to another tile.
int window_cost_psum_bits(const struct mapping *mapping, int layer);
// Bits in which one output element of a layer is kept: what its consumers take.
int window_cost_stored_bits(const struct mapping *mapping, int layer);
