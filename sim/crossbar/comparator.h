// One-bit read-outs: a comparator (sense amplifier) in place of the ADC, for binary pairs whose
// difference is read. Each read-out (column, group of rows driven at once) votes: +1 if its
// difference is at or above its reference, else -1. The digital side adds up the votes of all
// read-outs of an output and takes
//     sum = floor(T + worth * votes + 1/2)
// T, the reference of the whole sum, is a constant of each output channel. A read-out's reference
// is its share of T by rows: T * rows / rows of the layer.
// - Where the sum goes into a threshold alone, T is the folded batch-norm threshold, half-way
//   between the sums on its two sides. A layer of one read-out is exact then: its vote is the
//   activation. Several read-outs decide by majority; a tie counts as at or above T.
// - Else (a residual add or a shortcut reads the sum, or it is a logit) T is where the batch-norm
// is
//   0, and all that is left of the sum is the number of votes.
// worth: the mean absolute difference of n rows, sqrt(n / pi), if half of the inputs are on and
// weights are +-1 at random; n: rows of the largest read-out.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct err;
struct int_net;
struct mapping;

// Whether a layer's read-out has one bit.
bool comparator_reads(const struct mapping *mapping, int layer);
// Refuses what this does not cover: other than binary pairs subtracted before, activations of -1
// and +1, calibrated ranges.
bool comparator_check(const struct mapping *mapping, int layer, struct err *err);
double comparator_worth(const struct mapping *mapping, int layer);
// T, by output channel, of the net as it is folded now.
void comparator_references(const struct int_net *net, int layer, double *references);
// Whether a layer's votes are its activations: one read-out, and a threshold alone reads it.
bool comparator_exact(const struct mapping *mapping, const struct int_net *net, int layer);
