#include "sim/des/simulate.h"

#include <stdio.h>
#include <stdlib.h>

#include "nets/net.h"
#include "sim/base/err.h"
#include "sim/base/mem.h"
#include "sim/chip/chip.h"
#include "sim/cost/charge.h"
#include "sim/cost/flow.h"
#include "sim/des/engine.h"
#include "sim/map/map.h"
#include "traces/trace.h"

enum { IN_FLIGHT = -1 }; // a token whose arrival is not known yet (backend simgrid)

struct token {
    int64_t sent, arrived;
};

struct channel {
    const struct flow_channel *is;
    int index;
    struct token *ring;
    int64_t room;      // of the ring
    int64_t per_image; // tokens
    int64_t pushed, taken, freed;
    struct node *reader, *writer; // NULL: off chip
    bool reader_waits, writer_waits;
    double sender_j, reader_j; // of one token; only filled for a trace
};

struct node {
    struct run *run;
    const struct flow_node *is;
    int index;
    struct engine_task *task;
    const struct layer *layer;
    int64_t first, next, delay, tail;    // ticks, as in struct work
    int64_t port_read;                   // one window's read on a single-ported buffer
    const struct channel *waiting;       // while blocked; for the report of a deadlock
    int64_t at;                          // up to here its waits are accounted
    double first_j, next_j, add_first_j; // of one window; only filled for a trace
};

struct run {
    const struct flow *flow;
    const struct net *net;
    struct simulation *sim;
    struct transport *transport;
    struct trace *trace;
    struct node *nodes;
    struct channel *channels;
    struct node source; // of the image; not in the flow
    bool windows, overlap;
    enum noc_backend backend;
    double image_token_j; // off-chip link and encoder, per row of the image
};

// --- Channels ---

static struct token *slot_of(struct channel *c, int64_t n)
{
    return &c->ring[n % c->room];
}

static bool block(struct node *node, struct channel *c, bool *flag)
{
    *flag = true;
    node->waiting = c;
    bool ok = engine_block(node->task);
    *flag = false;
    if (ok)
        node->waiting = NULL;
    return ok;
}

static void wake_reader(struct channel *c)
{
    if (c->reader_waits && c->reader)
        engine_wake(c->reader->task);
}

static void span(struct node *node, enum span_kind kind, int64_t from, int64_t to, int layer,
                 int image, int token, double joules)
{
    if (!node->run->trace || (to <= from && joules <= 0))
        return;
    trace_span(node->run->trace, &(struct span){.start_s = engine_seconds(from),
                                                .end_s = engine_seconds(to),
                                                .energy_j = joules,
                                                .layer = layer,
                                                .tile = node->is ? node->is->tile : -1,
                                                .image = image,
                                                .token = token,
                                                .kind = kind});
}

// Accounts the time from node->at until a token was sent (somebody was waited for) and until it
// arrived (it was on its way).
static void account(struct node *node, const struct token *token, int image, int layer)
{
    struct node_stats *stats = &node->run->sim->nodes[node->index];
    if (token->sent > node->at) {
        if (image == 0)
            stats->wait += token->sent - node->at;
        span(node, SPAN_WAIT, node->at, token->sent, layer, image, -1, 0);
        node->at = token->sent;
    }
    if (token->arrived > node->at) {
        if (image == 0)
            stats->transfer += token->arrived - node->at;
        span(node, SPAN_TRANSFER, node->at, token->arrived, layer, image, -1, 0);
        node->at = token->arrived;
    }
}

// Waits until the first `need` tokens have been sent and their arrival is known; moves node->at to
// when the last of them is there.
static bool await_tokens(struct node *node, struct channel *c, int64_t need, int image, int layer)
{
    if (need <= c->taken)
        return true;
    while (c->pushed < need || slot_of(c, need - 1)->arrived == IN_FLIGHT)
        if (!block(node, c, &c->reader_waits))
            return false;
    c->taken = need;
    account(node, slot_of(c, need - 1), image, layer);
    return true;
}

static void release(struct channel *c, int64_t freed)
{
    if (freed <= c->freed)
        return;
    int64_t now = engine_now();
    struct channel_stats *stats = &c->reader->run->sim->channels[c->index];
    for (int64_t n = c->freed; n < freed && n < c->pushed; n++)
        stats->occupied += now - slot_of(c, n)->sent;
    c->freed = freed;
    if (c->writer_waits)
        engine_wake(c->writer->task);
}

// --- Sending ---

struct courier { // carries one token over SimGrid's network
    struct run *run;
    struct channel *channel;
    int64_t number, ready;
    int image;
};

static void finish_image(struct run *run, int image, int64_t at, int64_t bits)
{
    int64_t now = engine_now();
    int64_t end = transport_offchip(run->transport, now, at, bits, (int)run->net->n - 1);
    if (end > run->sim->image_end[image])
        run->sim->image_end[image] = end;
}

static void courier_main(void *arg)
{
    struct courier *courier = arg;
    struct run *run = courier->run;
    struct channel *c = courier->channel;
    const struct flow_channel *is = c->is;
    const struct mapping *map = run->flow->mapping;
    // Cut-through, as the calendar has it: the head goes on while the tail is still being read.
    struct passage out = transport_leave(run->transport, c->index, engine_now(), courier->ready);
    engine_wait(out.head - engine_now());
    int64_t latency = is->hops > 0 ? is->hops * run->transport->router : 0;
    engine_wait(latency);
    struct passage in = transport_enter(run->transport, c->index, engine_now(), engine_now());
    if (is->hops > 0) {
        const struct map_tile corner = {0}, *from = &corner, *to = &corner;
        if (is->from >= 0)
            from = &map->tiles[run->flow->nodes[is->from].tile];
        if (is->to >= 0)
            to = &map->tiles[run->flow->nodes[is->to].tile];
        engine_transfer(from->x, from->y, to->x, to->y, is->flits * map->chip->noc.flit);
    }
    int64_t there = engine_now();
    there = in.tail > there ? in.tail : there;
    there = out.tail + latency > there ? out.tail + latency : there;
    if (!c->reader) {
        finish_image(run, courier->image, there, is->bits);
    } else {
        slot_of(c, courier->number)->arrived = there;
        wake_reader(c);
    }
    free(courier);
}

static void carry(struct run *run, struct channel *c, int64_t number, int64_t ready, int image)
{
    struct courier *courier = mem_alloc(1, sizeof *courier);
    *courier = (struct courier){run, c, number, ready, image};
    engine_spawn(courier_main, courier);
}

// Sends one token that is ready at `ready`; waits for a free place first.
static bool send_token(struct node *node, struct channel *c, int64_t ready, int image)
{
    struct run *run = node->run;
    int64_t asked = engine_now();
    while (c->pushed - c->freed >= c->is->capacity)
        if (!block(node, c, &c->writer_waits))
            return false;
    int64_t now = engine_now();
    if (now > asked) {
        run->sim->channels[c->index].blocked += now - asked;
        if (node->is && now > node->at) {
            if (image == 0)
                run->sim->nodes[node->index].wait += now - node->at;
            span(node, SPAN_WAIT, node->at, now, c->is->layer, image, -1, 0);
        }
        node->at = now > node->at ? now : node->at;
        ready = ready > now ? ready : now;
    }
    run->sim->channels[c->index].tokens++;
    int64_t there = IN_FLIGHT, number = c->pushed++;
    if (run->backend != BACKEND_SIMGRID)
        there = transport_send(run->transport, c->index, now, ready);
    if (c->reader)
        *slot_of(c, number) = (struct token){ready, there};
    else if (there != IN_FLIGHT)
        finish_image(run, image, there, c->is->bits);
    if (run->backend == BACKEND_SIMGRID)
        carry(run, c, number, ready, image); // last: it may run before this goes on
    wake_reader(c);
    return true;
}

// --- What a token of the output needs of an input channel, counted in tokens of that channel ---

// Tokens among the rows above `row` and the first `columns` pixels of it.
static int64_t tokens_before(const struct channel *c, int row, int columns)
{
    int64_t tokens = (int64_t)c->is->rank[row] * c->is->per_row;
    if (columns > 0 && c->is->rank[row + 1] > c->is->rank[row])
        tokens += columns;
    return tokens;
}

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static int64_t tokens_needed(const struct run *run, const struct channel *c, int y, int x)
{
    int consumer = c->is->consumer;
    const struct layer *l = &run->net->layers[consumer];
    int step = run->net->layers[c->is->layer].out_h / (l->out_h ? l->out_h : 1);
    int rows = c->is->kind == CHANNEL_SHORTCUT ? y * step + 1
               : c->is->kind == CHANNEL_PSUM   ? y + 1
                                               : map_rows_needed(run->net, consumer, y);
    if (!run->windows || l->kind == LAYER_LINEAR)
        return tokens_before(c, rows, 0);
    int width = run->net->layers[c->is->layer].out_w, last;
    if (c->is->kind == CHANNEL_SHORTCUT)
        last = x * (width / l->out_w) + 1;
    else if (c->is->kind == CHANNEL_PSUM || l->kind == LAYER_ADD)
        last = x + 1;
    else
        last = x * l->stride + l->kernel_w - l->pad;
    return tokens_before(c, rows - 1, clamp(last, 1, width));
}

// What the token after (y, x) no longer needs; (y, x) itself may be past the end.
static int64_t tokens_done(const struct run *run, const struct channel *c, int y, int x)
{
    int consumer = c->is->consumer;
    const struct layer *l = &run->net->layers[consumer];
    int height = run->net->layers[c->is->layer].out_h;
    if (y >= l->out_h)
        return c->per_image;
    int step = height / (l->out_h ? l->out_h : 1);
    int rows = c->is->kind == CHANNEL_SHORTCUT ? y * step
               : c->is->kind == CHANNEL_PSUM   ? y
                                               : map_rows_free(run->net, consumer, y);
    if (!run->windows || l->kind == LAYER_LINEAR || rows >= height)
        return tokens_before(c, clamp(rows, 0, height), 0);
    int width = run->net->layers[c->is->layer].out_w, first;
    if (c->is->kind == CHANNEL_SHORTCUT)
        first = x * (width / l->out_w);
    else if (c->is->kind == CHANNEL_PSUM || l->kind == LAYER_ADD)
        first = x;
    else
        first = x * l->stride - l->pad;
    return tokens_before(c, rows, clamp(first, 0, width));
}

// --- A node ---

static struct channel *input(struct node *node, int i)
{
    return &node->run->channels[node->is->in[i]];
}

static bool await_inputs(struct node *node, int from, int to, int image, int y, int x, int layer,
                         double *joules)
{
    for (int i = from; i < to; i++) {
        struct channel *c = input(node, i);
        int64_t had = c->taken;
        int64_t need = image * c->per_image + tokens_needed(node->run, c, y, x);
        if (!await_tokens(node, c, need, image, layer))
            return false;
        if (joules && c->taken > had)
            *joules += (double)(c->taken - had) * c->reader_j;
    }
    return true;
}

static void release_inputs(struct node *node, int from, int to, int image, int y, int x)
{
    for (int i = from; i < to; i++) {
        struct channel *c = input(node, i);
        release(c, image * c->per_image + tokens_done(node->run, c, y, x));
    }
}

static bool send_outputs(struct node *node, bool psums, int image, int y, int64_t ready)
{
    for (int i = 0; i < node->is->n_out; i++) {
        struct channel *c = &node->run->channels[node->is->out[i]];
        if ((c->is->kind == CHANNEL_PSUM) != psums || c->is->rank[y + 1] == c->is->rank[y])
            continue;
        if (!send_token(node, c, ready, image))
            return false;
    }
    return true;
}

static double sending_joules(const struct node *node, bool psums, int y)
{
    double sum = 0;
    for (int i = 0; i < node->is->n_out; i++) {
        const struct channel *c = &node->run->channels[node->is->out[i]];
        if ((c->is->kind == CHANNEL_PSUM) == psums && c->is->rank[y + 1] > c->is->rank[y])
            sum += c->sender_j;
    }
    return sum;
}

// The accounts of the first image start when the first token is sent to the node.
static bool begin(struct node *node)
{
    struct node_stats *stats = &node->run->sim->nodes[node->index];
    int64_t first = INT64_MAX;
    for (int i = 0; i < node->is->n_early; i++) {
        struct channel *c = input(node, i);
        while (c->pushed < 1)
            if (!block(node, c, &c->reader_waits))
                return false;
        first = slot_of(c, 0)->sent < first ? slot_of(c, 0)->sent : first;
    }
    node->at = stats->start = first == INT64_MAX ? 0 : first;
    return true;
}

// A single-ported buffer: the token's reads take the port in one block at its start.
static int64_t take_port(struct node *node, int windows)
{
    struct run *run = node->run;
    int port = run->transport->port_of[node->is->tile];
    if (!node->port_read || port < 0)
        return 0;
    int64_t now = engine_now(), from = node->at > now ? node->at : now;
    int layer = run->flow->stages[node->is->stage].layer;
    return calendar_take(&run->transport->parts[port].calendar, now, from,
                         node->port_read * windows, layer) -
           from;
}

struct position {
    int image, y, x;    // of this token
    int next_y, next_x; // of the node's next one; next_y past the map: none in this image
    int windows;
};

// Own sums: wait for inputs, be busy, let go of what is used up.
static bool compute(struct node *node, const struct position *p)
{
    struct run *run = node->run;
    int layer = run->flow->stages[node->is->stage].layer;
    double joules = 0, *j = run->trace ? &joules : NULL;
    struct node_stats *stats = &run->sim->nodes[node->index];
    if (!await_inputs(node, 0, node->is->n_early, p->image, p->y, p->x, layer, j))
        return false;
    int64_t busy = (p->x == 0 ? node->first : node->next) + (p->windows - 1) * node->next;
    busy += take_port(node, p->windows);
    int64_t now = engine_now(), start = node->at > now ? node->at : now;
    engine_wait(start + busy - now);
    node->at = start + busy;
    stats->busy += busy;
    stats->rows += p->x == 0;
    stats->windows += p->windows;
    if (run->trace) {
        joules += (p->x == 0 ? node->first_j : node->next_j) + (p->windows - 1) * node->next_j;
        joules += sending_joules(node, true, p->y);
        if (run->flow->stages[node->is->stage].add < 0)
            joules += sending_joules(node, false, p->y);
        span(node, SPAN_COMPUTE, start, node->at, layer, p->image, p->y, joules);
    }
    release_inputs(node, 0, node->is->n_early, p->image, p->next_y, p->next_x);
    return true;
}

// What follows the tile's own sums: sums of other tiles, the shortcut, outputs.
static bool finish(struct node *node, const struct position *p)
{
    struct run *run = node->run;
    const struct flow_stage *stage = &run->flow->stages[node->is->stage];
    int64_t ready = node->at + node->delay;
    if (!send_outputs(node, true, p->image, p->y, ready))
        return false;
    double joules = 0;
    if (node->is->n_in > node->is->n_early) {
        int layer = flow_out_layer(stage);
        if (!await_inputs(node, node->is->n_early, node->is->n_in, p->image, p->y, p->x, layer,
                          run->trace ? &joules : NULL))
            return false;
        int64_t tail = node->tail * p->windows, now = engine_now();
        int64_t start = node->at > now ? node->at : now;
        engine_wait(start + tail - now);
        node->at = start + tail;
        run->sim->nodes[node->index].busy += tail;
        release_inputs(node, node->is->n_early, node->is->n_in, p->image, p->next_y, p->next_x);
        ready = node->at > ready ? node->at : ready;
    }
    if (run->trace && stage->add >= 0 && node->is->outs) {
        joules += p->windows * node->add_first_j + sending_joules(node, false, p->y);
        int64_t length = node->tail * p->windows;
        span(node, SPAN_COMPUTE, node->at - length, node->at, stage->add, p->image, p->y, joules);
    } else if (run->trace && joules > 0) {
        span(node, SPAN_COMPUTE, node->at, node->at, stage->layer, p->image, p->y, joules);
    }
    bool ok = send_outputs(node, false, p->image, p->y, ready);
    if (p->image == 0)
        run->sim->nodes[node->index].end = ready > node->at ? ready : node->at;
    return ok;
}

static void node_main(void *arg)
{
    struct node *node = arg;
    const struct run *run = node->run;
    const struct flow_stage *stage = &run->flow->stages[node->is->stage];
    int height = node->layer->out_h, width = node->layer->out_w;
    int step = run->windows ? 1 : width;
    if (!begin(node))
        return;
    for (int image = 0; image < run->sim->images; image++)
        for (int y = node->is->replica; y < height; y += stage->replicas)
            for (int x = 0; x < width; x += step) {
                bool ends = x + step >= width;
                struct position p = {
                    image, y, x, ends ? y + stage->replicas : y, ends ? 0 : x + step, step};
                if (!compute(node, &p) || !finish(node, &p))
                    return;
            }
}

// The image: rows come over the off-chip link, are encoded and sent to the first layer's tiles.
static void source_main(void *arg)
{
    struct node *node = arg;
    struct run *run = node->run;
    const struct layer *planes = &run->net->layers[0];
    int height = planes->out_h, step = run->windows ? planes->out_w : 1;
    int64_t row_bits = (run->flow->image_bits + height - 1) / height;
    for (int image = 0; image < run->sim->images; image++)
        for (int y = 0; y < height; y++) {
            int64_t now = engine_now();
            int64_t there = transport_offchip(run->transport, now, now, row_bits, 0);
            span(node, SPAN_COMPUTE, now, there, 0, image, y, run->image_token_j);
            engine_wait(there - now);
            for (int x = 0; x < step; x++)
                for (int i = 0; i < run->flow->n_from_offchip; i++) {
                    struct channel *c = &run->channels[run->flow->from_offchip[i]];
                    if (c->is->rank[y + 1] > c->is->rank[y] &&
                        !send_token(node, c, engine_now(), image))
                        return;
                }
        }
}

// --- Setting up, deadlocks ---

static void set_up_channel(struct run *run, int index)
{
    struct channel *c = &run->channels[index];
    const struct flow_channel *is = &run->flow->channels[index];
    int height = run->net->layers[is->layer].out_h;
    c->is = is;
    c->index = index;
    c->per_image = (int64_t)is->rank[height] * is->per_row;
    int64_t all = c->per_image * run->sim->images;
    c->room = is->capacity < all ? is->capacity : all;
    c->room = c->room > 0 ? c->room : 1;
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
    const struct flow_stage *stage = &run->flow->stages[node->is->stage];
    const struct work *work = &node->is->work;
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

static const char *name_of(const struct run *run, const struct node *node, char *buf, size_t n)
{
    if (!node->is)
        snprintf(buf, n, "the image source");
    else
        snprintf(buf, n, "%s (tile %d)", node->layer->name, node->is->tile);
    (void)run;
    return buf;
}

// Whom a blocked node waits for, and what for.
static const struct node *waits_for(const struct node *node, const char **what)
{
    const struct channel *c = node->waiting;
    *what = c->is->kind == CHANNEL_SHORTCUT ? "residual rows"
            : c->is->kind == CHANNEL_PSUM   ? "partial sums"
                                            : "input rows";
    return c->reader == node ? c->writer : c->reader;
}

static bool say_deadlock(const struct run *run, struct err *err)
{
    char text[420] = "", a[96], b[96];
    int used = 0;
    const struct node *at = NULL;
    for (int i = 0; i < run->flow->n_nodes && !at; i++)
        if (run->nodes[i].waiting)
            at = &run->nodes[i];
    // Follow the waits until they come round, then print the ring once.
    for (int i = 0; at && at->waiting && i < run->flow->n_nodes + 1; i++) {
        const char *what;
        at = waits_for(at, &what);
    }
    const struct node *start = at;
    for (int i = 0; at && at->waiting && i < 6; i++) {
        const char *what;
        const struct node *other = waits_for(at, &what);
        bool reads = at->waiting->reader == at;
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%s waits for %s %s %s",
                         used ? "; " : "", name_of(run, at, a, sizeof a),
                         reads ? "" : "a free place for", what, name_of(run, other, b, sizeof b));
        if (used >= (int)sizeof text)
            break;
        at = other;
        if (at == start)
            break;
    }
    return err_set(err,
                   "deadlock: %s. Deeper buffers help: tile.residual_rows, tile.input_rows, "
                   "tile.psum_rows, or more bytes",
                   text[0] ? text : "nobody can go on");
}

static void tear_down(struct run *run)
{
    for (int i = 0; i < run->flow->n_channels; i++)
        free(run->channels[i].ring);
    free(run->channels);
    free(run->nodes);
}

static bool start_engine(const struct flow *flow, enum noc_backend backend, struct err *err)
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

bool simulate(const struct flow *flow, const struct simulate_params *params,
              struct simulation **out, struct err *err)
{
    if (!start_engine(flow, params->backend, err))
        return false;
    struct simulation *sim = mem_alloc(1, sizeof *sim);
    const struct net *net = flow->mapping->net;
    sim->flow = flow;
    sim->images = params->images > 0 ? params->images : 1;
    sim->nodes = mem_alloc((size_t)flow->n_nodes, sizeof *sim->nodes);
    sim->channels = mem_alloc((size_t)flow->n_channels, sizeof *sim->channels);
    sim->image_end = mem_alloc((size_t)sim->images, sizeof *sim->image_end);
    sim->transport = transport_create(flow, params->backend);
    struct run run = {.flow = flow,
                      .net = net,
                      .sim = sim,
                      .transport = sim->transport,
                      .trace = params->trace,
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
    run.source.task = engine_spawn(source_main, &run.source);
    for (int i = 0; i < flow->n_nodes; i++) {
        set_up_node(&run, i);
        run.nodes[i].task = engine_spawn(node_main, &run.nodes[i]);
    }
    struct err dead = {0};
    bool ok = engine_run(&dead) || say_deadlock(&run, err);
    for (int i = 0; i < sim->images; i++)
        sim->end = sim->image_end[i] > sim->end ? sim->image_end[i] : sim->end;
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
