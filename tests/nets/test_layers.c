// Every kind of layer in small nets, against loops with written-out indices: in floating point, and
// in integers within a bound.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/encode.h"
#include "nets/float_net.h"
#include "nets/int_net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "tests/nets/plain_net.h"
#include "tests/nets/support.h"
#include "tests/support/layer_nets.h"
#include "tests/support/weights.h"

enum { IMAGES = 4, MOST_PIXELS = 1024, MOST_LAYERS = 32 };

static uint32_t next(uint32_t *x)
{
    *x = *x * 1664525 + 1013904223;
    return *x >> 8;
}

// Images by chance, the same in every test.
static void image_of(const struct net *net, int i, uint8_t *image)
{
    uint32_t x = (uint32_t)i + 1;
    for (int k = 0; k < net->raw_c * net->raw_h * net->raw_w; k++)
        image[k] = (uint8_t)(next(&x) % 256);
}

static struct weights *some_weights(const struct net *net)
{
    struct weights *w = random_weights(net);
    uint32_t x = 3;
    for (size_t i = 1; i < net->n; i++)
        for (int c = 0; w->layers[i].bias && c < net->layers[i].out_c; c++)
            w->layers[i].bias[c] = (float)(next(&x) % 1000) / 1000 - 0.3F;
    return w;
}

static size_t elements(const struct layer *l)
{
    return (size_t)l->out_c * l->out_h * l->out_w;
}

static void plain_image(const struct net *net, const struct weights *weights, const uint8_t *image,
                        double **maps)
{
    float planes[MOST_PIXELS];
    encode_floats(net, image, planes);
    for (size_t k = 0; k < elements(&net->layers[0]); k++)
        maps[0][k] = (double)planes[k];
    plain_net(net, weights, maps);
}

// Sums of some dozen products of values up to a few units: 1e-4 is 32-bit rounding.
static void expect_floats(const char *yaml)
{
    struct net_options options = {.has_form = true, .form = FORM_FLOAT};
    struct net *net = text_net(yaml, &options);
    struct weights *weights = some_weights(net);
    struct float_net *forward = float_net_create(net, weights);
    double **maps = plain_maps(net);
    uint8_t image[MOST_PIXELS];
    for (int i = 0; i < IMAGES; i++) {
        image_of(net, i, image);
        float_net_run(forward, image);
        plain_image(net, weights, image, maps);
        for (int l = 1; l < (int)net->n; l++)
            for (size_t k = 0; k < elements(&net->layers[l]); k++)
                if (fabs((double)float_net_map(forward, l)[k] - maps[l][k]) > 1e-4)
                    fail_msg("image %d, layer '%s', element %zu: %g, but %g by hand", i,
                             net->layers[l].name, k, (double)float_net_map(forward, l)[k],
                             maps[l][k]);
    }
    free(maps);
    float_net_destroy(forward);
    weights_destroy(weights);
    net_destroy(net);
}

// Logits of all images within `bound` of the largest logit; ranges are those of the same images.
static void expect_integers(const char *yaml, enum net_form form, double bound)
{
    struct net_options options = {.has_form = true, .form = form};
    struct net *net = text_net(yaml, &options);
    struct weights *weights = some_weights(net);
    double **maps = plain_maps(net), ranges[MOST_LAYERS] = {1};
    uint8_t image[MOST_PIXELS];
    struct err err = {0};
    for (int i = 0; i < IMAGES; i++) {
        image_of(net, i, image);
        plain_image(net, weights, image, maps);
        for (size_t l = 1; l < net->n; l++)
            for (size_t k = 0; k < elements(&net->layers[l]); k++)
                ranges[l] = fmax(ranges[l], fabs(maps[l][k]));
    }
    struct int_net *integer = int_net_create(net, weights, ranges, &err);
    if (!integer)
        fail_msg("%s", err.text);
    struct int_net_run *run = int_net_run_create(integer);
    int last = (int)net->n - 1;
    for (int i = 0; i < IMAGES; i++) {
        image_of(net, i, image);
        plain_image(net, weights, image, maps);
        const int64_t *logits = int_net_run_image(run, image, int_net_matrix_reference, integer);
        for (int c = 0; c < net->layers[last].out_c; c++) {
            double got = (double)logits[c] / integer->layers[last].unit;
            if (fabs(got - maps[last][c]) > bound * ranges[last])
                fail_msg("image %d, logit %d: %g, but %g by hand", i, c, got, maps[last][c]);
        }
    }
    int_net_run_destroy(run);
    int_net_destroy(integer);
    free(maps);
    weights_destroy(weights);
    net_destroy(net);
}

// The image has 7 bits and a sign in both forms: half a step is 0.4 % of a pixel. In int8 every
// weight and map adds as much again.
static void expect_all(const char *yaml, bool int8_only)
{
    expect_floats(yaml);
    if (!int8_only)
        expect_integers(yaml, FORM_INT16, 0.006);
    expect_integers(yaml, FORM_INT8, 0.03);
}

#define HEAD                                                                                       \
    "name: t\ninput: {channels: 3, height: 4, width: 5, bits: 8}\nclasses: 4\n"                    \
    "default_form: int8\nlayers:\n  - {name: a, kind: conv, out: 6, kernel: 3, pad: 1}\n"
#define TAIL "  - {name: head, kind: head}\n  - {name: fc, kind: linear, out: 4}\n"

// The MLP of a transformer block: two matrices for every token, and the residual addition.
#define TOKEN_MLP                                                                                  \
    HEAD "  - {name: mlp.fc1, kind: linear, tokens: true, out: 9}\n"                               \
         "  - {name: mlp.fc2, kind: linear, tokens: true, out: 6, scale: false}\n"                 \
         "  - {name: mlp.add, kind: add, shortcut: a, relu: false}\n" TAIL

static void layers_are_what_their_formulas_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_layer_nets; i++)
        expect_all(layer_nets[i].yaml, layer_nets[i].int8_only);
}

static void tokens(void **state)
{
    (void)state;
    struct net *net = text_net(TOKEN_MLP, NULL);
    const struct layer *fc1 = layer_named(net, "mlp.fc1");
    assert_int_equal(fc1->out_h * 10 + fc1->out_w, 45);
    assert_int_equal(fc1->macs, 9 * 6 * 4 * 5);
    assert_int_equal(fc1->params, 9 * 6 + 9); // a bias, no batch-norm
    assert_int_equal(fc1->act, ACT_RELU);
    assert_string_equal(layer_kind_name(fc1), "linear");
    net_destroy(net);
}

// Global pools are heads that stay in every form; average pools take windows of any size.
static void pools(void **state)
{
    (void)state;
#define GLOBAL                                                                                     \
    HEAD "  - {name: p, kind: pool, pool: average, kernel: global}\n"                              \
         "  - {name: fc, kind: linear, out: 4}\n"
    struct net_options options = {.has_form = true, .form = FORM_BINARY};
    struct net *net = text_net(GLOBAL, &options);
    const struct layer *p = layer_named(net, "p");
    assert_int_equal(p->kernel_h * 10 + p->kernel_w, 45);
    assert_int_equal(p->out_c * 100 + p->out_h * 10 + p->out_w, 611);
    net_destroy(net);
    expect_refusal(HEAD "  - {name: p, kind: pool, kernel: global, stride: 2}\n", NULL,
                   ".stride: a pool with kernel: global has one window");
    expect_refusal(HEAD "  - {name: p, kind: conv, out: 2, kernel: global}\n", NULL,
                   ".kernel: 'global' is the window of a pool");
    expect_refusal(HEAD "  - {name: p, kind: pool, kernel: global}\n", &options,
                   "a global max-pool has no stride that 'a' could have");
}

// The net of hls4ml's pull request 328: pooling first, 2x2 kernels.
static void maps_of_28_14_12_6_5(void **state)
{
    (void)state;
    static const char yaml[] =
        "name: t\ninput: {channels: 1, height: 28, width: 28, bits: 8}\nclasses: 10\n"
        "default_form: int8\nlayers:\n"
        "  - {name: pool1, kind: pool, pool: average, kernel: 2}\n"
        "  - {name: conv1, kind: conv, out: 3, kernel: 3}\n"
        "  - {name: pool2, kind: pool, pool: average, kernel: 2}\n"
        "  - {name: conv2, kind: conv, out: 10, kernel: 2}\n"
        "  - {name: fc1, kind: linear, out: 100}\n"
        "  - {name: fc2, kind: linear, out: 10}\n";
    const int sides[] = {28, 14, 12, 6, 5, 1, 1};
    struct net *net = text_net(yaml, NULL);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(net->layers[i].out_h, sides[i]);
        assert_int_equal(net->layers[i].out_w, sides[i]);
    }
    net_destroy(net);
    expect_all(yaml, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_are_what_their_formulas_say),
        cmocka_unit_test(tokens),
        cmocka_unit_test(pools),
        cmocka_unit_test(maps_of_28_14_12_6_5),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
