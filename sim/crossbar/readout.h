// What the ADC makes of a column's current, and the digital side of the sum of its codes.
//
// Range `full`: the largest sum R that one conversion can meet (rows driven at once x highest level
// x highest input; half of that where columns are flipped, flip.h) fills it. Where the ADC has
// fewer codes than that, one is worth R / 2^half steps of a sum (half: bits, less one where sums
// have signs). Where it has more, a code is worth a part of a step, the smallest power of two (not
// below 2^-8) with which the codes still reach R: sums of whole steps lose nothing, sums of
// conductances that vary are read more finely.
//
// Groups that share a crossbar (sim/map/groups.h): pairs between them hold 0, so whole cells sum up
// to what a group alone does. An ADC that has codes for that, but not for every row driven, reads
// whole steps and clips what broken cells between groups add beyond its codes.
//
// Range `calibrated`: R is the largest sum that the layer met (calibrate.h). Where that is above
// the number of codes a code is worth R / 2^half steps and what lies beyond R is clipped; where it
// is not, a code is worth what it is at range `full`, or one step if that is less.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "nets/kernels/kernels.h"

struct chip;
struct mapping;
struct sum_bound;

struct readout {
    bool comparator;        // of one bit: votes, in place of codes (comparator.h)
    double worth;           // steps of a code
    struct quantiser code;  // of a current, in units
    struct quantiser value; // whole steps of a sum of codes
};

// unit: how many units of current are one step. broken: some cells may be. ranges: R of calibrated
// ADCs, by layer; NULL: not known, they count as if their range were full.
struct readout readout_of(const struct mapping *map, int layer, double unit, bool broken,
                          const int64_t *ranges);
// Whether every sum of whole steps within the bound has a code of its own, so that nothing is
// rounded or clipped.
bool readout_lossless(const struct readout *readout, const struct sum_bound *bound);
// The fewest bits of an ADC with the same range policy that lose nothing of such sums.
int readout_bits(const struct mapping *map, int layer, bool broken, const int64_t *ranges,
                 const struct sum_bound *bound);
// Whether plus and minus columns are subtracted before the ADC, which then tells signs. Where they
// are not, it does so only for inputs that have signs of their own.
bool readout_signed(const struct chip *chip);
