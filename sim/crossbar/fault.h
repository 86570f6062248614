// Faulty cells. A cell's fault is a pure function of seed, trial and physical address: the fault
// maps of a low rate are subsets of those of a higher rate, and do not depend on evaluation order,
// threads or mesh size.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "models/defect.h"

struct chip;
struct kernels;
struct spares;

// One Monte-Carlo instance of the chips that the defects describe. Primary names are by resistance;
// HAWIS's SA0 is stuck_lrs (low resistance), SA1 is stuck_hrs.
struct chip_sample {
    struct defect_params defects;
    uint64_t seed;
    uint32_t trial;
    uint32_t batch;              // of images, if the variation is resampled for each batch
    const int64_t *ranges;       // result of calibrate(), not owned; NULL if no ADC is calibrated
    const struct spares *spares; // remapping of repaired lines (spare.h); NULL: none
};

// CELL_OPEN: on an open line; conducts no current.
enum cell_fault { CELL_FINE, CELL_LRS, CELL_HRS, CELL_OPEN };

struct cell_address {
    int x, y; // tile
    int pe, crossbar;
    int polarity; // 0: plus or the only array, 1: minus
    int row, column;
};

struct fault_tally {
    int64_t all, hit;
};

// Parts of the chip that a net uses: programmed cells and the faulty ones among them, then the
// lines, drivers and ADCs that those cells need. Kinds other than cells are counted only if the
// sample has that defect.
struct fault_counts {
    int64_t cells, lrs, hrs;
    struct fault_tally word_lines, bit_lines, drivers, adcs;
};
void fault_add(struct fault_counts *to, const struct fault_counts *from);

enum cell_fault fault_cell(const struct chip_sample *sample, const struct cell_address *at);
// The RNG counter of a cell, for rng_counter with any purpose. `at` is a physical address: apply
// spares_place first.
void fault_counter(const struct chip_sample *sample, const struct cell_address *at,
                   uint32_t counter[4]);
// The same for n cells of one row from at->column on; faults: one enum cell_fault per cell.
void fault_row(const struct chip_sample *sample, const struct kernels *kernels,
               const struct cell_address *at, int n, uint8_t *faults);
// fault_any: whether single cells can be stuck; fault_lines: whether lines can be open.
static inline bool fault_any(const struct chip_sample *sample)
{
    return sample->defects.stuck_lrs > 0 || sample->defects.stuck_hrs > 0;
}
static inline bool fault_lines(const struct chip_sample *sample)
{
    return sample->defects.word_lines > 0 || sample->defects.bit_lines > 0;
}

// Open lines: the word line of at->row, the bit line of at->column, in the array of at->polarity.
bool fault_word_line(const struct chip_sample *sample, const struct cell_address *at);
bool fault_bit_line(const struct chip_sample *sample, const struct cell_address *at);
// Whether the driver of at->row is stuck on; both arrays of a pair share the driver.
bool fault_driver(const struct chip_sample *sample, const struct cell_address *at);

struct adc_fault {
    bool stuck;
    double place;  // stuck: position in its range, 0 <= place < 1
    double offset; // in codes
};
// The fault of converter `adc` of the crossbar at `at`, or of the PE if at->crossbar is -1.
struct adc_fault fault_adc(const struct chip_sample *sample, const struct cell_address *at,
                           int adc);

// Whether every read-out must be computed separately, which only the reference path of
// conductance_model.h does, because the result of a column depends on more than its cells and
// inputs.
bool defects_need_reads(const struct defect_params *defects);
// Whether levels do not describe the cells completely (level_model.h), so that conductances are
// required (conductance_model.h).
bool defects_need_conductances(const struct defect_params *defects, const struct chip *chip);
