// The inner loops of matrices on crossbars and of small dense nets, one table per processor level;
// all give the same bits. The scalar one is the reference.
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

// One row of windows on a bit-packed map. A window is `lines` lines of `line_words` 64-bit words
// that start at any byte; reads up to 7 bytes behind a line's last used one.
struct windows {
    const uint8_t *map;    // first byte of the first window
    size_t window_step;    // bytes from window to window
    size_t line_step;      // bytes from line to line of a window
    int n;                 // windows
    int lines, line_words; // of each
    const uint64_t *masks; // (columns / 8, lines * line_words, plus and minus, 8)
    int columns;           // a multiple of 8
};

// One row of windows on a map of small integers, two and two: a window is `lines` lines of
// 2 * line_pairs elements.
struct pairs {
    const int16_t *map;     // the first window's first element
    size_t window_step;     // elements from window to window
    size_t line_step;       // elements from line to line of a window
    int n;                  // windows
    int lines, line_pairs;  // of each
    const int16_t *weights; // (columns / 8, lines * line_pairs, 8, 2)
    int columns;            // a multiple of 8
};

// How sums of the layers with a residual stream leave: v = mul * sum + res * shortcut + offset,
// bit = v > half, stream = round(v / 2^shift) clamped.
struct residual {
    const int32_t *mul, *res; // per column
    const int64_t *offset;
    int shift;
    int64_t half, low, high;
};

// Which of a row of cells are stuck. u of cell i: the first 64 bits of Philox with this key and
// counter + (0, 0, i << 16, 0); the cell is low if u <= low_last, else high if ~u <= high_last.
struct stuck {
    uint32_t key[2];
    bool any_low, any_high; // else none is, whatever the last says
    uint64_t low_last, high_last;
};

// Numbers to whole steps: floor(v * scale + half), not below low, not above high.
struct quantiser {
    double scale, half, low, high;
};
static inline double quantise(const struct quantiser *q, double v)
{
    double step = floor(v * q->scale + q->half);
    return step < q->low ? q->low : step > q->high ? q->high : step;
}

// What cells conduct that vary: G exp(-theta), theta = sigma * normal + drift + drift_spread *
// another normal, in whole units. The normals of cell i: num_normal of the higher half of Philox's
// first 64 bits with the first and the second key, counter as above.
struct variation {
    uint32_t key[2], drift_key[2];
    double lowest, step; // G = lowest + step * level
    double most;         // cut here
    double sigma, drift, drift_spread;
};

enum { STUCK_MOST = 256 }; // cells of one call

// A product of small dense layers: c[i][j] += a[i][k] * b[k][j], terms k one after the other, each
// multiplication and addition rounded, so that all levels give the same bits.
enum { DENSE_LANES = 32 };
struct dense {
    int rows, terms, columns; // columns: a multiple of DENSE_LANES
    const float *a;
    size_t a_row, a_term; // elements from i to i + 1, from k to k + 1
    const float *b;       // (terms, columns)
    float *c;             // (rows, columns)
};

struct kernels {
    // sum[c] += popcount(bits & plus[c]) - popcount(bits & minus[c]) for one word of rows and
    // `columns` columns, a multiple of 8.
    void (*count_bits)(uint64_t bits, const uint64_t *plus, const uint64_t *minus, int columns,
                       int32_t *sum);
    // sum[c] += a * w[c] for one row and `columns` columns, a multiple of 8.
    void (*add_row)(int32_t a, const int16_t *w, int columns, int32_t *sum);
    // sums[window][column] = popcount(window & plus[column]) - popcount(window & minus[column])
    void (*count_windows)(const struct windows *w, int32_t *sums);
    // One bit per sum, eight columns a byte: low[column] <= sum <= high[column].
    void (*threshold)(const int32_t *sums, const int32_t *low, const int32_t *high, int windows,
                      int columns, uint8_t *bits);
    // sums[i] += table[at[i]]; an index may be negative.
    void (*add_looked_up)(const int32_t *table, const int32_t *at, size_t n, int32_t *sums);
    // As struct residual says; shortcut (windows, columns) is NULL if there is none.
    void (*add_residual)(const struct residual *r, const int32_t *sums, const int32_t *shortcut,
                         int windows, int columns, int32_t *stream, uint8_t *bits);
    // Per cell 0 (fine), 1 (stuck low) or 2 (stuck high), of n <= STUCK_MOST cells.
    void (*stick)(const struct stuck *s, const uint32_t counter[4], int n, uint8_t *faults);
    // sums[window][column] = window . weights[column]; no partial sum may leave 32 bits.
    void (*dot_windows)(const struct pairs *p, int32_t *sums);
    // sums[i] += quantise(q, v[i]), which must fit.
    void (*add_steps)(const struct quantiser *q, const int32_t *v, size_t n, int32_t *sums);
    // Bits first .. first + channels of n pixels, `step` bytes apart, to 0 or 1 each: (n,
    // channels). Reads up to 7 bytes behind a pixel's last used one.
    void (*spread)(const uint8_t *bits, size_t step, int n, int first, int channels, int16_t *to);
    // Sets `bit` in plus[c] where w[c] > 0, in minus[c] where w[c] < 0.
    void (*set_bits)(const int32_t *w, int columns, uint64_t bit, uint64_t *plus, uint64_t *minus);
    void (*add_dense)(const struct dense *d);
    // The conductances of n <= STUCK_MOST cells.
    void (*vary)(const struct variation *v, const uint32_t counter[4], int n,
                 const uint16_t *levels, int32_t *units);
};

const struct kernels *kernels_for(enum cpu_level level);
