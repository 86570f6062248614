#include "sim/infer/fault.h"

#include "nets/kernels/kernels.h"
#include "sim/base/rng.h"

// How many u are below rate * 2^64, exact for rates 0 and 1: whether any, and the last of them.
static bool last_below(double rate, uint64_t *last)
{
    *last = rate >= 1 ? UINT64_MAX : rate > 0 ? (uint64_t)(rate * 18446744073709551616.0) : 0;
    if (rate < 1 && *last > 0)
        --*last;
    else if (rate < 1)
        return false;
    return true;
}

void fault_counter(const struct draw *draw, const struct cell_address *at, uint32_t counter[4])
{
    counter[0] = (uint32_t)at->x | (uint32_t)at->y << 16;
    counter[1] = (uint32_t)at->pe | (uint32_t)at->crossbar << 14 | (uint32_t)at->polarity << 28;
    counter[2] = (uint32_t)at->row | (uint32_t)at->column << 16;
    counter[3] = draw->trial;
}

enum cell_fate fault_cell(const struct draw *draw, const struct cell_address *at)
{
    uint32_t counter[4];
    fault_counter(draw, at, counter);
    uint64_t u = rng_counter(draw->seed, RNG_STUCK, counter), last;
    if (last_below(draw->defects.stuck_lrs, &last) && u <= last)
        return CELL_LRS;
    return last_below(draw->defects.stuck_hrs, &last) && ~u <= last ? CELL_HRS : CELL_FINE;
}

void fault_row(const struct draw *draw, const struct kernels *kernels,
               const struct cell_address *at, int n, uint8_t *fates)
{
    struct stuck stuck = {0};
    struct cell_address from = *at;
    rng_key(draw->seed, RNG_STUCK, stuck.key);
    stuck.any_low = last_below(draw->defects.stuck_lrs, &stuck.low_last);
    stuck.any_high = last_below(draw->defects.stuck_hrs, &stuck.high_last);
    for (int done = 0; done < n; done += STUCK_MOST, from.column += STUCK_MOST) {
        uint32_t counter[4];
        fault_counter(draw, &from, counter);
        kernels->stick(&stuck, counter, n - done < STUCK_MOST ? n - done : STUCK_MOST,
                       fates + done);
    }
}
