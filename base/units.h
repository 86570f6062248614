// Quantities with units: "1.28 GHz" to 1.28e9 and back. Inside the program only base units.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct err;

// Reads "NUMBER UNIT" (a blank between them is optional) into base units of the dimension that
// `unit` names: "s" "Hz" "J" "W" "V" "ohm" "S" "m" "m2" "B" "b/s" "S/s" (samples per second) "K",
// or "" for a plain number. SI prefixes f p n u m k M G T; "um2" is (1e-6 m)^2; "KiB" "MiB" "GiB"
// are powers of 1024 and so are "KB" "MB" "GB", as memories are sold ("kB" is 1000); "Gb/s" and
// "Gbps" are the same. The result is the double nearest to what is written. False, with a sentence
// that says what is wrong
// ("has no unit; write for example '4 mW'", "is not a power in W") and wants the text before it,
// for anything else: no unit, another dimension, NaN, infinity, overflow, underflow to 0, trailing
// text.
bool units_parse(const char *text, const char *unit, double *value, struct err *err);

// The dimension's name for messages: "time", "energy"...; NULL when `unit` is not one of the above.
const char *units_dimension(const char *unit);

// Writes value with four significant digits and a fitting prefix: "33.69 uJ", "0 J", "4.318 mm2".
// Bytes use powers of 1024. Returns buf.
char *units_format(char *buf, size_t n, double value, const char *unit);
// As above but exact: units_parse reads it back to the same finite double. Of the prefixes that
// fit, the one with the shortest text.
char *units_format_exact(char *buf, size_t n, double value, const char *unit);
