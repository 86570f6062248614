// Are the home-made functions right? Against libm, and the normal quantile against its own inverse.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/portable_math.h"
#include "tests/close.h"

static void exp_and_log_agree_with_libm(void **state)
{
    (void)state;
    for (double x = -30; x <= 30; x += 0.0137) {
        assert_close(num_exp(x), exp(x), 2e-15);
        double y = exp(x);
        assert_true(fabs(num_log(y) - log(y)) <= 1e-15 * fmax(1, fabs(log(y))));
    }
}

static void normal_inverts_its_distribution(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1u << 16; i++) {
        uint32_t u = (uint32_t)(i * 65537);
        double p = (u + 0.5) * 0x1p-32, x = num_normal(u);
        assert_close(0.5 * erfc(-x / sqrt(2)), p, 1e-12);
    }
    assert_true(num_normal(0) < -6.2 && num_normal(UINT32_MAX) > 6.2);
    assert_close(num_normal(UINT32_MAX), -num_normal(0), 1e-9);
}

static void normal_has_its_moments(void **state)
{
    (void)state;
    double sum = 0, squares = 0;
    const uint32_t n = 1 << 18;
    for (uint32_t i = 0; i < n; i++) { // evenly spread quantiles
        double x = num_normal(i << 14 | 1 << 13);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / n) < 1e-6);
    assert_close(squares / n, 1, 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_and_log_agree_with_libm),
        cmocka_unit_test(normal_inverts_its_distribution),
        cmocka_unit_test(normal_has_its_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
