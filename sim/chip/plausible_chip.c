#include "sim/chip/plausible_chip.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "base/warn.h"
#include "sim/chip/chip.h"
#include "sim/chip/inherit.h"

// A string built in a fixed buffer; text beyond the buffer is truncated.
struct text {
    char buf[400];
    size_t used;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->buf + text->used, sizeof text->buf - text->used, format, args);
    va_end(args);
    if (n > 0)
        text->used += (size_t)n;
    if (text->used >= sizeof text->buf)
        text->used = sizeof text->buf - 1;
}

// A cell in its high-resistance state carries r_lrs / r_hrs of the current of one in the low state:
// above a half, a threshold half way between nothing and one cell reads it as on.
static void check_on_off(const struct chip *chip, struct warnings *warnings)
{
    double ratio = chip->cell.r_hrs_ohm / chip->cell.r_lrs_ohm;
    char hrs[48], lrs[48];
    if (ratio < PLAUSIBLE_MIN_ON_OFF)
        warn_add(warnings, "on-off-ratio",
                 "on/off ratio r_hrs / r_lrs = %s / %s = %.3g is below %g: a cell that is off "
                 "carries %.0f %% of the current of one that is on; raise cell.r_hrs",
                 units_format(hrs, sizeof hrs, chip->cell.r_hrs_ohm, "ohm"),
                 units_format(lrs, sizeof lrs, chip->cell.r_lrs_ohm, "ohm"), ratio,
                 PLAUSIBLE_MIN_ON_OFF, 100 / ratio);
}

// R = R0 exp(theta), theta normal: one cell of three lies outside R0 / e^sigma .. R0 e^sigma, which
// at 1.5 spans a factor of 20. HAWIS tests up to 1 (section IV-C, Figure 3).
void plausible_variation(double sigma, struct warnings *warnings)
{
    if (sigma > PLAUSIBLE_MAX_SIGMA)
        warn_add(warnings, "variation",
                 "defects.sigma = %g is above %g: R = R0 exp(normal(0, sigma)), so one cell of "
                 "three is off by more than a factor exp(sigma) = %.3g; lower sigma (0.1 to 1 is "
                 "usual)",
                 sigma, PLAUSIBLE_MAX_SIGMA, exp(sigma));
}

// The largest field that a lithography scanner exposes at once is 26 mm x 33 mm (193 nm immersion
// and EUV at a numerical aperture of 0.33; IRDS, Lithography); a larger die cannot be printed.
static void check_area(const struct chip *chip, const struct chip_sum *sum, bool buffers,
                       struct warnings *warnings)
{
    if (sum->chip_m2 > PLAUSIBLE_MAX_DIE_M2)
        warn_add(warnings, "die-area",
                 "die area %.6g mm2 (%d tiles of %.4g mm2%s) is above the reticle limit, 26 mm x "
                 "33 mm = %g mm2; lower noc.columns or noc.rows, or treat it as several dies",
                 sum->chip_m2 * 1e6, chip_tiles(chip), sum->tile_m2 * 1e6,
                 buffers ? "" : ", automatic buffers not counted", PLAUSIBLE_MAX_DIE_M2 * 1e6);
}

// 1 W/mm2 is 100 W/cm2, about the most that forced air takes from a chip (ITRS, Assembly and
// Packaging).
static void check_density(const struct chip_sum *sum, bool buffers, struct warnings *warnings)
{
    double density = sum->chip_m2 > 0 ? sum->chip_w / sum->chip_m2 : 0;
    char power[48];
    if (density > PLAUSIBLE_MAX_DENSITY_W_M2)
        warn_add(warnings, "peak-power-density",
                 "peak power density %s / %.6g mm2 = %.4g W/mm2%s is above %g W/mm2 (100 W/cm2, "
                 "air cooling), all parts busy; check the energies, times and areas of 'bitline "
                 "show chip --parts'",
                 units_format(power, sizeof power, sum->chip_w, "W"), sum->chip_m2 * 1e6,
                 density * 1e-6, buffers ? "" : " (automatic buffers not counted)",
                 PLAUSIBLE_MAX_DENSITY_W_M2 * 1e-6);
}

struct node {
    const char *part;
    double technology_m; // -1: not stated
};
enum { MAX_NODES = 20 };
struct nodes {
    const struct chip *chip;
    struct node items[MAX_NODES];
    int n;
};

// Of a part that costs something; the chip's node where it states none.
static void add_node(struct nodes *nodes, const char *part, bool costs, double technology_m)
{
    double node_m = technology_m > 0 ? technology_m : nodes->chip->technology_m;
    if (costs && node_m > 0)
        nodes->items[nodes->n++] = (struct node){part, node_m};
}

static void add_unit(struct nodes *nodes, const char *part, const struct unit_params *u)
{
    bool costs = u->time_s > 0 || u->energy_j > 0 || u->area_m2 > 0;
    add_node(nodes, part, u->count > 0 && costs, u->technology_m);
}

static void list_nodes(const struct chip *chip, struct nodes *nodes)
{
    *nodes = (struct nodes){.chip = chip};
    const struct dac_params *dac = &chip->dac;
    const struct adc_params *adc = &chip->adc;
    const struct bus_params *bus = &chip->tile.bus;
    const struct noc_params *noc = &chip->noc;
    const struct offchip_params *link = &chip->offchip;
    add_node(nodes, "cell", chip->cell.area_m2 > 0 || chip->cell.read_v > 0,
             chip->cell.technology_m);
    add_node(nodes, "DAC", dac->energy_j > 0 || dac->area_m2 > 0, dac->technology_m);
    add_node(nodes, adc->bits == 1 ? "comparator" : "ADC", adc->energy_j > 0 || adc->area_m2 > 0,
             adc->technology_m);
    if (chip->tile.has_multiplier)
        add_unit(nodes, "multiplier", &chip->tile.multiplier);
    if (chip->pe.has_sample_hold)
        add_unit(nodes, "sample and hold", &chip->pe.sample_hold);
    add_unit(nodes, "shift-add", &chip->pe.shift_add);
    add_unit(nodes, "input register", &chip->pe.input_register);
    add_unit(nodes, "output register", &chip->pe.output_register);
    if (chip->pe.has_buffer)
        add_node(nodes, "PE buffer", true, buffer_technology(&chip->pe.buffer));
    add_node(nodes, "tile buffer", chip->tile.buffer.kind || chip->tile.buffer.area_m2 > 0,
             buffer_technology(&chip->tile.buffer));
    add_node(nodes, "bus", bus->energy_j > 0 || bus->area_m2 > 0, bus->technology_m);
    add_unit(nodes, "adder", &chip->tile.adder);
    add_unit(nodes, "output unit", &chip->tile.output);
    add_unit(nodes, "tile output register", &chip->tile.output_register);
    add_unit(nodes, "residual adder", &chip->tile.residual_adder);
    add_unit(nodes, "pool", &chip->tile.pool);
    add_node(nodes, "router", noc->router_j > 0 || noc->link_j > 0 || noc->area_m2 > 0,
             noc->technology_m);
    add_node(nodes, "off-chip link", link->energy_j > 0 || link->area_m2 > 0 || link->power_w > 0,
             link->technology_m);
    add_unit(nodes, "input encoder", &chip->encoder);
}

// The largest node below a limit; 0: none.
static double next_node(const struct nodes *nodes, double below_m)
{
    double next_m = 0;
    for (int i = 0; i < nodes->n; i++)
        if (nodes->items[i].technology_m < below_m)
            next_m = fmax(next_m, nodes->items[i].technology_m);
    return next_m;
}

// Energy falls with about the square of the node and more, so parts of several nodes do not
// compare.
static void check_nodes(const struct chip *chip, struct warnings *warnings)
{
    struct nodes nodes;
    struct text list = {.used = 0};
    int groups = 0;
    list_nodes(chip, &nodes);
    double m = next_node(&nodes, 1);
    while (m > 0) {
        add(&list, "%s%g nm ", groups++ ? "; " : "", m * 1e9);
        const char *comma = "";
        for (int i = 0; i < nodes.n; i++)
            if (!(nodes.items[i].technology_m < m) && !(nodes.items[i].technology_m > m)) {
                add(&list, "%s%s", comma, nodes.items[i].part);
                comma = ", ";
            }
        m = next_node(&nodes, m);
    }
    if (groups > 1)
        warn_add(warnings, "mixed-technology",
                 "parts of %d technology nodes (%s), and nothing is scaled; give energies, times "
                 "and areas of one node to compare this chip with another",
                 groups, list.buf);
}

void plausible_chip(const struct chip *chip, const struct buffer_params *pe_buffer,
                    const struct buffer_params *tile_buffer, struct warnings *warnings)
{
    struct chip_sum sum = chip_add_up(chip, pe_buffer, tile_buffer);
    bool buffers = (tile_buffer || chip->tile.buffer.bytes >= 0) &&
                   (pe_buffer || !chip->pe.has_buffer || chip->pe.buffer.bytes >= 0);
    check_on_off(chip, warnings);
    plausible_variation(chip->defects.sigma, warnings);
    check_area(chip, &sum, buffers, warnings);
    check_density(&sum, buffers, warnings);
    check_nodes(chip, warnings);
    inherit_check(chip, warnings);
}
