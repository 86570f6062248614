// What the arrays compute: without faults and with enough ADC bits it is the whole-number net, bit
// for bit; faults strike addresses, not weights.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/float_net.h"
#include "nets/int_net.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/portable_math.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/packed.h"
#include "sim/crossbar/sections.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"

// The fast way of binary nets, where it is open to them, against the plain one.
static bool expect_packed_same(const struct model *m, const struct level_model *arrays)
{
    struct packed *packed = packed_create(arrays);
    if (!packed)
        return false;
    struct int_net_run *plain = int_net_run_create(m->integer);
    struct packed_run *fast = packed_run_create(packed);
    struct array_worker *worker = array_worker_create(arrays);
    uint32_t x = 3;
    uint8_t image[192];
    for (int i = 0; i < 20; i++) {
        model_image(&x, image);
        const int64_t *want = int_net_run_image(plain, image, level_model_matrix, worker);
        assert_memory_equal(packed_run_image(fast, image), want, 10 * sizeof *want);
    }
    array_worker_destroy(worker);
    packed_run_destroy(fast);
    int_net_run_destroy(plain);
    packed_destroy(packed);
    return true;
}

static void expect_same(const struct model *m, const struct level_model *arrays)
{
    struct int_net_run *a = int_net_run_create(m->integer), *b = int_net_run_create(m->integer);
    struct array_worker *worker = array_worker_create(arrays);
    uint32_t x = 3;
    uint8_t image[192];
    int64_t want[10];
    for (int i = 0; i < 20; i++) {
        model_image(&x, image);
        memcpy(want, int_net_run_image(a, image, int_net_matrix_reference, m->integer),
               sizeof want);
        assert_memory_equal(int_net_run_image(b, image, level_model_matrix, worker), want,
                            sizeof want);
    }
    array_worker_destroy(worker);
    int_net_run_destroy(a);
    int_net_run_destroy(b);
}

static void lossless_arrays_are_the_whole_number_net(void **state)
{
    (void)state;
    static const char *const wide[] = {"adc={preset: none, bits: 20, time: 1 ns, energy: 1 pJ, "
                                       "area: 1 um2}",
                                       NULL};
    static const char *const dense[] = {"adc={preset: none, bits: 20, time: 1 ns, energy: 1 pJ, "
                                        "area: 1 um2}",
                                        "mapping.policy=dense", NULL};
    static const char *const rows[] = {"adc={preset: none, bits: 20, time: 1 ns, energy: 1 pJ, "
                                       "area: 1 um2}",
                                       "crossbar.rows=100", "dac.count=70", NULL};
    static const char *const multi[] = {"adc={preset: none, bits: 20, time: 1 ns, energy: 1 pJ, "
                                        "area: 1 um2}",
                                        "cell.bits=7", NULL};
    const struct {
        const char *chip, *form;
        const char *const *sets;
    } cases[] = {
        {"hawis", "binary", wide},    {"hawis", "binary", dense},   {"hawis", "binary", rows},
        {"hawis-q8", "binary", wide}, {"isaac-ce", "binary", wide}, {"ideal", "binary", NULL},
        {"hawis", "int8", wide},      {"hawis", "int8", multi},     {"hawis", "int8", dense},
        {"hawis-q8", "int8", wide},   {"isaac-ce", "int8", wide},   {"isaac-ce", "int16", wide},
        {"ideal", "int8", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model m = model_make(cases[i].chip, cases[i].form, cases[i].sets);
        for (int level = 0; level < CPU_LEVELS; level++) {
            struct level_model *arrays = level_model_make(&m, 0, 0, 1, (enum cpu_level)level);
            expect_same(&m, arrays);
            assert_int_equal(expect_packed_same(&m, arrays), !strcmp(cases[i].form, "binary"));
            level_model_destroy(arrays);
        }
        model_free(&m);
    }
}

// With ADCs that clip and round, broken cells, and read-outs that cut channels anywhere.
static void packed_maps_lose_what_arrays_lose(void **state)
{
    (void)state;
    static const char *const more[][2] = {
        {NULL, NULL}, {"mapping.policy=dense", NULL}, {"crossbar.rows=100", "dac.count=37"}};
    for (int bits = 2; bits <= 8; bits++)
        for (size_t i = 0; i < 3; i++) {
            char adc[120];
            snprintf(adc, sizeof adc,
                     "adc={preset: none, bits: %d, time: 1 ns, energy: 1 pJ, area: 1 um2}", bits);
            const char *const sets[] = {adc, more[i][0], more[i][1], NULL};
            struct model m = model_make("hawis", "binary", sets);
            for (int level = 0; level < CPU_LEVELS; level++) {
                struct level_model *arrays =
                    level_model_make(&m, 0.05, 0.1, 3, (enum cpu_level)level);
                assert_true(expect_packed_same(&m, arrays));
                level_model_destroy(arrays);
            }
            model_free(&m);
        }
}

// 128 rows, all on and all +1, are one more than 8 bits with a sign hold.
static void one_too_many_is_clipped(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "binary", NULL);
    int32_t *w = mem_alloc((size_t)m.s.net->layers[1].weights, sizeof *w);
    for (int64_t i = 0; i < m.s.net->layers[1].weights; i++)
        w[i] = 1;
    m.integer->layers[1].w = w;
    struct level_model *arrays = level_model_make(&m, 0, 0, 1, CPU_AVX512);
    struct packed *packed = packed_create(arrays);
    assert_non_null(packed);
    assert_int_equal(packed->layers[1].n_sections, 2); // 216 rows in two read-outs
    assert_int_equal(packed->layers[1].codes[128 + 128], 127);
    assert_int_equal(packed->layers[1].codes[128 - 128], -128);
    assert_int_equal(packed->layers[2].n_sections, 1); // its weights are mixed
    packed_destroy(packed);
    level_model_destroy(arrays);
    free(w);
    model_free(&m);
}

// The folded threshold against the multiply-add that it stands for, at its borders, at the ends of
// what sums can be and in between.
static void thresholds_are_the_multiply_add(void **state)
{
    (void)state;
    uint32_t x = 17;
    for (int i = 0; i < 3000; i++) {
        int64_t mul = (int64_t)(model_random(&x) % 2001) - 1000, half = model_random(&x) % 5000;
        int64_t offset =
            ((int64_t)model_random(&x) - (1 << 23)) * (i % 3 == 0 ? 1 << 12 : 1) / (i % 5 + 1);
        struct int_layer layer = {.mul = &mul, .offset = &offset, .half = half};
        int32_t low, high;
        int_net_threshold(&layer, 0, &low, &high);
        int64_t at[9] = {INT32_MIN, INT32_MIN + 1,    INT32_MAX - 1,     INT32_MAX, low,
                         high,      (int64_t)low - 1, (int64_t)high + 1, 0};
        for (int64_t k = -3000; k < 3009; k++) {
            int64_t acc = k < 3000 ? k : at[k - 3000];
            if (acc < INT32_MIN || acc > INT32_MAX)
                continue;
            assert_int_equal(low <= acc && acc <= high, mul * acc + offset > half);
        }
    }
}

// The binary net in floating point and in whole numbers (with a fine residual stream): the same
// class.
static void whole_numbers_follow_floats(void **state)
{
    (void)state;
    static const char *const fine[] = {"net.residual_bits=24", NULL};
    struct model m = model_make("hawis", "binary", fine);
    struct float_net *forward = float_net_create(m.s.net, m.weights);
    struct int_net_run *run = int_net_run_create(m.integer);
    uint32_t x = 5;
    uint8_t image[192];
    for (int i = 0; i < 50; i++) {
        model_image(&x, image);
        const float *real = float_net_run(forward, image);
        const int64_t *whole = int_net_run_image(run, image, int_net_matrix_reference, m.integer);
        int best = 0;
        for (int c = 1; c < 10; c++)
            best = real[c] > real[best] ? c : best;
        assert_int_equal(int_net_class(whole, 10), best);
    }
    int_net_run_destroy(run);
    float_net_destroy(forward);
    model_free(&m);
}

static int64_t differing(const struct model *m, const struct level_model *a,
                         const struct level_model *b)
{
    int64_t n = 0;
    for (size_t i = 1; i < m->s.net->n; i++) {
        const struct layer *l = &m->s.net->layers[i];
        for (int o = 0; l->weights && o < l->out_c; o++)
            for (int r = 0; r < l->weights / l->out_c; r++)
                n += level_model_weight(a, (int)i, o, r) != level_model_weight(b, (int)i, o, r);
    }
    return n;
}

static int64_t weights_in(const struct net *net)
{
    int64_t n = 0;
    for (size_t i = 0; i < net->n; i++)
        n += net->layers[i].weights;
    return n;
}

static void counts_are_what_was_asked_for(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "binary", NULL);
    const double rates[][2] = {{0.01, 0}, {0, 0.1}, {0.0175, 0.0904}, {0.5, 0.5}};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct level_model *arrays = level_model_make(&m, rates[i][0], rates[i][1], 11, CPU_SCALAR);
        struct fault_counts c = level_model_faults(arrays);
        assert_int_equal(c.cells, 2 * weights_in(m.s.net)); // two cells a weight
        for (int k = 0; k < 2; k++) {
            double p = rates[i][k], n = (double)c.cells;
            double hit = (double)(k ? c.hrs : c.lrs);
            assert_true(fabs(hit - p * n) <= 4 * sqrt(n * p * (1 - p)) + 1e-9);
        }
        level_model_destroy(arrays);
    }
    model_free(&m);
}

static void maps_are_nested(void **state)
{
    (void)state;
    struct chip_sample low = {{.stuck_lrs = 0.02, .stuck_hrs = 0.03}, 5, 0};
    struct chip_sample high = {{.stuck_lrs = 0.04, .stuck_hrs = 0.09}, 5, 0};
    int hit = 0;
    for (int i = 0; i < 20000; i++) {
        struct cell_address at = {i % 3, 1, 2, 0, i % 2, i % 256, i / 256};
        enum cell_fault fault = fault_cell(&low, &at);
        if (fault != CELL_FINE)
            assert_int_equal(fault_cell(&high, &at), fault);
        hit += fault != CELL_FINE;
    }
    assert_true(hit > 800 && hit < 1200);
}

static void rows_are_drawn_as_their_cells(void **state)
{
    (void)state;
    enum { CELLS = 300 };
    const double rates[][2] = {{0.3, 0.2}, {0, 0.5}, {0.5, 0}, {1, 0}, {0, 1}, {0.6, 0.4}, {0, 0}};
    uint32_t x = 23;
    for (int i = 0; i < 42; i++) {
        struct chip_sample faults = {{.stuck_lrs = rates[i % 7][0], .stuck_hrs = rates[i % 7][1]},
                                     (uint64_t)model_random(&x) << 24 | model_random(&x),
                                     model_random(&x)};
        struct cell_address at = {i, i / 2, i % 5, i % 3, i % 2, i * 7, i % 11};
        enum cell_fault want[CELLS];
        for (int c = 0; c < CELLS; c++) {
            struct cell_address one = at;
            one.column += c;
            want[c] = fault_cell(&faults, &one);
        }
        for (int level = 0; level < CPU_LEVELS; level++)
            for (int n = i % 7 ? CELLS - i : CELLS; n > 0; n /= 2) {
                uint8_t found[CELLS];
                fault_row(&faults, kernels_for(cpu_best((enum cpu_level)level)), &at, n, found);
                for (int c = 0; c < n; c++)
                    assert_int_equal(found[c], want[c]);
            }
    }
}

static void all_stuck_is_what_theory_says(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "binary", NULL);
    for (int k = 0; k < 2; k++) { // both cells of a pair alike: every weight is 0
        struct level_model *arrays = level_model_make(&m, k ? 1 : 0, k ? 0 : 1, 1, CPU_SCALAR);
        struct fault_counts c = level_model_faults(arrays);
        assert_int_equal(k ? c.lrs : c.hrs, c.cells);
        for (size_t i = 1; i < m.s.net->n; i++)
            for (int r = 0; m.s.net->layers[i].weights && r < 20; r++)
                assert_int_equal(level_model_weight(arrays, (int)i, 1, r), 0);
        level_model_destroy(arrays);
    }
    model_free(&m);
}

// Law 2: a binary weight loses its value with either kind of fault alike.
static void both_kinds_erase_alike(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "binary", NULL);
    struct level_model *fine = level_model_make(&m, 0, 0, 1, CPU_SCALAR);
    double n = (double)weights_in(m.s.net), p = 0.05, lost[2] = {0};
    for (int k = 0; k < 2; k++)
        for (uint64_t seed = 1; seed <= 4; seed++) {
            struct level_model *broken =
                level_model_make(&m, k ? p : 0, k ? 0 : p, seed, CPU_SCALAR);
            lost[k] += (double)differing(&m, fine, broken);
            level_model_destroy(broken);
        }
    double sigma = sqrt(4 * n * p * (1 - p));
    assert_true(fabs(lost[0] - 4 * n * p) < 4 * sigma);
    assert_true(fabs(lost[0] - lost[1]) < 6 * sigma);
    level_model_destroy(fine);
    model_free(&m);
}

static void another_place_is_hit_elsewhere(void **state)
{
    (void)state;
    static const char *const there[] = {"mapping.placement=random", NULL};
    struct model a = model_make("hawis", "binary", NULL), b = model_make("hawis", "binary", there);
    struct level_model *x = level_model_make(&a, 0.05, 0.05, 9, CPU_SCALAR);
    struct level_model *again = level_model_make(&a, 0.05, 0.05, 9, CPU_SCALAR);
    struct level_model *y = level_model_make(&b, 0.05, 0.05, 9, CPU_SCALAR);
    assert_int_equal(differing(&a, x, again), 0);
    assert_true(differing(&a, x, y) > 0);
    level_model_destroy(x);
    level_model_destroy(again);
    level_model_destroy(y);
    model_free(&a);
    model_free(&b);
}

// More bits lose less: root mean square error of the first layer's sums over 100,000 columns.
static void finer_adcs_are_nearer(void **state)
{
    (void)state;
    double last = 1e300;
    for (int bits = 2; bits <= 8; bits++) {
        char adc[120];
        snprintf(adc, sizeof adc,
                 "adc={preset: none, bits: %d, time: 1 ns, energy: 1 pJ, area: 1 um2}", bits);
        const char *const sets[] = {adc, NULL};
        struct model m = model_make("hawis", "binary", sets);
        struct level_model *arrays = level_model_make(&m, 0, 0, 1, CPU_AVX512);
        struct array_worker *worker = array_worker_create(arrays);
        enum { SIZE = 20 * 64, INPUTS = 24 * 64 };
        int32_t in[INPUTS];
        int64_t exact[SIZE], got[SIZE];
        double squares = 0;
        uint32_t x = 1;
        for (int i = 0; i < 80; i++) {
            for (int j = 0; j < INPUTS; j++)
                in[j] = model_random(&x) % 2;
            int_net_matrix_reference(m.integer, 1, in, exact);
            level_model_matrix(worker, 1, in, got);
            for (int j = 0; j < SIZE; j++)
                squares += (double)((exact[j] - got[j]) * (exact[j] - got[j]));
        }
        double rms = sqrt(squares / (double)(80 * SIZE));
        assert_true(rms < last || (rms == 0 && last == 0));
        last = rms;
        array_worker_destroy(worker);
        level_model_destroy(arrays);
        model_free(&m);
    }
    assert_true(last == 0); // 128 rows at once and no sum near 128
}

static void what_is_not_modelled_is_refused(void **state)
{
    (void)state;
    static const char *const coarse[] = {
        "adc={preset: none, bits: 5, time: 1 ns, energy: 1 pJ, area: 1 um2}", NULL};
    static const char *const plain[] = {"crossbar.encoding=plain", NULL};
    static const struct {
        const char *chip, *form;
        const char *const *sets;
        const char *part;
    } cases[] = {{"hawis-sa", "binary", NULL, "one-bit read-outs"},
                 {"hawis", "int8", coarse, "set adc.bits to 6 or more"},
                 {"isaac-ce", "int16", plain, "set adc.bits to 9 or more"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model m = model_make(cases[i].chip, cases[i].form, cases[i].sets);
        struct err err = {0};
        struct chip_sample none = {.seed = 1};
        assert_null(level_model_create(m.s.map, m.integer, &none, CPU_SCALAR, &err));
        if (!strstr(err.text, cases[i].part))
            fail_msg("'%s' does not say '%s'", err.text, cases[i].part);
        model_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lossless_arrays_are_the_whole_number_net),
        cmocka_unit_test(packed_maps_lose_what_arrays_lose),
        cmocka_unit_test(one_too_many_is_clipped),
        cmocka_unit_test(thresholds_are_the_multiply_add),
        cmocka_unit_test(whole_numbers_follow_floats),
        cmocka_unit_test(counts_are_what_was_asked_for),
        cmocka_unit_test(maps_are_nested),
        cmocka_unit_test(rows_are_drawn_as_their_cells),
        cmocka_unit_test(all_stuck_is_what_theory_says),
        cmocka_unit_test(both_kinds_erase_alike),
        cmocka_unit_test(another_place_is_hit_elsewhere),
        cmocka_unit_test(finer_adcs_are_nearer),
        cmocka_unit_test(what_is_not_modelled_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
