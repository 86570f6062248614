// Calibrated ADCs: ranges against sums written out here, and what clipping at them does.
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
#include "sim/crossbar/calibrate.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/packed.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"

static const char calibrated[] =
    "adc={preset: none, bits: 20, time: 1 ns, energy: 1 pJ, area: 1 um2, range: calibrated}";

// --- Sums, one by one ---

struct naive {
    const struct model *m;
    int64_t ranges[16];
};

static int level_of(const struct model *m, const struct slice *s, int row, int column, int array)
{
    const struct layer *l = &m->s.net->layers[s->layer];
    int slices = m->s.map->layers[s->layer].column_slices, out = column / slices;
    int rows = (int)(l->weights / l->out_c);
    if (out >= s->outs)
        return 1; // the offset column
    int32_t w = m->integer->layers[s->layer].w[(s->out0 + out) * rows + s->row0 + row];
    int slice = slices > 1 ? column % slices : s->weight_slice;
    return cell_level(m->s.chip->crossbar.polarity, l->weight_bits, m->s.chip->cell.bits, w, slice,
                      array);
}

// Whether the chip stores the rows from `first` on complemented: they hold more than half.
static bool is_flipped(const struct model *m, const struct slice *s, int first, int column)
{
    const struct chip *chip = m->s.chip;
    int active = chip_rows_active(chip), sum = 0, rows = 0;
    if (chip->crossbar.encoding != ENCODING_FLIP || column == s->columns - 1) // the offset column
        return false;
    for (int r = first; r < s->rows && r < first + active; r++, rows++)
        sum += level_of(m, s, r, column, 0);
    return 2 * sum > rows * ((1 << chip->cell.bits) - 1);
}

static void meet(int64_t *most, int64_t sum)
{
    *most = llabs(sum) > *most ? llabs(sum) : *most;
}

static void meet_column(struct naive *n, const struct slice *s, const int32_t *window, int column)
{
    const struct chip *chip = n->m->s.chip;
    int cycles = n->m->s.map->layers[s->layer].input_cycles, active = chip_rows_active(chip);
    for (int first = 0; first < s->rows; first += active)
        for (int cycle = 0, flipped = is_flipped(n->m, s, first, column); cycle < cycles; cycle++) {
            int64_t sum[2] = {0};
            for (int row = first; row < first + active && row < s->rows; row++) {
                int32_t a = window[s->row0 + row];
                if (cycles > 1)
                    a = a >> cycle * chip->dac.bits & ((1 << chip->dac.bits) - 1);
                for (int array = 0; array < chip_arrays(chip); array++) {
                    int level = level_of(n->m, s, row, column, array);
                    sum[array] += a * (flipped ? (1 << chip->cell.bits) - 1 - level : level);
                }
            }
            int64_t *most = &n->ranges[s->layer];
            bool apart = chip->crossbar.subtract_after;
            meet(most, apart ? sum[0] : sum[0] - sum[1]);
            if (apart)
                meet(most, sum[1]);
        }
}

static void naive_matrix(void *context, int layer, const int32_t *in, int64_t *acc)
{
    struct naive *n = context;
    const struct layer *l = &n->m->s.net->layers[layer];
    const struct map_layer *ml = &n->m->s.map->layers[layer];
    int32_t *window = mem_alloc((size_t)l->weights, sizeof *window);
    for (int y = 0; y < l->out_h; y++)
        for (int x = 0; x < l->out_w; x++)
            for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++) {
                const struct slice *s = &n->m->s.map->slices[i];
                gather_slice(l, s, in, y, x, window);
                for (int column = 0; column < s->columns; column++)
                    meet_column(n, s, window, column);
            }
    free(window);
    int_net_matrix_reference(n->m->integer, layer, in, acc);
}

static void ranges_are_the_largest_sums(void **state)
{
    (void)state;
    static const char eight[] = "dac={bits: 8, time: 1 ns, energy: 1 fJ, area: 1 um2}";
    const struct {
        const char *chip, *form, *more;
    } cases[] = {{"hawis", "binary", NULL},
                 {"hawis", "binary", "dac.count=37"},
                 {"hawis", "binary", "crossbar.subtract=after_adc"},
                 {"hawis-q8", "binary", NULL},
                 {"isaac-ce", "binary", NULL},
                 {"hawis", "int8", NULL},
                 {"hawis", "int8", "cell.bits=7"},
                 {"hawis", "int8", eight},
                 {"hawis-q8", "int8", NULL},
                 {"isaac-ce", "int8", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const sets[] = {calibrated, cases[i].more, NULL};
        struct model m = model_make(cases[i].chip, cases[i].form, sets);
        struct calibration *c = calibration_create(m.s.map, m.integer, CPU_AVX512);
        struct int_net_run *run = int_net_run_create(m.integer);
        struct naive naive = {.m = &m};
        uint32_t x = 3;
        uint8_t image[192];
        int64_t want[10];
        for (int k = 0; k < 2; k++) {
            model_image(&x, image);
            memcpy(want, int_net_run_image(run, image, naive_matrix, &naive), sizeof want);
            assert_memory_equal(int_net_run_image(run, image, calibration_matrix, c), want,
                                sizeof want);
        }
        for (size_t l = 1; l < m.s.net->n; l++)
            assert_int_equal(calibration_range(c, (int)l), naive.ranges[l]);
        assert_true(naive.ranges[1] > 0);
        int_net_run_destroy(run);
        calibration_destroy(c);
        model_free(&m);
    }
}

// --- What they do ---

static struct level_model *make(const struct model *m, const int64_t *ranges, double rate,
                                enum cpu_level level)
{
    struct err err = {0};
    struct chip_sample sample = {{.stuck_lrs = rate, .stuck_hrs = rate}, 4, .ranges = ranges};
    struct level_model *arrays = level_model_create(m->s.map, m->integer, &sample, level, &err);
    if (!arrays)
        fail_msg("%s", err.text);
    return arrays;
}

// Ranges that a few random images meet.
static void find_ranges(const struct model *m, int64_t *ranges)
{
    struct calibration *c = calibration_create(m->s.map, m->integer, CPU_AVX512);
    struct int_net_run *run = int_net_run_create(m->integer);
    uint32_t x = 3;
    uint8_t image[192];
    for (int k = 0; k < 10; k++) {
        model_image(&x, image);
        int_net_run_image(run, image, calibration_matrix, c);
    }
    for (size_t l = 1; l < m->s.net->n; l++)
        ranges[l] = calibration_range(c, (int)l);
    int_net_run_destroy(run);
    calibration_destroy(c);
}

static struct model coarse_model(int bits, const char *range, const char *more)
{
    char adc[160];
    snprintf(adc, sizeof adc,
             "adc={preset: none, bits: %d, time: 1 ns, energy: 1 pJ, area: 1 um2, range: %s}", bits,
             range);
    const char *const sets[] = {adc, more, NULL};
    return model_make("hawis", "binary", sets);
}

// The fast way of binary nets against the plain one, at every level of kernels.
static void packed_maps_clip_where_arrays_do(void **state)
{
    (void)state;
    for (int bits = 2; bits <= 7; bits++) {
        struct model m = coarse_model(bits, "calibrated", bits % 2 ? "dac.count=37" : NULL);
        int64_t ranges[16] = {0};
        find_ranges(&m, ranges);
        struct level_model *arrays = make(&m, ranges, 0.05, (enum cpu_level)(bits % CPU_LEVELS));
        struct packed *packed = packed_create(arrays);
        struct array_worker *worker = array_worker_create(arrays);
        expect_packed(&m, packed, level_model_matrix, worker);
        array_worker_destroy(worker);
        packed_destroy(packed);
        level_model_destroy(arrays);
        model_free(&m);
    }
}

// Conductances without variation against levels, where codes are worth odd fractions of a step.
static void conductances_clip_where_levels_do(void **state)
{
    (void)state;
    for (int bits = 2; bits <= 8; bits++) {
        struct model m = coarse_model(bits, "calibrated", bits % 2 ? "dac.count=37" : NULL);
        int64_t ranges[16] = {0};
        struct err err = {0};
        find_ranges(&m, ranges);
        struct chip_sample sample = {{.stuck_lrs = 0.05, .stuck_hrs = 0.05}, 4, .ranges = ranges};
        struct level_model *arrays = make(&m, ranges, 0.05, CPU_AVX512);
        struct conductance_model *analog =
            conductance_model_create(m.s.map, m.integer, &sample, CPU_AVX512, &err);
        assert_non_null(analog);
        struct int_net_run *run = int_net_run_create(m.integer);
        struct array_worker *levels = array_worker_create(arrays);
        struct conductance_model_worker *currents = conductance_model_worker_create(analog);
        uint32_t x = 9;
        uint8_t image[192];
        int64_t want[10];
        for (int i = 0; i < 5; i++) {
            model_image(&x, image);
            memcpy(want, int_net_run_image(run, image, level_model_matrix, levels), sizeof want);
            assert_memory_equal(int_net_run_image(run, image, conductance_model_matrix, currents),
                                want, sizeof want);
        }
        struct packed *packed = packed_create_analog(analog);
        expect_packed(&m, packed, level_model_matrix, levels);
        packed_destroy(packed);
        conductance_model_worker_destroy(currents);
        array_worker_destroy(levels);
        int_net_run_destroy(run);
        conductance_model_destroy(analog);
        level_model_destroy(arrays);
        model_free(&m);
    }
}

// Eight bits, slice by slice or not, in every kind of array: an ADC with a code for every sum that
// was met loses nothing of them.
static void ranges_hold_what_they_met(void **state)
{
    (void)state;
    static const char *const chips[] = {"hawis", "hawis-q8", "isaac-ce"};
    for (size_t i = 0; i < sizeof chips / sizeof *chips; i++) {
        const char *const wide[] = {calibrated, NULL};
        struct model m = model_make(chips[i], "int8", wide);
        int64_t ranges[16] = {0};
        find_ranges(&m, ranges);
        model_free(&m);
        bool has_sign = i == 0;
        int bits = 1;
        for (size_t l = 1; l < 5; l++)
            while (((int64_t)1 << bits >> has_sign) - 1 < ranges[l])
                bits++;
        char adc[160];
        snprintf(adc, sizeof adc,
                 "adc={preset: none, bits: %d, time: 1 ns, energy: 1 pJ, area: "
                 "1 um2, range: calibrated}",
                 bits);
        const char *const sets[] = {adc, NULL};
        m = model_make(chips[i], "int8", sets);
        struct err err = {0};
        struct chip_sample sample = {.seed = 1, .ranges = ranges};
        struct conductance_model *analog =
            conductance_model_create(m.s.map, m.integer, &sample, CPU_AVX512, &err);
        assert_non_null(analog);
        struct conductance_model_worker *worker = conductance_model_worker_create(analog);
        struct int_net_run *run = int_net_run_create(m.integer);
        uint32_t x = 3;
        uint8_t image[192];
        int64_t want[10];
        for (int k = 0; k < 10; k++) { // the images of find_ranges
            model_image(&x, image);
            memcpy(want, int_net_run_image(run, image, int_net_matrix_reference, m.integer),
                   sizeof want);
            assert_memory_equal(int_net_run_image(run, image, conductance_model_matrix, worker),
                                want, sizeof want);
        }
        int_net_run_destroy(run);
        conductance_model_worker_destroy(worker);
        conductance_model_destroy(analog);
        model_free(&m);
    }
}

enum { SIZE = 20 * 64, INPUTS = 24 * 64, MAPS = 80 };

static void random_inputs(uint32_t *x, int32_t in[INPUTS])
{
    for (int j = 0; j < INPUTS; j++)
        in[j] = model_random(x) % 2;
}

// Root mean square error of the first layer's sums over 100,000 columns.
static double error_of(int bits, const char *range)
{
    struct model m = coarse_model(bits, range, NULL);
    struct calibration *c = calibration_create(m.s.map, m.integer, CPU_AVX512);
    int32_t in[INPUTS];
    int64_t exact[SIZE], got[SIZE], ranges[16] = {0};
    uint32_t x = 1;
    for (int i = 0; i < MAPS; i++) {
        random_inputs(&x, in);
        calibration_matrix(c, 1, in, exact);
    }
    ranges[1] = calibration_range(c, 1);
    struct level_model *arrays = make(&m, ranges, 0, CPU_AVX512);
    struct array_worker *worker = array_worker_create(arrays);
    double squares = 0;
    x = 1;
    for (int i = 0; i < MAPS; i++) {
        random_inputs(&x, in);
        int_net_matrix_reference(m.integer, 1, in, exact);
        level_model_matrix(worker, 1, in, got);
        for (int j = 0; j < SIZE; j++)
            squares += (double)((exact[j] - got[j]) * (exact[j] - got[j]));
    }
    array_worker_destroy(worker);
    level_model_destroy(arrays);
    calibration_destroy(c);
    model_free(&m);
    return sqrt(squares / ((double)(MAPS * SIZE)));
}

static void finer_and_calibrated_adcs_are_nearer(void **state)
{
    (void)state;
    double last = 1e300;
    for (int bits = 2; bits <= 8; bits++) {
        double rms = error_of(bits, "calibrated"), full = error_of(bits, "full");
        assert_true(rms < last || (rms == 0 && last == 0));
        assert_true(rms < full || (rms == 0 && full == 0)); // the range is not wasted
        last = rms;
    }
    assert_true(last == 0);
}

// What R is worth: with 4 bits and signs R / 8 a code, the top code 7, the lowest -8.
static void codes_are_shares_of_the_range(void **state)
{
    (void)state;
    struct model m = coarse_model(4, "calibrated", NULL);
    int32_t *w = mem_alloc((size_t)m.s.net->layers[1].weights, sizeof *w), in[INPUTS] = {0};
    for (int64_t i = 0; i < m.s.net->layers[1].weights; i++)
        w[i] = i < 216 ? 1 : -1;
    m.integer->layers[1].w = w;
    int64_t ranges[16] = {0, 20}, acc[SIZE];
    struct level_model *arrays = make(&m, ranges, 0, CPU_SCALAR);
    struct array_worker *worker = array_worker_create(arrays);
    for (int ones = 0; ones <= 20; ones++) { // channels on in the first pixel alone
        for (int c = 0; c < 20; c++)
            in[c * 64] = c < ones;
        level_model_matrix(worker, 1, in, acc);
        int code = (int)floor(ones / 2.5 + 0.5), low = -(int)ceil(ones / 2.5 - 0.5);
        // The 24 channels of a tap stand in two groups of 128 rows: the first 14 and the rest.
        if (ones > 14) {
            code = (int)floor(14 / 2.5 + 0.5) + (int)floor((ones - 14) / 2.5 + 0.5);
            low = -(int)ceil(14 / 2.5 - 0.5) - (int)ceil((ones - 14) / 2.5 - 0.5);
        }
        assert_int_equal(acc[0], (int)floor(code * 2.5 + 0.5));
        assert_int_equal(acc[64], (int)floor(low * 2.5 + 0.5));
    }
    array_worker_destroy(worker);
    level_model_destroy(arrays);
    free(w);
    model_free(&m);
}

static void ranges_are_asked_for(void **state)
{
    (void)state;
    struct model m = coarse_model(6, "calibrated", NULL);
    struct err err = {0};
    struct chip_sample none = {.seed = 1};
    assert_null(level_model_create(m.s.map, m.integer, &none, CPU_SCALAR, &err));
    assert_non_null(strstr(err.text, "is calibrated, but there are no images"));
    assert_int_equal(calibration_images(m.s.map), 64);
    model_free(&m);
    m = coarse_model(6, "full",
                     "overrides=[{layer: linear, adc: {preset: mnsim-4, range: "
                     "calibrated, calibration_images: 7}}]");
    assert_int_equal(calibration_images(m.s.map), 7);
    model_free(&m);
    m = coarse_model(6, "full", NULL);
    assert_int_equal(calibration_images(m.s.map), 0);
    model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_the_largest_sums),
        cmocka_unit_test(packed_maps_clip_where_arrays_do),
        cmocka_unit_test(conductances_clip_where_levels_do),
        cmocka_unit_test(ranges_hold_what_they_met),
        cmocka_unit_test(finer_and_calibrated_adcs_are_nearer),
        cmocka_unit_test(codes_are_shares_of_the_range),
        cmocka_unit_test(ranges_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
