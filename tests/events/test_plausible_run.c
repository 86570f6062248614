// Each rule of plausible_run at both sides of its limit, on results made by hand.
#include "sim/run/plausible_run.h"

#include <string.h>

#include "base/warn.h"
#include "sim/run/result.h"
#include "tests/close.h"

static void expect(const struct result *r, const char *code, const char *says)
{
    struct warnings warnings = {0};
    plausible_run(r, &warnings);
    plausible_run(r, NULL);
    assert_int_equal(warnings.n, code ? 1 : 0);
    if (code) {
        assert_string_equal(warnings.items[0].code, code);
        if (!strstr(warnings.items[0].text, says))
            fail_msg("'%s' lacks '%s'", warnings.items[0].text, says);
    }
    warnings_fini(&warnings);
}

// 74 uJ and 76 uJ in 1 us; at 75 W 76 uJ take 1.0133 us.
static void programming_power(void **state)
{
    (void)state;
    expect(&(struct result){.program_j = 74e-6, .program_s = 1e-6}, NULL, NULL);
    expect(&(struct result){.program_j = 76e-6, .program_s = 1e-6, .arrays = 12},
           "programming-power",
           "76 uJ / 1 us = 76 W is above 75 W: one row of each of 12 arrays is written at once; "
           "read the programming time as 1.013 us or more");
    expect(&(struct result){.program_j = 1, .program_s = 0}, NULL, NULL); // writes take no time
}

static void occupied_area(void **state)
{
    (void)state;
    expect(&(struct result){.area_m2 = 857e-6}, NULL, NULL);
    expect(
        &(struct result){.area_m2 = 859e-6, .tiles = 7}, "occupied-area",
        "the 7 tiles that this net occupies take 859 mm2, above the reticle limit, 26 mm x 33 mm "
        "= 858 mm2");
}

// 1.99 and 2.01 W over 2 mm2.
static void average_density(void **state)
{
    (void)state;
    expect(&(struct result){.area_m2 = 2e-6, .average_w = 1.99}, NULL, NULL);
    expect(&(struct result){.area_m2 = 2e-6, .average_w = 2.01}, "power-density",
           "2.01 W / 2 mm2 = 1.005 W/mm2 over the occupied tiles is above 1 W/mm2");
    expect(&(struct result){.area_m2 = 0, .average_w = 5}, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(programming_power),
                                       cmocka_unit_test(occupied_area),
                                       cmocka_unit_test(average_density)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
