// Groups that share crossbars: values against the integer net, against sums over physical cells
// worked out here, and against the same net with its groups apart.
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
#include "sim/crossbar/evaluate.h"
#include "sim/crossbar/fault.h"
#include "sim/crossbar/perturb.h"
#include "sim/crossbar/spare.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"
#include "workloads/dataset.h"

// A grouped stem (of signed images where they are raw), depthwise, then several inputs and outputs
// a group with an even kernel, and with gaps between taps.
static const char text[] =
    "name: grouped\ninput: {channels: 3, height: 8, width: 8, bits: 8, normalise: mnist}\nclasses: "
    "10\nlevels: 8\n"
    "layers:\n"
    "  - {name: stem, kind: conv, out: 21, kernel: 3, pad: 1, groups: 3}\n"
    "  - {name: dw, kind: conv, out: 21, kernel: 3, pad: 1, groups: 21}\n"
    "  - {name: pw, kind: conv, out: 24, kernel: 1}\n"
    "  - {name: eight, kind: conv, out: 40, kernel: [3, 2], stride: [2, 1], pad: same, groups: 8}\n"
    "  - {name: double, kind: conv, out: 40, kernel: 3, pad: 2, dilation: 2, groups: 20}\n"
    "  - {name: avgpool, kind: head}\n"
    "  - {name: linear, kind: linear, out: 10}\n";
enum { STEM = 1, DW = 2, DOUBLE = 5 }; // layers

#define ADC(bits)                                                                                  \
    "adc={preset: none, bits: " bits ", time: 1 ns, energy: 1 pJ, area: 1 um2, count: 128}"
#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})
enum { IMAGES = 7, BYTES = 192, CLASSES = 10 };

struct arrangement {
    const char *chip, *form, *more[4];
};

static const struct arrangement arrangements[] = {
    {"hawis", "int8", {NULL}},
    {"hawis", "binary", {NULL}},
    {"hawis", "int8", {"crossbar.rows=100", "mapping.policy=dense", "dac.count=50"}},
    {"hawis", "int8", {"crossbar.rows_active=13"}},
    {"hawis", "int8", {"crossbar.subtract=after_adc", "crossbar.slices=columns"}},
    {"hawis", "int8", {"cell.bits=3", "crossbar.columns=17"}},
    {"hawis", "int8", {"mapping.replicate=true", "mapping.tiles=200"}},
    {"hawis-q8", "int8", {NULL}},
    {"hawis-q8", "int8", {"crossbar.polarity=offset_column", "crossbar.slices=columns"}},
    {"hawis-q8", "int8", {"crossbar.polarity=offset_column", "cell.bits=2"}},
    {"isaac-ce", "int8", {NULL}},
    {"isaac-ce", "int8", {"crossbar.encoding=plain"}},
    // A signed input is one pulse of 8 bits; the ADC of single columns then reads both signs.
    {"hawis", "int8", {"dac.preset=mnsim-6"}},
    {"hawis", "int8", {"dac.preset=mnsim-6", "crossbar.subtract=after_adc"}},
    {"hawis-q8", "int8", {"dac.preset=mnsim-6"}},
    {"hawis-q8", "int8", {"dac.preset=mnsim-6", "crossbar.polarity=offset_column"}},
    {"isaac-ce", "int8", {"dac.preset=mnsim-6"}},
};
enum { ARRANGEMENTS = sizeof arrangements / sizeof *arrangements };

static struct model make(const struct arrangement *a, const char *adc, const char *groups)
{
    const char *sets[8] = {adc, groups};
    for (size_t i = 0; i < 4 && a->more[i]; i++)
        sets[i + 2] = a->more[i];
    return model_of(a->chip, text, a->form, sets);
}

static struct level_model *levels_of(const struct model *m, const struct chip_sample *sample)
{
    struct err err = {0};
    struct level_model *arrays = level_model_create(m->s.map, m->integer, sample, CPU_AVX512, &err);
    if (!arrays)
        fail_msg("%s", err.text);
    return arrays;
}

static struct conductance_model *conductances_of(const struct model *m,
                                                 const struct chip_sample *sample)
{
    struct err err = {0};
    struct conductance_model *analog =
        conductance_model_create(m->s.map, m->integer, sample, CPU_AVX512, &err);
    if (!analog)
        fail_msg("%s", err.text);
    return analog;
}

static void logits(const struct model *m, int_net_matrix *matrix, void *context,
                   int64_t out[IMAGES][CLASSES])
{
    struct int_net_run *run = int_net_run_create(m->integer);
    uint32_t x = 3;
    uint8_t image[BYTES];
    for (int i = 0; i < IMAGES; i++) {
        model_image(&x, image);
        memcpy(out[i], int_net_run_image(run, image, matrix, context), sizeof out[i]);
    }
    int_net_run_destroy(run);
}

static void logits_of(const struct model *m, const struct level_model *arrays,
                      const struct conductance_model *analog, int64_t out[IMAGES][CLASSES])
{
    struct array_worker *levels = arrays ? array_worker_create(arrays) : NULL;
    struct conductance_model_worker *currents =
        analog ? conductance_model_worker_create(analog) : NULL;
    if (levels)
        logits(m, level_model_matrix, levels, out);
    else
        logits(m, conductance_model_matrix, currents, out);
    array_worker_destroy(levels);
    conductance_model_worker_destroy(currents);
}

static uint8_t pixels[IMAGES * BYTES];
static struct dataset images = {
    .name = "random", .channels = 3, .height = 8, .width = 8, .n = IMAGES, .images = pixels};

static int make_images(void **state)
{
    (void)state;
    uint32_t x = 3;
    for (int i = 0; i < IMAGES; i++)
        model_image(&x, pixels + (size_t)i * BYTES);
    return 0;
}

static void classes_of(const struct model *m, const struct level_model *arrays, size_t jobs,
                       int32_t *classes)
{
    struct evaluation what = {.net = m->s.net,
                              .weights = m->weights,
                              .integer = m->integer,
                              .arrays = arrays,
                              .data = &images};
    for (size_t j = 0; j < jobs; j++)
        evaluate(&what, IMAGES, j, jobs, classes);
}

// Law 1, for both models of the cells and any number of jobs.
static void packed_groups_are_the_integer_net(void **state)
{
    (void)state;
    static const struct chip_sample fine = {.seed = 1};
    for (int i = 0; i < ARRANGEMENTS; i++) {
        struct model m = make(&arrangements[i], ADC("20"), "mapping.groups=packed");
        for (int l = STEM; l <= DOUBLE; l++)
            assert_int_equal(m.s.map->layers[l].packed > 1, m.s.net->layers[l].groups > 1);
        int64_t want[IMAGES][CLASSES], got[IMAGES][CLASSES];
        logits(&m, int_net_matrix_reference, m.integer, want);
        struct level_model *arrays = levels_of(&m, &fine);
        struct conductance_model *analog = conductances_of(&m, &fine);
        logits_of(&m, arrays, NULL, got);
        assert_memory_equal(got, want, sizeof want);
        logits_of(&m, NULL, analog, got);
        assert_memory_equal(got, want, sizeof want);
        int32_t reference[IMAGES], classes[IMAGES];
        classes_of(&m, NULL, 1, reference);
        static const size_t jobs[] = {1, 2, 7};
        for (int j = 0; j < 3; j++) {
            classes_of(&m, arrays, jobs[j], classes);
            assert_memory_equal(classes, reference, sizeof classes);
        }
        conductance_model_destroy(analog);
        level_model_destroy(arrays);
        model_free(&m);
    }
}

// The rule of mapping.groups=auto: whatever the ADC, no logit changes as long as nothing is broken.
static void packing_does_not_change_what_unbroken_chips_compute(void **state)
{
    (void)state;
    static const char calibrated[] = "adc={preset: none, bits: 4, time: 1 ns, energy: 1 pJ, "
                                     "area: 1 um2, count: 128, range: calibrated}";
    static const char *const adcs[] = {ADC("4"), ADC("5"), ADC("6"), ADC("13"), calibrated};
    static const struct chip_sample fine = {.seed = 1};
    int shared = 0, lossy = 0;
    for (int i = 0; i < ARRANGEMENTS; i++)
        for (size_t a = 0; a < sizeof adcs / sizeof *adcs; a++) {
            int64_t want[IMAGES][CLASSES] = {0}, got[IMAGES][CLASSES] = {0};
            int64_t whole[IMAGES][CLASSES];
            static const char *const groups[] = {"mapping.groups=apart", "mapping.groups=auto"};
            for (int g = 0; g < 2; g++) {
                struct model m = make(&arrangements[i], adcs[a], groups[g]);
                struct chip_sample sample = fine;
                int64_t ranges[16] = {0};
                for (int l = 0; l < 16; l++)
                    ranges[l] = 9;
                sample.ranges = ranges;
                struct conductance_model *analog = conductances_of(&m, &sample);
                logits_of(&m, NULL, analog, g ? got : want);
                logits(&m, int_net_matrix_reference, m.integer, whole);
                for (int l = DW; g && l <= DOUBLE; l++)
                    shared += m.s.map->layers[l].packed > 1;
                conductance_model_destroy(analog);
                model_free(&m);
            }
            lossy += memcmp(want, whole, sizeof want) != 0;
            if (memcmp(got, want, sizeof got) != 0)
                fail_msg("arrangement %d, %s: packing changes logits", i, adcs[a]);
        }
    assert_true(shared > 30); // packed layers there are, and ADCs that lose something
    assert_true(lossy > 20);
}

// --- Cells between groups ---

// The level that a cell should hold: of a pair |w| on the side of its sign, of a single array w +
// 128, bits from `slice` cells on.
static int64_t programmed(const struct chip *chip, int32_t w, int slice, int array)
{
    int64_t held = w + 128;
    if (chip->crossbar.polarity == POLARITY_DIFFERENTIAL)
        held = array == 0 ? (w > 0 ? w : 0) : (w < 0 ? -w : 0);
    return held / (1 << slice * chip->cell.bits) % (1 << chip->cell.bits);
}

static int64_t read_cell(const struct mapping *map, const struct chip_sample *sample,
                         const struct slice *s, int row, int column, int array, int64_t level)
{
    const struct map_tile *t = &map->tiles[s->tile];
    struct cell_address at = {t->x, t->y, s->pe, s->crossbar, array, row, column};
    enum cell_fault fault = fault_cell(sample, &at);
    return fault == CELL_LRS ? (1 << map->chip->cell.bits) - 1 : fault == CELL_HRS ? 0 : level;
}

// The input that reaches a word line, by the definition of a convolution.
static int64_t input_of(const struct layer *l, const int32_t *in, int channel, int tap, int y,
                        int x)
{
    int iy = y * l->stride_h - l->pad_top + tap / l->kernel_w * l->dilation_h;
    int ix = x * l->stride_w - l->pad_left + tap % l->kernel_w * l->dilation_w;
    bool inside = iy >= 0 && iy < l->in_h && ix >= 0 && ix < l->in_w;
    return inside ? in[(channel * l->in_h + iy) * l->in_w + ix] : 0;
}

// What slice `s` adds to its output `o` (of the slice) in one window: every cell of the column,
// those that belong to other groups' inputs too.
static int64_t column_sum(const struct model *m, const struct chip_sample *sample,
                          const struct slice *s, int o, const int32_t *in, int y, int x)
{
    const struct chip *chip = m->s.chip;
    const struct layer *l = &m->s.net->layers[s->layer];
    int taps = l->kernel_h * l->kernel_w, in_each = l->in_c / l->groups;
    int out_each = l->out_c / l->groups, rows_each = in_each * taps;
    int columns = m->s.map->layers[s->layer].column_slices;
    int64_t sum = 0;
    for (int row = 0; row < s->rows; row++) {
        int group = s->group + (s->row0 + row) / rows_each, own = (s->row0 + row) % rows_each;
        int out = s->out0 + o;
        int32_t w = 0;
        if (out / out_each == group)
            w = m->integer->layers[s->layer].w[out * rows_each + own];
        int64_t input = input_of(l, in, group * in_each + own / taps, own % taps, y, x), cells = 0;
        for (int k = 0; k < columns; k++)
            for (int p = 0; p < chip_arrays(chip); p++) {
                int slice = columns > 1 ? k : s->weight_slice;
                int64_t level = read_cell(m->s.map, sample, s, row, o * columns + k, p,
                                          programmed(chip, w, slice, p));
                cells += (p ? -level : level) * (1 << slice * chip->cell.bits);
            }
        if (chip->crossbar.polarity == POLARITY_OFFSET && s->weight_slice == 0)
            cells -= 128 * read_cell(m->s.map, sample, s, row, s->columns - 1, 0, 1);
        else if (chip->crossbar.polarity == POLARITY_SINGLE && s->weight_slice == 0)
            cells -= 128;
        sum += input * cells;
    }
    return sum;
}

static int64_t *sums_by_hand(const struct model *m, const struct chip_sample *sample, int layer,
                             const int32_t *in)
{
    const struct layer *l = &m->s.net->layers[layer];
    const struct map_layer *ml = &m->s.map->layers[layer];
    int64_t *sums = mem_alloc((size_t)l->out_c * l->out_h * l->out_w, sizeof *sums);
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++) {
        const struct slice *s = &m->s.map->slices[i];
        for (int o = 0; o < s->outs; o++)
            for (int y = s->replica; y < l->out_h; y += ml->replicas)
                for (int x = 0; x < l->out_w; x++)
                    sums[((s->out0 + o) * l->out_h + y) * l->out_w + x] +=
                        column_sum(m, sample, s, o, in, y, x);
    }
    return sums;
}

static int32_t *random_map(const struct net *net, int layer, uint32_t seed)
{
    const struct layer *l = &net->layers[layer];
    int lowest = net->layers[l->input[0]].is_signed ? -128 : 0;
    size_t n = (size_t)l->in_c * l->in_h * l->in_w;
    int32_t *in = mem_alloc(n, sizeof *in);
    for (size_t i = 0; i < n; i++)
        in[i] = lowest + (int32_t)(model_random(&seed) % 256);
    return in;
}

// Both models' sums of a layer.
static void sums_of(const struct model *m, const struct chip_sample *sample, int layer,
                    const int32_t *in, int64_t *levels, int64_t *currents)
{
    struct level_model *arrays = levels_of(m, sample);
    struct array_worker *worker = array_worker_create(arrays);
    level_model_matrix(worker, layer, in, levels);
    array_worker_destroy(worker);
    level_model_destroy(arrays);
    struct conductance_model *analog = conductances_of(m, sample);
    struct conductance_model_worker *other = conductance_model_worker_create(analog);
    conductance_model_matrix(other, layer, in, currents);
    conductance_model_worker_destroy(other);
    conductance_model_destroy(analog);
}

static void broken_cells_act_where_they_are(void **state)
{
    (void)state;
    static const struct chip_sample broken = {.defects = {.stuck_lrs = 0.03, .stuck_hrs = 0.05},
                                              .seed = 5};
    for (int i = 0; i < ARRANGEMENTS; i++) {
        if (strcmp(arrangements[i].form, "int8") != 0)
            continue;
        struct model m = make(&arrangements[i], ADC("20"), "mapping.groups=packed");
        bool flips = m.s.chip->crossbar.encoding == ENCODING_FLIP; // by hand in test_flip.c
        for (int layer = STEM; layer <= DOUBLE && !flips; layer++) {
            const struct layer *l = &m.s.net->layers[layer];
            size_t n = (size_t)l->out_c * l->out_h * l->out_w;
            int32_t *in = random_map(m.s.net, layer, 7);
            int64_t *want = sums_by_hand(&m, &broken, layer, in);
            int64_t *levels = mem_alloc(n, sizeof *levels), *currents = mem_alloc(n, sizeof *want);
            sums_of(&m, &broken, layer, in, levels, currents);
            assert_memory_equal(levels, want, n * sizeof *want);
            assert_memory_equal(currents, want, n * sizeof *want);
            free(in);
            free(want);
            free(levels);
            free(currents);
        }
        model_free(&m);
    }
}

// The only broken cell of a layer, if it is stuck at LRS between two groups.
static bool one_between_groups(const struct mapping *map, const struct chip_sample *sample,
                               int layer, const struct slice **slice, struct cell_address *where)
{
    const struct map_layer *m = &map->layers[layer];
    int broken = 0;
    for (int i = m->slice0; i < m->slice0 + m->slices; i++) {
        const struct slice *s = &map->slices[i];
        const struct map_tile *t = &map->tiles[s->tile];
        struct cell_address at = {t->x, t->y, s->pe, s->crossbar, 0, 0, 0};
        for (at.polarity = 0; at.polarity < 2; at.polarity++)
            for (at.row = 0; at.row < s->rows; at.row++)
                for (at.column = 0; at.column < s->columns; at.column++)
                    if (fault_cell(sample, &at) == CELL_LRS) {
                        broken++;
                        *slice = s;
                        *where = at;
                    }
    }
    return broken == 1 && where->row / 9 != where->column;
}

// A pair between channel `row / 9` and output `column`, stuck at LRS on one side, lets 2^slice
// times that channel's input through to that output, with the side's sign, and changes nothing
// else.
static void one_cell_between_groups_leaks_one_input(void **state)
{
    (void)state;
    struct model m = model_of("hawis", text, "int8", SETS(ADC("20")));
    const struct layer *l = &m.s.net->layers[DW];
    size_t n = (size_t)l->out_c * l->out_h * l->out_w;
    int32_t *in = random_map(m.s.net, DW, 7);
    int64_t *want = mem_alloc(n, sizeof *want), *levels = mem_alloc(n, sizeof *want),
            *currents = mem_alloc(n, sizeof *want);
    struct chip_sample sample = {
        .defects = {.stuck_lrs = 1.0 / 55566}}; // 7 slices x 2 x 189 x 21 cells
    const struct slice *s = NULL;
    struct cell_address at = {0};
    assert_int_equal(m.s.map->layers[DW].packed, 21);
    for (int tried = 0; tried < 3; tried++) {
        do
            sample.seed++;
        while (!one_between_groups(m.s.map, &sample, DW, &s, &at));
        int_net_matrix_reference(m.integer, DW, in, want);
        for (int y = 0; y < 8; y++)
            for (int x = 0; x < 8; x++)
                want[at.column * 64 + y * 8 + x] += (at.polarity ? -1 : 1) *
                                                    (1 << s->weight_slice) *
                                                    input_of(l, in, at.row / 9, at.row % 9, y, x);
        sums_of(&m, &sample, DW, in, levels, currents);
        assert_memory_equal(levels, want, n * sizeof *want);
        assert_memory_equal(currents, want, n * sizeof *want);
    }
    free(in);
    free(want);
    free(levels);
    free(currents);
    model_free(&m);
}

// Narrow ADCs: sums of a group alone are read exactly, what lies beyond the codes is clipped, and
// both models of the cells say so.
static void narrow_adcs_clip_alike(void **state)
{
    (void)state;
    for (double rate = 0.001; rate < 0.5; rate *= 20) {
        struct model m = model_of("hawis", text, "binary", SETS(ADC("5")));
        struct chip_sample sample = {.defects = {.stuck_lrs = rate, .stuck_hrs = rate / 2},
                                     .seed = 3};
        int64_t levels[IMAGES][CLASSES], currents[IMAGES][CLASSES];
        struct level_model *arrays = levels_of(&m, &sample);
        struct conductance_model *analog = conductances_of(&m, &sample);
        assert_true(m.s.map->layers[DW].packed > 1);
        logits_of(&m, arrays, NULL, levels);
        logits_of(&m, NULL, analog, currents);
        assert_memory_equal(levels, currents, sizeof levels);
        level_model_destroy(arrays);
        conductance_model_destroy(analog);
        model_free(&m);
    }
}

// The largest sum of a conversion is that of one group's rows, whether zeros stand beside them or
// not.
static void zeros_do_not_change_calibrated_ranges(void **state)
{
    (void)state;
    static const char *const forms[] = {"int8", "binary"};
    for (int f = 0; f < 2; f++) {
        int64_t ranges[2][16] = {{0}};
        for (int g = 0; g < 2; g++) {
            struct model m = model_of("hawis", text, forms[f],
                                      SETS(g ? "mapping.groups=packed" : "mapping.groups=apart",
                                           "adc.range=calibrated",
                                           "dac.count=256")); // all rows at once: no group is cut
            assert_int_equal(m.s.map->layers[DW].packed > 1, g);
            calibrate(m.s.map, m.integer, &images, CPU_AVX512, ranges[g]);
            for (int l = DW; l <= DOUBLE; l++)
                assert_true(ranges[g][l] > 0);
            model_free(&m);
        }
        assert_memory_equal(ranges[0], ranges[1], sizeof ranges[0]);
    }
}

// With enough spare lines for all that is broken, nothing is.
static void spare_lines_mend_cells_between_groups(void **state)
{
    (void)state;
    struct model m =
        model_of("hawis", text, "int8",
                 SETS(ADC("20"), "crossbar.spare_rows=64", "crossbar.spare_columns=8"));
    struct chip_sample sample = {.defects = {.stuck_lrs = 0.0002}, .seed = 9};
    int64_t want[IMAGES][CLASSES], before[IMAGES][CLASSES], after[IMAGES][CLASSES];
    logits(&m, int_net_matrix_reference, m.integer, want);
    struct level_model *arrays = levels_of(&m, &sample);
    logits_of(&m, arrays, NULL, before);
    level_model_destroy(arrays);
    struct spares *spares = spares_create(m.s.map, m.integer, &sample);
    assert_true(spares_report(spares)->wrong_before > 0);
    assert_int_equal(spares_report(spares)->wrong_after, 0);
    sample.spares = spares;
    arrays = levels_of(&m, &sample);
    logits_of(&m, arrays, NULL, after);
    level_model_destroy(arrays);
    assert_memory_not_equal(before, want, sizeof want);
    assert_memory_equal(after, want, sizeof want);
    spares_destroy(spares);
    model_free(&m);
}

static void training_refuses_shared_crossbars(void **state)
{
    (void)state;
    struct err err = {0};
    const struct perturb_params params = {.stuck = true};
    const struct chip_sample sample = {.defects = {.stuck_lrs = 0.01}, .seed = 1};
    struct model m = model_of("hawis", text, "binary", NULL);
    assert_null(perturb_create(m.s.map, &sample, &params, CPU_AVX512, &err));
    assert_non_null(strstr(err.text, "set mapping.groups=apart"));
    model_free(&m);
    m = model_of("hawis", text, "binary", SETS("mapping.groups=apart"));
    struct perturbation *p = perturb_create(m.s.map, &sample, &params, CPU_AVX512, &err);
    assert_non_null(p);
    perturb_destroy(p);
    model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_groups_are_the_integer_net),
        cmocka_unit_test(packing_does_not_change_what_unbroken_chips_compute),
        cmocka_unit_test(broken_cells_act_where_they_are),
        cmocka_unit_test(one_cell_between_groups_leaks_one_input),
        cmocka_unit_test(narrow_adcs_clip_alike),
        cmocka_unit_test(zeros_do_not_change_calibrated_ranges),
        cmocka_unit_test(spare_lines_mend_cells_between_groups),
        cmocka_unit_test(training_refuses_shared_crossbars),
    };
    return cmocka_run_group_tests(tests, make_images, NULL);
}
