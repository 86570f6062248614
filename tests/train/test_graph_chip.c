// A net that trains on a chip: one that is whole changes nothing, and threads never matter.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "nets/perturb.h"
#include "base/err.h"
#include "sim/crossbar/fault.h"
#include "sim/crossbar/perturb.h"
#include "sim/map/map.h"
#include "tests/support/setup.h"
#include "tests/train/support.h"

enum { CLASSES = 5 };

static const char head[] = "input: {channels: 3, height: 8, width: 8, bits: 8}\nclasses: 5\n"
                           "levels: 16\ndefault_form: binary";
static const char head8[] = "input: {channels: 3, height: 8, width: 8, bits: 8}\nclasses: 5\n"
                            "default_form: int8";
static const char blocks[] = "  - {name: conv1, kind: conv, out: 16, kernel: 3, pad: 1}\n"
                             "  - {name: layer1.0.conv1, kind: conv, out: 40, kernel: 3, pad: 1}\n"
                             "  - {name: layer1.0.conv2, kind: conv, out: 16, kernel: 3, pad: 1}\n"
                             "  - {name: layer1.0.add, kind: add, shortcut: conv1}\n"
                             "  - {name: linear, kind: linear, out: 5}\n";

struct felt {
    const char *adc; // of the chip
    struct defect_params defects;
    struct perturb_params params;
};

// A step; on no chip where `felt` is NULL.
static double train(struct lesson *l, const struct felt *felt, int workers, float *logits)
{
    const char *const sets[] = {felt ? felt->adc : NULL, NULL};
    struct setup chip = setup_make("hawis", "lenet5", NULL, NULL, sets);
    struct err err = {0};
    struct mapping *map = NULL;
    struct perturbation *p = NULL;
    assert_true(map_net(l->net, chip.chip, 1, &map, &err));
    if (felt) {
        const struct chip_sample sample = {felt->defects, 3, 0};
        p = perturb_create(map, &sample, &felt->params, CPU_AVX512, &err);
        if (!p)
            fail_msg("%s", err.text);
        perturb_redraw(p, 1);
    }
    l->batch.images = l->images;
    struct graph *graph =
        lesson_graph(l, &backend_reference, OPERAND_F32, workers, p ? perturb_hooks(p) : NULL);
    double loss = graph_train(graph, l->params, 4, &l->batch, l->grads, logits);
    graph_destroy(graph);
    perturb_destroy(p);
    map_destroy(map);
    setup_free(&chip);
    return loss;
}

static void expect(const char *top, const struct felt *a, int a_workers, const struct felt *b,
                   int b_workers, bool same)
{
    struct lesson one = lesson_make(top, blocks), two = lesson_make(top, blocks);
    float logits[2][LESSON_IMAGES * CLASSES];
    double loss = train(&one, a, a_workers, logits[0]);
    assert_int_equal(train(&two, b, b_workers, logits[1]) == loss, same);
    assert_int_equal(memcmp(logits[0], logits[1], sizeof logits[0]) == 0, same);
    for (size_t i = 1; i < one.net->n && same; i++)
        for (int k = 0; k < LESSON_PARTS; k++) {
            size_t n;
            const float *x = lesson_part(one.net, one.grads, i, k, &n);
            const float *y = lesson_part(two.net, two.grads, i, k, &n);
            if (x)
                assert_memory_equal(x, y, n * sizeof *x);
        }
    lesson_free(&one);
    lesson_free(&two);
}

#define ADC(bits)                                                                                  \
    "adc={preset: none, bits: " bits ", time: 1 ns, energy: 1 pJ, area: 1 um2, count: 128}"

static void test_whole_chips_change_nothing(void **state)
{
    (void)state;
    // 20 bits: nothing is read out in parts. 8: all is, and codes hold every sum but +128.
    const struct felt wide = {ADC("20"), {0}, {true, true, true}};
    const struct felt parts = {ADC("8"), {0}, {true, true, true}};
    const struct felt asleep = {ADC("20"), {.stuck_lrs = 0.1, .sigma = 0.2}, {.adc = true}};
    expect(head, NULL, 1, &wide, 1, true);
    expect(head, NULL, 1, &parts, 2, true);
    expect(head, NULL, 1, &asleep, 1, true);
    expect(head8, NULL, 1, &wide, 2, true);
}

static void test_each_kind_is_felt(void **state)
{
    (void)state;
    const struct defect_params broken = {.stuck_lrs = 0.1, .sigma = 0.2};
    const struct felt stuck = {ADC("20"), broken, {.stuck = true}};
    const struct felt varied = {ADC("20"), broken, {.variation = true}};
    const struct felt coarse = {ADC("4"), broken, {.adc = true}};
    expect(head, NULL, 1, &stuck, 1, false);
    expect(head, NULL, 1, &varied, 1, false);
    expect(head, NULL, 1, &coarse, 1, false);
    expect(head, &stuck, 1, &varied, 1, false);
    expect(head8, NULL, 1, &stuck, 1, false);
}

static void test_threads_do_not_matter(void **state)
{
    (void)state;
    const struct felt all = {ADC("5"), {.stuck_lrs = 0.1, .sigma = 0.2}, {true, true, true}};
    expect(head, &all, 1, &all, 2, true);
    expect(head, &all, 1, &all, 3, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_chips_change_nothing),
        cmocka_unit_test(test_each_kind_is_felt),
        cmocka_unit_test(test_threads_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
