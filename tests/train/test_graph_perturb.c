// Training under perturbation: hooks see what they should, their changes act forward, and gradients
// go straight through. And what is refused.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "nets/perturb.h"
#include "base/err.h"
#include "tests/close.h"
#include "tests/nets/support.h"
#include "tests/train/support.h"

enum { CLASSES = 5 };

static const char binary[] = "input: {channels: 3, height: 8, width: 8, bits: 8}\nclasses: 5\n"
                             "levels: 4\ndefault_form: binary";
static const char integer[] = "input: {channels: 3, height: 8, width: 8, bits: 8}\nclasses: 5\n"
                              "default_form: int8";
static const char blocks[] =
    "  - {name: conv1, kind: conv, out: 6, kernel: 3, pad: 1}\n"
    "  - {name: layer1.0.conv1, kind: conv, out: 7, kernel: 3, stride: 2, pad: 1}\n"
    "  - {name: layer1.0.conv2, kind: conv, out: 6, kernel: 3, pad: 1}\n"
    "  - {name: layer1.0.add, kind: add, shortcut: conv1}\n"
    "  - {name: linear, kind: linear, out: 5}\n";

struct watched {
    const struct net *net;
    int rows; // of a read-out; 0: all
    int layers[8];
    atomic_size_t sums[8], calls[8], totals[8];
    float factor, offset, more; // what sums become, and all read-outs' together
    bool whole;                 // all weights and sums were whole numbers
    float drop;                 // weights of this sign become 0
};

static bool is_whole(const float *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i] != rintf(at[i]))
            return false;
    return true;
}

static void bend_weights(void *context, int layer, uint64_t step, float *w)
{
    struct watched *watched = context;
    assert_int_equal(step, 11);
    watched->layers[layer]++;
    watched->whole &= is_whole(w, 100);
    for (int i = 0; i < 100; i++)
        w[i] = w[i] * watched->drop > 0 ? 0 : w[i];
}

static int rows_of(const struct layer *l)
{
    return (int)(l->weights / l->out_c);
}

static int cut_rows(void *context, int layer, int *ends)
{
    const struct watched *watched = context;
    int rows = rows_of(&watched->net->layers[layer]), n = 0;
    for (int end = watched->rows; watched->rows && end < rows; end += watched->rows)
        ends[n++] = end;
    ends[n++] = rows;
    return watched->rows ? n : 0;
}

static void bend_sums(void *context, int layer, float *sums, size_t n)
{
    struct watched *watched = context;
    watched->sums[layer] += n;
    watched->calls[layer]++;
    watched->whole &= is_whole(sums, n);
    for (size_t i = 0; i < n; i++)
        sums[i] = sums[i] * watched->factor + watched->offset;
}

static void bend_totals(void *context, int layer, float *sums, size_t n)
{
    struct watched *watched = context;
    watched->totals[layer] += n;
    for (size_t i = 0; i < n; i++)
        sums[i] += watched->more;
}

static double train(struct lesson *l, struct watched *watched, float *logits)
{
    const struct perturb perturb = {watched, bend_weights, cut_rows, bend_sums, bend_totals};
    if (watched)
        watched->net = l->net;
    l->batch.images = l->images;
    struct graph *graph =
        lesson_graph(l, &backend_reference, OPERAND_F32, 1, watched ? &perturb : NULL);
    double loss = graph_train(graph, l->params, 11, &l->batch, l->grads, logits);
    graph_destroy(graph);
    return loss;
}

// Hooks that change nothing: whatever the pieces, the same sums, exact in whole numbers.
static void check_pieces(const char *head, int rows)
{
    float want[LESSON_IMAGES * CLASSES], got[LESSON_IMAGES * CLASSES];
    struct lesson a = lesson_make(head, blocks), b = lesson_make(head, blocks);
    struct watched watched = {.rows = rows, .factor = 1, .whole = true};
    double loss = train(&a, NULL, want);
    assert_close(train(&b, &watched, got), loss, 1e-6);
    assert_memory_equal(got, want, sizeof want);
    assert_weights_close(b.net, b.grads, a.grads, 1e-6);
    for (size_t i = 1; i < a.net->n; i++) {
        const struct layer *l = &a.net->layers[i];
        if (!l->weights)
            continue;
        size_t pieces = rows ? (size_t)((rows_of(l) + rows - 1) / rows) : 1;
        size_t map = (size_t)l->out_c * l->out_h * l->out_w;
        assert_int_equal(watched.layers[i], 1);
        assert_int_equal(watched.calls[i], pieces * 3); // shards
        assert_int_equal(watched.sums[i], pieces * map * LESSON_IMAGES);
        assert_int_equal(watched.totals[i], map * LESSON_IMAGES);
    }
    assert_true(watched.whole || a.net->form != FORM_BINARY);
    lesson_free(&a);
    lesson_free(&b);
}

static void test_pieces_add_up(void **state)
{
    (void)state;
    static const int rows[] = {0, 7, 9, 14, 18, 40, 1000}; // whole channels of 9, and others
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_pieces(binary, rows[i]);
    check_pieces(integer, 0);
}

// Sums that all become 3, four rows at a time: logits are 3 a piece and 7, whatever was learnt.
static void test_sums_are_bent(void **state)
{
    (void)state;
    float want[LESSON_IMAGES * CLASSES], got[LESSON_IMAGES * CLASSES];
    struct lesson a = lesson_make(binary, blocks);
    struct watched none = {.rows = 4, .factor = 1}, bent = {.rows = 4, .offset = 3, .more = 7};
    train(&a, &none, want);
    train(&a, &bent, got);
    const struct layer *last = &a.net->layers[a.net->n - 1];
    float unit = 0;
    for (int64_t k = 0; k < last->weights; k++)
        unit += fabsf(a.params->layers[a.net->n - 1].w[k]) / (float)last->weights;
    int pieces = (last->in_c + 3) / 4;
    for (int i = 0; i < LESSON_IMAGES * CLASSES; i++)
        assert_close((double)got[i], (double)((3 * (float)pieces + 7) * unit), 1e-4);
    assert_memory_not_equal(got, want, sizeof want);
    lesson_free(&a);
}

// Weights that are lost on the way forward still learn.
static void test_weights_are_bent(void **state)
{
    (void)state;
    float want[LESSON_IMAGES * CLASSES], got[LESSON_IMAGES * CLASSES];
    struct lesson a = lesson_make(binary, blocks), b = lesson_make(binary, blocks);
    struct watched none = {.factor = 1}, bent = {.factor = 1, .drop = 1};
    train(&a, &none, want);
    train(&b, &bent, got);
    assert_memory_not_equal(got, want, sizeof want);
    const float *w = b.params->layers[1].w, *dw = b.grads->layers[1].w;
    int learning = 0;
    for (int i = 0; i < 100; i++)
        learning += w[i] > 0 && dw[i] != 0;
    assert_true(learning > 30);
    lesson_free(&a);
    lesson_free(&b);
}

static int halves(void *context, int layer, int *ends)
{
    (void)context;
    ends[0] = 9;
    ends[1] = layer == 2 ? 27 : 864;
    return layer == 2 ? 2 : 0;
}

static void refuse(const char *head, const char *layers, enum operand operand,
                   const struct perturb *perturb, const char *part)
{
    struct err err = {0};
    struct graph *graph = NULL;
    char text[2048];
    snprintf(text, sizeof text, "name: odd\n%s\nlayers:\n%s", head, layers);
    struct net *net = text_net(text, &(struct net_options){0});
    const struct graph_options options = {&backend_reference, operand, 4, 2, 1, perturb};
    assert_false(graph_create(net, &options, &graph, &err));
    if (!strstr(err.text, part))
        fail_msg("'%s' does not hold '%s'", err.text, part);
    net_destroy(net);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char pooled[] = "  - {name: conv1, kind: conv, out: 4, kernel: 3}\n"
                                 "  - {name: pool1, kind: pool, kernel: 2}\n"
                                 "  - {name: linear, kind: linear, out: 5}\n";
    static const char grouped[] = "  - {name: conv1, kind: conv, out: 6, kernel: 3}\n"
                                  "  - {name: conv2, kind: conv, out: 6, kernel: 3, groups: 2}\n"
                                  "  - {name: linear, kind: linear, out: 5}\n";
    char keep[256];
    snprintf(keep, sizeof keep, "%s\nmax_pool: keep", binary);
    refuse(keep, pooled, OPERAND_F32, NULL, "'pool1' would read bits");
    refuse("input: {channels: 3, height: 8, width: 8, bits: 8}\nclasses: 5\ndefault_form: int16",
           pooled, OPERAND_BF16, NULL, "choose the operand f32");
    refuse(integer,
           "  - {name: pool1, kind: pool, kernel: 2}\n"
           "  - {name: linear, kind: linear, out: 5}\n",
           OPERAND_F32, NULL, "'pool1' reads the image");
    refuse(binary, "  - {name: conv1, kind: conv, out: 5, kernel: 3}\n", OPERAND_F32, NULL,
           "leaves 5 x 6 x 6 values");
    const struct perturb perturb = {.readouts = halves};
    refuse(binary, grouped, OPERAND_F32, &perturb, "layers of one group only");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_add_up),
        cmocka_unit_test(test_sums_are_bent),
        cmocka_unit_test(test_weights_are_bent),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
