// Broken cells. A cell's fate is a pure function of seed, trial and physical address: maps are
// nested as rates rise and do not depend on order, threads or the size of the mesh.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "models/defect.h"

struct kernels;
struct spares;

// One of the chips that the defects allow. Primary names are by resistance; HAWIS's SA0 is
// stuck_lrs (low resistance), SA1 is stuck_hrs.
struct draw {
    struct defect_params defects;
    uint64_t seed;
    uint32_t trial;
    const struct spares *spares; // where lines stand that moved (spare.h); NULL: none did
};

enum cell_fate { CELL_FINE, CELL_LRS, CELL_HRS };

struct cell_address {
    int x, y; // tile
    int pe, crossbar;
    int polarity; // 0: plus or the only array, 1: minus
    int row, column;
};

struct fault_counts {
    int64_t cells, lrs, hrs; // programmed cells, and those of them that were hit
};

enum cell_fate fault_cell(const struct draw *draw, const struct cell_address *at);
// The counter of a cell's draws, for rng_counter with any purpose.
void fault_counter(const struct draw *draw, const struct cell_address *at, uint32_t counter[4]);
// The same for n cells of one row from at->column on: an enum cell_fate each.
void fault_row(const struct draw *draw, const struct kernels *kernels,
               const struct cell_address *at, int n, uint8_t *fates);
static inline bool fault_any(const struct draw *draw)
{
    return draw->defects.stuck_lrs > 0 || draw->defects.stuck_hrs > 0;
}
