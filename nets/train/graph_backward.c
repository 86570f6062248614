// A batch backward, by one worker of the team: from the loss to the gradients of all parameters.
#include <math.h>
#include <string.h>

#include "nets/train/graph_state.h"
#include "nets/train/team.h"

// Softmax and cross-entropy of one image; its gradient, of the mean over the batch, to d.
static double lose(const struct graph *g, const float *logits, const float *targets, float *d)
{
    int classes = g->net->classes;
    double most = -HUGE_VAL, sum = 0, loss = 0, weight = 0;
    for (int c = 0; c < classes; c++)
        most = fmax(most, (double)logits[c]);
    for (int c = 0; c < classes; c++)
        sum += exp((double)logits[c] - most);
    for (int c = 0; c < classes; c++) {
        loss -= (double)targets[c] * ((double)logits[c] - most - log(sum));
        weight += (double)targets[c];
    }
    for (int c = 0; c < classes; c++) {
        double p = exp((double)logits[c] - most) / sum;
        d[c] = (float)((p * weight - (double)targets[c]) / g->batch->n);
    }
    return loss;
}

static void lose_shard(struct graph *g, int worker, int shard)
{
    int last = (int)g->net->n - 1, classes = g->net->classes, images = graph_images(g, shard);
    const struct node *n = &g->nodes[last];
    float *logits = g->workers[worker].map, *d = graph_at(g, last, n->masked, shard);
    struct reading r = graph_reading(g, worker, last, false);
    const float *targets = g->batch->targets + (size_t)shard * g->options.shard * classes;
    g->elements->read(&r, graph_at(g, last, n->sum, shard), (size_t)images, n->c, OPERAND_F32,
                      logits);
    g->losses[shard] = 0;
    for (int i = 0; i < images; i++)
        g->losses[shard] += lose(g, logits + (size_t)i * classes, targets + (size_t)i * classes,
                                 d + (size_t)i * classes);
}

// What the product wants of its weights and of what it read; w->gradient holds its sums' gradient.
static void multiply_back(struct graph *g, int worker, int layer, int shard)
{
    const struct node *n = &g->nodes[layer];
    struct worker *w = &g->workers[worker];
    int from = n->layer->input[0];
    const struct node *source = &g->nodes[from];
    graph_clear_rest(g, layer, shard, w->gradient);
    g->backends[layer]->backward_weights(w->convs[layer], graph_operands_at(g, from, shard),
                                         w->gradient,
                                         g->parts[n->side] + (size_t)shard * n->layer->weights);
    if (from == 0)
        return;
    float *to = graph_at(g, from, source->masked, shard);
    g->backends[layer]->backward_data(w->convs[layer], w->gradient,
                                      n->edges[0].first ? to : w->map);
    if (!n->edges[0].first)
        g->elements->add(w->map, graph_images(g, shard) * source->map, to);
}

// The gradient of an add's sum, to both that it adds.
static void give_shard(struct graph *g, int worker, int node, int shard, const float *gradient)
{
    const struct node *n = &g->nodes[node];
    graph_give(g, node, 1, shard, gradient);
    if (n->product < 0) {
        graph_give(g, node, 0, shard, gradient);
        return;
    }
    struct reading r = {READ_PLAIN, g->nodes[n->product].unit, g->zeros, 0, 0, 1};
    g->elements->read(&r, gradient, graph_images(g, shard) * n->rows, n->width, g->options.operand,
                      g->workers[worker].gradient);
    multiply_back(g, worker, n->product, shard);
}

static void pass_shard(struct graph *g, int worker, int node, int shard)
{
    const struct node *n = &g->nodes[node];
    struct worker *w = &g->workers[worker];
    const struct passing p = graph_passing(g, worker, node, shard);
    const float *sum = graph_at(g, node, n->sum, shard);
    size_t rows = graph_images(g, shard) * n->rows;
    bool product = n->product == node;
    float *direct = n->layer->kind == LAYER_ADD ? graph_direct(g, node, 1, shard) : NULL;
    float *to = direct ? direct : w->map;
    g->elements->pass(&p, sum, w->factors[0], w->factors[1], w->factors[2], rows, n->width,
                      product ? g->options.operand : OPERAND_F32, product ? w->gradient : to);
    if (product)
        multiply_back(g, worker, node, shard);
    else if (n->layer->kind == LAYER_POOL)
        graph_pool_back(g, worker, node, shard, to);
    else if (n->layer->kind == LAYER_CONCAT)
        graph_concat_back(g, node, shard, to);
    else if (n->layer->kind == LAYER_MULTIPLY)
        graph_multiply_back(g, worker, node, shard, to);
    else
        give_shard(g, worker, node, shard, to);
}

static void sum_passed(struct graph *g, int worker, int node, int shard)
{
    const struct node *n = &g->nodes[node];
    const struct passing p = graph_passing(g, worker, node, shard);
    double *sums = n->passed + (size_t)shard * 2 * n->width;
    memset(sums, 0, 2 * (size_t)n->width * sizeof *sums);
    g->elements->passed_moments(&p, graph_at(g, node, n->sum, shard),
                                graph_images(g, shard) * n->rows, n->width, sums, sums + n->width);
}

static void meet(struct graph *g, int worker)
{
    struct worker *w = &g->workers[worker];
    team_wait(g->team);
    if (w->pending >= 0)
        graph_add_parts(g, worker, w->pending);
    w->pending = -1;
}

static void run_node(struct graph *g, int worker, int node)
{
    const struct node *n = &g->nodes[node];
    for (int s = 0; s < g->step_shards && n->passed; s++)
        if (graph_mine(g, worker, s))
            sum_passed(g, worker, node, s);
    if (n->product >= 0 || n->layer->bn)
        meet(g, worker);
    graph_set_pass(g, worker, node);
    for (int s = 0; s < g->step_shards; s++)
        if (graph_mine(g, worker, s))
            pass_shard(g, worker, node, s);
    if (n->product >= 0)
        g->workers[worker].pending = n->product;
}

void graph_run_backward(struct graph *g, int worker)
{
    g->workers[worker].pending = -1;
    for (int s = 0; s < g->step_shards; s++)
        if (graph_mine(g, worker, s))
            lose_shard(g, worker, s);
    for (int i = (int)g->net->n - 1; i > 0; i--)
        if (!g->nodes[i].merged)
            run_node(g, worker, i);
    meet(g, worker);
}
