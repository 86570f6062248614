// Broken lines, drivers and ADCs, offsets and noise: what each must do to sums, and to how many.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/integer.h"
#include "nets/net.h"
#include "sim/base/err.h"
#include "sim/base/mem.h"
#include "sim/chip/chip.h"
#include "sim/infer/analog.h"
#include "sim/infer/array.h"
#include "sim/map/map.h"
#include "tests/close.h"
#include "tests/infer/model.h"

#define ADC(bits)                                                                                  \
    "adc={preset: none, bits: " bits ", time: 1 ns, energy: 1 pJ, area: 1 um2, count: 128}"
static const char *const wide[] = {ADC("20"), NULL};

struct sums {
    size_t n;
    int64_t *of;
};

static size_t inputs_of(const struct layer *l)
{
    return (size_t)l->in_c * l->in_h * l->in_w;
}

static size_t outputs_of(const struct layer *l)
{
    return (size_t)l->out_c * l->out_h * l->out_w;
}

static int32_t *random_inputs(const struct layer *l, uint32_t seed)
{
    int32_t *in = mem_alloc(inputs_of(l), sizeof *in);
    for (size_t i = 0; i < inputs_of(l); i++)
        in[i] = (int32_t)(model_random(&seed) % (1U << l->in_bits[0]));
    return in;
}

static struct analog *analog_make(const struct model *m, const struct draw *draw)
{
    struct err err = {0};
    struct analog *analog = analog_create(m->s.map, m->integer, draw, CPU_AVX512, &err);
    if (!analog)
        fail_msg("%s", err.text);
    return analog;
}

// The sums of one layer, free() them: by conductances, for an image; by levels.
static int64_t *currents(const struct model *m, const struct draw *draw, int layer,
                         const int32_t *in, size_t image)
{
    int64_t *sums = mem_alloc(outputs_of(&m->s.net->layers[layer]), sizeof *sums);
    struct analog *analog = analog_make(m, draw);
    struct analog_worker *worker = analog_worker_create(analog);
    analog_worker_image(worker, image);
    analog_matrix(worker, layer, in, sums);
    analog_worker_destroy(worker);
    analog_destroy(analog);
    return sums;
}

static int64_t *levels(const struct model *m, const struct draw *draw, int layer, const int32_t *in)
{
    struct err err = {0};
    int64_t *sums = mem_alloc(outputs_of(&m->s.net->layers[layer]), sizeof *sums);
    struct arrays *arrays = arrays_create(m->s.map, m->integer, draw, CPU_AVX512, &err);
    if (!arrays)
        fail_msg("%s", err.text);
    struct array_worker *worker = array_worker_create(arrays);
    arrays_matrix(worker, layer, in, sums);
    array_worker_destroy(worker);
    arrays_destroy(arrays);
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
            const struct draw draw = {all[k], 1, 0};
            expect_zeros(levels(&m, &draw, 2, in), outputs_of(l));
            expect_zeros(currents(&m, &draw, 2, in, 0), outputs_of(l));
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
        const struct draw draw = {
            {.stuck_lrs = 0.02, .stuck_hrs = 0.05, .word_lines = 0.1, .bit_lines = 0.1}, i, 2};
        for (int layer = 1; layer <= 3; layer++) {
            const struct layer *l = &m.s.net->layers[layer];
            int32_t *in = random_inputs(l, 9);
            int64_t *a = currents(&m, &draw, layer, in, 0), *b = levels(&m, &draw, layer, in);
            assert_memory_equal(a, b, outputs_of(l) * sizeof *a);
            free(a);
            free(b);
            free(in);
        }
        model_free(&m);
    }
}

// The layer without a border: the classifier.
static int last_layer(const struct model *m)
{
    return (int)m->s.net->n - 1;
}

static void stuck_drivers_are_inputs_of_ones(void **state)
{
    (void)state;
    static const char *const forms[] = {"binary", "int8"};
    static const char *const chips[] = {"hawis", "isaac-ce"};
    for (int i = 0; i < 4; i++) {
        struct model m = model_make(chips[i / 2], forms[i % 2], wide);
        int layer = last_layer(&m);
        const struct layer *l = &m.s.net->layers[layer];
        int32_t *in = random_inputs(l, 5), *ones = random_inputs(l, 5);
        for (size_t k = 0; k < inputs_of(l); k++)
            ones[k] = (1 << l->in_bits[0]) - 1;
        const struct draw none = {{0}, 1, 0}, drivers = {{.drivers = 1}, 1, 0};
        int64_t *got = currents(&m, &drivers, layer, in, 0);
        int64_t *want = currents(&m, &none, layer, ones, 0);
        int64_t *other = currents(&m, &none, layer, in, 0);
        assert_memory_equal(got, want, outputs_of(l) * sizeof *got);
        assert_memory_not_equal(got, other, outputs_of(l) * sizeof *got);
        free(got);
        free(want);
        free(other);
        free(in);
        free(ones);
        model_free(&m);
    }
}

// Conversions that every output of a layer adds up.
static int conversions_of(const struct model *m, int layer)
{
    const struct map_layer *ml = &m->s.map->layers[layer];
    int n = 0, active = chip_rows_active(m->s.chip);
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++)
        if (m->s.map->slices[i].col_block == 0)
            n += (m->s.map->slices[i].rows + active - 1) / active;
    return n * ml->input_cycles;
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
        const struct draw draw = {{.adcs = 1, .read_noise = 5}, seed, 0};
        int64_t *a = currents(&m, &draw, 1, one, 0), *b = currents(&m, &draw, 1, other, 1);
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
    const struct draw low = {{.word_lines = 0.1, .bit_lines = 0.1, .drivers = 0.1, .adcs = 0.1}, 3};
    struct draw high = low;
    high.defects.word_lines = high.defects.bit_lines = 0.3;
    high.defects.drivers = high.defects.adcs = 0.3;
    int hits[4][2] = {{0}};
    enum { N = 4000 };
    for (int i = 0; i < N; i++) {
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
            double rate = j ? 0.3 : 0.1, sigma = sqrt(N * rate * (1 - rate));
            assert_true(fabs(hits[k][j] - N * rate) < 4 * sigma);
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
    const struct draw draw = {
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
        struct analog *analog = analog_make(&m, &draw);
        struct fault_counts counts = analog_faults(analog);
        expect_tally(counts.word_lines, 2 * rows, 0.05);
        expect_tally(counts.bit_lines, 2 * columns, 0.1);
        expect_tally(counts.drivers, rows, 0.05);
        expect_tally(counts.adcs, adcs, 0.2);
        struct arrays *arrays = arrays_create(map, m.integer, &draw, CPU_AVX512, NULL);
        struct fault_counts other = arrays_faults(arrays);
        assert_int_equal(other.word_lines.hit, counts.word_lines.hit);
        assert_int_equal(other.word_lines.all, counts.word_lines.all);
        assert_int_equal(other.bit_lines.hit, counts.bit_lines.hit);
        assert_int_equal(other.bit_lines.all, counts.bit_lines.all);
        arrays_destroy(arrays);
        analog_destroy(analog);
        model_free(&m);
    }
}

static double deviation(double squares, size_t n)
{
    return sqrt(squares / (double)n);
}

static void noise_adds_up_by_squares(void **state)
{
    (void)state;
    enum { LAYER = 3, IMAGES = 20, NOISE = 8 };
    struct model m = model_make("hawis", "binary", wide);
    const struct layer *l = &m.s.net->layers[LAYER];
    int32_t *in = random_inputs(l, 2);
    const struct draw draw = {{.read_noise = NOISE}, 6, 0};
    struct analog *analog = analog_make(&m, &draw);
    struct analog_worker *worker = analog_worker_create(analog);
    size_t size = outputs_of(l);
    int64_t *exact = mem_alloc(size, sizeof *exact), *got = mem_alloc(size, sizeof *got);
    integer_matrix_reference(m.integer, LAYER, in, exact);
    double squares = 0, sum = 0;
    for (int image = 0; image < IMAGES; image++) {
        analog_worker_image(worker, (size_t)image);
        analog_matrix(worker, LAYER, in, got);
        for (size_t i = 0; i < size; i++) {
            double error = (double)(got[i] - exact[i]);
            squares += error * error;
            sum += error;
        }
    }
    size_t n = size * IMAGES;
    assert_true(n > 10000);
    double want = sqrt(conversions_of(&m, LAYER)) * NOISE;
    assert_true(conversions_of(&m, LAYER) > 1);
    assert_close(deviation(squares, n), want, 0.03);
    assert_true(fabs(sum / (double)n) < 4 * want / sqrt((double)n));
    free(exact);
    free(got);
    free(in);
    analog_worker_destroy(worker);
    analog_destroy(analog);
    model_free(&m);
}

// So that workers may share images out as they like.
static void noise_belongs_to_the_image(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "binary", wide);
    const struct layer *l = &m.s.net->layers[1];
    int32_t *in = random_inputs(l, 2);
    const struct draw draw = {{.read_noise = 3}, 6, 0}, trial = {{.read_noise = 3}, 6, 1};
    struct analog *analog = analog_make(&m, &draw);
    struct analog_worker *worker = analog_worker_create(analog);
    size_t bytes = outputs_of(l) * sizeof(int64_t);
    int64_t *got = mem_alloc(outputs_of(l), sizeof *got);
    int64_t *fifth = currents(&m, &draw, 1, in, 5), *again = currents(&m, &trial, 1, in, 5);
    for (size_t image = 3; image <= 7; image++) {
        analog_worker_image(worker, image);
        analog_matrix(worker, 1, in, got);
        assert_int_equal(memcmp(got, fifth, bytes) == 0, image == 5);
    }
    assert_memory_not_equal(fifth, again, bytes);
    free(got);
    free(fifth);
    free(again);
    free(in);
    analog_worker_destroy(worker);
    analog_destroy(analog);
    model_free(&m);
}

// With 128 ADCs, every output has one of its own, and all groups of rows in a crossbar meet it.
static void offsets_stay(void **state)
{
    (void)state;
    enum { TRIALS = 140, OFFSET = 12, PIXELS = 4 * 4 };
    static const char *const sets[] = {ADC("9"), "dac.count=128", NULL};
    struct model m = model_make("hawis", "binary", sets);
    const struct map_layer *ml = &m.s.map->layers[3];
    int32_t *zeros = mem_alloc(inputs_of(&m.s.net->layers[3]), sizeof *zeros);
    double squares = 0, want = 0;
    size_t n = 0;
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        const struct draw draw = {{.adc_offset = OFFSET}, 6, trial};
        int64_t *got = currents(&m, &draw, 3, zeros, 0);
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
    assert_close(deviation(squares, n), OFFSET * sqrt(want), 0.03);
    free(zeros);
    model_free(&m);
}

// Wires take something of every current, and no more than analog_dropped() says of one cell.
static void wires_take_their_share(void **state)
{
    (void)state;
    static const char *const wires[] = {ADC("20"), "crossbar.wire_resistance=50 mohm", NULL};
    struct model m = model_make("hawis", "binary", wires);
    const struct draw draw = {{0}, 1, 0};
    struct analog *analog = analog_make(&m, &draw);
    double dropped = analog_dropped(analog);
    analog_destroy(analog);
    assert_true(dropped > 0.02 && dropped < 0.5);
    const struct layer *l = &m.s.net->layers[2];
    size_t size = outputs_of(l);
    int32_t *in = random_inputs(l, 3);
    int64_t *exact = mem_alloc(size, sizeof *exact), *got = currents(&m, &draw, 2, in, 0);
    integer_matrix_reference(m.integer, 2, in, exact);
    double both = 0, square = 0;
    for (size_t i = 0; i < size; i++) {
        both += (double)(exact[i] * got[i]);
        square += (double)(exact[i] * exact[i]);
    }
    assert_true(both / square < 0.995 && both / square > 1 - dropped);
    free(in);
    free(exact);
    free(got);
    model_free(&m);
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
        cmocka_unit_test(noise_adds_up_by_squares),
        cmocka_unit_test(noise_belongs_to_the_image),
        cmocka_unit_test(offsets_stay),
        cmocka_unit_test(wires_take_their_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
