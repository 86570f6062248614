// Accuracy of a net in the crossbars of a chip, without faults and with those that the job states.
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

// As read from the job. -1: the chip's own value; for images: all.
struct faults_params {
    double stuck_lrs, stuck_hrs, sigma;
    int trials, images;
};
extern const struct conf_field faults_fields[];

// Resulting defects of the chip: its own, with the stated values in their place.
struct defect_params faults_defects(const struct faults_params *faults, const struct chip *chip);
// Whether the faults are modelled for that chip and form; weights do not matter. Errors point to
// `at`.
bool faults_check(const struct faults_params *faults, const struct conf_node *at,
                  const struct model_parts *parts, struct err *err);

// Whether `there` images suffice; `what` names them in the error.
bool faults_enough(const struct faults_params *faults, const struct conf_node *at, size_t there,
                   const char *what, struct err *err);

// Mean accuracy on the chips sampled with the faults, computed in this process. Ownership of the
// parts is that of model_assemble().
bool fault_accuracy_mean(const struct faults_params *faults, const struct model_parts *parts,
                         double *accuracy, struct err *err);

// Of one trained net.
struct fault_accuracy {
    bool done;                 // false: it was stopped
    double whole;              // accuracy on the chip without faults
    struct fault_counts cells; // cell faults injected, total over all trials
    double *accuracies;        // (trials), on the sampled chips; the caller's memory
};
// The same in a subprocess, with how->threads worker processes below it. Ownership as above.
bool fault_accuracy_apart(const struct faults_params *faults, const struct model_parts *parts,
                          const struct subprocess *how, struct fault_accuracy *out,
                          struct err *err);

// Mean and standard deviation (0 if n is 1) of n values.
void fault_accuracy_spread(size_t n, const double *values, double *mean, double *deviation);
