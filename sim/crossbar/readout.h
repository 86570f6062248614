// The ADC's conversion of a column's current, and the digital side of the sum of its codes.
//
// Range `full`: the largest sum R of one conversion (simultaneously driven rows x highest level x
// highest input; half of that if columns are flipped, flip.h) fills the ADC. If the ADC has fewer
// codes than that, one code is worth R / 2^half steps of a sum (half: bits, less one if sums are
// signed). If it has more, a code is worth a fraction of a step: the smallest power of two, not
// below 2^-8, with which the codes still reach R. Sums of integer steps then lose nothing, and sums
// of varying conductances are resolved more finely.
//
// Groups that share a crossbar (sim/map/groups.h): pairs between them hold 0, so fault-free cells
// produce the sums of one group alone. An ADC with enough codes for one group, but not for every
// driven row, reads integer steps and clips what faulty cells between groups add beyond its codes.
//
// Range `calibrated`: R is the largest sum that the layer produced (calibrate.h). If R exceeds the
// number of codes, a code is worth R / 2^half steps and sums beyond R are clipped. Otherwise a code
// is worth the same as at range `full`, but at most one step.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "nets/kernels/kernels.h"

struct chip;
struct mapping;
struct sum_bound;

struct readout {
    bool comparator;        // one bit: votes instead of codes (comparator.h)
    double worth;           // steps of a code
    struct quantiser code;  // quantises a current, in units
    struct quantiser value; // integer steps of a sum of codes
};

// unit: units of current per step. broken: some cells may be faulty. ranges: R of calibrated ADCs,
// by layer; NULL: not known, calibrated ADCs count as range full.
struct readout readout_of(const struct mapping *map, int layer, double unit, bool broken,
                          const int64_t *ranges);
// Whether every sum of integer steps within the bound has its own code, so that nothing is rounded
// or clipped.
bool readout_lossless(const struct readout *readout, const struct sum_bound *bound);
// The minimum bits of an ADC with the same range policy that is lossless for such sums.
int readout_bits(const struct mapping *map, int layer, bool broken, const int64_t *ranges,
                 const struct sum_bound *bound);
// Whether plus and minus columns are subtracted before the ADC, which then converts signed values.
// Otherwise its values are signed only if the inputs are.
bool readout_signed(const struct chip *chip);
