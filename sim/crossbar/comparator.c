#include "sim/crossbar/comparator.h"

#include <math.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/readout.h"
#include "sim/map/map.h"

bool comparator_reads(const struct mapping *map, int layer)
{
    return chip_adc(map->chip, map->net->layers[layer].name)->bits == 1;
}

bool comparator_check(const struct mapping *map, int layer, struct err *err)
{
    const struct chip *chip = map->chip;
    const struct layer *l = &map->net->layers[layer];
    const struct conf_node *at = conf_find(chip->conf->root, "adc");
    if (!readout_signed(chip))
        return conf_fail(at, err,
                         "a one-bit read-out compares plus and minus columns, but this chip does "
                         "not subtract them before the ADC (layer '%s'); set crossbar.polarity to "
                         "differential and subtract to before_adc, or adc.bits to 2 or more",
                         l->name);
    if (l->weight_bits != 1 || l->in_bits[0] != 1)
        return conf_fail(at, err,
                         "layer '%s' has %d-bit weights and %d-bit inputs, whose sums a one-bit "
                         "read-out cannot represent; choose --form binary, or set adc.bits to 2 or "
                         "more (overrides: for this layer only)",
                         l->name, l->weight_bits, l->in_bits[0]);
    if (net_reads_bipolar(map->net, layer))
        return conf_fail(at, err,
                         "layer '%s' reads activations of -1 and +1, for which one-bit read-outs "
                         "are not supported; set activations to zero_one, or adc.bits to 2 or more",
                         l->name);
    return chip_adc(chip, l->name)->range == ADC_FULL ||
           conf_fail(at, err,
                     "layer '%s' has a one-bit read-out, whose reference comes from the "
                     "batch-norm; set adc.range to full",
                     l->name);
}

static int rows_of_readout(const struct mapping *map, int layer)
{
    const struct map_layer *ml = &map->layers[layer];
    int rows = 1, active = chip_rows_active(map->chip);
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++)
        rows = map->slices[i].rows > rows ? map->slices[i].rows : rows;
    return rows < active ? rows : active;
}

double comparator_worth(const struct mapping *map, int layer)
{
    return sqrt(rows_of_readout(map, layer) / 3.14159265358979323846);
}

// Whether only a threshold reads the sums of a layer.
static bool goes_into_threshold(const struct int_net *net, int layer)
{
    const struct net *from = net->net;
    if (net->layers[layer].add >= 0 || from->layers[layer].act != ACT_THRESHOLD ||
        (size_t)layer == from->n - 1)
        return false;
    for (size_t i = 1; i < from->n; i++)
        if (from->layers[i].kind == LAYER_ADD &&
            (from->layers[i].input[0] == layer || from->layers[i].input[1] == layer))
            return false;
    return true;
}

void comparator_references(const struct int_net *net, int layer, double *references)
{
    const struct int_layer *il = &net->layers[layer];
    bool threshold = goes_into_threshold(net, layer);
    for (int c = 0; c < net->net->layers[layer].out_c; c++) {
        int32_t low, high;
        int_net_threshold(il, c, &low, &high);
        if (threshold)
            references[c] = il->mul[c] < 0 ? high + 0.5 : low - 0.5;
        else
            references[c] = il->mul[c] ? -(double)il->offset[c] / (double)il->mul[c] : 0;
    }
}

bool comparator_exact(const struct mapping *map, const struct int_net *net, int layer)
{
    const struct map_layer *ml = &map->layers[layer];
    return goes_into_threshold(net, layer) && ml->row_blocks == 1 &&
           map_matrix_rows(map, layer) <= chip_rows_active(map->chip);
}
