// What moving lines onto spare ones costs, against sums by hand.
#include "sim/energy/repair.h"

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

static const char text[] = "{name: t, input: {channels: 40, height: 4, width: 4}, encoder: raw,\n"
                           "layers: [{name: a, kind: conv, out: 5, kernel: 1}]}";

#define SIMPLE                                                                                     \
    "cell.read_energy=1 fJ", "cell.read_time=2 ns", "cell.write_energy=3 pJ",                      \
        "cell.write_time=10 ns", "crossbar.rows=64", "crossbar.columns=16", "tile.pes=1",          \
        "pe.crossbars=2",                                                                          \
        "dac={preset: none, bits: 1, count: 32, time: 1 ns, energy: 5 fJ, area: 1 um2}",           \
        "adc={preset: none, bits: 8, count: 2, time: 4 ns, energy: 7 fJ, area: 1 um2, per: "       \
        "crossbar}"

// 40 rows of 5 columns of pairs: each row is driven once, takes ceil(5 / 2) rounds of the ADCs.
static void reading_and_writing_by_hand(void **state)
{
    (void)state;
    struct setup s = setup_text("hawis", text, "binary",
                                (const char *const[]){SIMPLE, "crossbar.spare_rows=2", NULL});
    struct repair_cost cost = repair_cost(s.map, &(struct repair){30, 4});
    double programmed_j = 40 * (5e-15 + 5 * (2 * 1e-15 + 7e-15));
    // 2 spare rows of 16 pairs, read and written twice each.
    double spare_j = 2 * 2 * (5e-15 + 16 * (2 * 1e-15 + 7e-15)) + 2 * 2 * 16 * 2 * 3e-12;
    assert_close(cost.test_j, programmed_j + spare_j, 1e-12);
    double row_s = 1e-9 + 2e-9 + 3 * 4e-9, spare_row_s = 1e-9 + 2e-9 + 8 * 4e-9;
    assert_close(cost.test_s, 40 * row_s + 2 * 2 * spare_row_s + 2 * 2 * 10e-9, 1e-12);
    assert_close(cost.write_j, 30 * 3e-12, 1e-12);
    assert_close(cost.write_s, 4 * 10e-9, 1e-12);
    setup_free(&s);
}

// A spare column is a cell in each of the 64 rows, converted alone.
static void spare_columns_are_read_row_by_row(void **state)
{
    (void)state;
    struct setup s = setup_text("hawis", text, "binary", (const char *const[]){SIMPLE, NULL});
    struct setup with = setup_text("hawis", text, "binary",
                                   (const char *const[]){SIMPLE, "crossbar.spare_columns=1", NULL});
    struct repair_cost none = repair_cost(s.map, &(struct repair){0});
    struct repair_cost one = repair_cost(with.map, &(struct repair){0});
    double more_j = 2 * 64 * (5e-15 + 2 * 1e-15 + 7e-15) + 2 * 64 * 2 * 3e-12;
    assert_close(one.test_j - none.test_j, more_j, 1e-12);
    assert_close(one.test_s - none.test_s, 2 * 64 * (3e-9 + 4e-9) + 2 * 64 * 10e-9, 1e-9);
    setup_free(&s);
    setup_free(&with);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_and_writing_by_hand),
        cmocka_unit_test(spare_columns_are_read_row_by_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
