#include "sim/crossbar/cells.h"

#include <stddef.h>
#include <string.h>

#include "nets/geometry.h"
#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"

int cell_level(int polarity, int bits, int cell_bits, int32_t w, int slice, int array)
{
    int64_t held;
    if (polarity == POLARITY_DIFFERENTIAL)
        held = (w > 0 && array == 0) || (w < 0 && array == 1) ? (w > 0 ? w : -(int64_t)w) : 0;
    else
        held = bits == 1 ? (w + 1) / 2 : w + ((int64_t)1 << (bits - 1));
    return (int)(held >> (slice * cell_bits) & ((1 << cell_bits) - 1));
}

int slice_level(const struct mapping *mapping, const struct slice *slice, const int32_t *w, int row,
                int column, int array)
{
    const struct chip *chip = mapping->chip;
    const struct layer *l = &mapping->net->layers[slice->layer];
    int columns = mapping->layers[slice->layer].column_slices, out = column / columns;
    if (out >= slice->outs)
        return 1; // the offset column
    return cell_level(chip->crossbar.polarity, l->weight_bits, chip->cell.bits,
                      weight_at(l, slice, w, row, out),
                      columns > 1 ? column % columns : slice->weight_slice, array);
}

int64_t column_full(const struct chip *chip, int64_t rows, int level)
{
    int64_t full = rows * level;
    if (chip->crossbar.encoding != ENCODING_FLIP)
        return full;
    int64_t half = rows * ((1 << chip->cell.bits) - 1) / 2;
    int64_t unit = chip->crossbar.polarity == POLARITY_OFFSET ? rows : 0;
    half = half > unit ? half : unit;
    return full < half ? full : half;
}

bool full_sum(const struct mapping *mapping, int layer, const int64_t *ranges, int64_t *full,
              struct err *err)
{
    const struct chip *chip = mapping->chip;
    const char *name = mapping->net->layers[layer].name;
    int64_t dac_top = (1 << chip->dac.bits) - 1;
    *full = column_full(chip, chip_rows_active(chip), (1 << chip->cell.bits) - 1) * dac_top;
    if (chip_adc(chip, name)->range == ADC_FULL)
        return true;
    if (!ranges)
        return err_set(
            err,
            "the ADC of layer '%s' is calibrated, but there are no images to calibrate it; "
            "set adc.range to full",
            name);
    *full = ranges[layer];
    return true;
}

int64_t largest_product(const struct chip *chip, const struct layer *layer, bool broken)
{
    int own = chip->cell.bits, held = layer->weight_bits;
    int cell = broken || held > own ? own : held;
    int dac = layer->in_bits[0] < chip->dac.bits ? layer->in_bits[0] : chip->dac.bits;
    return (((int64_t)1 << cell) - 1) * (((int64_t)1 << dac) - 1);
}

struct weight_row weight_row(const struct layer *layer, const struct slice *slice, const int32_t *w,
                             int row, int32_t *scratch)
{
    int rows = layer_inputs(layer), outs = layer->out_c / layer->groups;
    row += slice->row0;
    if (slice->groups == 1)
        return (struct weight_row){w + (size_t)slice->out0 * rows + row, (size_t)rows};
    memset(scratch, 0, (size_t)slice->outs * sizeof *scratch);
    int from = (slice->group + row / rows) * outs, end = from + outs; // outputs of the row's group
    from = from > slice->out0 ? from : slice->out0;
    for (int o = from; o < end && o < slice->out0 + slice->outs; o++)
        scratch[o - slice->out0] = w[(size_t)o * rows + row % rows];
    return (struct weight_row){scratch, 1};
}

int32_t weight_at(const struct layer *layer, const struct slice *slice, const int32_t *w, int row,
                  int out)
{
    int rows = layer_inputs(layer), outs = layer->out_c / layer->groups;
    row += slice->row0;
    out += slice->out0;
    bool diagonal = slice->group + row / rows == out / outs;
    return diagonal ? w[(size_t)out * rows + row % rows] : 0;
}

void gather_window(const struct layer *layer, const int32_t *in, int chan0, int chans, int y, int x,
                   int32_t *window)
{
    size_t row = 0;
    for (int c = chan0; c < chan0 + chans; c++)
        for (int ky = 0; ky < layer->kernel_h; ky++) {
            int iy = window_top(layer, y) + ky * layer->dilation_h;
            for (int kx = 0; kx < layer->kernel_w; kx++, row++) {
                int ix = window_left(layer, x) + kx * layer->dilation_w;
                bool inside = iy >= 0 && iy < layer->in_h && ix >= 0 && ix < layer->in_w;
                window[row] =
                    inside ? in[((size_t)c * layer->in_h + iy) * layer->in_w + ix] : layer->pad_one;
            }
        }
}

void gather_slice(const struct layer *layer, const struct slice *slice, const int32_t *in, int y,
                  int x, int32_t *window)
{
    int each = layer->in_c / layer->groups;
    gather_window(layer, in, slice->group * each, slice->groups * each, y, x, window);
}
