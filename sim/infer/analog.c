#include "sim/infer/analog.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/integer.h"
#include "nets/net.h"
#include "sim/base/err.h"
#include "sim/base/mem.h"
#include "sim/base/num.h"
#include "sim/base/rng.h"
#include "sim/chip/chip.h"
#include "sim/infer/cells.h"
#include "sim/infer/spare.h"
#include "sim/map/map.h"

enum { UNIT = 1 << 16, MOST = 64 * UNIT };

// One crossbar: currents of its columns for a driven row, in units. With two planes the minus array
// is read apart (subtraction after the ADC).
struct block {
    const struct slice *slice;
    int32_t *plane[2]; // (rows, columns)
};

struct analog {
    const struct mapping *map;
    const struct integer *net;
    struct block *blocks; // one per slice of the mapping
    struct fault_counts counts;
    int64_t cut;
    double gmin; // of Gmax
    struct arena *mem;
};

// --- Cells ---

int32_t analog_conductance(double gmin, int level, int top, double theta)
{
    double g = gmin + (1 - gmin) * level / top;
    if (theta > 0 || theta < 0)
        g *= num_exp(-theta);
    double units = floor(g * UNIT + 0.5);
    return units > MOST ? MOST : (int32_t)units;
}

static double theta_of(const struct draw *draw, const struct cell_address *at)
{
    if (draw->defects.sigma <= 0)
        return 0;
    uint32_t counter[4];
    fault_counter(draw, at, counter);
    uint64_t u = rng_counter(draw->seed, RNG_VARIATION, counter);
    return draw->defects.sigma * num_normal((uint32_t)(u >> 32));
}

static int32_t make_cell(struct analog *a, const struct draw *draw, const struct cell_address *at,
                         int level, int top)
{
    enum cell_fate fate = fault_any(draw) ? fault_cell(draw, at) : CELL_FINE;
    a->counts.cells++;
    a->counts.lrs += fate == CELL_LRS;
    a->counts.hrs += fate == CELL_HRS;
    if (fate != CELL_FINE)
        return analog_conductance(a->gmin, fate == CELL_LRS ? top : 0, top, 0);
    int32_t g = analog_conductance(a->gmin, level, top, theta_of(draw, at));
    a->cut += g == MOST;
    return g;
}

static void make_block(struct analog *a, const struct draw *draw, struct block *block)
{
    const struct slice *s = block->slice;
    const struct chip *chip = a->map->chip;
    const struct layer *l = &a->map->net->layers[s->layer];
    const struct map_tile *t = &a->map->tiles[s->tile];
    const int32_t *w = a->net->layers[s->layer].w;
    int columns = a->map->layers[s->layer].column_slices, kind = chip->crossbar.polarity;
    int rows = l->in_c / l->groups * l->kernel_h * l->kernel_w;
    int top = (1 << chip->cell.bits) - 1;
    bool apart = chip->crossbar.subtract_after;
    int index = (int)(s - a->map->slices);
    for (int p = 0; p < 1 + apart; p++)
        block->plane[p] =
            arena_alloc(a->mem, (size_t)s->rows * s->columns, sizeof *block->plane[p]);
    for (int row = 0; row < s->rows; row++)
        for (int c = 0; c < s->columns; c++)
            for (int p = 0; p < chip_arrays(chip); p++) {
                struct cell_address at = {t->x,
                                          t->y,
                                          s->pe,
                                          s->crossbar,
                                          p,
                                          spares_row(draw->spares, index, row),
                                          spares_column(draw->spares, index, c)};
                int out = c / columns, level = 1; // of the offset column
                if (out < s->outs) {
                    int slice = columns > 1 ? c % columns : s->weight_slice;
                    int32_t weight = w[(size_t)(s->out0 + out) * rows + s->row0 + row];
                    level = cell_level(kind, l->weight_bits, chip->cell.bits, weight, slice, p);
                }
                int32_t g = make_cell(a, draw, &at, level, top);
                size_t i = (size_t)row * s->columns + c;
                if (p && !apart)
                    block->plane[0][i] -= g;
                else
                    block->plane[p][i] = g;
            }
}

static bool check_layer(const struct mapping *map, int layer, struct err *err)
{
    const struct chip *chip = map->chip;
    const struct layer *l = &map->net->layers[layer];
    if (chip_adc(chip, l->name)->bits < 2)
        return conf_fail(conf_find(chip->conf->root, "adc"), err,
                         "read-outs of one bit are not evaluated yet (layer '%s')", l->name);
    bool image = l->input[0] == 0 && map->net->encoder == ENCODER_RAW;
    if (image && chip->dac.bits > 1 && map->layers[layer].input_cycles > 1)
        return conf_fail(conf_find(chip->conf->root, "dac"), err,
                         "the image's signed steps take %d cycles of a %d-bit DAC, which is not "
                         "evaluated; use DACs of 1 bit or of %d",
                         map->layers[layer].input_cycles, chip->dac.bits, l->in_bits[0]);
    return true;
}

struct analog *analog_create(const struct mapping *mapping, const struct integer *integer,
                             const struct draw *draw, struct err *err)
{
    const struct chip *chip = mapping->chip;
    if (chip->mapping.replicate) {
        err_set(err, "replicated layers are not evaluated yet; drop mapping.replicate");
        return NULL;
    }
    for (size_t i = 1; i < mapping->net->n; i++)
        if (mapping->layers[i].slices && !check_layer(mapping, (int)i, err))
            return NULL;
    struct arena *mem = arena_create();
    struct analog *a = arena_alloc(mem, 1, sizeof *a);
    *a = (struct analog){.map = mapping, .net = integer, .mem = mem};
    // Rounded like the cells, so that an unbroken chip without variation is exact for binary cells.
    a->gmin = floor(chip->cell.r_lrs_ohm / chip->cell.r_hrs_ohm * UNIT + 0.5) / UNIT;
    a->blocks = arena_alloc(mem, (size_t)mapping->n_slices, sizeof *a->blocks);
    for (int i = 0; i < mapping->n_slices; i++) {
        a->blocks[i].slice = &mapping->slices[i];
        make_block(a, draw, &a->blocks[i]);
    }
    return a;
}

void analog_destroy(struct analog *analog)
{
    if (analog)
        arena_destroy(analog->mem);
}

struct fault_counts analog_faults(const struct analog *analog)
{
    return analog->counts;
}

int64_t analog_cut(const struct analog *analog)
{
    return analog->cut;
}

// --- Matrices ---

struct analog_worker {
    const struct analog *analog;
    int32_t *window;   // inputs by row
    int32_t *digits;   // of one cycle, by row of a slice
    int64_t *currents; // by column
    int64_t *codes;    // of the plus and the minus side, by column; added up over cycles and groups
    int64_t *sums;     // by output
};

struct analog_worker *analog_worker_create(const struct analog *analog)
{
    const struct net *net = analog->map->net;
    struct analog_worker *w = mem_alloc(1, sizeof *w);
    size_t rows = 1, outs = 1, columns = analog->map->chip->crossbar.columns + 1;
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        size_t n = (size_t)l->in_c / l->groups * l->kernel_h * l->kernel_w;
        rows = n > rows ? n : rows;
        outs = (size_t)l->out_c > outs ? (size_t)l->out_c : outs;
    }
    w->analog = analog;
    w->window = mem_alloc(rows, sizeof *w->window);
    w->digits = mem_alloc(rows, sizeof *w->digits);
    w->currents = mem_alloc(columns, sizeof *w->currents);
    w->codes = mem_alloc(columns, sizeof *w->codes);
    w->sums = mem_alloc(outs, sizeof *w->sums);
    return w;
}

void analog_worker_destroy(struct analog_worker *w)
{
    if (!w)
        return;
    free(w->window);
    free(w->digits);
    free(w->currents);
    free(w->codes);
    free(w->sums);
    free(w);
}

// What one ADC makes of a current: `level` units of current are one step of a sum, a code is worth
// `worth` steps; signed codes run from -2^(bits - 1), others from 0.
struct converter {
    double level, worth;
    double low, high;
};

static struct converter converter_of(const struct chip *chip, const struct adc_params *adc,
                                     double gmin)
{
    bool is_signed =
        chip->crossbar.polarity == POLARITY_DIFFERENTIAL && !chip->crossbar.subtract_after;
    double top = (1 << chip->cell.bits) - 1, inputs = (1 << chip->dac.bits) - 1;
    double full = chip_rows_active(chip) * top * inputs;
    double codes = ldexp(1, is_signed ? adc->bits - 1 : adc->bits);
    return (struct converter){UNIT * (1 - gmin) / top, fmax(1, full / codes),
                              is_signed ? -codes : 0, codes - 1};
}

static int64_t convert(const struct converter *c, double current)
{
    double code = floor(current / (c->level * c->worth) + 0.5);
    return (int64_t)(code < c->low ? c->low : code > c->high ? c->high : code);
}

// Digits of one bit cycle for the rows of a slice; the last cycle of two's complement counts back.
static int64_t take_digits(struct analog_worker *w, const struct chip *chip, const struct slice *s,
                           int first, int rows, int cycle, int cycles)
{
    int64_t total = 0;
    int shift = cycle * chip->dac.bits;
    int32_t mask = (int32_t)(((int64_t)1 << chip->dac.bits) - 1);
    for (int row = 0; row < rows; row++) {
        int32_t a = w->window[s->row0 + first + row];
        w->digits[row] = cycles == 1 ? a : (a >> shift) & mask;
        total += w->digits[row];
    }
    return total;
}

// One conversion of every column of a plane, for one group of rows.
static void read_plane(struct analog_worker *w, const struct block *block, int plane, int first,
                       int rows, const struct converter *adc, double leak, int64_t weight)
{
    const struct slice *s = block->slice;
    memset(w->currents, 0, (size_t)s->columns * sizeof *w->currents);
    for (int row = 0; row < rows; row++) {
        int64_t digit = w->digits[row];
        const int32_t *g = block->plane[plane] + (size_t)(first + row) * s->columns;
        for (int c = 0; digit && c < s->columns; c++)
            w->currents[c] += digit * g[c];
    }
    for (int c = 0; c < s->columns; c++)
        w->codes[c] += weight * convert(adc, (double)w->currents[c] - leak);
}

// Every group of rows in every cycle. Returns the sum of the inputs, for the digital side of single
// arrays.
static int64_t convert_slice(struct analog_worker *w, const struct block *block,
                             const struct converter *adc, bool signed_inputs)
{
    const struct analog *a = w->analog;
    const struct chip *chip = a->map->chip;
    const struct slice *s = block->slice;
    // The arrays of a pair leak alike: their difference is read.
    bool cancels =
        chip->crossbar.polarity == POLARITY_DIFFERENTIAL && !chip->crossbar.subtract_after;
    int active = chip_rows_active(chip), cycles = a->map->layers[s->layer].input_cycles;
    int64_t inputs = 0;
    memset(w->codes, 0, (size_t)s->columns * sizeof *w->codes);
    for (int first = 0; first < s->rows; first += active) {
        int rows = s->rows - first < active ? s->rows - first : active;
        for (int cycle = 0; cycle < cycles; cycle++) {
            bool back = signed_inputs && cycles > 1 && cycle == cycles - 1;
            int64_t weight = (int64_t)1 << cycle * chip->dac.bits;
            weight = back ? -weight : weight;
            int64_t total = take_digits(w, chip, s, first, rows, cycle, cycles);
            double leak = cancels ? 0 : a->gmin * UNIT * (double)total;
            inputs += weight * total;
            read_plane(w, block, 0, first, rows, adc, leak, weight);
            if (block->plane[1])
                read_plane(w, block, 1, first, rows, adc, leak, -weight);
        }
    }
    return inputs;
}

// Adds a slice's share to the sums of its outputs.
static void read_slice(struct analog_worker *w, const struct block *block, bool signed_inputs)
{
    const struct mapping *map = w->analog->map;
    const struct chip *chip = map->chip;
    const struct slice *s = block->slice;
    const struct layer *l = &map->net->layers[s->layer];
    struct converter adc = converter_of(chip, chip_adc(chip, l->name), w->analog->gmin);
    int64_t inputs = convert_slice(w, block, &adc, signed_inputs);
    bool pair = chip->crossbar.polarity == POLARITY_DIFFERENTIAL;
    int columns = map->layers[s->layer].column_slices, bits = l->weight_bits;
    bool offset = !pair && s->weight_slice == 0;
    int64_t unit = chip->crossbar.polarity == POLARITY_OFFSET ? w->codes[s->columns - 1]
                                                              : llrint((double)inputs / adc.worth);
    for (int o = 0; o < s->outs; o++) {
        int64_t sum = 0;
        for (int k = 0; k < columns; k++)
            sum += w->codes[o * columns + k] *
                   ((int64_t)1 << (columns > 1 ? k : s->weight_slice) * chip->cell.bits);
        if (!pair && bits == 1)
            sum = 2 * sum;
        if (offset)
            sum -= bits == 1 ? unit : unit * ((int64_t)1 << (bits - 1));
        w->sums[s->out0 + o] += llrint((double)sum * adc.worth);
    }
}

void analog_matrix(void *context, int layer, const int32_t *in, int64_t *acc)
{
    struct analog_worker *w = context;
    const struct mapping *map = w->analog->map;
    const struct layer *l = &map->net->layers[layer];
    const struct map_layer *m = &map->layers[layer];
    bool signed_inputs = l->input[0] == 0 && map->net->encoder == ENCODER_RAW;
    size_t size = (size_t)l->out_h * l->out_w;
    for (int y = 0; y < l->out_h; y++)
        for (int x = 0; x < l->out_w; x++) {
            memset(w->sums, 0, (size_t)l->out_c * sizeof *w->sums);
            for (int i = m->slice0, group = -1; i < m->slice0 + m->slices; i++) {
                const struct block *block = &w->analog->blocks[i];
                if (block->slice->group != group)
                    gather_window(l, in, group = block->slice->group, y, x, w->window);
                read_slice(w, block, signed_inputs);
            }
            for (int c = 0; c < l->out_c; c++)
                acc[c * size + (size_t)y * l->out_w + x] = w->sums[c];
        }
}
