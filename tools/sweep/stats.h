// Mean, spread and 95 % interval of a few trials.
#pragma once
#include <stddef.h>

struct stats {
    size_t n;
    double mean;
    double deviation; // of the sample, divisor n - 1; 0, without meaning, for n = 1
    double interval;  // half width of the 95 % interval of the mean; likewise
};

// Of n >= 1 values, summed in their order.
struct stats stats_of(const double *values, size_t n);

// The same, value by value, by Welford's recurrence, which does not need a list of them. Equal to
// stats_of() except for rounding. Initialise with {0}.
struct stats_sum {
    size_t n;
    double mean;
    double squares; // of the distances from the mean
};
void stats_add(struct stats_sum *sum, double value);
struct stats stats_end(const struct stats_sum *sum);

// Student's t: 95 % lie between -q and q at `degrees` >= 1 degrees of freedom.
double stats_student(size_t degrees);
