// Non-ideal parts around the cells of conductance_model.h. Open lines and line resistance change
// the current of cells; stuck drivers, stuck ADCs, offsets and noise require that every read-out is
// computed separately.
#pragma once
#include <stdint.h>

#include "sim/crossbar/fault.h"

struct arena;
struct chip;
struct mapping;
struct slice;

// Sets g (rows, columns) to 0 for the cells on open lines of one array of a slice. Counts the
// lines.
void peripheral_lines(const struct mapping *map, const struct slice *s, int array,
                      const struct chip_sample *sample, int32_t *g, struct fault_counts *counts);
// Converts conductances to the effective ones at the end of the wires (models/wire.h), in integer
// units of unit_s siemens, separately for every group of simultaneously driven rows: access
// transistors disconnect the cells of the other groups. Returns the largest share of current that a
// cell loses.
double peripheral_wires(const struct chip *chip, const struct slice *s, double unit_s, int32_t *g);

// The faulty drivers and ADCs of one slice.
struct peripheral_faults {
    uint8_t *driven;       // per row: its driver is stuck on; NULL: no driver faults
    struct adc_fault *adc; // (column, plane); NULL: no ADC faults
};

// An ADC serves every count-th column of its crossbar or PE, in column order; plus and minus
// columns that are converted separately are adjacent. Allocated in mem.
struct peripheral_faults peripheral_make(struct arena *mem, const struct mapping *map,
                                         const struct slice *s, const struct chip_sample *sample);
// Adds the drivers and ADCs that a mapping uses, and how many of them are stuck.
void peripheral_count(const struct mapping *map, const struct chip_sample *sample,
                      struct fault_counts *counts);

// peripheral_window: the RNG key of one window's noise. peripheral_noise: n columns of standard
// normal noise for one read-out; `read` is the index of the read-out of this slice in the window.
uint64_t peripheral_window(const struct chip_sample *sample, uint32_t image, int layer, int window);
void peripheral_noise(uint64_t window, int slice, uint32_t read, int n, double *noise);
