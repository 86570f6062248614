#include "sim/crossbar/activity.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/evaluate.h"
#include "sim/crossbar/fault.h"
#include "sim/crossbar/flip.h"
#include "sim/crossbar/readout.h"
#include "sim/map/map.h"
#include "workloads/dataset.h"

struct activity {
    const struct mapping *map;
    const struct int_net *net;
    int32_t **levels[2]; // per slice: (row, column), as converted: pairs together or separately
    int64_t *level_sum, *cells; // per layer, over all arrays
    double *worth;              // per layer: steps of a code, at least 1
    struct arena *mem;
};

static int planes_of(const struct chip *chip)
{
    return chip->crossbar.subtract_after ? 2 : 1;
}

static int read_level(const struct chip_sample *sample, const struct cell_address *at, int level,
                      int top)
{
    if (fault_word_line(sample, at) || fault_bit_line(sample, at))
        return 0;
    enum cell_fault fault = fault_any(sample) ? fault_cell(sample, at) : CELL_FINE;
    return fault == CELL_LRS ? top : fault == CELL_HRS ? 0 : level;
}

static void take_levels(struct activity *a, int index, const struct chip_sample *sample)
{
    const struct slice *s = &a->map->slices[index];
    const struct chip *chip = a->map->chip;
    const struct map_tile *t = &a->map->tiles[s->tile];
    struct cell_address at = {t->x, t->y, s->pe, s->crossbar, 0, 0, 0};
    int top = (1 << chip->cell.bits) - 1, planes = planes_of(chip);
    const int32_t *w = a->net->layers[s->layer].w;
    struct column_flips flips = flips_make(a->mem, a->map, a->net, s);
    for (int p = 0; p < planes; p++)
        a->levels[p][index] = arena_alloc(a->mem, (size_t)s->rows * s->columns, sizeof(int32_t));
    for (at.polarity = 0; at.polarity < chip_arrays(chip); at.polarity++)
        for (at.row = 0; at.row < s->rows; at.row++)
            for (at.column = 0; at.column < s->columns; at.column++) {
                const uint8_t *flipped = flips_of_row(&flips, at.row);
                int level = slice_level(a->map, s, w, at.row, at.column, at.polarity);
                level = flipped && flipped[at.column] ? top - level : level;
                level = read_level(sample, &at, level, top);
                int32_t *to = a->levels[planes > 1 ? at.polarity : 0][index];
                to[(size_t)at.row * s->columns + at.column] +=
                    planes == 1 && at.polarity ? -level : level;
                a->level_sum[s->layer] += level;
                a->cells[s->layer]++;
            }
}

// The worth of a code of each layer's ADC, at least 1: sums are integer steps, so finer codes make
// no difference.
static void take_worths(struct activity *a, const struct chip_sample *sample)
{
    const struct net *net = a->map->net;
    a->worth = arena_alloc(a->mem, net->n, sizeof *a->worth);
    for (size_t i = 1; i < net->n; i++) {
        if (!a->map->layers[i].slices)
            continue;
        struct readout r = readout_of(a->map, (int)i, 1, fault_any(sample), sample->ranges);
        a->worth[i] = r.worth > 1 ? r.worth : 1;
    }
}

struct activity *activity_create(const struct mapping *mapping, const struct int_net *integer,
                                 const struct chip_sample *sample)
{
    struct arena *mem = arena_create();
    struct activity *a = arena_alloc(mem, 1, sizeof *a);
    *a = (struct activity){.map = mapping, .net = integer, .mem = mem};
    for (int p = 0; p < 2; p++)
        a->levels[p] = arena_alloc(mem, (size_t)mapping->n_slices, sizeof *a->levels[p]);
    a->level_sum = arena_alloc(mem, mapping->net->n, sizeof *a->level_sum);
    a->cells = arena_alloc(mem, mapping->net->n, sizeof *a->cells);
    take_worths(a, sample);
    for (int i = 0; i < mapping->n_slices; i++)
        if (mapping->slices[i].replica == 0)
            take_levels(a, i, sample);
    return a;
}

void activity_destroy(struct activity *activity)
{
    if (activity)
        arena_destroy(activity->mem);
}

struct probe {
    const struct activity *activity;
    int_net_matrix *matrix; // computes what the next layer reads
    void *context;
    struct activity_count *counts;
    int32_t *window, *digits; // by row
    int64_t *sums;            // by column
};

// A code of 0 covers the sums that round to it: half a code up or down. Twice a sum, in steps of 1.
static int64_t count_nonzero(double worth, const int64_t *sums, int n)
{
    int64_t nonzero = 0;
    for (int c = 0; c < n; c++)
        nonzero += 2 * (double)sums[c] >= worth || 2 * (double)sums[c] < -worth;
    return nonzero;
}

static void count_group(const struct probe *p, int index, int first, int rows,
                        struct activity_count *count)
{
    const struct activity *a = p->activity;
    const struct chip *chip = a->map->chip;
    const struct slice *s = &a->map->slices[index];
    for (int plane = 0; plane < planes_of(chip); plane++) {
        memset(p->sums, 0, (size_t)s->columns * sizeof *p->sums);
        for (int row = 0; row < rows; row++) {
            int64_t digit = p->digits[row];
            const int32_t *levels = a->levels[plane][index] + (size_t)(first + row) * s->columns;
            for (int c = 0; digit && c < s->columns; c++)
                p->sums[c] += digit * levels[c];
        }
        count->conversions += s->columns;
        count->nonzero += count_nonzero(a->worth[s->layer], p->sums, s->columns);
    }
}

// One window through one slice.
static void count_slice(const struct probe *p, int index, struct activity_count *count)
{
    const struct chip *chip = p->activity->map->chip;
    const struct slice *s = &p->activity->map->slices[index];
    int active = chip_rows_active(chip), bits = chip->dac.bits;
    int cycles = p->activity->map->layers[s->layer].input_cycles;
    int32_t mask = (int32_t)(((int64_t)1 << bits) - 1);
    for (int first = 0; first < s->rows; first += active) {
        int rows = s->rows - first < active ? s->rows - first : active;
        for (int cycle = 0; cycle < cycles; cycle++) {
            for (int row = 0; row < rows; row++) {
                int32_t in = p->window[s->row0 + first + row];
                p->digits[row] = cycles == 1 ? in : (in >> cycle * bits) & mask;
                count->on += (int64_t)p->digits[row] * p->digits[row];
            }
            count->drives += rows;
            count_group(p, index, first, rows, count);
        }
    }
}

static void probe_matrix(void *context, int layer, const int32_t *in, int64_t *acc)
{
    struct probe *p = context;
    const struct mapping *map = p->activity->map;
    const struct layer *l = &map->net->layers[layer];
    const struct map_layer *m = &map->layers[layer];
    int each = m->slices / m->replicas;
    for (int y = 0; y < l->out_h; y++)
        for (int x = 0; x < l->out_w; x++)
            for (int i = m->slice0, group = -1; i < m->slice0 + each; i++) {
                if (map->slices[i].group != group)
                    gather_slice(l, &map->slices[i], in, y, x, p->window);
                group = map->slices[i].group;
                count_slice(p, i, &p->counts[layer]);
            }
    p->matrix(p->context, layer, in, acc);
}

static void measure_batch(void *context, const struct evaluation *what, size_t images, size_t first,
                          size_t step)
{
    struct probe *p = context;
    struct array_worker *levels = what->arrays ? array_worker_create(what->arrays) : NULL;
    struct conductance_model_worker *currents =
        what->analog ? conductance_model_worker_create(what->analog) : NULL;
    struct int_net_run *run = int_net_run_create(what->integer);
    struct int_net copy = *what->integer; // the reference's context is not const
    p->matrix = currents ? conductance_model_matrix
                : levels ? level_model_matrix
                         : int_net_matrix_reference;
    p->context = currents ? (void *)currents : levels ? (void *)levels : &copy;
    for (size_t i = first; i < images; i += step) {
        if (currents)
            conductance_model_worker_image(currents, i);
        int_net_run_image(run, dataset_image(what->data, i), probe_matrix, p);
    }
    int_net_run_destroy(run);
    array_worker_destroy(levels);
    conductance_model_worker_destroy(currents);
}

void activity_measure(const struct activity *activity, const struct evaluation *what, size_t images,
                      size_t first, size_t step, struct activity_count *counts)
{
    const struct net *net = activity->map->net;
    size_t rows = 1, columns = (size_t)activity->map->chip->crossbar.columns + 1;
    for (size_t i = 1; i < net->n; i++) {
        size_t n = (size_t)map_matrix_rows(activity->map, (int)i);
        rows = n > rows ? n : rows;
    }
    struct probe p = {.activity = activity,
                      .counts = counts,
                      .window = mem_alloc(rows, sizeof *p.window),
                      .digits = mem_alloc(rows, sizeof *p.digits),
                      .sums = mem_alloc(columns, sizeof *p.sums)};
    evaluate_batches(what, images, first, step, measure_batch, &p);
    free(p.window);
    free(p.digits);
    free(p.sums);
}

void activity_add(struct activity_count *to, const struct activity_count *from)
{
    to->drives += from->drives;
    to->on += from->on;
    to->conversions += from->conversions;
    to->nonzero += from->nonzero;
}

struct activity_shares activity_shares(const struct activity *activity, int layer,
                                       const struct activity_count *count)
{
    const struct chip *chip = activity->map->chip;
    double full = (1 << chip->dac.bits) - 1, top = (1 << chip->cell.bits) - 1;
    double drives = (double)count->drives * full * full;
    double cells = (double)activity->cells[layer] * top;
    return (struct activity_shares){
        .params = {drives > 0 ? (double)count->on / drives : 0,
                   cells > 0 ? (double)activity->level_sum[layer] / cells : 0},
        .nonzero = count->conversions ? (double)count->nonzero / (double)count->conversions : 0};
}
