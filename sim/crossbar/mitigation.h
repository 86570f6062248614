// Mitigation of faulty or varying cells. Each measure can be switched on separately and has its own
// cost.
//
//   spares  moves lines with faulty cells to spare lines (spare.h)
//   gain    conductances G * exp(-theta), theta normal with mean nu * L and variance
//           sigma^2 + (spread * L)^2, L = ln(drift time / 1 s), have on average
//           exp(variance / 2 - mean) times the programmed value: variation raises them, drift
//           lowers them. The digital side divides sums by that gain. Stuck cells do not have it.
//   bn      re-estimates the mean and variance of every batch-norm from the chip's outputs for
//           training images, layer by layer from the input, and folds them again. Cells do not
//           change.
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

enum { MEND_IMAGES = 256 }; // default number of training images for bn

struct mitigation_params {
    bool bn, gain, spares;
    size_t images; // for bn, 1 or more
};
// Parses a comma-separated list of bn, gain and spares; "none": no mitigation. Does not change
// `images`.
bool mitigation_parse(const char *words, struct mitigation_params *out, struct err *err);
static inline bool mitigation_any(const struct mitigation_params *params)
{
    return params->bn || params->gain || params->spares;
}
// Fails if the chip does not support it: no spare lines, or sums that a gain does not scale.
bool mitigation_check(const struct mitigation_params *params, const struct chip *chip,
                      struct err *err);

// The mean of exp(-theta) over all cells; 1 without variation and drift.
double mitigation_gain(const struct defect_params *defects);
// Folds all layers of a net again, for arrays with this gain.
void mitigation_refold(struct int_net *integer, const struct weights *weights, double gain);

// The computation of the chip, and the images to run.
struct mitigation_pass {
    int_net_matrix *matrix;
    void *context;
    void (*begin)(void *context, size_t image); // before each image's sums
    const struct dataset *data;
    size_t images; // at most data->n
};
// Re-estimates the statistics of all batch-norms and folds them into `integer`. Each image passes
// each layer once: the maps of all images stay in memory until the layer before is folded. Fails if
// they exceed the memory limit. *channels: the number of folded batch-norm channels.
bool mitigation_norms(struct int_net *integer, const struct weights *weights,
                      const struct mitigation_pass *pass, int64_t *channels, struct err *err);
