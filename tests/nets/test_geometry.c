// Windows of any shape: sizes, the float net and the integer net against the definition.
#include "tests/nets/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/float_net.h"
#include "nets/int_net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "tests/support/weights.h"
#include "tests/support/windows.h"

enum { DRAWS = 400 };

static struct net *net_of(const struct window_spec *w, const char *layer, enum net_form form)
{
    char text[700];
    snprintf(text, sizeof text,
             "name: t\ninput: {channels: %d, height: %d, width: %d, bits: 8}\nlayers:\n"
             "  - {name: a, %s, %s}\n",
             w->in_c, w->in_h, w->in_w, layer, w->keys);
    return text_net(text, &(struct net_options){.has_form = true, .form = form});
}

static void expect_sizes(const struct window_spec *w, const struct layer *l)
{
    const int got[] = {l->out_c,    l->out_h,      l->out_w,    l->pad_top,
                       l->pad_left, l->pad_bottom, l->pad_right};
    const int want[] = {w->out_c, w->out_h, w->out_w, w->pad[0], w->pad[1], w->pad[2], w->pad[3]};
    if (memcmp(got, want, sizeof got) != 0)
        fail_msg("%s on %d x %d: %d x %d, pads %d %d %d %d", w->keys, w->in_h, w->in_w, l->out_h,
                 l->out_w, l->pad_top, l->pad_left, l->pad_bottom, l->pad_right);
}

static void expect_close(const struct window_spec *w, const double *got, const double *want,
                         double bound)
{
    for (size_t i = 0; i < windows_outputs(w); i++)
        if (!(fabs(got[i] - want[i]) <= bound))
            fail_msg("%s on %d x %d x %d: element %zu is %.9g, not %.9g", w->keys, w->in_c, w->in_h,
                     w->in_w, i, got[i], want[i]);
}

static double *widened(const float *from, size_t n)
{
    double *to = malloc(n * sizeof *to);
    for (size_t i = 0; i < n; i++)
        to[i] = (double)from[i];
    return to;
}

// --- Floating point ---

// Runs a random image; want(w, net's input map, weights) must be the last layer's map.
static void check_float(const struct window_spec *w, struct net *net, uint32_t *x, int pool)
{
    struct weights *weights = random_weights(net);
    struct float_net *forward = float_net_create(net, weights);
    uint8_t image[4096];
    for (size_t i = 0; i < windows_inputs(w); i++)
        image[i] = (uint8_t)windows_next(x);
    double *got = widened(float_net_run(forward, image), windows_outputs(w));
    double *in = widened(float_net_map(forward, 0), windows_inputs(w));
    double *kernel = widened(weights->layers[1].w, pool ? 0 : windows_weights(w));
    double *want = malloc(windows_outputs(w) * sizeof *want);
    if (pool == 0)
        windows_conv(w, in, kernel, want);
    else if (pool == 1)
        windows_max(w, in, want);
    else
        windows_average(w, pool == 2, in, want);
    expect_close(w, got, want, 1e-4);
    free(got);
    free(in);
    free(kernel);
    free(want);
    float_net_destroy(forward);
    weights_destroy(weights);
    net_destroy(net);
}

static void test_float_convs(void **state)
{
    (void)state;
    uint32_t x = 1;
    for (int i = 0; i < DRAWS; i++) {
        struct window_spec w = windows_random(&x, false);
        struct net *net = net_of(&w, "kind: conv, bn: false", FORM_FLOAT);
        expect_sizes(&w, &net->layers[1]);
        check_float(&w, net, &x, 0);
    }
}

static const char *pool_keys(const struct window_spec *w, int pool)
{
    static const char *const keys[] = {"kind: pool", "kind: pool, pool: average",
                                       "kind: pool, pool: average, count_pad: true",
                                       "kind: pool, pool: average, count_pad: false"};
    bool by_default = pool > 1 && w->same == (pool == 3);
    return keys[pool == 1 ? 0 : by_default ? 1 : pool];
}

// pool: 1 the largest, 2 averages that count padding, 3 that do not.
static void test_float_pools(void **state)
{
    (void)state;
    uint32_t x = 2;
    for (int i = 0; i < DRAWS; i++)
        for (int pool = 1; pool <= 3; pool++) {
            struct window_spec w = windows_random(&x, true);
            struct net *net = net_of(&w, pool_keys(&w, pool), FORM_FLOAT);
            expect_sizes(&w, &net->layers[1]);
            check_float(&w, net, &x, pool);
        }
}

// --- Integers ---

static struct int_net *integer_of(const struct net *net, const struct weights *weights)
{
    static const double ranges[] = {1, 1.5}; // of the image, of the layer: nothing is clipped
    struct err err = {0};
    struct int_net *integer = int_net_create(net, weights, ranges, &err);
    if (!integer)
        fail_msg("%s", err.text);
    return integer;
}

static void test_integer_convs(void **state)
{
    (void)state;
    uint32_t x = 3;
    for (int i = 0; i < DRAWS; i++) {
        struct window_spec w = windows_random(&x, false);
        struct net *net = net_of(&w, "kind: conv, bn: false", FORM_INT8);
        struct weights *weights = random_weights(net);
        struct int_net *integer = integer_of(net, weights);
        size_t n = windows_inputs(&w), outs = windows_outputs(&w), taps = windows_weights(&w);
        int32_t *in = malloc(n * sizeof *in);
        int64_t *acc = malloc(outs * sizeof *acc);
        double *map = malloc(n * sizeof *map), *kernel = malloc(taps * sizeof *kernel);
        double *got = malloc(outs * sizeof *got), *want = malloc(outs * sizeof *want);
        for (size_t k = 0; k < n; k++)
            map[k] = in[k] = (int32_t)(windows_next(&x) % 256);
        for (size_t k = 0; k < taps; k++)
            kernel[k] = integer->layers[1].w[k];
        int_net_matrix_reference(integer, 1, in, acc);
        for (size_t k = 0; k < outs; k++)
            got[k] = (double)acc[k];
        windows_conv(&w, map, kernel, want);
        expect_close(&w, got, want, 0);
        void *all[] = {in, acc, map, kernel, got, want};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            free(all[k]);
        int_net_destroy(integer);
        weights_destroy(weights);
        net_destroy(net);
    }
}

// An average is rounded to the nearest step of the output, whose factor is exact to 2^-25.
static void check_integer_pool(const struct window_spec *w, int pool, uint32_t *x)
{
    struct net *net = net_of(w, pool_keys(w, pool), FORM_INT8);
    struct weights *weights = weights_create(net);
    struct int_net *integer = integer_of(net, weights);
    struct int_net_run *run = int_net_run_create(integer);
    size_t n = windows_inputs(w), outs = windows_outputs(w);
    double *map = malloc(n * sizeof *map);
    double *got = malloc(outs * sizeof *got), *want = malloc(outs * sizeof *want);
    for (size_t k = 0; k < n; k++)
        map[k] = int_net_run_stream(run, 0)[k] = (int32_t)(windows_next(x) % 128);
    int_net_run_finish(run, 1);
    if (pool == 1)
        windows_max(w, map, want);
    else
        windows_average(w, pool == 2, map, want);
    for (size_t k = 0; k < outs; k++) {
        got[k] = int_net_run_map(run, 1)[k];
        want[k] = want[k] * integer->scale[0] / integer->scale[1];
    }
    expect_close(w, got, want, pool == 1 ? 0 : 0.5 + 1e-4);
    free(map);
    free(got);
    free(want);
    int_net_run_destroy(run);
    int_net_destroy(integer);
    weights_destroy(weights);
    net_destroy(net);
}

static void test_integer_pools(void **state)
{
    (void)state;
    uint32_t x = 4;
    for (int i = 0; i < DRAWS; i++)
        for (int pool = 1; pool <= 3; pool++) {
            struct window_spec w = windows_random(&x, true);
            check_integer_pool(&w, pool, &x);
        }
}

// --- Nets ---

#define KWS_DEPTHWISE(n, from)                                                                     \
    "  - {name: dw" n ", kind: conv, same_as: " from ", kernel: 3, pad: same, groups: 64}\n"       \
    "  - {name: pw" n ", kind: conv, out: 64, kernel: 1}\n"

// MLPerf Tiny's keyword spotting (mlcommons/tiny, DS-CNN): 49 x 10 features, 10 x 4 kernels of
// stride 2; 25 x 5 maps and 2,656,768 MACs are the published ones.
static void test_keyword_spotting(void **state)
{
    (void)state;
    struct net *net = text_net(
        "name: kws\ninput: {channels: 1, height: 49, width: 10}\nclasses: 12\n"
        "head: avgpool\nlayers:\n"
        "  - {name: conv1, kind: conv, out: 64, kernel: [10, 4], stride: 2, pad: same}\n" //
        KWS_DEPTHWISE("1", "conv1") KWS_DEPTHWISE("2", "pw1") KWS_DEPTHWISE("3", "pw2")
            KWS_DEPTHWISE("4", "pw3") "  - {name: avgpool, kind: head}\n"
                                      "  - {name: linear, kind: linear, out: 12}\n",
        &(struct net_options){.has_form = true, .form = FORM_INT8});
    const struct layer *conv = layer_named(net, "conv1");
    assert_int_equal(conv->out_h, 25);
    assert_int_equal(conv->out_w, 5);
    const int pads[] = {conv->pad_top, conv->pad_left, conv->pad_bottom, conv->pad_right};
    assert_memory_equal(pads, ((int[]){4, 1, 5, 1}), sizeof pads);
    assert_int_equal(net_ops(net).macs, 2656768);
    net_destroy(net);
}

// A block that halves the rows alone: its shortcut takes every second row and every column.
static void test_shortcut_steps(void **state)
{
    (void)state;
    struct net *net =
        text_net("name: t\ninput: {channels: 2, height: 6, width: 5}\nadd: after_bn\nlayers:\n"
                 "  - {name: a, kind: conv, out: 2, kernel: 1, bn: false}\n"
                 "  - {name: b, kind: conv, out: 2, kernel: 3, stride: [2, 1], pad: 1, bn: false}\n"
                 "  - {name: c, kind: add, shortcut: a}\n",
                 &(struct net_options){.has_form = true, .form = FORM_FLOAT});
    struct weights *weights = random_weights(net);
    memset(weights->layers[2].w, 0, (size_t)net->layers[2].weights * sizeof(float));
    struct float_net *forward = float_net_create(net, weights);
    uint8_t image[60];
    for (int i = 0; i < 60; i++)
        image[i] = (uint8_t)(4 * i);
    const float *sum = float_net_run(forward, image), *from = float_net_map(forward, 1);
    for (int i = 0; i < 30; i++) { // (2, 3, 5) of (2, 6, 5)
        int c = i / 15, y = i / 5 % 3, x = i % 5;
        float want = from[(c * 6 + 2 * y) * 5 + x];
        assert_true(fabsf(sum[i] - want) < 1e-6F || (want < 0 && sum[i] == 0));
    }
    float_net_destroy(forward);
    weights_destroy(weights);
    net_destroy(net);
}

// A pool that becomes the stride of its conv leaves the conv's own padding in place, also where
// `same` depends on the stride: a quarter of the conv's outputs stay.
static void test_pool_keeps_padding(void **state)
{
    (void)state;
    static const char text[] = "name: t\ninput: {channels: 1, height: 8, width: 8}\nlayers:\n"
                               "  - {name: a, kind: conv, out: 4, kernel: 4, pad: same}\n"
                               "  - {name: p, kind: pool, kernel: 2, stride: [2, 1]}\n";
    struct net *net = text_net(text, &(struct net_options){.has_form = true, .form = FORM_BINARY});
    const struct layer *a = layer_named(net, "a");
    assert_int_equal(a->stride_h, 2);
    assert_int_equal(a->stride_w, 1);
    assert_int_equal(a->pad_top, 1);
    assert_int_equal(a->pad_bottom, 2);
    assert_int_equal(a->out_h, 4);
    assert_int_equal(a->out_w, 8);
    net_destroy(net);
}

static uint64_t hash_of(const char *keys)
{
    char text[300];
    snprintf(text, sizeof text,
             "name: t\ninput: {channels: 1, height: 9, width: 9}\n"
             "layers: [{name: a, %s}]\n",
             keys);
    struct net *net = text_net(text, &(struct net_options){.has_form = true, .form = FORM_INT8});
    uint64_t hash = net->hash;
    net_destroy(net);
    return hash;
}

static void test_hash_follows_geometry(void **state)
{
    (void)state;
    static const char *const nets[] = {
        "kind: conv, out: 1, kernel: 3, stride: 2, pad: 1",
        "kind: conv, out: 1, kernel: 3, stride: 2, pad: [1, 1, 0, 1]",
        "kind: conv, out: 1, kernel: 3, stride: 2, pad: [0, 1, 1, 1]",
        "kind: conv, out: 1, kernel: 3, stride: 2, pad: [1, 0, 1, 1]",
        "kind: conv, out: 1, kernel: 3, stride: 2, pad: [1, 1, 1, 0]",
        "kind: conv, out: 1, kernel: 3, stride: [2, 3], pad: 1",
        "kind: conv, out: 1, kernel: 3, dilation: 2, pad: 2, stride: 2",
        "kind: pool, pool: average, kernel: 3, stride: 2, pad: 1",
        "kind: pool, pool: average, kernel: 3, stride: 2, pad: 1, count_pad: false",
    };
    enum { N = sizeof nets / sizeof *nets };
    uint64_t hashes[N];
    for (int i = 0; i < N; i++) {
        hashes[i] = hash_of(nets[i]);
        for (int j = 0; j < i; j++)
            assert_true(hashes[i] != hashes[j]);
    }
    // However it is written.
    assert_true(hash_of("kind: conv, out: 1, kernel: [3, 3], stride: [2, 2], pad: [1, 1]") ==
                hashes[0]);
    assert_true(hash_of("kind: conv, out: 1, kernel: 3, stride: 2, pad: same") == hashes[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float_convs),        cmocka_unit_test(test_float_pools),
        cmocka_unit_test(test_integer_convs),      cmocka_unit_test(test_integer_pools),
        cmocka_unit_test(test_keyword_spotting),   cmocka_unit_test(test_shortcut_steps),
        cmocka_unit_test(test_pool_keeps_padding), cmocka_unit_test(test_hash_follows_geometry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
