// Numbers as users type them: decimal, nothing before or after. No "0x10", "inf", "nan", blanks.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Digits with at most one point, an optional sign before and an optional exponent after them. False
// for anything else, and outside of min..max.
bool number_parse(const char *text, double min, double max, double *value);
// Digits only, with a sign before them if min is negative. False as above.
bool integer_parse(const char *text, int64_t min, int64_t max, int64_t *value);
