// What training feels of a chip: the hooks of nets/perturb.h, made of a mapping and a draw. Every
// step the weights in training are programmed into the cells at their addresses and read back as
// conductance_model.h has it, in units of one level's step: (G+ - G-) / (Gmax - Gmin) in binary
// cells, so that broken cells, open lines, variation, drift and the resistance of wires act on what
// the cells hold then. Without variation and wires they are whole numbers, level_model_weight() of
// level_model.h.
//
// Sums go through the ADC read-out by read-out and the codes are added up, as
// conductance_model_matrix() does; where the ADC loses nothing of whole numbers, and these are all
// there is, nothing is done. Exact with operands of f32, as long as sums stay below 2^24 units;
// bf16 rounds weights that vary.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "nets/kernels/kernels.h"

struct chip_sample;
struct err;
struct mapping;
struct perturb;

struct perturb_params {
    bool variation; // variation and drift, of the draw's defects
    bool stuck;     // stuck cells and open lines
    bool adc;
};

struct perturbation;

// The draw's other kinds of defects, and its own redraws, are refused, as are layers that hold
// replicas or whose groups share crossbars, single arrays, and ADCs of one bit, calibrated or that
// convert plus and minus columns or several bits of a sum apart. The mapping, and the net that it
// maps, are lent.
struct perturbation *perturb_create(const struct mapping *mapping, const struct chip_sample *sample,
                                    const struct perturb_params *params, enum cpu_level level,
                                    struct err *err);
void perturb_destroy(struct perturbation *perturbation); // NULL is fine
// Another chip after every so many steps, 0: the draw's for ever. They are trials from
// PERTURB_TRIAL on, which nobody counts to.
enum { PERTURB_TRIAL = 1 << 30 };
void perturb_redraw(struct perturbation *perturbation, uint64_t steps);
// Lent; weights of one layer at a time.
const struct perturb *perturb_hooks(const struct perturbation *perturbation);
