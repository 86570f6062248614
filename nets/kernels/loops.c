// Compiled once for every processor level, with LEVEL naming the table; the compiler vectorises.
// What it does badly stands in a file of its own per level; the plain loop stays here.
#include <string.h>

#include "nets/kernels/levels.h"
#include "nets/kernels/kernels.h"
#include "base/portable_math.h"
#include "base/portable_math_inline.h"
#include "base/rng.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TABLE JOIN(kernels_, LEVEL)

enum { LANES = 8, BOTH = 2 * LANES }; // BOTH: signs, or numbers of a pair

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

#ifndef COUNT_WINDOWS
#define COUNT_WINDOWS count_windows
static void count_window(const struct windows *w, const uint8_t *window, const uint64_t *masks,
                         int32_t *restrict sums)
{
    int32_t sum[LANES] = {0};
    for (int line = 0; line < w->lines; line++)
        for (int word = 0; word < w->line_words; word++, masks += BOTH) {
            uint64_t bits;
            memcpy(&bits, window + (size_t)line * w->line_step + (size_t)word * 8, sizeof bits);
            for (int c = 0; c < LANES; c++)
                sum[c] += __builtin_popcountll(bits & masks[c]) -
                          __builtin_popcountll(bits & masks[LANES + c]);
        }
    memcpy(sums, sum, sizeof sum);
}

static void count_windows(const struct windows *w, int32_t *sums)
{
    size_t block = (size_t)w->lines * w->line_words * 2 * LANES;
    for (int c = 0; c < w->columns; c += LANES)
        for (int i = 0; i < w->n; i++)
            count_window(w, w->map + (size_t)i * w->window_step, w->masks + c / LANES * block,
                         sums + (size_t)i * w->columns + c);
}
#endif

static void add_looked_up(const int32_t *restrict table, const int32_t *restrict at, size_t n,
                          int32_t *restrict sums)
{
    for (size_t i = 0; i < n; i++)
        sums[i] += table[at[i]];
}

#if !defined(THRESHOLD) || !defined(ADD_RESIDUAL)
// Eight bytes of 0 or 1 to eight bits, the first lowest.
static uint8_t join_bits(const uint8_t set[LANES])
{
    uint64_t bytes = 0;
    for (int i = 0; i < LANES; i++)
        bytes |= (uint64_t)set[i] << (8 * i);
    return (uint8_t)(bytes * 0x0102040810204080 >> 56);
}
#endif

#ifndef THRESHOLD
#define THRESHOLD threshold
static void threshold(const int32_t *restrict sums, const int32_t *restrict low,
                      const int32_t *restrict high, int windows, int columns,
                      uint8_t *restrict bits)
{
    for (int i = 0; i < windows; i++)
        for (int c = 0; c < columns; c += LANES, sums += LANES) {
            uint8_t set[LANES];
            for (int k = 0; k < LANES; k++)
                set[k] = (uint8_t)((sums[k] >= low[c + k]) & (sums[k] <= high[c + k]));
            *bits++ = join_bits(set);
        }
}
#endif

#ifndef ADD_RESIDUAL
#define ADD_RESIDUAL add_residual
static void add_residual(const struct residual *r, const int32_t *restrict sums,
                         const int32_t *restrict shortcut, int windows, int columns,
                         int32_t *restrict stream, uint8_t *restrict bits)
{
    int64_t round = r->shift ? (int64_t)1 << (r->shift - 1) : 0, half = r->half;
    int64_t least = r->low, most = r->high;
    int shift = r->shift;
    for (size_t i = 0, n = (size_t)windows * columns; i < n; i += LANES) {
        size_t c = i % (size_t)columns;
        int64_t v[LANES];
        uint8_t set[LANES];
        for (int k = 0; k < LANES; k++)
            v[k] = (int64_t)r->mul[c + k] * sums[i + k] + r->offset[c + k];
        for (int k = 0; k < LANES && shortcut; k++)
            v[k] += (int64_t)r->res[c + k] * shortcut[i + k];
        for (int k = 0; k < LANES; k++) {
            set[k] = v[k] > half;
            int64_t q = (v[k] + round) >> shift;
            q = q < least ? least : q;
            stream[i + k] = (int32_t)(q > most ? most : q);
        }
        *bits++ = join_bits(set);
    }
}
#endif

#ifndef DRAW
#define DRAW draw
// Those of the levels write up to a multiple of LANES.
static void draw(const uint32_t key[2], const uint32_t counter[4], int n, uint64_t *u)
{
    for (int i = 0; i < n; i++) {
        uint32_t at[4] = {counter[0], counter[1], counter[2] + ((uint32_t)i << 16), counter[3]};
        uint32_t out[4];
        rng_philox(at, key, out);
        u[i] = (uint64_t)out[1] << 32 | out[0];
    }
}
#endif

static void stick(const struct stuck *s, const uint32_t counter[4], int n, uint8_t *restrict faults)
{
    uint64_t u[STUCK_MOST], low = s->low_last, high = s->high_last;
    uint8_t any_low = s->any_low, any_high = s->any_high;
    DRAW(s->key, counter, n, u);
    for (int i = 0; i < n; i++) {
        uint8_t is_low = (uint8_t)(any_low & (u[i] <= low));
        uint8_t is_high = (uint8_t)(any_high & (~u[i] <= high));
        faults[i] = (uint8_t)(is_low | (is_high & ~is_low) << 1);
    }
}

static void draw_normals(const uint32_t key[2], const uint32_t counter[4], int n,
                         double *restrict x)
{
    uint64_t u[STUCK_MOST];
    int tails[STUCK_MOST] = {0}, n_tails = 0;
    DRAW(key, counter, n, u);
    for (int i = 0; i < n; i++)
        x[i] = num_share((uint32_t)(u[i] >> 32)) - 0.5;
    for (int i = 0; i < n; i++) {
        tails[n_tails] = i;
        n_tails += (x[i] > NUM_MIDDLE) | (x[i] < -NUM_MIDDLE);
    }
    for (int i = 0; i < n; i++)
        x[i] = num_normal_middle(x[i]);
    for (int i = 0; i < n_tails; i++)
        x[tails[i]] = num_normal((uint32_t)(u[tails[i]] >> 32));
}

static void vary(const struct variation *v, const uint32_t counter[4], int n,
                 const uint16_t *restrict levels, int32_t *restrict units)
{
    double theta[STUCK_MOST], of_drift[STUCK_MOST], most = v->most;
    draw_normals(v->key, counter, n, theta);
    for (int i = 0; i < n; i++)
        theta[i] = v->sigma * theta[i] + v->drift;
    if (v->drift_spread > 0) {
        draw_normals(v->drift_key, counter, n, of_drift);
        for (int i = 0; i < n; i++)
            theta[i] += v->drift_spread * of_drift[i];
    }
    for (int i = 0; i < n; i++) {
        double g = (v->lowest + v->step * levels[i]) * num_exp_inline(-theta[i]) + 0.5;
        units[i] = (int32_t)(g > most ? most : g);
    }
}

static void set_bits(const int32_t *restrict w, int columns, uint64_t bit, uint64_t *restrict plus,
                     uint64_t *restrict minus)
{
    for (int c = 0; c < columns; c++) {
        plus[c] |= w[c] > 0 ? bit : 0;
        minus[c] |= w[c] < 0 ? bit : 0;
    }
}

#ifndef DOT_WINDOWS
#define DOT_WINDOWS dot_windows
static void dot_window(const struct pairs *p, const int16_t *window, const int16_t *w,
                       int32_t *restrict sums)
{
    int32_t sum[LANES] = {0};
    for (int line = 0; line < p->lines; line++, window += p->line_step)
        for (size_t i = 0; i < (size_t)p->line_pairs; i++, w += BOTH)
            for (size_t c = 0; c < LANES; c++)
                sum[c] += window[2 * i] * w[2 * c] + window[2 * i + 1] * w[2 * c + 1];
    memcpy(sums, sum, sizeof sum);
}

static void dot_windows(const struct pairs *p, int32_t *sums)
{
    size_t block = (size_t)p->lines * p->line_pairs * 2 * LANES;
    for (int c = 0; c < p->columns; c += LANES)
        for (int i = 0; i < p->n; i++)
            dot_window(p, p->map + (size_t)i * p->window_step, p->weights + c / LANES * block,
                       sums + (size_t)i * p->columns + c);
}
#endif

// Four rows of sums stay in registers; gcc makes vectors of loops of 32, of shorter ones it makes
// straight lines first.
static void add_four(const struct dense *d, const float *a, const float *b, float *c)
{
    float s0[DENSE_LANES], s1[DENSE_LANES], s2[DENSE_LANES], s3[DENSE_LANES];
    size_t columns = (size_t)d->columns, row = d->a_row;
    memcpy(s0, c, sizeof s0);
    memcpy(s1, c + columns, sizeof s1);
    memcpy(s2, c + 2 * columns, sizeof s2);
    memcpy(s3, c + 3 * columns, sizeof s3);
    for (int k = 0; k < d->terms; k++, a += d->a_term, b += columns) {
        float x0 = a[0], x1 = a[row], x2 = a[2 * row], x3 = a[3 * row];
        for (int j = 0; j < DENSE_LANES; j++) {
            s0[j] += x0 * b[j];
            s1[j] += x1 * b[j];
            s2[j] += x2 * b[j];
            s3[j] += x3 * b[j];
        }
    }
    memcpy(c, s0, sizeof s0);
    memcpy(c + columns, s1, sizeof s1);
    memcpy(c + 2 * columns, s2, sizeof s2);
    memcpy(c + 3 * columns, s3, sizeof s3);
}

static void add_one(const struct dense *d, const float *a, const float *b, float *c)
{
    float s[DENSE_LANES];
    memcpy(s, c, sizeof s);
    for (int k = 0; k < d->terms; k++, a += d->a_term, b += d->columns) {
        float x = a[0];
        for (int j = 0; j < DENSE_LANES; j++)
            s[j] += x * b[j];
    }
    memcpy(c, s, sizeof s);
}

static void add_dense(const struct dense *d)
{
    for (int j = 0; j < d->columns; j += DENSE_LANES) {
        int i = 0;
        for (; i + 4 <= d->rows; i += 4)
            add_four(d, d->a + (size_t)i * d->a_row, d->b + j, d->c + (size_t)i * d->columns + j);
        for (; i < d->rows; i++)
            add_one(d, d->a + (size_t)i * d->a_row, d->b + j, d->c + (size_t)i * d->columns + j);
    }
}

#ifndef ADD_STEPS
#define ADD_STEPS add_steps
static void add_steps(const struct quantiser *q, const int32_t *restrict v, size_t n,
                      int32_t *restrict sums)
{
    double scale = q->scale, half = q->half, low = q->low, high = q->high;
    for (size_t i = 0; i < n; i++) {
        double step = v[i] * scale + half;
        step = step < low ? low : step;
        step = step > high ? high : step;
        int32_t toward_zero = (int32_t)step;
        sums[i] += toward_zero - (toward_zero > step);
    }
}
#endif

#ifndef SPREAD
#define SPREAD spread
static void spread(const uint8_t *bits, size_t step, int n, int first, int channels, int16_t *to)
{
    for (int i = 0; i < n; i++, bits += step)
        for (int bit = first; bit < first + channels; bit++)
            *to++ = (int16_t)(bits[bit / 8] >> bit % 8 & 1);
}
#endif

const struct kernels TABLE = {count_bits,   add_row,   COUNT_WINDOWS, THRESHOLD, add_looked_up,
                              ADD_RESIDUAL, stick,     DOT_WINDOWS,   ADD_STEPS, SPREAD,
                              set_bits,     add_dense, vary};
