// Activity of constructed images against counts by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "sim/crossbar/activity.h"
#include "sim/crossbar/evaluate.h"
#include "sim/crossbar/fault.h"
#include "tests/close.h"
#include "tests/support/setup.h"
#include "workloads/dataset.h"

enum { PIXELS = 3 * 4 * 4 };

// 3 channels of 8 levels are 24 planes; a 1x1 convolution has 24 rows, a 3x3 one 216.
static const char one[] =
    "{name: t, input: {channels: 3, height: 4, width: 4, bits: 8}, levels: 8,\n"
    "default_form: binary,\n"
    "layers: [{name: a, kind: conv, out: 2, kernel: 1}]}";
static const char three[] =
    "{name: t, input: {channels: 3, height: 4, width: 4, bits: 8}, levels: 8,\n"
    "default_form: binary,\n"
    "layers: [{name: a, kind: conv, out: 2, kernel: 3, pad: 1}]}";
static const char raw[] =
    "{name: t, input: {channels: 3, height: 4, width: 4, bits: 8, normalise: mnist},\n"
    "encoder: raw, layers: [{name: a, kind: conv, out: 2, kernel: 1}]}";

// Output 0 has weights of +1 alone; of output 1 every other row is -1.
static struct weights *simple_weights(const struct net *net)
{
    struct weights *w = weights_create(net);
    int64_t rows = net->layers[1].weights / 2;
    for (int64_t i = 0; i < rows; i++) {
        w->layers[1].w[i] = 1;
        w->layers[1].w[rows + i] = i % 2 ? -1 : 1;
    }
    return w;
}

static struct activity_shares measure(const char *text, const char *form, const uint8_t *image,
                                      const struct defect_params *defects, const char *const sets[])
{
    struct err err = {0};
    struct setup s = setup_text("hawis", text, form, sets);
    struct weights *weights = simple_weights(s.net);
    const double ranges[] = {1, 1};
    struct int_net *integer = int_net_create(s.net, weights, ranges, &err);
    if (!integer)
        fail_msg("%s", err.text);
    const int64_t met[] = {0, 24}; // for calibrated ADCs
    struct chip_sample sample = {.defects = *defects, .seed = 1, .ranges = met};
    struct dataset data = {
        .channels = 3, .height = 4, .width = 4, .classes = 2, .n = 1, .images = image};
    struct evaluation what = {s.net, weights, integer, NULL, NULL, &data};
    struct activity *activity = activity_create(s.map, integer, &sample);
    struct activity_count counts[2] = {{0}};
    activity_measure(activity, &what, 1, 0, 1, counts);
    struct activity_shares shares = activity_shares(activity, 1, &counts[1]);
    activity_destroy(activity);
    int_net_destroy(integer);
    weights_destroy(weights);
    setup_free(&s);
    return shares;
}

static const struct defect_params no_defects;

static void fill(uint8_t image[PIXELS], int red, int green, int blue)
{
    memset(image, red, PIXELS / 3);
    memset(image + PIXELS / 3, green, PIXELS / 3);
    memset(image + 2 * PIXELS / 3, blue, PIXELS / 3);
}

static void black_and_white(void **state)
{
    (void)state;
    uint8_t image[PIXELS];
    fill(image, 0, 0, 0);
    struct activity_shares s = measure(one, NULL, image, &no_defects, NULL);
    assert_true(s.params.inputs_on == 0 && s.nonzero == 0);
    assert_true(s.params.cells_lrs == 0.5); // one cell of each pair
    fill(image, 255, 255, 255);
    s = measure(one, NULL, image, &no_defects, NULL);
    assert_true(s.params.inputs_on == 1);
    assert_true(s.nonzero == 0.5); // 12 - 12 in column 1, 24 in column 0
    fill(image, 255, 0, 0);        // planes stand level by level, then channel by channel
    s = measure(one, NULL, image, &no_defects, NULL);
    assert_close(s.params.inputs_on, 1.0 / 3, 1e-12);
}

// 24 groups of one row and one output: in 24 x 24 pairs only those on the diagonal have a cell of
// low resistance, and every column finds its own input; in crossbars of their own every pair has
// one.
static void zeros_between_groups_conduct_nothing(void **state)
{
    (void)state;
    static const char depthwise[] =
        "{name: t, input: {channels: 3, height: 4, width: 4, bits: 8}, levels: 8,\n"
        "default_form: binary,\n"
        "layers: [{name: a, kind: conv, out: 24, kernel: 1, groups: 24}]}";
    uint8_t image[PIXELS];
    fill(image, 255, 255, 255);
    struct activity_shares s = measure(depthwise, NULL, image, &no_defects, NULL);
    assert_true(s.params.inputs_on == 1 && s.nonzero == 1);
    assert_close(s.params.cells_lrs, 24.0 / (2 * 24 * 24), 1e-12);
    static const char *const apart[] = {"mapping.groups=apart", NULL};
    s = measure(depthwise, NULL, image, &no_defects, apart);
    assert_true(s.params.inputs_on == 1 && s.nonzero == 1 && s.params.cells_lrs == 0.5);
}

// A window at the edge of a 4x4 map has 2 of 3 rows inside: (2 + 3 + 3 + 2)^2 of 12^2.
static void padding_is_off(void **state)
{
    (void)state;
    uint8_t image[PIXELS];
    fill(image, 255, 255, 255);
    struct activity_shares s = measure(three, NULL, image, &no_defects, NULL);
    assert_close(s.params.inputs_on, 100.0 / 144, 1e-12);
}

// An ADC of 2 bits has steps of 128 / 2; what reaches half of one, 32, is no 0. 24 rows cannot; of
// 216, which are driven as 128 and 88, column 0 does in both groups, at the corners too, and
// column 1 cancels.
static void groups_convert_apart(void **state)
{
    (void)state;
    uint8_t image[PIXELS];
    const char *const coarse[] = {
        "adc={preset: none, bits: 2, time: 1 ns, energy: 1 pJ, area: 1 um2}", NULL};
    fill(image, 255, 255, 255);
    struct activity_shares s = measure(one, NULL, image, &no_defects, coarse);
    assert_true(s.nonzero == 0);
    s = measure(three, NULL, image, &no_defects, coarse);
    assert_true(s.nonzero == 0.5);
}

// The largest sum met is 24, a code of 2 bits is worth 12, and column 0 has 24.
static void calibrated_codes_are_finer(void **state)
{
    (void)state;
    uint8_t image[PIXELS];
    const char *const coarse[] = {"adc={preset: none, bits: 2, time: 1 ns, energy: 1 pJ, area: 1 "
                                  "um2, range: calibrated}",
                                  NULL};
    fill(image, 255, 255, 255);
    struct activity_shares s = measure(one, NULL, image, &no_defects, coarse);
    assert_true(s.nonzero == 0.5);
}

// A pixel of 255 is 127, seven ones and a 0 for the sign.
static void digits_of_bit_cycles(void **state)
{
    (void)state;
    uint8_t image[PIXELS];
    fill(image, 255, 255, 255);
    struct activity_shares s = measure(raw, "int8", image, &no_defects, NULL);
    assert_close(s.params.inputs_on, 7.0 / 8, 1e-12);
    // A DAC of 8 bits drives 127 of 255 steps, with the square of that in power.
    const char *const dac[] = {"dac={bits: 8, time: 1 ns, energy: 1 fJ, area: 1 um2}", NULL};
    s = measure(raw, "int8", image, &no_defects, dac);
    assert_close(s.params.inputs_on, 127.0 * 127 / (255.0 * 255), 1e-12);
}

static void broken_cells_count_as_they_are(void **state)
{
    (void)state;
    uint8_t image[PIXELS];
    fill(image, 255, 255, 255);
    struct activity_shares s =
        measure(one, NULL, image, &(struct defect_params){.stuck_lrs = 1}, NULL);
    assert_true(s.params.cells_lrs == 1 && s.nonzero == 0);
    s = measure(one, NULL, image, &(struct defect_params){.stuck_hrs = 1}, NULL);
    assert_true(s.params.cells_lrs == 0 && s.nonzero == 0);
    s = measure(one, NULL, image, &(struct defect_params){.word_lines = 1}, NULL);
    assert_true(s.params.cells_lrs == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(black_and_white),
        cmocka_unit_test(padding_is_off),
        cmocka_unit_test(zeros_between_groups_conduct_nothing),
        cmocka_unit_test(groups_convert_apart),
        cmocka_unit_test(calibrated_codes_are_finer),
        cmocka_unit_test(digits_of_bit_cycles),
        cmocka_unit_test(broken_cells_count_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
