#include "sim/crossbar/fault.h"

#include "nets/kernels/kernels.h"
#include "base/num.h"
#include "base/rng.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/spare.h"

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
    struct cell_address there = spares_place(draw->spares, at);
    fault_counter(draw, &there, counter);
    uint64_t u = rng_counter(draw->seed, RNG_STUCK, counter), last;
    if (last_below(draw->defects.stuck_lrs, &last) && u <= last)
        return CELL_LRS;
    return last_below(draw->defects.stuck_hrs, &last) && ~u <= last ? CELL_HRS : CELL_FINE;
}

void fault_row(const struct draw *draw, const struct kernels *kernels,
               const struct cell_address *at, int n, uint8_t *fates)
{
    struct stuck stuck = {0};
    struct cell_address from = spares_place(draw->spares, at);
    from.column = at->column;
    rng_key(draw->seed, RNG_STUCK, stuck.key);
    stuck.any_low = last_below(draw->defects.stuck_lrs, &stuck.low_last);
    stuck.any_high = last_below(draw->defects.stuck_hrs, &stuck.high_last);
    for (int done = 0; done < n; done += STUCK_MOST, from.column += STUCK_MOST) {
        uint32_t counter[4];
        fault_counter(draw, &from, counter);
        kernels->stick(&stuck, counter, n - done < STUCK_MOST ? n - done : STUCK_MOST,
                       fates + done);
    }
    from = *at;
    for (int i = 0; i < n && draw->spares; i++, from.column++) // one by one what does not follow on
        if (spares_place(draw->spares, &from).column != from.column)
            fates[i] = (uint8_t)fault_cell(draw, &from);
}

static bool hit(const struct draw *draw, enum rng_purpose purpose, const struct cell_address *at,
                double rate)
{
    uint32_t counter[4];
    uint64_t last;
    if (!last_below(rate, &last))
        return false;
    fault_counter(draw, at, counter);
    return rng_counter(draw->seed, purpose, counter) <= last;
}

bool fault_word_line(const struct draw *draw, const struct cell_address *at)
{
    struct cell_address line = spares_place(draw->spares, at);
    line.column = 0;
    return hit(draw, RNG_WORD_LINE, &line, draw->defects.word_lines);
}

bool fault_bit_line(const struct draw *draw, const struct cell_address *at)
{
    struct cell_address line = spares_place(draw->spares, at);
    line.row = 0;
    return hit(draw, RNG_BIT_LINE, &line, draw->defects.bit_lines);
}

bool fault_driver(const struct draw *draw, const struct cell_address *at)
{
    struct cell_address driver = spares_place(draw->spares, at);
    driver.polarity = driver.column = 0;
    return hit(draw, RNG_DRIVER, &driver, draw->defects.drivers);
}

struct adc_fate fault_adc(const struct draw *draw, const struct cell_address *at, int adc)
{
    struct adc_fate fate = {0};
    // An ADC takes the place of a column; a PE's own stand where no row is.
    struct cell_address place = *at;
    place.column = adc;
    place.row = at->crossbar < 0;
    place.crossbar = at->crossbar < 0 ? 0 : at->crossbar;
    place.polarity = 0;
    uint32_t counter[4];
    fault_counter(draw, &place, counter);
    fate.stuck = hit(draw, RNG_ADC, &place, draw->defects.adcs);
    uint64_t u = rng_counter(draw->seed, RNG_ADC_CODE, counter);
    fate.place = (double)(u >> 11) * 0x1p-53;
    u = rng_counter(draw->seed, RNG_ADC_OFFSET, counter);
    if (draw->defects.adc_offset > 0)
        fate.offset = draw->defects.adc_offset * num_normal((uint32_t)(u >> 32));
    return fate;
}

static void add_tally(struct fault_tally *to, const struct fault_tally *from)
{
    to->all += from->all;
    to->hit += from->hit;
}

void fault_add(struct fault_counts *to, const struct fault_counts *from)
{
    to->cells += from->cells;
    to->lrs += from->lrs;
    to->hrs += from->hrs;
    add_tally(&to->word_lines, &from->word_lines);
    add_tally(&to->bit_lines, &from->bit_lines);
    add_tally(&to->drivers, &from->drivers);
    add_tally(&to->adcs, &from->adcs);
}

bool defects_need_reads(const struct defect_params *defects)
{
    return defects->drivers > 0 || defects->adcs > 0 || defects->adc_offset > 0 ||
           defects->read_noise > 0;
}

bool defects_need_conductances(const struct defect_params *defects, const struct chip *chip)
{
    return defect_varies(defects) || chip->crossbar.wire_ohm > 0 || defects_need_reads(defects);
}
