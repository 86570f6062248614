#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/units.h"

// Bit for bit: the text rounds once.
static void good_texts_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *unit;
        double want;
    } cases[] = {
        {"1.28 GHz", "Hz", 1.28e9},
        {"4 mW", "W", 4e-3},
        {"4mW", "W", 4e-3},
        {"4   mW", "W", 4e-3},
        {"3 kohm", "ohm", 3e3},
        {"1650 um2", "m2", 1.65e-9},
        {"0.7 mm2", "m2", 0.7e-6},
        {"2 m2", "m2", 2},
        {"45 nm", "m", 45e-9},
        {"1 m", "m", 1},
        {"1 mm", "m", 1e-3},
        {"20 Gb/s", "b/s", 2e10},
        {"20 Gbps", "b/s", 2e10},
        {"8 b/s", "b/s", 8},
        {"1.2 GS/s", "S/s", 1.2e9},
        {"40 uS", "S", 40e-6},
        {"1 S", "S", 1},
        {"64 KB", "B", 65536},
        {"64 KiB", "B", 65536},
        {"2 MB", "B", 2097152},
        {"64 kB", "B", 64000},
        {"2 MiB", "B", 2097152},
        {"1.5 GiB", "B", 1.5 * 1024 * 1024 * 1024},
        {"7 B", "B", 7},
        {"300 K", "K", 300},
        {"2.5e3 ps", "s", 2.5e-9},
        {"1E-3 us", "s", 1e-9},
        {"+.5 V", "V", 0.5},
        {"-0.5 V", "V", -0.5},
        {"5. fJ", "J", 5e-15},
        {"1 THz", "Hz", 1e12},
        {"0 s", "s", 0},
        {"1.7976931348623157e308 s", "s", DBL_MAX},
        {"1e3", "", 1000},
        {"0.1", "", 0.1},
        {"16.97 Gb/s", "b/s", 16.97e9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        double got = -99;
        if (!units_parse(cases[i].text, cases[i].unit, &got, &err) || got != cases[i].want)
            fail_msg("'%s' is %.17g, not %.17g; %s", cases[i].text, got, cases[i].want, err.text);
    }
}

static void bad_texts_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *unit, *want;
    } cases[] = {
        {"4", "W", "has no unit; write for example '4 mW'"},
        {"4 ", "W", "has no unit; write for example '4 mW'"},
        {"5 V", "W", "is not a power in W"},
        {"1 nV", "s", "is not a time in s"},
        {"1 nm", "m2", "is not an area in m2"},
        {"1 nW", "J", "is not an energy in J"},
        {"1 s", "S", "is not a conductance in S"},
        {"1 S", "s", "is not a time in s"},
        {"1 GS", "S/s", "is not a sample rate in S/s"},
        {"1 KHz", "Hz", "is not a frequency in Hz"},
        {"1 KiW", "W", "is not a power in W"},
        {"4 mW x", "W", "is not a power in W"},
        {"4 m W", "W", "is not a power in W"},
        {"1_000 W", "W", "is not a power in W"},
        {"0x10 W", "W", "is not a power in W"},
        {"1e W", "W", "is not a power in W"},
        {"", "W", "is not a number; write for example '4 mW'"},
        {" 4 mW", "W", "is not a number; write for example '4 mW'"},
        {"mW", "W", "is not a number; write for example '4 mW'"},
        {".", "", "is not a number; write for example '1.5'"},
        {"NaN", "", "is not a number; write for example '1.5'"},
        {".inf", "", "is not a number; write for example '1.5'"},
        {"inf s", "s", "is not a number; write for example '5 ns'"},
        {"--4 V", "V", "is not a number; write for example '0.5 V'"},
        {"1 2", "", "is not a plain number; write for example '1.5'"},
        {"1e400 W", "W", "is too large"},
        {"1e99999999999999999999 W", "W", "is too large"},
        {"1e308 GHz", "Hz", "is too large"},
        {"1e-400 s", "s", "is too small; write 0 for zero"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        double got = 0;
        if (units_parse(cases[i].text, cases[i].unit, &got, &err))
            fail_msg("'%s' passed as %g in %s", cases[i].text, got, cases[i].unit);
        assert_string_equal(err.text, cases[i].want);
    }
}

static void too_many_digits_are_refused(void **state)
{
    (void)state;
    char text[4000];
    struct err err = {0};
    double got;
    memset(text, '1', sizeof text);
    memcpy(text + sizeof text - 3, " s", 3);
    assert_false(units_parse(text, "s", &got, &err));
    assert_string_equal(err.text, "has too many digits; at most 64 are allowed");
}

static void four_digits_are_printed(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *unit, *want;
    } cases[] = {
        {33.6912e-6, "J", "33.69 uJ"},
        {0, "J", "0 J"},
        {4.3181e-6, "m2", "4.318 mm2"},
        {1.65e-9, "m2", "1650 um2"},
        {1.23456e-7, "m2", "123500 um2"},
        {999.96e-9, "s", "1 us"},
        {999.94e-9, "s", "999.9 ns"},
        {5e-9, "s", "5 ns"},
        {3600, "s", "3600 s"},
        {1.28e9, "Hz", "1.28 GHz"},
        {65536, "B", "64 KiB"},
        {1536, "B", "1.5 KiB"},
        {1023, "B", "1023 B"},
        {1023.99, "B", "1 KiB"},
        {1048575.9, "B", "1 MiB"},
        {300.15, "K", "300.1 K"},
        {-2e-3, "V", "-2 mV"},
        {2e10, "b/s", "20 Gb/s"},
        {0.25, "", "0.25"},
        {1e-18, "J", "0.001 fJ"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        assert_string_equal(units_format(text, sizeof text, cases[i].value, cases[i].unit),
                            cases[i].want);
    }
}

static void exact_text_is_short(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *unit, *want;
    } cases[] = {
        {1e-9, "s", "1 ns"},        {1e-7, "s", "100 ns"},
        {0.05, "s", "50 ms"},       {1.65e-9, "m2", "1650 um2"},
        {1.28e9, "Hz", "1.28 GHz"}, {65536, "B", "64 KiB"},
        {65537, "B", "65537 B"},    {0, "W", "0 W"},
        {3000, "ohm", "3 kohm"},    {33.6912e-6, "J", "33.6912 uJ"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        assert_string_equal(units_format_exact(text, sizeof text, cases[i].value, cases[i].unit),
                            cases[i].want);
    }
}

// Any double of any size in any unit: random bits, infinities and NaN left out.
static void exact_text_reads_back(void **state)
{
    (void)state;
    static const char *const names[] = {"s", "Hz", "J", "W",   "V",   "ohm", "S",
                                        "m", "m2", "B", "b/s", "S/s", "K",   ""};
    for (uint64_t i = 0; i < 20000; i++) {
        char text[64];
        uint64_t bits = rng_u64(1, RNG_PLACEMENT, i);
        double value, got = 0;
        memcpy(&value, &bits, sizeof value);
        // Half of them of the sizes that occur.
        if (i % 2)
            value = ldexp((double)(bits >> 11), (int)(bits % 80) - 100);
        if (!isfinite(value) || fabs(value) > 1e300 || fabs(value) < DBL_MIN)
            continue;
        const char *unit = names[i % (sizeof names / sizeof *names)];
        struct err err = {0};
        units_format_exact(text, sizeof text, value, unit);
        if (!units_parse(text, unit, &got, &err) || got != value)
            fail_msg("%.17g became '%s', %.17g; %s", value, text, got, err.text);
    }
}

static void dimensions_have_names(void **state)
{
    (void)state;
    assert_string_equal(units_dimension("J"), "energy");
    assert_string_equal(units_dimension("m2"), "area");
    assert_null(units_dimension("furlong"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_read),
        cmocka_unit_test(bad_texts_are_told),
        cmocka_unit_test(too_many_digits_are_refused),
        cmocka_unit_test(four_digits_are_printed),
        cmocka_unit_test(exact_text_is_short),
        cmocka_unit_test(exact_text_reads_back),
        cmocka_unit_test(dimensions_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
