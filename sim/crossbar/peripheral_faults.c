#include "sim/crossbar/peripheral_faults.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/wire.h"
#include "nets/net.h"
#include "base/mem.h"
#include "base/portable_math.h"
#include "base/rng.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"

static struct cell_address address_of(const struct mapping *map, const struct slice *s)
{
    const struct map_tile *t = &map->tiles[s->tile];
    return (struct cell_address){t->x, t->y, s->pe, s->crossbar, 0, 0, 0};
}

static void open_bit_lines(const struct slice *s, const struct chip_sample *sample,
                           struct cell_address at, int32_t *g, struct fault_tally *lines)
{
    for (at.column = 0; at.column < s->columns; at.column++) {
        bool open = fault_bit_line(sample, &at);
        for (int row = 0; open && row < s->rows; row++)
            g[(size_t)row * s->columns + at.column] = 0;
        lines->hit += open;
    }
    lines->all += s->columns;
}

static void open_word_lines(const struct slice *s, const struct chip_sample *sample,
                            struct cell_address at, int32_t *g, struct fault_tally *lines)
{
    for (at.row = 0; at.row < s->rows; at.row++) {
        bool open = fault_word_line(sample, &at);
        if (open)
            memset(g + (size_t)at.row * s->columns, 0, (size_t)s->columns * sizeof *g);
        lines->hit += open;
    }
    lines->all += s->rows;
}

void peripheral_lines(const struct mapping *map, const struct slice *s, int array,
                      const struct chip_sample *sample, int32_t *g, struct fault_counts *counts)
{
    struct cell_address at = address_of(map, s);
    at.polarity = array;
    if (sample->defects.bit_lines > 0)
        open_bit_lines(s, sample, at, g, &counts->bit_lines);
    if (sample->defects.word_lines > 0)
        open_word_lines(s, sample, at, g, &counts->word_lines);
}

double peripheral_wires(const struct chip *chip, const struct slice *s, double unit_s, int32_t *g)
{
    int active = chip_rows_active(chip);
    double dropped = 0;
    double *g_s = mem_alloc((size_t)active * s->columns * 2, sizeof *g_s);
    double *effective_s = g_s + (size_t)active * s->columns;
    for (int first = 0; first < s->rows; first += active) {
        int rows = s->rows - first < active ? s->rows - first : active;
        const struct wire_array array = {rows, s->columns, chip->crossbar.rows - first - rows,
                                         chip->crossbar.wire_ohm};
        int32_t *group = g + (size_t)first * s->columns;
        size_t n = (size_t)rows * s->columns;
        for (size_t i = 0; i < n; i++)
            g_s[i] = group[i] * unit_s;
        wire_effective(&array, g_s, effective_s);
        for (size_t i = 0; i < n; i++) {
            group[i] = (int32_t)floor(effective_s[i] / unit_s + 0.5);
            if (g_s[i] > 0)
                dropped = fmax(dropped, 1 - effective_s[i] / g_s[i]);
        }
    }
    free(g_s);
    return dropped;
}

static int planes_of(const struct chip *chip)
{
    return chip->crossbar.subtract_after ? 2 : 1;
}

static const struct adc_params *adc_of(const struct mapping *map, const struct slice *s)
{
    return chip_adc(map->chip, map->net->layers[s->layer].name);
}

// The index, among its owner's ADCs, of the one that reads a column.
static int adc_index(const struct chip *chip, const struct adc_params *adc, const struct slice *s,
                     int column, int plane)
{
    int columns = chip->crossbar.columns + (chip->crossbar.polarity == POLARITY_OFFSET);
    int64_t place = adc->share == ADC_PER_PE ? (int64_t)s->crossbar * columns + column : column;
    return (int)((place * planes_of(chip) + plane) % adc->count);
}

static struct adc_fault fault_of(const struct chip_sample *sample, const struct adc_params *adc,
                                 struct cell_address at, int index)
{
    if (adc->share == ADC_PER_PE)
        at.crossbar = -1;
    return fault_adc(sample, &at, index);
}

struct peripheral_faults peripheral_make(struct arena *mem, const struct mapping *map,
                                         const struct slice *s, const struct chip_sample *sample)
{
    struct peripheral_faults d = {0};
    const struct adc_params *adc = adc_of(map, s);
    struct cell_address at = address_of(map, s);
    int planes = planes_of(map->chip);
    if (sample->defects.drivers > 0) {
        d.driven = arena_alloc(mem, (size_t)s->rows, sizeof *d.driven);
        for (at.row = 0; at.row < s->rows; at.row++)
            d.driven[at.row] = fault_driver(sample, &at);
        at.row = 0;
    }
    if (sample->defects.adcs <= 0 && sample->defects.adc_offset <= 0)
        return d;
    d.adc = arena_alloc(mem, (size_t)s->columns * planes, sizeof *d.adc);
    for (int i = 0; i < s->columns * planes; i++)
        d.adc[i] = fault_of(sample, adc, at, adc_index(map->chip, adc, s, i / planes, i % planes));
    return d;
}

static void count_drivers(const struct mapping *map, const struct slice *s,
                          const struct chip_sample *sample, struct fault_tally *drivers)
{
    struct cell_address at = address_of(map, s);
    for (at.row = 0; at.row < s->rows; at.row++)
        drivers->hit += fault_driver(sample, &at);
    drivers->all += s->rows;
}

// ADCs that no column of `s`, or of earlier slices with the same owner, uses.
static void count_adcs(const struct mapping *map, const struct slice *s,
                       const struct chip_sample *sample, uint8_t *seen, struct fault_tally *adcs)
{
    const struct adc_params *adc = adc_of(map, s);
    int planes = planes_of(map->chip);
    for (int i = 0; i < s->columns * planes; i++) {
        int index = adc_index(map->chip, adc, s, i / planes, i % planes);
        if (seen[index])
            continue;
        seen[index] = 1;
        adcs->all++;
        adcs->hit += fault_of(sample, adc, address_of(map, s), index).stuck;
    }
}

void peripheral_count(const struct mapping *map, const struct chip_sample *sample,
                      struct fault_counts *counts)
{
    enum { MOST = (1 << 16) + 1 }; // maximum of adc.count
    uint8_t *seen = mem_alloc(MOST, 1);
    for (int i = 0; i < map->n_slices; i++) {
        const struct slice *s = &map->slices[i];
        if (sample->defects.drivers > 0)
            count_drivers(map, s, sample, &counts->drivers);
        bool same =
            i && adc_of(map, s)->share == ADC_PER_PE && s[-1].tile == s->tile && s[-1].pe == s->pe;
        if (!same)
            memset(seen, 0, MOST);
        if (sample->defects.adcs > 0)
            count_adcs(map, s, sample, seen, &counts->adcs);
    }
    free(seen);
}

uint64_t peripheral_window(const struct chip_sample *sample, uint32_t image, int layer, int window)
{
    const uint32_t counter[4] = {image, (uint32_t)layer, (uint32_t)window, sample->trial};
    return rng_counter(sample->seed, RNG_READ_NOISE, counter);
}

void peripheral_noise(uint64_t window, int slice, uint32_t read, int n, double *noise)
{
    // The key consists of the window's own random bits: the counter is too small for all addresses.
    const uint32_t key[2] = {(uint32_t)window, (uint32_t)(window >> 32)};
    for (int c = 0; c < n; c += 4) {
        const uint32_t counter[4] = {(uint32_t)c, (uint32_t)slice, read, 0};
        uint32_t words[4];
        rng_philox(counter, key, words);
        for (int i = 0; i < 4 && c + i < n; i++)
            noise[c + i] = num_normal(words[i]);
    }
}
