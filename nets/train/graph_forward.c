// A batch forward, by one worker of the team: products, statistics, and what the next layer reads.
#include <math.h>
#include <string.h>

#include "nets/perturb.h"
#include "nets/train/graph_state.h"
#include "nets/train/team.h"

bool graph_mine(const struct graph *g, int worker, int shard)
{
    // Neighbours to one worker: their maps stay in its cache from phase to phase.
    return shard * g->options.workers / g->step_shards == worker;
}

int graph_images(const struct graph *g, int shard)
{
    int left = g->batch->n - shard * g->options.shard;
    return left < g->options.shard ? left : g->options.shard;
}

float *graph_at(const struct graph *g, int node, float *map, int shard)
{
    return map + (size_t)shard * g->options.shard * g->nodes[node].map;
}

void *graph_operands_at(const struct graph *g, int node, int shard)
{
    size_t at = (size_t)shard * g->options.shard * g->nodes[node].map;
    return (char *)g->nodes[node].operands + at * operand_size(g->options.operand);
}

void graph_clear_rest(const struct graph *g, int node, int shard, void *operands)
{
    size_t image = g->nodes[node].map * operand_size(g->options.operand);
    int images = graph_images(g, shard);
    memset((char *)operands + images * image, 0, (g->options.shard - images) * image);
}

static void make_operands(struct graph *g, int worker, int node, int shard)
{
    const struct node *n = &g->nodes[node];
    void *operands = graph_operands_at(g, node, shard);
    struct reading r = graph_reading(g, worker, node, true);
    if (node == 0)
        graph_encode(g, shard);
    else
        g->elements->read(&r, graph_at(g, node, n->sum, shard), graph_images(g, shard) * n->rows,
                          n->width, g->options.operand, operands);
    graph_clear_rest(g, node, shard, operands);
}

static void multiply(struct graph *g, int worker, int layer, int shard, float *sum)
{
    const struct node *n = &g->nodes[layer];
    int from = n->layer->input[0];
    if (n->makes)
        make_operands(g, worker, from, shard);
    graph_multiply(g, worker, layer, shard, sum);
}

static void add_up(struct graph *g, int worker, int node, int shard)
{
    const struct node *n = &g->nodes[node];
    const struct worker *w = &g->workers[worker];
    int from = n->layer->input[0];
    float *sum = graph_at(g, node, n->sum, shard);
    if (n->product >= 0) {
        multiply(g, worker, n->product, shard, sum);
        graph_add_shortcut(g, worker, node, shard, w->scale[n->product], w->shift[n->product]);
        return;
    }
    struct reading r = graph_reading(g, worker, from, false);
    g->elements->read(&r, graph_at(g, from, g->nodes[from].sum, shard),
                      graph_images(g, shard) * n->rows, n->width, OPERAND_F32, sum);
    graph_add_shortcut(g, worker, node, shard, g->ones, g->zeros);
}

static void sum_up(struct graph *g, int worker, int node, int shard)
{
    const struct node *n = &g->nodes[node];
    switch (n->layer->kind) {
    case LAYER_INPUT:
        graph_encode_values(g, shard);
        break;
    case LAYER_CONV:
    case LAYER_LINEAR:
        multiply(g, worker, node, shard, graph_at(g, node, n->sum, shard));
        break;
    case LAYER_ADD:
        add_up(g, worker, node, shard);
        break;
    case LAYER_POOL:
        graph_pool(g, worker, node, shard);
        break;
    case LAYER_CONCAT:
        graph_concat(g, worker, node, shard);
        break;
    case LAYER_MULTIPLY:
        graph_multiply_maps(g, worker, node, shard);
        break;
    }
}

static void run_shard(struct graph *g, int worker, int node, int shard)
{
    const struct node *n = &g->nodes[node];
    sum_up(g, worker, node, shard);
    if (!n->layer->bn || !g->own)
        return;
    double *sums = n->moments + (size_t)shard * 2 * n->width;
    memset(sums, 0, 2 * (size_t)n->width * sizeof *sums);
    g->elements->moments(graph_at(g, node, n->sum, shard), graph_images(g, shard) * n->rows,
                         n->width, sums, sums + n->width);
}

// Of a shard's values; of a map with negative ones, the largest absolute one.
static double largest_value(const struct graph *g, const struct worker *w, int node, int shard)
{
    const struct node *n = &g->nodes[node];
    const float *sum = graph_at(g, node, n->sum, shard);
    size_t rows = graph_images(g, shard) * n->rows;
    float high = g->elements->most(w->scale[node], w->shift[node], sum, rows, n->width);
    if (!n->layer->is_signed || n->layer->act == ACT_RELU)
        return (double)high;
    float low = g->elements->lowest(w->scale[node], w->shift[node], sum, rows, n->width);
    return (double)(low > high ? low : high);
}

static void run_node(struct graph *g, int worker, int node)
{
    const struct node *n = &g->nodes[node];
    const struct worker *w = &g->workers[worker];
    for (int s = 0; s < g->step_shards && n->sum; s++)
        if (graph_mine(g, worker, s))
            run_shard(g, worker, node, s);
    if (node == 0)
        return;
    if (n->layer->bn && g->own)
        team_wait(g->team);
    graph_set_norm(g, worker, node);
    for (int s = 0; s < g->step_shards && n->most && g->own; s++)
        if (graph_mine(g, worker, s))
            n->most[s] = largest_value(g, w, node, s);
}

// Perturbations are asked for by one thread; without, the layers are shared out.
static void set_weights(struct graph *g, int worker)
{
    bool alone = g->options.perturb && g->options.perturb->weights;
    int n = (int)g->net->n;
    for (int i = 1; i < n; i++)
        if (g->nodes[i].effect && (alone ? worker == 0 : i % g->options.workers == worker))
            graph_set_effect(g, i);
    team_wait(g->team);
    for (int i = 1; i < n; i++) {
        if (g->nodes[i].effect)
            g->backends[i]->set_weights(g->workers[worker].convs[i], g->nodes[i].effect);
        graph_set_pieces(g, worker, i);
    }
}

static void store_logits(struct graph *g, int worker, int shard)
{
    int last = (int)g->net->n - 1;
    const struct node *n = &g->nodes[last];
    struct reading r = graph_reading(g, worker, last, false);
    if (g->logits)
        g->elements->read(&r, graph_at(g, last, n->sum, shard), (size_t)graph_images(g, shard),
                          n->c, OPERAND_F32, g->logits + (size_t)shard * g->options.shard * n->c);
}

void graph_run_forward(struct graph *g, int worker)
{
    set_weights(g, worker);
    for (int i = 0; i < (int)g->net->n; i++)
        run_node(g, worker, i);
    for (int s = 0; s < g->step_shards; s++)
        if (graph_mine(g, worker, s))
            store_logits(g, worker, s);
}
