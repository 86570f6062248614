// The result of an evaluation as text or JSON, on standard output.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/crossbar/fault.h"

struct adc_loss;
struct mitigation_report;
struct model;
struct model_params;
struct warnings;

struct eval_report {
    const struct model *model;
    const struct model_params *params;
    const char *command;
    unsigned trials;
    double *accuracy;                  // per trial
    struct fault_counts faults;        // of all trials
    int64_t cut;                       // conductances above the range, of all trials
    size_t differ;                     // images, of all trials; where model->reference is
    const char *reference;             // "integer", "float": what they differ from
    double dropped;                    // largest share of a cell's current that wires took
    struct mitigation_report *mending; // NULL: no mitigation
    struct adc_loss *adc;              // of the first chip, by layer; NULL in the form float
    size_t adc_images;                 // on which conversions were counted
    bool adc_table;                    // print all layers
    double seconds;
    const struct warnings *warnings;
};

void print_eval_text(const struct eval_report *report);
void print_eval_json(const struct eval_report *report); // one object
