// One chip that the defects allow, made of a model, and mended: cells as levels where that says
// all, else as conductances.
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

// Makes the chip and notes in `out` what was hit and what was mended. `drawn` is zeroed by the
// caller, and to be ended also on failure. Lends the model.
bool sampled_chip_make(const struct model *model, const struct chip_sample *sample,
                       enum cpu_level cpu, struct sampled_chip *drawn, struct trial *out,
                       struct err *err);
void sampled_chip_fini(struct sampled_chip *drawn);
// What runs its images.
struct evaluation sampled_chip_evaluation(const struct sampled_chip *drawn,
                                          const struct model *model);
