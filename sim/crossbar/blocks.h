// Conductances shared by blocks.c, conductance_model.c, currents.c and perturb.c; private to them.
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

// One crossbar: the currents of its columns for a driven row, in units. Two planes: the minus array
// is read separately (subtraction after the ADC).
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
    const struct level_model *beside; // computes the layers that it covers, or NULL
    struct chip_sample sample;
    struct block *blocks;     // per slice of the mapping; empty where beside covers the layer
    struct sum_bound *bounds; // per layer: range of the sums that a conversion can see
    struct fault_counts counts;
    int64_t cut;
    struct conductances states;
    double leak;    // conductance of a cell in the high-resistance state
    double lrs;     // conductance of a cell in the low-resistance state
    bool broken;    // some cells are faulty
    double dropped; // largest share of a cell's current lost in the wires
    struct arena *mem;
};

struct readout conductance_model_readout(const struct conductance_model *analog, int layer);
// Fills all blocks, the fault counts and the number of clipped conductances.
void blocks_make(struct conductance_model *analog);
// Conductance states from the chip's parameters alone: states, leak, lrs, broken.
void blocks_states(struct conductance_model *analog);

// Conductances of one array: g (rows, columns) of slice s in array 0 or 1, for analog->sample; its
// trial may change between calls. Adds to the counts.
struct cell_row; // scratch
struct cell_row *cell_row_create(const struct conductance_model *analog);
void cell_row_destroy(struct cell_row *row); // NULL is fine
void blocks_array(struct conductance_model *analog, const struct cell_row *row,
                  const struct slice *s, const struct column_flips *flips, int array, int32_t *g);
