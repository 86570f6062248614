// Which groups share crossbars: counts by hand, the rule's limits, refusals.
#include "sim/map/groups.h"

#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"
#include "tests/close.h"
#include "tests/map/support.h"

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ADC(bits)                                                                                  \
    "adc={preset: none, bits: " bits ", time: 1 ns, energy: 1 pJ, area: 1 um2, count: 128}"

struct count {
    const char *chip, *sets[6];
    struct conv conv;
    int packed, arrays; // worked out by hand
};

static const struct conv depthwise = {
    .in = 32, .out = 32, .kernel = 3, .groups = 32, .form = "int8"};
static const struct conv binary = {.in = 32, .out = 32, .kernel = 3, .groups = 32};

static void expect_counts(const struct count *counts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct count *c = &counts[i];
        struct setup s = map_conv(c->chip, &c->conv, c->sets);
        if (s.map->layers[1].packed != c->packed || s.map->use.arrays != c->arrays)
            fail_msg("case %zu: %d groups share a crossbar instead of %d, %d arrays instead of %d",
                     i, s.map->layers[1].packed, c->packed, s.map->use.arrays, c->arrays);
        assert_int_equal(groups_packed(s.net, &s.net->layers[1], s.chip), c->packed);
        setup_free(&s);
    }
}

// 256 rows hold 28 kernels of 9 rows.
static void counts_by_hand(void **state)
{
    (void)state;
    const struct count counts[] = {
        // 28 + 4 groups, 8 slices of a weight, one array each
        {"hawis-q8", {NULL}, depthwise, 28, 2 * 8},
        {"hawis-q8", {"mapping.policy=dense"}, depthwise, 28, 2 * 8},
        {"hawis-q8", {"mapping.groups=packed"}, depthwise, 28, 2 * 8},
        {"hawis-q8", {"mapping.groups=apart"}, depthwise, 1, 32 * 8},
        // 64 groups: 28 + 28 + 8
        {"hawis-q8",
         {NULL},
         {.in = 64, .out = 64, .kernel = 3, .groups = 64, .form = "int8"},
         28,
         3 * 8},
        // pairs: 7 slices of the magnitude, two arrays each
        {"hawis", {NULL}, depthwise, 28, 2 * 7 * 2},
        {"hawis", {NULL}, binary, 28, 2 * 2},
        // 7 columns side by side: 36 outputs, so the rows decide
        {"hawis", {"crossbar.slices=columns"}, depthwise, 28, 2 * 2},
        // 24 of 7 columns: the columns decide, 3 outputs a crossbar
        {"hawis", {"crossbar.slices=columns", "crossbar.columns=24"}, depthwise, 3, 11 * 2},
        // the offset column comes on top
        {"hawis-q8", {"crossbar.polarity=offset_column"}, depthwise, 28, 2 * 8},
        // two inputs and five outputs a group: 18 rows, 14 groups; 4 of 4 fit
        {"hawis", {NULL}, {.in = 8, .out = 20, .kernel = 3, .groups = 4}, 4, 2},
        // 64 outputs a group: 4 groups fill the columns
        {"hawis", {NULL}, {.in = 8, .out = 512, .kernel = 1, .groups = 8}, 4, 2 * 2},
        // 300 rows of 1: 256 + 44
        {"hawis", {NULL}, {.in = 300, .out = 300, .kernel = 1, .groups = 300}, 256, 2 * 2},
        // 144 rows a group: a second one does not fit
        {"hawis", {NULL}, {.in = 32, .out = 32, .kernel = 3, .groups = 2}, 1, 2 * 2},
        {"hawis", {"mapping.groups=packed"}, {.in = 32, .out = 32, .kernel = 3, .groups = 2}, 1, 4},
        // 288 rows a group: two crossbars each
        {"hawis", {NULL}, {.in = 64, .out = 64, .kernel = 3, .groups = 2}, 1, 2 * 2 * 2},
        // one group is no grouped layer
        {"hawis", {NULL}, {.in = 8, .out = 8, .kernel = 3, .groups = 1}, 1, 2},
    };
    expect_counts(counts, sizeof counts / sizeof *counts);
}

// auto stops where the ADC would lose what it does not lose of a group alone.
static void adcs_limit_auto(void **state)
{
    (void)state;
    const struct count counts[] = {
        // single arrays, cells of one bit: 2^6 - 1 rows, 7 groups of 9
        {"hawis-q8", {ADC("6")}, depthwise, 7, 5 * 8},
        {"hawis-q8", {ADC("6"), "mapping.groups=packed"}, depthwise, 28, 2 * 8},
        // 2^7 - 1 are one less than the 128 driven at once: 14 groups
        {"hawis-q8", {ADC("7")}, depthwise, 14, 3 * 8},
        // 127 driven at once are not
        {"hawis-q8", {ADC("7"), "crossbar.rows_active=127"}, depthwise, 28, 2 * 8},
        // cells of two bits: 255 / 3 = 85 rows, 9 groups, four slices
        {"hawis-q8", {ADC("8"), "cell.bits=2"}, depthwise, 9, 4 * 4},
        // inputs of two bits as well: 255 / 9 = 28 rows, 3 groups
        {"hawis-q8",
         {ADC("8"), "cell.bits=2", "dac.preset=mnsim-2", "net.input.bits=2"},
         depthwise,
         3,
         44},
        // 3 bits lose something of 9 rows already
        {"hawis-q8", {ADC("3")}, depthwise, 1, 32 * 8},
        // pairs sum up 9 rows and no more: 5 bits with a sign hold 15
        {"hawis", {ADC("5")}, depthwise, 28, 2 * 7 * 2},
        // 4 bits hold 7: a group must be read in one conversion of 128 rows, so 14 of 9
        {"hawis", {ADC("4")}, depthwise, 14, 3 * 7 * 2},
        // without signs they hold 15
        {"hawis", {ADC("4"), "crossbar.subtract=after_adc"}, depthwise, 28, 2 * 7 * 2},
        // 8 rows at once never hold a group of 9
        {"hawis", {ADC("4"), "crossbar.rows_active=8"}, depthwise, 1, 32 * 7 * 2},
        {"hawis", {ADC("5"), "crossbar.rows_active=8"}, depthwise, 28, 2 * 7 * 2},
    };
    expect_counts(counts, sizeof counts / sizeof *counts);
}

// 20 groups of 2 inputs and 3 outputs, rows for 7: 7 + 7 + 6.
static void matrices_hold_consecutive_groups(void **state)
{
    (void)state;
    struct setup s =
        map_conv("hawis", &(struct conv){.in = 40, .out = 60, .kernel = 3, .groups = 20},
                 SETS("crossbar.rows=130"));
    const struct map_layer *m = &s.map->layers[1];
    assert_int_equal(m->packed, 7);
    assert_int_equal(m->matrices, 3);
    assert_int_equal(s.map->n_slices, 3);
    static const struct map_matrix want[] = {
        {.group = 0, .groups = 7, .rows = 126, .outs = 21, .chan0 = 0, .chans = 14, .out0 = 0},
        {.group = 7, .groups = 7, .rows = 126, .outs = 21, .chan0 = 14, .chans = 14, .out0 = 21},
        {.group = 14, .groups = 6, .rows = 108, .outs = 18, .chan0 = 28, .chans = 12, .out0 = 42},
    };
    for (int i = 0; i < 3; i++) {
        struct map_matrix got = map_matrix(s.map, 1, i);
        const struct slice *slice = &s.map->slices[i];
        assert_memory_equal(&got, &want[i], sizeof got);
        assert_int_equal(slice->group, got.group);
        assert_int_equal(slice->groups, got.groups);
        assert_int_equal(slice->row0, 0);
        assert_int_equal(slice->rows, got.rows);
        assert_int_equal(slice->chan0, got.chan0);
        assert_int_equal(slice->chans, got.chans);
        assert_int_equal(slice->out0, got.out0);
        assert_int_equal(slice->outs, got.outs);
        assert_int_equal(slice->columns, got.outs);
    }
    assert_int_equal(map_matrix_rows(s.map, 1), 126);
    assert_int_equal(map_matrix_rows(s.map, 0), 0);
    setup_free(&s);
}

// Zeros between groups are programmed, but hold no weights: of 8 x 4 single cells a quarter and the
// 8 cells of the offset column.
static void zeros_are_not_use(void **state)
{
    (void)state;
    struct setup s = map_conv(
        "hawis-q8", &(struct conv){.in = 8, .out = 4, .kernel = 1, .groups = 4, .form = "int8"},
        SETS("crossbar.polarity=offset_column", "crossbar.rows=16", "dac.count=16",
             "crossbar.columns=31", "cell.bits=8", "mapping.groups=packed"));
    assert_int_equal(s.map->n_slices, 1);
    assert_int_equal(s.map->layers[1].packed, 4);
    assert_close(s.map->use.rows, 8.0 / 16, 1e-12);
    assert_close(s.map->use.columns, 5.0 / 32, 1e-12);
    assert_close(s.map->use.cells, (8 * 4 / 4 + 8) / (16.0 * 32), 1e-12);
    assert_int_equal(s.map->use.weight_cells, 8 * 5);
    setup_free(&s);
}

// Binary weights of single arrays are -1 and +1 and nothing between.
static void what_has_no_zero_stays_apart(void **state)
{
    (void)state;
    static const char *const polarities[] = {"crossbar.polarity=single",
                                             "crossbar.polarity=offset_column"};
    for (int i = 0; i < 2; i++) {
        struct setup s = map_conv("hawis", &binary, SETS(polarities[i]));
        assert_int_equal(s.map->layers[1].packed, 1);
        assert_int_equal(s.map->use.arrays, 32);
        setup_free(&s);
        conv_refused("hawis", &binary, SETS(polarities[i], "mapping.groups=packed"),
                     "mapping.groups=apart, or crossbar.polarity=differential");
        s = map_conv("hawis", &binary, SETS(polarities[i], "mapping.groups=apart"));
        setup_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_by_hand),
        cmocka_unit_test(adcs_limit_auto),
        cmocka_unit_test(matrices_hold_consecutive_groups),
        cmocka_unit_test(zeros_are_not_use),
        cmocka_unit_test(what_has_no_zero_stays_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
