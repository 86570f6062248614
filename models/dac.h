// Word-line drivers (DACs): resolution, settle time, energy per driven row, area.
#pragma once
#include <stdbool.h>

#include "base/conf/conf.h"

struct err;

struct dac_params {
    int preset;      // index into dac_presets, 0: none
    int bits;        // -1: the preset's
    double time_s;   // settle time; -1: the preset's
    double energy_j; // one row driven once; -1: the preset's
    double area_m2;  // -1: the preset's
    double leakage_w;
    double technology_m; // node of these numbers; -1: not stated
    int count;           // per crossbar: rows driven at once; -1: all rows
};
extern const struct conf_field dac_fields[];

struct dac_preset {
    const char *name;
    int bits;
    double power_w, rate_hz, area_m2; // one use takes (bits + 2) / rate
};
// The seven of MNSIM 2.0 (Hardware_Model/DAC.py:31-82); [0] is empty, ends with a NULL name.
extern const struct dac_preset dac_presets[];

// Fills the values that the file leaves at auto from the preset; false if one is still missing.
bool dac_resolve(struct dac_params *dac, const struct conf_node *at, struct err *err);
