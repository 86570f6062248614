// The ReRAM cell: levels, resistances, one read, one write.
#pragma once
#include <stdbool.h>

#include "base/conf/conf.h"

struct cell_params {
    int bits;                    // levels = 2^bits
    double r_lrs_ohm, r_hrs_ohm; // r_hrs: INFINITY if a cell in that state carries no current
    double read_v, read_s;
    double read_j; // one cell, one read at the assumed activity; -1: from V, R and the pulse
    double write_v, write_s;
    double write_j; // one cell, one write; -1: write_v^2 / r_lrs * write_s
    double area_m2;
    double technology_m; // node of these numbers; -1: not stated
};
extern const struct conf_field cell_fields[];

// Assumptions about the data, used until activity is measured.
struct activity_params {
    double inputs_on; // share of word lines that carry the read voltage
    double cells_lrs; // share of cells in the low-resistance state
};
extern const struct conf_field activity_fields[];

// Power of one cell while it is read: V^2 / R, where V^2 is averaged over driven and idle inputs
// and 1 / R over low and high resistance (MNSIM 2.0, Hardware_Model/Device.py:55-70).
double cell_read_power(const struct cell_params *cell, const struct activity_params *activity);
double cell_read_energy(const struct cell_params *cell, const struct activity_params *activity);
double cell_write_energy(const struct cell_params *cell);
