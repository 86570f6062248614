// What may be wrong with the parts of a chip: shares of them that are broken, spreads of values.
// Which parts are hit is drawn from a seed and their addresses, elsewhere.
#pragma once
#include <stdbool.h>

#include "sim/conf/conf.h"

struct err;

struct defect_params {
    double stuck_lrs, stuck_hrs; // shares of cells, together at most 1
    double sigma;                // of the log-normal spread of resistances, per device
};
extern const struct conf_field defect_fields[];

// Checks what the table cannot. `at` is blamed.
bool defect_check(const struct defect_params *defects, const struct conf_node *at, struct err *err);
