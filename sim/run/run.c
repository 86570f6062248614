#include "sim/run/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/units.h"
#include "sim/chip/chip.h"
#include "sim/energy/charge.h"
#include "sim/energy/mnsim.h"
#include "sim/events/engine.h"
#include "sim/events/simulate.h"
#include "sim/map/map.h"
#include "sim/run/result.h"
#include "traces/trace.h"

const char *const policy_names[] = {"exact", "mnsim", 0};

struct assembly {
    const struct mapping *map;
    const struct net *net;
    const struct chip *chip;
    const struct dataflow *flow;
    const struct simulation *sim;
    const struct run_params *params;
    struct result *r;
};

static const char *copy(struct result *r, const char *text)
{
    return arena_strdup(r->mem, text ? text : "");
}

static void describe(struct assembly *a)
{
    struct result *r = a->r;
    const struct utilisation *u = &a->map->use;
    struct net_ops ops = net_ops(a->net);
    r->version = copy(r, a->params->version);
    r->command = copy(r, a->params->command);
    r->chip = copy(r, a->chip->name);
    r->net = copy(r, a->net->name);
    r->width = copy(r, a->net->width);
    r->form = net_form_names[a->net->form];
    r->policy = policy_names[a->params->policy];
    r->noc = backend_names[a->params->backend];
    r->tokens = token_names[a->params->tokens];
    int packed = 1;
    for (size_t i = 0; i < a->net->n; i++)
        packed = a->map->layers[i].packed > packed ? a->map->layers[i].packed : packed;
    r->mapping = arena_printf(r->mem, "%s%s%s", map_policy_names[a->chip->mapping.policy],
                              packed > 1 ? ", groups packed" : "",
                              a->chip->mapping.replicate ? ", replicated" : "");
    r->chip_hash = a->chip->hash;
    r->net_hash = a->net->hash;
    r->seed = a->map->seed;
    r->images = a->sim->images;
    r->macs = ops.macs;
    r->binary_ops = ops.binary_ops;
    r->params = ops.params;
    r->crossbars = u->crossbars;
    r->arrays = u->arrays;
    r->tiles = u->tiles;
    r->use_rows = u->rows;
    r->use_columns = u->columns;
    r->use_cells = u->cells;
    r->use_crossbars = u->crossbars_in_tiles;
    r->use_tiles = u->tiles_in_chip;
    r->pe_buffer_bytes = a->chip->pe.has_buffer ? a->map->pe_buffer.bytes : 0;
    r->tile_buffer_bytes = a->map->tile_buffer.bytes;
    r->program_j = (double)u->weight_cells * cell_write_energy(&a->chip->cell);
    r->program_s = a->chip->crossbar.rows * a->chip->cell.write_s;
}

static void describe_layer(struct assembly *a, int layer, struct layer_result *out)
{
    const struct layer *l = &a->net->layers[layer];
    const struct map_layer *m = &a->map->layers[layer];
    out->name = copy(a->r, l->name);
    out->kind = layer_kind_name(l);
    out->macs = l->macs;
    out->slowest = "nothing"; // a concat takes no time
    out->crossbars = m->slices;
    out->tiles = m->tiles;
    out->replicas = m->replicas;
    out->packed = m->packed;
    double columns =
        a->chip->crossbar.columns + (a->chip->crossbar.polarity == POLARITY_OFFSET ? 1 : 0);
    for (int i = m->slice0; i < m->slice0 + m->slices; i++) {
        const struct slice *s = &a->map->slices[i];
        out->rows_used += (double)s->rows / a->chip->crossbar.rows / m->slices;
        out->columns_used += s->columns / columns / m->slices;
    }
}

// The step that takes most of a window.
static const char *slowest_step(const struct window_cost *work)
{
    int most = 0;
    for (int s = 1; s < STEPS; s++)
        if (work->step_s[s] > work->step_s[most])
            most = s;
    return step_names[most];
}

static void time_layer(struct assembly *a, const struct dataflow_stage *stage,
                       struct layer_result *out)
{
    int last = stage->node0;
    double busy = -1;
    for (int n = stage->node0; n < stage->node0 + stage->nodes; n++) {
        const struct node_stats *s = &a->sim->nodes[n];
        if (s->end > a->sim->nodes[last].end)
            last = n;
        double node_busy = engine_seconds(s->busy) / a->sim->images;
        if (node_busy > busy) {
            busy = node_busy;
            out->slowest = slowest_step(&a->flow->nodes[n].work);
        }
    }
    const struct node_stats *s = &a->sim->nodes[last];
    out->busy_s = busy;
    out->start_s = engine_seconds(s->start);
    out->end_s = engine_seconds(s->end);
    out->wait_s = engine_seconds(s->wait);
    out->transfer_s = engine_seconds(s->transfer);
    out->compute_s = engine_seconds(s->end - s->start - s->wait - s->transfer);
    out->latency_s = engine_seconds(s->end - s->start);
}

// An add in its conv's tiles: its part of that time is the adding.
static void time_add(struct assembly *a, const struct dataflow_stage *stage,
                     struct layer_result *out)
{
    const struct layer *l = &a->net->layers[stage->add];
    double most = 0;
    for (int n = stage->node0; n < stage->node0 + stage->nodes; n++)
        most = fmax(most, a->flow->nodes[n].work.tail_s);
    int rows = (l->out_h + stage->replicas - 1) / stage->replicas;
    out->compute_s = out->latency_s = out->busy_s = most * rows * l->out_w;
    out->slowest = step_names[STEP_DIGITAL];
    const struct layer_result *conv = &a->r->layers[stage->layer - 1];
    out->start_s = conv->start_s;
    out->end_s = conv->end_s;
}

static void time_layers(struct assembly *a)
{
    for (int s = 0; s < a->flow->n_stages; s++) {
        const struct dataflow_stage *stage = &a->flow->stages[s];
        time_layer(a, stage, &a->r->layers[stage->layer - 1]);
        if (stage->add >= 0)
            time_add(a, stage, &a->r->layers[stage->add - 1]);
    }
}

static const char *part_name(struct assembly *a, const struct resource *part)
{
    char link[96];
    switch (part->kind) {
    case SHARED_LINK:
        return copy(a->r, noc_link_name(&a->chip->noc, part->where, link, sizeof link));
    case SHARED_OFFCHIP:
        return "off-chip link";
    case SHARED_BUS:
        return arena_printf(a->r->mem, "bus of tile %d", part->where);
    default:
        return arena_printf(a->r->mem, "%s of tile %d", part->what, part->where);
    }
}

static const char *layer_name(struct assembly *a, int layer)
{
    return copy(a->r, a->net->layers[layer].name);
}

static void share_transport(struct assembly *a, struct shared_part *out)
{
    const struct transport *t = a->sim->transport;
    for (int i = 0; i < t->n_parts; i++) {
        const struct resource *part = &t->parts[i];
        const struct blame *worst = calendar_worst(&part->calendar);
        out[i] = (struct shared_part){.name = part_name(a, part),
                                      .kind = part->kind,
                                      .busy_s = engine_seconds(part->calendar.busy),
                                      .wait_s = engine_seconds(part->calendar.wait),
                                      .uses = part->calendar.uses};
        if (worst) {
            out[i].blocker = layer_name(a, worst->blocker);
            out[i].blocked = layer_name(a, worst->blocked);
        }
    }
}

// The ADCs of a tile, which the columns of its layer wait for.
static void share_adcs(struct assembly *a, struct shared_part *out)
{
    for (int n = 0; n < a->flow->n_nodes; n++) {
        const struct dataflow_node *node = &a->flow->nodes[n];
        const struct dataflow_stage *stage = &a->flow->stages[node->stage];
        double windows = (double)a->sim->nodes[n].windows;
        out[n] = (struct shared_part){
            .name = arena_printf(a->r->mem, "ADCs of tile %d", node->tile),
            .kind = SHARED_ADC,
            .busy_s = windows * node->work.adc_busy_s,
            .wait_s = windows * node->work.adc_wait_s,
            .uses = a->sim->nodes[n].windows * node->work.count[METER_CONVERSIONS]};
        if (out[n].wait_s > 0)
            out[n].blocker = out[n].blocked = layer_name(a, stage->layer);
    }
}

// A tile keeps the tokens of each sender apart, so the sender is part of the name.
static const char *buffer_name(struct assembly *a, const struct dataflow_channel *c)
{
    static const char *const what[] = {"input", "residual", "partial-sum", "result"};
    const char *layer = a->net->layers[c->consumer].name;
    int to = c->to >= 0 ? a->flow->nodes[c->to].tile : -1;
    if (c->from < 0)
        return arena_printf(a->r->mem, "%s buffer of %s in tile %d", what[c->kind], layer, to);
    return arena_printf(a->r->mem, "%s buffer of %s in tile %d from tile %d", what[c->kind], layer,
                        to, a->flow->nodes[c->from].tile);
}

// Buffers of tokens between layers: busy is the time that one place was taken, on average over the
// places; waiting is the sender's.
static void share_buffers(struct assembly *a, struct shared_part *out)
{
    for (int i = 0; i < a->flow->n_channels; i++) {
        const struct dataflow_channel *c = &a->flow->channels[i];
        const struct channel_stats *s = &a->sim->channels[i];
        int64_t places = c->capacity < s->tokens ? c->capacity : s->tokens;
        out[i] = (struct shared_part){.name = buffer_name(a, c),
                                      .kind = SHARED_BUFFER,
                                      .busy_s = places > 0 ? s->occupied_s / (double)places : 0,
                                      .wait_s = engine_seconds(s->blocked),
                                      .uses = s->tokens};
        if (s->blocked > 0) {
            out[i].blocker = layer_name(a, c->consumer);
            out[i].blocked = layer_name(a, c->layer);
        }
    }
}

static void share(struct assembly *a)
{
    struct result *r = a->r;
    int parts = a->sim->transport->n_parts, nodes = a->flow->n_nodes;
    int n = parts + nodes + a->flow->n_channels;
    struct shared_part *all = arena_alloc(r->mem, (size_t)n, sizeof *all);
    share_transport(a, all);
    share_adcs(a, all + parts);
    share_buffers(a, all + parts + nodes);
    r->parts = all;
    for (int i = 0; i < n; i++)
        if (all[i].uses > 0 && (all[i].kind != SHARED_BUFFER || all[i].busy_s > 0))
            all[r->n_shared++] = all[i];
}

static const struct layer_result *busiest_layer(const struct result *r)
{
    const struct layer_result *most = NULL;
    for (size_t i = 0; i < r->n_layers; i++)
        if (!most || r->layers[i].busy_s > most->busy_s)
            most = &r->layers[i];
    return most;
}

// Of buses, ports, links and the off-chip link; ADCs are part of their layer.
static const struct shared_part *busiest_part(const struct result *r)
{
    const struct shared_part *most = NULL;
    for (size_t i = 0; i < r->n_shared; i++) {
        const struct shared_part *p = &r->parts[i];
        if (p->kind != SHARED_ADC && p->kind != SHARED_BUFFER &&
            (!most || p->busy_s > most->busy_s))
            most = p;
    }
    return most;
}

// The buffer that its sender waited for longest; that of the image source only if no other counts.
static const struct shared_part *fullest_buffer(const struct assembly *a, double worth_s)
{
    const struct result *r = a->r;
    const char *source = a->net->layers[0].name;
    const struct shared_part *most = NULL, *first = NULL;
    for (size_t i = 0; i < r->n_shared; i++) {
        const struct shared_part *p = &r->parts[i];
        if (p->kind != SHARED_BUFFER || !p->blocked)
            continue;
        const struct shared_part **best = strcmp(p->blocked, source) ? &most : &first;
        if (!*best || p->wait_s > (*best)->wait_s)
            *best = p;
    }
    return most && most->wait_s > worth_s ? most : first;
}

// What bounds the throughput: the stage or the shared part that is busy longest per image; if the
// images came further apart than that, the buffer that held them up.
static void time_run(struct assembly *a)
{
    struct result *r = a->r;
    const int64_t *end = a->sim->image_end;
    const struct layer_result *layer = busiest_layer(r);
    const struct shared_part *part = busiest_part(r);
    double layer_s = layer ? layer->busy_s : 0, part_s = part ? part->busy_s / r->images : 0;
    double busy_s = fmax(layer_s, part_s), period_s = busy_s;
    r->latency_s = engine_seconds(end[0]);
    r->run_s = engine_seconds(a->sim->end);
    r->throughput_estimated = r->images == 1;
    if (r->images > 1)
        period_s = engine_seconds(end[r->images - 1] - end[0]) / (r->images - 1);
    r->throughput_ips = period_s > 0 ? 1 / period_s : 0;
    char time[32], more[32];
    units_format(time, sizeof time, busy_s, "s");
    if (part_s > layer_s)
        r->bottleneck = arena_printf(r->mem, "%s, busy %s per image", part->name, time);
    else if (layer)
        r->bottleneck = arena_printf(r->mem, "%s, busy %s per image, most of it %s", layer->name,
                                     time, layer->slowest);
    const struct shared_part *full = fullest_buffer(a, 0.01 * period_s * r->images);
    if (period_s > 1.01 * busy_s && full)
        r->bottleneck = arena_printf(
            r->mem, "%s is full: %s waited %s per image for %s; busiest is %s", full->name,
            full->blocked, units_format(more, sizeof more, full->wait_s / r->images, "s"),
            full->blocker, r->bottleneck);
}

static void tally_up(struct assembly *a, struct ledger *layers, struct ledger *shared)
{
    const struct dataflow *flow = a->flow;
    int64_t *rows = mem_alloc((size_t)flow->n_nodes, sizeof *rows);
    int64_t *windows = mem_alloc((size_t)flow->n_nodes, sizeof *windows);
    int64_t *tokens = mem_alloc((size_t)flow->n_channels, sizeof *tokens);
    for (int n = 0; n < flow->n_nodes; n++) {
        rows[n] = a->sim->nodes[n].rows;
        windows[n] = a->sim->nodes[n].windows;
    }
    for (int c = 0; c < flow->n_channels; c++)
        tokens[c] = a->sim->channels[c].tokens;
    charge_exact(flow, &(struct tally){a->sim->images, rows, windows, tokens}, layers, shared);
    free(rows);
    free(windows);
    free(tokens);
    charge_leakage(a->map, a->r->run_s / a->sim->images, layers, shared);
}

// The same counts with the activity that the chip file assumes.
static double assumed_energy(const struct assembly *a)
{
    const struct result *r = a->r;
    double read_j = cell_read_energy(&a->chip->cell, &a->chip->activity), sum_j = 0;
    for (size_t i = 0; i < r->n_layers; i++) {
        struct ledger assumed = r->layers[i].ledger;
        assumed.energy_j[PART_CROSSBAR] = (double)assumed.count[METER_CELL_READS] * read_j;
        sum_j += ledger_energy(&assumed);
    }
    return sum_j + r->shared_j;
}

static void charge(struct assembly *a, const struct mnsim_result *mnsim)
{
    struct result *r = a->r;
    struct ledger *layers = arena_alloc(r->mem, a->net->n, sizeof *layers);
    if (a->params->policy == POLICY_MNSIM)
        memcpy(layers, mnsim->ledgers, a->net->n * sizeof *layers);
    else
        tally_up(a, layers, &r->shared);
    double without = ledger_no_leakage(&r->shared);
    r->shared_j = ledger_energy(&r->shared);
    r->energy_j = 0;
    for (size_t i = 0; i < r->n_layers; i++) {
        struct layer_result *l = &r->layers[i];
        l->ledger = layers[i + 1];
        l->energy_j = ledger_energy(&l->ledger);
        r->energy_j += l->energy_j;
        without += ledger_no_leakage(&l->ledger);
    }
    r->energy_j += r->shared_j;
    r->energy_without_leakage_j = without;
    r->measured = a->params->activity != NULL;
    r->energy_assumed_j = r->measured ? assumed_energy(a) : r->energy_j;
}

static void add_area(struct result *r, const char *name, double area_m2)
{
    r->areas[r->n_areas++] = (struct area_part){copy(r, name), area_m2};
}

static void measure_area(struct assembly *a, const struct mnsim_result *mnsim)
{
    struct result *r = a->r;
    struct chip_sum sum = chip_add_up(a->chip, &a->map->pe_buffer, &a->map->tile_buffer);
    r->areas = arena_alloc(r->mem, CHIP_MAX_PARTS, sizeof *r->areas);
    r->peak_w = sum.tile_w * r->tiles + sum.leakage_tile_w * r->tiles + a->chip->offchip.power_w;
    if (a->params->policy == POLICY_MNSIM) {
        r->area_m2 = mnsim->area_m2;
        r->chip_area_m2 = mnsim->tile_m2 * chip_tiles(a->chip);
        r->tiles = mnsim->tiles;
        add_area(r, "tiles", mnsim->area_m2);
        return;
    }
    for (int i = 0; i < sum.n_tile; i++)
        if (sum.parts[i].area_m2 > 0)
            add_area(r, sum.parts[i].name, sum.parts[i].area_m2 * r->tiles);
    double other_m2 = charge_override_area(a->map);
    if (other_m2 > 0 || other_m2 < 0)
        add_area(r, "ADC overrides, more than the chip's", other_m2);
    r->area_m2 = sum.tile_m2 * r->tiles + other_m2;
    r->chip_area_m2 = sum.chip_m2 + other_m2;
}

static void rate(struct result *r)
{
    double ops = 2.0 * (double)r->macs; // one MAC is two operations
    r->edp_js = r->energy_j * r->latency_s;
    r->average_w = r->run_s > 0 ? r->energy_j * r->images / r->run_s : 0;
    r->tops = ops * r->throughput_ips * 1e-12;
    r->tops_per_w = r->energy_j > 0 ? ops / r->energy_j * 1e-12 : 0;
    r->tops_per_mm2 = r->area_m2 > 0 ? r->tops / (r->area_m2 * 1e6) : 0;
}

static void record_parts(const struct result *r, struct trace *trace)
{
    for (size_t i = 0; trace && i < r->n_shared; i++)
        trace_part(trace,
                   &(struct trace_part){r->parts[i].name, r->parts[i].busy_s, r->parts[i].wait_s});
}

bool run_mapping(const struct mapping *mapping, const struct run_params *params,
                 struct result **out, struct err *err)
{
    if (!charge_check(mapping, err))
        return false;
    struct dataflow *flow = dataflow_create(mapping, params->tokens);
    struct simulation *sim = NULL;
    struct mnsim_result mnsim = {0};
    struct simulate_params how = {params->images, params->backend, params->trace, params->progress};
    bool ok = false;
    flow->activity = params->activity;
    // Refused before the work, not after it.
    if (params->policy == POLICY_MNSIM && params->activity) {
        err_set(err, "policy mnsim charges an activity of its own; use --policy exact, or drop "
                     "--activity");
        goto out;
    }
    if (params->policy == POLICY_MNSIM && !mnsim_charge(mapping->net, mapping->chip, &mnsim, err))
        goto out;
    if (!charge_fits(flow, params->images > 0 ? params->images : 1, err) ||
        !simulate(flow, &how, &sim, err))
        goto out;
    struct arena *mem = arena_create();
    struct result *r = arena_alloc(mem, 1, sizeof *r);
    r->mem = mem;
    struct assembly a = {mapping, mapping->net, mapping->chip, flow, sim, params, r};
    r->n_layers = mapping->net->n - 1; // the input layer is no work of the tiles
    r->layers = arena_alloc(mem, r->n_layers, sizeof *r->layers);
    describe(&a);
    for (size_t i = 0; i < r->n_layers; i++)
        describe_layer(&a, (int)i + 1, &r->layers[i]);
    time_layers(&a);
    share(&a);
    time_run(&a);
    charge(&a, &mnsim);
    measure_area(&a, &mnsim);
    rate(r);
    record_parts(r, params->trace);
    *out = r;
    ok = true;
out:
    mnsim_fini(&mnsim);
    simulation_destroy(sim);
    dataflow_destroy(flow);
    return ok;
}
