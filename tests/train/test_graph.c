// A batch forward and backward in floating point, against a step written out in double and against
// differences of its loss.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/close.h"
#include "tests/train/plain.h"
#include "tests/support/windows.h"
#include "tests/train/support.h"

static const char head[] =
    "input: {channels: 3, height: 9, width: 9, bits: 8, normalise: imagenet}\n"
    "classes: 5\nlevels: 4\ndefault_form: float";
static const char head8[] =
    "input: {channels: 2, height: 8, width: 8, bits: 8}\nclasses: 5\ndefault_form: float";

static struct plain_step plain_of(const struct lesson *l)
{
    return (struct plain_step){.net = l->net,
                               .params = l->params,
                               .n = l->batch.n,
                               .images = l->images,
                               .targets = l->targets};
}

// The loss by the written-out step, at weights shifted one way and the other.
static double difference(const struct lesson *l, float *at)
{
    const struct plain_step step = plain_of(l);
    float old = *at;
    *at = old + 1e-5F;
    double above = (double)*at, loss = plain_run(&step, NULL, NULL);
    *at = old - 1e-5F;
    double below = (double)*at;
    loss = (loss - plain_run(&step, NULL, NULL)) / (above - below);
    *at = old;
    return loss;
}

static void check_differences(const struct lesson *l)
{
    for (size_t i = 1; i < l->net->n; i++)
        for (int part = 0; part < 4; part++) { // no gradients of statistics
            size_t n;
            float *at = lesson_part(l->net, l->params, i, part, &n);
            const float *got = lesson_part(l->net, l->grads, i, part, &n);
            double most = 1e-3;
            for (size_t k = 0; at && k < n; k++)
                most = fmax(most, fabs((double)got[k]));
            for (size_t k = 0; at && k < n; k += n / 8 + 1) {
                double want = difference(l, at + k);
                if (!(fabs((double)got[k] - want) <= 1e-3 * most))
                    fail_msg("%s %s[%zu] is %g, differences say %g (largest %g)",
                             l->net->layers[i].name, lesson_part_names[part], k, (double)got[k],
                             want, most);
            }
        }
}

static void check(const char *top, const char *layers)
{
    struct lesson l = lesson_make(top, layers);
    l.batch.images = l.images;
    struct weights *want = weights_create(l.net);
    struct graph *graph = lesson_graph(&l, &backend_reference, OPERAND_F32, 2, NULL);
    const struct plain_step step = plain_of(&l);
    float logits[LESSON_IMAGES * 5];
    double plain_logits[LESSON_IMAGES * 5];
    for (int again = 0; again < 2; again++) { // nothing may be left of the first time
        double loss = graph_train(graph, l.params, 0, &l.batch, l.grads, logits);
        assert_close(loss, plain_run(&step, want, plain_logits), 1e-5);
    }
    double most = 0; // unnormalised streams make logits of hundreds
    for (int i = 0; i < LESSON_IMAGES * 5; i++)
        most = fmax(most, fabs(plain_logits[i]));
    for (int i = 0; i < LESSON_IMAGES * 5; i++)
        assert_true(fabs((double)logits[i] - plain_logits[i]) < 1e-4 * fmax(1, most / 100));
    assert_weights_close(l.net, l.grads, want, 1e-4);
    check_differences(&l);
    graph_destroy(graph);
    weights_destroy(want);
    lesson_free(&l);
}

static void test_convolutions(void **state)
{
    (void)state;
    check(head, "  - {name: conv1, kind: conv, out: 7, kernel: 3, pad: 1}\n"
                "  - {name: conv2, kind: conv, out: 6, kernel: 3, stride: 2, pad: 1}\n"
                "  - {name: conv3, kind: conv, out: 8, kernel: 1, groups: 2}\n"
                "  - {name: conv4, kind: conv, out: 4, kernel: [3, 1], bn: false}\n"
                "  - {name: fc, kind: linear, out: 5}\n");
}

static void test_pools(void **state)
{
    (void)state;
    check(head, "  - {name: conv1, kind: conv, out: 6, kernel: 3, pad: 1}\n"
                "  - {name: pool1, kind: pool, kernel: 3, stride: 2, pad: 1}\n"
                "  - {name: conv2, kind: conv, out: 9, kernel: 3, pad: 1}\n"
                "  - {name: pool2, kind: pool, kernel: 2, stride: 2, pool: average, pad: 1}\n"
                "  - {name: fc1, kind: linear, out: 11, bn: true}\n"
                "  - {name: fc2, kind: linear, out: 5}\n");
}

// Windows by chance, then pools of every kind whose windows hang over the edges.
static void test_windows_of_any_shape(void **state)
{
    (void)state;
    static const char *const pools[] = {"", "pool: average, ", "pool: average, count_pad: true, "};
    uint32_t x = 1;
    for (int i = 0; i < 24; i++) {
        char top[200], layers[700];
        struct window_spec w = windows_random(&x, false);
        snprintf(top, sizeof top,
                 "input: {channels: %d, height: %d, width: %d, bits: 8}\nclasses: 5\n"
                 "default_form: float",
                 w.in_c, w.in_h, w.in_w);
        snprintf(layers, sizeof layers,
                 "  - {name: conv1, kind: conv, %s}\n"
                 "  - {name: pool1, kind: pool, %skernel: [2, 3], stride: [1, 2], pad: same}\n"
                 "  - {name: conv2, kind: conv, out: 6, kernel: [1, 2], pad: [0, 1, 2, 0],\n"
                 "     stride: [3, 1]}\n"
                 "  - {name: pool2, kind: pool, %skernel: 2, dilation: [1, 2], stride: 2,\n"
                 "     pad: [1, 2]}\n"
                 "  - {name: fc, kind: linear, out: 5}\n",
                 w.keys, pools[i % 3], pools[(i + 1) % 3]);
        check(top, layers);
    }
}

// Shortcuts whose step differs between rows and columns.
static void test_uneven_steps(void **state)
{
    (void)state;
    check(head8, "  - {name: conv1, kind: conv, out: 6, kernel: 3, pad: 1}\n"
                 "  - {name: a, kind: conv, out: 7, kernel: 3, stride: [2, 1], pad: same}\n"
                 "  - {name: b, kind: conv, out: 6, kernel: [2, 3], dilation: [2, 1], pad: same}\n"
                 "  - {name: add1, kind: add, shortcut: conv1}\n"
                 "  - {name: c, kind: conv, out: 4, kernel: 1, stride: [1, 4], bn: false}\n"
                 "  - {name: add2, kind: add, shortcut: add1}\n"
                 "  - {name: fc, kind: linear, out: 5}\n");
}

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

static void test_blocks(void **state)
{
    (void)state;
    static const char *const keys[] = {"add: after_bn\nshortcut_pad: both",
                                       "add: before_bn\nshortcut_pad: end",
                                       "add: before_bn\nshortcut_pad: both\nhead: flatten"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s\n%s", head8, keys[i]);
        check(text, BLOCKS);
    }
}

// Two products, and an add, of one map; an add of two convolutions, of which one has a bias and no
// batch-norm; of the image; of a map to itself.
static void test_several_readers(void **state)
{
    (void)state;
    check(head8, "  - {name: conv1, kind: conv, out: 6, kernel: 3, pad: 1}\n"
                 "  - {name: conv2, kind: conv, out: 6, kernel: 3, pad: 1, bn: false}\n"
                 "  - {name: side, kind: conv, from: conv1, out: 6, kernel: 1}\n"
                 "  - {name: add1, kind: add, from: conv2, shortcut: side}\n"
                 "  - {name: add2, kind: add, from: add1, shortcut: conv1}\n"
                 "  - {name: add3, kind: add, shortcut: input}\n"
                 "  - {name: add4, kind: add, shortcut: add3}\n"
                 "  - {name: avgpool, kind: head}\n"
                 "  - {name: fc, kind: linear, out: 5}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_windows_of_any_shape),
        cmocka_unit_test(test_uneven_steps),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_several_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
