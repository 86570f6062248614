// ADC resolution of a mapped net, per layer: the bits that lossless conversion needs, the bits that
// the ADCs have, and the conversions that lose information.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conductance_model;
struct level_model;
struct chip_sample;
struct evaluation;
struct int_net;
struct mapping;
struct sum_bound;

struct adc_need {
    int bits;         // of the layer's ADC; 0: no conversions
    int needed;       // bits of a lossless ADC with the same range policy
    double low, high; // range of the sums that a conversion can see, in steps
    double worth;     // steps of a code
    bool lossless;    // every possible sum has a code of its own; of one bit: votes are activations
    bool calibrated;
};

// From the simultaneously driven rows, the highest level and the highest input, for any weights.
// Ranges are unknown here, so calibrated ADCs count as range full.
struct adc_need loss_need_of_rows(const struct mapping *mapping, int layer);
// From the programmed cells, faulty ones included: of analog if it is not NULL, else of arrays.
// net: as folded; sample: the chip sample that they were created from. Cells whose conductances
// vary produce non-integer sums, so no ADC is lossless for them.
struct adc_need loss_need_of_cells(const struct mapping *mapping, const struct level_model *arrays,
                                   const struct conductance_model *analog,
                                   const struct int_net *net, const struct chip_sample *sample,
                                   int layer);

struct adc_count {
    int64_t conversions;
    int64_t clipped; // the sum is beyond the lowest or the highest code
    int64_t rounded; // the sum is between two codes
};
// The number of images over which conversions are counted: about one second of work, at most 16 and
// at most `images`. Depends on the mapping alone.
size_t loss_images(const struct mapping *mapping, size_t images);
// Counts the conversions of the first `images` images; counts: one per layer of the net. Slow if an
// ADC may be lossy. Uses the variation of the first batch.
void loss_count(const struct mapping *mapping, const struct evaluation *what, size_t images,
                struct adc_count *counts);
