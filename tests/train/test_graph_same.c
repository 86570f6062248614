// What must not matter does not: workers, the processor's level; what may matter a little does so
// only a little: the backend. And a net learns.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/train/elements.h"
#include "base/err.h"
#include "base/mem.h"
#include "tests/nets/support.h"
#include "tests/train/support.h"

enum { CLASSES = 5 };

static const char head[] = "input: {channels: 3, height: 8, width: 8, bits: 8}\nclasses: 5\n"
                           "default_form: binary";
static const char blocks[] =
    "  - {name: conv1, kind: conv, out: 16, kernel: 3, pad: 1}\n"
    "  - {name: layer1.0.conv1, kind: conv, out: 20, kernel: 3, pad: 1}\n"
    "  - {name: layer1.0.conv2, kind: conv, out: 16, kernel: 3, pad: 1}\n"
    "  - {name: layer1.0.add, kind: add, shortcut: conv1}\n"
    "  - {name: layer2.0.conv1, kind: conv, out: 32, kernel: 3, stride: 2, pad: 1}\n"
    "  - {name: layer2.0.conv2, kind: conv, out: 32, kernel: 3, pad: 1}\n"
    "  - {name: layer2.0.add, kind: add, shortcut: layer1.0.add}\n"
    "  - {name: avgpool, kind: head}\n"
    "  - {name: linear, kind: linear, out: 5}\n";

// Products that run in another order than they are listed: conv2 is done where its add stands,
// behind side. Their partial gradients are large, so that adding them up takes a while.
static const char reordered[] =
    "  - {name: conv1, kind: conv, out: 32, kernel: 3, pad: 1}\n"
    "  - {name: conv2, kind: conv, out: 48, kernel: 3, pad: 1, bn: false}\n"
    "  - {name: side, kind: conv, from: conv1, out: 48, kernel: 3, pad: 1}\n"
    "  - {name: add, kind: add, from: conv2, shortcut: side}\n"
    "  - {name: conv3, kind: conv, out: 32, kernel: 3, pad: 1}\n"
    "  - {name: linear, kind: linear, out: 5}\n";

static double train(struct lesson *l, const struct backend *backend, enum operand operand,
                    int workers, float *logits)
{
    l->batch.images = l->images;
    struct graph *graph = lesson_graph(l, backend, operand, workers, NULL);
    double loss = graph_train(graph, l->params, 0, &l->batch, l->grads, logits);
    graph_destroy(graph);
    return loss;
}

static void assert_same_bytes(const struct lesson *a, const struct lesson *b)
{
    for (size_t i = 1; i < a->net->n; i++)
        for (int k = 0; k < LESSON_PARTS; k++) {
            size_t n;
            const float *x = lesson_part(a->net, a->grads, i, k, &n);
            const float *y = lesson_part(b->net, b->grads, i, k, &n);
            if (x)
                assert_memory_equal(x, y, n * sizeof *x);
        }
}

static void test_workers_do_not_matter(void **state)
{
    (void)state;
    float logits[4][LESSON_IMAGES * CLASSES];
    for (size_t b = 0; backend_list()[b]; b++)
        for (int o = OPERAND_F32; o <= OPERAND_BF16; o++) {
            struct lesson one = lesson_make(head, blocks);
            double loss = train(&one, backend_list()[b], (enum operand)o, 1, logits[0]);
            for (int workers = 2; workers <= 4; workers++) {
                struct lesson more = lesson_make(head, blocks);
                assert_true(train(&more, backend_list()[b], (enum operand)o, workers,
                                  logits[workers - 1]) == loss);
                assert_memory_equal(logits[workers - 1], logits[0], sizeof logits[0]);
                assert_same_bytes(&one, &more);
                lesson_free(&more);
            }
            lesson_free(&one);
        }
}

// More workers than processors have some lag behind the others by a phase.
static void test_order_of_products(void **state)
{
    (void)state;
    struct lesson one = lesson_make(head, reordered), more = lesson_make(head, reordered);
    train(&one, &backend_reference, OPERAND_F32, 1, NULL);
    more.batch.images = more.images;
    struct graph *graph = lesson_graph(&more, &backend_reference, OPERAND_F32, 3, NULL);
    for (int again = 0; again < 10; again++) {
        graph_train(graph, more.params, 0, &more.batch, more.grads, NULL);
        assert_same_bytes(&one, &more);
    }
    graph_destroy(graph);
    lesson_free(&one);
    lesson_free(&more);
}

static void test_backends_agree(void **state)
{
    (void)state;
    struct lesson want = lesson_make(head, blocks);
    float logits[LESSON_IMAGES * CLASSES], others[LESSON_IMAGES * CLASSES];
    train(&want, &backend_reference, OPERAND_F32, 1, logits);
    for (size_t b = 0; backend_list()[b]; b++)
        for (int o = OPERAND_F32; o <= OPERAND_BF16; o++) {
            struct lesson got = lesson_make(head, blocks);
            train(&got, backend_list()[b], (enum operand)o, 2, others);
            // Sums of bits and signs are whole numbers and exact in both.
            assert_memory_equal(others, logits, sizeof logits);
            assert_weights_close(got.net, got.grads, want.grads, o == OPERAND_BF16 ? 0.03 : 1e-4);
            lesson_free(&got);
        }
    lesson_free(&want);
}

// --- Levels ---

enum { ROWS = 5, WIDTH = 37, MAP = ROWS * WIDTH };

struct numbers {
    float x[MAP], d[MAP], e[MAP], scale[WIDTH], shift[WIDTH], factors[3][WIDTH];
};

static void fill(struct numbers *to)
{
    float *at = (float *)to;
    uint32_t x = 3;
    for (size_t i = 0; i < sizeof *to / sizeof *at; i++) {
        x = x * 1664525 + 1013904223;
        at[i] = (float)(x >> 8) / 4194304 - 2;
    }
}

struct results {
    double moments[2][WIDTH], passed[3][2][WIDTH];
    float read[5][MAP], combined[6][MAP], pass[3][MAP], added[MAP], most;
    uint16_t halves[5][MAP], pass_halves[3][MAP], planes[MAP];
};

static void run_elements(const struct elements *e, const struct numbers *in, struct results *out)
{
    memset(out, 0, sizeof *out);
    e->moments(in->x, ROWS, WIDTH, out->moments[0], out->moments[1]);
    for (int kind = READ_PLAIN; kind <= READ_SIGN; kind++) {
        const struct reading r = {(enum reading_kind)kind, in->scale, in->shift, 2.5F, 7, 0.4F};
        e->read(&r, in->x, ROWS, WIDTH, OPERAND_F32, out->read[kind]);
        e->read(&r, in->x, ROWS, WIDTH, OPERAND_BF16, out->halves[kind]);
        memcpy(out->combined[kind], in->d, sizeof in->d);
        e->combine(in->factors[0], in->factors[1], &r, in->x, ROWS, WIDTH, out->combined[kind]);
    }
    memcpy(out->combined[5], in->d, sizeof in->d);
    e->combine(in->factors[0], in->factors[1], NULL, NULL, ROWS, WIDTH, out->combined[5]);
    for (int i = 0; i < 3; i++) {
        const struct passing p = {
            in->scale, in->shift, 0, 1, i == 1 ? NULL : in->d, i == 0 ? NULL : in->e};
        e->passed_moments(&p, in->x, ROWS, WIDTH, out->passed[i][0], out->passed[i][1]);
        e->pass(&p, in->x, in->factors[0], in->factors[1], in->factors[2], ROWS, WIDTH, OPERAND_F32,
                out->pass[i]);
        e->pass(&p, in->x, in->factors[0], in->factors[1], in->factors[2], ROWS, WIDTH,
                OPERAND_BF16, out->pass_halves[i]);
    }
    out->most = e->most(in->scale, in->shift, in->x, ROWS, WIDTH);
    e->add(in->x, MAP, out->added);
    uint16_t *tables = mem_alloc((size_t)2 * 256 * WIDTH, sizeof *tables);
    for (int i = 0; i < 2 * 256 * WIDTH; i++)
        tables[i] = (uint16_t)(i * 40503);
    e->encode((const uint8_t *)"\0\1\2\3\377\376\375\374\373\372", tables, 2, ROWS, WIDTH,
              OPERAND_BF16, out->planes);
    free(tables);
}

static void test_levels_do_not_matter(void **state)
{
    (void)state;
    struct numbers *in = mem_alloc(1, sizeof *in);
    struct results *want = mem_alloc(1, sizeof *want), *got = mem_alloc(1, sizeof *got);
    fill(in);
    run_elements(elements_for(CPU_SCALAR), in, want);
    for (int level = CPU_SCALAR; level < CPU_LEVELS; level++) {
        run_elements(elements_for(cpu_best((enum cpu_level)level)), in, got);
        assert_memory_equal(got, want, sizeof *got);
    }
    // And the scalar ones do what they say, at one element each.
    float v = in->scale[1] * in->x[WIDTH + 1] + in->shift[1];
    assert_true(want->read[READ_BIT][WIDTH + 1] == (v > 0.5F));
    assert_true(want->read[READ_SIGN][WIDTH + 1] == (v >= 0 ? 1 : -1));
    assert_true(want->read[READ_STEPS][WIDTH + 1] == rintf(fminf(fmaxf(v * 2.5F, 0), 7)) * 0.4F);
    assert_int_equal(want->halves[READ_PLAIN][WIDTH + 1], bf16_of(v));
    float d = (v >= 0 && v <= 1 ? in->d[WIDTH + 1] : 0) + in->e[WIDTH + 1];
    assert_true(want->pass[2][WIDTH + 1] ==
                in->factors[0][1] * d + in->factors[1][1] * in->x[WIDTH + 1] + in->factors[2][1]);
    free(in);
    free(want);
    free(got);
}

// --- Learning ---

// Which of the four quarters of the image is bright.
static void test_a_net_learns(void **state)
{
    (void)state;
    enum { N = 64 };
    static const char text[] =
        "name: quarters\ninput: {channels: 1, height: 8, width: 8, bits: 8}\nclasses: 4\n"
        "levels: 8\ndefault_form: binary\nlayers:\n"
        "  - {name: conv1, kind: conv, out: 16, kernel: 3, stride: 2, pad: 1}\n"
        "  - {name: linear, kind: linear, out: 4}\n";
    struct err err = {0};
    struct net *net = text_net(text, &(struct net_options){0});
    struct weights *params = weights_create(net), *grads = weights_create(net);
    uint8_t pixels[N][64];
    const uint8_t *images[N];
    float targets[N][4] = {{0}}, logits[N][4];
    uint32_t x = 9;
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 64; k++) {
            x = x * 1664525 + 1013904223;
            bool bright = (k / 32 * 2 + k % 8 / 4) == i % 4;
            pixels[i][k] = (uint8_t)((x >> 25) + (bright ? 100 : 0));
        }
        targets[i][i % 4] = 1;
        images[i] = pixels[i];
    }
    for (size_t i = 1; i < net->n; i++)
        for (int64_t k = 0; k < net->layers[i].weights; k++) {
            x = x * 1664525 + 1013904223;
            params->layers[i].w[k] = (float)(x >> 8) / 83886080 - 0.1F;
        }
    const struct graph_options options = {&backend_reference, OPERAND_F32, N, 16, 2, NULL};
    struct graph *graph;
    if (!graph_create(net, &options, &graph, &err))
        fail_msg("%s", err.text);
    const struct graph_batch batch = {N, images, targets[0]};
    double first = 0, loss = 0;
    for (int step = 0; step < 60; step++) {
        loss = graph_train(graph, params, (uint64_t)step, &batch, grads, NULL);
        first = step ? first : loss;
        for (size_t i = 1; i < net->n; i++)
            for (int part = 0; part < 4; part++) {
                size_t n;
                float *to = lesson_part(net, params, i, part, &n);
                const float *by = lesson_part(net, grads, i, part, &n);
                for (size_t k = 0; to && k < n; k++)
                    to[k] -= 0.05F * by[k];
            }
    }
    assert_true(loss < 0.2 * first);
    // The last batch's statistics serve as running ones.
    graph_forward(graph, params, 0, &batch, params, logits[0]);
    graph_forward(graph, params, 0, &batch, NULL, logits[0]);
    int right = 0;
    for (int i = 0; i < N; i++) {
        int best = 0;
        for (int c = 1; c < 4; c++)
            best = logits[i][c] > logits[i][best] ? c : best;
        right += best == i % 4;
    }
    assert_true(right >= N - 3);
    graph_destroy(graph);
    weights_destroy(params);
    weights_destroy(grads);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers_do_not_matter), cmocka_unit_test(test_order_of_products),
        cmocka_unit_test(test_backends_agree),        cmocka_unit_test(test_levels_do_not_matter),
        cmocka_unit_test(test_a_net_learns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
