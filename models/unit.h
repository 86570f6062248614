// A simple component: `count` instances, each doing one operation in `time_s` for `energy_j`.
// sim/chip/chip.h defines the operation for each use.
#pragma once
#include <stdint.h>

#include "base/conf/conf.h"

struct unit_params {
    int count;           // instances per owner (tile, PE, crossbar)
    double time_s;       // one operation
    double energy_j;     // one operation
    double area_m2;      // one instance
    double leakage_w;    // one instance
    double peak_w;       // all instances, fully busy; -1: count * energy / time
    double technology_m; // node of these numbers; -1: not stated
};
extern const struct conf_field unit_fields[];

// Time for `ops` operations on all instances: ceil(ops / count) * time.
double unit_time(const struct unit_params *unit, int64_t ops);
double unit_peak(const struct unit_params *unit); // watts, dynamic, fully busy
double unit_area(const struct unit_params *unit); // of all instances
double unit_leakage(const struct unit_params *unit);
