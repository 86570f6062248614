#include "sim/crossbar/fault.h"

#include "nets/kernels/kernels.h"
#include "base/portable_math.h"
#include "base/rng.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/spare.h"

// The number of u below rate * 2^64, exact for rates 0 and 1: whether there are any, and the
// largest.
static bool last_below(double rate, uint64_t *last)
{
    *last = rate >= 1 ? UINT64_MAX : rate > 0 ? (uint64_t)(rate * 18446744073709551616.0) : 0;
    if (rate < 1 && *last > 0)
        --*last;
    else if (rate < 1)
        return false;
    return true;
}

void fault_counter(const struct chip_sample *sample, const struct cell_address *at,
                   uint32_t counter[4])
{
    counter[0] = (uint32_t)at->x | (uint32_t)at->y << 16;
    counter[1] = (uint32_t)at->pe | (uint32_t)at->crossbar << 14 | (uint32_t)at->polarity << 28;
    counter[2] = (uint32_t)at->row | (uint32_t)at->column << 16;
    counter[3] = sample->trial;
}

enum cell_fault fault_cell(const struct chip_sample *sample, const struct cell_address *at)
{
    uint32_t counter[4];
    struct cell_address there = spares_place(sample->spares, at);
    fault_counter(sample, &there, counter);
    uint64_t u = rng_counter(sample->seed, RNG_STUCK, counter), last;
    if (last_below(sample->defects.stuck_lrs, &last) && u <= last)
        return CELL_LRS;
    return last_below(sample->defects.stuck_hrs, &last) && ~u <= last ? CELL_HRS : CELL_FINE;
}

void fault_row(const struct chip_sample *sample, const struct kernels *kernels,
               const struct cell_address *at, int n, uint8_t *faults)
{
    struct stuck stuck = {0};
    struct cell_address from = spares_place(sample->spares, at);
    from.column = at->column;
    rng_key(sample->seed, RNG_STUCK, stuck.key);
    stuck.any_low = last_below(sample->defects.stuck_lrs, &stuck.low_last);
    stuck.any_high = last_below(sample->defects.stuck_hrs, &stuck.high_last);
    for (int done = 0; done < n; done += STUCK_MOST, from.column += STUCK_MOST) {
        uint32_t counter[4];
        fault_counter(sample, &from, counter);
        kernels->stick(&stuck, counter, n - done < STUCK_MOST ? n - done : STUCK_MOST,
                       faults + done);
    }
    from = *at;
    for (int i = 0; i < n && sample->spares;
         i++, from.column++) // cell by cell where addresses are not contiguous
        if (spares_place(sample->spares, &from).column != from.column)
            faults[i] = (uint8_t)fault_cell(sample, &from);
}

static bool hit(const struct chip_sample *sample, enum rng_purpose purpose,
                const struct cell_address *at, double rate)
{
    uint32_t counter[4];
    uint64_t last;
    if (!last_below(rate, &last))
        return false;
    fault_counter(sample, at, counter);
    return rng_counter(sample->seed, purpose, counter) <= last;
}

bool fault_word_line(const struct chip_sample *sample, const struct cell_address *at)
{
    struct cell_address line = spares_place(sample->spares, at);
    line.column = 0;
    return hit(sample, RNG_WORD_LINE, &line, sample->defects.word_lines);
}

bool fault_bit_line(const struct chip_sample *sample, const struct cell_address *at)
{
    struct cell_address line = spares_place(sample->spares, at);
    line.row = 0;
    return hit(sample, RNG_BIT_LINE, &line, sample->defects.bit_lines);
}

bool fault_driver(const struct chip_sample *sample, const struct cell_address *at)
{
    struct cell_address driver = spares_place(sample->spares, at);
    driver.polarity = driver.column = 0;
    return hit(sample, RNG_DRIVER, &driver, sample->defects.drivers);
}

struct adc_fault fault_adc(const struct chip_sample *sample, const struct cell_address *at, int adc)
{
    struct adc_fault fault = {0};
    // An ADC uses the address of a column; the ADCs of a PE use a row number outside the array.
    struct cell_address place = *at;
    place.column = adc;
    place.row = at->crossbar < 0;
    place.crossbar = at->crossbar < 0 ? 0 : at->crossbar;
    place.polarity = 0;
    uint32_t counter[4];
    fault_counter(sample, &place, counter);
    fault.stuck = hit(sample, RNG_ADC, &place, sample->defects.adcs);
    uint64_t u = rng_counter(sample->seed, RNG_ADC_CODE, counter);
    fault.place = (double)(u >> 11) * 0x1p-53;
    u = rng_counter(sample->seed, RNG_ADC_OFFSET, counter);
    if (sample->defects.adc_offset > 0)
        fault.offset = sample->defects.adc_offset * num_normal((uint32_t)(u >> 32));
    return fault;
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
