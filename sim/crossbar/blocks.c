#include "sim/crossbar/blocks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"
#include "base/portable_math.h"
#include "base/rng.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/spare.h"
#include "sim/map/map.h"

struct conductances conductance_model_conductances(const struct chip *chip)
{
    int bits = chip->cell.bits, top = (1 << bits) - 1;
    double step = ldexp(1, bits == 1 ? 10 : 16 - bits);
    double ratio = chip->cell.r_lrs_ohm / chip->cell.r_hrs_ohm;
    return (struct conductances){.lowest = ratio / (1 - ratio) * top * step,
                                 .step = step,
                                 .most = bits == 1 ? INT16_MAX : 64 * top * step};
}

int32_t conductance_model_conductance(const struct conductances *states, int level, double theta)
{
    double units = floor((states->lowest + states->step * level) * num_exp(-theta) + 0.5);
    return (int32_t)(units > states->most ? states->most : units);
}

// One row of one array of a crossbar, and the data to sample it.
struct cell_row {
    struct variation variation;
    bool varies;
    int32_t *weights; // scratch
    uint16_t *levels;
    uint8_t *faults;
    int32_t *units;
};

static void start_variation(struct cell_row *row, const struct conductance_model *a)
{
    const struct chip_sample *sample = &a->sample;
    const struct defect_params *d = &sample->defects;
    struct variation *v = &row->variation;
    // Each batch has its own seed; the first batch uses the chip's.
    uint64_t seed = sample->batch ? rng_u64(sample->seed, RNG_REDRAW, sample->batch) : sample->seed;
    double age = d->drift_s > 1 ? num_log(d->drift_s) : 0;
    row->varies = defect_varies(d);
    *v = (struct variation){.lowest = a->states.lowest,
                            .step = a->states.step,
                            .most = a->states.most,
                            .sigma = d->sigma,
                            .drift = d->drift_exponent * age,
                            .drift_spread = d->drift_spread * age};
    rng_key(seed, RNG_VARIATION, v->key);
    rng_key(sample->seed, RNG_DRIFT, v->drift_key);
}

static void take_levels(const struct conductance_model *a, const struct slice *s,
                        const struct cell_address *at, const uint8_t *flipped, int32_t *scratch,
                        uint16_t *levels)
{
    const struct chip *chip = a->map->chip;
    const struct layer *l = &a->map->net->layers[s->layer];
    int columns = a->map->layers[s->layer].column_slices, kind = chip->crossbar.polarity;
    const struct weight_row w = weight_row(l, s, a->net->layers[s->layer].w, at->row, scratch);
    bool pairs = kind == POLARITY_DIFFERENTIAL && l->weight_bits == 1 && columns == 1;
    for (int c = 0; c < s->outs && pairs; c++) // -1 and +1: nothing to slice
        levels[c] = at->polarity ? w.at[c * w.step] < 0 : w.at[c * w.step] > 0;
    for (int c = 0; c < s->columns && !pairs; c++) {
        int out = c / columns, slice = columns > 1 ? c % columns : s->weight_slice;
        int level = 1; // level of the offset column
        if (out < s->outs)
            level = cell_level(kind, l->weight_bits, chip->cell.bits, w.at[out * w.step], slice,
                               at->polarity);
        if (flipped && flipped[c])
            level = (1 << chip->cell.bits) - 1 - level;
        levels[c] = (uint16_t)level;
    }
}

// The conductances of n cells from `at` on, all of them fault-free.
static void conduct(const struct conductance_model *a, const struct cell_row *row,
                    const struct cell_address *at, int n)
{
    const struct spares *spares = a->sample.spares;
    struct cell_address from = spares_place(spares, at);
    from.column = at->column;
    uint32_t counter[4];
    for (int done = 0; done < n && row->varies; done += STUCK_MOST, from.column += STUCK_MOST) {
        fault_counter(&a->sample, &from, counter);
        a->kernels->vary(&row->variation, counter, n - done < STUCK_MOST ? n - done : STUCK_MOST,
                         row->levels + done, row->units + done);
    }
    from = *at;
    for (int i = 0; i < n && row->varies && spares; i++, from.column++) {
        struct cell_address there = spares_place(spares, &from);
        if (there.column == from.column)
            continue;
        fault_counter(&a->sample, &there, counter);
        a->kernels->vary(&row->variation, counter, 1, row->levels + i, row->units + i);
    }
    for (int i = 0; i < n && !row->varies; i++)
        row->units[i] = (int32_t)(a->states.lowest + a->states.step * row->levels[i] + 0.5);
}

static void make_row(struct conductance_model *a, const struct cell_row *row, const struct slice *s,
                     const struct cell_address *at, const uint8_t *flipped)
{
    const int stuck[] = {[CELL_LRS] = (1 << a->map->chip->cell.bits) - 1, [CELL_HRS] = 0};
    take_levels(a, s, at, flipped, row->weights, row->levels);
    conduct(a, row, at, s->columns);
    a->counts.cells += s->columns;
    if (a->broken)
        fault_row(&a->sample, a->kernels, at, s->columns, row->faults);
    for (int c = 0; c < s->columns; c++) {
        enum cell_fault fault = (enum cell_fault)row->faults[c];
        a->counts.lrs += fault == CELL_LRS;
        a->counts.hrs += fault == CELL_HRS;
        if (fault != CELL_FINE)
            row->units[c] = conductance_model_conductance(&a->states, stuck[fault], 0);
        else
            a->cut += row->units[c] >= a->states.most;
    }
}

void blocks_array(struct conductance_model *a, const struct cell_row *row, const struct slice *s,
                  const struct column_flips *flips, int array, int32_t *g)
{
    const struct chip *chip = a->map->chip;
    const struct map_tile *t = &a->map->tiles[s->tile];
    struct cell_address at = {t->x, t->y, s->pe, s->crossbar, array, 0, 0};
    for (at.row = 0; at.row < s->rows; at.row++) {
        make_row(a, row, s, &at, flips_of_row(flips, at.row));
        memcpy(g + (size_t)at.row * s->columns, row->units, (size_t)s->columns * sizeof *g);
    }
    peripheral_lines(a->map, s, array, &a->sample, g, &a->counts);
    if (chip->crossbar.wire_ohm > 0) {
        double unit_s = 1 / (chip->cell.r_lrs_ohm * a->lrs);
        a->dropped = fmax(a->dropped, peripheral_wires(chip, s, unit_s, g));
    }
}

static void make_block(struct conductance_model *a, const struct cell_row *row, struct block *block)
{
    const struct slice *s = block->slice;
    size_t n = (size_t)s->rows * s->columns;
    bool apart = a->map->chip->crossbar.subtract_after;
    int planes = 1 + apart, arrays = chip_arrays(a->map->chip);
    block->flips = flips_make(a->mem, a->map, a->net, s);
    for (int p = 0; p < planes; p++) {
        block->plane[p] = arena_alloc(a->mem, n, sizeof *block->plane[p]);
        blocks_array(a, row, s, &block->flips, p, block->plane[p]);
    }
    if (arrays > planes) { // subtracted before the ADC
        int32_t *minus = mem_alloc(n, sizeof *minus);
        blocks_array(a, row, s, &block->flips, 1, minus);
        for (size_t i = 0; i < n; i++)
            block->plane[0][i] -= minus[i];
        free(minus);
    }
    block->damage = peripheral_make(a->mem, a->map, s, &a->sample);
}

// The sums of a block's column conductances, less the nominal part of level 0.
static void bound_block(struct conductance_model *a, const struct block *block)
{
    const struct slice *s = block->slice;
    const struct chip *chip = a->map->chip;
    int active = chip_rows_active(chip);
    int columns = s->outs * a->map->layers[s->layer].column_slices;
    // Without flipped columns the codes of further weight slices' offset columns are not used.
    bool read_unit = s->weight_slice == 0 || block->flips.of;
    if (chip->crossbar.polarity == POLARITY_OFFSET && read_unit)
        columns = s->columns;
    struct digit_range digits = bound_digits(a->map, s->layer);
    if (a->sample.defects.drivers > 0)
        digits.high = fmax(digits.high, bound_stuck_digit(a->map, s->layer));
    struct arena *mem = arena_create();
    struct column_parts parts = parts_create(mem, columns);
    for (int p = 0; p < 2 && block->plane[p]; p++)
        for (int row = 0; row < s->rows; row++) {
            int32_t leak = chip_arrays(chip) == 2 && !block->plane[1] ? 0 : (int32_t)a->leak;
            parts_add_row(&parts, block->plane[p] + (size_t)row * s->columns, columns, leak);
            if ((row + 1) % active && row + 1 < s->rows)
                continue;
            parts_join(&parts, &digits, a->states.step, &a->bounds[s->layer]);
            parts_clear(&parts);
        }
    arena_destroy(mem);
}

struct cell_row *cell_row_create(const struct conductance_model *analog)
{
    size_t columns = (size_t)analog->map->chip->crossbar.columns + 1; // plus the offset column
    struct cell_row *row = mem_alloc(1, sizeof *row);
    row->weights = mem_alloc(columns, sizeof *row->weights);
    row->levels = mem_alloc(columns, sizeof *row->levels);
    row->faults = mem_alloc(columns, sizeof *row->faults);
    row->units = mem_alloc(columns, sizeof *row->units);
    start_variation(row, analog);
    return row;
}

void cell_row_destroy(struct cell_row *row)
{
    if (!row)
        return;
    free(row->weights);
    free(row->levels);
    free(row->faults);
    free(row->units);
    free(row);
}

void blocks_states(struct conductance_model *analog)
{
    const struct chip *chip = analog->map->chip;
    analog->states = conductance_model_conductances(chip);
    analog->leak = conductance_model_conductance(&analog->states, 0, 0);
    analog->broken = fault_any(&analog->sample);
    analog->lrs = analog->states.lowest + analog->states.step * ((1 << chip->cell.bits) - 1);
}

void blocks_make(struct conductance_model *analog)
{
    const struct mapping *map = analog->map;
    struct cell_row *row = cell_row_create(analog);
    analog->blocks = arena_alloc(analog->mem, (size_t)map->n_slices, sizeof *analog->blocks);
    analog->bounds = arena_alloc(analog->mem, map->net->n, sizeof *analog->bounds);
    for (int i = 0; i < map->n_slices; i++) {
        analog->blocks[i].slice = &map->slices[i];
        if (analog->beside && level_model_cover(analog->beside, map->slices[i].layer))
            continue;
        make_block(analog, row, &analog->blocks[i]);
        bound_block(analog, &analog->blocks[i]);
    }
    peripheral_count(map, &analog->sample, &analog->counts);
    if (analog->beside) // counts the cells of all layers
        analog->counts = level_model_faults(analog->beside);
    cell_row_destroy(row);
}
