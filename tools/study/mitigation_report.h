// What mending bought and what it cost, over the draws of an evaluation.
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
    double *unmended; // accuracy of each trial without
    unsigned trials;
    struct spare_report spares; // of all trials; pulses: the most
    int64_t channels;           // batch-norms of one chip
    // Once per chip. bn: the training images' way through it, as `bitline run` has it; moving maps
    // off the chip and back, and writing the thresholds, are not in it.
    double norms_j, norms_s;
    struct repair_cost repair; // spares: test_* of one chip, write_* the mean of all
};

void mitigation_add(struct mitigation_report *mending, const struct trial *trial, double unmended);
// Fills in the costs. Simulates an image for those of bn.
bool mitigation_price(struct mitigation_report *mending, const struct model *model,
                      struct err *err);
void mitigation_text(const struct mitigation_report *mending, const struct model *model);
void mitigation_json(const struct mitigation_report *mending, const struct model *model,
                     struct jsonw *w);
