#include "sim/dataflow/dataflow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "nets/geometry.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"
#include "sim/map/size.h"

const char *const token_names[] = {"rows", "windows", 0};

struct builder {
    struct dataflow *flow;
    const struct mapping *mapping;
    const struct net *net;
    size_t nodes_cap, channels_cap; // while the arrays grow
    int *stage_of;                  // per layer
    int cached[5];                  // what cached_rank was made for
    int *cached_rank;
};

int dataflow_out_layer(const struct dataflow_stage *stage)
{
    return stage->add >= 0 ? stage->add : stage->layer;
}

int dataflow_stage_of(const struct dataflow *flow, int layer)
{
    for (int s = 0; s < flow->n_stages; s++)
        if (flow->stages[s].layer == layer || flow->stages[s].add == layer)
            return s;
    return -1;
}

static struct dataflow_node *add_node(struct builder *b, int stage, int tile, int replica)
{
    struct dataflow *flow = b->flow;
    flow->nodes =
        mem_grow(flow->nodes, &b->nodes_cap, (size_t)flow->n_nodes + 1, sizeof *flow->nodes);
    struct dataflow_node *node = &flow->nodes[flow->n_nodes++];
    *node = (struct dataflow_node){.stage = stage, .tile = tile, .replica = replica};
    flow->stages[stage].nodes++;
    return node;
}

static bool heads(const struct slice *s)
{
    return s->row_block == 0 && s->weight_slice == 0;
}

static void matrix_nodes(struct builder *b, int stage, int layer)
{
    const struct mapping *map = b->mapping;
    const struct map_layer *m = &map->layers[layer];
    for (int t = m->tile0; t < m->tile0 + m->tiles; t++) {
        struct dataflow_node *node = add_node(b, stage, t, map->tiles[t].replica);
        const struct map_tile *tile = &map->tiles[t];
        for (int i = tile->slice0; i < tile->slice0 + tile->slices; i++) {
            const struct slice *s = &map->slices[i];
            if (!heads(s))
                continue;
            if (!node->outs)
                node->out0 = s->out0;
            node->outs = s->out0 + s->outs - node->out0;
        }
        node->work = window_cost_of_tile(map, t);
    }
}

static struct net_part *parts_of(struct builder *b, int layer, int *n)
{
    *n = net_parts(b->net, layer, NULL);
    struct net_part *parts = mem_alloc((size_t)*n, sizeof *parts);
    net_parts(b->net, layer, parts);
    return parts;
}

static void plain_node(struct builder *b, int stage, int tile, int layer, int out0, int outs)
{
    struct dataflow_node *node = add_node(b, stage, tile, 0);
    node->out0 = out0;
    node->outs = outs;
    node->work = window_cost_of_plain(b->mapping, layer, outs);
}

// Pools, lone adds and multiplies work where the channels they read are made; what reads the image
// itself, in the first tile.
static void plain_nodes(struct builder *b, int stage, int layer)
{
    int n;
    struct net_part *parts = parts_of(b, b->net->layers[layer].input[0], &n);
    for (int k = 0; k < n; k++) {
        int source = b->stage_of[parts[k].layer];
        if (source < 0) {
            plain_node(b, stage, 0, layer, parts[k].first, b->net->layers[parts[k].layer].out_c);
            continue;
        }
        const struct dataflow_stage s = b->flow->stages[source];
        assert(b->flow->nodes);
        for (int i = s.node0; i < s.node0 + s.nodes; i++) {
            struct dataflow_node from = b->flow->nodes[i];
            if (from.outs && !from.replica)
                plain_node(b, stage, from.tile, layer, parts[k].first + from.out0, from.outs);
        }
    }
    free(parts);
}

static void make_nodes(struct builder *b)
{
    const struct net *net = b->net;
    struct dataflow *flow = b->flow;
    for (size_t i = 0; i < net->n; i++)
        b->stage_of[i] = -1;
    for (size_t i = 1; i < net->n; i++) {
        if (b->stage_of[i] >= 0 || net->layers[i].kind == LAYER_CONCAT)
            continue; // a concat only renumbers channels
        int stage = flow->n_stages++;
        bool matrix = layer_has_weights(&net->layers[i]);
        int add = matrix ? net_fused_add(net, (int)i) : -1; // done in the same tiles
        flow->stages[stage] = (struct dataflow_stage){.layer = (int)i,
                                                      .add = add,
                                                      .node0 = flow->n_nodes,
                                                      .replicas = b->mapping->layers[i].replicas};
        b->stage_of[i] = stage;
        if (add >= 0)
            b->stage_of[add] = stage;
        if (matrix)
            matrix_nodes(b, stage, (int)i);
        else
            plain_nodes(b, stage, (int)i);
    }
}

// Which rows of its input a consumer's replica wants, of those that a producer's replica makes.
static const int *rank_of(struct builder *b, int consumer, int edge, int replica, int replicas,
                          int from_replica, int from_replicas)
{
    const struct layer *l = &b->net->layers[consumer];
    int rows = b->net->layers[l->input[edge]].out_h;
    int key[5] = {consumer * 2 + edge, replica, replicas, from_replica, from_replicas};
    if (b->cached_rank && !memcmp(key, b->cached, sizeof key))
        return b->cached_rank;
    int *rank = arena_alloc(b->flow->mem, (size_t)rows + 1, sizeof *rank);
    int step = edge == 1 ? shortcut_step_h(l, &b->net->layers[l->input[edge]]) : 1;
    for (int y = replica; y < l->out_h; y += replicas) {
        int first = edge == 1 ? y * step : map_rows_free(b->net, consumer, y);
        int end = edge == 1 ? first + 1 : map_rows_needed(b->net, consumer, y);
        for (int r = first; r < end; r++)
            if (edge == 1 || map_reads_row(b->net, consumer, y, r))
                rank[r + 1] = 1;
    }
    for (int r = 0; r < rows; r++)
        rank[r + 1] = rank[r] + (rank[r + 1] && r % from_replicas == from_replica);
    memcpy(b->cached, key, sizeof key);
    b->cached_rank = rank;
    return rank;
}

// Every row y with y mod replicas == replica.
static const int *rank_plain(struct builder *b, int layer, int replica, int replicas)
{
    int rows = b->net->layers[layer].out_h;
    int *rank = arena_alloc(b->flow->mem, (size_t)rows + 1, sizeof *rank);
    for (int r = 0; r < rows; r++)
        rank[r + 1] = rank[r] + (r % replicas == replica);
    return rank;
}

static struct dataflow_channel *add_channel(struct builder *b, enum channel_kind kind, int from,
                                            int to, int layer, int consumer)
{
    struct dataflow *flow = b->flow;
    flow->channels = mem_grow(flow->channels, &b->channels_cap, (size_t)flow->n_channels + 1,
                              sizeof *flow->channels);
    struct dataflow_channel *c = &flow->channels[flow->n_channels++];
    *c = (struct dataflow_channel){
        .kind = kind, .from = from, .to = to, .layer = layer, .consumer = consumer, .hops = -1};
    c->per_row = flow->tokens == TOKENS_WINDOWS ? b->net->layers[layer].out_w : 1;
    return c;
}

static int manhattan(const struct mapping *map, int from, int to)
{
    const struct chip *chip = map->chip;
    int links[NOC_MAX_HOPS];
    int x0 = 0, y0 = 0, x1 = 0, y1 = 0; // off chip enters at the corner
    if (from >= 0) {
        x0 = map->tiles[from].x;
        y0 = map->tiles[from].y;
    }
    if (to >= 0) {
        x1 = map->tiles[to].x;
        y1 = map->tiles[to].y;
    }
    if (chip->noc.topology == NOC_MESH)
        return (x1 > x0 ? x1 - x0 : x0 - x1) + (y1 > y0 ? y1 - y0 : y0 - y1);
    return noc_route(&chip->noc, x0, y0, x1, y1, links);
}

// What a token of so many bits takes on its way, the receiver's buffers left out.
static void travel(struct builder *b, struct dataflow_channel *c, int64_t bits)
{
    const struct mapping *map = b->mapping;
    const struct chip *chip = map->chip;
    int from = c->from >= 0 ? b->flow->nodes[c->from].tile : -1;
    int to = c->to >= 0 ? b->flow->nodes[c->to].tile : -1;
    c->bits = bits;
    if (from >= 0) {
        c->source_words = buffer_words(&map->tile_buffer, bits);
        c->source_s = (double)c->source_words * map->tile_buffer.time_s;
    }
    if (from >= 0 && from == to)
        return;
    c->hops = manhattan(map, from, to);
    c->flits = noc_flits(&chip->noc, bits);
    c->link_s = noc_link_time(&chip->noc, c->flits);
}

static void into_tile(struct builder *b, struct dataflow_channel *c)
{
    const struct mapping *map = b->mapping;
    c->tile_words = c->reread_words = c->hops < 0 ? 0 : buffer_words(&map->tile_buffer, c->bits);
    c->port_s = (double)c->tile_words * map->tile_buffer.time_s;
}

struct range {
    int64_t from, to;
};

static int64_t overlap(struct range a, struct range b)
{
    int64_t from = a.from > b.from ? a.from : b.from, to = a.to < b.to ? a.to : b.to;
    return to > from ? to - from : 0;
}

// Into the input buffers of a matrix tile: the tile's own, or one per PE that reads these channels.
static void into_inputs(struct builder *b, struct dataflow_channel *c, struct range made,
                        int64_t per_channel, int divide)
{
    const struct mapping *map = b->mapping;
    const struct chip *chip = map->chip;
    const struct map_tile *t = &map->tiles[b->flow->nodes[c->to].tile];
    if (!chip->pe.has_buffer) {
        into_tile(b, c);
        c->reread_words = 0; // the windows' own reads are counted with the work
        return;
    }
    int64_t most = 0;
    for (int from = t->slice0; from < t->slice0 + t->slices; from += chip->pe.crossbars) {
        int end = t->slice0 + t->slices, to = from + chip->pe.crossbars;
        int64_t n = size_channels(map, from, to < end ? to : end, made.from, made.to);
        int64_t words = buffer_words(&map->pe_buffer, (n * per_channel + divide - 1) / divide);
        c->pe_words += words;
        most = words > most ? words : most;
    }
    c->port_s = (double)most * map->pe_buffer.time_s;
    if (chip->tile.bus.rate_bps > 0) {
        c->bus_bits = c->bits;
        c->bus_s = (double)c->bits / chip->tile.bus.rate_bps;
    }
}

// The input of a matrix: node `to` takes what it reads of the channels that node `from` makes.
static void connect_matrix(struct builder *b, int from, int to, int layer, struct range made)
{
    const struct mapping *map = b->mapping;
    const struct dataflow_node node = b->flow->nodes[to];
    const struct map_tile *t = &map->tiles[node.tile];
    int consumer = t->layer, producer = b->net->layers[consumer].input[0];
    const struct layer *l = &b->net->layers[consumer], *p = &b->net->layers[producer];
    int64_t per_channel = l->in_bits[0];
    int divide = 1;
    if (l->kind == LAYER_LINEAR) { // features of a map: its rows come one by one
        made.from *= (int64_t)p->out_h * p->out_w;
        made.to *= (int64_t)p->out_h * p->out_w;
        divide = b->flow->tokens == TOKENS_WINDOWS ? p->out_h * p->out_w : p->out_h;
    } else if (b->flow->tokens == TOKENS_ROWS) {
        per_channel *= p->out_w;
    }
    int64_t n = size_channels(map, t->slice0, t->slice0 + t->slices, made.from, made.to);
    if (!n)
        return;
    struct dataflow_channel *c = add_channel(b, CHANNEL_INPUT, from, to, layer, consumer);
    travel(b, c, (n * per_channel + divide - 1) / divide);
    into_inputs(b, c, made, per_channel, divide);
    c->capacity = (int64_t)size_input_rows(map, node.tile) * c->per_row;
}

// An add's, a multiply's or a pool's: channel by channel.
static void connect_plain(struct builder *b, int from, int to, int layer, int consumer, int edge,
                          struct range made)
{
    const struct dataflow_node node = b->flow->nodes[to];
    const struct layer *l = &b->net->layers[consumer];
    struct range wants = {node.out0, node.out0 + node.outs};
    int64_t n = overlap(wants, made);
    if (!n)
        return;
    struct dataflow_channel *c =
        add_channel(b, edge ? CHANNEL_SHORTCUT : CHANNEL_INPUT, from, to, layer, consumer);
    int width = b->flow->tokens == TOKENS_ROWS ? b->net->layers[layer].out_w : 1;
    travel(b, c, n * l->in_bits[edge] * width);
    into_tile(b, c);
    const struct map_layer *m = &b->mapping->layers[consumer];
    int rows = l->kind == LAYER_POOL ? size_window_rows(b->mapping, consumer) + l->stride_h
               : edge                ? m->residual_rows
                                     : m->main_rows;
    c->capacity = (int64_t)rows * c->per_row;
}

// What a producer's node makes for an input of a layer, as channels of that input.
struct producer {
    int node;  // or NODE_OFFCHIP
    int layer; // whose map flows
    struct range made;
    int replica, replicas;
};

static void connect_nodes(struct builder *b, int consumer, int edge, int node,
                          const struct producer *from)
{
    const struct layer *l = &b->net->layers[consumer];
    struct dataflow *flow = b->flow;
    int before = flow->n_channels;
    if (layer_has_weights(l))
        connect_matrix(b, from->node, node, from->layer, from->made);
    else
        connect_plain(b, from->node, node, from->layer, consumer, edge, from->made);
    if (flow->n_channels == before)
        return;
    int replicas = flow->stages[b->stage_of[consumer]].replicas;
    const int *rank = rank_of(b, consumer, edge, flow->nodes[node].replica, replicas, from->replica,
                              from->replicas);
    flow->channels[before].rank = rank;
    if (!rank[b->net->layers[from->layer].out_h]) // that node computes none of the rows that it
                                                  // needs
        flow->n_channels = before;
}

static void connect_part(struct builder *b, int consumer, int edge, const struct net_part *part)
{
    struct dataflow *flow = b->flow;
    int source = b->stage_of[part->layer];
    const struct dataflow_stage *to = &flow->stages[b->stage_of[consumer]];
    const struct dataflow_stage *from = source >= 0 ? &flow->stages[source] : NULL;
    int n_from = source >= 0 ? from->nodes : 1;
    for (int j = to->node0; j < to->node0 + to->nodes; j++)
        for (int i = 0; i < n_from; i++) {
            struct producer p = {NODE_OFFCHIP, part->layer, {0, 0}, 0, 1};
            p.made = (struct range){part->first, part->first + b->net->layers[part->layer].out_c};
            if (source >= 0) {
                p.node = from->node0 + i;
                const struct dataflow_node *n = &flow->nodes[p.node];
                p.made = (struct range){part->first + n->out0, part->first + n->out0 + n->outs};
                p.replica = n->replica;
                p.replicas = from->replicas;
            }
            connect_nodes(b, consumer, edge, j, &p);
        }
}

static void connect_edge(struct builder *b, int consumer, int edge)
{
    int n;
    struct net_part *parts = parts_of(b, b->net->layers[consumer].input[edge], &n);
    for (int k = 0; k < n; k++)
        connect_part(b, consumer, edge, &parts[k]);
    free(parts);
}

// Tiles that hold later row blocks of a column block send their sums to the tile that holds the
// first.
static void connect_psums(struct builder *b, const struct dataflow_stage *stage)
{
    const struct mapping *map = b->mapping;
    struct dataflow *flow = b->flow;
    int head = -1;
    for (int i = stage->node0; i < stage->node0 + stage->nodes; i++) {
        const struct map_tile *t = &map->tiles[flow->nodes[i].tile];
        const struct slice *first = &map->slices[t->slice0];
        if (!heads(first) && head >= 0) {
            const struct layer *l = &b->net->layers[stage->layer];
            struct dataflow_channel *c =
                add_channel(b, CHANNEL_PSUM, i, head, stage->layer, stage->layer);
            int width = flow->tokens == TOKENS_ROWS ? l->out_w : 1;
            travel(b, c, (int64_t)first->outs * window_cost_psum_bits(map, stage->layer) * width);
            into_tile(b, c);
            c->rank = rank_plain(b, stage->layer, flow->nodes[i].replica, stage->replicas);
            c->capacity = (int64_t)map->chip->tile.psum_rows * c->per_row;
        }
        if (flow->nodes[i].outs)
            head = i;
    }
}

static void connect_result(struct builder *b)
{
    struct dataflow *flow = b->flow;
    const struct dataflow_stage *last = &flow->stages[b->stage_of[b->net->n - 1]];
    assert(flow->nodes);
    int layer = dataflow_out_layer(last);
    const struct layer *l = &b->net->layers[layer];
    for (int i = last->node0; i < last->node0 + last->nodes; i++) {
        const struct dataflow_node node = flow->nodes[i];
        if (!node.outs)
            continue;
        struct dataflow_channel *c = add_channel(b, CHANNEL_RESULT, i, NODE_OFFCHIP, layer, layer);
        int width = flow->tokens == TOKENS_ROWS ? l->out_w : 1;
        travel(b, c, (int64_t)node.outs * l->out_bits * width);
        c->rank = rank_plain(b, layer, node.replica, last->replicas);
        c->capacity = INT64_MAX;
        flow->result_bits += c->bits * c->rank[l->out_h] * c->per_row;
    }
}

// Lists of every node's channels: what it needs before it computes first, then sums and shortcuts.
static void link_nodes(struct builder *b)
{
    struct dataflow *flow = b->flow;
    for (int n = 0; n < flow->n_nodes; n++)
        flow->nodes[n].n_in = flow->nodes[n].n_out = flow->nodes[n].n_early = 0;
    for (int i = 0; i < flow->n_channels; i++) {
        const struct dataflow_channel *c = &flow->channels[i];
        if (c->to >= 0)
            flow->nodes[c->to].n_in++;
        if (c->from >= 0)
            flow->nodes[c->from].n_out++;
        else
            flow->n_from_offchip++;
    }
    int *links = arena_alloc(flow->mem, (size_t)flow->n_channels * 2, sizeof *links), *next = links;
    int **in = mem_alloc((size_t)flow->n_nodes, sizeof *in);
    int **out = mem_alloc((size_t)flow->n_nodes, sizeof *out);
    for (int n = 0; n < flow->n_nodes; n++) {
        flow->nodes[n].in = in[n] = next;
        next += flow->nodes[n].n_in;
        flow->nodes[n].out = out[n] = next;
        next += flow->nodes[n].n_out;
    }
    int *offchip = next;
    flow->from_offchip = offchip;
    for (int late = 0; late < 2; late++)
        for (int i = 0; i < flow->n_channels; i++) {
            const struct dataflow_channel *c = &flow->channels[i];
            bool is_late = c->kind == CHANNEL_PSUM ||
                           (c->kind == CHANNEL_SHORTCUT && c->to >= 0 &&
                            flow->stages[flow->nodes[c->to].stage].layer != c->consumer);
            if (late && c->from >= 0)
                *out[c->from]++ = i;
            else if (late)
                *offchip++ = i;
            if (is_late == late && c->to >= 0) {
                *in[c->to]++ = i;
                flow->nodes[c->to].n_early += !late;
            }
        }
    free(in);
    free(out);
}

static void finish_work(struct builder *b)
{
    struct dataflow *flow = b->flow;
    for (int n = 0; n < flow->n_nodes; n++) {
        struct dataflow_node *node = &flow->nodes[n];
        const struct dataflow_stage *stage = &flow->stages[node->stage];
        if (!layer_has_weights(&b->net->layers[stage->layer]))
            continue;
        int64_t sums = 0;
        for (int i = node->n_early; i < node->n_in; i++) {
            const struct dataflow_channel *c = &flow->channels[node->in[i]];
            if (c->kind == CHANNEL_PSUM)
                sums +=
                    b->mapping->slices[b->mapping->tiles[flow->nodes[c->from].tile].slice0].outs;
        }
        window_cost_finish(&node->work, b->mapping, stage->layer, stage->add, node->outs, sums,
                           node->n_in > node->n_early);
    }
}

struct dataflow *dataflow_create(const struct mapping *mapping, enum tokens tokens)
{
    struct arena *mem = arena_create();
    struct dataflow *flow = arena_alloc(mem, 1, sizeof *flow);
    const struct net *net = mapping->net;
    *flow = (struct dataflow){.mapping = mapping, .tokens = tokens, .mem = mem};
    flow->stages = arena_alloc(mem, net->n, sizeof *flow->stages);
    struct builder b = {.flow = flow, .mapping = mapping, .net = net};
    b.stage_of = arena_alloc(mem, net->n, sizeof *b.stage_of);
    make_nodes(&b);
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        int stage = b.stage_of[i];
        if (l->kind == LAYER_CONCAT)
            continue;
        if (flow->stages[stage].add != (int)i) // else its sums are there
            connect_edge(&b, (int)i, 0);
        if (l->n_inputs > 1)
            connect_edge(&b, (int)i, 1);
    }
    for (int s = 0; s < flow->n_stages; s++)
        if (layer_has_weights(&net->layers[flow->stages[s].layer]))
            connect_psums(&b, &flow->stages[s]);
    connect_result(&b);
    link_nodes(&b);
    finish_work(&b);
    flow->image_bits = (int64_t)net->raw_c * net->raw_h * net->raw_w * net->raw_bits;
    return flow;
}

void dataflow_destroy(struct dataflow *flow)
{
    if (!flow)
        return;
    free(flow->nodes);
    free(flow->channels);
    arena_destroy(flow->mem);
}
