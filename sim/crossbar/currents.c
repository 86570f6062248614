// Conductances for packed.c: binary differential pairs subtracted before the ADC, each a 16-bit
// number.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/geometry.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/blocks.h"
#include "sim/crossbar/comparator.h"
#include "sim/crossbar/sections.h"
#include "sim/map/map.h"

static bool covers(const struct packed *p, int layer)
{
    const struct chip *chip = p->map->chip;
    const struct layer *l = &p->map->net->layers[layer];
    double rows = (double)l->in_c * l->kernel_h * l->kernel_w;
    double scale = conductance_model_readout(p->analog, layer).code.scale,
           at_once = fmin(rows, chip_rows_active(chip));
    // Sums and added codes must stay below 2^31.
    return !p->analog->beside && !comparator_reads(p->map, layer) &&
           !defects_need_reads(&p->analog->sample.defects) && readout_signed(chip) &&
           chip->cell.bits == 1 && l->weight_bits == 1 && l->in_bits[0] == 1 &&
           at_once * INT16_MAX < 0x1p30 && rows * INT16_MAX * scale < 0x1p30;
}

static struct section *add_section(struct packed *p, int layer, const struct rows *rows)
{
    const struct layer *l = &p->map->net->layers[layer];
    struct section *s = packed_add_section(p, layer, rows);
    packed_add_map(p, l, s, s->channels * (int)sizeof *s->pairs);
    s->line = (extent_w(l) * s->channels + 1) / 2;
    s->replica = (size_t)l->kernel_h * s->line * 2 * packed_columns(l);
    s->pairs = arena_alloc(p->mem, p->map->layers[layer].replicas * s->replica, sizeof *s->pairs);
    return s;
}

// One driven row of a crossbar.
static void place_row(const struct layer *l, const struct block *block, int row,
                      const struct section *to)
{
    enum { LANES = 8 };
    const struct slice *s = block->slice;
    const int32_t *from = block->plane[0] + (size_t)row * s->columns;
    int of_layer = s->row0 + row, x = of_layer % l->kernel_w;
    int y = of_layer / l->kernel_w % l->kernel_h;
    int at = x * l->dilation_w * to->channels + of_layer / (l->kernel_w * l->kernel_h) - to->chan0;
    size_t pairs = (size_t)l->kernel_h * to->line, pair = (size_t)y * to->line + at / 2;
    int16_t *numbers = to->pairs + s->replica * to->replica;
    for (int o = 0, c = s->out0; o < s->outs; o++, c++)
        numbers[2 * ((c / LANES * pairs + pair) * LANES + c % LANES) + at % 2] = (int16_t)from[o];
}

static void cut(struct packed *p, int layer)
{
    const struct layer *l = &p->map->net->layers[layer];
    const struct map_layer *ml = &p->map->layers[layer];
    struct packed_layer *pl = &p->layers[layer];
    size_t all = (size_t)l->in_c * l->kernel_h * l->kernel_w;
    struct rows *rows = mem_alloc(all, sizeof *rows);
    const struct section **of = mem_alloc(all, sizeof *of); // by row
    int n = packed_readouts(p, layer, rows);
    pl->sections = arena_alloc(p->mem, (size_t)n, sizeof *pl->sections);
    for (int i = 0; i < n; i++) {
        const struct section *s = add_section(p, layer, &rows[i]);
        for (int row = 0; row < rows[i].n; row++)
            of[rows[i].first + row] = s;
    }
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++) {
        const struct block *block = &p->analog->blocks[i];
        for (int row = 0; row < block->slice->rows; row++)
            place_row(l, block, row, of[block->slice->row0 + row]);
    }
    pl->readout = conductance_model_readout(p->analog, layer);
    free(rows);
    free(of);
}

static void copy_channels(const struct kernels *kernels, const struct section *s,
                          const uint8_t *from, int each, int n, uint8_t *to)
{
    kernels->spread(from, (size_t)each, n, s->chan0, s->channels, (void *)to);
}

static void add_currents(struct packed_run *run, int layer, const struct section *s, int y)
{
    const struct packed *p = run->packed;
    const struct layer *l = &p->map->net->layers[layer];
    int replica = y % p->map->layers[layer].replicas;
    size_t line_bytes;
    const void *window = packed_window(run, l, s, y, &line_bytes);
    const struct pairs pairs = {.map = window,
                                .window_step = (size_t)l->stride_w * s->channels,
                                .line_step = line_bytes / sizeof *pairs.map,
                                .n = l->out_w,
                                .lines = l->kernel_h,
                                .line_pairs = s->line,
                                .weights = s->pairs + replica * s->replica,
                                .columns = p->layers[layer].columns};
    p->kernels->dot_windows(&pairs, run->sums);
}

static const int32_t *count_row(struct packed_run *run, int layer, int y)
{
    const struct packed *p = run->packed;
    const struct packed_layer *pl = &p->layers[layer];
    size_t n = (size_t)p->map->net->layers[layer].out_w * pl->columns;
    memset(run->codes, 0, n * sizeof *run->codes);
    for (int i = 0; i < pl->n_sections; i++) {
        add_currents(run, layer, &pl->sections[i], y);
        p->kernels->add_steps(&pl->readout.code, run->sums, n, run->codes);
    }
    if (pl->readout.worth == 1)
        return run->codes;
    memset(run->sums, 0, n * sizeof *run->sums);
    p->kernels->add_steps(&pl->readout.value, run->codes, n, run->sums);
    return run->sums;
}

const struct cell_kind cells_of_currents = {covers, cut, copy_channels, count_row};
