// The net as nodes: what is kept, who reads it, which maps share memory.
#include <stdlib.h>

#include "nets/train/graph_state.h"
#include "base/err.h"
#include "base/mem.h"

enum { ROW = 128 }; // elements of a row, about: long enough for vectors, short enough for the cache

void *graph_alloc(struct graph *g, size_t n, size_t size)
{
    g->bytes += n * size;
    return arena_alloc(g->mem, n, size);
}

static bool stepped(const struct net *net)
{
    return net->form == FORM_INT8 || net->form == FORM_INT16;
}

// Of maps of -1 and +1: products pad with zeros; and a chip's cells and read-outs are those of
// bits, of which the digital side makes signs.
static bool check_bipolar(const struct graph *g, int layer, struct err *err)
{
    const struct net *net = g->net;
    const struct layer *l = &net->layers[layer];
    if (!net_reads_bipolar(net, layer))
        return true;
    bool padded = l->pad_top + l->pad_left + l->pad_bottom + l->pad_right > 0;
    if (padded && net->pad_value != PAD_VALUE_ZERO)
        return err_set(
            err,
            "net '%s': training pads layer '%s' with zeros; set pad_value: zero, or train "
            "elsewhere",
            net->name, l->name);
    return !g->options.perturb ||
           err_set(err,
                   "net '%s': training with perturb supports activations of 0 and 1 only, and "
                   "layer '%s' reads -1 and +1; drop perturb, or set activations: zero_one",
                   net->name, l->name);
}

static bool check(const struct graph *g, struct err *err)
{
    const struct net *net = g->net;
    if (!net_check_classes(net, err))
        return false;
    for (size_t i = 1; i < net->n; i++)
        if (!check_bipolar(g, (int)i, err))
            return false;
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i], *from = &net->layers[l->input[0]];
        bool max_pool = l->kind == LAYER_POOL && l->pool == POOL_MAX;
        if (max_pool && from->act == ACT_THRESHOLD)
            return err_set(err,
                           "net '%s': pool '%s' would read bits, which have no gradient there; set "
                           "max_pool: stride",
                           net->name, l->name);
        bool shares = max_pool || l->kind == LAYER_CONCAT;
        if (shares && stepped(net) && l->format_of == 0)
            return err_set(err,
                           "net '%s': %s '%s' reads the image, which has no range of its own in "
                           "the form %s; put it behind a convolution",
                           net->name, layer_kind_names[l->kind], l->name,
                           net_form_names[net->form]);
        if (stepped(net) && g->options.operand == OPERAND_BF16 && layer_has_weights(l) &&
            (l->weight_bits > 9 || l->in_bits[0] > 8))
            return err_set(err,
                           "net '%s': layer '%s' has weights of %d and inputs of %d bits, and bf16 "
                           "holds 8 bits and a sign; choose the operand f32",
                           net->name, l->name, l->weight_bits, l->in_bits[0]);
    }
    return true;
}

// --- Who reads what ---

static void plan_geometry(struct node *n)
{
    const struct layer *l = n->layer;
    size_t pixels = (size_t)l->out_h * l->out_w;
    int fold = 1;
    while (pixels % ((size_t)fold * 2) == 0 && n->c * fold * 2 <= ROW)
        fold *= 2;
    n->width = n->c * fold;
    n->rows = pixels / (size_t)fold;
    n->map = pixels * (size_t)n->c;
}

static int readers(const struct net *net, int layer)
{
    int n = 0;
    for (size_t i = 1; i < net->n; i++)
        for (int edge = 0; edge < net->layers[i].n_inputs; edge++)
            n += net->layers[i].input[edge] == layer;
    return n;
}

// A product whose sums nobody but an add sees, as they are, is done in the add's own map.
static int merging_add(const struct graph *g, int i)
{
    const struct layer *l = &g->net->layers[i];
    int add = layer_has_weights(l) ? net_fused_add(g->net, i) : -1;
    bool seen = add < 0 || readers(g->net, i) != 1 || l->bn || l->act != ACT_NONE;
    return seen ? -1 : add;
}

static void plan_quantiser(struct graph *g, int i)
{
    const struct layer *l = &g->net->layers[i];
    struct node *n = &g->nodes[i];
    n->range_of = l->format_of;
    bool last = (size_t)i + 1 == g->net->n;
    if (!stepped(g->net) || i == 0 || last ||
        (layer_has_weights(l) && net_fused_add(g->net, i) >= 0))
        return;
    n->bits = l->out_bits;
    bool copies = l->kind == LAYER_CONCAT || (l->kind == LAYER_POOL && l->pool == POOL_MAX);
    if (copies)
        n->bits = g->nodes[l->input[0]].bits;
    if (n->bits && !copies)
        n->most = graph_alloc(g, (size_t)g->shards, sizeof *n->most);
}

static void plan_nodes(struct graph *g)
{
    for (int i = 0; i < (int)g->net->n; i++) {
        struct node *n = &g->nodes[i];
        const struct layer *l = &g->net->layers[i];
        n->layer = l;
        n->edges = graph_alloc(g, (size_t)l->n_inputs, sizeof *n->edges);
        n->c = l->out_c;
        n->owner = l->kind == LAYER_ADD ? l->input[0] : i;
        n->biased |= l->bias;
        n->product = n->product ? n->product : -1; // an add's was set by the product
        plan_geometry(n);
        plan_quantiser(g, i);
        if (i == 0)
            continue;
        int add = merging_add(g, i);
        n->merged = add >= 0;
        if (layer_has_weights(l))
            n->product = i;
        if (add >= 0) {
            g->nodes[add].product = i;
            g->nodes[add].biased = n->biased;
        }
        struct node *from = &g->nodes[l->input[0]];
        *(layer_has_weights(l) ? &from->product_reads : &from->stream_reads) = true;
        for (int edge = 1; edge < l->n_inputs; edge++)
            g->nodes[l->input[edge]].stream_reads = true;
    }
    g->nodes[g->net->n - 1].stream_reads = true;
}

// Products run in the order of nodes, merged ones where their add stands. The first one that reads
// a map makes its operands, which are then still in the cache.
static void plan_makers(struct graph *g)
{
    for (size_t i = 1; i < g->net->n; i++) {
        struct node *n = &g->nodes[i];
        if (n->merged || n->product < 0)
            continue;
        struct node *product = &g->nodes[n->product];
        struct node *from = &g->nodes[product->layer->input[0]];
        product->makes = !from->made;
        from->made = true;
    }
}

// --- Memory ---

static void plan_maps(struct graph *g)
{
    size_t images = (size_t)g->shards * g->options.shard;
    for (size_t i = 0; i < g->net->n; i++) {
        struct node *n = &g->nodes[i];
        if (n->product_reads)
            n->operands = graph_alloc(g, images * n->map, operand_size(g->options.operand));
        if (!n->merged && (i > 0 || n->stream_reads))
            n->sum = graph_alloc(g, images * n->map, sizeof *n->sum);
        if (!n->layer->bn && !n->biased)
            continue;
        n->moments = graph_alloc(g, (size_t)g->shards * 2 * n->width, sizeof *n->moments);
        n->passed = graph_alloc(g, (size_t)g->shards * 2 * n->width, sizeof *n->passed);
    }
}

static void plan_product(struct graph *g, int i)
{
    struct node *n = &g->nodes[i];
    const struct layer *l = n->layer;
    size_t weights = (size_t)l->weights;
    const struct layer *from = &g->net->layers[l->input[0]];
    n->effect = graph_alloc(g, weights, sizeof *n->effect);
    if (l->kind == LAYER_LINEAR && from->out_h * from->out_w > 1)
        n->natural = graph_alloc(g, weights, sizeof *n->natural);
    n->unit = graph_alloc(g, (size_t)n->width, sizeof *n->unit);
    n->unit_sum = graph_alloc(g, (size_t)n->width, sizeof *n->unit_sum);
}

// A product's partial gradients are added up while the next one to run makes its own, so the two
// sides take turns in the order in which products run: a merged one does where its add stands.
static void plan_sides(struct graph *g)
{
    size_t most[2] = {0, 0};
    int side = 0;
    for (size_t i = 1; i < g->net->n; i++) {
        const struct node *n = &g->nodes[i];
        if (n->merged || n->product < 0)
            continue;
        size_t weights = (size_t)g->net->layers[n->product].weights;
        g->nodes[n->product].side = side;
        most[side] = weights > most[side] ? weights : most[side];
        side = 1 - side;
    }
    for (int s = 0; s < 2; s++)
        g->parts[s] = graph_alloc(g, (size_t)g->shards * most[s], sizeof *g->parts[s]);
}

// Maps of gradients live from the first reader's step back to the layer's own, and then serve
// others. A worker may be in the step before, so one is handed on only behind a meeting.
struct spare {
    float *map;
    size_t size;
    bool cooling;
};

struct spares {
    struct spare *items;
    size_t n;
};

static float *take_spare(struct graph *g, struct spares *s, size_t size)
{
    struct spare *best = NULL;
    for (size_t i = 0; i < s->n; i++) {
        struct spare *one = &s->items[i];
        if (one->map && !one->cooling && one->size >= size && (!best || one->size < best->size))
            best = one;
    }
    if (!best)
        return graph_alloc(g, size, sizeof(float));
    float *map = best->map;
    best->map = NULL;
    return map;
}

static void give_spare(struct graph *g, struct spares *s, const struct node *n, float *map)
{
    size_t images = (size_t)g->shards * g->options.shard;
    if (!map)
        return;
    struct spare *one = &s->items[s->n++];
    one->map = map;
    one->size = images * n->map;
    one->cooling = true;
}

static void plan_edge(struct graph *g, struct spares *s, int reader, int edge)
{
    struct node *n = &g->nodes[reader];
    int from = n->layer->input[edge];
    struct node *to = &g->nodes[from];
    if (from == 0 || to->merged) // the image wants none; a merged product takes the add's own
        return;
    struct edge *e = &n->edges[edge];
    e->plain = to->layer->act == ACT_THRESHOLD && !layer_has_weights(n->layer) &&
               n->layer->kind != LAYER_CONCAT; // which joins bits
    float **map = e->plain ? &to->plain : &to->masked;
    e->first = !*map;
    if (!*map)
        *map = take_spare(g, s, (size_t)g->shards * g->options.shard * to->map);
}

static void plan_gradients(struct graph *g)
{
    int last = (int)g->net->n - 1;
    struct spares s = {mem_alloc(2 * g->net->n, sizeof *s.items), 0};
    struct node *end = &g->nodes[last];
    end->masked = take_spare(g, &s, (size_t)g->shards * g->options.shard * end->map);
    for (int i = last; i > 0; i--) {
        struct node *n = &g->nodes[i];
        if (n->merged)
            continue;
        bool meets = n->product >= 0 || n->layer->bn;
        for (size_t j = 0; j < s.n && meets; j++)
            s.items[j].cooling = false;
        if (n->layer->kind == LAYER_ADD) {
            plan_edge(g, &s, i, 1); // in the order in which they are given
            plan_edge(g, &s, i, 0);
        }
        bool joins = n->layer->kind == LAYER_CONCAT || n->layer->kind == LAYER_MULTIPLY;
        for (int edge = 0; edge < n->layer->n_inputs && joins; edge++)
            plan_edge(g, &s, i, edge);
        if (n->product >= 0)
            plan_edge(g, &s, n->product, 0);
        else if (n->layer->kind == LAYER_POOL)
            plan_edge(g, &s, i, 0);
        give_spare(g, &s, n, n->masked);
        give_spare(g, &s, n, n->plain);
    }
    free(s.items);
}

// --- Products ---

struct conv_shape graph_shape(const struct graph *g, int layer)
{
    const struct layer *l = &g->net->layers[layer];
    return (struct conv_shape){
        .images = g->options.shard,
        .in_c = l->in_c,
        .in_h = l->in_h,
        .in_w = l->in_w,
        .out_c = l->out_c,
        .out_h = l->out_h,
        .out_w = l->out_w,
        .kernel_h = l->kernel_h,
        .kernel_w = l->kernel_w,
        .stride_h = l->stride_h,
        .stride_w = l->stride_w,
        .dilation_h = l->dilation_h,
        .dilation_w = l->dilation_w,
        .pad_top = l->pad_top,
        .pad_left = l->pad_left,
        .pad_bottom = l->pad_bottom,
        .pad_right = l->pad_right,
        .groups = l->groups,
    };
}

static bool plan_conv(struct graph *g, int i, struct err *err)
{
    const struct layer *l = &g->net->layers[i];
    const struct conv_shape shape = graph_shape(g, i);
    const struct backend *tried[] = {g->options.backend, &backend_reference};
    for (int b = 0; b < 2 && !g->backends[i]; b++) {
        g->workers[0].convs[i] = tried[b]->create(&shape, g->options.operand, l->input[0] != 0);
        g->backends[i] = g->workers[0].convs[i] ? tried[b] : NULL;
    }
    if (!g->backends[i])
        return err_set(err,
                       "net '%s': no backend computes layer '%s' with the operand %s; choose "
                       "another operand",
                       g->net->name, l->name, operand_names[g->options.operand]);
    for (int w = 1; w < g->options.workers; w++) {
        g->workers[w].convs[i] =
            g->backends[i]->create(&shape, g->options.operand, l->input[0] != 0);
        if (!g->workers[w].convs[i])
            return err_set(err,
                           "net '%s': the backend %s planned layer '%s' for %d of %d workers; "
                           "ask for fewer",
                           g->net->name, g->backends[i]->name, l->name, w, g->options.workers);
    }
    return true;
}

static void plan_worker(struct graph *g, struct worker *w, size_t widest, size_t largest)
{
    size_t n = g->net->n, shard = (size_t)g->options.shard * largest;
    w->convs = graph_alloc(g, n, sizeof *w->convs);
    w->pieces = graph_alloc(g, n, sizeof *w->pieces);
    w->slice = graph_alloc(g, n, sizeof *w->slice);
    w->taken = graph_alloc(g, n, sizeof *w->taken);
    w->scale = graph_alloc(g, n, sizeof *w->scale);
    w->shift = graph_alloc(g, n, sizeof *w->shift);
    w->mean = graph_alloc(g, n, sizeof *w->mean);
    w->inverse = graph_alloc(g, n, sizeof *w->inverse);
    for (size_t i = 0; i < n; i++) {
        const struct node *node = &g->nodes[i];
        w->scale[i] = graph_alloc(g, (size_t)node->width, sizeof(float));
        w->shift[i] = graph_alloc(g, (size_t)node->width, sizeof(float));
        for (int c = 0; c < node->width; c++)
            w->scale[i][c] = 1;
        if (!node->layer->bn)
            continue;
        w->mean[i] = graph_alloc(g, (size_t)node->c, sizeof(double));
        w->inverse[i] = graph_alloc(g, (size_t)node->c, sizeof(double));
    }
    for (int i = 0; i < 3; i++)
        w->factors[i] = graph_alloc(g, widest, sizeof *w->factors[i]);
    w->totals = graph_alloc(g, 2 * widest, sizeof *w->totals);
    w->map = graph_alloc(g, shard, sizeof *w->map);
    w->map2 = graph_alloc(g, shard, sizeof *w->map2);
    w->gradient = graph_alloc(g, shard, operand_size(g->options.operand));
    w->row = graph_alloc(g, widest, sizeof *w->row);
    w->best = graph_alloc(g, widest, sizeof *w->best);
}

bool graph_plan(struct graph *g, struct err *err)
{
    if (!check(g, err))
        return false;
    size_t n = g->net->n, widest = 1, largest = 1;
    g->nodes = graph_alloc(g, n, sizeof *g->nodes);
    g->backends = graph_alloc(g, n, sizeof *g->backends);
    g->workers = graph_alloc(g, (size_t)g->options.workers, sizeof *g->workers);
    g->losses = graph_alloc(g, (size_t)g->shards, sizeof *g->losses);
    plan_nodes(g);
    plan_makers(g);
    plan_maps(g);
    plan_gradients(g);
    plan_sides(g);
    for (size_t i = 0; i < n; i++) {
        const struct node *node = &g->nodes[i];
        widest = (size_t)node->width > widest ? (size_t)node->width : widest;
        largest = node->map > largest ? node->map : largest;
        if (layer_has_weights(node->layer))
            plan_product(g, (int)i);
    }
    g->zeros = graph_alloc(g, widest, sizeof *g->zeros);
    g->ones = graph_alloc(g, widest, sizeof *g->ones);
    for (size_t i = 0; i < widest; i++)
        g->ones[i] = 1;
    for (int w = 0; w < g->options.workers; w++)
        plan_worker(g, &g->workers[w], widest, largest);
    for (size_t i = 1; i < n; i++)
        if (layer_has_weights(&g->net->layers[i]) &&
            (!plan_conv(g, (int)i, err) || !graph_plan_pieces(g, (int)i, err)))
            return false;
    graph_plan_input(g);
    return true;
}
