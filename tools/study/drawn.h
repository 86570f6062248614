// One chip that the defects allow, made of a model, and mended: cells as levels where that says
// all, else as conductances.
#pragma once
#include <stdbool.h>

#include "nets/kernels/kernels.h"
#include "sim/crossbar/evaluate.h"

struct analog;
struct arrays;
struct draw;
struct err;
struct integer;
struct model;
struct spares;
struct trial;

struct drawn {
    struct arrays *arrays;
    struct analog *analog;
    struct spares *spares;
    struct integer *integer; // folded for this chip; NULL: the model's
};

// Makes the chip and notes in `out` what was hit and what was mended. `drawn` is zeroed by the
// caller, and to be ended also on failure. Lends the model.
bool drawn_make(const struct model *model, const struct draw *draw, enum cpu_level cpu,
                struct drawn *drawn, struct trial *out, struct err *err);
void drawn_fini(struct drawn *drawn);
// What runs its images.
struct evaluation drawn_evaluation(const struct drawn *drawn, const struct model *model);
