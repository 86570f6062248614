#include "sim/crossbar/conductance_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/blocks.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/comparator.h"
#include "sim/crossbar/peripheral_faults.h"
#include "sim/crossbar/loss.h"
#include "sim/crossbar/matrix.h"
#include "sim/map/map.h"

static bool check_layer(const struct mapping *map, int layer, const int64_t *ranges,
                        struct err *err)
{
    const struct chip *chip = map->chip;
    const struct layer *l = &map->net->layers[layer];
    int64_t full;
    if (comparator_reads(map, layer))
        return comparator_check(map, layer, err);
    bool signed_inputs = map->net->layers[l->input[0]].is_signed;
    if (signed_inputs && chip->dac.bits > 1 && map->layers[layer].input_cycles > 1)
        return conf_fail(conf_find(chip->conf->root, "dac"), err,
                         "the signed inputs of layer '%s' take %d cycles of a %d-bit DAC, which is "
                         "not supported; use 1-bit or %d-bit DACs",
                         l->name, map->layers[layer].input_cycles, chip->dac.bits, l->in_bits[0]);
    return full_sum(map, layer, ranges, &full, err);
}

// Conductances are clipped at an upper limit. If the two states are so close that the fixed-point
// format cannot represent both, every cell would read the same value.
static bool check_states(const struct chip *chip, struct err *err)
{
    struct conductances states = conductance_model_conductances(chip);
    int top = (1 << chip->cell.bits) - 1;
    return states.lowest + top * states.step <= states.most ||
           conf_fail(conf_find(chip->conf->root, "cell.r_hrs"), err,
                     "%g ohm is only %.6g times r_lrs; the conductance model needs at least %.4g "
                     "times: raise r_hrs",
                     chip->cell.r_hrs_ohm, chip->cell.r_hrs_ohm / chip->cell.r_lrs_ohm,
                     states.most / (states.most - top * states.step));
}

static struct conductance_model *make(const struct conductance_model *start)
{
    struct arena *mem = arena_create();
    struct conductance_model *a = arena_alloc(mem, 1, sizeof *a);
    *a = *start;
    a->mem = mem;
    blocks_states(a);
    blocks_make(a);
    return a;
}

struct conductance_model *conductance_model_create(const struct mapping *mapping,
                                                   const struct int_net *integer,
                                                   const struct chip_sample *sample,
                                                   enum cpu_level level, struct err *err)
{
    if (!check_states(mapping->chip, err))
        return NULL;
    for (size_t i = 1; i < mapping->net->n; i++)
        if (mapping->layers[i].slices && !check_layer(mapping, (int)i, sample->ranges, err))
            return NULL;
    return make(&(struct conductance_model){.map = mapping,
                                            .net = integer,
                                            .sample = *sample,
                                            .kernels = kernels_for(cpu_best(level))});
}

struct conductance_model *conductance_model_create_beside(const struct level_model *arrays,
                                                          const struct chip_sample *sample,
                                                          enum cpu_level level, struct err *err)
{
    const struct mapping *map = arrays->map;
    for (size_t i = 1; i < map->net->n; i++)
        if (map->layers[i].slices && !level_model_cover(arrays, (int)i) &&
            !check_layer(map, (int)i, sample->ranges, err))
            return NULL;
    return make(&(struct conductance_model){.map = map,
                                            .net = arrays->net,
                                            .beside = arrays,
                                            .sample = *sample,
                                            .kernels = kernels_for(cpu_best(level))});
}

int conductance_model_redraw(const struct conductance_model *analog)
{
    const struct defect_params *d = &analog->sample.defects;
    return d->sigma > 0 && d->redraw > 0 ? d->redraw : 0;
}

struct conductance_model *conductance_model_redrawn(const struct conductance_model *analog,
                                                    uint32_t batch)
{
    struct conductance_model start = {.map = analog->map,
                                      .net = analog->net,
                                      .sample = analog->sample,
                                      .kernels = analog->kernels};
    start.sample.batch = batch;
    return make(&start);
}

void conductance_model_destroy(struct conductance_model *analog)
{
    if (analog)
        arena_destroy(analog->mem);
}

struct fault_counts conductance_model_faults(const struct conductance_model *analog)
{
    return analog->counts;
}

int64_t conductance_model_cut(const struct conductance_model *analog)
{
    return analog->cut;
}

struct sum_bound conductance_model_bound(const struct conductance_model *analog, int layer)
{
    if (analog->beside && level_model_cover(analog->beside, layer))
        return level_model_bound(analog->beside, layer);
    return analog->bounds[layer];
}

double conductance_model_dropped(const struct conductance_model *analog)
{
    return analog->dropped;
}

struct conductance_model_worker {
    const struct conductance_model *analog;
    struct array_worker *beside; // NULL: none
    int32_t *window;             // inputs by row
    int32_t *digits;             // of one cycle, by row of a slice
    int64_t *currents;           // by column
    int64_t *codes; // of the plus and the minus side, by column; summed over cycles and groups
    int64_t *units; // for flipped columns: inputs summed the same way, in codes or digits
    int64_t *sums;  // of codes, by output
    struct adc_count *counts; // by layer; NULL: nothing is counted
    double *references;       // of comparators, by output
    double worth;             // of a vote
    double *noise;            // of one read-out, by column
    uint32_t image;
    uint64_t window_key; // key of its noise
};

struct conductance_model_worker *
conductance_model_worker_create(const struct conductance_model *analog)
{
    const struct net *net = analog->map->net;
    struct conductance_model_worker *w = mem_alloc(1, sizeof *w);
    size_t rows = 1, outs = 1, columns = analog->map->chip->crossbar.columns + 1;
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        size_t n = (size_t)map_matrix_rows(analog->map, (int)i);
        rows = n > rows ? n : rows;
        outs = (size_t)l->out_c > outs ? (size_t)l->out_c : outs;
    }
    w->analog = analog;
    w->beside = analog->beside ? array_worker_create(analog->beside) : NULL;
    w->window = mem_alloc(rows, sizeof *w->window);
    w->digits = mem_alloc(rows, sizeof *w->digits);
    w->currents = mem_alloc(columns, sizeof *w->currents);
    w->codes = mem_alloc(columns, sizeof *w->codes);
    w->units = mem_alloc(columns, sizeof *w->units);
    w->sums = mem_alloc(outs, sizeof *w->sums);
    w->references = mem_alloc(outs, sizeof *w->references);
    w->noise = mem_alloc(columns, sizeof *w->noise);
    return w;
}

void conductance_model_worker_destroy(struct conductance_model_worker *w)
{
    if (!w)
        return;
    array_worker_destroy(w->beside);
    free(w->window);
    free(w->digits);
    free(w->currents);
    free(w->codes);
    free(w->units);
    free(w->sums);
    free(w->references);
    free(w->noise);
    free(w);
}

// The part read in one bit cycle: one group of rows of a slice.
struct cycle {
    int first, rows, cycle;
    int64_t sent, driven; // sums of the digits: as sent; as applied to the word lines
};

// Digits of one bit cycle for the rows of a slice.
static void take_digits(struct conductance_model_worker *w, const struct block *block, int cycles,
                        struct cycle *c)
{
    const struct mapping *map = w->analog->map;
    int bits = map->chip->dac.bits, shift = c->cycle * bits;
    int32_t mask = (int32_t)(((int64_t)1 << bits) - 1);
    const uint8_t *stuck = block->damage.driven;
    int32_t full = stuck ? bound_stuck_digit(map, block->slice->layer) : 0;
    c->sent = c->driven = 0;
    for (int row = 0; row < c->rows; row++) {
        int32_t a = w->window[block->slice->row0 + c->first + row];
        int32_t digit = cycles == 1 ? a : (a >> shift) & mask;
        c->sent += digit;
        w->digits[row] = stuck && stuck[c->first + row] ? full : digit;
        c->driven += w->digits[row];
    }
}

static void draw_noise(struct conductance_model_worker *w, const struct block *block, int plane,
                       const struct cycle *c)
{
    uint32_t read = (uint32_t)c->first << 8 | (uint32_t)c->cycle << 1 | (uint32_t)plane;
    peripheral_noise(w->window_key, (int)(block - w->analog->blocks), read, block->slice->columns,
                     w->noise);
}

// The code of a current in an ADC that may be stuck or have an offset.
static double code_of(const struct readout *adc, const struct adc_fault *fault, double current)
{
    const struct quantiser *q = &adc->code;
    if (fault && fault->stuck)
        return q->low + floor(fault->place * (q->high - q->low + 1));
    return quantise(q, fault ? current + fault->offset / q->scale : current);
}

// A code that differs from the current counts as clipped if it is the lowest or highest code, else
// as rounded.
static void count_code(const struct readout *adc, double current, double code,
                       struct adc_count *count)
{
    const struct quantiser *q = &adc->code;
    double steps = current * q->scale, near = floor(steps + q->half);
    bool clipped = near > q->high || near < q->low;
    count->clipped += clipped;
    count->rounded += !clipped && fabs(steps - code) > 1e-9 * fmax(1, fabs(code));
}

// The vote of a comparator that may be stuck or have an offset, for one output channel; offsets are
// in codes, of which it has two.
static double vote_of(const struct conductance_model_worker *w, const struct block *block,
                      int column, const struct cycle *cycle, const struct adc_fault *fault,
                      double current)
{
    const struct slice *s = block->slice;
    const struct layer *l = &w->analog->map->net->layers[s->layer];
    double rows = (double)l->in_c / l->groups * l->kernel_h * l->kernel_w * s->groups;
    double at = w->references[s->out0 + column] * cycle->rows / rows * w->analog->states.step;
    if (fault && fault->stuck)
        return fault->place < 0.5 ? -1 : 1;
    double offset = fault ? fault->offset * 2 * w->worth * w->analog->states.step : 0;
    return current + offset >= at ? 1 : -1;
}

// One conversion of every column of a plane, for one group of rows.
static void read_plane(struct conductance_model_worker *w, const struct block *block, int plane,
                       const struct cycle *cycle, const struct readout *adc, int64_t weight)
{
    const struct conductance_model *a = w->analog;
    const struct slice *s = block->slice;
    const struct adc_fault *faults = block->damage.adc;
    const uint8_t *flipped = flips_of_row(&block->flips, cycle->first);
    int planes = block->plane[1] ? 2 : 1;
    // Both arrays of a pair have the same leakage.
    double leak = readout_signed(a->map->chip) ? 0 : a->leak * (double)cycle->driven;
    double noise = a->sample.defects.read_noise * a->lrs;
    if (noise > 0)
        draw_noise(w, block, plane, cycle);
    memset(w->currents, 0, (size_t)s->columns * sizeof *w->currents);
    for (int row = 0; row < cycle->rows; row++) {
        int64_t digit = w->digits[row];
        const int32_t *g = block->plane[plane] + (size_t)(cycle->first + row) * s->columns;
        for (int c = 0; digit && c < s->columns; c++)
            w->currents[c] += digit * g[c];
    }
    for (int c = 0; c < s->columns; c++) {
        double current = (double)w->currents[c] - leak;
        if (noise > 0)
            current += noise * w->noise[c];
        const struct adc_fault *fault = faults ? &faults[c * planes + plane] : NULL;
        double read = adc->comparator ? vote_of(w, block, c, cycle, fault, current)
                                      : code_of(adc, fault, current);
        if (w->counts && !adc->comparator && !(fault && fault->stuck))
            count_code(adc, current, read, &w->counts[s->layer]);
        int64_t code = weight * (int64_t)read;
        w->codes[c] += flipped && flipped[c] ? -code : code;
    }
}

// The value of one cycle's inputs for flipped columns: the code of the offset column, or the
// digital sum. `unit`: codes of the offset column before this cycle.
static void add_units(struct conductance_model_worker *w, const struct block *block,
                      const struct cycle *c, int64_t unit, int64_t weight)
{
    const struct slice *s = block->slice;
    const uint8_t *flipped = flips_of_row(&block->flips, c->first);
    bool offset = w->analog->map->chip->crossbar.polarity == POLARITY_OFFSET;
    int64_t inputs = offset ? w->codes[s->columns - 1] - unit : weight * c->sent;
    for (int column = 0; column < s->columns; column++)
        w->units[column] += flipped[column] ? inputs : 0;
}

// Runs every group of rows in every cycle. Returns the sum of the inputs, which the digital side of
// single arrays uses.
static int64_t convert_slice(struct conductance_model_worker *w, const struct block *block,
                             const struct readout *adc, bool signed_inputs)
{
    const struct conductance_model *a = w->analog;
    const struct chip *chip = a->map->chip;
    const struct slice *s = block->slice;
    int active = chip_rows_active(chip), cycles = a->map->layers[s->layer].input_cycles;
    int64_t inputs = 0;
    memset(w->codes, 0, (size_t)s->columns * sizeof *w->codes);
    memset(w->units, 0, (size_t)s->columns * sizeof *w->units);
    for (int first = 0; first < s->rows; first += active) {
        int rows = s->rows - first < active ? s->rows - first : active;
        for (int cycle = 0; cycle < cycles; cycle++) {
            struct cycle c = {.first = first, .rows = rows, .cycle = cycle};
            // The last cycle of two's complement has negative weight.
            bool back = signed_inputs && cycles > 1 && cycle == cycles - 1;
            int64_t weight = (int64_t)1 << cycle * chip->dac.bits;
            weight = back ? -weight : weight;
            take_digits(w, block, cycles, &c);
            inputs += weight * c.sent;
            int64_t unit = w->codes[s->columns - 1];
            read_plane(w, block, 0, &c, adc, weight);
            if (block->flips.of)
                add_units(w, block, &c, unit, weight);
            if (block->plane[1])
                read_plane(w, block, 1, &c, adc, -weight);
        }
    }
    return inputs;
}

// Adds a slice's codes to those of its outputs.
static void read_slice(struct conductance_model_worker *w, const struct block *block,
                       const struct readout *adc, bool signed_inputs)
{
    const struct mapping *map = w->analog->map;
    const struct chip *chip = map->chip;
    const struct slice *s = block->slice;
    const struct layer *l = &map->net->layers[s->layer];
    int64_t inputs = convert_slice(w, block, adc, signed_inputs);
    bool pair = chip->crossbar.polarity == POLARITY_DIFFERENTIAL;
    int columns = map->layers[s->layer].column_slices, bits = l->weight_bits;
    bool offset = !pair && s->weight_slice == 0;
    bool has_unit = chip->crossbar.polarity == POLARITY_OFFSET;
    int64_t unit = has_unit ? w->codes[s->columns - 1] : llrint((double)inputs / adc->worth);
    double top = (1 << chip->cell.bits) - 1, code = has_unit ? 1 : adc->worth;
    for (int c = 0; c < s->columns && block->flips.of; c++)
        w->codes[c] += llrint(top * (double)w->units[c] / code);
    for (int o = 0; o < s->outs; o++) {
        int64_t sum = 0;
        for (int k = 0; k < columns; k++)
            sum += w->codes[o * columns + k] *
                   ((int64_t)1 << (columns > 1 ? k : s->weight_slice) * chip->cell.bits);
        if (!pair && bits == 1)
            sum = 2 * sum;
        if (offset)
            sum -= bits == 1 ? unit : unit * ((int64_t)1 << (bits - 1));
        w->sums[s->out0 + o] += sum;
    }
}

void conductance_model_worker_count(struct conductance_model_worker *worker,
                                    struct adc_count *counts)
{
    worker->counts = counts;
    if (worker->beside)
        array_worker_count(worker->beside, counts);
}

void conductance_model_worker_image(struct conductance_model_worker *worker, size_t image)
{
    worker->image = (uint32_t)image;
}

struct readout conductance_model_readout(const struct conductance_model *a, int layer)
{
    return readout_of(a->map, layer, a->states.step, a->broken, a->sample.ranges);
}

// The sum that an output's codes or votes represent.
static int64_t value_of(const struct conductance_model_worker *w, const struct readout *adc,
                        int out)
{
    double codes = (double)w->sums[out];
    if (adc->comparator)
        return (int64_t)floor(w->references[out] + adc->worth * codes + 0.5);
    return (int64_t)quantise(&adc->value, codes);
}

void conductance_model_matrix(void *context, int layer, const int32_t *in, int64_t *acc)
{
    struct conductance_model_worker *w = context;
    if (w->beside && level_model_cover(w->analog->beside, layer)) {
        level_model_matrix(w->beside, layer, in, acc);
        return;
    }
    const struct mapping *map = w->analog->map;
    const struct layer *l = &map->net->layers[layer];
    const struct map_layer *m = &map->layers[layer];
    bool signed_inputs = map->net->layers[l->input[0]].is_signed;
    struct readout adc = conductance_model_readout(w->analog, layer);
    if (adc.comparator)
        comparator_references(w->analog->net, layer, w->references);
    w->worth = adc.worth;
    size_t size = (size_t)l->out_h * l->out_w;
    int each = m->slices / m->replicas;
    for (int y = 0; y < l->out_h; y++) {
        int first = m->slice0 + y % m->replicas * each; // of the replica that serves this row
        for (int x = 0; x < l->out_w; x++) {
            memset(w->sums, 0, (size_t)l->out_c * sizeof *w->sums);
            w->window_key =
                peripheral_window(&w->analog->sample, w->image, layer, y * l->out_w + x);
            for (int i = first, group = -1; i < first + each; i++) {
                const struct block *block = &w->analog->blocks[i];
                if (block->slice->group != group)
                    gather_slice(l, block->slice, in, y, x, w->window);
                group = block->slice->group;
                read_slice(w, block, &adc, signed_inputs);
            }
            for (int c = 0; c < l->out_c; c++)
                acc[c * size + (size_t)y * l->out_w + x] = value_of(w, &adc, c);
        }
    }
}
