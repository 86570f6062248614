// Broken cells. A cell's fault is a pure function of seed, trial and physical address: maps are
// nested as rates rise and do not depend on order, threads or the size of the mesh.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "models/defect.h"

struct chip;
struct kernels;
struct spares;

// One of the chips that the defects allow. Primary names are by resistance; HAWIS's SA0 is
// stuck_lrs (low resistance), SA1 is stuck_hrs.
struct chip_sample {
    struct defect_params defects;
    uint64_t seed;
    uint32_t trial;
    uint32_t batch;              // of images, where the variation is drawn anew for each
    const int64_t *ranges;       // what calibrate() found, lent; NULL where no ADC is calibrated
    const struct spares *spares; // where lines stand that moved (spare.h); NULL: none did
};

// CELL_OPEN: on a broken line; no current at all.
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

// Of what a net uses of the chip: programmed cells and the broken ones among them, then the lines,
// drivers and ADCs that those cells need. Only kinds that the draw has are counted but for cells.
struct fault_counts {
    int64_t cells, lrs, hrs;
    struct fault_tally word_lines, bit_lines, drivers, adcs;
};
void fault_add(struct fault_counts *to, const struct fault_counts *from);

enum cell_fault fault_cell(const struct chip_sample *sample, const struct cell_address *at);
// The counter of a cell's draws, for rng_counter with any purpose; of a physical address, so
// spares_place comes first.
void fault_counter(const struct chip_sample *sample, const struct cell_address *at,
                   uint32_t counter[4]);
// The same for n cells of one row from at->column on: an enum cell_fault each.
void fault_row(const struct chip_sample *sample, const struct kernels *kernels,
               const struct cell_address *at, int n, uint8_t *faults);
// Whether single cells are stuck; whether lines are open.
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
// Whether the driver of at->row is stuck on; both arrays of a pair have it in common.
bool fault_driver(const struct chip_sample *sample, const struct cell_address *at);

struct adc_fault {
    bool stuck;
    double place;  // stuck: where in its range, 0 <= place < 1
    double offset; // in codes
};
// Of converter `adc` of the crossbar or, with at->crossbar -1, of the PE at `at`.
struct adc_fault fault_adc(const struct chip_sample *sample, const struct cell_address *at,
                           int adc);

// Whether every read-out has to be computed for itself, as only the plain path of
// conductance_model.h does: what a column reads is no longer a matter of its cells and inputs
// alone.
bool defects_need_reads(const struct defect_params *defects);
// Whether levels do not say all that cells do (level_model.h), so that conductances are wanted
// (conductance_model.h).
bool defects_need_conductances(const struct defect_params *defects, const struct chip *chip);
