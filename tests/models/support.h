// What the tests of this folder share.
#pragma once
#include <stdbool.h>

#include "tests/close.h"

struct conf;
struct conf_field;
struct err;

// Reads `yaml` by `fields` into `out` (zeroed by the caller), as a chip file would. Fails the test
// if that fails. The tree is for messages; close it.
struct conf *read_part(const char *yaml, const struct conf_field *fields, void *out);

// Passes when `got` is the number `printed` within half a unit of its last digit.
#define assert_printed(got, printed) printed_check((got), (printed), #got, __FILE__, __LINE__)
void printed_check(double got, const char *printed, const char *what, const char *file, int line);

// Passes when err holds `part`.
void assert_told(const struct err *err, const char *part);
