#include "sim/events/transport.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/dataflow/dataflow.h"
#include "sim/events/engine.h"
#include "sim/map/map.h"

const char *const shared_kind_names[] = {"adc", "bus", "port", "buffer", "link", "offchip", 0};
const char *const backend_names[] = {"calendar", "ideal", "simgrid", 0};

struct builder {
    struct transport *t;
    int *link_part;          // per link of the chip: its part, -1: not used yet
    int *in_port, *out_port; // of the tiles' buffers; t->port_of is that of the inputs' buffers
    int *bus;
    size_t parts_cap, hops_cap;
    int n_hops;
};

static int add_part(struct builder *b, enum shared_kind kind, int where)
{
    struct transport *t = b->t;
    t->parts = mem_grow(t->parts, &b->parts_cap, (size_t)t->n_parts + 1, sizeof *t->parts);
    t->parts[t->n_parts] = (struct resource){.kind = kind, .where = where};
    return t->n_parts++;
}

static int part_of(struct builder *b, int *table, int index, enum shared_kind kind)
{
    if (table[index] < 0)
        table[index] = add_part(b, kind, index);
    return table[index];
}

static void add_hop(struct builder *b, int part, int64_t busy, int64_t after)
{
    if (busy <= 0 && after <= 0)
        return;
    struct transport *t = b->t;
    t->hops = mem_grow(t->hops, &b->hops_cap, (size_t)b->n_hops + 1, sizeof *t->hops);
    t->hops[b->n_hops++] = (struct hop){part, busy, after};
}

static void route_links(struct builder *b, const struct dataflow_channel *c, int from, int to)
{
    const struct mapping *map = b->t->flow->mapping;
    const struct chip *chip = map->chip;
    int x0 = from >= 0 ? map->tiles[from].x : 0, y0 = from >= 0 ? map->tiles[from].y : 0;
    int x1 = to >= 0 ? map->tiles[to].x : 0, y1 = to >= 0 ? map->tiles[to].y : 0;
    int links[NOC_MAX_HOPS];
    int n = noc_route(&chip->noc, x0, y0, x1, y1, links);
    int64_t busy = engine_ticks(c->link_s);
    for (int i = 0; i < n; i++)
        add_hop(b, part_of(b, b->link_part, links[i], SHARED_LINK), busy, b->t->router);
}

static int port(struct builder *b, int *table, int tile, const char *what)
{
    int part = part_of(b, table, tile, SHARED_PORT);
    b->t->parts[part].what = what;
    return part;
}

static int tile_port(struct builder *b, int tile, bool in)
{
    if (b->t->flow->mapping->tile_buffer.ports == 1)
        return port(b, b->in_port, tile, "buffer port");
    return in ? port(b, b->in_port, tile, "buffer write port")
              : port(b, b->out_port, tile, "buffer read port");
}

static void route(struct builder *b, int channel)
{
    struct transport *t = b->t;
    const struct dataflow *flow = t->flow;
    const struct dataflow_channel *c = &flow->channels[channel];
    int from = c->from >= 0 ? flow->nodes[c->from].tile : -1;
    int to = c->to >= 0 ? flow->nodes[c->to].tile : -1;
    t->hop0[channel] = b->n_hops;
    if (c->source_s > 0)
        add_hop(b, tile_port(b, from, false), engine_ticks(c->source_s), 0);
    t->split[channel] = b->n_hops;
    if (c->hops > 0 && t->backend == BACKEND_CALENDAR)
        route_links(b, c, from, to);
    if (c->bus_s > 0)
        add_hop(b, part_of(b, b->bus, to, SHARED_BUS), engine_ticks(c->bus_s), 0);
    if (c->port_s > 0)
        add_hop(b,
                c->pe_words > 0 ? port(b, t->port_of, to, "PE buffer ports")
                                : tile_port(b, to, true),
                engine_ticks(c->port_s), 0);
}

static int *table_of(int64_t n)
{
    int *table = mem_alloc((size_t)n, sizeof *table);
    memset(table, 0xff, (size_t)n * sizeof *table);
    return table;
}

struct transport *transport_create(const struct dataflow *flow, enum noc_backend backend)
{
    struct transport *t = mem_alloc(1, sizeof *t);
    const struct mapping *map = flow->mapping;
    struct builder b = {.t = t};
    t->flow = flow;
    t->backend = backend;
    t->router = engine_ticks(map->chip->noc.router_s);
    b.link_part = table_of(noc_links(&map->chip->noc));
    b.out_port = table_of(map->n_tiles);
    b.bus = table_of(map->n_tiles);
    t->port_of = table_of(map->n_tiles);
    b.in_port = map->chip->pe.has_buffer ? table_of(map->n_tiles) : t->port_of;
    t->hop0 = mem_alloc((size_t)flow->n_channels + 1, sizeof *t->hop0);
    t->split = mem_alloc((size_t)flow->n_channels + 1, sizeof *t->split);
    t->offchip = add_part(&b, SHARED_OFFCHIP, 0);
    for (int c = 0; c < flow->n_channels; c++)
        route(&b, c);
    t->hop0[flow->n_channels] = b.n_hops;
    if (b.in_port != t->port_of)
        free(b.in_port);
    free(b.link_part);
    free(b.out_port);
    free(b.bus);
    return t;
}

void transport_destroy(struct transport *t)
{
    if (!t)
        return;
    for (int i = 0; i < t->n_parts; i++)
        calendar_fini(&t->parts[i].calendar);
    free(t->parts);
    free(t->hop0);
    free(t->split);
    free(t->hops);
    free(t->port_of);
    free(t);
}

int64_t transport_take(struct transport *t, int part, int64_t now, int64_t earliest, int64_t busy,
                       int layer)
{
    struct calendar *calendar = &t->parts[part].calendar;
    if (t->backend != BACKEND_IDEAL)
        return calendar_take(calendar, now, earliest, busy, layer);
    calendar->busy += busy;
    calendar->uses++;
    return earliest;
}

static struct passage cross(struct transport *t, int channel, int from, int to, int64_t now,
                            int64_t ready)
{
    int64_t head = ready, tail = ready;
    int layer = t->flow->channels[channel].layer;
    for (int i = from; i < to; i++) {
        const struct hop *hop = &t->hops[i];
        int64_t start = transport_take(t, hop->part, now, head, hop->busy, layer);
        head = start + hop->after;
        tail = (tail > start + hop->busy ? tail : start + hop->busy) + hop->after;
    }
    t->end = tail > t->end ? tail : t->end;
    return (struct passage){head, tail};
}

int64_t transport_send(struct transport *t, int channel, int64_t now, int64_t ready)
{
    return cross(t, channel, t->hop0[channel], t->hop0[channel + 1], now, ready).tail;
}

struct passage transport_leave(struct transport *t, int channel, int64_t now, int64_t ready)
{
    return cross(t, channel, t->hop0[channel], t->split[channel], now, ready);
}

struct passage transport_enter(struct transport *t, int channel, int64_t now, int64_t ready)
{
    return cross(t, channel, t->split[channel], t->hop0[channel + 1], now, ready);
}

struct passage transport_offchip(struct transport *t, int64_t now, int64_t ready, int64_t bits,
                                 int layer)
{
    const struct offchip_params *link = &t->flow->mapping->chip->offchip;
    int64_t busy = engine_ticks((double)bits / link->rate_bps);
    int64_t start = transport_take(t, t->offchip, now, ready, busy, layer);
    return (struct passage){start + busy, start + busy + engine_ticks(link->latency_s)};
}
