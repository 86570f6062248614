#include "sim/infer/fault.h"

#include "sim/base/rng.h"

// u < rate * 2^64, exact for rates 0 and 1.
static bool below(uint64_t u, double rate)
{
    if (rate >= 1)
        return true;
    return rate > 0 && u < (uint64_t)(rate * 18446744073709551616.0);
}

void fault_counter(const struct fault_params *faults, const struct cell_address *at,
                   uint32_t counter[4])
{
    counter[0] = (uint32_t)at->x | (uint32_t)at->y << 16;
    counter[1] = (uint32_t)at->pe | (uint32_t)at->crossbar << 14 | (uint32_t)at->polarity << 28;
    counter[2] = (uint32_t)at->row | (uint32_t)at->column << 16;
    counter[3] = faults->trial;
}

enum cell_fate fault_cell(const struct fault_params *faults, const struct cell_address *at)
{
    uint32_t counter[4];
    fault_counter(faults, at, counter);
    uint64_t u = rng_counter(faults->seed, RNG_STUCK, counter);
    if (below(u, faults->stuck_lrs))
        return CELL_LRS;
    return below(~u, faults->stuck_hrs) ? CELL_HRS : CELL_FINE;
}
