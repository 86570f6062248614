// What images really switch in the arrays, in place of what a chip file assumes (models/cell.h):
// word lines that are driven, cells that conduct, conversions that find something. Counted on the
// first replica of every layer, group of rows by group of rows and bit cycle by bit cycle; levels
// are those of the draw, broken cells and open lines included, but not their variation or noise.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "models/cell.h"

struct chip_sample;
struct evaluation;
struct int_net;
struct mapping;

struct activity;

struct activity_count { // of one layer, in whole numbers: counts of workers add up
    int64_t drives;     // times that a word line could carry the read voltage
    int64_t on;         // squares of what the DAC put on it: power is as V^2
    int64_t conversions, nonzero;
};

struct activity_shares {
    // inputs_on: mean V^2 over that of a full drive, which with DACs of 1 bit is the share of word
    // lines driven. cells_lrs: mean level over the highest, of the programmed cells.
    struct activity_params params;
    double nonzero; // share of conversions whose code is not 0
};

// Lends all of its arguments.
struct activity *activity_create(const struct mapping *mapping, const struct int_net *integer,
                                 const struct chip_sample *sample);
void activity_destroy(struct activity *activity); // NULL is fine
// Runs images first, first + step ... below `images` through the arrays of `what`, adding to
// counts, one per layer of the net.
void activity_measure(const struct activity *activity, const struct evaluation *what, size_t images,
                      size_t first, size_t step, struct activity_count *counts);
void activity_add(struct activity_count *to, const struct activity_count *from);
struct activity_shares activity_shares(const struct activity *activity, int layer,
                                       const struct activity_count *count);
