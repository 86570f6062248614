// Do sub-nets have the parameters that they share by definition, and are their widths drawn as
// said?
#include "tests/close.h"

#include <stdlib.h>
#include <string.h>

#include "nets/train/slim.h"
#include "nets/train/slim_draw.h"
#include "base/err.h"
#include "base/mem.h"
#include "tests/nets/support.h"
#include "tests/train/support.h"

#define HEAD                                                                                       \
    "name: shared\n"                                                                               \
    "input: {channels: 2, height: 8, width: 9, bits: 8}\n"                                         \
    "classes: 3\n"

// A map of 4 x 5 pixels before the first linear layer; a shortcut that pads at the end.
#define RESIDUAL                                                                                   \
    "layers:\n"                                                                                    \
    "  - {name: conv1, kind: conv, out: 7, kernel: 3, pad: 1, stride: 2}\n"                        \
    "  - {name: conv2, kind: conv, out: 9, kernel: 3, pad: 1}\n"                                   \
    "  - {name: add2, kind: add, shortcut: conv1}\n"                                               \
    "  - {name: fc1, kind: linear, out: 11}\n"                                                     \
    "  - {name: fc2, kind: linear, out: 3}\n"

static const char residual[] = "shortcut_pad: end\n" RESIDUAL;
static const char both[] = "shortcut_pad: both\n" RESIDUAL;

static struct net *load(const char *form, const char *more, const int *widths, size_t n)
{
    char text[2048];
    snprintf(text, sizeof text, "%sdefault_form: %s\n%s", HEAD, form, more);
    return text_net(text, &(struct net_options){.widths = widths, .n_widths = widths ? n : 0});
}

static void fill(const struct net *net, const struct weights *w, double first)
{
    for (size_t i = 1; i < net->n; i++)
        for (int part = 0; part < LESSON_PARTS; part++) {
            size_t n;
            float *to = lesson_part(net, w, i, part, &n);
            for (size_t k = 0; to && k < n; k++)
                to[k] = (float)(first += 1);
        }
}

// Where parameter k of a narrow layer's weights stands in the wide one's, from its four indices.
static size_t place(const struct layer *wide, const struct layer *narrow, size_t k)
{
    size_t taps = (size_t)narrow->kernel_h * narrow->kernel_w;
    size_t each = (size_t)narrow->weights / (size_t)narrow->out_c / taps; // inputs
    size_t tap = k % taps, in = k / taps % each, out = k / taps / each;
    size_t all = (size_t)wide->weights / (size_t)wide->out_c / taps;
    return (out * all + in) * taps + tap;
}

static void gathers_the_first_channels(void **state)
{
    (void)state;
    const int widths[] = {3, 4, 5};
    struct net *wide = load("float", residual, NULL, 0),
               *narrow = load("float", residual, widths, 3);
    struct weights *from = weights_create(wide), *to = weights_create(narrow);
    struct err err = {0};
    assert_true(slim_check(wide, &err));
    assert_true(slim_fits(wide, narrow, &err));
    fill(wide, from, 0);
    from->layers[1].bn_eps = 0.5;
    slim_gather(wide, from, narrow, to);
    assert_true(to->layers[1].bn_eps == 0.5);
    for (size_t i = 1; i < wide->n; i++)
        for (int part = 0; part < LESSON_PARTS; part++) {
            size_t n, all;
            const float *got = lesson_part(narrow, to, i, part, &n);
            const float *want = lesson_part(wide, from, i, part, &all);
            assert_true(!got == !want);
            for (size_t k = 0; got && k < n; k++)
                if (part >= 4) // mean 0 and var 1, as they were
                    assert_true(got[k] == (part == 4 ? 0.0F : 1.0F));
                else
                    assert_true(got[k] ==
                                want[part ? k : place(&wide->layers[i], &narrow->layers[i], k)]);
        }
    weights_destroy(from);
    weights_destroy(to);
    net_destroy(wide);
    net_destroy(narrow);
}

// fc1 reads 9 channels of 4 x 5 pixels, in the sub-net 4 of them: feature channel * 20 + pixel.
static void takes_whole_channels_behind_a_map(void **state)
{
    (void)state;
    const int widths[] = {3, 4, 5};
    struct net *wide = load("float", residual, NULL, 0),
               *narrow = load("float", residual, widths, 3);
    struct weights *from = weights_create(wide), *to = weights_create(narrow);
    assert_int_equal(wide->layers[4].in_c, 9 * 20);
    for (int o = 0; o < 11; o++)
        for (int c = 0; c < 9; c++)
            for (int p = 0; p < 20; p++)
                from->layers[4].w[(o * 9 + c) * 20 + p] = (float)(1000 * o + 100 * c + p);
    slim_gather(wide, from, narrow, to);
    for (int o = 0; o < 5; o++)
        for (int c = 0; c < 4; c++)
            for (int p = 0; p < 20; p++)
                assert_true(to->layers[4].w[(o * 4 + c) * 20 + p] ==
                            (float)(1000 * o + 100 * c + p));
    weights_destroy(from);
    weights_destroy(to);
    net_destroy(wide);
    net_destroy(narrow);
}

// The transpose of gathering: <add(g), w> = <g, gather(w)> on all learned parameters.
static void adds_where_it_gathered(void **state)
{
    (void)state;
    const int widths[] = {5, 2, 8};
    struct net *wide = load("binary", residual, NULL, 0),
               *narrow = load("binary", residual, widths, 3);
    struct weights *w = weights_create(wide), *sums = weights_create(wide),
                   *part = weights_create(narrow), *g = weights_create(narrow);
    double wide_product = 0, narrow_product = 0;
    fill(wide, w, 0);
    fill(narrow, g, 5);
    for (size_t i = 1; i < wide->n; i++) // where batch-norm stands, gamma is 1 from the beginning
        for (int c = 0; sums->layers[i].gamma && c < wide->layers[i].out_c; c++)
            sums->layers[i].gamma[c] = 0;
    slim_gather(wide, w, narrow, part);
    for (int twice = 0; twice < 2; twice++)
        slim_add(narrow, g, wide, sums);
    for (size_t i = 1; i < wide->n; i++)
        for (int p = 0; p < 4; p++) {
            size_t n;
            const float *a = lesson_part(wide, w, i, p, &n), *b = lesson_part(wide, sums, i, p, &n);
            for (size_t k = 0; a && k < n; k++)
                wide_product += (double)a[k] * (double)b[k];
            a = lesson_part(narrow, part, i, p, &n);
            b = lesson_part(narrow, g, i, p, &n);
            for (size_t k = 0; a && k < n; k++)
                narrow_product += (double)a[k] * (double)b[k];
        }
    assert_true(narrow_product > 0);
    assert_close(wide_product, 2 * narrow_product, 1e-12);
    weights_destroy(w);
    weights_destroy(sums);
    weights_destroy(part);
    weights_destroy(g);
    net_destroy(wide);
    net_destroy(narrow);
}

static void refuses(bool ok, const struct err *err, const char *sentence)
{
    assert_false(ok);
    if (!strstr(err->text, sentence))
        fail_msg("'%s' does not say '%s'", err->text, sentence);
}

static void refuses_what_cannot_be_shared(void **state)
{
    (void)state;
    static const char grouped[] = "layers:\n"
                                  "  - {name: conv1, kind: conv, out: 4, kernel: 3, groups: 2}\n"
                                  "  - {name: fc, kind: linear, out: 3}\n";
    const int widths[] = {7, 9, 12};
    struct err e[5] = {0};
    struct net *nets[] = {load("float", grouped, NULL, 0), load("float", both, NULL, 0),
                          load("float", residual, NULL, 0), load("binary", residual, NULL, 0),
                          load("float", residual, widths, 3)};
    refuses(slim_check(nets[0], &e[0]), &e[0], "'conv1' has 2 groups");
    refuses(slim_check(nets[1], &e[1]), &e[1], "requires shortcut_pad: end");
    refuses(slim_fits(nets[2], nets[3], &e[2]), &e[2], "is not 'shared' (float) at other widths");
    refuses(slim_fits(nets[2], nets[0], &e[3]), &e[3], "is not 'shared' (float) at other widths");
    refuses(slim_fits(nets[2], nets[4], &e[4]), &e[4], "'fc1' of the sub-net has 12 outputs");
    for (size_t i = 0; i < 5; i++)
        net_destroy(nets[i]);
}

// --- Widths by chance ---

enum { SUB_NETS = 5, TURNS = 400 };

static void drawn(int sample, int least_seen[3], int most_seen[3], bool candidate)
{
    static const int low[] = {6, 8, 10}, high[] = {28, 36, 44}, wanted[] = {8, 8, 20};
    const struct slim_plan plan = {
        .least = 1, .most = 4, .step = 2, .sample = sample, .sub_nets = SUB_NETS};
    struct slim_space space;
    struct err err = {0};
    struct arena *mem = arena_create();
    struct net *wide = load("float", residual, high, 3);
    if (!slim_space(&plan, wide, mem, &space, &err))
        fail_msg("%s", err.text);
    assert_int_equal(space.n, 3);
    for (int i = 0; i < 3; i++) {
        least_seen[i] = high[i];
        most_seen[i] = low[i];
    }
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        int w[SUB_NETS][3];
        slim_draw(&space, &plan, 9, turn, candidate ? wanted : NULL, w[0]);
        for (int k = 0; k < SUB_NETS; k++)
            for (int i = 0; i < 3; i++) {
                assert_in_range(w[k][i], low[i], high[i]);
                assert_int_equal(w[k][i] % 2, 0);
                if (k < 2)
                    continue;
                least_seen[i] = w[k][i] < least_seen[i] ? w[k][i] : least_seen[i];
                most_seen[i] = w[k][i] > most_seen[i] ? w[k][i] : most_seen[i];
            }
        if (sample == SLIM_SANDWICH)
            assert_memory_equal(w[1], space.low, sizeof w[1]);
        if (sample == SLIM_SANDWICH || (sample == SLIM_HAWIS && !candidate))
            assert_memory_equal(w[0], high, sizeof w[0]);
        if (sample == SLIM_HAWIS && candidate)
            assert_memory_equal(w[0], wanted, sizeof w[0]);
        for (int k = 3; k < SUB_NETS && sample == SLIM_HAWIS; k++) // a quarter, and rounding
            for (int i = 0; i < 3; i++)
                assert_true(w[k][i] <= 1.25 * w[k - 1][i] + 1 && w[k][i] >= w[k - 1][i] / 1.25 - 1);
        for (int k = sample == SLIM_HAWIS; k < SUB_NETS; k++) // widths of one ratio
            if (sample == SLIM_UNIFORM || (sample == SLIM_HAWIS && k == 1))
                assert_true(fabs(w[k][0] / 7.0 - w[k][1] / 9.0) <= 1 / 7.0 + 1 / 9.0);
    }
    // 7, 9 and 11 channels at ratio 1, to even numbers, halves away from 0 as round() has it.
    assert_int_equal(space.low[0], 8);
    assert_int_equal(space.low[1], 10);
    assert_int_equal(space.low[2], 12);
    net_destroy(wide);
    arena_destroy(mem);
}

static void draws_over_the_whole_range(void **state)
{
    (void)state;
    const int samples[] = {SLIM_SANDWICH, SLIM_HAWIS, SLIM_UNIFORM};
    for (int s = 0; s < 3; s++) {
        int least[3], most[3];
        drawn(samples[s], least, most, false);
        for (int i = 0; i < 3; i++) {
            assert_in_range(least[i], 7 + 2 * i, 9 + 2 * i);
            assert_in_range(most[i], 26 + 8 * i, 28 + 8 * i);
        }
    }
}

static void takes_the_candidate(void **state)
{
    (void)state;
    int least[3], most[3];
    drawn(SLIM_HAWIS, least, most, true);
}

// log-uniform: half of the ratios between 1 and 4 are below 2. 1000 draws, five deviations.
static void draws_log_uniformly(void **state)
{
    (void)state;
    static const int high[] = {4000, 4000, 4000};
    const struct slim_plan plan = {
        .least = 1, .most = 4, .step = 1, .sample = SLIM_SANDWICH, .sub_nets = 3};
    struct slim_space space;
    struct err err = {0};
    struct arena *mem = arena_create();
    struct net *wide = load("float", residual, high, 3);
    int below[3] = {0}, equal = 0, w[9], again[9];
    assert_true(slim_space(&plan, wide, mem, &space, &err));
    for (uint64_t turn = 0; turn < 1000; turn++) {
        slim_draw(&space, &plan, 3, turn, NULL, w);
        slim_draw(&space, &plan, 3, turn, NULL, again);
        assert_memory_equal(w, again, sizeof w);
        for (int i = 0; i < 3; i++)
            below[i] += w[6 + i] < 2000;
        equal += w[6] == w[7];
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(below[i], 500 - 79, 500 + 79);
    assert_in_range(equal, 0, 20);
    net_destroy(wide);
    arena_destroy(mem);
}

static void refuses_ratios_that_do_not_fit(void **state)
{
    (void)state;
    struct slim_plan plan = {.least = 1, .most = 4, .step = 1};
    struct slim_space space;
    struct err a = {0}, b = {0};
    struct arena *mem = arena_create();
    struct net *wide = load("float", residual, NULL, 0); // at 1x
    refuses(slim_space(&plan, wide, mem, &space, &a), &a, "set width: 4x");
    plan.most = 0.5;
    refuses(slim_space(&plan, wide, mem, &space, &b), &b, "least 1 is above supernet.most 0.5");
    net_destroy(wide);
    arena_destroy(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gathers_the_first_channels),
        cmocka_unit_test(takes_whole_channels_behind_a_map),
        cmocka_unit_test(adds_where_it_gathered),
        cmocka_unit_test(refuses_what_cannot_be_shared),
        cmocka_unit_test(draws_over_the_whole_range),
        cmocka_unit_test(takes_the_candidate),
        cmocka_unit_test(draws_log_uniformly),
        cmocka_unit_test(refuses_ratios_that_do_not_fit),
    };
    return cmocka_run_group_tests_name("slim", tests, NULL, NULL);
}
