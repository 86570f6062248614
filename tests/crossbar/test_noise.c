// Noise, offsets and the resistance of wires: how far they move sums.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/wire.h"
#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/packed.h"
#include "sim/map/map.h"
#include "tests/close.h"
#include "tests/crossbar/model.h"
#include "tests/crossbar/sums.h"

static double deviation(double squares, size_t n)
{
    return sqrt(squares / (double)n);
}

static void noise_adds_up_by_squares(void **state)
{
    (void)state;
    enum { LAYER = 3, IMAGES = 20 };
    const double noise = 8;
    struct model m = model_make("hawis", "binary", wide);
    const struct layer *l = &m.s.net->layers[LAYER];
    int32_t *in = random_inputs(l, 2);
    const struct chip_sample sample = {{.read_noise = noise}, 6, 0};
    struct conductance_model *analog = conductance_model_make(&m, &sample);
    struct conductance_model_worker *worker = conductance_model_worker_create(analog);
    size_t size = outputs_of(l);
    int64_t *exact = mem_alloc(size, sizeof *exact), *got = mem_alloc(size, sizeof *got);
    int_net_matrix_reference(m.integer, LAYER, in, exact);
    double squares = 0, sum = 0;
    for (int image = 0; image < IMAGES; image++) {
        conductance_model_worker_image(worker, (size_t)image);
        conductance_model_matrix(worker, LAYER, in, got);
        for (size_t i = 0; i < size; i++) {
            double error = (double)(got[i] - exact[i]);
            squares += error * error;
            sum += error;
        }
    }
    size_t n = size * IMAGES;
    assert_true(n > 10000);
    double want = sqrt(conversions_of(&m, LAYER)) * noise;
    assert_true(conversions_of(&m, LAYER) > 1);
    assert_close(deviation(squares, n), want, 0.03);
    assert_true(fabs(sum / (double)n) < 4 * want / sqrt((double)n));
    free(exact);
    free(got);
    free(in);
    conductance_model_worker_destroy(worker);
    conductance_model_destroy(analog);
    model_free(&m);
}

// So that workers may share images out as they like.
static void noise_belongs_to_the_image(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "binary", wide);
    const struct layer *l = &m.s.net->layers[1];
    int32_t *in = random_inputs(l, 2);
    const struct chip_sample sample = {{.read_noise = 3}, 6, 0}, trial = {{.read_noise = 3}, 6, 1};
    struct conductance_model *analog = conductance_model_make(&m, &sample);
    struct conductance_model_worker *worker = conductance_model_worker_create(analog);
    size_t bytes = outputs_of(l) * sizeof(int64_t);
    int64_t *got = mem_alloc(outputs_of(l), sizeof *got);
    int64_t *fifth = currents(&m, &sample, 1, in, 5), *again = currents(&m, &trial, 1, in, 5);
    for (size_t image = 3; image <= 7; image++) {
        conductance_model_worker_image(worker, image);
        conductance_model_matrix(worker, 1, in, got);
        assert_int_equal(memcmp(got, fifth, bytes) == 0, image == 5);
    }
    assert_memory_not_equal(fifth, again, bytes);
    free(got);
    free(fifth);
    free(again);
    free(in);
    conductance_model_worker_destroy(worker);
    conductance_model_destroy(analog);
    model_free(&m);
}

// With 128 ADCs, every output has one of its own, and all groups of rows in a crossbar meet it.
static void offsets_stay(void **state)
{
    (void)state;
    enum { TRIALS = 140, PIXELS = 4 * 4 };
    const double offset = 12;
    static const char *const sets[] = {ADC("9"), "dac.count=128", NULL};
    struct model m = model_make("hawis", "binary", sets);
    const struct map_layer *ml = &m.s.map->layers[3];
    int32_t *zeros = mem_alloc(inputs_of(&m.s.net->layers[3]), sizeof *zeros);
    double squares = 0, want = 0;
    size_t n = 0;
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        const struct chip_sample sample = {{.adc_offset = offset}, 6, trial};
        int64_t *got = currents(&m, &sample, 3, zeros, 0);
        for (int c = 0; c < 36; c++) {
            for (int i = 1; i < PIXELS; i++)
                assert_int_equal(got[c * PIXELS + i], got[c * PIXELS]);
            squares += (double)(got[c * PIXELS] * got[c * PIXELS]);
            n++;
        }
        free(got);
    }
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++) {
        double groups = (m.s.map->slices[i].rows + 127) / 128;
        want += m.s.map->slices[i].col_block ? 0 : groups * groups;
    }
    // 128 rows do not fit into 255 codes of half a step: a code is worth one.
    assert_close(deviation(squares, n), offset * sqrt(want), 0.03);
    free(zeros);
    model_free(&m);
}

// The conductances in effect of one array's group of rows, from those of its cells.
static void effective_cells(const struct model *m, const struct slice *s, int array, int first,
                            int rows, double *effective_s)
{
    const struct chip *chip = m->s.chip;
    const struct wire_array wires = {rows, s->columns, chip->crossbar.rows - first - rows, 0.1};
    const int32_t *w = m->integer->layers[s->layer].w;
    size_t all = inputs_of(&m->s.net->layers[s->layer]), n = 0;
    double *g_s = mem_alloc((size_t)rows * s->columns, sizeof *g_s);
    for (int row = 0; row < rows; row++)
        for (int c = 0; c < s->columns; c++) {
            bool plus = w[(size_t)(s->out0 + c) * all + s->row0 + first + row] > 0;
            g_s[n++] = 1 / (plus == !array ? chip->cell.r_lrs_ohm : chip->cell.r_hrs_ohm);
        }
    wire_effective(&wires, g_s, effective_s);
    free(g_s);
}

// Adds what a slice of the classifier makes of its inputs, in steps.
static void add_currents(const struct model *m, const struct slice *s, const int32_t *in,
                         double *sums)
{
    const struct cell_params *cell = &m->s.chip->cell;
    double step_s = 1 / cell->r_lrs_ohm - 1 / cell->r_hrs_ohm;
    int active = chip_rows_active(m->s.chip);
    double *effective_s = mem_alloc((size_t)active * s->columns, sizeof *effective_s);
    for (int first = 0; first < s->rows; first += active)
        for (int array = 0; array < 2; array++) {
            int rows = s->rows - first < active ? s->rows - first : active;
            effective_cells(m, s, array, first, rows, effective_s);
            for (int row = 0; row < rows; row++)
                for (int c = 0; c < s->columns; c++) {
                    double g = effective_s[row * s->columns + c] / step_s;
                    sums[s->out0 + c] += (array ? -g : g) * in[s->row0 + first + row];
                }
        }
    free(effective_s);
}

// Both arrays of a pair have wires of their own; a group of rows stands where it stands in them.
static void wires_lessen_every_group(void **state)
{
    (void)state;
    static const char *const wires[] = {ADC("20"), "crossbar.wire_resistance=100 mohm", NULL};
    struct model m = model_make("hawis", "binary", wires);
    int layer = last_layer(&m);
    const struct map_layer *ml = &m.s.map->layers[layer];
    const struct layer *l = &m.s.net->layers[layer];
    const struct chip_sample sample = {{0}, 1, 0};
    int32_t *in = random_inputs(l, 3);
    double want[10] = {0}, cells = (double)inputs_of(l);
    int64_t exact[10], *got = currents(&m, &sample, layer, in, 0);
    int_net_matrix_reference(m.integer, layer, in, exact);
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++)
        add_currents(&m, &m.s.map->slices[i], in, want);
    bool differs = false;
    for (int c = 0; c < 10; c++) {
        // Every pair is rounded to 2^-10 steps, the sum to a whole one.
        assert_true(fabs((double)got[c] - want[c]) < 0.5 + cells * 0x1p-10);
        differs = differs || fabs((double)exact[c] - want[c]) > 4;
    }
    assert_true(differs);
    free(in);
    free(got);
    model_free(&m);
}

// The fast way takes what cells conduct, and declines what only a single read-out shows.
static void packed_maps_decline_single_reads(void **state)
{
    (void)state;
    static const struct {
        struct defect_params defects;
        bool packs;
    } cases[] = {{{.sigma = 0.1, .word_lines = 0.1, .bit_lines = 0.1}, true},
                 {{.drivers = 0.1}, false},
                 {{.adcs = 0.1}, false},
                 {{.adc_offset = 0.1}, false},
                 {{.read_noise = 0.1}, false}};
    static const char *const wires[] = {"crossbar.wire_resistance=1 mohm", NULL};
    struct model m = model_make("hawis", "binary", wires);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct conductance_model *analog =
            conductance_model_make(&m, &(struct chip_sample){.defects = cases[i].defects});
        struct packed *packed = packed_create_analog(analog);
        assert_int_equal(packed != NULL, cases[i].packs);
        packed_destroy(packed);
        conductance_model_destroy(analog);
    }
    model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_adds_up_by_squares),
        cmocka_unit_test(noise_belongs_to_the_image),
        cmocka_unit_test(offsets_stay),
        cmocka_unit_test(packed_maps_decline_single_reads),
        cmocka_unit_test(wires_lessen_every_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
