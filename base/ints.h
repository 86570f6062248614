// Integer arithmetic that C lacks.
#pragma once
#include <stdint.h>

static inline int min_int(int a, int b)
{
    return a < b ? a : b;
}
static inline int64_t min_int64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
// a / b rounded up, of a >= 0 and b > 0.
static inline int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}
// The smallest number of bits with 2^bits >= n, of n >= 1 up to 2^62.
static inline int log2_ceil(int64_t n)
{
    int bits = 0;
    while ((int64_t)1 << bits < n)
        bits++;
    return bits;
}
