// Bodies of portable_math.h for loops that the compiler vectorises: no calls, no branches, and the
// same bits at every vector width.
#pragma once
#include <stdint.h>
#include <string.h>

// As num_exp().
static inline double num_exp_inline(double x)
{
    static const double ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45;
    const double to_integer = 0x1.8p52; // added and subtracted again: rounds to an integer
    double shifted = x * 1.4426950408889634 + to_integer, k = shifted - to_integer;
    double r = (x - k * ln2_high) - k * ln2_low;
    double sum = 1.0 / 1307674368000; // Taylor, |r| <= 0.35
    sum = 1.0 / 87178291200 + sum * r;
    sum = 1.0 / 6227020800 + sum * r;
    sum = 1.0 / 479001600 + sum * r;
    sum = 1.0 / 39916800 + sum * r;
    sum = 1.0 / 3628800 + sum * r;
    sum = 1.0 / 362880 + sum * r;
    sum = 1.0 / 40320 + sum * r;
    sum = 1.0 / 5040 + sum * r;
    sum = 1.0 / 720 + sum * r;
    sum = 1.0 / 120 + sum * r;
    sum = 1.0 / 24 + sum * r;
    sum = 1.0 / 6 + sum * r;
    sum = 0.5 + sum * r;
    sum = 1 + sum * r;
    sum = 1 + sum * r;
    uint64_t bits; // the lowest bits hold k
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

static inline double num_ratio(double r, const double a[8], const double b[8])
{
    double p = a[7], q = b[7];
    for (int i = 6; i >= 0; i--) {
        p = p * r + a[i];
        q = q * r + b[i];
    }
    return p / q;
}

// The fraction of 32-bit numbers below u, with u itself counted half.
static inline double num_share(uint32_t u)
{
    // Via signed integers, which every instruction set can convert.
    return ((int32_t)(u ^ 0x80000000) + 2147483648.5) * 0x1p-32;
}

// num_normal() for the fraction q + 1/2 with |q| <= 0.425.
#define NUM_MIDDLE 0.425
static inline double num_normal_middle(double q)
{
    static const double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[8] = {1,
                                4.2313330701600911252e+1,
                                6.8718700749205790830e+2,
                                5.3941960214247511077e+3,
                                2.1213794301586595867e+4,
                                3.9307895800092710610e+4,
                                2.8729085735721942674e+4,
                                5.2264952788528545610e+3};
    return q * num_ratio(0.180625 - q * q, a, b);
}
