// Accuracy from a closed form, for searches that train nothing. An assumption, not a measurement:
//     accuracy = ceiling - loss * sum over layers of share_l * r_l^-power
// with r_l the layer's expansion ratio and shares that sum to 1 and fall linearly from the first
// layer to the last by the factor `front` (HAWIS, section IV-E: channels in front count more).
//
// The defaults go through HAWIS's Table II for uniform ResNet-20 on CIFAR-10 at 1x (81.22 %) and 2x
// (88.95 %) and pass its 3x to 6x (91.40, 92.17, 92.77, 92.78 %) by at most 0.27 points.
#pragma once
#include <stddef.h>

#include "sim/conf/conf.h"

struct formula {
    double ceiling, loss, power, front;
};
extern const struct conf_field formula_fields[];

double formula_accuracy(const struct formula *formula, const double *ratios, size_t n);
