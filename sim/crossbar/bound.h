// The largest sums that one conversion of a layer can meet, whatever the inputs: those of the cells
// that its columns hold, broken ones included. They decide what an ADC must hold to lose nothing.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct arena;
struct mapping;

// What a bit cycle puts on a word line: digits low .. high, low <= 0 <= high. Only signed inputs
// that take a single cycle have digits below 0; in several cycles the sign is a bit of its own.
struct digit_range {
    double low, high;
};
struct digit_range bound_digits(const struct mapping *map, int layer);
// The highest digit that the layer's DACs can apply; a stuck driver applies it.
int32_t bound_stuck_digit(const struct mapping *map, int layer);

// Sums of digits x cells, in steps: low <= 0 <= high, both are reached by some inputs.
struct sum_bound {
    double low, high;
};
void bound_join(struct sum_bound *to, const struct sum_bound *other);

// The positive and the negative cells of n columns, added up over one group of rows.
struct column_parts {
    int n;
    int64_t *plus, *minus; // by column; of the arena
};
struct column_parts parts_create(struct arena *mem, int n);
void parts_clear(struct column_parts *parts);
// One row, less what is subtracted from every cell.
void parts_add_row(struct column_parts *parts, const int32_t *cells, int n, int32_t less);
// Joins the sums of all columns. units: of a cell, in one step.
void parts_join(const struct column_parts *parts, const struct digit_range *digits, double units,
                struct sum_bound *bound);
