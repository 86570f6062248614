// Gain and cost of mitigation, over the chip samples of an evaluation.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/energy/repair.h"
#include "sim/crossbar/spare.h"

struct err;
struct jsonw;
struct model;
struct trial;

struct mitigation_report {
    double *unmended; // accuracy of each trial without mitigation
    unsigned trials;
    struct spare_report spares; // sum of all trials; pulses: the maximum
    int64_t channels;           // batch-norms of one chip
    // Once per chip. bn: the run of the training images through it, as simulated by `bitline run`,
    // without moving feature maps off the chip and back, and without writing the thresholds.
    double norms_j, norms_s;
    struct repair_cost repair; // spares: test_* of one chip, write_* the mean over all chips
};

void mitigation_add(struct mitigation_report *mending, const struct trial *trial, double unmended);
// Fills in the costs. Simulates one image for the cost of bn.
bool mitigation_price(struct mitigation_report *mending, const struct model *model,
                      struct err *err);
void mitigation_text(const struct mitigation_report *mending, const struct model *model);
void mitigation_json(const struct mitigation_report *mending, const struct model *model,
                     struct jsonw *w);
