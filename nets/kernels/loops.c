// Compiled once for every processor level, with LEVEL naming the table; the compiler vectorises.
#include "nets/kernels/kernels.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TABLE JOIN(kernels_, LEVEL)

extern const struct kernels TABLE;

static void count_bits(uint64_t bits, const uint64_t *restrict plus, const uint64_t *restrict minus,
                       int columns, int32_t *restrict sum)
{
    for (int c = 0; c < columns; c++)
        sum[c] += __builtin_popcountll(bits & plus[c]) - __builtin_popcountll(bits & minus[c]);
}

static void add_row(int32_t a, const int16_t *restrict w, int columns, int32_t *restrict sum)
{
    for (int c = 0; c < columns; c++)
        sum[c] += a * w[c];
}

const struct kernels TABLE = {count_bits, add_row};
