// Flipped columns (crossbar.encoding: flip), as ISAAC stores them (Shafiee et al., ISCA 2016): if
// the levels of a column add up to more than half of the maximum of its cells, every cell holds top
// - level instead, where top is the highest level. The digital side then computes top * (sum of the
// inputs) - code. No sum of the column exceeds half of full scale, so the ADC needs one bit less.
//
// The choice is made from the weights, per column and group of simultaneously driven rows. Faults
// apply afterwards: a cell stuck at LRS holds the top level, flipped or not. The sum of the inputs
// comes from the offset column of the same crossbar (ISAAC's unit column), which is never flipped,
// or, in single arrays, from a digital counter.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct int_net;
struct mapping;
struct slice;

struct column_flips {
    int active, columns; // rows driven at once; columns of the slice
    uint8_t *of;         // (group of rows, column): 1 if flipped; NULL: no column is flipped
};
// The flips of one slice; `of` is NULL unless the chip flips columns. Allocated in mem.
struct column_flips flips_make(struct arena *mem, const struct mapping *map,
                               const struct int_net *net, const struct slice *slice);
// Flips by column for the group that contains `row`; NULL: no column is flipped.
static inline const uint8_t *flips_of_row(const struct column_flips *flips, int row)
{
    return flips->of ? flips->of + (size_t)(row / flips->active) * flips->columns : NULL;
}
