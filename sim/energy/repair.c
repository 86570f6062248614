#include "sim/energy/repair.h"

#include <math.h>

#include "nets/net.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"

// Rows read one at a time, all of their columns converted.
static double read_energy(const struct chip *chip, const struct adc_params *adc, double rows,
                          double columns)
{
    struct activity_params one = {1, chip->activity.cells_lrs};
    double cell_j = chip_arrays(chip) * cell_read_energy(&chip->cell, &one);
    double twice = chip->crossbar.subtract_after ? 2 : 1;
    return rows * (chip->dac.energy_j + columns * (cell_j + twice * adc->energy_j));
}

static double read_time(const struct chip *chip, const struct adc_params *adc, double rows,
                        double columns)
{
    double twice = chip->crossbar.subtract_after ? 2 : 1;
    double rounds = ceil(columns * twice / adc->count);
    return rows * (chip->dac.time_s + chip->cell.read_s + rounds * adc->time_s);
}

struct repair_cost repair_cost(const struct mapping *mapping, const struct repair *repair)
{
    const struct chip *chip = mapping->chip;
    const struct crossbar_params *x = &chip->crossbar;
    struct repair_cost cost = {0};
    double write_j = cell_write_energy(&chip->cell), slowest_s = 0;
    double rows = x->rows, columns = x->columns + (x->polarity == POLARITY_OFFSET);
    double across = columns + x->spare_columns; // cells of a spare row
    double spare = x->spare_rows * across + rows * x->spare_columns;
    double spare_pulses = x->spare_columns > 0 ? rows + x->spare_rows : x->spare_rows;
    for (int i = 0; i < mapping->n_slices; i++) {
        const struct slice *s = &mapping->slices[i];
        const char *layer = mapping->net->layers[s->layer].name;
        const struct adc_params *adc = chip_adc(chip, layer);
        cost.test_j += read_energy(chip, adc, s->rows, s->columns) +
                       2 * read_energy(chip, adc, x->spare_rows, across) +
                       2 * read_energy(chip, adc, rows, x->spare_columns) * (x->spare_columns > 0);
        cost.test_j += 2 * chip_arrays(chip) * spare * write_j;
        double each_s = read_time(chip, adc, s->rows, s->columns) +
                        2 * read_time(chip, adc, x->spare_rows, across) +
                        2 * read_time(chip, adc, rows, x->spare_columns) * (x->spare_columns > 0);
        if (adc->share == ADC_PER_PE)
            each_s *= chip->pe.crossbars;
        slowest_s = fmax(slowest_s, each_s);
    }
    cost.test_s = slowest_s + 2 * spare_pulses * chip->cell.write_s;
    cost.write_j = (double)repair->cells * write_j;
    cost.write_s = (double)repair->pulses * chip->cell.write_s;
    return cost;
}
