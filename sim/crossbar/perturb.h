// Hardware-aware training: the hooks of nets/perturb.h for a mapping and a sampled chip. In every
// step the weights in training are programmed into the cells at their addresses and read back as in
// conductance_model.h, in units of one level's step: (G+ - G-) / (Gmax - Gmin) in binary cells. So
// faulty cells, open lines, variation, drift and wire resistance apply to the current contents of
// the cells. Without variation and wire resistance the weights read back are the integers of
// level_model_weight() (level_model.h).
//
// Sums pass the ADC per read-out and the codes are added, as conductance_model_matrix() does. If
// all sums are integers and the ADC is lossless for them, sums are left unchanged. Exact with f32
// operands as long as sums stay below 2^24 units; bf16 rounds weights that vary.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "nets/kernels/kernels.h"

struct chip_sample;
struct err;
struct mapping;
struct perturb;

struct perturb_params {
    bool variation; // variation and drift, as the sample's defects state
    bool stuck;     // stuck cells and open lines
    bool adc;
};

struct perturbation;

// Fails for the sample's other kinds of defects and its own resampling, for layers with replicas or
// whose groups share crossbars, for single arrays, and for ADCs of one bit, calibrated ADCs, and
// ADCs that convert plus and minus columns or several bits of a sum separately. Keeps pointers to
// the mapping and its net.
struct perturbation *perturb_create(const struct mapping *mapping, const struct chip_sample *sample,
                                    const struct perturb_params *params, enum cpu_level level,
                                    struct err *err);
void perturb_destroy(struct perturbation *perturbation); // NULL is fine
// Samples another chip after every `steps` steps; 0: keeps the first sample. Their trials start at
// PERTURB_TRIAL, above all trials of an evaluation.
enum { PERTURB_TRIAL = 1 << 30 };
void perturb_redraw(struct perturbation *perturbation, uint64_t steps);
// Owned by `perturbation`; holds the weights of one layer at a time.
const struct perturb *perturb_hooks(const struct perturbation *perturbation);
