// Hardware-aware training computes with the weights that the cells of the chip hold and the codes
// of its ADCs.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "nets/perturb.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/portable_math.h"
#include "base/rng.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/perturb.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"
#include "tests/crossbar/sums.h"

static const struct perturb_params everything = {true, true, true};

static struct perturbation *felt(const struct model *m, const struct chip_sample *sample,
                                 const struct perturb_params *params)
{
    struct err err = {0};
    struct perturbation *p = perturb_create(m->s.map, sample, params, CPU_AVX512, &err);
    if (!p)
        fail_msg("%s", err.text);
    return p;
}

static size_t rows_of(const struct layer *l)
{
    return (size_t)(l->weights / l->out_c);
}

// A layer's weights as they come back; free() them.
static float *weights_after(const struct model *m, const struct perturbation *p, int layer,
                            uint64_t step)
{
    size_t n = (size_t)m->s.net->layers[layer].weights;
    const struct perturb *hooks = perturb_hooks(p);
    float *w = mem_alloc(n, sizeof *w);
    for (size_t i = 0; i < n; i++)
        w[i] = (float)m->integer->layers[layer].w[i];
    hooks->weights(hooks->context, layer, step, w);
    return w;
}

// --- Weights ---

static void expect_weights(const struct model *m, const struct perturbation *p,
                           const struct level_model *arrays, size_t *changed)
{
    *changed = 0;
    for (int i = 1; i < (int)m->s.net->n; i++) {
        const struct layer *l = &m->s.net->layers[i];
        if (!l->weights)
            continue;
        float *w = weights_after(m, p, i, 9);
        for (size_t k = 0; k < (size_t)l->weights; k++) {
            int out = (int)(k / rows_of(l)), row = (int)(k % rows_of(l));
            assert_true(w[k] == (float)level_model_weight(arrays, i, out, row));
            *changed += w[k] != (float)m->integer->layers[i].w[k];
        }
        free(w);
    }
}

static void stuck_cells_are_those_of_the_arrays(void **state)
{
    (void)state;
    static const char *const in_columns[] = {ADC("20"), "crossbar.slices=columns", NULL};
    static const char *const dense[] = {ADC("20"), "mapping.policy=dense", NULL};
    const struct {
        const char *form;
        const char *const *sets;
    } cases[] = {{"binary", wide}, {"binary", dense}, {"int8", wide}, {"int8", in_columns}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct model m = model_make("hawis", cases[c].form, cases[c].sets);
        const struct chip_sample sample = {{.stuck_lrs = 0.02, .stuck_hrs = 0.05}, 4, 0};
        struct level_model *broken = level_model_make(&m, 0.02, 0.05, 4, CPU_AVX512);
        struct level_model *fine = level_model_make(&m, 0, 0, 4, CPU_AVX512);
        struct perturbation *p = felt(&m, &sample, &everything);
        size_t changed;
        expect_weights(&m, p, broken, &changed);
        assert_true(changed > 500);
        perturb_destroy(p);
        p = felt(&m, &sample, &(struct perturb_params){.variation = true, .adc = true});
        expect_weights(&m, p, fine, &changed);
        assert_int_equal(changed, 0);
        perturb_destroy(p);
        level_model_destroy(broken);
        level_model_destroy(fine);
        model_free(&m);
    }
}

// Of one cell: R' = R exp(theta), theta from its address; 0 to 1 from high to low resistance.
static double cell_value(const struct model *m, const struct chip_sample *sample,
                         const struct slice *s, int polarity, int row, int column, bool low)
{
    const struct map_tile *t = &m->s.map->tiles[s->tile];
    const struct cell_address at = {t->x, t->y, s->pe, s->crossbar, polarity, row, column};
    double g_max = 1 / m->s.chip->cell.r_lrs_ohm, g_min = 1 / m->s.chip->cell.r_hrs_ohm;
    uint32_t counter[4];
    fault_counter(sample, &at, counter);
    uint64_t u = rng_counter(sample->seed, RNG_VARIATION, counter);
    double theta = sample->defects.sigma * num_normal((uint32_t)(u >> 32));
    return ((low ? g_max : g_min) * exp(-theta)) / (g_max - g_min);
}

static void variation_is_that_of_conductances(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "binary", wide);
    const struct chip_sample sample = {{.sigma = 0.3}, 8, 2};
    struct perturbation *p = felt(&m, &sample, &(struct perturb_params){.variation = true});
    const struct map_layer *ml = &m.s.map->layers[3];
    const struct layer *l = &m.s.net->layers[3];
    assert_true(ml->slices > 1);
    float *w = weights_after(&m, p, 3, 0);
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++) {
        const struct slice *s = &m.s.map->slices[i];
        for (int row = 0; row < s->rows; row++)
            for (int o = 0; o < s->outs; o++) {
                size_t at = (s->out0 + o) * rows_of(l) + s->row0 + row;
                bool up = m.integer->layers[3].w[at] > 0;
                double want = cell_value(&m, &sample, s, 0, row, o, up) -
                              cell_value(&m, &sample, s, 1, row, o, !up);
                assert_true(fabs((double)w[at] - want) < 0x1p-9); // two cells' rounding
            }
    }
    free(w);
    perturb_destroy(p);
    model_free(&m);
}

// The draw's own chip until it is told otherwise; then one for so many steps, none of them that.
static void chips_are_drawn_anew(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "binary", wide);
    const struct chip_sample sample = {{.stuck_lrs = 0.05, .sigma = 0.1}, 4, 0};
    struct perturbation *p = felt(&m, &sample, &everything);
    size_t size = (size_t)m.s.net->layers[3].weights * sizeof(float);
    float *one = weights_after(&m, p, 3, 0), *same = weights_after(&m, p, 3, 1000);
    assert_memory_equal(one, same, size);
    perturb_redraw(p, 10);
    float *first = weights_after(&m, p, 3, 0), *ninth = weights_after(&m, p, 3, 9);
    float *tenth = weights_after(&m, p, 3, 10), *again = weights_after(&m, p, 3, 5);
    assert_memory_not_equal(one, first, size);
    assert_memory_equal(first, ninth, size);
    assert_memory_not_equal(first, tenth, size);
    assert_memory_equal(first, again, size);
    float *all[] = {one, same, first, ninth, tenth, again};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    perturb_destroy(p);
    model_free(&m);
}

// --- Sums ---

static int32_t input_at(const struct layer *l, const int32_t *in, int row, int y, int x)
{
    int taps = l->kernel_h * l->kernel_w, c = row / taps;
    int iy = y * l->stride_h + row % taps / l->kernel_w * l->dilation_h - l->pad_top;
    int ix = x * l->stride_w + row % l->kernel_w * l->dilation_w - l->pad_left;
    bool inside = iy >= 0 && iy < l->in_h && ix >= 0 && ix < l->in_w;
    return inside ? in[(c * l->in_h + iy) * l->in_w + ix] : 0;
}

// Read-out by read-out as a net in training does it.
static float sum_of(const struct layer *l, const struct perturb *hooks, int layer, const float *w,
                    const int32_t *in, const int *ends, int n, int y, int x)
{
    float total = 0;
    for (int r = 0, row = 0; r < n; r++) {
        float sum = 0;
        for (; row < ends[r]; row++)
            sum += w[row] * (float)input_at(l, in, row, y, x);
        hooks->sums(hooks->context, layer, &sum, 1);
        total += sum;
    }
    hooks->total(hooks->context, layer, &total, 1);
    return total;
}

static size_t expect_codes(const struct model *m, const struct chip_sample *sample, int layer)
{
    const struct layer *l = &m->s.net->layers[layer];
    struct perturbation *p = felt(m, sample, &everything);
    const struct perturb *hooks = perturb_hooks(p);
    int32_t *in = random_inputs(l, 3);
    int64_t *want = currents(m, sample, layer, in, 0);
    int64_t *whole = mem_alloc(outputs_of(l), sizeof *whole);
    int *ends = mem_alloc(rows_of(l), sizeof *ends);
    int n = hooks->readouts(p, layer, ends);
    size_t differ = 0, pixels = (size_t)l->out_h * l->out_w;
    int_net_matrix_reference(m->integer, layer, in, whole);
    assert_int_equal(n, conversions_of(m, layer));
    assert_int_equal(ends[n - 1], rows_of(l));
    float *w = weights_after(m, p, layer, 0);
    for (size_t i = 0; i < outputs_of(l); i++) {
        int y = (int)(i % pixels) / l->out_w, x = (int)(i % pixels) % l->out_w;
        const float *of = w + i / pixels * rows_of(l);
        assert_true(sum_of(l, hooks, layer, of, in, ends, n, y, x) == (float)want[i]);
        differ += want[i] != whole[i];
    }
    free(w);
    free(ends);
    free(whole);
    free(want);
    free(in);
    perturb_destroy(p);
    return differ;
}

static void codes_are_those_of_the_arrays(void **state)
{
    (void)state;
    // 128 of 252 rows at once, which cuts amid a kernel; worth 4, 5.125 and 8 steps.
    static const char *const coarse[] = {ADC("6"), NULL}, *const odd[] = {ADC("6"), "dac.count=164",
                                                                          NULL};
    static const char *const dense[] = {ADC("5"), "mapping.policy=dense", NULL};
    const char *const *const sets[] = {coarse, odd, dense};
    const struct chip_sample draws[] = {{{0}, 5, 0},
                                        {{.stuck_lrs = 0.02, .stuck_hrs = 0.1}, 5, 0},
                                        {{.sigma = 0.2, .stuck_hrs = 0.01}, 5, 0}};
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
        for (size_t d = 0; d < sizeof draws / sizeof *draws; d++) {
            struct model m = model_make("hawis", "binary", sets[s]);
            assert_true(expect_codes(&m, &draws[d], 3) > 100);
            expect_codes(&m, &draws[d], last_layer(&m));
            model_free(&m);
        }
}

static void whole_numbers_that_fit_are_left_alone(void **state)
{
    (void)state;
    struct model m = model_make("hawis", "int8", wide);
    int ends[1024];
    float sum = 12345.5F;
    const struct chip_sample sample = {{.stuck_lrs = 0.1}, 5, 0};
    struct perturbation *p = felt(&m, &sample, &everything);
    const struct perturb *hooks = perturb_hooks(p);
    assert_int_equal(hooks->readouts(p, 3, ends), 0);
    hooks->sums(p, 3, &sum, 1);
    hooks->total(p, 3, &sum, 1);
    assert_true(sum == 12345.5F);
    perturb_destroy(p);
    model_free(&m);
}

// --- Refusals ---

static void refuse(const char *chip, const char *form, const char *const *sets,
                   const struct defect_params *defects, const char *part)
{
    struct err err = {0};
    struct model m = model_make(chip, form, sets);
    const struct chip_sample sample = {*defects, 1, 0};
    assert_null(perturb_create(m.s.map, &sample, &everything, CPU_AVX512, &err));
    if (!strstr(err.text, part))
        fail_msg("'%s' does not hold '%s'", err.text, part);
    model_free(&m);
}

static void what_is_not_modelled_is_refused(void **state)
{
    (void)state;
    static const char *const apart[] = {"crossbar.subtract=after_adc", NULL};
    static const char *const replicas[] = {"mapping.replicate=true", NULL};
    static const char *const calibrated[] = {"adc.range=calibrated", NULL};
    const struct defect_params none = {0}, noise = {.read_noise = 1}, varies = {.sigma = 0.1};
    refuse("hawis-q8", "binary", wide, &none, "set crossbar.polarity to differential");
    refuse("hawis", "binary", apart, &none, "set crossbar.subtract to before_adc");
    refuse("hawis", "binary", replicas, &none, "set mapping.replicate to false");
    refuse("hawis", "binary", calibrated, &none, "set adc.range to full");
    refuse("hawis", "binary", wide, &noise, "set those defects to 0");
    refuse("hawis", "int8", wide, &varies, "set perturb.adc to false");
    perturb_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stuck_cells_are_those_of_the_arrays),
        cmocka_unit_test(variation_is_that_of_conductances),
        cmocka_unit_test(chips_are_drawn_anew),
        cmocka_unit_test(codes_are_those_of_the_arrays),
        cmocka_unit_test(whole_numbers_that_fit_are_left_alone),
        cmocka_unit_test(what_is_not_modelled_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
