// What analog.c and currents.c share of the conductances; nobody else includes it.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/bound.h"
#include "sim/crossbar/peripheral_faults.h"
#include "sim/crossbar/flip.h"
#include "sim/crossbar/readout.h"

struct arena;
struct level_model;
struct slice;

// One crossbar: currents of its columns for a driven row, in units. With two planes the minus array
// is read apart (subtraction after the ADC).
struct block {
    const struct slice *slice;
    int32_t *plane[2]; // (rows, columns)
    struct column_flips flips;
    struct peripheral_faults damage;
};

struct conductance_model {
    const struct mapping *map;
    const struct int_net *net;
    const struct kernels *kernels;
    const struct level_model *beside; // computes the layers that it covers; NULL: none
    struct chip_sample sample;
    struct block *blocks;     // one per slice of the mapping; empty where beside covers it
    struct sum_bound *bounds; // per layer, of what a conversion can meet
    struct fault_counts counts;
    int64_t cut;
    struct conductances states;
    double leak;    // of a cell in the high-resistance state
    double lrs;     // of one in the low-resistance state
    bool broken;    // some cells are
    double dropped; // largest share of a cell's current that wires take
    struct arena *mem;
};

struct readout conductance_model_readout(const struct conductance_model *analog, int layer);
// Fills in all blocks, the counts and what was cut.
void blocks_make(struct conductance_model *analog);
// What the arrays of a chip conduct, from its parts alone: states, leak, lrs, broken.
void blocks_states(struct conductance_model *analog);

// One array by itself: (rows, columns) of what slice s conducts in array 0 or 1, as analog->draw
// says; the trial may be another each time. Adds to the counts.
struct cell_row; // scratch
struct cell_row *cell_row_create(const struct conductance_model *analog);
void cell_row_destroy(struct cell_row *row); // NULL is fine
void blocks_array(struct conductance_model *analog, const struct cell_row *row,
                  const struct slice *s, const struct column_flips *flips, int array, int32_t *g);
