// Mean, spread and 95 % interval of a few trials.
#pragma once
#include <stddef.h>

struct stats {
    size_t n;
    double mean;
    double deviation; // of the sample, n - 1 below; 0 and without meaning for n = 1
    double interval;  // half width of the 95 % interval of the mean; likewise
};

// Of n >= 1 values, added up in their order.
struct stats stats_of(const double *values, size_t n);
// Student's t: 95 % lie between -q and q at `degrees` >= 1 degrees of freedom.
double stats_student(size_t degrees);
