#include <string.h>

#include "nets/geometry.h"
#include "nets/kernels/kernels.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/crossbar/matrix.h"
#include "sim/map/map.h"

// The length of one line. Pixels between the taps of a dilated window have zero weights.
static int pairs_of(const struct layer *l)
{
    return (extent_w(l) * l->in_c + 1) / 2;
}

bool lines_cover(const struct layer *layer, const struct matrix *m)
{
    return m->groups == 1 && layer->dilation_w <= LINE_DILATION;
}

void lines_build(struct level_model *arrays, int layer, struct matrix *m)
{
    const struct layer *l = &arrays->map->net->layers[layer];
    size_t pairs = (size_t)l->kernel_h * pairs_of(l);
    m->lines = arena_alloc(arrays->mem, pairs * 2 * m->columns, sizeof *m->lines);
    for (int row = 0; row < m->rows; row++) {
        int x = row % l->kernel_w, y = row / l->kernel_w % l->kernel_h;
        int at = x * l->dilation_w * l->in_c + row / (l->kernel_w * l->kernel_h);
        size_t pair = (size_t)y * pairs_of(l) + at / 2;
        for (int c = 0; c < m->columns; c++) {
            size_t to = (c / LANES * pairs + pair) * LANES + c % LANES;
            m->lines[2 * to + at % 2] = (int16_t)m->w[(size_t)row * m->columns + c];
        }
    }
}

size_t lines_map_size(const struct level_model *arrays, int layer)
{
    const struct layer *l = &arrays->map->net->layers[layer];
    // One extra element: the last pair of an odd line.
    return (size_t)padded_h(l) * padded_w(l) * l->in_c + 1;
}

void lines_fill(const struct level_model *arrays, int layer, const int32_t *in, int16_t *map)
{
    const struct layer *l = &arrays->map->net->layers[layer];
    size_t top = (size_t)l->pad_top, left = (size_t)l->pad_left, width = (size_t)padded_w(l);
    for (size_t i = 0; i < lines_map_size(arrays, layer); i++)
        map[i] = l->pad_one;
    for (int y = 0; y < l->in_h; y++)
        for (int c = 0; c < l->in_c; c++) {
            int16_t *to = map + ((y + top) * width + left) * l->in_c + c;
            const int32_t *from = in + ((size_t)c * l->in_h + y) * l->in_w;
            for (int x = 0; x < l->in_w; x++)
                to[(size_t)x * l->in_c] = (int16_t)from[x];
        }
}

void lines_row(const struct level_model *arrays, int layer, int y, const int16_t *map,
               int32_t *sums, int64_t *acc)
{
    const struct layer *l = &arrays->map->net->layers[layer];
    const struct matrix *m = matrix_of_row(&arrays->layers[layer], y);
    size_t line = (size_t)padded_w(l) * l->in_c, pixels = (size_t)l->out_h * l->out_w;
    const struct pairs pairs = {.map = map + (size_t)y * l->stride_h * line,
                                .window_step = (size_t)l->stride_w * l->in_c,
                                .line_step = line * l->dilation_h,
                                .n = l->out_w,
                                .lines = l->kernel_h,
                                .line_pairs = pairs_of(l),
                                .weights = m->lines,
                                .columns = m->columns};
    arrays->kernels->dot_windows(&pairs, sums);
    for (int c = 0; c < m->outs; c++)
        for (int x = 0; x < l->out_w; x++)
            acc[c * pixels + (size_t)y * l->out_w + x] = sums[(size_t)x * m->columns + c];
}
