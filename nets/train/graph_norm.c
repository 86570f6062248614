// Batch-norm and bias as factors per channel: forward, what a reader makes of sums; backward, what
// the gradient of a value becomes for its sum.
#include <float.h>
#include <math.h>

#include "nets/train/graph_state.h"
#include "nets/weights.h"

// All shards' (2, width) as (2, c), in the order of shards and of rows' pixels.
static void total(const struct graph *g, const struct node *n, const double *of, double *to)
{
    for (int half = 0; half < 2; half++)
        for (int c = 0; c < n->c; c++) {
            double sum = 0;
            for (int s = 0; s < g->step_shards; s++)
                for (int i = c; i < n->width; i += n->c)
                    sum += of[((size_t)s * 2 + half) * n->width + i];
            to[half * n->c + c] = sum;
        }
}

static double elements_of(const struct graph *g, const struct node *n) // of one channel
{
    size_t pixels = n->map / (size_t)n->c;
    return (double)g->batch->n * (double)pixels;
}

// What 1 of the sums is worth: an add's and a pool's stand for themselves.
static double unit_of(const struct node *n, int c)
{
    return n->unit_sum ? (double)n->unit_sum[c] : 1;
}

// What is added to a layer's sums. An add's have that of its product already.
static double bias_of(const struct graph *g, int node, int c)
{
    const struct node *n = &g->nodes[node];
    return n->biased && n->owner == node ? (double)g->params->layers[node].bias[c] : 0;
}

static void batch_statistics(struct graph *g, int worker, int node)
{
    const struct node *n = &g->nodes[node];
    struct worker *w = &g->workers[worker];
    double count = elements_of(g, n);
    const double eps = g->params->layers[n->owner].bn_eps;
    total(g, n, n->moments, w->totals);
    for (int c = 0; c < n->c; c++) {
        double unit = unit_of(n, c), mean = w->totals[c] / count;
        double var = fmax(w->totals[n->c + c] / count - mean * mean, 0) * unit * unit;
        w->mean[node][c] = mean * unit;
        w->inverse[node][c] = 1 / sqrt(var + eps);
        const struct weights *to = g->grads ? g->grads : g->stats;
        if (worker > 0 || !to)
            continue;
        to->layers[n->owner].mean[c] = (float)(mean * unit + bias_of(g, node, c));
        to->layers[n->owner].var[c] = (float)(count > 1 ? var * count / (count - 1) : var);
    }
}

static void running_statistics(struct graph *g, int worker, int node)
{
    const struct node *n = &g->nodes[node];
    const struct layer_weights *from = &g->params->layers[n->owner];
    for (int c = 0; c < n->c; c++) {
        g->workers[worker].mean[node][c] = (double)from->mean[c] - bias_of(g, node, c);
        g->workers[worker].inverse[node][c] = 1 / sqrt((double)from->var[c] + from->bn_eps);
    }
}

void graph_set_norm(struct graph *g, int worker, int node)
{
    const struct node *n = &g->nodes[node];
    const struct layer_weights *from = &g->params->layers[n->owner];
    struct worker *w = &g->workers[worker];
    if (n->layer->bn && g->own)
        batch_statistics(g, worker, node);
    else if (n->layer->bn)
        running_statistics(g, worker, node);
    for (int i = 0; i < n->width; i++) {
        int c = i % n->c;
        double scale = 1, shift = bias_of(g, node, c);
        if (n->layer->bn) {
            scale = (double)from->gamma[c] * w->inverse[node][c];
            shift = (double)from->beta[c] - w->mean[node][c] * scale;
        }
        w->scale[node][i] = (float)(scale * unit_of(n, c));
        w->shift[node][i] = (float)shift;
    }
}

struct reading graph_reading(const struct graph *g, int worker, int node, bool product)
{
    const struct node *n = &g->nodes[node];
    const struct worker *w = &g->workers[worker];
    double step = graph_step_of(g, node);
    struct reading r = {READ_PLAIN, w->scale[node], w->shift[node], 0, 0, 1};
    if (n->bits && g->nodes[n->range_of].range > 0) {
        r.kind = READ_STEPS;
        r.inverse = (float)(1 / step);
        r.top = (float)((1 << (n->bits - n->layer->is_signed)) - 1);
        r.bottom = n->layer->is_signed && n->layer->act != ACT_RELU ? -r.top : 0;
        r.unit = product ? 1 : (float)step;
    } else if (n->layer->act == ACT_RELU) {
        r.kind = READ_RELU;
    } else if (n->layer->act == ACT_THRESHOLD && product) {
        r.kind = n->layer->bipolar ? READ_SIGN : READ_BIT;
    }
    return r;
}

// A bit's gradient passes between 0 and 1, a sign's between -1 and 1, a rectifier's above 0, a
// quantised value's within the range.
struct passing graph_passing(const struct graph *g, int worker, int node, int shard)
{
    const struct node *n = &g->nodes[node];
    const struct worker *w = &g->workers[worker];
    double range = n->bits ? g->nodes[n->range_of].range : 0;
    struct passing p = {w->scale[node], w->shift[node], -INFINITY, INFINITY, NULL, NULL};
    if (n->layer->act == ACT_THRESHOLD || range > 0)
        p.low = n->layer->is_signed ? (float)-range : 0;
    if (n->layer->act == ACT_RELU)
        p.low = FLT_MIN;
    if (range > 0)
        p.high = (float)range;
    else if (n->layer->act == ACT_THRESHOLD)
        p.high = 1;
    if (n->layer->bipolar)
        p.low = -1;
    p.masked = n->masked ? graph_at(g, node, n->masked, shard) : NULL;
    p.plain = n->plain ? graph_at(g, node, n->plain, shard) : NULL;
    return p;
}

static void store_gradients(struct graph *g, const struct node *n, const double *gamma,
                            const double *beta)
{
    struct layer_weights *to = &g->grads->layers[n->owner];
    for (int c = 0; c < n->c; c++) {
        if (n->layer->bn) {
            to->gamma[c] = (float)gamma[c];
            to->beta[c] = (float)beta[c];
            if (n->biased) // the batch's mean takes it off again
                to->bias[c] = 0;
        } else {
            to->bias[c] = (float)beta[c];
        }
    }
}

// Ioffe and Szegedy, 2015, section 3: with d the value's gradient and x^ the normalised sum,
// gamma * inverse * (d - mean(d) - x^ * mean(d * x^)), here as a line in d and the sum.
void graph_set_pass(struct graph *g, int worker, int node)
{
    const struct node *n = &g->nodes[node];
    struct worker *w = &g->workers[worker];
    const struct layer_weights *from = &g->params->layers[n->owner];
    double *d = w->totals, *dx = w->totals + n->c, count = elements_of(g, n);
    bool bn = n->layer->bn;
    if (n->passed)
        total(g, n, n->passed, w->totals);
    for (int c = 0; c < n->c && bn; c++)
        dx[c] = (dx[c] * unit_of(n, c) - w->mean[node][c] * d[c]) * w->inverse[node][c];
    for (int i = 0; i < n->width; i++) {
        int c = i % n->c;
        // A product takes the unit of its weights along; an add hands on what its sum wants.
        double unit = n->unit ? (double)n->unit[c] : 1;
        double scale = unit, slope = 0, rest = 0;
        if (bn) {
            scale *= (double)from->gamma[c] * w->inverse[node][c];
            slope = -scale * w->inverse[node][c] * dx[c] / count;
            rest = -scale * d[c] / count - slope * w->mean[node][c];
        }
        w->factors[0][i] = (float)scale;
        w->factors[1][i] = (float)(slope * unit_of(n, c));
        w->factors[2][i] = (float)rest;
    }
    if (worker == 0 && n->passed)
        store_gradients(g, n, dx, d);
}
