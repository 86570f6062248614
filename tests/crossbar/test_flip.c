// Flipped columns (crossbar.encoding: flip): an ADC of one bit less loses nothing, and broken cells
// mean what they mean when a column is stored complemented. Everything is computed by hand from
// weights in offset binary, w + 2^(bits - 1).
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
#include "sim/crossbar/fault.h"
#include "sim/crossbar/flip.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"

#define ADC(bits) "adc={preset: none, bits: " bits ", time: 1 ns, energy: 1 pJ, area: 1 um2}"

static int rows_of(const struct layer *l)
{
    return (int)(l->weights / l->out_c);
}

// What one column holds of one weight, not flipped.
static int held(const struct model *m, const struct slice *s, int row, int column)
{
    const struct layer *l = &m->s.net->layers[s->layer];
    int slices = m->s.map->layers[s->layer].column_slices, out = s->out0 + column / slices;
    int slice = slices > 1 ? column % slices : s->weight_slice, bits = m->s.chip->cell.bits;
    int32_t w = m->integer->layers[s->layer].w[out * rows_of(l) + s->row0 + row];
    int32_t code = l->weight_bits == 1 ? (w + 1) / 2 : w + (1 << (l->weight_bits - 1));
    return code >> slice * bits & ((1 << bits) - 1);
}

static bool stored_flipped(const struct model *m, const struct slice *s, int row, int column)
{
    int active = chip_rows_active(m->s.chip), first = row / active * active, sum = 0, n = 0;
    for (int r = first; r < s->rows && r < first + active; r++, n++)
        sum += held(m, s, r, column);
    return sum * 2 > n * ((1 << m->s.chip->cell.bits) - 1);
}

static void columns_above_half_are_flipped(void **state)
{
    (void)state;
    static const char *const sets[][3] = {{NULL},
                                          {"crossbar.rows_active=50", NULL},
                                          {"cell.bits=3", ADC("9"), NULL},
                                          {"cell.bits=1", "crossbar.slices=arrays", NULL}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct model m = model_make("isaac-ce", "int8", sets[i]);
        struct arena *mem = arena_create();
        int flipped = 0, all = 0;
        for (int k = 0; k < m.s.map->n_slices; k++) {
            const struct slice *s = &m.s.map->slices[k];
            struct column_flips flips = flips_make(mem, m.s.map, m.integer, s);
            for (int row = 0; row < s->rows; row++)
                for (int c = 0; c < s->columns; c++, all++) {
                    bool unit = c == s->columns - 1, got = flips_of_row(&flips, row)[c];
                    assert_int_equal(got, !unit && stored_flipped(&m, s, row, c));
                    flipped += got;
                }
        }
        assert_true(flipped > all / 10);
        arena_destroy(mem);
        model_free(&m);
    }
}

static void expect_net(const struct model *m, int_net_matrix *matrix, void *context)
{
    struct int_net_run *a = int_net_run_create(m->integer), *b = int_net_run_create(m->integer);
    uint32_t x = 3;
    uint8_t image[192];
    int64_t want[10];
    for (int i = 0; i < 5; i++) {
        model_image(&x, image);
        memcpy(want, int_net_run_image(a, image, int_net_matrix_reference, m->integer),
               sizeof want);
        assert_memory_equal(int_net_run_image(b, image, matrix, context), want, sizeof want);
    }
    int_net_run_destroy(a);
    int_net_run_destroy(b);
}

// ISAAC: 128 rows of 2-bit cells fill 9 bits, and half of that 8. 252 rows of which 128 are driven
// at once, 1-bit cells: 64 is the largest sum, and 7 bits hold it.
static void one_bit_less_loses_nothing(void **state)
{
    (void)state;
    static const char *const single[] = {"crossbar.encoding=flip", ADC("7"), NULL};
    static const char *const wide_cells[] = {"cell.bits=4", ADC("10"), NULL};
    static const char *const dacs[] = {"dac={bits: 4, time: 1 ns, energy: 1 fJ, area: 1 um2}",
                                       "net.encoder=thermometer", ADC("12"), NULL};
    static const struct {
        const char *chip, *form;
        const char *const *sets;
    } cases[] = {{"isaac-ce", "int16", NULL},   {"isaac-ce", "int8", NULL},
                 {"isaac-ce", "binary", NULL},  {"isaac-ce", "int8", wide_cells},
                 {"isaac-ce", "int8", dacs},    {"hawis-q8", "int8", single},
                 {"hawis-q8", "binary", single}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model m = model_make(cases[i].chip, cases[i].form, cases[i].sets);
        struct err err = {0};
        const struct chip_sample none = {.seed = 1};
        struct level_model *arrays =
            level_model_make(&m, 0, 0, 1, CPU_AVX512); // refuses what loses something
        struct conductance_model *analog =
            conductance_model_create(m.s.map, m.integer, &none, CPU_AVX512, &err);
        assert_non_null(analog);
        struct array_worker *a = array_worker_create(arrays);
        struct conductance_model_worker *b = conductance_model_worker_create(analog);
        expect_net(&m, level_model_matrix, a);
        expect_net(&m, conductance_model_matrix, b);
        for (int l = 1; l < (int)m.s.net->n; l++)
            if (m.s.map->layers[l].slices) {
                const struct chip *chip = m.s.chip;
                double half = chip_rows_active(chip) * ((1 << chip->cell.bits) - 1) / 2;
                assert_true(level_model_bound(arrays, l).high <=
                            half * ((1 << chip->dac.bits) - 1));
            }
        array_worker_destroy(a);
        conductance_model_worker_destroy(b);
        level_model_destroy(arrays);
        conductance_model_destroy(analog);
        model_free(&m);
    }
}

static void plain_columns_need_the_bit(void **state)
{
    (void)state;
    static const char *const plain[] = {"crossbar.encoding=plain", NULL};
    struct model m = model_make("isaac-ce", "int8", plain);
    struct err err = {0};
    const struct chip_sample none = {.seed = 1};
    assert_null(level_model_create(m.s.map, m.integer, &none, CPU_AVX512, &err));
    assert_non_null(strstr(err.text, "set adc.bits to 9 or more"));
    model_free(&m);
}

static int read_broken(const struct chip_sample *sample, const struct cell_address *at, int level,
                       int top)
{
    enum cell_fault fault = fault_cell(sample, at);
    return fault == CELL_LRS ? top : fault == CELL_HRS ? 0 : level;
}

// The weight that the cells of (out, row) mean: of a flipped column top * unit - level, unit being
// what the row's cell of the offset column holds.
static int64_t weight_by_hand(const struct model *m, const struct chip_sample *sample, int layer,
                              int out, int row)
{
    const struct map_layer *ml = &m->s.map->layers[layer];
    const struct layer *l = &m->s.net->layers[layer];
    int bits = m->s.chip->cell.bits, top = (1 << bits) - 1, each = ml->column_slices;
    bool has_unit = m->s.chip->crossbar.polarity == POLARITY_OFFSET;
    int64_t sum = 0;
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++) {
        const struct slice *s = &m->s.map->slices[i];
        if (row < s->row0 || row >= s->row0 + s->rows || out < s->out0 || out >= s->out0 + s->outs)
            continue;
        const struct map_tile *t = &m->s.map->tiles[s->tile];
        struct cell_address at = {t->x, t->y, s->pe, s->crossbar, 0, row - s->row0, s->columns - 1};
        int unit = has_unit ? read_broken(sample, &at, 1, top) : 1;
        for (int k = 0; k < each; k++) {
            at.column = (out - s->out0) * each + k;
            bool flipped = stored_flipped(m, s, at.row, at.column);
            int level = held(m, s, at.row, at.column);
            int cell = read_broken(sample, &at, flipped ? top - level : level, top);
            int64_t value = flipped ? top * unit - cell : cell;
            sum += value * ((int64_t)1 << (each > 1 ? k : s->weight_slice) * bits);
        }
        if (s->weight_slice == 0)
            sum -= (int64_t)unit << (l->weight_bits - 1);
    }
    return sum;
}

static void broken_cells_stay_as_they_are(void **state)
{
    (void)state;
    static const char *const wide[] = {ADC("20"), NULL};
    static const char *const single[] = {ADC("20"), "crossbar.encoding=flip", NULL};
    static const char *const apart[] = {ADC("20"), "crossbar.slices=arrays", NULL};
    const struct {
        const char *chip;
        const char *const *sets;
    } cases[] = {{"isaac-ce", wide}, {"hawis-q8", single}, {"isaac-ce", apart}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model m = model_make(cases[i].chip, "int8", cases[i].sets);
        struct chip_sample sample = {{.stuck_lrs = 0.1, .stuck_hrs = 0.15}, 5, 2};
        struct err err = {0};
        struct level_model *arrays =
            level_model_create(m.s.map, m.integer, &sample, CPU_AVX512, &err);
        struct conductance_model *analog =
            conductance_model_create(m.s.map, m.integer, &sample, CPU_AVX512, &err);
        assert_true(arrays && analog);
        int changed = 0;
        for (int l = 1; l < (int)m.s.net->n; l++) {
            const struct layer *layer = &m.s.net->layers[l];
            for (int o = 0; layer->weights && o < layer->out_c; o++)
                for (int row = 0; row < rows_of(layer); row += 7) {
                    int32_t got = level_model_weight(arrays, l, o, row);
                    assert_int_equal(got, weight_by_hand(&m, &sample, l, o, row));
                    changed += got != m.integer->layers[l].w[o * rows_of(layer) + row];
                }
        }
        assert_true(changed > 100);
        struct array_worker *a = array_worker_create(arrays);
        struct conductance_model_worker *b = conductance_model_worker_create(analog);
        struct int_net_run *one = int_net_run_create(m.integer);
        struct int_net_run *two = int_net_run_create(m.integer);
        uint32_t x = 3;
        uint8_t image[192];
        for (int k = 0; k < 3; k++) {
            model_image(&x, image);
            const int64_t *want = int_net_run_image(one, image, level_model_matrix, a);
            assert_memory_equal(int_net_run_image(two, image, conductance_model_matrix, b), want,
                                10 * sizeof *want);
        }
        int_net_run_destroy(one);
        int_net_run_destroy(two);
        array_worker_destroy(a);
        conductance_model_worker_destroy(b);
        level_model_destroy(arrays);
        conductance_model_destroy(analog);
        model_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_above_half_are_flipped),
        cmocka_unit_test(one_bit_less_loses_nothing),
        cmocka_unit_test(plain_columns_need_the_bit),
        cmocka_unit_test(broken_cells_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
