#include "models/wire.h"

#include <stddef.h>

// Adds word[i][j] of one row.
static void add_word_line(int columns, const double *g_s, double *sum_s)
{
    double beyond_s = 0, all_s = 0; // of the cells from j on; weighted by distance
    for (int k = 0; k < columns; k++)
        all_s += (k + 1) * g_s[k];
    for (int j = columns - 1; j >= 0; j--) {
        sum_s[j] += all_s;
        beyond_s += g_s[j];
        all_s -= beyond_s;
    }
}

// Adds bit[i][j] of one column.
static void add_bit_line(const struct wire_array *a, const double *g_s, double *sum_s)
{
    size_t step = (size_t)a->columns;
    int end = a->rows + a->rows_below;
    double before_s = 0, all_s = 0; // of the cells up to i; weighted by distance
    for (int k = 0; k < a->rows; k++)
        all_s += (end - k) * g_s[(size_t)k * step];
    for (int i = 0; i < a->rows; i++) {
        sum_s[(size_t)i * step] += all_s;
        before_s += g_s[(size_t)i * step];
        all_s -= before_s;
    }
}

void wire_effective(const struct wire_array *a, const double *g_s, double *effective_s)
{
    size_t n = (size_t)a->rows * a->columns;
    for (size_t i = 0; i < n; i++)
        effective_s[i] = 0;
    for (int i = 0; i < a->rows; i++)
        add_word_line(a->columns, g_s + (size_t)i * a->columns,
                      effective_s + (size_t)i * a->columns);
    for (int j = 0; j < a->columns; j++)
        add_bit_line(a, g_s + j, effective_s + j);
    for (size_t i = 0; i < n; i++)
        effective_s[i] = g_s[i] / (1 + a->segment_ohm * effective_s[i]);
}
