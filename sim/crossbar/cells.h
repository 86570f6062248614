// What every model of the arrays shares: the level that a cell holds of a weight, and the inputs of
// a window in the order of the mapping's rows.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chip;
struct err;
struct layer;
struct mapping;
struct slice;

// The level of slice `slice` of weight w (`bits` wide, `cell_bits` per cell) in array `array` (0:
// plus or the only one, 1: minus) of the given polarity (enum polarity of sim/chip).
int cell_level(int polarity, int bits, int cell_bits, int32_t w, int slice, int array);

// The level that column `column` of a slice holds in one of its rows, before any flip (flip.h); 1
// in the offset column. w: the layer's weights.
int slice_level(const struct mapping *mapping, const struct slice *slice, const int32_t *w, int row,
                int column, int array);

// The largest sum of `rows` cells of one column that hold levels up to `level`: with flipped
// columns at most half of full scale, or what the offset column holds.
int64_t column_full(const struct chip *chip, int64_t rows, int level);

// R of one layer's ADC, in steps of a sum: the largest that one conversion can meet, or where it is
// calibrated what `ranges` says of the layer. Refuses a calibrated ADC without ranges.
bool full_sum(const struct mapping *mapping, int layer, const int64_t *ranges, int64_t *full,
              struct err *err);

// The highest level that a cell of this layer can read times the highest input of one cycle: cells
// and DACs may be wider than what they hold, but a broken cell reads its own highest level.
int64_t largest_product(const struct chip *chip, const struct layer *layer, bool broken);

// The weights of one of a slice's rows, output by output: at[o * step] of the slice's output o.
struct weight_row {
    const int32_t *at;
    size_t step;
};
// w: the layer's weights, (out, in / groups, kernel_h, kernel_w). scratch: room for the slice's
// outputs, used where several groups share the slice; the result may point to it.
struct weight_row weight_row(const struct layer *layer, const struct slice *slice, const int32_t *w,
                             int row, int32_t *scratch);
// One weight of it: 0 if row and output belong to different groups.
int32_t weight_at(const struct layer *layer, const struct slice *slice, const int32_t *w, int row,
                  int out);

// The inputs of the window at (y, x) for `chans` channels from `chan0` on, by im2col row; outside
// the map 0, or 1 where the layer's pad_one says so.
void gather_window(const struct layer *layer, const int32_t *in, int chan0, int chans, int y, int x,
                   int32_t *window);
// The same for all rows of the matrix that a slice is a part of.
void gather_slice(const struct layer *layer, const struct slice *slice, const int32_t *in, int y,
                  int x, int32_t *window);
