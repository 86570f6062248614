// The cell: power and energy of a read at an assumed activity, energy of a write.
#include "models/cell.h"

#include <math.h>

#include "tests/models/support.h"

// MNSIM 2.0, Hardware_Model/Device.py:55-70: 10 % of the inputs high, 33 % of the cells low-ohmic.
static const struct activity_params mnsim = {.inputs_on = 0.1, .cells_lrs = 0.33};

static struct cell_params cell_of(double r_lrs_ohm, double r_hrs_ohm, double read_v)
{
    return (struct cell_params){.bits = 1,
                                .r_lrs_ohm = r_lrs_ohm,
                                .r_hrs_ohm = r_hrs_ohm,
                                .read_v = read_v,
                                .read_s = 3.16e-9,
                                .read_j = -1,
                                .write_j = -1};
}

static void mnsim_default_cell(void **state)
{
    (void)state;
    struct cell_params cell = cell_of(1e4, 1e6, 0.15);
    assert_close(0.1 * 0.15 * 0.15 / cell_read_power(&cell, &mnsim), 29700, 1e-3);
    assert_printed(cell_read_power(&cell, &mnsim) * 1e9, "75.8");
    assert_printed(cell_read_energy(&cell, &mnsim) * 1e15, "0.24");
}

static void mnsim_cell_of_2021(void **state)
{
    (void)state;
    struct cell_params cell = cell_of(3e3, 3e6, 0.5);
    assert_close(0.1 * 0.5 * 0.5 / cell_read_power(&cell, &mnsim), 9073, 1e-3);
    assert_printed(cell_read_power(&cell, &mnsim) * 1e6, "2.76");
    assert_printed(cell_read_energy(&cell, &mnsim) * 1e15, "8.7");
}

static void activity_has_its_ends(void **state)
{
    (void)state;
    struct cell_params cell = cell_of(2e3, 4e6, 0.2);
    struct activity_params all_low = {.inputs_on = 1, .cells_lrs = 1};
    struct activity_params all_high = {.inputs_on = 1, .cells_lrs = 0};
    struct activity_params idle = {.inputs_on = 0, .cells_lrs = 1};
    assert_close(cell_read_power(&cell, &all_low), 0.04 / 2e3, 1e-12);
    assert_close(cell_read_power(&cell, &all_high), 0.04 / 4e6, 1e-12);
    assert_true(cell_read_power(&cell, &idle) == 0);
}

// A cell of infinite resistance carries nothing: V^2 / R_lrs of the low ones is all there is.
static void an_infinite_resistance_does_not_leak(void **state)
{
    (void)state;
    struct cell_params cell = cell_of(2e3, (double)INFINITY, 0.2);
    struct activity_params all_high = {.inputs_on = 1, .cells_lrs = 0};
    assert_true(cell_read_power(&cell, &all_high) == 0);
    assert_close(cell_read_power(&cell, &mnsim), 0.1 * 0.33 * 0.04 / 2e3, 1e-12);
}

static void a_given_read_energy_wins(void **state)
{
    (void)state;
    struct cell_params cell = cell_of(2e3, 4e6, 0.2);
    cell.read_j = 1.831e-15;
    assert_true(cell_read_energy(&cell, &mnsim) == 1.831e-15);
    cell.read_j = 0;
    assert_true(cell_read_energy(&cell, &mnsim) == 0);
}

// 3 V over 3 kohm for 10 ns: 3 mW, 30 pJ.
static void a_write_heats_the_cell(void **state)
{
    (void)state;
    struct cell_params cell = cell_of(3e3, 3e6, 0.5);
    cell.write_v = 3;
    cell.write_s = 10e-9;
    assert_close(cell_write_energy(&cell), 30e-12, 1e-12);
    cell.write_j = 2e-12;
    assert_true(cell_write_energy(&cell) == 2e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mnsim_default_cell),
        cmocka_unit_test(mnsim_cell_of_2021),
        cmocka_unit_test(activity_has_its_ends),
        cmocka_unit_test(a_given_read_energy_wins),
        cmocka_unit_test(a_write_heats_the_cell),
        cmocka_unit_test(an_infinite_resistance_does_not_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
