#include "sim/crossbar/readout.h"

#include <math.h>

#include "nets/net.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/bound.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/comparator.h"
#include "sim/map/map.h"

bool readout_signed(const struct chip *chip)
{
    return chip->crossbar.polarity == POLARITY_DIFFERENTIAL && !chip->crossbar.subtract_after;
}

// The smallest worth with which codes up to `most` reach a sum.
static double finest(double sum, double most)
{
    double worth = 1;
    while (worth > 0x1p-8 && worth / 2 * most >= sum)
        worth /= 2;
    return worth;
}

static double worth_of(const struct mapping *map, int layer, double codes, bool broken)
{
    const struct chip *chip = map->chip;
    const struct layer *l = &map->net->layers[layer];
    int all = chip_rows_active(chip), top = (1 << chip->cell.bits) - 1;
    int64_t own = map_matrix_rows(map, layer), group = own / map->layers[layer].packed;
    own = own < all ? own : all;
    double inputs = (1 << chip->dac.bits) - 1, full = (double)column_full(chip, all, top) * inputs;
    if (full <= codes) // faulty cells may exceed half of a flipped column
        return finest(broken ? (double)all * top * inputs : full, codes - 1);
    if (chip->crossbar.encoding == ENCODING_FLIP) {
        int held = l->weight_bits < chip->cell.bits ? l->weight_bits : chip->cell.bits;
        double of_own = (double)column_full(chip, own, (1 << held) - 1) *
                        fmax(bound_digits(map, layer).high, -bound_digits(map, layer).low);
        return of_own < codes ? 1 : full / codes;
    }
    // Cells and DACs may be wider than their contents, and arrays taller than the layer.
    int64_t product = largest_product(chip, l, broken);
    if ((double)(own * product) < codes)
        return finest((double)(own * product), codes - 1);
    // Pairs between groups contribute nothing to sums.
    int64_t sums = chip->crossbar.polarity == POLARITY_DIFFERENTIAL && group < own ? group : own;
    return (double)(sums * product) < codes ? 1 : full / codes;
}

static int64_t met_by(const struct mapping *map, int layer, const int64_t *ranges)
{
    bool calibrated = chip_adc(map->chip, map->net->layers[layer].name)->range == ADC_CALIBRATED;
    return calibrated && ranges ? ranges[layer] : -1;
}

// met: R of a calibrated ADC; -1: range full.
static struct readout of_bits(const struct mapping *map, int layer, int bits, double unit,
                              bool broken, int64_t met)
{
    bool has_sign = readout_signed(map->chip) || bound_digits(map, layer).low < 0;
    double codes = ldexp(1, has_sign ? bits - 1 : bits);
    double worth = worth_of(map, layer, codes, broken);
    if (met >= 0)
        worth = (double)met > codes ? (double)met / codes : fmin(1, worth);
    double step = unit * worth;
    // Currents are integer multiples of units, and steps are integer multiples of units / codes:
    // halves round up even though 1 / step itself is rounded.
    double half = 0.5 + (step > 1 ? 0.25 / (step * codes) : 0);
    return (struct readout){.worth = worth,
                            .code = {1 / step, half, has_sign ? -codes : 0, codes - 1},
                            .value = {worth, 0.5, -0x1p62, 0x1p62}};
}

struct readout readout_of(const struct mapping *map, int layer, double unit, bool broken,
                          const int64_t *ranges)
{
    int bits = chip_adc(map->chip, map->net->layers[layer].name)->bits;
    if (comparator_reads(map, layer)) {
        double worth = comparator_worth(map, layer);
        return (struct readout){.comparator = true,
                                .worth = worth,
                                .code = {1 / (unit * worth), 0, -1, 1},
                                .value = {worth, 0.5, -0x1p62, 0x1p62}};
    }
    return of_bits(map, layer, bits, unit, broken, met_by(map, layer, ranges));
}

bool readout_lossless(const struct readout *readout, const struct sum_bound *bound)
{
    const struct quantiser *code = &readout->code;
    return !readout->comparator && readout->worth <= 1 &&
           bound->high <= code->high * readout->worth && bound->low >= code->low * readout->worth;
}

int readout_bits(const struct mapping *map, int layer, bool broken, const int64_t *ranges,
                 const struct sum_bound *bound)
{
    enum { MOST = 62 };
    int64_t met = met_by(map, layer, ranges);
    for (int bits = 1; bits < MOST; bits++) {
        struct readout r = of_bits(map, layer, bits, 1, broken, met);
        if (readout_lossless(&r, bound))
            return bits;
    }
    return MOST;
}
