#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/number.h"

static void decimal_numbers_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double want;
    } cases[] = {{"0", 0},     {"0.5", 0.5}, {".5", 0.5}, {"5.", 5},          {"1e-1", 0.1},
                 {"1E3", 1e3}, {"-2", -2},   {"+2", 2},   {"0.10", 1.0 / 10}, {"010", 10}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value = -7;
        assert_true(number_parse(cases[i].text, -10, 1e6, &value));
        assert_true(value >= cases[i].want && value <= cases[i].want);
    }
}

static void all_else_is_no_number(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",    " 1",  "1 ",    "0x1p-4", "0x10", "inf",    "nan", "-",   "1e",       "1,5",
        "1_0", "--1", "1e400", "1.2.3",  ".",    "1e-400", "11",  "-11", "INFINITY", "1\n"};
    double value = 3;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (number_parse(texts[i], -10, 10, &value))
            fail_msg("'%s' was read as %g", texts[i], value);
    assert_true(value >= 3 && value <= 3);
}

static void integers_are_digits_within_their_range(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        " 1",
                                        "1 ",
                                        "+1",
                                        "0x1",
                                        "1e1",
                                        "1.0",
                                        "-",
                                        "--1",
                                        "1-",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "99999999999999999999"};
    int64_t value = 3;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (integer_parse(texts[i], INT64_MIN, INT64_MAX, &value))
            fail_msg("'%s' was read as %lld", texts[i], (long long)value);
    assert_false(integer_parse("-1", 0, 9, &value) || integer_parse("10", 0, 9, &value));
    assert_int_equal(value, 3);
    assert_true(integer_parse("-9223372036854775808", INT64_MIN, 0, &value) && value == INT64_MIN);
    assert_true(integer_parse("9", 0, 9, &value) && value == 9);
    assert_true(integer_parse("007", 0, 9, &value) && value == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_numbers_are_read),
        cmocka_unit_test(all_else_is_no_number),
        cmocka_unit_test(integers_are_digits_within_their_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
