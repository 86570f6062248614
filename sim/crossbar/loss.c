#include "sim/crossbar/loss.h"

#include <math.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/bound.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/comparator.h"
#include "sim/crossbar/evaluate.h"
#include "sim/crossbar/fault.h"
#include "sim/crossbar/readout.h"
#include "sim/map/map.h"
#include "workloads/dataset.h"

static struct adc_need need_of(const struct mapping *map, int layer, bool broken,
                               const int64_t *ranges, const struct sum_bound *bound)
{
    const struct adc_params *adc = chip_adc(map->chip, map->net->layers[layer].name);
    struct readout readout = readout_of(map, layer, 1, broken, ranges);
    return (struct adc_need){.bits = adc->bits,
                             .needed = readout_bits(map, layer, broken, ranges, bound),
                             .low = bound->low,
                             .high = bound->high,
                             .worth = readout.worth,
                             .lossless = readout_lossless(&readout, bound),
                             .calibrated = adc->range == ADC_CALIBRATED};
}

struct adc_need loss_need_of_rows(const struct mapping *map, int layer)
{
    const struct map_layer *ml = &map->layers[layer];
    const struct chip *chip = map->chip;
    if (!ml->slices)
        return (struct adc_need){0};
    int rows = 0, bits = map->net->layers[layer].weight_bits;
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++)
        rows = map->slices[i].rows > rows ? map->slices[i].rows : rows;
    rows = rows < chip_rows_active(chip) ? rows : chip_rows_active(chip);
    int held = bits < chip->cell.bits ? bits : chip->cell.bits;
    double full = (double)column_full(chip, rows, (1 << held) - 1);
    struct digit_range digits = bound_digits(map, layer);
    struct sum_bound bound = {full * digits.low, full * digits.high};
    if (readout_signed(chip)) {
        bound.high = full * fmax(digits.high, -digits.low);
        bound.low = -bound.high;
    }
    return need_of(map, layer, false, NULL, &bound);
}

struct adc_need loss_need_of_cells(const struct mapping *map, const struct level_model *arrays,
                                   const struct conductance_model *analog,
                                   const struct int_net *net, const struct chip_sample *sample,
                                   int layer)
{
    if (!map->layers[layer].slices)
        return (struct adc_need){0};
    struct sum_bound bound =
        analog ? conductance_model_bound(analog, layer) : level_model_bound(arrays, layer);
    struct adc_need need = need_of(map, layer, fault_any(sample), sample->ranges, &bound);
    if (comparator_reads(map, layer))
        need.lossless = comparator_exact(map, net, layer);
    if (defects_need_conductances(&sample->defects, map->chip))
        need.lossless = false;
    return need;
}

static int64_t conversions_of(const struct mapping *map, int layer)
{
    const struct map_layer *ml = &map->layers[layer];
    const struct layer *l = &map->net->layers[layer];
    int active = chip_rows_active(map->chip);
    int64_t columns = 0;
    for (int i = ml->slice0; i < ml->slice0 + ml->slices / ml->replicas; i++) {
        const struct slice *s = &map->slices[i];
        columns += (int64_t)s->columns * ((s->rows + active - 1) / active);
    }
    return columns * ml->input_cycles * (1 + map->chip->crossbar.subtract_after) * l->out_h *
           l->out_w;
}

size_t loss_images(const struct mapping *map, size_t images)
{
    const double budget = 2e9; // cells read
    const double most = 16;
    double cells = 1;
    for (int i = 0; i < map->n_slices; i++) {
        const struct slice *s = &map->slices[i];
        const struct layer *l = &map->net->layers[s->layer];
        if (!s->replica)
            cells += (double)s->rows * s->columns * map->layers[s->layer].input_cycles * l->out_h *
                     l->out_w;
    }
    size_t n = (size_t)fmin(fmax(floor(budget / cells), 1), most);
    return n < images ? n : images;
}

void loss_count(const struct mapping *map, const struct evaluation *what, size_t images,
                struct adc_count *counts)
{
    struct int_net_run *run = int_net_run_create(what->integer);
    struct array_worker *levels = what->analog ? NULL : array_worker_create(what->arrays);
    struct conductance_model_worker *currents =
        what->analog ? conductance_model_worker_create(what->analog) : NULL;
    for (size_t i = 0; i < map->net->n; i++)
        counts[i] = (struct adc_count){
            .conversions =
                map->layers[i].slices ? (int64_t)images * conversions_of(map, (int)i) : 0};
    for (size_t i = 0; i < map->net->n; i++) // a vote keeps only the side of a sum
        if (counts[i].conversions && comparator_reads(map, (int)i) &&
            !comparator_exact(map, what->integer, (int)i))
            counts[i].rounded = counts[i].conversions;
    if (currents)
        conductance_model_worker_count(currents, counts);
    else
        array_worker_count(levels, counts);
    for (size_t i = 0; i < images; i++) {
        if (currents)
            conductance_model_worker_image(currents, i);
        int_net_run_image(run, dataset_image(what->data, i),
                          currents ? conductance_model_matrix : level_model_matrix,
                          currents ? (void *)currents : (void *)levels);
    }
    int_net_run_destroy(run);
    array_worker_destroy(levels);
    conductance_model_worker_destroy(currents);
}
