#include <stdlib.h>
#include <string.h>

#include "nets/geometry.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/matrix.h"
#include "sim/crossbar/sections.h"
#include "sim/map/map.h"

static bool covers(const struct packed *p, int layer)
{
    const struct matrix *m = &p->arrays->layers[layer];
    for (int r = 0; r < m->replicas; r++)
        if (!matrix_of_row(m, r)->packed)
            return false;
    return level_model_cover(p->arrays, layer);
}

static void fill_masks(const struct kernels *kernels, const struct matrix *m, const struct layer *l,
                       const struct rows *rows, const struct section *s, uint64_t *masks)
{
    int words = l->kernel_h * s->line;
    for (int row = rows->first; row < rows->first + rows->n; row++) {
        int x = row % l->kernel_w, y = row / l->kernel_w % l->kernel_h;
        int bit =
            x * l->dilation_w * s->pixel_bytes * 8 + row / (l->kernel_w * l->kernel_h) - s->chan0;
        size_t word = (size_t)y * s->line + bit / 64;
        uint64_t set = (uint64_t)1 << bit % 64;
        const int32_t *w = m->w + (size_t)row * m->columns;
        for (int c = 0; c < m->columns; c += LANES) {
            uint64_t *to = masks + ((size_t)c / LANES * words + word) * 2 * LANES;
            kernels->set_bits(w + c, LANES, set, to, to + LANES);
        }
    }
}

static void add_section(struct packed *p, int layer, const struct rows *rows)
{
    const struct layer *l = &p->map->net->layers[layer];
    const struct matrix *m = &p->arrays->layers[layer];
    struct section *s = packed_add_section(p, layer, rows);
    packed_add_map(p, l, s, packed_pixel_bytes(s->channels));
    s->line = (extent_w(l) * s->pixel_bytes + 7) / 8;
    s->replica = (size_t)l->kernel_h * s->line * 2 * m->columns;
    s->masks = arena_alloc(p->mem, m->replicas * s->replica, sizeof *s->masks);
    for (int r = 0; r < m->replicas; r++)
        fill_masks(p->kernels, matrix_of_row(m, r), l, rows, s, s->masks + r * s->replica);
}

// The ADC's code of every sum of a read-out, and the value of every sum of its codes.
static void tabulate_codes(struct packed *p, struct packed_layer *pl, int64_t full, int half)
{
    pl->codes = arena_alloc(p->mem, 2 * (size_t)pl->rows + 1, sizeof *pl->codes);
    for (int sum = -pl->rows; sum <= pl->rows; sum++) {
        int32_t code = (int32_t)array_code(full, half, sum);
        pl->codes[sum + pl->rows] = code;
        pl->most = abs(code) > pl->most ? abs(code) : pl->most;
    }
    if (full <= (int64_t)1 << half)
        return;
    pl->most *= pl->n_sections;
    pl->values = arena_alloc(p->mem, 2 * (size_t)pl->most + 1, sizeof *pl->values);
    for (int codes = -pl->most; codes <= pl->most; codes++)
        pl->values[codes + pl->most] = (int32_t)array_value(full, half, codes);
}

static void cut(struct packed *p, int layer)
{
    const struct level_model *a = p->arrays;
    const struct matrix *m = &a->layers[layer];
    struct packed_layer *pl = &p->layers[layer];
    struct rows *rows = mem_alloc((size_t)m->rows, sizeof *rows);
    int n = packed_readouts(p, layer, rows);
    int half = chip_adc(a->map->chip, a->map->net->layers[layer].name)->bits - 1;
    if (!m->clips) {
        n = 1;
        rows[0] = (struct rows){0, m->rows};
    }
    pl->sections = arena_alloc(p->mem, (size_t)n, sizeof *pl->sections);
    for (int i = 0; i < n; i++)
        add_section(p, layer, &rows[i]);
    if (m->clips)
        tabulate_codes(p, pl, m->full, half);
    free(rows);
}

static void copy_channels(const struct kernels *kernels, const struct section *s,
                          const uint8_t *from, int each, int n, uint8_t *to)
{
    (void)kernels;
    if (s->chan0 == 0 && s->pixel_bytes == each) {
        memcpy(to, from, (size_t)n * each);
        return;
    }
    from += s->chan0 / 8;
    for (int i = 0; i < n; i++, from += each)
        for (int k = 0; k < s->pixel_bytes; k++)
            *to++ = (uint8_t)((from[k] | from[k + 1] << 8) >> s->chan0 % 8);
}

static void count_section(struct packed_run *run, int layer, const struct section *s, int y)
{
    const struct packed *p = run->packed;
    const struct layer *l = &p->map->net->layers[layer];
    int replica = y % p->arrays->layers[layer].replicas;
    size_t line;
    const uint8_t *window = packed_window(run, l, s, y, &line);
    const struct windows windows = {.map = window,
                                    .window_step = (size_t)l->stride_w * s->pixel_bytes,
                                    .line_step = line,
                                    .n = l->out_w,
                                    .lines = l->kernel_h,
                                    .line_words = s->line,
                                    .masks = s->masks + replica * s->replica,
                                    .columns = p->layers[layer].columns};
    p->kernels->count_windows(&windows, run->sums);
}

// The sums of output row y, with each read-out converted by the ADC.
static const int32_t *count_row(struct packed_run *run, int layer, int y)
{
    const struct packed_layer *pl = &run->packed->layers[layer];
    if (!pl->codes) {
        count_section(run, layer, pl->sections, y);
        return run->sums;
    }
    const int32_t *codes = pl->codes + pl->rows; // points to the code of sum 0
    size_t n = (size_t)run->packed->map->net->layers[layer].out_w * pl->columns;
    memset(run->codes, 0, n * sizeof *run->codes);
    const struct kernels *kernels = run->packed->kernels;
    for (int i = 0; i < pl->n_sections; i++) {
        count_section(run, layer, &pl->sections[i], y);
        kernels->add_looked_up(codes, run->sums, n, run->codes);
    }
    if (!pl->values)
        return run->codes;
    memset(run->sums, 0, n * sizeof *run->sums);
    kernels->add_looked_up(pl->values + pl->most, run->codes, n, run->sums);
    return run->sums;
}

const struct cell_kind cells_of_levels = {covers, cut, copy_channels, count_row};
