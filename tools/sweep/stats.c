#include "tools/sweep/stats.h"

#include <math.h>

// From the closed form of the distribution (Abramowitz and Stegun 26.7.3 and 26.7.4).
static const double student[] = {12.706204736, 4.302652730, 3.182446305, 2.776445105, 2.570581836,
                                 2.446911851,  2.364624252, 2.306004135, 2.262157163, 2.228138852,
                                 2.200985160,  2.178812830, 2.160368656, 2.144786688, 2.131449546,
                                 2.119905299,  2.109815578, 2.100922040, 2.093024054, 2.085963447};
enum { STUDENT_N = sizeof student / sizeof *student };

// Above the table the expansion in 1 / degrees, Abramowitz and Stegun 26.7.5: error below 2e-7
// from 21 degrees on.
double stats_student(size_t degrees)
{
    if (degrees <= STUDENT_N)
        return student[degrees - 1];
    const double z = 1.959963984540054, v = (double)degrees;
    const double z2 = z * z;
    double g1 = z * (z2 + 1) / 4;
    double g2 = z * ((5 * z2 + 16) * z2 + 3) / 96;
    double g3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
    double g4 = z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
    return z + (g1 + (g2 + (g3 + g4 / v) / v) / v) / v;
}

static struct stats make(size_t n, double mean, double squares)
{
    struct stats s = {.n = n, .mean = mean};
    if (n < 2)
        return s;
    s.deviation = sqrt(squares / (double)(n - 1));
    s.interval = stats_student(n - 1) * s.deviation / sqrt((double)n);
    return s;
}

struct stats stats_of(const double *values, size_t n)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return make(n, mean, squares);
}

void stats_add(struct stats_sum *sum, double value)
{
    double distance = value - sum->mean;
    sum->n++;
    sum->mean += distance / (double)sum->n;
    sum->squares += distance * (value - sum->mean);
}

struct stats stats_end(const struct stats_sum *sum)
{
    return make(sum->n, sum->mean, sum->squares);
}
