// The work of one tile for one layer, token by token: wait for inputs, be busy, free used inputs,
// wait for sums of other tiles and the shortcut, send.
#include "sim/events/sim_state.h"

static struct channel *input(struct node *node, int i)
{
    return &node->run->channels[node->is->in[i]];
}

struct position {
    int image, y, x;    // of this token
    int next_y, next_x; // of the node's next one; next_y past the map: none in this image
    int windows;
};

// What the reader pays for tokens up to this one's last, or of the whole image with its last one.
static double reading_joules(struct node *node, int from, int to, const struct position *p)
{
    double joules = 0;
    for (int i = from; i < to; i++) {
        struct channel *c = input(node, i);
        bool last = p->next_y >= node->layer->out_h;
        int64_t in_image = last ? c->per_image : window_needs(node->run, c, p->y, p->x);
        int64_t tokens = p->image * c->per_image + in_image;
        if (tokens > c->paid) {
            joules += (double)(tokens - c->paid) * c->reader_j;
            c->paid = tokens;
        }
    }
    return joules;
}

static bool await_inputs(struct node *node, int from, int to, const struct position *p, int layer)
{
    for (int i = from; i < to; i++) {
        struct channel *c = input(node, i);
        int64_t need = p->image * c->per_image + window_needs(node->run, c, p->y, p->x);
        if (!channel_await(node, c, need, p->image, layer))
            return false;
    }
    return true;
}

static void release_inputs(struct node *node, int from, int to, int image, int y, int x)
{
    for (int i = from; i < to; i++) {
        struct channel *c = input(node, i);
        channel_release(c, image * c->per_image + window_done(node->run, c, y, x));
    }
}

static bool send_outputs(struct node *node, bool psums, int image, int y, int64_t ready)
{
    for (int i = 0; i < node->is->n_out; i++) {
        struct channel *c = &node->run->channels[node->is->out[i]];
        if ((c->is->kind == CHANNEL_PSUM) != psums || c->is->rank[y + 1] == c->is->rank[y])
            continue;
        if (!channel_send(node, c, ready, image))
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

// The accounts of the first image start when the first token is sent to the node. Only channels
// that its own first token reads are waited for: others, of a producer's later replicas, may depend
// on it.
static bool begin(struct node *node)
{
    struct node_stats *stats = &node->run->sim->nodes[node->index];
    int64_t first = INT64_MAX;
    for (int i = 0; i < node->is->n_early; i++) {
        struct channel *c = input(node, i);
        if (!window_needs(node->run, c, node->is->replica, 0))
            continue;
        if (!channel_await_first(node, c))
            return false;
        first = token_slot(c, 0)->sent < first ? token_slot(c, 0)->sent : first;
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
    return transport_take(run->transport, port, now, from, node->port_read * windows, layer) - from;
}

// Own sums: wait for inputs, be busy, free used inputs.
static bool compute(struct node *node, const struct position *p)
{
    struct run *run = node->run;
    int layer = run->flow->stages[node->is->stage].layer;
    struct node_stats *stats = &run->sim->nodes[node->index];
    if (!await_inputs(node, 0, node->is->n_early, p, layer))
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
        double joules = reading_joules(node, 0, node->is->n_early, p);
        joules += (p->x == 0 ? node->first_j : node->next_j) + (p->windows - 1) * node->next_j;
        joules += sending_joules(node, true, p->y);
        if (run->flow->stages[node->is->stage].add < 0)
            joules += sending_joules(node, false, p->y);
        live_span(node, SPAN_COMPUTE, start, node->at, layer, p->image, p->y, joules);
    }
    release_inputs(node, 0, node->is->n_early, p->image, p->next_y, p->next_x);
    return true;
}

// What follows the tile's own sums: sums of other tiles, the shortcut, outputs.
static bool finish(struct node *node, const struct position *p)
{
    struct run *run = node->run;
    const struct dataflow_stage *stage = &run->flow->stages[node->is->stage];
    int64_t ready = node->at + node->delay;
    if (!send_outputs(node, true, p->image, p->y, ready))
        return false;
    double joules = 0;
    if (node->is->n_in > node->is->n_early) {
        int layer = dataflow_out_layer(stage);
        if (!await_inputs(node, node->is->n_early, node->is->n_in, p, layer))
            return false;
        if (run->trace)
            joules = reading_joules(node, node->is->n_early, node->is->n_in, p);
        int64_t tail = node->tail * p->windows, now = engine_now();
        int64_t start = node->at > now ? node->at : now;
        engine_wait(start + tail - now);
        node->at = start + tail;
        run->sim->nodes[node->index].busy += tail;
        release_inputs(node, node->is->n_early, node->is->n_in, p->image, p->next_y, p->next_x);
        // The last window's own sums come `delay` after the rest; only then can they be finished.
        ready += node->tail;
        ready = node->at > ready ? node->at : ready;
    }
    if (run->trace && stage->add >= 0 && node->is->outs) {
        joules += p->windows * node->add_first_j + sending_joules(node, false, p->y);
        int64_t length = node->tail * p->windows;
        live_span(node, SPAN_COMPUTE, node->at - length, node->at, stage->add, p->image, p->y,
                  joules);
    } else if (run->trace && joules > 0) {
        live_span(node, SPAN_COMPUTE, node->at, node->at, stage->layer, p->image, p->y, joules);
    }
    bool ok = send_outputs(node, false, p->image, p->y, ready);
    if (p->image == 0)
        run->sim->nodes[node->index].end = ready > node->at ? ready : node->at;
    return ok;
}

void node_main(void *arg)
{
    struct node *node = arg;
    const struct run *run = node->run;
    const struct dataflow_stage *stage = &run->flow->stages[node->is->stage];
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

void source_main(void *arg)
{
    struct node *node = arg;
    struct run *run = node->run;
    const struct layer *planes = &run->net->layers[0];
    int height = planes->out_h, step = run->windows ? planes->out_w : 1;
    int64_t row_bits = (run->flow->image_bits + height - 1) / height;
    for (int image = 0; image < run->sim->images; image++)
        for (int y = 0; y < height; y++) {
            int64_t now = engine_now();
            struct passage link = transport_offchip(run->transport, now, now, row_bits, 0);
            live_span(node, SPAN_COMPUTE, now, link.head, 0, image, y, run->image_token_j);
            engine_wait(link.head - now); // the next row follows while this one is on its way
            for (int x = 0; x < step; x++)
                for (int i = 0; i < run->flow->n_from_offchip; i++) {
                    struct channel *c = &run->channels[run->flow->from_offchip[i]];
                    if (c->is->rank[y + 1] > c->is->rank[y] &&
                        !channel_send(node, c, link.tail, image))
                        return;
                }
        }
}
