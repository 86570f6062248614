// Tokens between nodes: bounded channels with credits; each wait is accounted to the waiting node.
#include <stdlib.h>

#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/events/sim_state.h"
#include "sim/map/map.h"

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

void live_span(struct node *node, enum span_kind kind, int64_t from, int64_t to, int layer,
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

// Accounts the time from node->at until a token was sent (wait for the sender) and until it arrived
// (transfer).
static void account(struct node *node, const struct token *token, int image, int layer)
{
    struct node_stats *stats = &node->run->sim->nodes[node->index];
    if (token->sent > node->at) {
        if (image == 0)
            stats->wait += token->sent - node->at;
        live_span(node, SPAN_WAIT, node->at, token->sent, layer, image, -1, 0);
        node->at = token->sent;
    }
    if (token->arrived > node->at) {
        if (image == 0)
            stats->transfer += token->arrived - node->at;
        live_span(node, SPAN_TRANSFER, node->at, token->arrived, layer, image, -1, 0);
        node->at = token->arrived;
    }
}

bool channel_await(struct node *node, struct channel *c, int64_t need, int image, int layer)
{
    if (need <= c->taken)
        return true;
    while (c->pushed < need || token_slot(c, need - 1)->arrived == IN_FLIGHT)
        if (!block(node, c, &c->reader_waits))
            return false;
    c->taken = need;
    account(node, token_slot(c, need - 1), image, layer);
    return true;
}

bool channel_await_first(struct node *node, struct channel *c)
{
    while (c->pushed < 1)
        if (!block(node, c, &c->reader_waits))
            return false;
    return true;
}

void channel_release(struct channel *c, int64_t freed)
{
    if (freed <= c->freed)
        return;
    int64_t now = engine_now();
    struct channel_stats *stats = &c->reader->run->sim->channels[c->index];
    for (int64_t n = c->freed; n < freed && n < c->pushed; n++) {
        int64_t sent = token_slot(c, n)->sent; // later than now: freed unread
        stats->occupied_s += now > sent ? engine_seconds(now - sent) : 0;
    }
    c->freed = freed;
    if (c->writer_waits)
        engine_wake(c->writer->task);
}

struct courier { // carries one token over SimGrid's network
    struct run *run;
    struct channel *channel;
    int64_t number, ready;
    int image;
};

static void finish_image(struct run *run, int image, int64_t at, int64_t bits)
{
    int64_t now = engine_now();
    int64_t end = transport_offchip(run->transport, now, at, bits, (int)run->net->n - 1).tail;
    if (end > run->sim->image_end[image])
        run->sim->image_end[image] = end;
}

static void courier_main(void *arg)
{
    struct courier *courier = arg;
    struct run *run = courier->run;
    struct channel *c = courier->channel;
    const struct dataflow_channel *is = c->is;
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
        token_slot(c, courier->number)->arrived = there;
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

enum { PROGRESS_TOKENS = 64 };

static void count_token(struct run *run)
{
    run->sent++;
    if (run->progress && (run->sent % PROGRESS_TOKENS == 0 || run->sent == run->all))
        run->progress(run->sent, run->all);
}

bool channel_send(struct node *node, struct channel *c, int64_t ready, int image)
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
            live_span(node, SPAN_WAIT, node->at, now, c->is->layer, image, -1, 0);
        }
        node->at = now > node->at ? now : node->at;
    }
    ready = ready > now ? ready : now; // a channel before this one may have been full
    run->sim->channels[c->index].tokens++;
    count_token(run);
    int64_t there = IN_FLIGHT, number = c->pushed++;
    if (run->backend != BACKEND_SIMGRID)
        there = transport_send(run->transport, c->index, now, ready);
    if (c->reader)
        *token_slot(c, number) = (struct token){ready, there};
    else if (there != IN_FLIGHT)
        finish_image(run, image, there, c->is->bits);
    if (run->backend == BACKEND_SIMGRID)
        carry(run, c, number, ready, image); // last: it may run before this goes on
    wake_reader(c);
    return true;
}
