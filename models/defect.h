// What may be wrong with the parts of a chip: shares of them that are broken, spreads of values.
// Which parts are hit is drawn from a seed and their addresses, elsewhere.
#pragma once
#include <stdbool.h>

#include "base/conf/conf.h"

struct err;

struct defect_params {
    double stuck_lrs, stuck_hrs; // shares of cells, together at most 1
    double word_lines;           // share of word lines of single arrays that are open
    double bit_lines;            // share of bit lines that are open
    double drivers;              // share of word-line drivers that are stuck on
    double adcs;                 // share of ADCs that are stuck at one code
    double sigma;                // of the log-normal spread of resistances, per device
    int redraw;                  // the spread anew for every so many images; -1: once per chip
    double drift_s;              // since the cells were written: G = G0 (t / 1 s)^-nu
    double drift_exponent, drift_spread; // nu's mean and normal spread, per device
    double adc_offset;                   // standard deviation of an ADC's constant offset, in codes
    double read_noise; // standard deviation of one read-out, in currents of an LRS cell
};
extern const struct conf_field defect_fields[];

bool defect_varies(const struct defect_params *defects); // some resistances spread or drift
bool defect_any(const struct defect_params *defects);

// Checks what the table cannot. `at` is blamed.
bool defect_check(const struct defect_params *defects, const struct conf_node *at, struct err *err);
