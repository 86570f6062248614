// Range of the sums that one conversion of a layer can see for any inputs: those of the cells in
// its columns, faulty cells included. It determines the codes that a lossless ADC needs.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct arena;
struct mapping;

// Digits that a bit cycle can apply to a word line: low .. high, low <= 0 <= high. Only signed
// inputs that take a single cycle have digits below 0; with several cycles the sign has a bit of
// its own.
struct digit_range {
    double low, high;
};
struct digit_range bound_digits(const struct mapping *map, int layer);
// The highest digit that the layer's DACs can apply; a stuck driver applies it.
int32_t bound_stuck_digit(const struct mapping *map, int layer);

// Sums of digits x cells, in steps: low <= 0 <= high; some inputs reach either end.
struct sum_bound {
    double low, high;
};
void bound_join(struct sum_bound *to, const struct sum_bound *other);

// The positive and the negative cells of n columns, summed over one group of rows.
struct column_parts {
    int n;
    int64_t *plus, *minus; // by column; owned by the arena
};
struct column_parts parts_create(struct arena *mem, int n);
void parts_clear(struct column_parts *parts);
// Adds one row; `less` is subtracted from every cell.
void parts_add_row(struct column_parts *parts, const int32_t *cells, int n, int32_t less);
// Extends the bound by the sums of all columns. units: of a cell, in one step.
void parts_join(const struct column_parts *parts, const struct digit_range *digits, double units,
                struct sum_bound *bound);
