// Measured switching activity of the arrays, which replaces the activity that a chip file assumes
// (models/cell.h): driven word lines, conducting cells, non-zero conversions. Counted on the first
// replica of every layer, per group of rows and per bit cycle. The levels are those of the sampled
// chip, faulty cells and open lines included, but without variation or noise.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "models/cell.h"

struct chip_sample;
struct evaluation;
struct int_net;
struct mapping;

struct activity;

struct activity_count { // of one layer; integers, so counts of workers can be added
    int64_t drives;     // (word line, cycle) pairs that could carry the read voltage
    int64_t on;         // sum of squared DAC digits: power is proportional to V^2
    int64_t conversions, nonzero;
};

struct activity_shares {
    // inputs_on: mean V^2 relative to a full drive; with 1-bit DACs this is the share of driven
    // word lines. cells_lrs: mean level of the programmed cells relative to the highest level.
    struct activity_params params;
    double nonzero; // share of conversions whose code is not 0
};

// Keeps pointers to all of its arguments; they must outlive the result.
struct activity *activity_create(const struct mapping *mapping, const struct int_net *integer,
                                 const struct chip_sample *sample);
void activity_destroy(struct activity *activity); // NULL is fine
// Runs images first, first + step ... below `images` through the arrays of `what` and adds to
// counts (one per layer of the net).
void activity_measure(const struct activity *activity, const struct evaluation *what, size_t images,
                      size_t first, size_t step, struct activity_count *counts);
void activity_add(struct activity_count *to, const struct activity_count *from);
struct activity_shares activity_shares(const struct activity *activity, int layer,
                                       const struct activity_count *count);
