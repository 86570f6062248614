// Mending a net on a chip with broken or varying cells: switches, each with what it costs.
//
//   spares  lines with broken cells move onto spare lines (spare.h)
//   gain    conductances G * exp(-theta), theta normal with mean nu * L and variance
//           sigma^2 + (spread * L)^2, L = ln(drift time / 1 s), are on average
//           exp(variance / 2 - mean) times what was written: variation raises them, drift lowers
//           them. The digital part divides sums by that. Stuck cells do not have this gain.
//   bn      every batch-norm's mean and variance are taken anew from what the chip makes of
//   training
//           images, layer by layer from the front, and folded again. The cells stay.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nets/int_net.h"

struct chip;
struct dataset;
struct defect_params;
struct err;
struct weights;

enum { MEND_IMAGES = 256 }; // training images for bn, unless told

struct mitigation_params {
    bool bn, gain, spares;
    size_t images; // for bn, at least 1
};
// From words split by commas; "none" is nothing at all. Leaves `images` alone.
bool mitigation_parse(const char *words, struct mitigation_params *out, struct err *err);
static inline bool mitigation_any(const struct mitigation_params *params)
{
    return params->bn || params->gain || params->spares;
}
// Whether this can be done on a chip: spares there, sums that a gain scales.
bool mitigation_check(const struct mitigation_params *params, const struct chip *chip,
                      struct err *err);

// The mean of exp(-theta) over all cells; 1 where nothing varies or drifts.
double mitigation_gain(const struct defect_params *defects);
// Folds all layers of a net with this gain of its arrays.
void mitigation_refold(struct int_net *integer, const struct weights *weights, double gain);

// How the chip computes, and on what.
struct mitigation_pass {
    int_net_matrix *matrix;
    void *context;
    void (*begin)(void *context, size_t image); // before each image's sums
    const struct dataset *data;
    size_t images; // at most data->n
};
// Takes the statistics of all batch-norms anew and folds them into `integer`. Each image passes
// each layer once: the maps of all images wait in memory for the layer before to be mended.
// Refuses more than memory should hold. *channels: batch-norms folded, one for each channel.
bool mitigation_norms(struct int_net *integer, const struct weights *weights,
                      const struct mitigation_pass *pass, int64_t *channels, struct err *err);
