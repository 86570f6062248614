// One window of one tile: counts and durations against hand calculations.
#include "sim/dataflow/window_cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sim/map/map.h"
#include "tests/close.h"
#include "tests/support/setup.h"
#include "tests/support/windows.h"

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

// A 1x1 convolution of `in` channels to `out` on a 4x4 map.
static struct setup conv(const char *chip, int in, int out, const char *form,
                         const char *const sets[])
{
    char text[256];
    snprintf(text, sizeof text,
             "{name: t, input: {channels: %d, height: 4, width: 4}, encoder: raw,\n"
             "layers: [{name: a, kind: conv, out: %d, kernel: 1}]}",
             in, out);
    return setup_text(chip, text, form, sets);
}

// 40 rows of 16 driven at once are 3 groups; one bit plane a cycle, 8 cycles; 7 magnitude bits in
// 7 columns side by side.
static void counts_of_a_window(void **state)
{
    (void)state;
    struct setup s = conv("hawis", 40, 5, "int8", SETS("dac.count=16", "crossbar.slices=columns"));
    struct window_cost w = window_cost_of_tile(s.map, 0);
    assert_int_equal(w.count[METER_CONVERSIONS], 5 * 7 * 3 * 8);
    assert_int_equal(w.count[METER_SHIFT_ADDS], 5 * 7 * 3 * 8);
    assert_int_equal(w.count[METER_CELL_READS], 40 * 5 * 7 * 2 * 8);
    assert_int_equal(w.count[METER_ROW_DRIVES], 40 * 8);
    assert_int_equal(w.count[METER_INPUT_BITS], 40 * 8);
    setup_free(&s);
}

// The offset column is one more of everything; without sample and hold 41 columns on 8 ADCs drive
// the rows 6 times.
static void offset_columns_convert_too(void **state)
{
    (void)state;
    struct setup s =
        conv("hawis", 16, 5, "int8",
             SETS("crossbar.polarity=offset_column", "crossbar.slices=columns", "adc.count=8"));
    struct window_cost w = window_cost_of_tile(s.map, 0);
    assert_int_equal(w.count[METER_CONVERSIONS], (5 * 8 + 1) * 8);
    assert_int_equal(w.count[METER_CELL_READS], 16 * (5 * 8 + 1) * 8);
    assert_int_equal(w.count[METER_ROW_DRIVES], 16 * 8 * 6);
    setup_free(&s);
}

// Flipped columns: per group of rows a correction for each column but the offset column; a single
// array counts its inputs, one add per row and cycle. No time.
static void flipped_columns_are_corrected(void **state)
{
    (void)state;
    struct setup unit = conv("hawis", 16, 5, "int8",
                             SETS("crossbar.polarity=offset_column", "crossbar.slices=columns",
                                  "dac.count=8", "crossbar.encoding=flip"));
    struct setup plain =
        conv("hawis", 16, 5, "int8",
             SETS("crossbar.polarity=offset_column", "crossbar.slices=columns", "dac.count=8"));
    struct setup single = conv("hawis", 16, 5, "int8",
                               SETS("crossbar.polarity=single", "crossbar.slices=columns",
                                    "dac.count=8", "crossbar.encoding=flip"));
    struct window_cost a = window_cost_of_tile(unit.map, 0), b = window_cost_of_tile(plain.map, 0);
    struct window_cost c = window_cost_of_tile(single.map, 0);
    assert_int_equal(b.count[METER_SHIFT_ADDS], 41 * 2 * 8);
    assert_int_equal(a.count[METER_SHIFT_ADDS], 41 * 2 * 8 + 40 * 2);
    assert_int_equal(c.count[METER_SHIFT_ADDS], 40 * 2 * 8 + 40 * 2 + 16 * 8);
    assert_int_equal(a.count[METER_CONVERSIONS], b.count[METER_CONVERSIONS]);
    assert_true(a.next_s == b.next_s && a.first_s == b.first_s);
    setup_free(&unit);
    setup_free(&plain);
    setup_free(&single);
}

// Plus and minus digitised one by one are subtracted by the shift-adder, even in a single cycle.
static void subtraction_after_the_adc_is_an_addition(void **state)
{
    (void)state;
    struct setup before = conv("hawis", 16, 5, "binary", NULL);
    struct setup after = conv("hawis", 16, 5, "binary", SETS("crossbar.subtract=after_adc"));
    struct window_cost a = window_cost_of_tile(before.map, 0),
                       b = window_cost_of_tile(after.map, 0);
    assert_int_equal(a.count[METER_CONVERSIONS], 5 * 8);
    assert_int_equal(b.count[METER_CONVERSIONS], 2 * 5 * 8);
    assert_int_equal(b.count[METER_SHIFT_ADDS], 2 * 5 * 8);
    setup_free(&before);
    setup_free(&after);
}

// Every PE has shift-adders of its own: one that is used alone gets no help from idle ones.
static void idle_pes_do_not_help(void **state)
{
    (void)state;
    struct setup s = conv("hawis", 16, 5, "int8",
                          SETS("crossbar.slices=columns", "pe.shift_add.count=1", "tile.pes=4"));
    struct window_cost w = window_cost_of_tile(s.map, 0);
    assert_close(w.step_s[STEP_DIGITAL], 5 * 7 * 8 * 2e-9, 1e-12);
    setup_free(&s);
}

// Overlapped windows: what a row's first window takes from start to end is the sum of its steps,
// whichever step sets the pace.
static void overlap_hides_nothing_of_the_first_window(void **state)
{
    (void)state;
    static const char *const writes[] = {"tile.buffer.time=3 ns", "tile.buffer.time=3000 ns"};
    for (int i = 0; i < 2; i++) {
        struct setup s = conv("isaac-ce", 40, 8, "int16", SETS(writes[i]));
        struct window_cost w = window_cost_of_tile(s.map, 0);
        window_cost_finish(&w, s.map, 1, -1, 8, 0, false);
        double sum_s = 0;
        for (int k = 0; k < STEPS; k++)
            sum_s += w.step_s[k];
        assert_close(w.first_s + w.delay_s, sum_s, 1e-12); // a 1x1 kernel reads all it needs anew
        assert_true(w.next_s >= w.step_s[STEP_WRITE]);
        setup_free(&s);
    }
}

// A pool alone: 4 elements of 8 channels one by one, then 8 x 16 bits in one word.
static void a_pool_is_not_counted_twice(void **state)
{
    (void)state;
    static const char text[] =
        "{name: t, input: {channels: 4, height: 4, width: 4, bits: 8}, encoder: raw,\n"
        "layers: [{name: a, kind: conv, out: 8, kernel: 1}, {name: p, kind: pool, kernel: 2}]}";
    struct setup s = setup_text("isaac-ce", text, "int16",
                                SETS("tile.pool.time=10 ns", "tile.buffer.time=3 ns"));
    struct window_cost w = window_cost_of_plain(s.map, 2, 8);
    assert_close(w.first_s + w.delay_s, 8 * 4 * 10e-9 + 3e-9, 1e-12);
    assert_close(w.next_s, 8 * 4 * 10e-9, 1e-12);
    setup_free(&s);
}

// 32 depthwise 3x3 channels, 8 single arrays of one-bit slices for 28 groups and 8 for the other 4.
// All 252 rows of the first are driven, 128 at once, so each of its 28 columns is converted twice;
// 36 rows of the second once.
static void packed_groups_are_read_together(void **state)
{
    (void)state;
    static const char text[] =
        "{name: t, input: {channels: 32, height: 8, width: 8, bits: 8}, encoder: raw,\n"
        "layers: [{name: dw, kind: conv, out: 32, kernel: 3, pad: 1, groups: 32}]}";
    struct setup s = setup_text("hawis-q8", text, "int8", SETS("pe.crossbars=8"));
    assert_int_equal(s.map->n_slices, 16);
    assert_int_equal(s.map->n_tiles, 1);
    struct window_cost w = window_cost_of_tile(s.map, 0);
    assert_int_equal(w.count[METER_CONVERSIONS], (28 * 2 + 4) * 8 * 8);
    assert_int_equal(w.count[METER_CELL_READS], (252 * 28 + 36 * 4) * 8 * 8);
    assert_int_equal(w.count[METER_ROW_DRIVES], (252 + 36) * 8 * 8);
    assert_int_equal(w.count[METER_INPUT_BITS], (252 + 36) * 8 * 8);
    assert_int_equal(w.count[METER_MERGE_ADDS], (28 + 4) * 7); // 8 slices of a weight added up
    // 8 input bits of every row, 64 a word, in the buffer of each PE; then a third of them.
    assert_int_equal(w.first_words, (252 * 8 + 63) / 64 + (36 * 8 + 63) / 64);
    assert_int_equal(w.next_words, (84 * 8 + 63) / 64 + (12 * 8 + 63) / 64);
    setup_free(&s);
    s = setup_text("hawis-q8", text, "int8", SETS("mapping.groups=apart"));
    assert_int_equal(s.map->n_slices, 32 * 8);
    struct window_cost sum = {0};
    for (int t = 0; t < s.map->n_tiles; t++) {
        w = window_cost_of_tile(s.map, t);
        for (int m = 0; m < METERS; m++)
            sum.count[m] += w.count[m];
    }
    assert_int_equal(sum.count[METER_CONVERSIONS], 32 * 8 * 8);
    assert_int_equal(sum.count[METER_CELL_READS], 32 * 9 * 8 * 8);
    assert_int_equal(sum.count[METER_ROW_DRIVES], 32 * 9 * 8 * 8);
    setup_free(&s);
}

// Along a row a window reads the columns that the window before did not have.
static void next_windows_read_new_columns(void **state)
{
    (void)state;
    uint32_t x = 1;
    for (int i = 0; i < 200; i++) {
        char text[600];
        struct window_spec w = windows_random(&x, false);
        int fresh = 0, rows = w.in_c / w.groups * w.kernel[0]; // of one column
        if (w.groups > 1)
            continue; // tests/map knows how those are packed
        for (int k = 0; k < w.kernel[1]; k++) {
            bool had = false;
            for (int j = 0; j < w.kernel[1]; j++)
                had |= w.stride[1] + k * w.dilation[1] == j * w.dilation[1];
            fresh += !had;
        }
        snprintf(text, sizeof text,
                 "{name: t, input: {channels: %d, height: %d, width: %d}, encoder: raw,\n"
                 "layers: [{name: a, kind: conv, %s}]}",
                 w.in_c, w.in_h, w.in_w, w.keys);
        struct setup s = setup_text("hawis-q8", text, "int8", SETS("pe.crossbars=8"));
        struct window_cost work = window_cost_of_tile(s.map, 0);
        assert_int_equal(s.map->n_tiles, 1);
        assert_int_equal(work.first_words, (rows * w.kernel[1] * 8 + 63) / 64);
        assert_int_equal(work.next_words, (rows * fresh * 8 + 63) / 64);
        setup_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_of_a_window),
        cmocka_unit_test(offset_columns_convert_too),
        cmocka_unit_test(flipped_columns_are_corrected),
        cmocka_unit_test(subtraction_after_the_adc_is_an_addition),
        cmocka_unit_test(idle_pes_do_not_help),
        cmocka_unit_test(overlap_hides_nothing_of_the_first_window),
        cmocka_unit_test(a_pool_is_not_counted_twice),
        cmocka_unit_test(packed_groups_are_read_together),
        cmocka_unit_test(next_windows_read_new_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
