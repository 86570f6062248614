#include "sim/infer/readout.h"

#include <math.h>

#include "nets/net.h"
#include "sim/chip/chip.h"
#include "sim/infer/cells.h"
#include "sim/map/groups.h"

bool readout_signed(const struct chip *chip)
{
    return chip->crossbar.polarity == POLARITY_DIFFERENTIAL && !chip->crossbar.subtract_after;
}

// The finest worth with which codes up to `most` reach a sum.
static double finest(double sum, double most)
{
    double worth = 1;
    while (worth > 0x1p-8 && worth / 2 * most >= sum)
        worth /= 2;
    return worth;
}

int64_t readout_of_group(const struct chip *chip, const struct layer *l, bool broken)
{
    int64_t rows = l->in_c / l->groups * l->kernel_h * l->kernel_w, active = chip_rows_active(chip);
    if (chip->crossbar.polarity != POLARITY_DIFFERENTIAL)
        rows *= groups_packed(l, chip);
    return (rows < active ? rows : active) * largest_product(chip, l, broken);
}

static double worth_of(const struct chip *chip, const struct layer *l, double codes, bool broken)
{
    int all = chip_rows_active(chip), group = l->in_c / l->groups * l->kernel_h * l->kernel_w;
    int own = group * groups_packed(l, chip);
    double inputs = (1 << chip->dac.bits) - 1, top = (1 << chip->cell.bits) - 1;
    double full = all * top * inputs;
    if (full <= codes)
        return finest(full, codes - 1);
    // Cells and DACs may be wider than what they hold, arrays taller than the layer.
    double largest = (double)((own < all ? own : all) * largest_product(chip, l, broken));
    if (largest < codes)
        return finest(largest, codes - 1);
    return readout_of_group(chip, l, broken) < codes ? 1 : full / codes;
}

struct readout readout_of(const struct chip *chip, const struct layer *layer, double unit,
                          bool broken, int64_t met)
{
    int bits = chip_adc(chip, layer->name)->bits;
    bool has_sign = readout_signed(chip);
    double codes = ldexp(1, has_sign ? bits - 1 : bits);
    double worth = worth_of(chip, layer, codes, broken);
    if (met >= 0)
        worth = (double)met > codes ? (double)met / codes : fmin(1, worth);
    double step = unit * worth;
    // Currents are whole numbers of units, steps whole numbers of units / codes: halves are rounded
    // up although 1 / step is rounded itself.
    double half = 0.5 + (step > 1 ? 0.25 / (step * codes) : 0);
    return (struct readout){.worth = worth,
                            .code = {1 / step, half, has_sign ? -codes : 0, codes - 1},
                            .value = {worth, 0.5, -0x1p62, 0x1p62}};
}
