// What goes wrong between the inputs of an array and its codes, read-out by read-out: drivers and
// ADCs that are stuck, offsets, noise. Only the plain matrices of analog.c ask.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/infer/fault.h"

struct arena;
struct mapping;
struct slice;

// The broken parts around one slice.
struct readout {
    uint8_t *driven;      // per row: its driver is stuck on; NULL: no draw of drivers
    struct adc_fate *adc; // (column, plane); NULL: no draw of ADCs
};

// An ADC serves every count-th column of its crossbar, or of its PE, in the order of their places;
// plus and minus columns that are converted apart stand side by side.
struct readout readout_make(struct arena *mem, const struct mapping *map, const struct slice *s,
                            const struct draw *draw);
// Adds what a mapping uses of drivers and ADCs, and how many of them are stuck.
void readout_count(const struct mapping *map, const struct draw *draw, struct fault_counts *counts);

// The key of the noise of one window, and n columns of noise in one of its read-outs, standard
// normal. `read` tells the read-outs of a slice in a window apart.
uint64_t readout_window(const struct draw *draw, uint32_t image, int layer, int window);
void readout_noise(uint64_t window, int slice, uint32_t read, int n, double *noise);
