// Defects of a chip: fault rates of its components, spreads of values. Other code samples which
// components are faulty, from a seed and their addresses.
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
    int redraw;                  // images between new samples of the spread; -1: once per chip
    double drift_s;              // time since the cells were written: G = G0 (t / 1 s)^-nu
    double drift_exponent, drift_spread; // nu's mean and normal spread, per device
    double adc_offset;                   // standard deviation of an ADC's constant offset, in codes
    double read_noise; // standard deviation of one read-out, in currents of an LRS cell
};
extern const struct conf_field defect_fields[];

bool defect_varies(const struct defect_params *defects); // whether resistances spread or drift
bool defect_any(const struct defect_params *defects);

// Checks what the table of keys cannot. Errors are reported at `at`.
bool defect_check(const struct defect_params *defects, const struct conf_node *at, struct err *err);
