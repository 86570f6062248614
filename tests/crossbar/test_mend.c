// Mending: statistics are those of the chip's own sums, gains are the formula's, lines move where
// they hold more of what they should.
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
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/mitigation.h"
#include "sim/crossbar/spare.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"
#include "workloads/dataset.h"

enum { IMAGES = 64, PIXELS = 192 };

static const char *const both_forms[] = {"binary", "int8", NULL};

// --- Folding anew ---

static void folding_anew_changes_nothing(void **state)
{
    (void)state;
    for (int f = 0; both_forms[f]; f++) {
        struct model m = model_make("hawis-q8", both_forms[f], NULL);
        struct model other = model_make("hawis-q8", both_forms[f], NULL);
        mitigation_refold(m.integer, m.weights, 1);
        for (size_t i = 1; i < m.s.net->n; i++) {
            const struct int_layer *a = &m.integer->layers[i], *b = &other.integer->layers[i];
            size_t n = (size_t)m.s.net->layers[i].out_c;
            if (!b->mul)
                continue;
            assert_memory_equal(a->mul, b->mul, n * sizeof *a->mul);
            assert_memory_equal(a->offset, b->offset, n * sizeof *a->offset);
            if (b->res)
                assert_memory_equal(a->res, b->res, n * sizeof *a->res);
            assert_int_equal(a->shift, b->shift);
            assert_int_equal(a->half, b->half);
        }
        model_free(&m);
        model_free(&other);
    }
}

static void gains_divide_sums(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "binary", NULL),
                 plain = model_make("hawis", "binary", NULL);
    double gain = mitigation_gain(&(struct defect_params){.sigma = 0.7});
    assert_true(fabs(gain - exp(0.7 * 0.7 / 2)) < 1e-12);
    mitigation_refold(m.integer, m.weights, gain);
    for (size_t i = 1; i < m.s.net->n; i++) {
        const struct int_layer *a = &m.integer->layers[i], *b = &plain.integer->layers[i];
        for (int c = 0; b->mul && c < m.s.net->layers[i].out_c; c++) {
            double got = ldexp((double)a->mul[c], -a->shift);
            double want = ldexp((double)b->mul[c], -b->shift) / gain;
            assert_true(fabs(got - want) <= fabs(want) * 1e-6 + ldexp(1, -b->shift));
        }
    }
    model_free(&m);
    model_free(&plain);
}

// By how much the sums of 64 chips exceed the exact ones: the slope of the line through both.
static double measured_gain(const struct defect_params *defects)
{
    struct model m = model_make("hawis", "binary", NULL);
    enum { SIZE = 20 * 64, INPUTS = 24 * 64 };
    static int32_t in[INPUTS];
    static int64_t exact[SIZE], got[SIZE];
    double along = 0, squares = 0;
    for (int i = 0; i < INPUTS; i++)
        in[i] = 1;
    int_net_matrix_reference(m.integer, 1, in, exact);
    for (uint64_t seed = 1; seed <= 64; seed++) {
        struct err err = {0};
        struct chip_sample sample = {.defects = *defects, .seed = seed};
        struct conductance_model *analog =
            conductance_model_create(m.s.map, m.integer, &sample, CPU_AVX512, &err);
        if (!analog)
            fail_msg("%s", err.text);
        struct conductance_model_worker *worker = conductance_model_worker_create(analog);
        conductance_model_matrix(worker, 1, in, got);
        for (int i = 0; i < SIZE; i++) {
            along += (double)exact[i] * (double)got[i];
            squares += (double)exact[i] * (double)exact[i];
        }
        conductance_model_worker_destroy(worker);
        conductance_model_destroy(analog);
    }
    model_free(&m);
    return along / squares;
}

// Sums of varying cells are the exact ones times the gain, on average. A column of 216 cells strays
// by sqrt(216 * 0.36) of one, 0.6 of what it is; 20 columns of 64 chips by 1.7 % together.
static void varying_cells_have_the_gain(void **state)
{
    (void)state;
    const double sigma = 0.5, nu = 0.05, spread = 0.03, age = log(1e5);
    const struct {
        struct defect_params defects;
        double gain; // E[exp(-theta)] of a normal theta
    } cases[] = {
        {{.sigma = sigma}, exp(sigma * sigma / 2)},
        {{.drift_s = 1e5, .drift_exponent = nu, .drift_spread = spread},
         exp(-nu * age + spread * spread * age * age / 2)},
        {{.sigma = sigma, .drift_s = 1e5, .drift_exponent = nu},
         exp(sigma * sigma / 2) * pow(1e5, -nu)},
        {{.sigma = 0.3, .drift_s = 1e5, .drift_exponent = nu, .drift_spread = spread},
         exp(-nu * age + (0.3 * 0.3 + spread * spread * age * age) / 2)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double measured = measured_gain(&cases[i].defects),
               gain = mitigation_gain(&cases[i].defects);
        if (fabs(gain / cases[i].gain - 1) > 1e-12 || fabs(measured / gain - 1) > 4 * 0.017)
            fail_msg("case %zu: gain %.6f, of the formula %.6f, measured %.6f", i, gain,
                     cases[i].gain, measured);
    }
}

// Drift without spread is a pure gain, t^-nu: every conductance is the same share of what was
// written, and the ADC, which has a code for every level here, reads that share of each sum.
static void uniform_drift_is_a_gain(void **state)
{
    (void)state;
    const struct defect_params drift = {.drift_s = 1e4, .drift_exponent = 0.05},
                               young = {.drift_s = 1, .drift_exponent = 0.5}, none = {0};
    assert_true(fabs(mitigation_gain(&drift) - pow(1e4, -0.05)) < 1e-12);
    assert_true(fabs(measured_gain(&drift) - pow(1e4, -0.05)) < 0.01);
    assert_true(mitigation_gain(&young) == 1); // up to 1 s nothing has happened
    assert_true(mitigation_gain(&none) == 1);
}

// --- Batch-norms ---

// Images of ten kinds: one pattern each, and a quarter of noise.
static struct dataset training(uint8_t *images)
{
    uint32_t x = 11;
    uint8_t kinds[10][PIXELS], noise[PIXELS];
    for (int k = 0; k < 10; k++)
        model_image(&x, kinds[k]);
    for (int i = 0; i < IMAGES; i++) {
        model_image(&x, noise);
        for (int j = 0; j < PIXELS; j++)
            images[i * PIXELS + j] = (uint8_t)((3 * kinds[i % 10][j] + noise[j]) / 4);
    }
    return (struct dataset){.name = "random",
                            .channels = 3,
                            .height = 8,
                            .width = 8,
                            .classes = 10,
                            .n = IMAGES,
                            .images = images};
}

static void no_preparation(void *context, size_t image)
{
    (void)context;
    (void)image;
}

static void mend(const struct model *m, int_net_matrix *matrix, void *context,
                 const struct dataset *data)
{
    struct err err = {0};
    struct mitigation_pass pass = {matrix, context, no_preparation, data, data->n};
    int64_t channels = 0;
    if (!mitigation_norms(m->integer, m->weights, &pass, &channels, &err))
        fail_msg("%s", err.text);
    int64_t want = 0;
    for (size_t i = 1; i < m->s.net->n; i++)
        want += m->weights->layers[i].gamma ? m->s.net->layers[i].out_c : 0;
    assert_int_equal(channels, want);
}

// What a batch-norm gives has the mean beta and the deviation |gamma|, image by image through the
// whole net: the definition, asked of the mended net from outside.
static void expect_normal(const struct model *m, int_net_matrix *matrix, void *context,
                          const struct dataset *data)
{
    const struct net *net = m->s.net;
    struct int_net_run *run = int_net_run_create(m->integer);
    static double sum[64][64], squares[64][64];
    static int64_t v[4096];
    memset(sum, 0, sizeof sum);
    memset(squares, 0, sizeof squares);
    for (size_t i = 0; i < data->n; i++) {
        int_net_run_load(run, dataset_image(data, i));
        for (size_t l = 1; l < net->n; l++) {
            const struct layer *layer = &net->layers[l];
            if (layer->kind != LAYER_CONV && layer->kind != LAYER_LINEAR) {
                if (layer->kind == LAYER_POOL)
                    int_net_run_finish(run, (int)l);
                continue;
            }
            int add = m->integer->layers[l].add;
            size_t each = (size_t)layer->out_h * layer->out_w;
            int_net_run_multiply(run, (int)l, matrix, context);
            int_net_run_values(run, (int)l, add >= 0 && net->layers[add].bn, v);
            for (size_t j = 0; j < each * (size_t)layer->out_c; j++) {
                double y = (double)v[j] / m->integer->layers[l].unit;
                sum[l][j / each] += y / (double)each;
                squares[l][j / each] += y * y / (double)each;
            }
            int_net_run_finish(run, (int)l);
        }
    }
    for (size_t l = 1; l < net->n; l++) {
        const struct layer_weights *w = &m->weights->layers[l];
        for (int c = 0; w->gamma && c < net->layers[l].out_c; c++) {
            double mean = sum[l][c] / (double)IMAGES;
            double deviation = sqrt(squares[l][c] / (double)IMAGES - mean * mean);
            if (fabs((double)w->gamma[c]) < 0.01)
                continue; // nothing is left to measure it with
            assert_true(fabs(mean - (double)w->beta[c]) < 1e-3);
            assert_true(fabs(deviation - fabs((double)w->gamma[c])) < 0.01);
        }
    }
    int_net_run_destroy(run);
}

static void mended_norms_normalise(void **state)
{
    (void)state;
    static uint8_t images[IMAGES * PIXELS];
    struct dataset data = training(images);
    for (int f = 0; both_forms[f]; f++) {
        struct model m = model_make("hawis-q8", both_forms[f], NULL);
        struct level_model *arrays = level_model_make(&m, 0.01, 0.2, 5, CPU_AVX512);
        struct array_worker *worker = array_worker_create(arrays);
        mend(&m, level_model_matrix, worker, &data);
        expect_normal(&m, level_model_matrix, worker, &data);
        array_worker_destroy(worker);
        level_model_destroy(arrays);
        model_free(&m);
    }
}

// The map that the classifier reads, of one image.
static const int32_t *features(const struct model *m, struct int_net_run *run,
                               int_net_matrix *matrix, void *context, const uint8_t *image)
{
    const struct net *net = m->s.net;
    int_net_run_image(run, image, matrix, context);
    return int_net_run_map(run, net->layers[net->n - 1].input[0]);
}

static int count_features(const struct model *m)
{
    return m->s.net->layers[m->s.net->n - 1].in_c;
}

// Means of the features of each kind on a whole chip: a classifier in closed form, without cells.
static double *take_means(const struct model *m, const struct dataset *data)
{
    int n = count_features(m);
    double *means = mem_alloc(10 * (size_t)n, sizeof *means);
    struct int_net_run *run = int_net_run_create(m->integer);
    for (size_t i = 0; i < data->n; i++) {
        const int32_t *f =
            features(m, run, int_net_matrix_reference, m->integer, dataset_image(data, i));
        for (int j = 0; j < n; j++)
            means[(int)(i % 10) * n + j] += f[j] / (double)((data->n + 9 - i % 10) / 10);
    }
    int_net_run_destroy(run);
    return means;
}

static int nearest(const double *means, const int32_t *f, int n)
{
    int best = 0;
    double least = HUGE_VAL;
    for (int k = 0; k < 10; k++) {
        double distance = 0;
        for (int j = 0; j < n; j++)
            distance += (f[j] - means[k * n + j]) * (f[j] - means[k * n + j]);
        best = distance < least ? k : best;
        least = fmin(least, distance);
    }
    return best;
}

static int count_right(const struct model *m, int_net_matrix *matrix, void *context,
                       const struct dataset *data, const double *means)
{
    struct int_net_run *run = int_net_run_create(m->integer);
    int right = 0;
    for (size_t i = 0; i < data->n; i++)
        right += nearest(means, features(m, run, matrix, context, dataset_image(data, i)),
                         count_features(m)) == (int)i % 10;
    int_net_run_destroy(run);
    return right;
}

// Norms that fit a chip's sums, until cells stuck at high resistance have shrunk these.
static void mended_norms_bring_classes_back(void **state)
{
    (void)state;
    static uint8_t images[IMAGES * PIXELS];
    struct dataset data = training(images);
    int whole = 0, broken = 0, mended = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct model m = model_make("hawis-q8", "int8", NULL);
        mend(&m, int_net_matrix_reference, m.integer, &data);
        double *means = take_means(&m, &data);
        whole += count_right(&m, int_net_matrix_reference, m.integer, &data, means);
        struct level_model *arrays = level_model_make(&m, 0, 0.1, seed, CPU_AVX512);
        struct array_worker *worker = array_worker_create(arrays);
        broken += count_right(&m, level_model_matrix, worker, &data, means);
        mend(&m, level_model_matrix, worker, &data);
        mended += count_right(&m, level_model_matrix, worker, &data, means);
        array_worker_destroy(worker);
        level_model_destroy(arrays);
        free(means);
        model_free(&m);
    }
    print_message(
        "# of %d images, %d right on a whole chip, %d on broken ones, %d on mended ones\n",
        4 * IMAGES, whole, broken, mended);
    assert_true(whole > 4 * IMAGES * 9 / 10);
    assert_true(2 * (mended - broken) > whole - broken && whole > broken + IMAGES);
}

// --- Spare lines ---

static int count_open(const struct mapping *map, const struct chip_sample *sample, int rows,
                      int *slice)
{
    int n = 0;
    for (int i = 0; i < map->n_slices; i++) {
        const struct slice *s = &map->slices[i];
        const struct map_tile *t = &map->tiles[s->tile];
        struct cell_address at = {t->x, t->y, s->pe, s->crossbar, 0, 0, 0};
        int spares = 0;
        for (at.polarity = 0; at.polarity < 2; at.polarity++) {
            for (at.row = 0; at.row < s->rows; at.row++)
                if (fault_word_line(sample, &at)) {
                    n++;
                    *slice = i;
                }
            at.row = rows;
            spares += fault_word_line(sample, &at);
        }
        n += 100 * spares; // not what is looked for
    }
    return n;
}

// The first chip on which so many word lines are open, all spare ones being fine.
static struct chip_sample find_chip(const struct mapping *map, int open, int *slice)
{
    struct chip_sample sample = {.defects = {.word_lines = 0.001}};
    do
        sample.seed++;
    while (count_open(map, &sample, map->chip->crossbar.rows, slice) != open);
    return sample;
}

static int64_t count_wrong(const struct model *m, const struct chip_sample *sample, int *cells)
{
    struct err err = {0};
    struct level_model *arrays = level_model_create(m->s.map, m->integer, sample, CPU_AVX512, &err);
    if (!arrays)
        fail_msg("%s", err.text);
    int64_t wrong = 0;
    *cells = 0;
    for (size_t l = 1; l < m->s.net->n; l++) {
        const struct layer *layer = &m->s.net->layers[l];
        int rows = layer->in_c * layer->kernel_h * layer->kernel_w;
        if (layer->kind != LAYER_CONV && layer->kind != LAYER_LINEAR)
            continue;
        for (int i = 0; i < layer->out_c * rows; i++, ++*cells)
            wrong += level_model_weight(arrays, (int)l, i / rows, i % rows) !=
                     m->integer->layers[l].w[i];
    }
    level_model_destroy(arrays);
    return wrong;
}

static void a_spare_row_takes_the_place_of_a_broken_one(void **state)
{
    (void)state;
    const char *const sets[] = {"crossbar.spare_rows=1", NULL};
    struct model m = model_make("hawis", "binary", sets);
    int slice = 0, cells = 0;
    struct chip_sample sample = find_chip(m.s.map, 1, &slice);
    assert_true(count_wrong(&m, &sample, &cells) > 0);
    struct spares *spares = spares_create(m.s.map, m.integer, &sample);
    const struct spare_report *r = spares_report(spares);
    assert_int_equal(r->rows, 1);
    assert_int_equal(r->columns, 0);
    assert_int_equal(r->rows_left, 0);
    assert_int_equal(r->wrong_after, 0);
    assert_int_equal(r->pulses, 1);
    assert_int_equal(r->cells, 2 * m.s.map->slices[slice].columns); // of both arrays
    sample.spares = spares;
    assert_int_equal(count_wrong(&m, &sample, &cells), 0);
    spares_destroy(spares);
    model_free(&m);
}

static void spares_that_run_out_are_told(void **state)
{
    (void)state;
    const char *const one[] = {"crossbar.spare_rows=1", NULL};
    struct model m = model_make("hawis", "binary", one);
    // Everywhere more than one row is broken, the best spare is a whole one.
    struct chip_sample sample = {.defects = {.word_lines = 0.2}, .seed = 2};
    struct spares *spares = spares_create(m.s.map, m.integer, &sample);
    const struct spare_report *r = spares_report(spares);
    assert_true(r->rows > 0 && r->rows <= m.s.map->n_slices);
    assert_true(r->rows_left > r->rows);
    assert_true(r->wrong_after > 0 && r->wrong_after < r->wrong_before);
    spares_destroy(spares);
    // Spares that are as broken as all help nobody.
    sample.defects.word_lines = 1;
    spares = spares_create(m.s.map, m.integer, &sample);
    assert_int_equal(spares_report(spares)->rows, 0);
    assert_int_equal(spares_report(spares)->wrong_after, spares_report(spares)->wrong_before);
    spares_destroy(spares);
    model_free(&m);
}

// Rows and columns at once: fewer wrong cells, as many as told; conductances move with them.
static void moved_lines_are_felt_alike(void **state)
{
    (void)state;
    const char *const sets[] = {"crossbar.spare_rows=6", "crossbar.spare_columns=5", NULL};
    struct err err = {0};
    struct model m = model_make("hawis", "binary", sets);
    struct chip_sample sample = {
        .defects = {.stuck_lrs = 0.01, .stuck_hrs = 0.03, .bit_lines = 0.05}, .seed = 9};
    struct spares *spares = spares_create(m.s.map, m.integer, &sample);
    const struct spare_report *r = spares_report(spares);
    int cells = 0;
    int64_t before = count_wrong(&m, &sample, &cells);
    sample.spares = spares;
    int64_t after = count_wrong(&m, &sample, &cells);
    assert_true(r->rows > 0 && r->columns > 0);
    assert_true(after < before);
    assert_true(r->wrong_after >= after && r->wrong_before >= before); // a pair may have two
    struct level_model *arrays = level_model_create(m.s.map, m.integer, &sample, CPU_AVX512, &err);
    struct conductance_model *analog =
        conductance_model_create(m.s.map, m.integer, &sample, CPU_AVX512, &err);
    assert_true(arrays && analog);
    struct array_worker *levels = array_worker_create(arrays);
    struct conductance_model_worker *currents = conductance_model_worker_create(analog);
    struct int_net_run *a = int_net_run_create(m.integer), *b = int_net_run_create(m.integer);
    uint8_t image[PIXELS];
    uint32_t x = 5;
    for (int i = 0; i < 4; i++) {
        model_image(&x, image);
        int64_t want[10];
        memcpy(want, int_net_run_image(a, image, level_model_matrix, levels), sizeof want);
        assert_memory_equal(int_net_run_image(b, image, conductance_model_matrix, currents), want,
                            sizeof want);
    }
    assert_int_equal(level_model_faults(arrays).lrs, conductance_model_faults(analog).lrs);
    int_net_run_destroy(a);
    int_net_run_destroy(b);
    array_worker_destroy(levels);
    conductance_model_worker_destroy(currents);
    level_model_destroy(arrays);
    conductance_model_destroy(analog);
    spares_destroy(spares);
    model_free(&m);
}

// --- Words ---

static void words_are_read_and_refused(void **state)
{
    (void)state;
    struct mitigation_params p = {.images = 7};
    struct err err = {0};
    assert_true(mitigation_parse("spares,bn", &p, &err) && p.spares && p.bn && !p.gain &&
                p.images == 7);
    assert_true(mitigation_parse("none", &p, &err) && !mitigation_any(&p));
    static const char *const bad[] = {"", "bn,", "b", "bn,none", "bn gain", NULL};
    for (int i = 0; bad[i]; i++) {
        struct err why = {0};
        assert_false(mitigation_parse(bad[i], &p, &why));
        assert_non_null(strstr(why.text, "use any of bn, gain and spares"));
    }
    struct model m = model_make("hawis", "binary", NULL);
    assert_false(mitigation_check(&(struct mitigation_params){.spares = true}, m.s.chip, &err));
    assert_non_null(strstr(err.text, "set crossbar.spare_rows"));
    model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding_anew_changes_nothing),
        cmocka_unit_test(gains_divide_sums),
        cmocka_unit_test(varying_cells_have_the_gain),
        cmocka_unit_test(uniform_drift_is_a_gain),
        cmocka_unit_test(mended_norms_normalise),
        cmocka_unit_test(mended_norms_bring_classes_back),
        cmocka_unit_test(a_spare_row_takes_the_place_of_a_broken_one),
        cmocka_unit_test(spares_that_run_out_are_told),
        cmocka_unit_test(moved_lines_are_felt_alike),
        cmocka_unit_test(words_are_read_and_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
