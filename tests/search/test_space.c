// What vectors of decisions mean: Equations 7 and 8 of HAWIS, bounds, steps that fill crossbars;
// states of Equation 6; rewards.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/rng.h"
#include "sim/chip/chip.h"
#include "base/conf/conf.h"
#include "tests/close.h"
#include "tests/support/setup.h"
#include "tools/search/formula.h"
#include "tools/search/reward.h"
#include "tools/search/space.h"

enum { LAYERS = 19 };

struct fixture {
    struct setup s;
    struct conf *conf;
    struct space *space;
};

static struct fixture make(const char *text)
{
    struct fixture f = {.s = setup_make("hawis", "resnet20", "binary", NULL, NULL)};
    struct space_params params = {0};
    struct err err = {0};
    f.conf = conf_parse("space", text, strlen(text), &err);
    if (!f.conf || !conf_bind(f.conf, f.conf->root, space_fields, &params, &err) ||
        !space_create(&params, f.conf->root, f.s.net, f.s.chip, &f.space, &err))
        fail_msg("%s", err.text);
    return f;
}

static void drop(struct fixture *f)
{
    space_destroy(f->space);
    conf_close(f->conf);
    setup_free(&f->s);
}

static void equations_7_and_8(void **state)
{
    (void)state;
    struct fixture f = make("{least: 1, most: 5, step: 4}");
    static const int bases[LAYERS] = {16, 16, 16, 16, 16, 16, 16, 32, 32, 32,
                                      32, 32, 32, 64, 64, 64, 64, 64, 64};
    double x[LAYERS];
    int widths[LAYERS];
    assert_int_equal(f.space->n, LAYERS);
    for (int tenth = 0; tenth <= 10; tenth++) {
        for (int k = 0; k < LAYERS; k++)
            x[k] = tenth / 10.0;
        space_decode(f.space, x, widths, NULL);
        for (int k = 0; k < LAYERS; k++) {
            double ratio = tenth / 10.0 * 4 + 1;
            assert_int_equal(widths[k], (int)round(bases[k] * ratio / 4) * 4);
        }
    }
    drop(&f);
}

static void bounds_hold(void **state)
{
    (void)state;
    // 16 * 2.56 = 40.96: the smallest multiple of 4 above is 44; 16 * 4.9 = 78.4: 76.
    struct fixture f = make("{least: 2.56, most: 4.9, step: 4, layers: [{layer: layer1.0.conv1, "
                            "most: 3}]}");
    double x[LAYERS] = {0};
    int widths[LAYERS];
    space_decode(f.space, x, widths, NULL);
    assert_int_equal(widths[0], 44);
    for (int k = 0; k < LAYERS; k++)
        x[k] = 7; // far outside
    space_decode(f.space, x, widths, NULL);
    assert_int_equal(widths[0], 76);
    assert_int_equal(widths[1], 48); // its own bound
    drop(&f);
}

static void steps_fill_crossbars(void **state)
{
    (void)state;
    struct fixture f = make("{least: 1, most: 5, fit: crossbar}");
    // A 3x3 layer holds floor(256 / 9) = 28 channels in 256 rows, as HAWIS's widths have it.
    for (int k = 0; k + 1 < LAYERS; k++)
        assert_int_equal(f.space->layers[k].step, 28);
    assert_int_equal(f.space->layers[0].low, 28);
    assert_int_equal(f.space->layers[0].high, 56); // below 80
    drop(&f);
}

static void vectors_and_widths_are_one(void **state)
{
    (void)state;
    struct fixture f =
        make("{least: 1.3, most: 5, step: 4, knobs: [{path: adc.bits, values: [4, 6, "
             "8]}]}");
    double x[LAYERS + 1], y[LAYERS + 1];
    int widths[LAYERS], again[LAYERS];
    size_t choice[1], choice_again[1];
    for (uint32_t i = 0; i < 2000; i++) {
        for (uint32_t k = 0; k <= LAYERS; k++) {
            uint32_t counter[4] = {i, k, 0, 0};
            x[k] = (double)(rng_counter(7, RNG_SYNTH, counter) >> 11) * 0x1p-53;
        }
        space_decode(f.space, x, widths, choice);
        space_encode(f.space, widths, choice, y);
        space_decode(f.space, y, again, choice_again);
        assert_memory_equal(widths, again, sizeof widths);
        assert_int_equal(choice[0], choice_again[0]);
        space_snap(f.space, x);
        assert_memory_equal(x, y, sizeof x);
    }
    drop(&f);
}

static void states_are_equation_6(void **state)
{
    (void)state;
    struct fixture f = make("{least: 1, most: 5, step: 4}");
    double x[LAYERS], s[AGENT_STATE];
    for (int k = 0; k < LAYERS; k++)
        x[k] = 0.25;
    space_state(f.space, x, 7, s); // layer2.0.conv1: 16 -> 32, stride 2, 16x16, after 3 blocks
    const double want[AGENT_STATE] = {7.0 / 18, 3.0 / 8, 16.0 / 96,    32.0 / 64, 1,
                                      1,        0,       256.0 / 1024, 0.25,      16.0 * 2 / 320.0};
    for (int i = 0; i < AGENT_STATE; i++)
        if (i != 6)
            assert_close(s[i], want[i], 1e-12);
    // Parameters: 9 * 16 * 32 and two of batch-norm per channel, over those of the largest layer.
    assert_close(s[6], (9.0 * 16 * 32 + 64) / (9.0 * 64 * 64 + 128), 1e-12);
    space_state(f.space, x, 0, s);
    assert_true(s[8] == 0 && s[9] == 0);
    drop(&f);
}

static struct reward_params params_of(const char *text)
{
    struct err err = {0};
    struct reward_params params = {0};
    struct conf *conf = conf_parse("reward", text, strlen(text), &err);
    if (!conf || !conf_bind(conf, conf->root, reward_fields, &params, &err))
        fail_msg("%s", err.text);
    conf_close(conf);
    return params;
}

static void equation_5(void **state)
{
    (void)state;
    struct reward_params p = params_of("{form: hawis, target: 0.92, lambda: 2}");
    struct cost base = {{50e-6, 1e-4, 1e-5}, 1}, cost = {{400e-6, 2e-4, 2e-5}, 1};
    // -(0.92 - 0.9) * log((400 / 2) / 50)
    assert_close(reward_judge(&p, &base, 0.9, &cost).reward, -0.02 * log(4), 1e-12);
    // Above the target more energy is no gain, below lambda more error is none.
    struct cost more = {{800e-6, 2e-4, 2e-5}, 1}, less = {{60e-6, 2e-4, 2e-5}, 1};
    assert_true(reward_judge(&p, &base, 0.95, &more).reward <
                reward_judge(&p, &base, 0.95, &cost).reward);
    assert_true(reward_judge(&p, &base, 0.7, &less).reward <
                reward_judge(&p, &base, 0.8, &less).reward);
}

static void other_rewards(void **state)
{
    (void)state;
    struct cost base = {{50e-6, 1e-4, 1e-5}, 1}, cost = {{400e-6, 2e-4, 2e-5}, 1};
    struct reward_params p = params_of("{form: limits, limits: {energy: 300 uJ}, penalty: 2}");
    struct judged j = reward_judge(&p, &base, 0.9, &cost);
    assert_close(j.violation, 1.0 / 3, 1e-12);
    assert_close(j.reward, 0.9 - 2.0 / 3, 1e-12);
    assert_close(j.objectives[0], 0.1, 1e-12);
    assert_close(j.objectives[1], 8, 1e-12);
    p = params_of("{form: weighted, weights: {energy: 0.01, latency: 0.02}}");
    assert_close(reward_judge(&p, &base, 0.9, &cost).reward, 0.9 - 0.01 * log(8) - 0.02 * log(2),
                 1e-12);
}

static void formula_passes_table_2(void **state)
{
    (void)state;
    static const double published[] = {0.8122, 0.8895, 0.9140, 0.9217, 0.9277, 0.9278};
    struct formula formula = {0};
    struct err err = {0};
    struct conf *conf = conf_parse("formula", "{}", 2, &err);
    assert_true(conf && conf_bind(conf, conf->root, formula_fields, &formula, &err));
    conf_close(conf);
    for (int r = 1; r <= 6; r++) {
        double ratios[LAYERS];
        for (int k = 0; k < LAYERS; k++)
            ratios[k] = r;
        double gap = formula_accuracy(&formula, ratios, LAYERS) - published[r - 1];
        assert_true(fabs(gap) < (r <= 2 ? 1e-4 : 0.0027));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equations_7_and_8),     cmocka_unit_test(bounds_hold),
        cmocka_unit_test(steps_fill_crossbars),  cmocka_unit_test(vectors_and_widths_are_one),
        cmocka_unit_test(states_are_equation_6), cmocka_unit_test(equation_5),
        cmocka_unit_test(other_rewards),         cmocka_unit_test(formula_passes_table_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
