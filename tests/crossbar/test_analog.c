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
#include "sim/crossbar/evaluate.h"
#include "sim/crossbar/packed.h"
#include "sim/crossbar/readout.h"
#include "sim/crossbar/sections.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"
#include "workloads/dataset.h"
#include "tests/close.h"

// Compares two ways of computing matrices on random images.
static void expect_agreement(const struct model *m, int_net_matrix *one, void *one_context,
                             int_net_matrix *other, void *other_context)
{
    struct int_net_run *a = int_net_run_create(m->integer), *b = int_net_run_create(m->integer);
    uint32_t x = 3;
    uint8_t image[192];
    int64_t want[10];
    for (int i = 0; i < 5; i++) {
        model_image(&x, image);
        memcpy(want, int_net_run_image(a, image, one, one_context), sizeof want);
        assert_memory_equal(int_net_run_image(b, image, other, other_context), want, sizeof want);
    }
    int_net_run_destroy(a);
    int_net_run_destroy(b);
}

static struct conductance_model *conductance_model_make(const struct model *m, double lrs,
                                                        double hrs, double sigma)
{
    struct err err = {0};
    struct conductance_model *analog = conductance_model_create(
        m->s.map, m->integer,
        &(struct chip_sample){{.stuck_lrs = lrs, .stuck_hrs = hrs, .sigma = sigma}, 4, 0},
        CPU_AVX512, &err);
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
        struct conductance_model *analog = conductance_model_make(&m, 0, 0, 0);
        struct conductance_model_worker *worker = conductance_model_worker_create(analog);
        expect_agreement(&m, int_net_matrix_reference, m.integer, conductance_model_matrix, worker);
        conductance_model_worker_destroy(worker);
        conductance_model_destroy(analog);
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
        struct conductance_model *analog = conductance_model_make(&m, 0.03, 0.08, 0);
        struct level_model *arrays = level_model_make(&m, 0.03, 0.08, 4, CPU_AVX512);
        struct conductance_model_worker *a = conductance_model_worker_create(analog);
        struct array_worker *b = array_worker_create(arrays);
        expect_agreement(&m, level_model_matrix, b, conductance_model_matrix, a);
        assert_int_equal(conductance_model_faults(analog).lrs, level_model_faults(arrays).lrs);
        conductance_model_worker_destroy(a);
        array_worker_destroy(b);
        conductance_model_destroy(analog);
        level_model_destroy(arrays);
        model_free(&m);
    }
}

// Whole-number conductances against the formula, up to sigma 1 and a ratio of 1000.
static void expect_formula(const char *bits, int top, double most, double gain_error)
{
    const char *const sets[] = {"cell.r_hrs=3 Mohm", bits, NULL};
    struct model m = model_make("hawis", "binary", sets);
    struct conductances states = conductance_model_conductances(m.s.chip);
    double gain = 0, gmax = states.lowest + states.step * top;
    assert_close(states.lowest, gmax / 1000, 1e-12);
    const int n = 4096;
    for (int i = 0; i < n; i++) {
        double theta = num_normal((uint32_t)i << 20 | 1 << 19);
        double want = fmin(gmax * exp(-theta), most);
        assert_true(fabs(conductance_model_conductance(&states, top, theta) - want) <= 0.5);
        assert_true(fabs(conductance_model_conductance(&states, 0, theta) -
                         gmax / 1000 * exp(-theta)) <= 0.5);
        gain += conductance_model_conductance(&states, top, theta) / gmax / n;
    }
    assert_true(fabs(gain - exp(0.5)) < gain_error); // the mean gain of a log-normal
    model_free(&m);
}

// Cells that carry no current when off: variation has nothing of them to vary, and single arrays
// have nothing to subtract.
static void infinite_resistance_conducts_nothing(void **state)
{
    (void)state;
    static const char *const adc = "adc={preset: none, bits: 20, time: 1 ns, energy: 1 pJ, area: "
                                   "1 um2}";
    static const char *const sets[] = {"cell.r_hrs=inf", adc, NULL};
    static const char *const chips[] = {"hawis", "hawis-q8", "isaac-ce"};
    for (size_t i = 0; i < sizeof chips / sizeof *chips; i++) {
        struct model m = model_make(chips[i], "int8", sets);
        struct conductances states = conductance_model_conductances(m.s.chip);
        assert_true(states.lowest == 0);
        for (int theta = -3; theta <= 3; theta++)
            assert_int_equal(conductance_model_conductance(&states, 0, theta), 0);
        struct conductance_model *analog = conductance_model_make(&m, 0, 0, 0);
        struct conductance_model_worker *worker = conductance_model_worker_create(analog);
        expect_agreement(&m, int_net_matrix_reference, m.integer, conductance_model_matrix, worker);
        conductance_model_worker_destroy(worker);
        conductance_model_destroy(analog);
        model_free(&m);
    }
}

// The largest conductance that is held is 32767 units and a step 1024, so the lower state is at
// most 31743 units: a ratio of 32767 / 31743 = 1.03226 at least.
static void states_too_close_are_refused(void **state)
{
    (void)state;
    static const char *const near[] = {"cell.r_lrs=1 Mohm", "cell.r_hrs=1.0322 Mohm", NULL};
    static const char *const far[] = {"cell.r_lrs=1 Mohm", "cell.r_hrs=1.0323 Mohm", NULL};
    const char *const *const sets[] = {near, far};
    for (int i = 0; i < 2; i++) {
        struct err err = {0};
        struct model m = model_make("hawis", "binary", sets[i]);
        struct conductance_model *analog = conductance_model_create(
            m.s.map, m.integer, &(struct chip_sample){.seed = 4}, CPU_AVX512, &err);
        assert_int_equal(analog != NULL, i);
        if (!analog)
            assert_string_equal(err.text,
                                "--set cell.r_hrs: 1.0322e+06 ohm is only 1.0322 times r_lrs; "
                                "the conductance model needs at least 1.032 times: raise r_hrs");
        conductance_model_destroy(analog);
        model_free(&m);
    }
}

static void conductances_follow_the_formula(void **state)
{
    (void)state;
    expect_formula("cell.bits=1", 1, 32767, 0.012);
    expect_formula("cell.bits=4", 15, 64.0 * 15 * 4096, 0.01);
}

// Packed maps on every processor level give the plain way's logits, bit for bit.
static void expect_packed_same(const char *const sets[], const struct defect_params *defects)
{
    struct model m = model_make("hawis", "binary", sets);
    struct int_net_run *plain = int_net_run_create(m.integer);
    const struct chip_sample sample = {*defects, 4, 1};
    for (int level = 0; level < CPU_LEVELS; level++) {
        struct err err = {0};
        struct conductance_model *analog =
            conductance_model_create(m.s.map, m.integer, &sample, (enum cpu_level)level, &err);
        assert_non_null(analog);
        struct conductance_model_worker *worker = conductance_model_worker_create(analog);
        struct packed *packed = packed_create_analog(analog);
        assert_non_null(packed);
        struct packed_run *run = packed_run_create(packed);
        uint32_t x = 9;
        uint8_t image[192];
        int64_t want[10];
        for (int i = 0; i < 5; i++) {
            model_image(&x, image);
            memcpy(want, int_net_run_image(plain, image, conductance_model_matrix, worker),
                   sizeof want);
            assert_memory_equal(packed_run_image(run, image), want, sizeof want);
        }
        packed_run_destroy(run);
        packed_destroy(packed);
        conductance_model_worker_destroy(worker);
        conductance_model_destroy(analog);
    }
    int_net_run_destroy(plain);
    model_free(&m);
}

static void packed_maps_conduct_alike(void **state)
{
    (void)state;
#define ADC(bits) "adc={preset: none, bits: " #bits ", time: 1 ns, energy: 1 pJ, area: 1 um2}"
    static const char *const coarse[] = {ADC(5), NULL}, *const fine[] = {ADC(12), NULL},
                             *const odd[] = {ADC(4), "dac.count=100", NULL},
                             *const dense[] = {"mapping.policy=dense", "crossbar.rows=64",
                                               "crossbar.columns=16",  "dac.count=64",
                                               "adc.count=16",         NULL};
    const char *const *const sets[] = {NULL, coarse, fine, odd, dense};
    static const struct defect_params defects[] = {
        {.sigma = 0.3}, {.stuck_lrs = 0.02, .stuck_hrs = 0.09, .sigma = 1}, {.stuck_lrs = 0.1}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (size_t j = 0; j < sizeof defects / sizeof *defects; j++)
            expect_packed_same(sets[i], &defects[j]);
}

// Sums of conductances that vary are nearer to their real values with every bit of the ADC.
static void fine_adcs_read_parts_of_a_step(void **state)
{
    (void)state;
    static const char *const bits[] = {ADC(7), ADC(8), ADC(10), ADC(12)};
    enum { CASES = sizeof bits / sizeof *bits };
    const double worth[CASES] = {2, 1, 0.5, 0.125}; // 128 rows at once; codes must reach +128
    for (int i = 0; i < CASES; i++) {
        const char *const sets[] = {bits[i], NULL};
        struct model m = model_make("hawis", "binary", sets);
        struct readout readout = readout_of(m.s.map, 1, 1024, true, NULL);
        assert_close(readout.worth, worth[i], 0);
        for (int32_t current = -200 * 1024; current <= 200 * 1024; current += 37) {
            double most = ldexp(1, 6 + (i > 0) + 2 * (i > 1) + 2 * (i > 2));
            double want = floor(current / (1024 * worth[i]) + 0.5);
            want = fmin(fmax(want, -most), most - 1);
            assert_close(quantise(&readout.code, current), want, 0);
        }
        model_free(&m);
    }
}

// The sums of the first layer for a map of ones, through one array of conductances.
static void ones_through(const struct conductance_model *analog, int64_t *acc)
{
    int32_t in[24 * 64];
    for (int j = 0; j < 24 * 64; j++)
        in[j] = 1;
    struct conductance_model_worker *worker = conductance_model_worker_create(analog);
    conductance_model_matrix(worker, 1, in, acc);
    conductance_model_worker_destroy(worker);
}

static struct conductance_model *make_sampled_chip(const struct model *m,
                                                   const struct chip_sample *sample)
{
    struct err err = {0};
    struct conductance_model *analog =
        conductance_model_create(m->s.map, m->integer, sample, CPU_AVX512, &err);
    if (!analog)
        fail_msg("%s", err.text);
    return analog;
}

// Conductances fall as t^-nu, all alike without a spread: so do sums, read finely enough. Stuck
// cells do not drift.
static void drift_scales_sums(void **state)
{
    (void)state;
    static const char *const fine[] = {ADC(16), NULL};
    struct model m = model_make("hawis", "binary", fine);
    enum { SIZE = 20 * 64 };
    int64_t fresh[SIZE], old[SIZE];
    struct chip_sample sample = {{.drift_s = 1, .drift_exponent = 0.05}, 4, 0};
    struct conductance_model *analog = make_sampled_chip(&m, &sample);
    ones_through(analog, fresh);
    conductance_model_destroy(analog);
    sample.defects.drift_s = 1e6;
    analog = make_sampled_chip(&m, &sample);
    ones_through(analog, old);
    conductance_model_destroy(analog);
    double left = pow(1e6, -0.05); // 0.50
    int64_t most = 0;
    for (int j = 0; j < SIZE; j++) {
        // A step's rounding, and half a unit of 1024 for each of up to 432 cells.
        assert_true(fabs((double)old[j] - left * (double)fresh[j]) <= 0.75);
        most = fresh[j] > most ? fresh[j] : most;
    }
    assert_true(most > 20);
    sample.defects.stuck_lrs = sample.defects.stuck_hrs = 0.5;
    analog = make_sampled_chip(&m, &sample);
    ones_through(analog, old);
    conductance_model_destroy(analog);
    sample.defects.drift_s = 0;
    analog = make_sampled_chip(&m, &sample);
    ones_through(analog, fresh);
    conductance_model_destroy(analog);
    assert_memory_equal(old, fresh, sizeof old);
    model_free(&m);
}

// Batch 0 is the chip's own draw; the others differ from it and from one another, stuck cells stay.
static void batches_are_drawn_apart(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "binary", NULL);
    enum { SIZE = 20 * 64, BATCHES = 3 };
    int64_t sums[BATCHES + 1][SIZE];
    struct chip_sample sample = {{.sigma = 0.5, .redraw = 2, .stuck_hrs = 0.05}, 4, 0};
    struct conductance_model *first = make_sampled_chip(&m, &sample);
    assert_int_equal(conductance_model_redraw(first), 2);
    ones_through(first, sums[BATCHES]);
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        struct conductance_model *analog = conductance_model_redrawn(first, batch);
        ones_through(analog, sums[batch]);
        assert_int_equal(conductance_model_faults(analog).hrs, conductance_model_faults(first).hrs);
        conductance_model_destroy(analog);
    }
    assert_memory_equal(sums[0], sums[BATCHES], sizeof sums[0]);
    assert_memory_not_equal(sums[0], sums[1], sizeof sums[0]);
    assert_memory_not_equal(sums[1], sums[2], sizeof sums[0]);
    conductance_model_destroy(first);
    // Whole chips by hand, image by image, against evaluate() in one share and in three.
    enum { IMAGES = 7 };
    uint8_t pixels[IMAGES * 192];
    int32_t alone[IMAGES], shared[IMAGES], want[IMAGES];
    uint32_t x = 5;
    for (int i = 0; i < IMAGES; i++)
        model_image(&x, pixels + (size_t)i * 192);
    struct dataset data = {.n = IMAGES, .channels = 3, .height = 8, .width = 8, .images = pixels};
    first = make_sampled_chip(&m, &sample);
    struct evaluation what = {m.s.net, m.weights, m.integer, NULL, first, &data};
    evaluate(&what, IMAGES, 0, 1, alone);
    for (size_t share = 0; share < 3; share++)
        evaluate(&what, IMAGES, share, 3, shared);
    struct int_net_run *run = int_net_run_create(m.integer);
    for (uint32_t i = 0; i < IMAGES; i++) {
        struct conductance_model *analog = conductance_model_redrawn(first, i / 2);
        struct conductance_model_worker *worker = conductance_model_worker_create(analog);
        const uint8_t *image = pixels + (size_t)i * 192;
        want[i] =
            int_net_class(int_net_run_image(run, image, conductance_model_matrix, worker), 10);
        conductance_model_worker_destroy(worker);
        conductance_model_destroy(analog);
    }
    assert_memory_equal(alone, want, sizeof want);
    assert_memory_equal(shared, want, sizeof want);
    int_net_run_destroy(run);
    conductance_model_destroy(first);
    model_free(&m);
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
    int_net_matrix_reference(m.integer, 1, in, exact);
    double last = -1;
    for (int k = 0; k <= 4; k++) { // sigma 0, 0.1 ... 0.4: further and further off
        struct conductance_model *analog = conductance_model_make(&m, 0, 0, 0.1 * k);
        struct conductance_model_worker *worker = conductance_model_worker_create(analog);
        conductance_model_matrix(worker, 1, in, got);
        double squares = 0;
        for (int j = 0; j < SIZE; j++)
            squares += (double)((exact[j] - got[j]) * (exact[j] - got[j]));
        assert_true(squares > last);
        assert_true(k || squares == 0);
        last = squares;
        assert_int_equal(conductance_model_cut(analog), 0);
        conductance_model_worker_destroy(worker);
        conductance_model_destroy(analog);
    }
    model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conductances_without_variation_are_levels),
        cmocka_unit_test(conductances_and_levels_agree_when_broken),
        cmocka_unit_test(infinite_resistance_conducts_nothing),
        cmocka_unit_test(states_too_close_are_refused),
        cmocka_unit_test(conductances_follow_the_formula),
        cmocka_unit_test(packed_maps_conduct_alike),
        cmocka_unit_test(fine_adcs_read_parts_of_a_step),
        cmocka_unit_test(drift_scales_sums),
        cmocka_unit_test(batches_are_drawn_apart),
        cmocka_unit_test(variation_moves_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
