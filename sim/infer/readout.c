#include "sim/infer/readout.h"

#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "sim/base/mem.h"
#include "sim/base/num.h"
#include "sim/base/rng.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"

static struct cell_address address_of(const struct mapping *map, const struct slice *s)
{
    const struct map_tile *t = &map->tiles[s->tile];
    return (struct cell_address){t->x, t->y, s->pe, s->crossbar, 0, 0, 0};
}

static int planes_of(const struct chip *chip)
{
    return chip->crossbar.subtract_after ? 2 : 1;
}

static const struct adc_params *adc_of(const struct mapping *map, const struct slice *s)
{
    return chip_adc(map->chip, map->net->layers[s->layer].name);
}

// Which of its owner's ADCs reads a column.
static int adc_index(const struct chip *chip, const struct adc_params *adc, const struct slice *s,
                     int column, int plane)
{
    int columns = chip->crossbar.columns + (chip->crossbar.polarity == POLARITY_OFFSET);
    int64_t place = adc->share == ADC_PER_PE ? (int64_t)s->crossbar * columns + column : column;
    return (int)((place * planes_of(chip) + plane) % adc->count);
}

static struct adc_fate fate_of(const struct draw *draw, const struct adc_params *adc,
                               struct cell_address at, int index)
{
    if (adc->share == ADC_PER_PE)
        at.crossbar = -1;
    return fault_adc(draw, &at, index);
}

struct readout readout_make(struct arena *mem, const struct mapping *map, const struct slice *s,
                            const struct draw *draw)
{
    struct readout r = {0};
    const struct adc_params *adc = adc_of(map, s);
    struct cell_address at = address_of(map, s);
    int planes = planes_of(map->chip);
    if (draw->defects.drivers > 0) {
        r.driven = arena_alloc(mem, (size_t)s->rows, sizeof *r.driven);
        for (at.row = 0; at.row < s->rows; at.row++)
            r.driven[at.row] = fault_driver(draw, &at);
        at.row = 0;
    }
    if (draw->defects.adcs <= 0 && draw->defects.adc_offset <= 0)
        return r;
    r.adc = arena_alloc(mem, (size_t)s->columns * planes, sizeof *r.adc);
    for (int i = 0; i < s->columns * planes; i++)
        r.adc[i] = fate_of(draw, adc, at, adc_index(map->chip, adc, s, i / planes, i % planes));
    return r;
}

static void count_drivers(const struct mapping *map, const struct slice *s, const struct draw *draw,
                          struct fault_tally *drivers)
{
    struct cell_address at = address_of(map, s);
    for (at.row = 0; at.row < s->rows; at.row++)
        drivers->hit += fault_driver(draw, &at);
    drivers->all += s->rows;
}

// Those that no column of `s`, or of the slices before it with the same owner, has used yet.
static void count_adcs(const struct mapping *map, const struct slice *s, const struct draw *draw,
                       uint8_t *seen, struct fault_tally *adcs)
{
    const struct adc_params *adc = adc_of(map, s);
    int planes = planes_of(map->chip);
    for (int i = 0; i < s->columns * planes; i++) {
        int index = adc_index(map->chip, adc, s, i / planes, i % planes);
        if (seen[index])
            continue;
        seen[index] = 1;
        adcs->all++;
        adcs->hit += fate_of(draw, adc, address_of(map, s), index).stuck;
    }
}

void readout_count(const struct mapping *map, const struct draw *draw, struct fault_counts *counts)
{
    enum { MOST = (1 << 16) + 1 }; // of adc.count
    uint8_t *seen = mem_alloc(MOST, 1);
    for (int i = 0; i < map->n_slices; i++) {
        const struct slice *s = &map->slices[i];
        if (draw->defects.drivers > 0)
            count_drivers(map, s, draw, &counts->drivers);
        bool same =
            i && adc_of(map, s)->share == ADC_PER_PE && s[-1].tile == s->tile && s[-1].pe == s->pe;
        if (!same)
            memset(seen, 0, MOST);
        if (draw->defects.adcs > 0)
            count_adcs(map, s, draw, seen, &counts->adcs);
    }
    free(seen);
}

uint64_t readout_window(const struct draw *draw, uint32_t image, int layer, int window)
{
    const uint32_t counter[4] = {image, (uint32_t)layer, (uint32_t)window, draw->trial};
    return rng_counter(draw->seed, RNG_READ_NOISE, counter);
}

void readout_noise(uint64_t window, int slice, uint32_t read, int n, double *noise)
{
    // The window's own bits are the key: the counter could not hold all addresses.
    const uint32_t key[2] = {(uint32_t)window, (uint32_t)(window >> 32)};
    for (int c = 0; c < n; c += 4) {
        const uint32_t counter[4] = {(uint32_t)c, (uint32_t)slice, read, 0};
        uint32_t words[4];
        rng_philox(counter, key, words);
        for (int i = 0; i < 4 && c + i < n; i++)
            noise[c + i] = num_normal(words[i]);
    }
}
