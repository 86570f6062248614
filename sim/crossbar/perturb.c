#include "sim/crossbar/perturb.h"

#include <math.h>
#include <string.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "nets/perturb.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/blocks.h"
#include "sim/crossbar/cells.h"
#include "sim/map/map.h"

struct perturbation {
    struct perturb hooks;
    struct conductance_model cells; // input of blocks.h: the chip sample and the net below
    struct int_net integer;         // the weights in training, as stored in cells
    int32_t **weights;              // the same, per layer
    struct cell_row *row;
    int32_t *plus, *minus;     // of one slice
    struct readout **readouts; // per layer; NULL: its sums are unchanged
    uint64_t redraw;
    uint32_t trial; // of the chip sample
    struct arena *mem;
};

static bool check_draw(const struct chip *chip, const struct chip_sample *sample,
                       const struct perturb_params *params, struct err *err)
{
    const struct conf_node *at = conf_find(chip->conf->root, "defects");
    const struct conf_node *crossbar = conf_find(chip->conf->root, "crossbar");
    at = at ? at : chip->conf->root;
    if (defects_need_reads(&sample->defects))
        return conf_fail(
            at, err,
            "training models cells, lines and ADC resolution, but not stuck drivers or ADCs, "
            "ADC offsets or read noise; set those defects to 0");
    if (sample->defects.sigma > 0 && sample->defects.redraw > 0)
        return conf_fail(at, err,
                         "training resamples chips as perturb.redraw states; set defects.redraw "
                         "to once");
    if (chip->crossbar.polarity != POLARITY_DIFFERENTIAL)
        return conf_fail(crossbar, err,
                         "training supports only differential pairs; set crossbar.polarity to "
                         "differential");
    return !params->adc || !chip->crossbar.subtract_after ||
           conf_fail(
               crossbar, err,
               "training reads out differences, but this chip converts plus and minus "
               "columns separately; set crossbar.subtract to before_adc, or perturb.adc to false");
}

static bool check_layer(const struct mapping *map, int layer, const struct perturb_params *params,
                        struct err *err)
{
    const struct chip *chip = map->chip;
    const struct layer *l = &map->net->layers[layer];
    const struct adc_params *adc = chip_adc(chip, l->name);
    const struct conf_node *at = conf_find(chip->conf->root, "adc");
    if (map->layers[layer].replicas > 1)
        return err_set(err,
                       "layer '%s' has %d replicas, each with its own cells, but training has "
                       "one set of weights; set mapping.replicate to false",
                       l->name, map->layers[layer].replicas);
    if (map->layers[layer].packed > 1)
        return conf_fail(conf_find(chip->conf->root, "mapping"), err,
                         "%d groups of layer '%s' share a crossbar, where faulty cells connect one "
                         "group's inputs to another's outputs, which training does not model; "
                         "set mapping.groups=apart",
                         map->layers[layer].packed, l->name);
    if (params->adc && adc->range == ADC_CALIBRATED)
        return conf_fail(at, err,
                         "the ADC of layer '%s' is calibrated, which needs trained "
                         "weights; set adc.range to full",
                         l->name);
    return !params->adc || adc->bits > 1 ||
           conf_fail(at, err, "training does not support one-bit read-outs (layer '%s')", l->name);
}

// Whether all sums are integers with codes of their own.
static bool loses_nothing(const struct perturbation *p, int layer, const struct readout *r)
{
    const struct chip *chip = p->cells.map->chip;
    const struct layer *l = &p->cells.map->net->layers[layer];
    int rows = layer_inputs(l), active = chip_rows_active(chip);
    double largest =
        (double)((rows < active ? rows : active) * largest_product(chip, l, p->cells.broken));
    return !defect_varies(&p->cells.sample.defects) && chip->crossbar.wire_ohm <= 0 &&
           r->worth <= 1 && largest <= r->code.high * r->worth;
}

static bool plan_readout(struct perturbation *p, int layer, struct err *err)
{
    const struct mapping *map = p->cells.map;
    const struct map_layer *ml = &map->layers[layer];
    const struct layer *l = &map->net->layers[layer];
    struct readout r = readout_of(map, layer, p->cells.states.step, p->cells.broken, NULL);
    if (loses_nothing(p, layer, &r))
        return true;
    if (ml->weight_slices * ml->column_slices > 1 || ml->input_cycles > 1)
        return conf_fail(conf_find(map->chip->conf->root, "adc"), err,
                         "layer '%s' reads its sums out in %d slices of weights and %d cycles of "
                         "inputs, which training does not model; set perturb.adc to false",
                         l->name, ml->weight_slices * ml->column_slices, ml->input_cycles);
    p->readouts[layer] = arena_alloc(p->mem, 1, sizeof r);
    *p->readouts[layer] = r;
    return true;
}

static int list_readouts(void *context, int layer, int *ends)
{
    const struct perturbation *p = context;
    const struct mapping *map = p->cells.map;
    const struct map_layer *ml = &map->layers[layer];
    int active = chip_rows_active(map->chip), last = -1, n = 0;
    for (int i = ml->slice0; p->readouts[layer] && i < ml->slice0 + ml->slices; i++) {
        const struct slice *s = &map->slices[i];
        if (s->row_block <= last)
            continue; // another column block of the same rows
        last = s->row_block;
        for (int row = active; row < s->rows; row += active)
            ends[n++] = s->row0 + row;
        ends[n++] = s->row0 + s->rows;
    }
    return n;
}

static void convert_sums(void *context, int layer, float *sums, size_t n)
{
    const struct perturbation *p = context;
    const struct readout *r = p->readouts[layer];
    double step = p->cells.states.step;
    for (size_t i = 0; r && i < n; i++)
        sums[i] = (float)quantise(&r->code, (double)sums[i] * step);
}

static void value_codes(void *context, int layer, float *codes, size_t n)
{
    const struct perturbation *p = context;
    const struct readout *r = p->readouts[layer];
    for (size_t i = 0; r && i < n; i++)
        codes[i] = (float)quantise(&r->value, (double)codes[i]);
}

// Adds the values of a slice's cells to its weights.
static void read_slice(struct perturbation *p, const struct slice *s, float *w)
{
    const struct mapping *map = p->cells.map;
    const struct layer *l = &map->net->layers[s->layer];
    int each = map->layers[s->layer].column_slices;
    size_t rows = (size_t)layer_inputs(l);
    double level = 1 / p->cells.states.step;
    const struct column_flips none = {.of = NULL}; // only single arrays have flips
    blocks_array(&p->cells, p->row, s, &none, 0, p->plus);
    blocks_array(&p->cells, p->row, s, &none, 1, p->minus);
    for (int row = 0; row < s->rows; row++)
        for (int o = 0; o < s->outs; o++) {
            size_t at = (size_t)row * s->columns + (size_t)o * each;
            int64_t units = 0;
            for (int k = 0; k < each; k++) {
                int shift = (each > 1 ? k : s->weight_slice) * map->chip->cell.bits;
                units += (int64_t)(p->plus[at + k] - p->minus[at + k]) * ((int64_t)1 << shift);
            }
            w[(s->out0 + o) * rows + s->row0 + row] += (float)((double)units * level);
        }
}

static void read_weights(void *context, int layer, uint64_t step, float *w)
{
    struct perturbation *p = context;
    const struct map_layer *ml = &p->cells.map->layers[layer];
    size_t n = (size_t)p->cells.map->net->layers[layer].weights;
    p->cells.sample.trial =
        p->redraw ? PERTURB_TRIAL + (uint32_t)(step / p->redraw % PERTURB_TRIAL) : p->trial;
    for (size_t i = 0; i < n; i++)
        p->weights[layer][i] = (int32_t)w[i];
    memset(w, 0, n * sizeof *w);
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++)
        read_slice(p, &p->cells.map->slices[i], w);
}

static struct perturbation *make(const struct mapping *map, const struct chip_sample *sample,
                                 const struct perturb_params *params, enum cpu_level level)
{
    const struct net *net = map->net;
    struct arena *mem = arena_create();
    struct perturbation *p = arena_alloc(mem, 1, sizeof *p);
    struct int_layer *layers = arena_alloc(mem, net->n, sizeof *layers);
    p->mem = mem;
    p->trial = sample->trial;
    p->weights = arena_alloc(mem, net->n, sizeof *p->weights);
    p->readouts = arena_alloc(mem, net->n, sizeof *p->readouts);
    for (size_t i = 1; i < net->n; i++)
        if (map->layers[i].slices) {
            p->weights[i] = arena_alloc(mem, (size_t)net->layers[i].weights, sizeof(int32_t));
            layers[i].w = p->weights[i];
        }
    p->integer = (struct int_net){.net = net, .layers = layers};
    p->cells = (struct conductance_model){
        .map = map, .net = &p->integer, .sample = *sample, .kernels = kernels_for(cpu_best(level))};
    struct defect_params *d = &p->cells.sample.defects;
    if (!params->stuck)
        d->stuck_lrs = d->stuck_hrs = d->word_lines = d->bit_lines = 0;
    if (!params->variation)
        d->sigma = d->drift_s = 0;
    size_t cells = 1;
    for (int i = 0; i < map->n_slices; i++) {
        size_t n = (size_t)map->slices[i].rows * map->slices[i].columns;
        cells = n > cells ? n : cells;
    }
    p->plus = arena_alloc(mem, cells, sizeof *p->plus);
    p->minus = arena_alloc(mem, cells, sizeof *p->minus);
    blocks_states(&p->cells);
    p->row = cell_row_create(&p->cells);
    p->hooks = (struct perturb){.context = p, .weights = read_weights};
    return p;
}

struct perturbation *perturb_create(const struct mapping *mapping, const struct chip_sample *sample,
                                    const struct perturb_params *params, enum cpu_level level,
                                    struct err *err)
{
    if (!check_draw(mapping->chip, sample, params, err))
        return NULL;
    for (size_t i = 1; i < mapping->net->n; i++)
        if (mapping->layers[i].slices && !check_layer(mapping, (int)i, params, err))
            return NULL;
    struct perturbation *p = make(mapping, sample, params, level);
    for (size_t i = 1; i < mapping->net->n && params->adc; i++)
        if (mapping->layers[i].slices && !plan_readout(p, (int)i, err)) {
            perturb_destroy(p);
            return NULL;
        }
    if (params->adc) {
        p->hooks.readouts = list_readouts;
        p->hooks.sums = convert_sums;
        p->hooks.total = value_codes;
    }
    return p;
}

void perturb_destroy(struct perturbation *p)
{
    if (!p)
        return;
    cell_row_destroy(p->row);
    arena_destroy(p->mem);
}

void perturb_redraw(struct perturbation *p, uint64_t steps)
{
    p->redraw = steps;
}

const struct perturb *perturb_hooks(const struct perturbation *p)
{
    return &p->hooks;
}
