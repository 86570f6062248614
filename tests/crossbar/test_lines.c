// Broken lines, drivers and ADCs: what each must do to sums, and to how many.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"
#include "tests/crossbar/sums.h"

// As currents(), by levels.
static int64_t *levels(const struct model *m, const struct chip_sample *sample, int layer,
                       const int32_t *in)
{
    struct err err = {0};
    int64_t *sums = mem_alloc(outputs_of(&m->s.net->layers[layer]), sizeof *sums);
    struct level_model *arrays = level_model_create(m->s.map, m->integer, sample, CPU_AVX512, &err);
    if (!arrays)
        fail_msg("%s", err.text);
    struct array_worker *worker = array_worker_create(arrays);
    level_model_matrix(worker, layer, in, sums);
    array_worker_destroy(worker);
    level_model_destroy(arrays);
    return sums;
}

static void expect_zeros(int64_t *sums_take, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(sums_take[i], 0);
    free(sums_take);
}

// An array without word lines, or without bit lines, is none: pairs and their offset column alike.
static void open_lines_leave_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *chip, *form;
    } cases[] = {{"hawis", "binary"}, {"hawis", "int8"}, {"isaac-ce", "int8"}};
    static const struct defect_params all[] = {{.word_lines = 1},
                                               {.bit_lines = 1, .stuck_lrs = 0.1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model m = model_make(cases[i].chip, cases[i].form, wide);
        const struct layer *l = &m.s.net->layers[2];
        int32_t *in = random_inputs(l, 3);
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
            const struct chip_sample sample = {all[k], 1, 0};
            expect_zeros(levels(&m, &sample, 2, in), outputs_of(l));
            expect_zeros(currents(&m, &sample, 2, in, 0), outputs_of(l));
        }
        free(in);
        model_free(&m);
    }
}

// Levels and conductances lose the same lines. Where a code is worth several steps the leak that an
// open cell does not have could tip a half, so there the high-resistance state has none.
static void both_ways_agree_on_lines(void **state)
{
    (void)state;
    static const char *const coarse[] = {ADC("5"), "cell.r_hrs=1 Gohm", NULL};
    const char *const *const sets[] = {NULL, wide, coarse};
    for (uint64_t i = 0; i < 3; i++) {
        struct model m = model_make("hawis", "binary", sets[i]);
        const struct chip_sample sample = {
            {.stuck_lrs = 0.02, .stuck_hrs = 0.05, .word_lines = 0.1, .bit_lines = 0.1}, i, 2};
        for (int layer = 1; layer <= 3; layer++) {
            const struct layer *l = &m.s.net->layers[layer];
            int32_t *in = random_inputs(l, 9);
            int64_t *a = currents(&m, &sample, layer, in, 0), *b = levels(&m, &sample, layer, in);
            assert_memory_equal(a, b, outputs_of(l) * sizeof *a);
            free(a);
            free(b);
            free(in);
        }
        model_free(&m);
    }
}

// Inputs as stuck drivers make them; right where every row has one driver, or all are stuck.
static void drive(const struct model *m, const struct chip_sample *sample, int layer, int32_t *in)
{
    const struct layer *l = &m->s.net->layers[layer];
    const struct map_layer *ml = &m->s.map->layers[layer];
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++) {
        const struct slice *s = &m->s.map->slices[i];
        const struct map_tile *t = &m->s.map->tiles[s->tile];
        struct cell_address at = {t->x, t->y, s->pe, s->crossbar, 0, 0, 0};
        for (at.row = 0; at.row < s->rows; at.row++)
            if (fault_driver(sample, &at))
                in[s->row0 + at.row] = (1 << l->in_bits[0]) - 1;
    }
}

static void stuck_drivers_are_inputs_of_ones(void **state)
{
    (void)state;
    static const struct {
        const char *chip, *form;
        double rate;
    } cases[] = {{"hawis", "binary", 1},  {"hawis", "int8", 1},     {"isaac-ce", "binary", 1},
                 {"isaac-ce", "int8", 1}, {"hawis", "binary", 0.3}, {"isaac-ce", "int8", 0.3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model m = model_make(cases[i].chip, cases[i].form, wide);
        int layer = last_layer(&m);
        const struct layer *l = &m.s.net->layers[layer];
        int32_t *in = random_inputs(l, 5), *driven = random_inputs(l, 5);
        const struct chip_sample none = {{0}, 1, 0}, drivers = {{.drivers = cases[i].rate}, 1, 0};
        drive(&m, &drivers, layer, driven);
        int64_t *got = currents(&m, &drivers, layer, in, 0);
        int64_t *want = currents(&m, &none, layer, driven, 0);
        int64_t *other = currents(&m, &none, layer, in, 0);
        assert_memory_equal(got, want, outputs_of(l) * sizeof *got);
        assert_memory_not_equal(got, other, outputs_of(l) * sizeof *got);
        free(got);
        free(want);
        free(other);
        free(in);
        free(driven);
        model_free(&m);
    }
}

// Stuck at codes that follow the seed and fill the range, here of 8 bits with signs.
static void stuck_adcs_see_nothing(void **state)
{
    (void)state;
    static const char *const sets[] = {ADC("8"), "dac.count=256", NULL};
    struct model m = model_make("hawis", "binary", sets);
    const struct layer *l = &m.s.net->layers[1];
    assert_int_equal(conversions_of(&m, 1), 1);
    int32_t *one = random_inputs(l, 5), *other = random_inputs(l, 6);
    int64_t least = 0, most = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        const struct chip_sample sample = {{.adcs = 1, .read_noise = 5}, seed, 0};
        int64_t *a = currents(&m, &sample, 1, one, 0), *b = currents(&m, &sample, 1, other, 1);
        assert_memory_equal(a, b, outputs_of(l) * sizeof *a);
        for (size_t i = 0; i < outputs_of(l); i++) {
            least = a[i] < least ? a[i] : least;
            most = a[i] > most ? a[i] : most;
        }
        free(a);
        free(b);
    }
    // 800 even draws of 256 codes, each worth 2 steps (256 rows in 128 codes).
    assert_in_range(-least, 240, 256);
    assert_in_range(most, 236, 254);
    free(one);
    free(other);
    model_free(&m);
}

static void maps_are_nested(void **state)
{
    (void)state;
    const struct chip_sample low = {
        {.word_lines = 0.1, .bit_lines = 0.1, .drivers = 0.1, .adcs = 0.1}, 3};
    struct chip_sample high = low;
    high.defects.word_lines = high.defects.bit_lines = 0.3;
    high.defects.drivers = high.defects.adcs = 0.3;
    int hits[4][2] = {{0}};
    const int n = 4000;
    for (int i = 0; i < n; i++) {
        const struct cell_address at = {i % 5, i % 3, i % 7, i % 11, i % 2, i, i + 1};
        const bool few[] = {fault_word_line(&low, &at), fault_bit_line(&low, &at),
                            fault_driver(&low, &at), fault_adc(&low, &at, i).stuck};
        const bool many[] = {fault_word_line(&high, &at), fault_bit_line(&high, &at),
                             fault_driver(&high, &at), fault_adc(&high, &at, i).stuck};
        for (int k = 0; k < 4; k++) {
            assert_true(many[k] || !few[k]);
            hits[k][0] += few[k];
            hits[k][1] += many[k];
        }
        assert_true(fault_adc(&low, &at, i).place >= fault_adc(&high, &at, i).place);
    }
    for (int k = 0; k < 4; k++)
        for (int j = 0; j < 2; j++) {
            double rate = j ? 0.3 : 0.1, sigma = sqrt(n * rate * (1 - rate));
            assert_true(fabs(hits[k][j] - n * rate) < 4 * sigma);
        }
}

static void expect_tally(struct fault_tally t, int64_t all, double rate)
{
    assert_int_equal(t.all, all);
    assert_true(fabs((double)t.hit - rate * (double)all) < 4 * sqrt((double)all * rate));
    assert_true(t.hit > 0);
}

// All that a mapping uses is counted once; ADCs that a PE's crossbars share, too.
static void parts_are_counted(void **state)
{
    (void)state;
    // A multiple of 16 columns: crossbars that share 16 ADCs share them column by column.
    static const char *const own[] = {"pe.crossbars=2", "adc.per=crossbar", "adc.count=16", NULL};
    static const char *const shared[] = {"pe.crossbars=2", "adc.per=pe", "adc.count=16", NULL};
    const struct chip_sample sample = {
        {.word_lines = 0.05, .bit_lines = 0.1, .drivers = 0.05, .adcs = 0.2}, 8, 0};
    for (int k = 0; k < 2; k++) {
        struct model m = model_make("hawis", "binary", k ? shared : own);
        const struct mapping *map = m.s.map;
        int64_t rows = 0, columns = 0, adcs = 0, served = 0;
        for (int i = 0; i < map->n_slices; i++) {
            const struct slice *s = &map->slices[i];
            bool same = k && i && s->tile == s[-1].tile && s->pe == s[-1].pe;
            served = same && served > s->columns ? served : s->columns;
            bool last = !k || i + 1 == map->n_slices || s[1].tile != s->tile || s[1].pe != s->pe;
            adcs += last ? (served < 16 ? served : 16) : 0;
            rows += s->rows;
            columns += s->columns;
        }
        struct conductance_model *analog = conductance_model_make(&m, &sample);
        struct fault_counts counts = conductance_model_faults(analog);
        expect_tally(counts.word_lines, 2 * rows, 0.05);
        expect_tally(counts.bit_lines, 2 * columns, 0.1);
        expect_tally(counts.drivers, rows, 0.05);
        expect_tally(counts.adcs, adcs, 0.2);
        struct level_model *arrays = level_model_create(map, m.integer, &sample, CPU_AVX512, NULL);
        struct fault_counts other = level_model_faults(arrays);
        assert_int_equal(other.word_lines.hit, counts.word_lines.hit);
        assert_int_equal(other.word_lines.all, counts.word_lines.all);
        assert_int_equal(other.bit_lines.hit, counts.bit_lines.hit);
        assert_int_equal(other.bit_lines.all, counts.bit_lines.all);
        level_model_destroy(arrays);
        conductance_model_destroy(analog);
        model_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_lines_leave_nothing),
        cmocka_unit_test(both_ways_agree_on_lines),
        cmocka_unit_test(stuck_drivers_are_inputs_of_ones),
        cmocka_unit_test(stuck_adcs_see_nothing),
        cmocka_unit_test(maps_are_nested),
        cmocka_unit_test(parts_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
