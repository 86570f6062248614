// Random small chips, as settings on top of a chip that ships.
#pragma once
#include "tests/graphs/graph.h"

struct chip;
struct report;

enum { CHIP_SETS = 32, CHIP_SET_ROOM = 96 };

struct chip_sets {
    const char *base;
    char of[CHIP_SETS][CHIP_SET_ROOM]; // "crossbar.rows=16"
    int n;
};

void chip_put(struct chip_sets *sets, const char *key, const char *value);
void chip_put_int(struct chip_sets *sets, const char *key, int value);
// Arrays so small that layers take several: polarity, bits of cells and DACs, slices, layout.
void chip_random(struct chip_sets *sets, struct prng *prng);
// NULL and a report where the chip is refused.
struct chip *chip_make(const struct chip_sets *sets, struct report *report);
// Appends the settings to a report.
void chip_report(const struct chip_sets *sets, struct report *report);
