// Quantities with units: "1.28 GHz" to 1.28e9 and back. The program itself uses base units only.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct err;

// Reads "NUMBER UNIT" (a blank between them is optional) into base units of the dimension that
// `unit` names: "s" "Hz" "J" "W" "V" "ohm" "S" "m" "m2" "B" "b/s" "S/s" (samples per second) "K",
// or "" for a plain number. SI prefixes f p n u m k M G T; "um2" is (1e-6 m)^2; "KiB" "MiB" "GiB"
// are powers of 1024 and so are "KB" "MB" "GB", as in memory sizes ("kB" is 1000); "Gb/s" and
// "Gbps" are the same. The result is the double nearest to the written value. Anything else (no
// unit, another dimension, NaN, infinity, overflow, underflow to 0, trailing text) returns false
// and sets err to a predicate that the caller puts after the text: "has no unit; write for example
// '4 mW'", "is not a power in W".
bool units_parse(const char *text, const char *unit, double *value, struct err *err);

// The dimension's name for messages: "time", "energy"...; NULL if `unit` is not one of the above.
const char *units_dimension(const char *unit);

// Writes value with four significant digits and a fitting prefix: "33.69 uJ", "0 J", "4.318 mm2".
// Bytes use powers of 1024. Returns buf.
char *units_format(char *buf, size_t n, double value, const char *unit);
// As above but exact: units_parse reads it back to the same finite double. Uses the prefix that
// gives the shortest text.
char *units_format_exact(char *buf, size_t n, double value, const char *unit);
