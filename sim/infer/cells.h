// What every model of the arrays shares: the level that a cell holds of a weight, and the inputs of
// a window in the order of the mapping's rows.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct chip;
struct layer;

// The level of slice `slice` of weight w (`bits` wide, `cell_bits` per cell) in array `array` (0:
// plus or the only one, 1: minus) of the given polarity (enum polarity of sim/chip).
int cell_level(int polarity, int bits, int cell_bits, int32_t w, int slice, int array);

// The highest level that a cell of this layer can read times the highest input of one cycle: cells
// and DACs may be wider than what they hold, but a broken cell reads its own highest level.
int64_t largest_product(const struct chip *chip, const struct layer *layer, bool broken);

// The inputs of the window at (y, x) for one group of channels, by im2col row; 0 outside the map.
void gather_window(const struct layer *layer, const int32_t *in, int group, int y, int x,
                   int32_t *window);
