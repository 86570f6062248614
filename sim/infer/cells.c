#include "sim/infer/cells.h"

#include <stddef.h>

#include "nets/net.h"
#include "sim/chip/chip.h"

int cell_level(int polarity, int bits, int cell_bits, int32_t w, int slice, int array)
{
    int64_t held;
    if (polarity == POLARITY_DIFFERENTIAL)
        held = (w > 0 && array == 0) || (w < 0 && array == 1) ? (w > 0 ? w : -(int64_t)w) : 0;
    else
        held = bits == 1 ? (w + 1) / 2 : w + ((int64_t)1 << (bits - 1));
    return (int)(held >> (slice * cell_bits) & ((1 << cell_bits) - 1));
}

int64_t largest_product(const struct chip *chip, const struct layer *layer, bool broken)
{
    int own = chip->cell.bits, held = layer->weight_bits;
    int cell = broken || held > own ? own : held;
    int dac = layer->in_bits[0] < chip->dac.bits ? layer->in_bits[0] : chip->dac.bits;
    return (((int64_t)1 << cell) - 1) * (((int64_t)1 << dac) - 1);
}

void gather_window(const struct layer *layer, const int32_t *in, int group, int y, int x,
                   int32_t *window)
{
    int channels = layer->in_c / layer->groups;
    size_t row = 0;
    for (int c = group * channels; c < (group + 1) * channels; c++)
        for (int ky = 0; ky < layer->kernel_h; ky++) {
            int iy = y * layer->stride + ky - layer->pad;
            for (int kx = 0; kx < layer->kernel_w; kx++, row++) {
                int ix = x * layer->stride + kx - layer->pad;
                bool inside = iy >= 0 && iy < layer->in_h && ix >= 0 && ix < layer->in_w;
                window[row] = inside ? in[((size_t)c * layer->in_h + iy) * layer->in_w + ix] : 0;
            }
        }
}
