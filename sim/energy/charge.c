#include "sim/energy/charge.h"

#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/dataflow/dataflow.h"
#include "sim/map/map.h"

static void count_channel(const struct dataflow_channel *c, int64_t tokens, struct ledger *layers,
                          struct ledger *shared)
{
    struct ledger *sender = c->from >= 0 ? &layers[c->layer] : shared;
    struct ledger *reader = c->to >= 0 ? &layers[c->consumer] : shared;
    sender->count[METER_TILE_READS] += tokens * c->source_words;
    if (c->hops >= 0) {
        sender->count[METER_ROUTER_FLITS] += tokens * c->flits * (c->hops + 1);
        sender->count[METER_LINK_FLITS] += tokens * c->flits * c->hops;
    }
    reader->count[METER_PE_WRITES] += tokens * c->pe_words;
    reader->count[METER_TILE_WRITES] += tokens * c->tile_words;
    reader->count[METER_TILE_READS] += tokens * c->reread_words;
    reader->count[METER_BUS_BITS] += tokens * c->bus_bits;
}

static void count_node(const struct dataflow *flow, const struct dataflow_node *node, int64_t rows,
                       int64_t windows, struct ledger *layers)
{
    const struct dataflow_stage *stage = &flow->stages[node->stage];
    const struct window_cost *work = &node->work;
    int64_t *count = layers[stage->layer].count;
    for (int m = 0; m < METERS; m++)
        count[m] += windows * work->count[m];
    if (stage->add >= 0)
        for (int m = 0; m < METERS; m++)
            layers[stage->add].count[m] += windows * work->add_count[m];
    count[work->read_meter] += rows * work->first_words + (windows - rows) * work->next_words;
    count[METER_BUS_BITS] += rows * work->first_bus_bits + (windows - rows) * work->next_bus_bits;
}

const struct activity_params *charge_activity(const struct dataflow *flow, int layer)
{
    return flow->activity ? &flow->activity[layer] : &flow->mapping->chip->activity;
}

// Of what one layer did, or, with layer 0, of what no layer's arrays did.
static void price(const struct dataflow *flow, int layer, struct ledger *ledger)
{
    const struct mapping *map = flow->mapping;
    const struct chip *chip = map->chip;
    const int64_t *n = ledger->count;
    double *j = ledger->energy_j;
    j[PART_CROSSBAR] =
        (double)n[METER_CELL_READS] * cell_read_energy(&chip->cell, charge_activity(flow, layer));
    j[PART_DAC] = (double)n[METER_ROW_DRIVES] * chip->dac.energy_j;
    j[PART_ADC] =
        (double)n[METER_CONVERSIONS] * chip_adc(chip, map->net->layers[layer].name)->energy_j;
    j[PART_SAMPLE_HOLD] = (double)n[METER_SAMPLES] * chip->pe.sample_hold.energy_j;
    j[PART_SHIFT_ADD] = (double)n[METER_SHIFT_ADDS] * chip->pe.shift_add.energy_j;
    j[PART_REGISTER] = (double)n[METER_INPUT_BITS] * chip->pe.input_register.energy_j +
                       (double)n[METER_PE_RESULTS] * chip->pe.output_register.energy_j +
                       (double)n[METER_OUTPUT_ELEMENTS] * chip->tile.output_register.energy_j;
    j[PART_ADDER] = (double)n[METER_MERGE_ADDS] * chip->tile.adder.energy_j;
    j[PART_OUTPUT] = (double)n[METER_OUTPUTS] * chip->tile.output.energy_j;
    j[PART_RESIDUAL] = (double)n[METER_RESIDUAL_ADDS] * chip->tile.residual_adder.energy_j;
    j[PART_MULTIPLIER] = (double)n[METER_PRODUCTS] * chip->tile.multiplier.energy_j;
    j[PART_POOL] = (double)n[METER_POOL_READS] * chip->tile.pool.energy_j;
    j[PART_ENCODER] = (double)n[METER_ENCODED_BITS] * chip->encoder.energy_j;
    j[PART_BUFFER_READ] = (double)n[METER_PE_READS] * map->pe_buffer.read_j +
                          (double)n[METER_TILE_READS] * map->tile_buffer.read_j;
    j[PART_BUFFER_WRITE] = (double)n[METER_PE_WRITES] * map->pe_buffer.write_j +
                           (double)n[METER_TILE_WRITES] * map->tile_buffer.write_j;
    j[PART_BUS] = (double)n[METER_BUS_BITS] * chip->tile.bus.energy_j;
    j[PART_NOC] = (double)n[METER_ROUTER_FLITS] * chip->noc.router_j +
                  (double)n[METER_LINK_FLITS] * chip->noc.link_j;
    j[PART_OFFCHIP] = (double)n[METER_OFFCHIP_BITS] * chip->offchip.energy_j;
}

static void finish(const struct dataflow *flow, int images, struct ledger *layers,
                   struct ledger *shared)
{
    const struct net *net = flow->mapping->net;
    const struct layer *planes = &net->layers[0];
    shared->count[METER_ENCODED_BITS] =
        (int64_t)images * planes->out_c * planes->out_h * planes->out_w * planes->out_bits;
    shared->count[METER_OFFCHIP_BITS] = images * (flow->image_bits + flow->result_bits);
    for (size_t i = 0; i < net->n; i++) {
        for (int m = 0; m < METERS; m++)
            layers[i].count[m] /= images;
        price(flow, (int)i, &layers[i]);
    }
    for (int m = 0; m < METERS; m++)
        shared->count[m] /= images;
    price(flow, 0, shared);
}

static double most_of_node(const struct dataflow_node *node)
{
    const struct window_cost *work = &node->work;
    double most = (double)work->first_words + (double)work->first_bus_bits;
    for (int m = 0; m < METERS; m++) {
        double count = (double)work->count[m] + (double)work->add_count[m];
        most = count > most ? count : most;
    }
    return most;
}

bool charge_check(const struct mapping *mapping, struct err *err)
{
    const struct chip *chip = mapping->chip;
    for (size_t i = 0; i < mapping->net->n && !chip->tile.has_multiplier; i++)
        if (mapping->net->layers[i].kind == LAYER_MULTIPLY)
            return err_set(
                err,
                "layer '%s' multiplies elements, and chip '%s' has no multipliers in its "
                "tiles; give it tile.multiplier, for example {time: 1 ns, energy: 0.2 "
                "pJ, area: 282 um2} (8 bits, 45 nm: Horowitz, ISSCC 2014)",
                mapping->net->layers[i].name, chip->name);
    return true;
}

bool charge_fits(const struct dataflow *flow, int images, struct err *err)
{
    const double limit = 4e18; // below 2^62, with room for what several meters share
    const struct net *net = flow->mapping->net;
    double sum = (double)(flow->image_bits + flow->result_bits);
    const char *at = net->layers[0].name;
    for (int i = 0; i < flow->n_channels && sum * images < limit; i++) {
        const struct dataflow_channel *c = &flow->channels[i];
        at = net->layers[c->layer].name;
        double each = (double)c->bits + (double)c->flits * (c->hops + 1) + (double)c->pe_words +
                      (double)c->source_words + 2 * (double)c->tile_words;
        sum += each * c->rank[net->layers[c->layer].out_h] * c->per_row;
    }
    for (int i = 0; i < flow->n_nodes && sum * images < limit; i++) {
        const struct layer *l = &net->layers[flow->stages[flow->nodes[i].stage].layer];
        at = l->name;
        sum += 3 * most_of_node(&flow->nodes[i]) * l->out_h * l->out_w; // of reads two meters more
    }
    return sum * images < limit ||
           err_set(err,
                   "layer '%s' brings the operations of %d image%s above %.0e, more than this "
                   "program counts; choose a smaller net or fewer images",
                   at, images, images == 1 ? "" : "s", limit);
}

void charge_exact(const struct dataflow *flow, const struct tally *tally, struct ledger *layers,
                  struct ledger *shared)
{
    for (int i = 0; i < flow->n_nodes; i++)
        count_node(flow, &flow->nodes[i], tally->node_rows[i], tally->node_windows[i], layers);
    for (int i = 0; i < flow->n_channels; i++)
        count_channel(&flow->channels[i], tally->channel_tokens[i], layers, shared);
    finish(flow, tally->images, layers, shared);
}

void charge_closed_form(const struct dataflow *flow, struct ledger *layers, struct ledger *shared)
{
    const struct net *net = flow->mapping->net;
    for (int i = 0; i < flow->n_nodes; i++) {
        const struct dataflow_node *node = &flow->nodes[i];
        const struct dataflow_stage *stage = &flow->stages[node->stage];
        const struct layer *l = &net->layers[stage->layer];
        int64_t rows = (l->out_h - node->replica + stage->replicas - 1) / stage->replicas;
        count_node(flow, node, rows, rows * l->out_w, layers);
    }
    for (int i = 0; i < flow->n_channels; i++) {
        const struct dataflow_channel *c = &flow->channels[i];
        count_channel(c, (int64_t)c->rank[net->layers[c->layer].out_h] * c->per_row, layers,
                      shared);
    }
    finish(flow, 1, layers, shared);
}

double charge_node(const struct dataflow *flow, int node, int64_t rows, int64_t windows, bool add)
{
    const struct dataflow_node *n = &flow->nodes[node];
    const struct dataflow_stage *stage = &flow->stages[n->stage];
    struct ledger ledger = {0};
    int layer = add ? stage->add : stage->layer;
    const int64_t *count = add ? n->work.add_count : n->work.count;
    for (int m = 0; m < METERS; m++)
        ledger.count[m] = windows * count[m];
    if (!add) {
        const struct window_cost *w = &n->work;
        ledger.count[w->read_meter] += rows * w->first_words + (windows - rows) * w->next_words;
        ledger.count[METER_BUS_BITS] +=
            rows * w->first_bus_bits + (windows - rows) * w->next_bus_bits;
    }
    price(flow, layer, &ledger);
    return ledger_energy(&ledger);
}

double charge_token(const struct dataflow *flow, int channel, bool sender)
{
    const struct dataflow_channel *c = &flow->channels[channel];
    struct ledger ledger = {0};
    if (sender) {
        ledger.count[METER_TILE_READS] = c->source_words;
        if (c->hops >= 0) {
            ledger.count[METER_ROUTER_FLITS] = c->flits * (c->hops + 1);
            ledger.count[METER_LINK_FLITS] = c->flits * c->hops;
        }
    } else {
        ledger.count[METER_PE_WRITES] = c->pe_words;
        ledger.count[METER_TILE_WRITES] = c->tile_words;
        ledger.count[METER_TILE_READS] = c->reread_words;
        ledger.count[METER_BUS_BITS] = c->bus_bits;
    }
    price(flow, 0, &ledger);
    return ledger_energy(&ledger);
}

void charge_leakage(const struct mapping *map, double seconds, struct ledger *layers,
                    struct ledger *shared)
{
    const struct chip *chip = map->chip;
    struct chip_sum sum = chip_add_up(chip, &map->pe_buffer, &map->tile_buffer);
    double adcs_w = chip_adcs_in_tile(chip, &chip->adc) * chip->adc.leakage_w;
    for (size_t i = 0; i < map->net->n; i++) {
        const struct adc_params *adc =
            chip_adc(chip, map->net->layers[i].name); // may be overridden
        double tile_w = sum.leakage_tile_w - adcs_w + chip_adcs_in_tile(chip, adc) * adc->leakage_w;
        layers[i].energy_j[PART_LEAKAGE] = map->layers[i].tiles * tile_w * seconds;
    }
    double rest_w = chip->offchip.power_w + unit_leakage(&chip->encoder);
    if (!chip->gating)
        rest_w += (chip_tiles(chip) - map->n_tiles) * sum.leakage_tile_w;
    shared->energy_j[PART_LEAKAGE] = rest_w * seconds;
}

double charge_override_area(const struct mapping *mapping)
{
    const struct chip *chip = mapping->chip;
    const struct adc_params *own = &chip->adc;
    double own_m2 = chip_adcs_in_tile(chip, own) * own->area_m2, sum_m2 = 0;
    for (size_t i = 0; i < mapping->net->n; i++) {
        const struct adc_params *adc = chip_adc(chip, mapping->net->layers[i].name);
        if (adc != own)
            sum_m2 +=
                mapping->layers[i].tiles * (chip_adcs_in_tile(chip, adc) * adc->area_m2 - own_m2);
    }
    return sum_m2;
}

struct charged charge_total(const struct dataflow *flow)
{
    const struct mapping *map = flow->mapping;
    struct arena *mem = arena_create();
    struct ledger *layers = arena_alloc(mem, map->net->n, sizeof *layers), shared = {0};
    charge_closed_form(flow, layers, &shared);
    struct charged total = {.energy_j = ledger_no_leakage(&shared)};
    for (size_t i = 0; i < map->net->n; i++)
        total.energy_j += ledger_no_leakage(&layers[i]);
    arena_destroy(mem);
    struct chip_sum sum = chip_add_up(map->chip, &map->pe_buffer, &map->tile_buffer);
    total.area_m2 = sum.tile_m2 * map->n_tiles + charge_override_area(map);
    return total;
}
