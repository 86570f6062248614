// One-time cost of line repair: reading all cells to find the faulty ones, and writing the moved
// lines.
#pragma once
#include <stdint.h>

struct mapping;

struct repair {
    int64_t cells;  // written, of moved lines
    int64_t pulses; // row writes, serial, in the crossbar with the most of them
};

// Crossbars work in parallel; those of a PE that share ADCs work serially. Every programmed cell is
// read once, row by row through the ADC. Every spare cell is written to both states and read after
// each write, because only that shows whether it is stuck.
struct repair_cost {
    double test_j, test_s, write_j, write_s;
};
struct repair_cost repair_cost(const struct mapping *mapping, const struct repair *repair);
