// Windows of any shape in the arrays, by every way of computing them, against the definition.
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
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/matrix.h"
#include "sim/crossbar/packed.h"
#include "sim/map/map.h"
#include "tests/crossbar/sums.h"
#include "tests/support/setup.h"
#include "tests/support/weights.h"
#include "tests/support/windows.h"

enum { CLASSES = 10 };

#define NARROW                                                                                     \
    "adc={preset: none, bits: 4, time: 1 ns, energy: 1 pJ, area: 1 um2, count: 128, range: full}"

static const struct {
    const char *chip, *form, *sets[3];
} chips[] = {
    {"hawis", "binary", {ADC("20")}},
    {"hawis", "binary", {ADC("20"), "mapping.policy=dense"}},
    {"hawis", "binary", {ADC("20"), "mapping.replicate=true"}},
    {"hawis", "int8", {ADC("20"), "cell.bits=7"}},
    {"hawis", "int8", {ADC("20"), "mapping.groups=apart"}},
    {"isaac-ce", "int8", {ADC("20")}},
};
enum { CHIPS = sizeof chips / sizeof *chips };

// A conv with these windows and a classifier behind it.
struct fixture {
    struct window_spec windows;
    struct setup s;
    struct weights *weights;
    struct int_net *integer;
};

static struct fixture make(const struct window_spec *w, const char *chip, const char *form,
                           const char *const sets[])
{
    static const double ranges[] = {1, 8, 8};
    struct err err = {0};
    char text[700];
    snprintf(text, sizeof text,
             "name: t\ninput: {channels: %d, height: %d, width: %d, bits: 8}\nclasses: %d\n"
             "levels: 1\nlayers:\n"
             "  - {name: a, kind: conv, %s}\n"
             "  - {name: b, kind: linear, out: %d}\n",
             w->in_c, w->in_h, w->in_w, CLASSES, w->keys, CLASSES);
    struct fixture f = {.windows = *w, .s = setup_text(chip, text, form, sets)};
    f.weights = random_weights(f.s.net);
    f.integer = int_net_create(f.s.net, f.weights, ranges, &err);
    if (!f.integer)
        fail_msg("%s", err.text);
    return f;
}

static void drop(struct fixture *f)
{
    int_net_destroy(f->integer);
    weights_destroy(f->weights);
    setup_free(&f->s);
}

// By definition; others as the integer net has them. The context is a struct fixture.
static void defined_matrix(void *context, int layer, const int32_t *in, int64_t *acc)
{
    const struct fixture *f = context;
    const struct window_spec *w = &f->windows;
    if (layer != 1) {
        int_net_matrix_reference(f->integer, layer, in, acc);
        return;
    }
    double *map = malloc(windows_inputs(w) * sizeof *map);
    double *kernel = malloc(windows_weights(w) * sizeof *kernel);
    double *out = malloc(windows_outputs(w) * sizeof *out);
    for (size_t i = 0; i < windows_inputs(w); i++)
        map[i] = in[i];
    for (size_t i = 0; i < windows_weights(w); i++)
        kernel[i] = f->integer->layers[1].w[i];
    windows_conv(w, map, kernel, out);
    for (size_t i = 0; i < windows_outputs(w); i++)
        acc[i] = (int64_t)out[i];
    free(map);
    free(kernel);
    free(out);
}

static int32_t *inputs_for(const struct fixture *f, uint32_t *x)
{
    const struct layer *in = &f->s.net->layers[0];
    int32_t *map = malloc(windows_inputs(&f->windows) * sizeof *map);
    for (size_t i = 0; i < windows_inputs(&f->windows); i++) {
        map[i] = (int32_t)(windows_next(x) % (1U << in->out_bits));
        map[i] -= in->is_signed ? 1 << (in->out_bits - 1) : 0;
    }
    return map;
}

static void expect_equal(const struct fixture *f, const int64_t *got, const int64_t *want,
                         const char *way)
{
    for (size_t i = 0; i < windows_outputs(&f->windows); i++)
        if (got[i] != want[i])
            fail_msg("%s, %s, %s on %d x %d x %d: sum %zu is %lld, not %lld", f->s.chip->name, way,
                     f->windows.keys, f->windows.in_c, f->windows.in_h, f->windows.in_w, i,
                     (long long)got[i], (long long)want[i]);
}

// --- One layer ---

static void check_arrays(struct fixture *f, enum cpu_level level, uint32_t *x, int *in_lines)
{
    struct err err = {0};
    const struct chip_sample none = {0};
    int32_t *in = inputs_for(f, x);
    size_t n = windows_outputs(&f->windows);
    int64_t *got = malloc(n * sizeof *got), *want = malloc(n * sizeof *want);
    struct level_model *arrays = level_model_create(f->s.map, f->integer, &none, level, &err);
    if (!arrays)
        fail_msg("%s", err.text);
    struct array_worker *worker = array_worker_create(arrays);
    level_model_matrix(worker, 1, in, got);
    defined_matrix(f, 1, in, want);
    expect_equal(f, got, want, "levels");
    *in_lines += arrays->layers[1].lines != NULL;
    array_worker_destroy(worker);
    level_model_destroy(arrays);
    free(in);
    free(got);
    free(want);
}

static void level_model_sum_the_windows(void **state)
{
    (void)state;
    uint32_t x = 1;
    for (int c = 0; c < CHIPS; c++) {
        int lines = 0;
        for (int i = 0; i < 60; i++) {
            struct window_spec w = windows_random(&x, false);
            const char *sets[4] = {chips[c].sets[0], chips[c].sets[1], chips[c].sets[2]};
            struct fixture f = make(&w, chips[c].chip, chips[c].form, sets);
            check_arrays(&f, (enum cpu_level)(i % CPU_LEVELS), &x, &lines);
            drop(&f);
        }
        bool binary = strcmp(chips[c].form, "binary") == 0;
        assert_true(binary ? lines == 0 : lines > 10 && lines < 60); // both ways were tried
    }
}

static void conductances_sum_the_windows(void **state)
{
    (void)state;
    static const char *const sets[] = {ADC("20"), NULL};
    uint32_t x = 2;
    for (int i = 0; i < 60; i++) {
        struct window_spec w = windows_random(&x, false);
        struct fixture f = make(&w, "hawis", "binary", sets);
        struct err err = {0};
        const struct chip_sample none = {0};
        int32_t *in = inputs_for(&f, &x);
        int64_t *got = malloc(windows_outputs(&w) * sizeof *got);
        int64_t *want = malloc(windows_outputs(&w) * sizeof *want);
        struct conductance_model *analog =
            conductance_model_create(f.s.map, f.integer, &none, CPU_AVX512, &err);
        if (!analog)
            fail_msg("%s", err.text);
        struct conductance_model_worker *worker = conductance_model_worker_create(analog);
        conductance_model_worker_image(worker, 0);
        conductance_model_matrix(worker, 1, in, got);
        defined_matrix(&f, 1, in, want);
        expect_equal(&f, got, want, "conductances");
        conductance_model_worker_destroy(worker);
        conductance_model_destroy(analog);
        free(in);
        free(got);
        free(want);
        drop(&f);
    }
}

// --- Whole nets, packed ---

static void expect_logits(const struct fixture *f, const struct packed *packed, uint32_t *x,
                          int_net_matrix *matrix, void *context)
{
    struct packed_run *fast = packed_run_create(packed);
    struct int_net_run *plain = int_net_run_create(f->integer);
    const struct net *net = f->s.net;
    size_t pixels = (size_t)net->raw_c * net->raw_h * net->raw_w;
    uint8_t *image = malloc(pixels);
    for (int i = 0; i < 4; i++) {
        for (size_t k = 0; k < pixels; k++)
            image[k] = (uint8_t)windows_next(x);
        const int64_t *want = int_net_run_image(plain, image, matrix, context);
        const int64_t *got = packed_run_image(fast, image);
        if (memcmp(got, want, (size_t)net->classes * sizeof *want) != 0)
            fail_msg("%s: other logits", f->windows.keys);
    }
    free(image);
    packed_run_destroy(fast);
    int_net_run_destroy(plain);
}

// Lossless: the definition. An ADC of four bits: what the plain way gives, read-out by read-out.
static void packed_nets_have_any_windows(void **state)
{
    (void)state;
    static const char *const sets[][3] = {{ADC("20")}, {NARROW, "dac.count=16"}};
    uint32_t x = 3;
    int covered[2] = {0}, dilated = 0;
    for (int i = 0; i < 240; i++) {
        int lossy = i % 2;
        struct window_spec w = windows_random(&x, false);
        struct fixture f = make(&w, "hawis", "binary", sets[lossy]);
        const struct chip_sample none = {0};
        struct level_model *arrays = level_model_create(
            f.s.map, f.integer, &none, (enum cpu_level)(i / 2 % CPU_LEVELS), &(struct err){0});
        assert_non_null(arrays);
        struct packed *packed = packed_create(arrays);
        struct array_worker *worker = array_worker_create(arrays);
        if (packed && lossy)
            expect_logits(&f, packed, &x, level_model_matrix, worker);
        else if (packed)
            expect_logits(&f, packed, &x, defined_matrix, &f);
        assert_true((packed != NULL) == (w.groups == 1 && w.dilation[1] <= LINE_DILATION));
        covered[lossy] += packed != NULL;
        dilated += packed && w.dilation[1] > 1 && w.kernel[1] > 1;
        array_worker_destroy(worker);
        packed_destroy(packed);
        level_model_destroy(arrays);
        drop(&f);
    }
    assert_true(covered[0] > 20 && covered[1] > 20 && dilated > 5);
}

static void packed_conductances_have_any_windows(void **state)
{
    (void)state;
    static const char *const sets[][2] = {{ADC("20")}, {NARROW}};
    uint32_t x = 4;
    int covered = 0;
    for (int i = 0; i < 120; i++) {
        struct window_spec w = windows_random(&x, false);
        struct fixture f = make(&w, "hawis", "binary", sets[i % 2]);
        const struct chip_sample varied = {{.sigma = i % 2 ? 0.2 : 0}, 1, 0};
        struct conductance_model *analog = conductance_model_create(
            f.s.map, f.integer, &varied, (enum cpu_level)(i / 2 % CPU_LEVELS), &(struct err){0});
        assert_non_null(analog);
        struct packed *packed = packed_create_analog(analog);
        struct conductance_model_worker *worker = conductance_model_worker_create(analog);
        if (packed && i % 2)
            expect_logits(&f, packed, &x, conductance_model_matrix, worker);
        else if (packed)
            expect_logits(&f, packed, &x, defined_matrix, &f);
        covered += packed != NULL;
        conductance_model_worker_destroy(worker);
        packed_destroy(packed);
        conductance_model_destroy(analog);
        drop(&f);
    }
    assert_true(covered > 20);
}

// A shortcut that steps along rows alone, one along columns alone.
static void packed_shortcuts_step_per_side(void **state)
{
    (void)state;
    static const char text[] =
        "name: t\ninput: {channels: 3, height: 8, width: 9, bits: 8}\nclasses: 10\nlevels: 8\n"
        "layers:\n"
        "  - {name: conv1, kind: conv, out: 20, kernel: 3, pad: 1}\n"
        "  - {name: a, kind: conv, out: 36, kernel: [3, 2], stride: [2, 1], pad: same}\n"
        "  - {name: b, kind: conv, out: 36, kernel: 2, pad: [1, 0, 0, 1]}\n"
        "  - {name: add1, kind: add, shortcut: conv1}\n"
        "  - {name: c, kind: conv, out: 24, kernel: 3, dilation: [1, 2], stride: [1, 3], pad: "
        "same}\n"
        "  - {name: d, kind: conv, out: 24, kernel: [1, 3], pad: same}\n"
        "  - {name: add2, kind: add, shortcut: add1}\n"
        "  - {name: linear, kind: linear, out: 10}\n";
    struct fixture f = {.s = setup_text("hawis", text, "binary", wide),
                        .windows.keys = "shortcuts"};
    f.weights = random_weights(f.s.net);
    f.integer = int_net_create(f.s.net, f.weights, NULL, &(struct err){0});
    assert_non_null(f.integer);
    const struct chip_sample none = {0};
    struct level_model *arrays =
        level_model_create(f.s.map, f.integer, &none, CPU_AVX512, &(struct err){0});
    struct packed *packed = packed_create(arrays);
    assert_non_null(packed);
    uint32_t x = 5;
    expect_logits(&f, packed, &x, int_net_matrix_reference, f.integer);
    packed_destroy(packed);
    level_model_destroy(arrays);
    drop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_model_sum_the_windows),
        cmocka_unit_test(conductances_sum_the_windows),
        cmocka_unit_test(packed_nets_have_any_windows),
        cmocka_unit_test(packed_conductances_have_any_windows),
        cmocka_unit_test(packed_shortcuts_step_per_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
