// One-bit read-outs: a comparator (sense amplifier) replaces the ADC, for binary differential
// pairs. Each read-out (one column, one group of simultaneously driven rows) votes +1 if its
// difference is at or above its reference, else -1. The digital side adds the votes of all
// read-outs of an output and computes
//     sum = floor(T + worth * votes + 1/2)
// T, the reference of the complete sum, is a constant of each output channel. A read-out's
// reference is its share of T by rows: T * rows / rows of the layer.
// - Where the sum feeds only a threshold, T is the folded batch-norm threshold, half-way between
//   the sums on its two sides. A layer with one read-out is then exact: its vote is the activation.
//   Several read-outs decide by majority; a tie counts as at or above T.
// - Otherwise (a residual add or a shortcut reads the sum, or the sum is a logit) T is the sum at
//   which the batch-norm is 0, and only the number of votes remains of the sum.
// worth: the mean absolute difference of n rows, sqrt(n / pi), if half of the inputs are on and the
// weights are +-1 at random; n: rows of the largest read-out.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct err;
struct int_net;
struct mapping;

// Whether a layer has one-bit read-outs.
bool comparator_reads(const struct mapping *mapping, int layer);
// Fails for anything but binary differential pairs subtracted before the ADC, for activations of -1
// and +1, and for calibrated ranges.
bool comparator_check(const struct mapping *mapping, int layer, struct err *err);
double comparator_worth(const struct mapping *mapping, int layer);
// references[out]: T of the net as currently folded.
void comparator_references(const struct int_net *net, int layer, double *references);
// Whether a layer's votes are its activations: one read-out, and only a threshold reads it.
bool comparator_exact(const struct mapping *mapping, const struct int_net *net, int layer);
