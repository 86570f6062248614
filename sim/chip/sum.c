// The chip added up: area and peak power of its parts, as component tables print them.
#include <math.h>

#include "sim/chip/chip.h"

static void part(struct chip_sum *sum, const char *name, const char *owner, double count,
                 double power_w, double area_m2)
{
    if (count <= 0 || (power_w <= 0 && area_m2 <= 0))
        return;
    sum->parts[sum->n++] = (struct chip_part){name, owner, count, power_w, area_m2};
}

static void unit(struct chip_sum *sum, const char *name, const char *owner, double owners,
                 const struct unit_params *u)
{
    part(sum, name, owner, owners * u->count, owners * unit_peak(u), owners * unit_area(u));
    sum->leakage_tile_w += owners * unit_leakage(u);
}

// Arrays, drivers and samplers work once per read cycle: settle, then read. Spare lines take room
// and a driver each; they never work but in the place of others.
static void array_parts(struct chip_sum *sum, const struct chip *chip, double crossbars)
{
    const struct crossbar_params *x = &chip->crossbar;
    double cycle_s = chip->dac.time_s + chip->cell.read_s;
    double columns = x->columns + (x->polarity == POLARITY_OFFSET ? 1 : 0);
    double lines = x->rows + x->spare_rows, cells = lines * (columns + x->spare_columns);
    double arrays = crossbars * chip_arrays(chip);
    double dacs = crossbars * (chip->dac.count > 0 ? chip->dac.count : x->rows);
    double rate = cycle_s > 0 ? 1 / cycle_s : 0;
    double active = chip_rows_active(chip);
    part(sum, "crossbar", "PE", arrays,
         arrays * active * columns * cell_read_energy(&chip->cell, &chip->activity) * rate,
         arrays * (cells * chip->cell.area_m2 + lines * x->driver_area_m2 + x->overhead_area_m2));
    part(sum, "DAC", "PE", dacs, crossbars * active * chip->dac.energy_j * rate,
         dacs * chip->dac.area_m2);
    sum->leakage_tile_w += dacs * chip->dac.leakage_w;
    if (chip->pe.has_sample_hold) {
        const struct unit_params *sh = &chip->pe.sample_hold;
        double n = crossbars * sh->count;
        part(sum, "sample and hold", "PE", n,
             sh->peak_w >= 0 ? crossbars * sh->peak_w : n * sh->energy_j * rate, n * sh->area_m2);
        sum->leakage_tile_w += n * sh->leakage_w;
    }
}

static void memory(struct chip_sum *sum, const char *name, const char *owner, double owners,
                   const struct buffer_params *buffer)
{
    part(sum, name, owner, owners, owners * buffer_peak(buffer), owners * fmax(buffer->area_m2, 0));
    sum->leakage_tile_w += owners * fmax(buffer->leakage_w, 0);
}

double chip_adcs_in_tile(const struct chip *chip, const struct adc_params *adc)
{
    double owners = chip->tile.pes;
    if (adc->share == ADC_PER_CROSSBAR)
        owners *= chip->pe.crossbars;
    return owners * adc->count;
}

static void tile_parts(struct chip_sum *sum, const struct chip *chip,
                       const struct buffer_params *pe_buffer,
                       const struct buffer_params *tile_buffer)
{
    double pes = chip->tile.pes, crossbars = pes * chip->pe.crossbars;
    double adcs = chip_adcs_in_tile(chip, &chip->adc);
    array_parts(sum, chip, crossbars);
    sum->adc_w = chip->adc.time_s > 0 ? adcs * chip->adc.energy_j / chip->adc.time_s : 0;
    sum->adc_m2 = adcs * chip->adc.area_m2;
    part(sum, chip->adc.bits == 1 ? "comparator" : "ADC", "PE", adcs, sum->adc_w, sum->adc_m2);
    sum->leakage_tile_w += adcs * chip->adc.leakage_w;
    unit(sum, "shift-add", "PE", pes, &chip->pe.shift_add);
    unit(sum, "input register", "PE", pes, &chip->pe.input_register);
    unit(sum, "output register", "PE", pes, &chip->pe.output_register);
    if (chip->pe.has_buffer)
        memory(sum, "PE buffer", "PE", pes, pe_buffer ? pe_buffer : &chip->pe.buffer);
    memory(sum, "tile buffer", "tile", 1, tile_buffer ? tile_buffer : &chip->tile.buffer);
    part(sum, "bus", "tile", chip->tile.bus.rate_bps > 0,
         chip->tile.bus.energy_j * chip->tile.bus.rate_bps, chip->tile.bus.area_m2);
    sum->leakage_tile_w += chip->tile.bus.leakage_w;
    unit(sum, "adder", "tile", 1, &chip->tile.adder);
    unit(sum, "output unit", "tile", 1, &chip->tile.output);
    unit(sum, "tile output register", "tile", 1, &chip->tile.output_register);
    unit(sum, "residual adder", "tile", 1, &chip->tile.residual_adder);
    if (chip->tile.has_multiplier)
        unit(sum, "multiplier", "tile", 1, &chip->tile.multiplier);
    unit(sum, "pool", "tile", 1, &chip->tile.pool);
    double routers = (double)noc_routers(&chip->noc) / chip_tiles(chip);
    part(sum, "router", "tile", routers, routers * noc_router_peak(&chip->noc),
         routers * chip->noc.area_m2);
    sum->leakage_tile_w += routers * chip->noc.leakage_w;
}

struct chip_sum chip_add_up(const struct chip *chip, const struct buffer_params *pe_buffer,
                            const struct buffer_params *tile_buffer)
{
    struct chip_sum sum = {.n = 0};
    tile_parts(&sum, chip, pe_buffer, tile_buffer);
    sum.n_tile = sum.n;
    for (int i = 0; i < sum.n; i++) {
        sum.tile_w += sum.parts[i].power_w;
        sum.tile_m2 += sum.parts[i].area_m2;
    }
    double tiles = chip_tiles(chip);
    part(&sum, "tiles", "chip", tiles, tiles * sum.tile_w, tiles * sum.tile_m2);
    part(&sum, "off-chip link", "chip", 1,
         chip->offchip.power_w > 0 ? chip->offchip.power_w
                                   : chip->offchip.energy_j * chip->offchip.rate_bps,
         chip->offchip.area_m2);
    unit(&sum, "input encoder", "chip", 1, &chip->encoder);
    sum.leakage_tile_w -= unit_leakage(&chip->encoder);
    for (int i = sum.n_tile; i < sum.n; i++) {
        sum.chip_w += sum.parts[i].power_w;
        sum.chip_m2 += sum.parts[i].area_m2;
    }
    return sum;
}
