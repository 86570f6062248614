// What eval and sweep share: chip, net, weights and data, loaded; and test images run through one
// draw of broken cells.
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

// Part of every stored result's identity: raised by each change after which the same chip, net,
// weights, images and seed are classified otherwise.
enum { ACCURACY_MODEL_VERSION = 5 };

struct model_params {
    struct inputs inputs; // form, widths, sets
    const char *chip, *net, *weights;
    const char *data; // as dataset_open takes it; NULL: generated images that fit the net
    size_t images;    // of the test part, the first; 0: all
    uint64_t seed;
    int workers;                   // that share the images out; 0: 1
    struct mitigation_params mend; // zeroed: the chips stay as they are drawn
};

struct model {
    struct chip *chip;
    struct net *net;
    struct mapping *map; // NULL where integer is
    struct weights *weights;
    struct int_net *integer;    // NULL: floating point, on the chip ideal
    int64_t *ranges;            // of calibrated ADCs; NULL: none is
    const struct dataset *data; // own_data, or lent
    struct dataset *own_data;
    size_t images;
    int32_t *reference;            // per image, as model_compare() found it; NULL: not compared
    struct mitigation_params mend; // may be changed to less between trials
    struct dataset *train;         // what batch-norms are mended on; NULL without
    double *map_ranges; // of the k-bit forms, for nets that are folded anew; NULL: binary
};

// Loads all of it. `data` is lent if it is given, for callers who load many models on one set;
// otherwise it is opened. `out` is zeroed by the caller, and to be unloaded also on failure.
bool model_load(const struct model_params *params, const struct dataset *data, struct model *out,
                struct err *err);
void model_unload(struct model *model); // a zeroed one is fine

// What is in memory already. What ends in _take is the model's from then on, also on failure;
// images are lent. Nothing is mended.
struct model_parts {
    struct chip *chip_take;
    struct net *net_take;
    struct weights *weights_take;
    const struct dataset *data;  // all of it
    const struct dataset *train; // its first images say what ranges are needed, where any are
    uint64_t seed;
};
bool model_assemble(const struct model_parts *parts, struct model *out, struct err *err);

struct adc_loss {
    struct adc_need need;
    struct adc_count count;
};

struct trial {
    size_t right;  // images that are classified right
    size_t differ; // images that are classified otherwise than by the reference, if there is one
    struct fault_counts faults;
    int64_t cut;    // conductances above the range
    double dropped; // largest share of a cell's current that wires take
    struct spare_report spares;
    int64_t channels;   // of mended batch-norms
    size_t adc_images;  // on which losses of ADCs were counted; 0 where none can lose anything
    double adc_seconds; // that the counting took
};

enum reference { REFERENCE_INTEGER, REFERENCE_FLOAT };
// Has later trials count the images that they classify otherwise than the same net in which nothing
// is lost: in whole numbers, the net that exact arrays are, or in floating point.
bool model_compare(struct model *model, enum reference reference, enum cpu_level cpu, int jobs,
                   struct err *err);
// Whether the arrays of a draw are modelled, on this chip and in this form.
bool model_check(const struct model *model, const struct chip_sample *sample, struct err *err);
// Runs all images through the arrays of one draw, mended as the model says, in `jobs` processes;
// the result does not depend on jobs or cpu. adc: one for each layer of the net, filled with what
// its ADCs need and lose; NULL: not counted. Nothing is filled in the form float.
bool model_trial(const struct model *model, const struct chip_sample *sample, enum cpu_level cpu,
                 int jobs, struct adc_loss *adc, struct trial *out, struct err *err);
// What the images switch in the arrays of one draw, mended likewise: one for each layer of the net.
// Slow: a read-out is computed for every column, group of rows and bit cycle.
bool model_activity(const struct model *model, const struct chip_sample *sample, enum cpu_level cpu,
                    int jobs, struct activity_shares *layers, struct err *err);
