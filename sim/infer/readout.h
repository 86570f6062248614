// What the ADC makes of a column's current, and the digital side of the sum of its codes.
//
// Range `full`: the largest sum R that one conversion can meet (rows driven at once x highest level
// x highest input) fills it. Where the ADC has fewer codes than that, one is worth R / 2^half
// steps of a sum (half: bits, less one where sums have signs). Where it has more, a code is worth a
// part of a step, the smallest power of two (not below 2^-8) with which the codes still reach R:
// sums of whole steps lose nothing, sums of conductances that vary are read more finely.
#pragma once
#include <stdbool.h>

#include "nets/kernels/kernels.h"

struct chip;
struct layer;

struct readout {
    double worth;           // steps of a code
    struct quantiser code;  // of a current, in units
    struct quantiser value; // whole steps of a sum of codes
};

// unit: how many units of current are one step. broken: some cells may be.
struct readout readout_of(const struct chip *chip, const struct layer *layer, double unit,
                          bool broken);
// Whether plus and minus columns are subtracted before the ADC, which then tells signs.
bool readout_signed(const struct chip *chip);
