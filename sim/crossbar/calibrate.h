// Ranges of calibrated ADCs: what the conversions of a layer really meet, in whole numbers.
#pragma once
#include <stdint.h>

#include "nets/kernels/kernels.h"

struct dataset;
struct int_net;
struct mapping;

// Whether any layer's ADC is calibrated, and the images that the most demanding one asks for; 0 if
// none is.
int calibration_images(const struct mapping *mapping);
// Per layer the largest absolute sum that any conversion of it meets on the unbroken chip in the
// first images of a set, as many as its ADC asks for; 0 where the ADC is not calibrated. In the
// steps of level_model.h, before any clipping.
void calibrate(const struct mapping *mapping, const struct int_net *integer,
               const struct dataset *data, enum cpu_level level, int64_t *ranges);

// The same map by map: sums of the unbroken chip for a whole map (calibration_matrix is an
// int_net_matrix, its context a struct calibration), and what they took to make.
struct calibration;
struct calibration *calibration_create(const struct mapping *mapping, const struct int_net *integer,
                                       enum cpu_level level);
void calibration_destroy(struct calibration *calibration); // NULL is fine
void calibration_matrix(void *context, int layer, const int32_t *in, int64_t *acc);
int64_t calibration_range(const struct calibration *calibration, int layer);
