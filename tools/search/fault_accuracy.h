// A net of a search in the crossbars of a chip, whole and with the faults that the job states.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/defect.h"
#include "base/conf/conf.h"
#include "sim/crossbar/fault.h"

struct subprocess;
struct chip;
struct err;
struct model_parts;

// As the job has it. -1: the chip's own; all images.
struct faults_params {
    double stuck_lrs, stuck_hrs, sigma;
    int trials, images;
};
extern const struct conf_field faults_fields[];

// What is wrong with the chip then: its own defects, with what is stated in their place.
struct defect_params faults_defects(const struct faults_params *faults, const struct chip *chip);
// Whether the faults are modelled in that chip and form; weights do not matter. `at` is blamed.
bool faults_check(const struct faults_params *faults, const struct conf_node *at,
                  const struct model_parts *parts, struct err *err);

// Whether there are so many images; `what` they are is said.
bool faults_enough(const struct faults_params *faults, const struct conf_node *at, size_t there,
                   const char *what, struct err *err);

// The mean share of images that are classified right on the chips drawn with the faults; in this
// process. The parts are taken as model_assemble() takes them.
bool fault_accuracy_mean(const struct faults_params *faults, const struct model_parts *parts,
                         double *accuracy, struct err *err);

// Of one trained net.
struct fault_accuracy {
    bool done;                 // false: it was stopped
    double whole;              // share of images right on the chip without faults
    struct fault_counts cells; // met by all trials together; of cells alone
    double *accuracies;        // (trials), on the chips drawn; the caller's room
};
// The same in a process of its own, and how->threads below it. The parts are taken likewise.
bool fault_accuracy_apart(const struct faults_params *faults, const struct model_parts *parts,
                          const struct subprocess *how, struct fault_accuracy *out,
                          struct err *err);

// Of n values: their mean, and their standard deviation (of one: 0).
void fault_accuracy_spread(size_t n, const double *values, double *mean, double *deviation);
