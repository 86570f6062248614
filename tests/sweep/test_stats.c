// Means and intervals against known samples and against Student's density, integrated here.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/close.h"
#include "tools/sweep/stats.h"

static double density(double t, double v)
{
    double scale = lgamma((v + 1) / 2) - lgamma(v / 2);
    return exp(scale) / sqrt(v * acos(-1.0)) * pow(1 + t * t / v, -(v + 1) / 2);
}

// Simpson's rule over -q..q; the density is smooth there.
static double share_within(double q, double v)
{
    const int steps = 200000;
    double h = 2 * q / steps, sum = density(-q, v) + density(q, v);
    for (int i = 1; i < steps; i++)
        sum += (i % 2 ? 4 : 2) * density(-q + i * h, v);
    return sum * h / 3;
}

static void quantiles_hold_95_percent(void **state)
{
    (void)state;
    static const size_t degrees[] = {1, 2, 3, 4, 5, 9, 10, 15, 19, 20, 21, 22, 30, 99, 1000};
    for (size_t i = 0; i < sizeof degrees / sizeof *degrees; i++) {
        double v = (double)degrees[i];
        assert_close(share_within(stats_student(degrees[i]), v), 0.95, 3e-8);
    }
}

// 2, 4, 4, 4, 5, 5, 7, 9: squares about the mean 5 add up to 32.
static void a_known_sample(void **state)
{
    (void)state;
    static const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct stats s = stats_of(values, 8);
    assert_int_equal(s.n, 8);
    assert_close(s.mean, 5, 1e-15);
    assert_close(s.deviation, sqrt(32.0 / 7), 1e-15);
    assert_close(s.interval, 2.364624 * sqrt(32.0 / 7 / 8), 1e-6); // t of 7 degrees, any table
}

static void two_values(void **state)
{
    (void)state;
    static const double values[] = {1, 2};
    struct stats s = stats_of(values, 2);
    assert_close(s.mean, 1.5, 1e-15);
    assert_close(s.deviation, sqrt(0.5), 1e-15);
    assert_close(s.interval, 12.7062 * 0.5, 1e-5);
}

static void one_value_has_no_interval(void **state)
{
    (void)state;
    static const double value = 3;
    struct stats s = stats_of(&value, 1);
    assert_int_equal(s.n, 1);
    assert_close(s.mean, 3, 0);
    assert_true(s.deviation == 0 && s.interval == 0);
}

// 10^8 + 4, 7, 13, 16 have mean 10^8 + 10 and deviation sqrt(30), which sums of squares lose.
static void one_by_one_gives_the_same(void **state)
{
    (void)state;
    static const double offsets[] = {4, 7, 13, 16};
    struct stats_sum sum = {0};
    double values[4];
    for (size_t i = 0; i < 4; i++) {
        values[i] = 1e8 + offsets[i];
        stats_add(&sum, values[i]);
        struct stats s = stats_end(&sum), all = stats_of(values, i + 1);
        assert_int_equal(s.n, i + 1);
        assert_close(s.mean, all.mean, 1e-7);
        assert_close(s.deviation, all.deviation, 1e-7);
        assert_close(s.interval, all.interval, 1e-6);
    }
    assert_close(stats_end(&sum).mean, 1e8 + 10, 1e-7);
    assert_close(stats_end(&sum).deviation, sqrt(30), 1e-7);
}

// A sample without spread must end a point at once.
static void equal_values_have_no_interval(void **state)
{
    (void)state;
    struct stats_sum sum = {0};
    for (int i = 0; i < 1000; i++)
        stats_add(&sum, 0.1);
    assert_true(stats_end(&sum).deviation == 0 && stats_end(&sum).interval == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_hold_95_percent),
        cmocka_unit_test(a_known_sample),
        cmocka_unit_test(two_values),
        cmocka_unit_test(one_value_has_no_interval),
        cmocka_unit_test(one_by_one_gives_the_same),
        cmocka_unit_test(equal_values_have_no_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
