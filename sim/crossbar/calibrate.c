#include "sim/crossbar/calibrate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/flip.h"
#include "sim/crossbar/matrix.h"
#include "sim/map/map.h"
#include "workloads/dataset.h"

// The bits of the levels of one slice: masks by (group of simultaneously driven rows, bit of the
// level, word, column), subtracted column by column. With subtraction after the ADC, or a single
// array, nothing is subtracted and each array is a face of its own.
struct face {
    const uint64_t *plus, *minus;
};

struct piece {
    const struct slice *slice;
    int columns; // padded
    int faces;
    struct face face[2];
};

struct calibration {
    const struct mapping *map;
    const struct int_net *net;
    const struct kernels *kernels;
    struct level_model *exact;
    struct array_worker *worker;
    struct piece *pieces; // one per slice of the mapping; those of first replicas are filled
    int active, group_words;
    int image; // index of the current one
    int64_t *ranges;
    int32_t *window;
    uint64_t *bits; // of the current inputs: (group of rows, bit, word)
    int32_t *counts;
    int64_t *sums;
    struct arena *mem;
};

static int groups_of(const struct calibration *c, const struct slice *s)
{
    return (s->rows + c->active - 1) / c->active;
}

static uint64_t *make_masks(struct calibration *c, const struct piece *p, int array)
{
    const struct slice *s = p->slice;
    int bits = c->map->chip->cell.bits, top = (1 << bits) - 1;
    const int32_t *w = c->net->layers[s->layer].w;
    struct column_flips flips = flips_make(c->mem, c->map, c->net, s);
    size_t plane = (size_t)c->group_words * p->columns;
    uint64_t *masks = arena_alloc(c->mem, (size_t)groups_of(c, s) * bits * plane, sizeof *masks);
    for (int row = 0; row < s->rows; row++) {
        int in_group = row % c->active;
        const uint8_t *flipped = flips_of_row(&flips, row);
        uint64_t *to = masks + (size_t)(row / c->active) * bits * plane;
        for (int column = 0; column < s->columns; column++) {
            int level = slice_level(c->map, s, w, row, column, array);
            level = flipped && flipped[column] ? top - level : level;
            for (int bit = 0; bit < bits; bit++)
                to[bit * plane + (size_t)in_group / 64 * p->columns + column] |=
                    (uint64_t)(level >> bit & 1) << in_group % 64;
        }
    }
    return masks;
}

static void make_piece(struct calibration *c, struct piece *p)
{
    int columns = (p->slice->columns + LANES - 1) / LANES * LANES;
    size_t none = (size_t)groups_of(c, p->slice) * c->map->chip->cell.bits * c->group_words;
    bool pair = chip_arrays(c->map->chip) == 2, apart = c->map->chip->crossbar.subtract_after;
    p->columns = columns;
    p->faces = 1 + apart;
    uint64_t *plus = make_masks(c, p, 0), *minus = pair ? make_masks(c, p, 1) : NULL;
    uint64_t *zero = !pair || apart ? arena_alloc(c->mem, none * columns, sizeof *zero) : NULL;
    p->face[0] = (struct face){plus, zero ? zero : minus};
    p->face[1] = (struct face){minus, zero};
}

static const struct adc_params *adc_of(const struct mapping *map, int layer)
{
    return chip_adc(map->chip, map->net->layers[layer].name);
}

static bool wanted(const struct mapping *map, size_t layer)
{
    return map->layers[layer].slices && adc_of(map, (int)layer)->range == ADC_CALIBRATED;
}

static void make_scratch(struct calibration *c)
{
    size_t rows = 1, columns = LANES, bits = 1;
    for (size_t i = 1; i < c->map->net->n; i++) {
        size_t n = (size_t)map_matrix_rows(c->map, (int)i);
        rows = n > rows ? n : rows;
    }
    for (int i = 0; i < c->map->n_slices; i++) {
        const struct slice *s = &c->map->slices[i];
        size_t planes = (size_t)c->map->layers[s->layer].input_cycles * c->map->chip->dac.bits + 1;
        size_t n = groups_of(c, s) * planes * c->group_words;
        bits = n > bits ? n : bits;
        columns = (size_t)s->columns + LANES > columns ? (size_t)s->columns + LANES : columns;
    }
    c->window = arena_alloc(c->mem, rows, sizeof *c->window);
    c->bits = arena_alloc(c->mem, bits, sizeof *c->bits);
    c->counts = arena_alloc(c->mem, columns, sizeof *c->counts);
    c->sums = arena_alloc(c->mem, columns, sizeof *c->sums);
    c->ranges = arena_alloc(c->mem, c->map->net->n, sizeof *c->ranges);
}

struct calibration *calibration_create(const struct mapping *mapping, const struct int_net *integer,
                                       enum cpu_level level)
{
    struct arena *mem = arena_create();
    struct calibration *c = arena_alloc(mem, 1, sizeof *c);
    *c = (struct calibration){.map = mapping, .net = integer, .mem = mem};
    c->kernels = kernels_for(cpu_best(level));
    c->exact = level_model_create_exact(mapping, integer, level);
    c->worker = array_worker_create(c->exact);
    c->active = chip_rows_active(mapping->chip);
    c->group_words = (c->active + 63) / 64;
    c->pieces = arena_alloc(mem, (size_t)mapping->n_slices, sizeof *c->pieces);
    for (int i = 0; i < mapping->n_slices; i++) {
        c->pieces[i].slice = &mapping->slices[i];
        if (!mapping->slices[i].replica && wanted(mapping, (size_t)mapping->slices[i].layer))
            make_piece(c, &c->pieces[i]);
    }
    make_scratch(c);
    return c;
}

void calibration_destroy(struct calibration *c)
{
    if (!c)
        return;
    array_worker_destroy(c->worker);
    level_model_destroy(c->exact);
    arena_destroy(c->mem);
}

int64_t calibration_range(const struct calibration *c, int layer)
{
    return c->ranges[layer];
}

// The digits of one cycle as bits: `low` .. `low + n` of the inputs; if `back`, the last has
// negative weight.
struct digits {
    int low, n;
    bool back;
};

static void pack_inputs(struct calibration *c, const struct slice *s, int planes)
{
    memset(c->bits, 0, (size_t)groups_of(c, s) * planes * c->group_words * sizeof *c->bits);
    for (int row = 0; row < s->rows; row++) {
        int in_group = row % c->active;
        uint64_t *to =
            c->bits + (size_t)(row / c->active) * planes * c->group_words + in_group / 64;
        uint32_t a = (uint32_t)c->window[s->row0 + row];
        for (int bit = 0; a && bit < planes; bit++)
            to[(size_t)bit * c->group_words] |= (uint64_t)(a >> bit & 1) << in_group % 64;
    }
}

// The sums of all columns for one group of rows, in one cycle.
static void add_up(struct calibration *c, const struct piece *p, const struct face *face, int group,
                   int planes, const struct digits *digits)
{
    int levels = c->map->chip->cell.bits, top = digits->n - 1;
    const uint64_t *bits = c->bits + ((size_t)group * planes + digits->low) * c->group_words;
    size_t plane = (size_t)c->group_words * p->columns, base = (size_t)group * levels * plane;
    memset(c->sums, 0, (size_t)p->columns * sizeof *c->sums);
    for (int in = 0; in <= top; in++)
        for (int level = 0; level < levels; level++) {
            memset(c->counts, 0, (size_t)p->columns * sizeof *c->counts);
            for (int word = 0; word < c->group_words; word++) {
                uint64_t on = bits[(size_t)in * c->group_words + word];
                size_t at = base + level * plane + (size_t)word * p->columns;
                if (on)
                    c->kernels->count_bits(on, face->plus + at, face->minus + at, p->columns,
                                           c->counts);
            }
            int64_t weight = (int64_t)1 << (in + level);
            weight = digits->back && in == top ? -weight : weight;
            for (int column = 0; column < p->columns; column++)
                c->sums[column] += weight * c->counts[column];
        }
}

// signed_inputs: a pulse of many levels carries its sign; bit by bit, the last bit is subtracted
// later.
static void measure_piece(struct calibration *c, const struct piece *p, int planes,
                          bool signed_inputs)
{
    const struct slice *s = p->slice;
    int cycles = c->map->layers[s->layer].input_cycles, dac = c->map->chip->dac.bits;
    bool back = signed_inputs && cycles == 1;
    int64_t most = c->ranges[s->layer];
    for (int group = 0; group < groups_of(c, s); group++)
        for (int cycle = 0; cycle < cycles; cycle++)
            for (int f = 0; f < p->faces; f++) {
                struct digits digits = {cycle * dac, back ? planes : dac, back};
                add_up(c, p, &p->face[f], group, planes, &digits);
                for (int column = 0; column < s->columns; column++)
                    most = llabs(c->sums[column]) > most ? llabs(c->sums[column]) : most;
            }
    c->ranges[s->layer] = most;
}

static void measure_layer(struct calibration *c, int layer, const int32_t *in)
{
    const struct layer *l = &c->map->net->layers[layer];
    const struct map_layer *m = &c->map->layers[layer];
    bool signed_inputs = c->map->net->layers[l->input[0]].is_signed;
    int planes = m->input_cycles * c->map->chip->dac.bits + (m->input_cycles == 1 && signed_inputs);
    int each = m->slices / m->replicas;
    for (int y = 0; y < l->out_h; y++)
        for (int x = 0; x < l->out_w; x++) {
            const struct slice *last = NULL;
            for (int i = m->slice0; i < m->slice0 + each; i++) {
                const struct piece *p = &c->pieces[i];
                const struct slice *s = p->slice;
                if (!last || s->group != last->group)
                    gather_slice(l, s, in, y, x, c->window);
                if (!last || s->group != last->group || s->row0 != last->row0)
                    pack_inputs(c, s, planes);
                measure_piece(c, p, planes, signed_inputs);
                last = s;
            }
        }
}

void calibration_matrix(void *context, int layer, const int32_t *in, int64_t *acc)
{
    struct calibration *c = context;
    if (wanted(c->map, (size_t)layer) && c->image < adc_of(c->map, layer)->calibration)
        measure_layer(c, layer, in);
    level_model_matrix(c->worker, layer, in, acc);
}

int calibration_images(const struct mapping *mapping)
{
    int most = 0;
    for (size_t i = 1; i < mapping->net->n; i++)
        if (wanted(mapping, i) && adc_of(mapping, (int)i)->calibration > most)
            most = adc_of(mapping, (int)i)->calibration;
    return most;
}

void calibrate(const struct mapping *mapping, const struct int_net *integer,
               const struct dataset *data, enum cpu_level level, int64_t *ranges)
{
    struct calibration *c = calibration_create(mapping, integer, level);
    struct int_net_run *run = int_net_run_create(integer);
    int most = calibration_images(mapping);
    for (; c->image < most && (size_t)c->image < data->n; c->image++)
        int_net_run_image(run, dataset_image(data, (size_t)c->image), calibration_matrix, c);
    memcpy(ranges, c->ranges, mapping->net->n * sizeof *ranges);
    int_net_run_destroy(run);
    calibration_destroy(c);
}
