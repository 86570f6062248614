// Binary and integer forms: straight-through gradients against a step that writes their formulas
// out, inference against nets/forward and nets/integer.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/float_net.h"
#include "nets/int_net.h"
#include "nets/perturb.h"
#include "base/err.h"
#include "base/mem.h"
#include "tests/close.h"
#include "tests/train/plain.h"
#include "tests/train/support.h"

enum { CLASSES = 5 };

#define IMAGE                                                                                      \
    "input: {channels: 3, height: 8, width: 8, bits: 8, normalise: imagenet}\nclasses: 5\n"        \
    "levels: 4\n"
#define BLOCKS                                                                                     \
    "  - {name: conv1, kind: conv, out: 6, kernel: 3, pad: 1}\n"                                   \
    "  - {name: layer1.0.conv1, kind: conv, out: 7, kernel: 3, pad: 1}\n"                          \
    "  - {name: layer1.0.conv2, kind: conv, out: 6, kernel: 3, pad: 1}\n"                          \
    "  - {name: layer1.0.add, kind: add, shortcut: conv1}\n"                                       \
    "  - {name: layer2.0.conv1, kind: conv, out: 9, kernel: 3, stride: 2, pad: 1}\n"               \
    "  - {name: layer2.0.conv2, kind: conv, out: 11, kernel: 3, pad: 1}\n"                         \
    "  - {name: layer2.0.add, kind: add, shortcut: layer1.0.add}\n"                                \
    "  - {name: layer2.1.conv1, kind: conv, out: 5, kernel: 3, pad: 1}\n"                          \
    "  - {name: layer2.1.conv2, kind: conv, out: 4, kernel: 3, pad: 1}\n"                          \
    "  - {name: layer2.1.add, kind: add, shortcut: layer2.0.add}\n"                                \
    "  - {name: avgpool, kind: head}\n"                                                            \
    "  - {name: linear, kind: linear, out: 5}\n"
#define CHAIN                                                                                      \
    "  - {name: conv1, kind: conv, out: 6, kernel: 3, pad: 1}\n"                                   \
    "  - {name: pool1, kind: pool, kernel: 2}\n"                                                   \
    "  - {name: conv2, kind: conv, out: 8, kernel: 3, groups: 2}\n"                                \
    "  - {name: fc1, kind: linear, out: 13, bn: true}\n"                                           \
    "  - {name: fc2, kind: linear, out: 5}\n"
// Nothing even: windows that padding and the map's end cut, kernels of a line, pools that overlap.
#define ODD                                                                                        \
    "  - {name: conv1, kind: conv, out: 7, kernel: 3, stride: 2, pad: 1}\n"                        \
    "  - {name: pool1, kind: pool, kernel: 3, stride: 2, pool: average, pad: 1}\n"                 \
    "  - {name: conv2, kind: conv, out: 9, kernel: [3, 1], pad: 1}\n"                              \
    "  - {name: conv3, kind: conv, out: 15, kernel: 1, groups: 3}\n"                               \
    "  - {name: conv4, kind: conv, out: 3, kernel: [1, 2], pad: 1}\n"                              \
    "  - {name: pool2, kind: pool, kernel: 2, stride: 1, pad: 1}\n"                                \
    "  - {name: fc1, kind: linear, out: 13, bn: true}\n"                                           \
    "  - {name: fc2, kind: linear, out: 5}\n"

// Projections, listed before and behind the main path, and maps that no ReLU follows.
#define PROJECTIONS                                                                                \
    "  - {name: conv1, kind: conv, out: 6, kernel: 3, pad: 1}\n"                                   \
    "  - {name: main1, kind: conv, out: 8, kernel: 3, stride: 2, pad: 1}\n"                        \
    "  - {name: main2, kind: conv, out: 8, kernel: 3, pad: 1}\n"                                   \
    "  - {name: proj1, kind: conv, from: conv1, out: 8, kernel: 1, stride: 2, bn: false}\n"        \
    "  - {name: add1, kind: add, from: main2, shortcut: proj1}\n"                                  \
    "  - {name: proj2, kind: conv, out: 7, kernel: 1}\n"                                           \
    "  - {name: main3, kind: conv, from: add1, out: 7, kernel: 3, pad: 1, relu: false}\n"          \
    "  - {name: main4, kind: conv, out: 7, kernel: 3, pad: 1}\n"                                   \
    "  - {name: add2, kind: add, shortcut: proj2, relu: false}\n"                                  \
    "  - {name: add3, kind: add, shortcut: proj2}\n"                                               \
    "  - {name: pool, kind: pool, kernel: 2, pool: average}\n"                                     \
    "  - {name: linear, kind: linear, out: 5}\n"

// Padding per side, strides per side, dilation, a shortcut that steps along rows alone. Averages
// are of three and five elements: those of two and four would be ties between steps.
#define UNEVEN                                                                                     \
    "  - {name: conv1, kind: conv, out: 6, kernel: [4, 2], stride: [2, 1], pad: same}\n"           \
    "  - {name: a, kind: conv, out: 7, kernel: 3, stride: [2, 1], pad: [0, 1, 2, 1]}\n"            \
    "  - {name: b, kind: conv, out: 6, kernel: [2, 3], dilation: [2, 1], pad: same}\n"             \
    "  - {name: add1, kind: add, shortcut: conv1}\n"                                               \
    "  - {name: pool1, kind: pool, pool: average, kernel: [1, 5], stride: [1, 2], pad: [0, 2],\n"  \
    "     count_pad: false}\n"                                                                     \
    "  - {name: conv2, kind: conv, out: 9, kernel: 2, dilation: [1, 2], stride: [1, 3],\n"         \
    "     pad: [1, 0, 0, 2]}\n"                                                                    \
    "  - {name: fc1, kind: linear, out: 13, bn: true}\n"                                           \
    "  - {name: fc2, kind: linear, out: 5}\n"

// Biases with and without a batch-norm behind them, and a batch-norm behind the last layer.
#define BIASED                                                                                     \
    "  - {name: conv1, kind: conv, out: 6, kernel: 3, pad: 1, bias: true}\n"                       \
    "  - {name: layer1.0.conv1, kind: conv, out: 7, kernel: 3, pad: 1, bn: false, bias: true}\n"   \
    "  - {name: layer1.0.conv2, kind: conv, out: 6, kernel: 3, pad: 1, bias: true}\n"              \
    "  - {name: layer1.0.add, kind: add, shortcut: conv1}\n"                                       \
    "  - {name: fc1, kind: linear, out: 9, bn: false}\n"                                           \
    "  - {name: fc2, kind: linear, out: 5, bn: true, bias: true}\n"

// Concats of concats, of a signed map and of the same map twice; a gate for each channel, a square,
// and products of signed maps behind a ReLU.
#define JOINED                                                                                     \
    "  - {name: conv1, kind: conv, out: 6, kernel: 3, pad: 1}\n"                                   \
    "  - {name: d1, kind: conv, out: 4, kernel: 3, pad: 1}\n"                                      \
    "  - {name: cat1, kind: concat, from: [conv1, d1]}\n"                                          \
    "  - {name: d2, kind: conv, out: 3, kernel: 3, pad: 1, relu: false}\n"                         \
    "  - {name: cat2, kind: concat, from: [d2, cat1, d2]}\n"                                       \
    "  - {name: fc0, kind: linear, tokens: true, out: 7}\n"                                        \
    "  - {name: cat3, kind: concat, from: [fc0, d1]}\n"                                            \
    "  - {name: d3, kind: conv, out: 9, kernel: 3, stride: 2, pad: 1}\n"                           \
    "  - {name: linear, kind: linear, out: 5}\n"
#define GATED                                                                                      \
    "  - {name: conv1, kind: conv, out: 6, kernel: 3, pad: 1}\n"                                   \
    "  - {name: pool, kind: pool, pool: average, kernel: global}\n"                                \
    "  - {name: se1, kind: linear, out: 3}\n"                                                      \
    "  - {name: se2, kind: linear, out: 6}\n"                                                      \
    "  - {name: gate, kind: multiply, from: conv1, by: se2}\n"                                     \
    "  - {name: x, kind: conv, out: 7, kernel: 3, pad: 1, relu: false}\n"                          \
    "  - {name: square, kind: multiply, from: x, by: x}\n"                                         \
    "  - {name: y, kind: conv, out: 7, kernel: 1, relu: false}\n"                                  \
    "  - {name: xy, kind: multiply, from: x, by: y, relu: true}\n"                                 \
    "  - {name: cat, kind: concat, from: [xy, y]}\n"                                               \
    "  - {name: pool2, kind: pool, kernel: 3}\n"                                                   \
    "  - {name: linear, kind: linear, out: 5}\n"

static const char *const heads[] = {
    IMAGE "default_form: binary",
    IMAGE "default_form: binary\nadd: after_bn\nshortcut_pad: both\nhead: avgpool",
    IMAGE "default_form: binary\nencoder: bit_planes\nhead: avgpool",
    IMAGE "default_form: binary\nactivations: plus_minus_one",
    IMAGE "default_form: binary\nactivations: plus_minus_one\nadd: after_bn\nhead: avgpool",
    IMAGE "default_form: binary\nactivations: plus_minus_one\nencoder: sign",
    IMAGE "default_form: binary\nactivations: plus_minus_one\nplanes: zero_one",
    IMAGE "default_form: int8",
    IMAGE "default_form: int8\nadd: before_bn\nencoder: thermometer",
    IMAGE "default_form: int16\nweight_bits: 4\nactivation_bits: 3",
    IMAGE "default_form: int8\nshortcut_pad: end\nhead: flatten",
    IMAGE "default_form: float",
    IMAGE "default_form: float\nadd: before_bn\nhead: flatten",
};
enum { HEADS = sizeof heads / sizeof *heads };

#define ODD_IMAGE                                                                                  \
    "input: {channels: 3, height: 11, width: 7, bits: 8, normalise: imagenet}\nclasses: 5\n"       \
    "levels: 3\n"
static const char *const odd_heads[] = {
    ODD_IMAGE "default_form: binary",
    ODD_IMAGE "default_form: binary\nencoder: bit_planes",
    ODD_IMAGE "default_form: binary\nactivations: plus_minus_one",
    ODD_IMAGE "default_form: int8",
    ODD_IMAGE "default_form: int16\nweight_bits: 5\nactivation_bits: 3\nencoder: thermometer",
    ODD_IMAGE "default_form: float",
};
enum { ODD_HEADS = sizeof odd_heads / sizeof *odd_heads };

static const char *const signed_heads[] = {
    IMAGE "default_form: int8",
    IMAGE "default_form: int16\nquantise: {weights: layer}\nactivation_bits: 5\nweight_bits: 6",
    IMAGE "default_form: int8\nweight_bits: 1\nactivation_bits: 1",
    IMAGE "default_form: int8\nadd: before_bn\nencoder: bit_planes",
    IMAGE "default_form: float",
    IMAGE "default_form: binary\nhead: flatten",
};
enum { SIGNED_HEADS = sizeof signed_heads / sizeof *signed_heads };

// Large enough to see values clipped at some layers and not at others.
static void choose_ranges(const struct lesson *l, double *ranges)
{
    for (size_t i = 0; i < l->net->n; i++)
        ranges[i] = 1.5 + 0.25 * (double)i;
    for (size_t i = 1; i < l->net->n; i++) // those that share steps have one
        ranges[i] = ranges[l->net->layers[i].format_of];
    ranges[0] = 2.6400001049041748; // the largest normalised pixel: (1 - 0.406) / 0.225
}

static bool stepped(const struct net *net)
{
    return net->form == FORM_INT8 || net->form == FORM_INT16;
}

static void check_step(const char *head, const char *layers)
{
    double ranges[32], logits[LESSON_IMAGES * CLASSES];
    float got[LESSON_IMAGES * CLASSES];
    struct lesson l = lesson_make(head, layers);
    l.batch.images = l.images;
    choose_ranges(&l, ranges);
    struct weights *want = weights_create(l.net);
    struct graph *graph = lesson_graph(&l, &backend_reference, OPERAND_F32, 2, NULL);
    graph_set_ranges(graph, ranges);
    const struct plain_step step = {.net = l.net,
                                    .params = l.params,
                                    .n = l.batch.n,
                                    .images = l.images,
                                    .targets = l.targets,
                                    .ranges = ranges};
    double loss = graph_train(graph, l.params, 0, &l.batch, l.grads, got);
    assert_close(loss, plain_run(&step, want, logits), 1e-4);
    for (int i = 0; i < LESSON_IMAGES * CLASSES; i++)
        assert_true(fabs((double)got[i] - logits[i]) < 1e-3);
    assert_weights_close(l.net, l.grads, want, 2e-3);
    graph_destroy(graph);
    weights_destroy(want);
    lesson_free(&l);
}

static void test_straight_through(void **state)
{
    (void)state;
    for (int i = 0; i < HEADS; i++) {
        check_step(heads[i], BLOCKS);
        check_step(heads[i], CHAIN);
        check_step(heads[i], BIASED);
    }
    for (int i = 0; i < ODD_HEADS; i++)
        check_step(odd_heads[i], ODD);
    for (int i = 0; i < ODD_HEADS; i++)
        check_step(odd_heads[i], UNEVEN);
    for (int i = 0; i < SIGNED_HEADS; i++)
        check_step(signed_heads[i], PROJECTIONS);
    for (int i = 0; i < SIGNED_HEADS; i++)
        check_step(signed_heads[i], JOINED);
    for (int i = 0; i + 1 < SIGNED_HEADS; i++) // no multiply in the binary form
        check_step(signed_heads[i], GATED);
}

// With the scale constant, d loss/d sign = scale * d loss/d (scale * sign), scale = mean |w|.
static void test_scaled_signs(void **state)
{
    (void)state;
    struct lesson l = lesson_make(heads[0], BLOCKS);
    l.batch.images = l.images;
    struct weights *scaled = weights_create(l.net);
    struct graph_options options = {
        &backend_reference, OPERAND_F32, LESSON_IMAGES, 3, 2, NULL, false};
    for (int way = 0; way < 2; way++) {
        struct graph *graph = NULL;
        options.scaled_gradient = way == 1;
        assert_true(graph_create(l.net, &options, &graph, &(struct err){0}));
        graph_train(graph, l.params, 0, &l.batch, way ? scaled : l.grads, NULL);
        graph_destroy(graph);
    }
    for (size_t i = 1; i < l.net->n; i++) {
        double mean = 0;
        int64_t n = l.net->layers[i].weights;
        for (int64_t k = 0; k < n; k++)
            mean += fabs((double)l.params->layers[i].w[k]) / (double)n;
        for (int64_t k = 0; k < n; k++)
            l.grads->layers[i].w[k] *= (float)mean;
    }
    assert_weights_close(l.net, scaled, l.grads, 1e-5);
    weights_destroy(scaled);
    lesson_free(&l);
}

static void run_forward(const struct lesson *l, const double *ranges, float *logits)
{
    struct graph *graph = lesson_graph(l, &backend_reference, OPERAND_F32, 2, NULL);
    if (ranges)
        graph_set_ranges(graph, ranges);
    struct graph_batch batch = l->batch;
    batch.targets = NULL;
    graph_forward(graph, l->params, 0, &batch, NULL, logits);
    graph_destroy(graph);
}

static void check_reference(const char *head, const char *layers)
{
    float got[LESSON_IMAGES * CLASSES];
    double most = 0; // logits of a float net reach thousands here
    struct lesson l = lesson_make(head, layers);
    l.batch.images = l.images;
    run_forward(&l, NULL, got);
    for (int i = 0; i < LESSON_IMAGES * CLASSES; i++)
        most = fmax(most, fabs((double)got[i]));
    struct float_net *forward = float_net_create(l.net, l.params);
    for (int i = 0; i < LESSON_IMAGES && !stepped(l.net); i++) {
        const float *want = float_net_run(forward, l.images[i]);
        for (int c = 0; c < CLASSES; c++)
            assert_true(fabs((double)got[i * CLASSES + c] - (double)want[c]) <
                        1e-4 * fmax(1, most / 100));
    }
    float_net_destroy(forward);
    lesson_free(&l);
}

static void test_inference_is_that_of_nets(void **state)
{
    (void)state;
    for (int i = 0; i < HEADS; i++) {
        check_reference(heads[i], BLOCKS);
        check_reference(heads[i], CHAIN);
        check_reference(heads[i], BIASED);
    }
    for (int i = 0; i < ODD_HEADS; i++)
        check_reference(odd_heads[i], ODD);
    for (int i = 0; i < ODD_HEADS; i++)
        check_reference(odd_heads[i], UNEVEN);
    for (int i = 0; i < SIGNED_HEADS; i++)
        check_reference(signed_heads[i], JOINED);
    for (int i = 0; i + 1 < SIGNED_HEADS; i++)
        check_reference(signed_heads[i], GATED);
}

// nets/integer rounds multipliers and, at ties, the other way: logits within a few steps of the
// last layer's inputs.
static void check_integer(const char *head, const char *layers, double part)
{
    struct err err = {0};
    double ranges[32], most = 0;
    float got[LESSON_IMAGES * CLASSES];
    struct lesson l = lesson_make(head, layers);
    l.batch.images = l.images;
    choose_ranges(&l, ranges);
    run_forward(&l, ranges, got);
    struct int_net *integer = int_net_create(l.net, l.params, ranges, &err);
    if (!integer)
        fail_msg("%s", err.text);
    struct int_net_run *run = int_net_run_create(integer);
    for (int i = 0; i < LESSON_IMAGES * CLASSES; i++)
        most = fmax(most, fabs((double)got[i]));
    for (int i = 0; i < LESSON_IMAGES; i++) {
        const int64_t *want =
            int_net_run_image(run, l.images[i], int_net_matrix_reference, integer);
        double unit = ldexp(1, -16 - integer->layers[l.net->n - 1].shift);
        for (int c = 0; c < CLASSES; c++)
            assert_true(fabs((double)got[i * CLASSES + c] - (double)want[c] * unit) < part * most);
    }
    int_net_run_destroy(run);
    int_net_destroy(integer);
    lesson_free(&l);
}

static void test_inference_is_the_integer_net(void **state)
{
    (void)state;
    check_integer(IMAGE "default_form: int8", BLOCKS, 0.01);
    check_integer(IMAGE "default_form: int8", CHAIN, 0.01);
    check_integer(IMAGE "default_form: int16", BLOCKS, 1e-4);
    check_integer(IMAGE "default_form: int8\nadd: before_bn\nencoder: thermometer", BLOCKS, 0.01);
    check_integer(signed_heads[0], PROJECTIONS, 0.03);
    check_integer(signed_heads[0], JOINED, 0.03);
    check_integer(signed_heads[0], GATED, 0.03);
    check_integer(IMAGE "default_form: int16", JOINED, 1e-4);
    check_integer(IMAGE "default_form: int16", GATED, 1e-4);
    check_integer(ODD_IMAGE "default_form: int8", UNEVEN, 0.02);
    check_integer(ODD_IMAGE "default_form: int16", UNEVEN, 1e-4);
    check_integer(IMAGE "default_form: int16\nquantise: {weights: layer}", PROJECTIONS, 1e-4);
}

// What shares steps shares a range.
static void test_joined_maps_have_one_range(void **state)
{
    (void)state;
    double ranges[32];
    struct lesson l = lesson_make(IMAGE "default_form: int8", JOINED);
    l.batch.images = l.images;
    struct graph *graph = lesson_graph(&l, &backend_reference, OPERAND_F32, 2, NULL);
    graph_train(graph, l.params, 0, &l.batch, l.grads, NULL); // values pass as they are
    graph_ranges(graph, ranges);
    for (size_t i = 1; i < l.net->n; i++)
        if (l.net->layers[i].format_of == 1)
            assert_true(ranges[i] == ranges[1]);
    int joined = 0;
    for (size_t i = 1; i < l.net->n; i++)
        joined += l.net->layers[i].format_of == 1;
    assert_int_equal(joined, 7); // conv1, d1, d2, fc0 and the concats
    assert_true(ranges[1] > 0);
    graph_destroy(graph);
    lesson_free(&l);
}

// The first step finds ranges: the largest values of the batch, which its own inference has.
static void test_ranges_are_found(void **state)
{
    (void)state;
    double ranges[32], later[32];
    struct lesson l = lesson_make(IMAGE "default_form: int8", CHAIN);
    l.batch.images = l.images;
    struct graph *graph = lesson_graph(&l, &backend_reference, OPERAND_F32, 2, NULL);
    graph_forward(graph, l.params, 0, &l.batch, NULL, NULL);
    graph_ranges(graph, ranges);
    assert_true(ranges[1] == 0); // inference leaves them
    graph_train(graph, l.params, 0, &l.batch, l.grads, NULL);
    graph_ranges(graph, ranges);
    assert_close(ranges[0], (1 - 0.406) / 0.225, 1e-6);
    assert_true(ranges[2] == ranges[1]); // the pool's are its input's
    for (size_t i = 1; i + 1 < l.net->n; i++)
        assert_true(ranges[i] > 0.5 && ranges[i] < 20);
    for (int64_t k = 0; k < l.net->layers[1].out_c; k++)
        l.params->layers[1].gamma[k] /= 4;
    graph_train(graph, l.params, 1, &l.batch, l.grads, NULL);
    graph_ranges(graph, later);
    assert_true(later[1] == ranges[1]); // smaller values do not narrow them
    graph_destroy(graph);
    lesson_free(&l);
}

static void expect_no_graph(const char *head, const struct perturb *perturb, const char *part)
{
    struct err err = {0};
    struct graph *graph = NULL;
    struct lesson l = lesson_make(head, CHAIN);
    const struct graph_options options = {
        &backend_reference, OPERAND_F32, LESSON_IMAGES, 3, 2, perturb, false};
    assert_false(graph_create(l.net, &options, &graph, &err));
    if (!strstr(err.text, part))
        fail_msg("'%s' has no '%s'", err.text, part);
    lesson_free(&l);
}

static void test_signs_that_cannot_be_trained(void **state)
{
    (void)state;
    static const struct perturb none = {0};
    expect_no_graph(IMAGE "default_form: binary\nactivations: plus_minus_one\npad_value: plus_one",
                    NULL, "training pads layer 'conv1' with zeros");
    expect_no_graph(IMAGE "default_form: binary\nactivations: plus_minus_one", &none,
                    "training with perturb supports activations of 0 and 1 only");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_straight_through),
        cmocka_unit_test(test_scaled_signs),
        cmocka_unit_test(test_inference_is_that_of_nets),
        cmocka_unit_test(test_inference_is_the_integer_net),
        cmocka_unit_test(test_ranges_are_found),
        cmocka_unit_test(test_signs_that_cannot_be_trained),
        cmocka_unit_test(test_joined_maps_have_one_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
