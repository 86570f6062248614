// Cells as conductances: without variation they are levels, with it they follow the formula.
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

#include "nets/forward.h"
#include "nets/integer.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "sim/base/err.h"
#include "sim/base/num.h"
#include "sim/base/mem.h"
#include "sim/chip/chip.h"
#include "sim/infer/analog.h"
#include "sim/infer/array.h"
#include "sim/infer/packed.h"
#include "sim/infer/sections.h"
#include "sim/map/map.h"
#include "tests/infer/model.h"
#include "tests/close.h"

// Compares two ways of computing matrices on random images.
static void expect_agreement(const struct model *m, integer_matrix *one, void *one_context,
                             integer_matrix *other, void *other_context)
{
    struct integer_run *a = integer_run_create(m->integer), *b = integer_run_create(m->integer);
    uint32_t x = 3;
    uint8_t image[192];
    int64_t want[10];
    for (int i = 0; i < 5; i++) {
        model_image(&x, image);
        memcpy(want, integer_run_image(a, image, one, one_context), sizeof want);
        assert_memory_equal(integer_run_image(b, image, other, other_context), want, sizeof want);
    }
    integer_run_destroy(a);
    integer_run_destroy(b);
}

static struct analog *analog_make(const struct model *m, double lrs, double hrs, double sigma)
{
    struct err err = {0};
    struct analog *analog = analog_create(
        m->s.map, m->integer,
        &(struct draw){{.stuck_lrs = lrs, .stuck_hrs = hrs, .sigma = sigma}, 4, 0}, &err);
    if (!analog)
        fail_msg("%s", err.text);
    return analog;
}

static void conductances_without_variation_are_levels(void **state)
{
    (void)state;
    static const char *const adc = "adc={preset: none, bits: 20, time: 1 ns, energy: 1 pJ, area: "
                                   "1 um2}";
    const char *const wide[] = {adc, NULL}, *const after[] = {adc, "crossbar.subtract=after_adc",
                                                              NULL};
    const char *const multi[] = {adc, "cell.bits=7", NULL},
                      *const dacs[] = {adc,
                                       "dac={bits: 8, "
                                       "time: 1 ns, energy: 1 fJ, area: 1 um2}",
                                       NULL};
    const struct {
        const char *chip, *form;
        const char *const *sets;
    } cases[] = {{"hawis", "binary", wide},    {"hawis", "binary", after},
                 {"hawis-q8", "binary", wide}, {"isaac-ce", "binary", wide},
                 {"hawis", "int8", wide},      {"hawis", "int8", after},
                 {"hawis", "int8", multi},     {"hawis", "int8", dacs},
                 {"hawis-q8", "int8", wide},   {"isaac-ce", "int8", wide}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model m = model_make(cases[i].chip, cases[i].form, cases[i].sets);
        struct analog *analog = analog_make(&m, 0, 0, 0);
        struct analog_worker *worker = analog_worker_create(analog);
        expect_agreement(&m, integer_matrix_reference, m.integer, analog_matrix, worker);
        analog_worker_destroy(worker);
        analog_destroy(analog);
        model_free(&m);
    }
}

// The two ways agree where both apply: clipping ADCs, broken cells.
static void conductances_and_levels_agree_when_broken(void **state)
{
    (void)state;
    static const char *const coarse[] = {
        "adc={preset: none, bits: 5, time: 1 ns, energy: 1 pJ, area: 1 um2}", NULL};
    const char *const *const sets[] = {NULL, coarse};
    for (int i = 0; i < 2; i++) {
        struct model m = model_make("hawis", "binary", sets[i]);
        struct analog *analog = analog_make(&m, 0.03, 0.08, 0);
        struct arrays *arrays = arrays_make(&m, 0.03, 0.08, 4, CPU_AVX512);
        struct analog_worker *a = analog_worker_create(analog);
        struct array_worker *b = array_worker_create(arrays);
        expect_agreement(&m, arrays_matrix, b, analog_matrix, a);
        assert_int_equal(analog_faults(analog).lrs, arrays_faults(arrays).lrs);
        analog_worker_destroy(a);
        array_worker_destroy(b);
        analog_destroy(analog);
        arrays_destroy(arrays);
        model_free(&m);
    }
}

// Whole-number conductances against the formula, up to sigma 1 and a ratio of 1000.
static void expect_formula(const char *bits, int top, double most, double gain_error)
{
    const char *const sets[] = {"cell.r_hrs=3 Mohm", bits, NULL};
    struct model m = model_make("hawis", "binary", sets);
    struct conductances states = analog_conductances(m.s.chip);
    double gain = 0, gmax = states.lowest + states.step * top;
    assert_close(states.lowest, gmax / 1000, 1e-12);
    enum { N = 4096 };
    for (int i = 0; i < N; i++) {
        double theta = num_normal((uint32_t)i << 20 | 1 << 19);
        double want = fmin(gmax * exp(-theta), most);
        assert_true(fabs(analog_conductance(&states, top, theta) - want) <= 0.5);
        assert_true(fabs(analog_conductance(&states, 0, theta) - gmax / 1000 * exp(-theta)) <= 0.5);
        gain += analog_conductance(&states, top, theta) / gmax / N;
    }
    assert_true(fabs(gain - exp(0.5)) < gain_error); // the mean gain of a log-normal
    model_free(&m);
}

static void conductances_follow_the_formula(void **state)
{
    (void)state;
    expect_formula("cell.bits=1", 1, 32767, 0.012);
    expect_formula("cell.bits=4", 15, 64.0 * 15 * 4096, 0.01);
}

static void variation_moves_sums(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "binary", NULL);
    enum { SIZE = 20 * 64, INPUTS = 24 * 64 };
    int32_t in[INPUTS];
    int64_t exact[SIZE], got[SIZE];
    uint32_t x = 1;
    for (int j = 0; j < INPUTS; j++)
        in[j] = model_random(&x) % 2;
    integer_matrix_reference(m.integer, 1, in, exact);
    double last = -1;
    for (int k = 0; k <= 4; k++) { // sigma 0, 0.1 ... 0.4: further and further off
        struct analog *analog = analog_make(&m, 0, 0, 0.1 * k);
        struct analog_worker *worker = analog_worker_create(analog);
        analog_matrix(worker, 1, in, got);
        double squares = 0;
        for (int j = 0; j < SIZE; j++)
            squares += (double)((exact[j] - got[j]) * (exact[j] - got[j]));
        assert_true(squares > last);
        assert_true(k || squares == 0);
        last = squares;
        assert_int_equal(analog_cut(analog), 0);
        analog_worker_destroy(worker);
        analog_destroy(analog);
    }
    model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conductances_without_variation_are_levels),
        cmocka_unit_test(conductances_and_levels_agree_when_broken),
        cmocka_unit_test(conductances_follow_the_formula),
        cmocka_unit_test(variation_moves_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
