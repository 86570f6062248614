#include "sim/map/groups.h"

#include <stdint.h>

#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"

static int64_t min_int64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// -1 and +1 in one cell or one minus the other: binary weights of single arrays.
static bool has_zero(const struct layer *layer, const struct chip *chip)
{
    return chip->crossbar.polarity == POLARITY_DIFFERENTIAL || layer->weight_bits > 1;
}

static int columns_of_weight(const struct layer *layer, const struct chip *chip)
{
    int bits = layer->weight_bits;
    if (chip->crossbar.polarity == POLARITY_DIFFERENTIAL && bits > 1)
        bits--; // the sign is the pair's
    return chip->crossbar.slices == SLICES_IN_COLUMNS
               ? (bits + chip->cell.bits - 1) / chip->cell.bits
               : 1;
}

static int64_t groups_that_fit(const struct layer *layer, const struct chip *chip)
{
    int outs = chip->crossbar.columns / columns_of_weight(layer, chip);
    return min_int64(chip->crossbar.rows / layer_inputs(layer),
                     outs / (layer->out_c / layer->groups));
}

// Whether one bit of the ADC is a sign: pairs are subtracted before it, or signed inputs take a
// single cycle (sim/crossbar/readout.h).
static bool reads_signs(const struct net *net, const struct layer *layer, const struct chip *chip)
{
    bool pair = chip->crossbar.polarity == POLARITY_DIFFERENTIAL;
    bool signed_digits =
        net->layers[layer->input[0]].is_signed && layer->in_bits[0] <= chip->dac.bits;
    return (pair && !chip->crossbar.subtract_after) || signed_digits;
}

// How many can share a crossbar so that, without faults, the ADC loses no more than of a group
// alone.
static int64_t groups_read_alike(const struct net *net, const struct layer *layer,
                                 const struct chip *chip)
{
    bool pair = chip->crossbar.polarity == POLARITY_DIFFERENTIAL;
    int bits = chip_adc(chip, layer->name)->bits - reads_signs(net, layer, chip);
    int64_t codes = ((int64_t)1 << (bits < 62 ? bits : 62)) - 1;
    int dac = (int)min_int64(layer->in_bits[0], chip->dac.bits);
    int64_t product = (((int64_t)1 << chip->cell.bits) - 1) * (((int64_t)1 << dac) - 1);
    int64_t rows = codes / product, active = chip_rows_active(chip), group = layer_inputs(layer);
    bool lossless = min_int64(group, active) <= rows;
    if (pair) // sums are those of one group, as long as its rows are driven together
        return lossless ? layer->groups : active / group;
    return !lossless ? 1 : active <= rows ? layer->groups : rows / group;
}

int groups_packed(const struct net *net, const struct layer *layer, const struct chip *chip)
{
    int how = chip->mapping.groups;
    if (layer->groups == 1 || how == GROUPS_APART || !has_zero(layer, chip))
        return 1;
    int64_t n = min_int64(layer->groups, groups_that_fit(layer, chip));
    if (how == GROUPS_AUTO)
        n = min_int64(n, groups_read_alike(net, layer, chip));
    return n > 1 ? (int)n : 1;
}

bool groups_check(const struct layer *layer, const struct chip *chip, struct err *err)
{
    if (layer->groups == 1 || chip->mapping.groups != GROUPS_PACKED || has_zero(layer, chip))
        return true;
    return conf_fail(
        conf_find(chip->conf->root, "mapping.groups"), err,
        "layer '%s' has binary weights, which a single array holds as -1 and +1, so no "
        "0 keeps its groups apart in one crossbar; set mapping.groups=apart, or "
        "crossbar.polarity=differential",
        layer->name);
}
