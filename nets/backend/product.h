// A matrix product whose every sum runs in one fixed order, at any processor level.
#pragma once
#include <stddef.h>

#include "base/cpu.h"

// c[i][j] += a[i][k] * b[k][j], k ascending, one rounding per multiplication and addition.
struct product {
    size_t rows, terms, columns; // of i, k, j
    const float *a;
    size_t a_row, a_term; // elements from i to i + 1, from k to k + 1
    const float *b;
    size_t b_row; // from k to k + 1; columns are adjacent
    float *c;
    size_t c_row;
};

typedef void (*product_add)(const struct product *p);
// All levels give the same bits.
product_add product_for(enum cpu_level level);
