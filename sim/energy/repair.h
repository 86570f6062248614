// What moving lines onto spare ones costs, once: reading all cells to find the broken ones, writing
// what moved.
#pragma once
#include <stdint.h>

struct mapping;

struct repair {
    int64_t cells;  // written, of moved lines
    int64_t pulses; // of the crossbar that has most of them: rows written, one after the other
};

// Crossbars work side by side, those of a PE that share ADCs one after the other. Every programmed
// cell is read once, row by row through the ADC; every spare one is written both ways and read
// after each, since only that tells whether it is stuck.
struct repair_cost {
    double test_j, test_s, write_j, write_s;
};
struct repair_cost repair_cost(const struct mapping *mapping, const struct repair *repair);
