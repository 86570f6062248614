// One Monte-Carlo chip sample of a model, with mitigation applied: the level model of cells if it
// is sufficient, else the conductance model.
#pragma once
#include <stdbool.h>

#include "nets/kernels/kernels.h"
#include "sim/crossbar/evaluate.h"

struct conductance_model;
struct level_model;
struct chip_sample;
struct err;
struct int_net;
struct model;
struct spares;
struct trial;

struct sampled_chip {
    struct level_model *arrays;
    struct conductance_model *analog;
    struct spares *spares;
    struct int_net *integer; // folded for this chip; NULL: the model's
};

// Creates the chip and records in `out` the injected faults and the mitigation. The caller zeroes
// `drawn`, and ends it also on failure. Borrows the model.
bool sampled_chip_make(const struct model *model, const struct chip_sample *sample,
                       enum cpu_level cpu, struct sampled_chip *drawn, struct trial *out,
                       struct err *err);
void sampled_chip_fini(struct sampled_chip *drawn);
// The backend that runs its images.
struct evaluation sampled_chip_evaluation(const struct sampled_chip *drawn,
                                          const struct model *model);
