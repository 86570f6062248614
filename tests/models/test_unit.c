// Simple parts: how long so many operations take, what all instances draw.
#include "models/unit.h"

#include "tests/models/support.h"

static struct unit_params unit_of(const char *yaml)
{
    struct unit_params unit = {0};
    conf_close(read_part(yaml, unit_fields, &unit));
    return unit;
}

static void operations_are_shared_out(void **state)
{
    (void)state;
    struct unit_params unit = unit_of("{count: 128, time: 2 ns, energy: 3 pJ}");
    assert_true(unit_time(&unit, 0) == 0);
    assert_close(unit_time(&unit, 1), 2e-9, 1e-12);
    assert_close(unit_time(&unit, 128), 2e-9, 1e-12);
    assert_close(unit_time(&unit, 129), 4e-9, 1e-12);
    assert_close(unit_time(&unit, 128000), 2e-6, 1e-12);
    unit.count = 0; // an absent part is free
    assert_true(unit_time(&unit, 5) == 0);
}

static void all_instances_count(void **state)
{
    (void)state;
    struct unit_params unit =
        unit_of("{count: 4, time: 2 ns, energy: 3 pJ, area: 60 um2, leakage: 5 uW}");
    assert_close(unit_peak(&unit), 4 * 3e-12 / 2e-9, 1e-12);
    assert_close(unit_area(&unit), 240e-12, 1e-12);
    assert_close(unit_leakage(&unit), 20e-6, 1e-12);
    unit = unit_of("{count: 4, time: 2 ns, energy: 3 pJ, peak_power: 1.24 mW}");
    assert_close(unit_peak(&unit), 1.24e-3, 1e-12);
}

static void an_absent_part_is_one_that_costs_nothing(void **state)
{
    (void)state;
    struct unit_params unit = unit_of("{}");
    assert_int_equal(unit.count, 1);
    assert_true(unit_time(&unit, 1000) == 0);
    assert_true(unit_peak(&unit) == 0);
    assert_true(unit_area(&unit) == 0);
    assert_true(unit_leakage(&unit) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_are_shared_out),
        cmocka_unit_test(all_instances_count),
        cmocka_unit_test(an_absent_part_is_one_that_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
