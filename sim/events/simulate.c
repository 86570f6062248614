#include "sim/events/simulate.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/mem_limit.h"
#include "sim/chip/chip.h"
#include "sim/energy/charge.h"
#include "sim/events/sim_state.h"
#include "sim/map/map.h"

// Tokens that a channel may hold at once.
static int64_t channel_room(const struct dataflow *flow, int channel, int images)
{
    const struct dataflow_channel *c = &flow->channels[channel];
    int height = flow->mapping->net->layers[c->layer].out_h;
    int64_t all = (int64_t)c->rank[height] * c->per_row * images;
    int64_t room = c->capacity < all ? c->capacity : all;
    return room > 0 ? room : 1;
}

static void set_up_channel(struct run *run, int index)
{
    struct channel *c = &run->channels[index];
    const struct dataflow_channel *is = &run->flow->channels[index];
    int height = run->net->layers[is->layer].out_h;
    c->is = is;
    c->index = index;
    c->per_image = (int64_t)is->rank[height] * is->per_row;
    c->room = channel_room(run->flow, index, run->sim->images);
    c->reader = is->to >= 0 ? &run->nodes[is->to] : NULL;
    c->writer = is->from >= 0 ? &run->nodes[is->from] : &run->source;
    if (c->reader)
        c->ring = mem_alloc((size_t)c->room, sizeof *c->ring);
    if (run->trace) {
        c->sender_j = is->from >= 0 ? charge_token(run->flow, index, true) : 0;
        c->reader_j = is->to >= 0 ? charge_token(run->flow, index, false) : 0;
    }
}

static void set_up_node(struct run *run, int index)
{
    struct node *node = &run->nodes[index];
    const struct mapping *map = run->flow->mapping;
    node->run = run;
    node->index = index;
    node->is = &run->flow->nodes[index];
    const struct dataflow_stage *stage = &run->flow->stages[node->is->stage];
    const struct window_cost *work = &node->is->work;
    node->layer = &run->net->layers[stage->layer];
    node->first = engine_ticks(work->first_s);
    node->next = engine_ticks(work->next_s);
    node->delay = engine_ticks(work->delay_s);
    node->tail = engine_ticks(work->tail_s);
    bool shared =
        map->chip->pe.has_buffer ? map->pe_buffer.ports == 1 : map->tile_buffer.ports == 1;
    if (shared)
        node->port_read = engine_ticks(work->step_s[STEP_READ]);
    if (run->trace) {
        node->first_j = charge_node(run->flow, index, 1, 1, false);
        node->next_j = charge_node(run->flow, index, 0, 1, false);
        if (stage->add >= 0)
            node->add_first_j = charge_node(run->flow, index, 1, 1, true);
    }
}

static void tear_down(struct run *run)
{
    for (int i = 0; i < run->flow->n_channels; i++)
        free(run->channels[i].ring);
    free(run->channels);
    free(run->nodes);
}

static bool start_engine(const struct dataflow *flow, enum noc_backend backend, struct err *err)
{
    const struct chip *chip = flow->mapping->chip;
    struct engine_mesh mesh = {0};
    if (backend == BACKEND_SIMGRID) {
        if (chip->noc.topology != NOC_MESH && chip->noc.topology != NOC_TORUS)
            return conf_fail(conf_find(chip->conf->root, "noc.topology"), err,
                             "the backend simgrid knows mesh and torus only; use --noc calendar");
        mesh = (struct engine_mesh){chip->noc.columns, chip->noc.rows,
                                    chip->noc.topology == NOC_TORUS, chip->noc.link_bps};
        if (!mesh.torus) { // the part of the mesh that is used
            mesh.columns = mesh.rows = 1;
            for (int t = 0; t < flow->mapping->n_tiles; t++) {
                const struct map_tile *tile = &flow->mapping->tiles[t];
                mesh.columns = tile->x >= mesh.columns ? tile->x + 1 : mesh.columns;
                mesh.rows = tile->y >= mesh.rows ? tile->y + 1 : mesh.rows;
            }
        }
    }
    return engine_start(&mesh, err);
}

// Ticks are 64-bit: about 550 s. All work one after the other must stay below that.
static bool check_length(const struct dataflow *flow, int images, struct err *err)
{
    const double most_simulated_s = 400;
    const struct net *net = flow->mapping->net;
    double sum_s =
        (double)(flow->image_bits + flow->result_bits) / flow->mapping->chip->offchip.rate_bps;
    const char *longest = net->layers[0].name;
    double most_s = sum_s;
    for (int i = 0; i < flow->n_nodes; i++) {
        const struct dataflow_node *node = &flow->nodes[i];
        const struct layer *l = &net->layers[flow->stages[node->stage].layer];
        double window_s = fmax(node->work.first_s, node->work.next_s) + node->work.tail_s;
        double node_s = window_s * l->out_h * l->out_w + node->work.delay_s;
        sum_s += node_s;
        if (node_s > most_s) {
            most_s = node_s;
            longest = l->name;
        }
    }
    for (int i = 0; i < flow->n_channels; i++) {
        const struct dataflow_channel *c = &flow->channels[i];
        double token_s = c->source_s + c->bus_s + c->port_s +
                         (c->link_s + flow->mapping->chip->noc.router_s) * (c->hops + 1);
        sum_s += token_s * c->rank[net->layers[c->layer].out_h] * c->per_row;
    }
    if (sum_s * images <= most_simulated_s)
        return true;
    return err_set(err,
                   "the parts would be busy for up to %.3g s of simulated time, more than the %g s "
                   "that this program simulates; check the chip's times and rates (%s alone "
                   "takes %.3g s an image), or simulate fewer images",
                   sum_s * images, most_simulated_s, longest, most_s);
}

// Of a trace, the spans of work alone: one for every token of a tile whose work takes time.
static bool check_memory(const struct dataflow *flow, int images, bool trace, struct err *err)
{
    const struct net *net = flow->mapping->net;
    double bytes = 0;
    for (int i = 0; i < flow->n_channels; i++)
        if (flow->channels[i].to >= 0)
            bytes += (double)channel_room(flow, i, images) * sizeof(struct token);
    for (int i = 0; trace && i < flow->n_nodes; i++) {
        const struct layer *l = &net->layers[flow->stages[flow->nodes[i].stage].layer];
        double tokens = (double)l->out_h * (flow->tokens == TOKENS_WINDOWS ? l->out_w : 1) * images;
        if (flow->nodes[i].work.next_s > 0)
            bytes += tokens / flow->stages[flow->nodes[i].stage].replicas * sizeof(struct span);
    }
    return mem_fits(bytes,
                    trace ? "a simulation with so many tokens and a trace of them"
                          : "a simulation with so many tokens",
                    "simulate fewer images, smaller maps, or rows instead of windows", err);
}

bool simulate(const struct dataflow *flow, const struct simulate_params *params,
              struct simulation **out, struct err *err)
{
    int images = params->images > 0 ? params->images : 1;
    if (!check_length(flow, images, err) ||
        !check_memory(flow, images, params->trace != NULL, err) ||
        !start_engine(flow, params->backend, err))
        return false;
    struct simulation *sim = mem_alloc(1, sizeof *sim);
    const struct net *net = flow->mapping->net;
    sim->flow = flow;
    sim->images = images;
    sim->nodes = mem_alloc((size_t)flow->n_nodes, sizeof *sim->nodes);
    sim->channels = mem_alloc((size_t)flow->n_channels, sizeof *sim->channels);
    sim->image_end = mem_alloc((size_t)sim->images, sizeof *sim->image_end);
    sim->transport = transport_create(flow, params->backend);
    struct run run = {.flow = flow,
                      .net = net,
                      .sim = sim,
                      .transport = sim->transport,
                      .trace = params->trace,
                      .progress = params->progress,
                      .windows = flow->tokens == TOKENS_WINDOWS,
                      .backend = params->backend};
    run.nodes = mem_alloc((size_t)flow->n_nodes, sizeof *run.nodes);
    run.channels = mem_alloc((size_t)flow->n_channels, sizeof *run.channels);
    run.source = (struct node){.run = &run, .layer = &net->layers[0], .index = -1};
    if (params->trace) {
        struct ledger *layers = mem_alloc(net->n, sizeof *layers), shared = {0};
        charge_closed_form(flow, layers, &shared);
        run.image_token_j = ledger_energy(&shared) / net->layers[0].out_h;
        free(layers);
    }
    for (int i = 0; i < flow->n_channels; i++)
        set_up_channel(&run, i);
    for (int i = 0; i < flow->n_channels; i++)
        run.all += run.channels[i].per_image * sim->images;
    run.source.task = engine_spawn(source_main, &run.source);
    for (int i = 0; i < flow->n_nodes; i++) {
        set_up_node(&run, i);
        run.nodes[i].task = engine_spawn(node_main, &run.nodes[i]);
    }
    struct err dead = {0};
    bool ok = engine_run(&dead) || deadlock_say(&run, err);
    for (int i = 0; i < sim->images; i++)
        sim->end = sim->image_end[i] > sim->end ? sim->image_end[i] : sim->end;
    // Rows without a reader are computed too, perhaps after the last result.
    for (int i = 0; i < flow->n_nodes; i++)
        sim->end = run.nodes[i].at > sim->end ? run.nodes[i].at : sim->end;
    sim->end = sim->transport->end > sim->end ? sim->transport->end : sim->end;
    tear_down(&run);
    if (!ok) {
        simulation_destroy(sim);
        return false;
    }
    *out = sim;
    return true;
}

void simulation_destroy(struct simulation *simulation)
{
    if (!simulation)
        return;
    transport_destroy(simulation->transport);
    free(simulation->nodes);
    free(simulation->channels);
    free(simulation->image_end);
    free(simulation);
}
