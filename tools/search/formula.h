// Accuracy from a closed form, for searches that train nothing. An assumption, not a measurement:
//     accuracy = ceiling - loss * sum over layers of share_l * r_l^-power
// with r_l the layer's expansion ratio and shares that sum to 1 and fall linearly from the first
// layer to the last by the factor `front` (HAWIS, section IV-E: channels in front count more).
//
// The defaults go through HAWIS's Table II for uniform binary ResNet-20 on CIFAR-10 at 1x (81.22 %)
// and 2x (88.95 %) and pass its 3x to 6x (91.40, 92.17, 92.77, 92.78 %) by at most 0.27 points.
// They do not apply to any other net: for those, the job must state all four constants.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/conf/conf.h"

struct err;
struct net;

struct formula {
    double ceiling, loss, power, front;
};
extern const struct conf_field formula_fields[];

double formula_accuracy(const struct formula *formula, const double *ratios, size_t n);

// Refuses a net to which the constants do not apply: unless `root`, of a search job, states all
// four (accuracy.formula), `net` at ratio 1 must have the structure of the binary ResNet-20 for
// CIFAR-10.
bool formula_check(const struct conf_node *root, const struct net *net, struct err *err);
