// What is wrong in and around the arrays of conductance_model.h besides single cells: open lines
// and lines that have resistance, which change what cells conduct; drivers and ADCs that are stuck,
// offsets and noise, which only a read-out by itself can show.
#pragma once
#include <stdint.h>

#include "sim/crossbar/fault.h"

struct arena;
struct chip;
struct mapping;
struct slice;

// Cells on open lines of one array of a slice conduct nothing: g (rows, columns). Counts the lines.
void peripheral_lines(const struct mapping *map, const struct slice *s, int array,
                      const struct chip_sample *sample, int32_t *g, struct fault_counts *counts);
// Conductances to those in effect at the end of the wires (models/wire.h), in whole units of unit_s
// siemens, for every group of rows driven at once by itself: the cells of the others are cut off by
// their transistors. Returns the largest share that a cell loses.
double peripheral_wires(const struct chip *chip, const struct slice *s, double unit_s, int32_t *g);

// The broken parts around one slice.
struct peripheral_faults {
    uint8_t *driven;       // per row: its driver is stuck on; NULL: no draw of drivers
    struct adc_fault *adc; // (column, plane); NULL: no draw of ADCs
};

// An ADC serves every count-th column of its crossbar, or of its PE, in the order of their places;
// plus and minus columns that are converted apart stand side by side.
struct peripheral_faults peripheral_make(struct arena *mem, const struct mapping *map,
                                         const struct slice *s, const struct chip_sample *sample);
// Adds what a mapping uses of drivers and ADCs, and how many of them are stuck.
void peripheral_count(const struct mapping *map, const struct chip_sample *sample,
                      struct fault_counts *counts);

// The key of the noise of one window, and n columns of noise in one of its read-outs, standard
// normal. `read` tells the read-outs of a slice in a window apart.
uint64_t peripheral_window(const struct chip_sample *sample, uint32_t image, int layer, int window);
void peripheral_noise(uint64_t window, int slice, uint32_t read, int n, double *noise);
