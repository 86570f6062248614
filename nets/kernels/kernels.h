// The inner loops of matrices on crossbars, one table per processor level; all give the same
// integers. The scalar one is the reference.
#pragma once
#include <stdint.h>

#include "sim/base/cpu.h"

struct kernels {
    // sum[c] += popcount(bits & plus[c]) - popcount(bits & minus[c]) for one word of rows and
    // `columns` columns, a multiple of 8.
    void (*count_bits)(uint64_t bits, const uint64_t *plus, const uint64_t *minus, int columns,
                       int32_t *sum);
    // sum[c] += a * w[c] for one row and `columns` columns, a multiple of 8.
    void (*add_row)(int32_t a, const int16_t *w, int columns, int32_t *sum);
};

const struct kernels *kernels_for(enum cpu_level level);
