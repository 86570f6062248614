// The largest sums that conversions can meet, against every input of every group of rows; and what
// follows from them: layers whose ADC loses nothing are computed by levels, the others by
// conductances, in one net.
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

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/bound.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/fault.h"
#include "sim/crossbar/loss.h"
#include "sim/crossbar/packed.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"

#define ADC(bits) "adc={preset: none, bits: " bits ", time: 1 ns, energy: 1 pJ, area: 1 um2}"

enum { ROWS = 8 }; // driven at once, at most

// What the cell at an address holds: broken, or what its weight says.
static int level_of(const struct model *m, const struct chip_sample *sample, const struct slice *s,
                    int row, int column, int array)
{
    const struct chip *chip = m->s.chip;
    const struct layer *l = &m->s.net->layers[s->layer];
    const struct map_tile *t = &m->s.map->tiles[s->tile];
    struct cell_address at = {t->x, t->y, s->pe, s->crossbar, array, row, column};
    enum cell_fault fault = fault_cell(sample, &at);
    int slices = m->s.map->layers[s->layer].column_slices, out = column / slices, level = 1;
    if (fault != CELL_FINE)
        return fault == CELL_LRS ? (1 << chip->cell.bits) - 1 : 0;
    if (out < s->outs) {
        int32_t w = weight_at(l, s, m->integer->layers[s->layer].w, row, out);
        int slice = slices > 1 ? column % slices : s->weight_slice;
        level =
            cell_level(chip->crossbar.polarity, l->weight_bits, chip->cell.bits, w, slice, array);
    }
    return level;
}

// All vectors of digits through one column's n cells.
static void try_digits(const int *cells, int n, const int *digits, int n_digits,
                       struct sum_bound *bound)
{
    int at[ROWS] = {0};
    for (;;) {
        double sum = 0;
        for (int i = 0; i < n; i++)
            sum += digits[at[i]] * cells[i];
        bound->low = fmin(bound->low, sum);
        bound->high = fmax(bound->high, sum);
        int i = 0;
        while (i < n && ++at[i] == n_digits)
            at[i++] = 0;
        if (i == n)
            return;
    }
}

static void try_column(const struct model *m, const struct chip_sample *sample,
                       const struct slice *s, int column, const int *digits, int n_digits,
                       struct sum_bound *bound)
{
    const struct chip *chip = m->s.chip;
    int active = chip_rows_active(chip), arrays = chip_arrays(chip);
    assert_true(active <= ROWS);
    for (int first = 0; first < s->rows; first += active) {
        int cells[2][ROWS], n = s->rows - first < active ? s->rows - first : active;
        for (int i = 0; i < n; i++)
            for (int a = 0; a < arrays; a++)
                cells[a][i] = level_of(m, sample, s, first + i, column, a);
        for (int i = 0; i < n && arrays == 2 && !chip->crossbar.subtract_after; i++)
            cells[0][i] -= cells[1][i];
        try_digits(cells[0], n, digits, n_digits, bound);
        if (chip->crossbar.subtract_after)
            try_digits(cells[1], n, digits, n_digits, bound);
    }
}

static struct sum_bound try_all(const struct model *m, const struct chip_sample *sample, int layer,
                                const int *digits, int n_digits)
{
    struct sum_bound bound = {0, 0};
    const struct map_layer *ml = &m->s.map->layers[layer];
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++) {
        const struct slice *s = &m->s.map->slices[i];
        int columns = s->outs * ml->column_slices;
        if (s->weight_slice == 0)
            columns = s->columns; // with the offset column, if there is one
        for (int c = 0; c < columns; c++)
            try_column(m, sample, s, c, digits, n_digits, &bound);
    }
    return bound;
}

static void expect_bound(struct sum_bound got, struct sum_bound want)
{
    if (got.low != want.low || got.high != want.high)
        fail_msg("%g .. %g, not %g .. %g", got.low, got.high, want.low, want.high);
}

// digits: what a cycle can carry; for inputs with a sign, their ends and 0.
static void try_chip(const char *chip, const char *form, const char *const sets[],
                     const int *digits, int n_digits)
{
    static const double rates[][2] = {{0, 0}, {0.05, 0.1}, {0.5, 0.5}};
    struct model m = model_make(chip, form, sets);
    for (size_t f = 0; f < sizeof rates / sizeof *rates; f++) {
        struct err err = {0};
        struct chip_sample sample = {{.stuck_lrs = rates[f][0], .stuck_hrs = rates[f][1]}, 7, 1};
        struct level_model *arrays =
            level_model_create_some(m.s.map, m.integer, &sample, CPU_AVX512, &err);
        struct conductance_model *analog =
            conductance_model_create(m.s.map, m.integer, &sample, CPU_AVX512, &err);
        if (!arrays || !analog)
            fail_msg("%s", err.text);
        for (int i = 1; i < (int)m.s.net->n; i++) {
            bool image = m.s.net->layers[i].input[0] == 0 && !strcmp(form, "int8");
            if (!m.s.map->layers[i].slices || (image && m.s.map->layers[i].input_cycles == 1))
                continue;
            struct sum_bound want = try_all(&m, &sample, i, digits, n_digits);
            expect_bound(level_model_bound(arrays, i), want);
            expect_bound(conductance_model_bound(analog, i), want);
        }
        level_model_destroy(arrays);
        conductance_model_destroy(analog);
    }
    model_free(&m);
}

static const int bit[] = {0, 1}, two_bits[] = {0, 1, 2, 3};

static void bounds_are_the_largest_sums(void **state)
{
    (void)state;
    static const struct {
        const char *chip, *form, *more;
    } cases[] = {{"hawis", "binary", "crossbar.rows_active=5"},
                 {"hawis", "binary", "crossbar.subtract=after_adc"},
                 {"hawis-q8", "binary", "crossbar.rows_active=7"},
                 {"hawis", "int8", "mapping.policy=dense"},
                 {"hawis", "int8", "cell.bits=2"},
                 {"hawis-q8", "int8", "mapping.replicate=true"},
                 {"isaac-ce", "int8", "crossbar.rows_active=6"},
                 {"isaac-ce", "binary", "crossbar.rows_active=3"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool isaac = !strcmp(cases[i].chip, "isaac-ce"); // test_flip.c has its own encoding
        const char *const sets[] = {"crossbar.rows_active=8", cases[i].more,
                                    isaac ? "crossbar.encoding=plain" : NULL, NULL};
        try_chip(cases[i].chip, cases[i].form, sets, bit, 2);
    }
}

static void wider_digits_make_larger_sums(void **state)
{
    (void)state;
    const char *const sets[] = {"crossbar.rows_active=4",
                                "dac={bits: 2, time: 1 ns, energy: 1 fJ, area: 1 um2}",
                                "net.encoder=thermometer", NULL};
    try_chip("hawis", "int8", sets, two_bits, 4);
}

// Inputs with signs in one cycle: the ends of what 8 bits can say, times the cells that stand
// against them. In single columns, too, whose ADC then has codes below 0.
static void signed_inputs_reach_both_ends(void **state)
{
    (void)state;
    static const int ends[] = {-128, 0, 127};
    static const char *const columns[] = {"crossbar.subtract=before_adc",
                                          "crossbar.subtract=after_adc", "crossbar.polarity=single",
                                          "crossbar.polarity=offset_column"};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        const char *const sets[] = {"crossbar.rows_active=4",
                                    "cell.bits=7",
                                    "net.encoder=raw",
                                    "dac={bits: 8, time: 1 ns, energy: 1 fJ, area: 1 um2}",
                                    columns[i],
                                    NULL};
        struct model m = model_make("hawis", "int8", sets);
        const struct chip_sample none = {.seed = 1};
        struct err err = {0};
        assert_int_equal(m.s.map->layers[1].input_cycles, 1);
        struct level_model *arrays =
            level_model_create_some(m.s.map, m.integer, &none, CPU_AVX512, &err);
        struct conductance_model *analog =
            conductance_model_create(m.s.map, m.integer, &none, CPU_AVX512, &err);
        if (!arrays || !analog)
            fail_msg("%s", err.text);
        struct sum_bound want = try_all(&m, &none, 1, ends, 3);
        expect_bound(level_model_bound(arrays, 1), want);
        expect_bound(conductance_model_bound(analog, 1), want);
        // The fewest bits whose codes, -2^(b - 1) .. 2^(b - 1) - 1, are those of the range and
        // reach: 4 rows of levels up to 127 with inputs up to 255 fill 17 bits and the sign.
        assert_true(want.low < 0);
        assert_int_equal(loss_need_of_cells(m.s.map, arrays, NULL, m.integer, &none, 1).needed, 18);
        level_model_destroy(arrays);
        conductance_model_destroy(analog);
        // A stuck driver applies 127, as inputs do.
        const struct chip_sample stuck = {.defects = {.drivers = 0.5}, .seed = 1};
        analog = conductance_model_create(m.s.map, m.integer, &stuck, CPU_AVX512, &err);
        expect_bound(conductance_model_bound(analog, 1), want);
        conductance_model_destroy(analog);
        model_free(&m);
    }
}

// Logits of both ways on random images, and how many layers levels computed.
static int compare_mixed(const struct model *m, const struct chip_sample *sample)
{
    struct err err = {0};
    struct level_model *arrays =
        level_model_create_some(m->s.map, m->integer, sample, CPU_AVX512, &err);
    struct conductance_model *mixed =
        arrays ? conductance_model_create_beside(arrays, sample, CPU_AVX512, &err) : NULL;
    struct conductance_model *plain =
        conductance_model_create(m->s.map, m->integer, sample, CPU_AVX512, &err);
    if (!mixed || !plain)
        fail_msg("%s", err.text);
    assert_false(level_model_cover_all(arrays));
    assert_null(packed_create(arrays));
    assert_null(packed_create_analog(mixed));
    struct conductance_model_worker *a = conductance_model_worker_create(mixed),
                                    *b = conductance_model_worker_create(plain);
    struct int_net_run *one = int_net_run_create(m->integer), *two = int_net_run_create(m->integer);
    uint32_t x = 8;
    uint8_t image[192];
    for (int i = 0; i < 4; i++) {
        model_image(&x, image);
        const int64_t *want = int_net_run_image(one, image, conductance_model_matrix, b);
        assert_memory_equal(int_net_run_image(two, image, conductance_model_matrix, a), want,
                            10 * sizeof *want);
    }
    int n = 0;
    for (size_t i = 1; i < m->s.net->n; i++)
        n += m->s.map->layers[i].slices && level_model_cover(arrays, (int)i);
    int_net_run_destroy(one);
    int_net_run_destroy(two);
    conductance_model_worker_destroy(a);
    conductance_model_worker_destroy(b);
    conductance_model_destroy(mixed);
    conductance_model_destroy(plain);
    level_model_destroy(arrays);
    return n;
}

static void layers_choose_for_themselves(void **state)
{
    (void)state;
    static const char *const sets[][4] = {
        {"crossbar.subtract=after_adc", ADC("5"),
         "overrides=[{layer: conv1, adc: {preset: none, bits: 7, time: 1 ns, energy: 1 pJ, area: 1 "
         "um2}}]",
         NULL},
        {"crossbar.polarity=single", ADC("6"),
         "overrides=[{layer: linear, adc: {preset: none, bits: 7, time: 1 ns, energy: 1 pJ, area: "
         "1 um2}}]",
         NULL}};
    for (int i = 0; i < 2; i++)
        for (int form = 0; form < 2; form++)
            for (int broken = 0; broken < 2; broken++) {
                struct chip_sample sample = {{.stuck_lrs = 0.01 * broken}, 3, 0};
                struct model m = model_make("hawis", form ? "int8" : "binary", sets[i]);
                assert_true(compare_mixed(&m, &sample) >= 1);
                model_free(&m);
            }
}

// Every conversion of one layer by itself: a code is worth `worth` steps, the nearest counts.
static struct adc_count count_by_hand(const struct model *m, const struct chip_sample *sample,
                                      int layer, const int32_t *in, double worth, double low,
                                      double high)
{
    const struct map_layer *ml = &m->s.map->layers[layer];
    const struct layer *l = &m->s.net->layers[layer];
    int active = chip_rows_active(m->s.chip);
    int32_t *window = mem_alloc((size_t)l->weights, sizeof *window);
    struct adc_count count = {0};
    for (int y = 0; y < l->out_h; y++)
        for (int x = 0; x < l->out_w; x++)
            for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++) {
                const struct slice *s = &m->s.map->slices[i];
                gather_slice(l, s, in, y, x, window);
                for (int c = 0; c < s->columns; c++)
                    for (int first = 0; first < s->rows; first += active) {
                        double sum = 0;
                        for (int r = first; r < s->rows && r < first + active; r++)
                            sum += window[s->row0 + r] * (level_of(m, sample, s, r, c, 0) -
                                                          level_of(m, sample, s, r, c, 1));
                        double code = floor(sum / worth + 0.5);
                        bool clipped = code < low || code > high;
                        count.conversions++;
                        count.clipped += clipped;
                        count.rounded += !clipped && code * worth != sum;
                    }
            }
    free(window);
    return count;
}

// Binary pairs behind 4 bits: full range, a code is worth 128 / 8 steps; calibrated to 5, one step,
// and what is beyond 7 is clipped.
static void losses_are_those_of_every_conversion(void **state)
{
    (void)state;
    static const char *const full[] = {ADC("4"), NULL};
    static const char *const met[] = {
        "adc={preset: none, bits: 4, time: 1 ns, energy: 1 pJ, area: 1 um2, range: calibrated}",
        NULL};
    int64_t ranges[16];
    for (int i = 0; i < 16; i++)
        ranges[i] = 5;
    for (int calibrated = 0; calibrated < 2; calibrated++) {
        struct model m = model_make("hawis", "binary", calibrated ? met : full);
        struct chip_sample sample = {{.stuck_lrs = 0.05}, 9, 0, 0, ranges, NULL};
        struct level_model *arrays =
            level_model_create(m.s.map, m.integer, &sample, CPU_AVX512, NULL);
        struct conductance_model *analog =
            conductance_model_create(m.s.map, m.integer, &sample, CPU_AVX512, NULL);
        struct array_worker *a = array_worker_create(arrays);
        struct conductance_model_worker *b = conductance_model_worker_create(analog);
        struct adc_count levels[16] = {{0}}, currents[16] = {{0}};
        array_worker_count(a, levels);
        conductance_model_worker_count(b, currents);
        int32_t in[24 * 64];
        int64_t acc[20 * 64];
        uint32_t x = 2;
        for (int i = 0; i < 24 * 64; i++)
            in[i] = model_random(&x) % 4 > 0;
        level_model_matrix(a, 1, in, acc);
        conductance_model_matrix(b, 1, in, acc);
        struct adc_count want = count_by_hand(&m, &sample, 1, in, calibrated ? 1 : 16, -8, 7);
        assert_true(calibrated ? want.clipped > 0 && !want.rounded : want.rounded > 0);
        assert_int_equal(levels[1].clipped, want.clipped);
        assert_int_equal(levels[1].rounded, want.rounded);
        assert_int_equal(currents[1].clipped, want.clipped);
        assert_int_equal(currents[1].rounded, want.rounded);
        struct adc_need need = loss_need_of_cells(m.s.map, arrays, NULL, m.integer, &sample, 1);
        assert_true(!need.lossless && need.bits == 4 && need.needed > 4);
        array_worker_destroy(a);
        conductance_model_worker_destroy(b);
        level_model_destroy(arrays);
        conductance_model_destroy(analog);
        model_free(&m);
    }
}

// Where no weights are known: 128 rows of pairs are +-128, one too many for 8 bits with a sign; 126
// rows (14 kernels) of 2-bit cells are 0 to 378, which flipped columns halve.
static void rows_say_what_weights_may(void **state)
{
    (void)state;
    static const char *const plain[] = {"crossbar.encoding=plain", NULL};
    static const struct {
        const char *chip, *form;
        const char *const *sets;
        double low, high;
        int needed;
        bool lossless;
    } cases[] = {{"hawis", "binary", NULL, -128, 128, 9, false},
                 {"hawis-q8", "int8", NULL, 0, 128, 8, true},
                 {"isaac-ce", "int8", plain, 0, 378, 9, false},
                 {"isaac-ce", "int8", NULL, 0, 189, 8, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model m = model_make(cases[i].chip, cases[i].form, cases[i].sets);
        struct adc_need need = loss_need_of_rows(m.s.map, 2);
        assert_true(need.low == cases[i].low && need.high == cases[i].high);
        assert_int_equal(need.needed, cases[i].needed);
        assert_int_equal(need.lossless, cases[i].lossless);
        assert_int_equal(need.bits, 8);
        assert_int_equal(loss_need_of_rows(m.s.map, 0).bits, 0);
        model_free(&m);
    }
}

// 128 rows of 1-bit pairs fill 8 bits only if all weights are of one sign: rows alone say 9 bits,
// the cells say 8.
static void mixed_weights_need_fewer_bits(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "int8", NULL);
    struct level_model *arrays =
        level_model_make(&m, 0, 0, 1, CPU_AVX512); // refuses what loses something
    for (size_t i = 1; i < m.s.net->n; i++)
        if (m.s.map->layers[i].slices) {
            struct sum_bound b = level_model_bound(arrays, (int)i);
            assert_true(b.high <= 127 && b.low >= -128 && b.high > 0 && b.low < 0);
        }
    level_model_destroy(arrays);
    model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_are_the_largest_sums),
        cmocka_unit_test(wider_digits_make_larger_sums),
        cmocka_unit_test(signed_inputs_reach_both_ends),
        cmocka_unit_test(layers_choose_for_themselves),
        cmocka_unit_test(losses_are_those_of_every_conversion),
        cmocka_unit_test(rows_say_what_weights_may),
        cmocka_unit_test(mixed_weights_need_fewer_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
