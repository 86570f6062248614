// Shared by all models of the arrays: the level that a cell holds for a weight, and the inputs of a
// window in the mapping's row order.
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
// plus or the only one, 1: minus) for the given polarity (enum polarity of sim/chip).
int cell_level(int polarity, int bits, int cell_bits, int32_t w, int slice, int array);

// The level that column `column` of a slice holds in one of its rows, before any flip (flip.h); 1
// in the offset column. w: the layer's weights.
int slice_level(const struct mapping *mapping, const struct slice *slice, const int32_t *w, int row,
                int column, int array);

// The largest sum of `rows` cells of one column with levels up to `level`. With flipped columns: at
// most half of full scale, or the content of the offset column if that is larger.
int64_t column_full(const struct chip *chip, int64_t rows, int level);

// - full: R of one layer's ADC, in steps of a sum. This is the largest possible sum of one
//   conversion, or ranges[layer] if the ADC is calibrated. Fails for a calibrated ADC without
//   ranges.
bool full_sum(const struct mapping *mapping, int layer, const int64_t *ranges, int64_t *full,
              struct err *err);

// The highest readable cell level x the highest input of one cycle. Cells and DACs may be wider
// than the values they hold, but a faulty cell can read the highest level of the cell itself.
int64_t largest_product(const struct chip *chip, const struct layer *layer, bool broken);

// The weights of one row of a slice: at[o * step] is the weight of the slice's output o.
struct weight_row {
    const int32_t *at;
    size_t step;
};
// w: the layer's weights, (out, in / groups, kernel_h, kernel_w). scratch: (outputs of the slice),
// used if several groups share the slice; the result may point into it.
struct weight_row weight_row(const struct layer *layer, const struct slice *slice, const int32_t *w,
                             int row, int32_t *scratch);
// One weight; 0 if row and output belong to different groups.
int32_t weight_at(const struct layer *layer, const struct slice *slice, const int32_t *w, int row,
                  int out);

// The inputs of the window at (y, x) for channels chan0 .. chan0 + chans - 1, in im2col row order;
// outside the map 0, or 1 if the layer's pad_one is set.
void gather_window(const struct layer *layer, const int32_t *in, int chan0, int chans, int y, int x,
                   int32_t *window);
// The same for all rows of the matrix that contains the slice.
void gather_slice(const struct layer *layer, const struct slice *slice, const int32_t *in, int y,
                  int x, int32_t *window);
