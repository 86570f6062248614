// Every level of the kernels against sums written out here: all ones and noise, and every tail.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/kernels/kernels.h"
#include "base/portable_math.h"
#include "base/rng.h"

enum { COLUMNS = 24, WINDOWS = 9, MAP = 4096 };

static uint64_t draw(uint64_t index, bool noise)
{
    return noise ? rng_u64(1, RNG_SYNTH, index) : UINT64_MAX;
}

static int32_t count(const struct windows *w, int window, int column)
{
    int32_t sum = 0;
    int words = w->lines * w->line_words;
    for (int i = 0; i < words; i++) {
        const uint64_t *masks = w->masks + ((size_t)column / 8 * words + i) * 16 + column % 8;
        const uint8_t *at = w->map + (size_t)window * w->window_step +
                            (size_t)(i / w->line_words) * w->line_step + i % w->line_words * 8;
        for (int bit = 0; bit < 64; bit++) {
            int on = at[bit / 8] >> bit % 8 & 1;
            sum += on * ((int)(masks[0] >> bit & 1) - (int)(masks[8] >> bit & 1));
        }
    }
    return sum;
}

// minus: what the masks of the negative weights hold, all or nothing or noise.
static void expect_counts(const struct kernels *k, int lines, int line_words, bool noise,
                          uint64_t plus, uint64_t minus)
{
    static uint8_t map[MAP];
    size_t words = (size_t)lines * line_words;
    uint64_t *masks = calloc(words * 2 * COLUMNS, sizeof *masks);
    for (size_t i = 0; i < MAP; i++)
        map[i] = (uint8_t)draw(i, noise);
    for (size_t i = 0; i < words * 2 * COLUMNS; i++)
        masks[i] = draw(MAP + i, noise) & (i / 8 % 2 ? minus : plus);
    for (int n = 1; n <= WINDOWS; n++) {
        struct windows w = {.map = map + 1, // words start at any byte
                            .window_step = 3,
                            .line_step = (size_t)line_words * 8 + 5,
                            .n = n,
                            .lines = lines,
                            .line_words = line_words,
                            .masks = masks,
                            .columns = COLUMNS};
        int32_t sums[WINDOWS * COLUMNS];
        k->count_windows(&w, sums);
        for (int i = 0; i < n * COLUMNS; i++)
            assert_int_equal(sums[i], count(&w, i / COLUMNS, i % COLUMNS));
    }
    free(masks);
}

static void bits_are_counted(void **state)
{
    (void)state;
    for (int level = 0; level < CPU_LEVELS; level++) {
        const struct kernels *k = kernels_for(cpu_best((enum cpu_level)level));
        for (int words = 1; words <= 40; words += 3)
            for (int lines = 1; lines <= 3; lines += 2) {
                expect_counts(k, lines, words, true, UINT64_MAX, UINT64_MAX);
                expect_counts(k, lines, words, false, UINT64_MAX, 0);
                expect_counts(k, lines, words, false, 0, UINT64_MAX);
            }
    }
}

static void numbers_are_multiplied(void **state)
{
    (void)state;
    enum { LINES = 3, PAIRS = 7, STEP = 5 };
    static int16_t map[MAP], weights[LINES * PAIRS * 2 * COLUMNS];
    for (size_t i = 0; i < MAP; i++) // -255 .. 255 and weights of 9 bits with signs
        map[i] = (int16_t)(draw(i, true) % 511) - 255;
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
        weights[i] = (int16_t)(draw(MAP + i, true) % 1025) - 512;
    for (int level = 0; level < CPU_LEVELS; level++)
        for (int n = 1; n <= WINDOWS; n++) {
            struct pairs p = {map, STEP, 101, n, LINES, PAIRS, weights, COLUMNS};
            int32_t sums[WINDOWS * COLUMNS];
            kernels_for(cpu_best((enum cpu_level)level))->dot_windows(&p, sums);
            for (int i = 0; i < n * COLUMNS; i++) {
                int32_t want = 0;
                int c = i % COLUMNS;
                for (int j = 0; j < LINES * PAIRS * 2; j++) {
                    int line = j / (2 * PAIRS), at = j % (2 * PAIRS);
                    size_t pair = (size_t)c / 8 * LINES * PAIRS + j / 2;
                    want += map[i / COLUMNS * STEP + line * 101 + at] *
                            weights[(pair * 8 + c % 8) * 2 + j % 2];
                }
                assert_int_equal(sums[i], want);
            }
        }
}

// Sums of floats in one fixed order, so equal bit for bit; rows around the four of a tile.
static void dense_layers_are_multiplied(void **state)
{
    (void)state;
    enum { ROWS = 9, TERMS = 21, WIDE = 2 * DENSE_LANES };
    static float a[ROWS * TERMS], b[TERMS * WIDE];
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        a[i] = (float)(draw(i, true) >> 40) * 0x1p-23F - 1;
    for (size_t i = 0; i < sizeof b / sizeof *b; i++)
        b[i] = (float)(draw(MAP + i, true) >> 40) * 0x1p-20F - 8;
    for (int level = 0; level < CPU_LEVELS; level++)
        for (int rows = 1; rows <= ROWS; rows++)
            for (int turned = 0; turned < 2; turned++) { // a as it stands and transposed
                size_t row = turned ? 1 : TERMS, term = turned ? ROWS : 1;
                float c[ROWS * WIDE], want[ROWS * WIDE];
                for (int i = 0; i < rows * WIDE; i++) {
                    c[i] = want[i] = (float)i;
                    for (size_t k = 0; k < TERMS; k++) {
                        float product = a[i / WIDE * row + k * term] * b[k * WIDE + i % WIDE];
                        want[i] += product;
                    }
                }
                struct dense d = {rows, TERMS, WIDE, a, row, term, b, c};
                kernels_for(cpu_best((enum cpu_level)level))->add_dense(&d);
                assert_memory_equal(c, want, sizeof *c * (size_t)rows * WIDE);
            }
}

static void bits_are_spread(void **state)
{
    (void)state;
    enum { STEP = 13, PIXELS = 7 };
    static uint8_t map[MAP];
    for (size_t i = 0; i < MAP; i++)
        map[i] = (uint8_t)draw(i, true);
    for (int level = 0; level < CPU_LEVELS; level++)
        for (int first = 0; first < 11; first++)
            for (int channels = 1; channels <= 70; channels++) {
                int16_t to[PIXELS * 70 + 1] = {0};
                to[PIXELS * channels] = 77; // what comes behind is left alone
                kernels_for(cpu_best((enum cpu_level)level))
                    ->spread(map, STEP, PIXELS, first, channels, to);
                for (int i = 0; i < PIXELS; i++)
                    for (int c = 0; c < channels; c++) {
                        int bit = first + c;
                        assert_int_equal(to[i * channels + c],
                                         map[i * STEP + bit / 8] >> bit % 8 & 1);
                    }
                assert_int_equal(to[PIXELS * channels], 77);
            }
}

static void numbers_become_steps(void **state)
{
    (void)state;
    static const struct quantiser cases[] = {
        {1, 0.5, -8, 7}, {1 / 1024.0, 0.5, -128, 127}, {1.0 / 3, 0.51, -1e9, 1e9}, {2, 0.5, 0, 40}};
    enum { N = 1001 };
    int32_t v[N], sums[N];
    for (size_t q = 0; q < sizeof cases / sizeof *cases; q++)
        for (int level = 0; level < CPU_LEVELS; level++) {
            for (int i = 0; i < N; i++) {
                v[i] = i < 100 ? i - 50 : (int32_t)draw((uint64_t)i, true) >> 10;
                sums[i] = i;
            }
            kernels_for(cpu_best((enum cpu_level)level))->add_steps(&cases[q], v, N, sums);
            for (int i = 0; i < N; i++)
                assert_int_equal(sums[i] - i, (int32_t)quantise(&cases[q], v[i]));
        }
    assert_int_equal((int)quantise(&cases[0], 2), 2);
    assert_int_equal((int)quantise(&cases[1], -512), 0); // halves go up
    assert_int_equal((int)quantise(&cases[1], -513), -1);
    assert_int_equal((int)quantise(&cases[0], 100), 7);
}

// Against the formula cell by cell, tails and both draws included.
static void cells_vary(void **state)
{
    (void)state;
    enum { N = STUCK_MOST };
    struct variation v = {{1, 2}, {3, 4}, 1.024, 1024, 32767, 0.7, 0.25, 0.125};
    const uint32_t counter[4] = {5, 6, 7 | 8 << 16, 9};
    for (int level = 0; level < CPU_LEVELS; level++)
        for (int spread = 0; spread < 2; spread++)
            for (int n = 1; n <= N; n += n < 20 ? 1 : 59) {
                uint16_t levels[N];
                int32_t units[N + 1] = {0};
                for (int i = 0; i < n; i++)
                    levels[i] = (uint16_t)(i % 2);
                units[n] = 77;
                v.drift_spread = spread * 0.125;
                kernels_for(cpu_best((enum cpu_level)level))->vary(&v, counter, n, levels, units);
                for (int i = 0; i < n; i++) {
                    uint32_t at[4] = {5, 6, 7 | (uint32_t)(8 + i) << 16, 9}, u[4], drift[4];
                    rng_philox(at, v.key, u);
                    rng_philox(at, v.drift_key, drift);
                    double theta = 0.7 * num_normal(u[1]) + 0.25;
                    theta += v.drift_spread * num_normal(drift[1]);
                    double g = (1.024 + 1024 * (i % 2)) * exp(-theta);
                    assert_true(fabs(units[i] - fmin(g, 32767)) <= 0.5 + 1e-9);
                }
                assert_int_equal(units[n], 77);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense_layers_are_multiplied),
        cmocka_unit_test(bits_are_counted),
        cmocka_unit_test(numbers_are_multiplied),
        cmocka_unit_test(cells_vary),
        cmocka_unit_test(bits_are_spread),
        cmocka_unit_test(numbers_become_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
