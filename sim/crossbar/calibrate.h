// Ranges of calibrated ADCs: the largest sums that the conversions of a layer produce on training
// images, as integers.
#pragma once
#include <stdint.h>

#include "nets/kernels/kernels.h"

struct dataset;
struct int_net;
struct mapping;

// The largest number of calibration images that any layer's ADC requests; 0 if no ADC is
// calibrated.
int calibration_images(const struct mapping *mapping);
// ranges[layer]: the largest absolute sum of any conversion on the fault-free chip, over the number
// of images that its ADC requests from the start of the set; 0 where the ADC is not calibrated. In
// the steps of level_model.h, before clipping.
void calibrate(const struct mapping *mapping, const struct int_net *integer,
               const struct dataset *data, enum cpu_level level, int64_t *ranges);

// The same, one map at a time: computes the sums of the fault-free chip for a complete map and
// records their range. calibration_matrix is an int_net_matrix whose context is a struct
// calibration.
struct calibration;
struct calibration *calibration_create(const struct mapping *mapping, const struct int_net *integer,
                                       enum cpu_level level);
void calibration_destroy(struct calibration *calibration); // NULL is fine
void calibration_matrix(void *context, int layer, const int32_t *in, int64_t *acc);
int64_t calibration_range(const struct calibration *calibration, int layer);
