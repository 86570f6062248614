// Comparing doubles in tests: cmocka 1.1.5 has assert_float_equal only.
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

// Passes when |got - want| <= rel * |want|, or both are equal.
#define assert_close(got, want, rel) close_check((got), (want), (rel), #got, __FILE__, __LINE__)

static inline void close_check(double got, double want, double rel, const char *what,
                               const char *file, int line)
{
    if (got == want || fabs(got - want) <= rel * fabs(want))
        return;
    print_error("%s is %.17g, not %.17g within %g\n", what, got, want, rel);
    _fail(file, line);
}
