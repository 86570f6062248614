// Shared by eval and sweep: loads chip, net, weights and data, and runs test images through one
// sampled chip.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nets/kernels/kernels.h"
#include "sim/crossbar/activity.h"
#include "sim/crossbar/fault.h"
#include "sim/crossbar/loss.h"
#include "sim/crossbar/mitigation.h"
#include "sim/crossbar/spare.h"
#include "tools/study/inputs.h"

struct chip;
struct dataset;
struct err;
struct int_net;
struct mapping;
struct net;
struct weights;

// Part of every stored result's identity: increased by each change that alters the predictions for
// the same chip, net, weights, images and seed.
enum { ACCURACY_MODEL_VERSION = 5 };

struct model_params {
    struct inputs inputs; // form, widths, sets
    const char *chip, *net, *weights;
    const char *data; // a name for dataset_open; NULL: generated images that fit the net
    size_t images;    // the first of the test set; 0: all
    uint64_t seed;
    int workers;                   // processes that share the images; 0: 1
    struct mitigation_params mend; // zeroed: no mitigation
};

struct model {
    struct chip *chip;
    struct net *net;
    struct mapping *map; // NULL if integer is
    struct weights *weights;
    struct int_net *integer;    // NULL: form float, on the chip ideal
    int64_t *ranges;            // of calibrated ADCs; NULL: none is
    const struct dataset *data; // own_data, or borrowed
    struct dataset *own_data;
    size_t images;
    int32_t *reference;            // per image, from model_compare(); NULL: not compared
    struct mitigation_params mend; // may be reduced between trials
    struct dataset *train;         // images for batch-norm re-estimation; NULL without
    double *map_ranges;            // of the k-bit forms, to fold nets again; NULL: binary
};

// Loads everything. If `data` is given, it is borrowed (for callers that load many models on one
// data set); otherwise the data set is opened. The caller zeroes `out`, and unloads it also on
// failure.
bool model_load(const struct model_params *params, const struct dataset *data, struct model *out,
                struct err *err);
void model_unload(struct model *model); // a zeroed one is fine

// Parts that are in memory already. The model takes ownership of members that end in _take, also on
// failure; images are borrowed. No mitigation.
struct model_parts {
    struct chip *chip_take;
    struct net *net_take;
    struct weights *weights_take;
    const struct dataset *data;  // complete
    const struct dataset *train; // its first images calibrate ranges, if the form or chip needs any
    uint64_t seed;
};
bool model_assemble(const struct model_parts *parts, struct model *out, struct err *err);

struct adc_loss {
    struct adc_need need;
    struct adc_count count;
};

struct trial {
    size_t right;  // correct predictions
    size_t differ; // predictions that differ from the reference, if there is one
    struct fault_counts faults;
    int64_t cut;    // conductances clipped at the top of the range
    double dropped; // largest share of a cell's current lost to wire resistance
    struct spare_report spares;
    int64_t channels;   // of re-estimated batch-norms
    size_t adc_images;  // on which ADC losses were counted; 0 if no ADC can lose anything
    double adc_seconds; // duration of the counting
};

enum reference { REFERENCE_INTEGER, REFERENCE_FLOAT };
// Makes later trials count predictions that differ from the lossless reference: the fault-free
// integer network, or the floating-point network.
bool model_compare(struct model *model, enum reference reference, enum cpu_level cpu, int jobs,
                   struct err *err);
// Whether the arrays of a sampled chip are modelled, for this chip and form.
bool model_check(const struct model *model, const struct chip_sample *sample, struct err *err);
// Runs all images through the arrays of one sampled chip, with the model's mitigation, in `jobs`
// processes; the result does not depend on jobs or cpu. adc: one per layer of the net, receives the
// range its ADCs need and what they lose; NULL: not counted. Not filled in the form float.
bool model_trial(const struct model *model, const struct chip_sample *sample, enum cpu_level cpu,
                 int jobs, struct adc_loss *adc, struct trial *out, struct err *err);
// Switching activity of the images in the arrays of one sampled chip with the model's mitigation:
// one per layer of the net. Slow: computes a read-out for every column, row group and bit cycle.
bool model_activity(const struct model *model, const struct chip_sample *sample, enum cpu_level cpu,
                    int jobs, struct activity_shares *layers, struct err *err);
