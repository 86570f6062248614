// What the ADCs of a mapped net need so that nothing is lost, what they have, and what they lose,
// layer by layer.
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
    int needed;       // bits with which an ADC of the same range policy loses nothing
    double low, high; // the largest sums that a conversion can meet, in steps
    double worth;     // steps of a code
    bool lossless;    // every possible sum has a code of its own; of one bit: votes are activations
    bool calibrated;
};

// From the rows driven at once, the highest level and the highest input: whatever the weights.
// `ranges` are unknown then, so calibrated ADCs count as if their range were full.
struct adc_need loss_need_of_rows(const struct mapping *mapping, int layer);
// From the cells that are really programmed, broken ones included: of arrays, or of analog if it is
// not NULL. net: as it is folded, draw: what they were made of. Cells whose conductances vary make
// sums that are no whole steps, so that no ADC is lossless for them.
struct adc_need loss_need_of_cells(const struct mapping *mapping, const struct level_model *arrays,
                                   const struct conductance_model *analog,
                                   const struct int_net *net, const struct chip_sample *sample,
                                   int layer);

struct adc_count {
    int64_t conversions;
    int64_t clipped; // the sum is beyond the lowest or the highest code
    int64_t rounded; // the sum is between two codes
};
// Of how many images conversions are counted: as many as take a second or so, at most 16 and at
// most `images`. Depends on the mapping alone.
size_t loss_images(const struct mapping *mapping, size_t images);
// Counts the conversions of the first `images` images, one count for each layer of the net. Slow
// where an ADC may lose something. Variation is that of the first batch.
void loss_count(const struct mapping *mapping, const struct evaluation *what, size_t images,
                struct adc_count *counts);
