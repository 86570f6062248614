// What is no product: shortcuts (option A: every step-th row and column, channels appended or cut)
// and pools, forward and back, a shard at a time.
#include <math.h>
#include <string.h>

#include "nets/geometry.h"
#include "nets/train/graph_state.h"

// --- Shortcuts ---

struct shortcut {
    int step_h, step_w;
    int from_c, to_c; // channels of the map read, of the sum
    int from, to, n;  // the first channels that meet, and how many do
    int from_w, to_w;
    size_t rows; // of the sum, of all images
};

static struct shortcut shortcut_of(const struct graph *g, int node, int shard)
{
    const struct layer *l = &g->net->layers[node], *s = &g->net->layers[l->input[1]];
    int shift = g->net->pad_both ? (l->out_c - s->out_c) / 2 : 0;
    struct shortcut to = {.step_h = shortcut_step_h(l, s),
                          .step_w = shortcut_step_w(l, s),
                          .from_c = s->out_c,
                          .to_c = l->out_c,
                          .from = shift < 0 ? -shift : 0,
                          .to = shift > 0 ? shift : 0,
                          .from_w = s->out_w,
                          .to_w = l->out_w,
                          .rows = (size_t)graph_images(g, shard) * l->out_h};
    to.n = s->out_c - to.from < l->out_c - to.to ? s->out_c - to.from : l->out_c - to.to;
    return to;
}

static bool same_maps(const struct shortcut *s)
{
    return s->step_h == 1 && s->step_w == 1 && s->from_c == s->to_c;
}

// The element of the map read that pixel (row, x) of the sum meets.
static size_t met(const struct shortcut *s, size_t row, int x)
{
    return ((row * s->step_h * s->from_w) + (size_t)x * s->step_w) * s->from_c + s->from;
}

void graph_add_shortcut(struct graph *g, int worker, int node, int shard, const float *scale,
                        const float *shift)
{
    const struct node *n = &g->nodes[node];
    int from = n->layer->input[1];
    struct shortcut s = shortcut_of(g, node, shard);
    struct reading r = graph_reading(g, worker, from, false);
    const float *shortcut = graph_at(g, from, g->nodes[from].sum, shard);
    float *sum = graph_at(g, node, n->sum, shard);
    size_t rows = graph_images(g, shard) * n->rows;
    if (same_maps(&s)) {
        g->elements->combine(scale, shift, &r, shortcut, rows, n->width, sum);
        return;
    }
    g->elements->combine(scale, shift, NULL, NULL, rows, n->width, sum);
    if (s.n <= 0)
        return;
    r.scale += s.from;
    r.shift += s.from;
    for (size_t row = 0; row < s.rows; row++)
        for (int x = 0; x < s.to_w; x++)
            g->elements->combine(g->ones, g->zeros, &r, shortcut + met(&s, row, x), 1, s.n,
                                 sum + (row * s.to_w + x) * s.to_c + s.to);
}

static void give_shortcut(const struct graph *g, int node, int shard, bool first,
                          const float *gradient, float *to)
{
    const struct node *from = &g->nodes[g->net->layers[node].input[1]];
    struct shortcut s = shortcut_of(g, node, shard);
    if (first)
        memset(to, 0, graph_images(g, shard) * from->map * sizeof *to);
    for (size_t row = 0; row < s.rows; row++)
        for (int x = 0; x < s.to_w; x++) {
            float *at = to + met(&s, row, x);
            const float *d = gradient + (row * s.to_w + x) * s.to_c + s.to;
            for (int c = 0; c < s.n; c++)
                at[c] += d[c];
        }
}

static float *gradient_map(const struct graph *g, int node, int edge)
{
    const struct node *n = &g->nodes[node], *from = &g->nodes[n->layer->input[edge]];
    return from->merged ? NULL : n->edges[edge].plain ? from->plain : from->masked;
}

static bool as_it_is(const struct graph *g, int node, int edge, int shard)
{
    struct shortcut s = {.step_h = 1, .step_w = 1};
    if (edge == 1)
        s = shortcut_of(g, node, shard);
    return same_maps(&s);
}

float *graph_direct(const struct graph *g, int node, int edge, int shard)
{
    const struct node *n = &g->nodes[node];
    float *map = gradient_map(g, node, edge);
    bool twice = n->layer->input[0] == n->layer->input[1]; // and the other reads what stands there
    bool direct = map && !twice && n->edges[edge].first && as_it_is(g, node, edge, shard);
    return direct ? graph_at(g, n->layer->input[edge], map, shard) : NULL;
}

void graph_give(struct graph *g, int node, int edge, int shard, const float *gradient)
{
    const struct node *n = &g->nodes[node];
    float *map = gradient_map(g, node, edge);
    if (!map)
        return;
    float *to = graph_at(g, n->layer->input[edge], map, shard);
    size_t elements = graph_images(g, shard) * n->map;
    bool first = n->edges[edge].first;
    if (to == gradient)
        return;
    if (!as_it_is(g, node, edge, shard))
        give_shortcut(g, node, shard, first, gradient, to);
    else if (first)
        memcpy(to, gradient, elements * sizeof *to);
    else
        g->elements->add(gradient, elements, to);
}

// --- Pools ---

// One window of a pool: its taps on the map, and where its first tap lies.
struct window {
    struct taps rows, columns;
    int top, left;
    int divisor; // of an average
};

static struct window window_at(const struct layer *l, int y, int x)
{
    return (struct window){
        .rows = taps_inside_h(l, y),
        .columns = taps_inside_w(l, x),
        .top = window_top(l, y),
        .left = window_left(l, x),
        .divisor = pool_divisor(l, y, x),
    };
}

// The map's pixel under a tap.
static int pixel_at(const struct layer *l, const struct window *w, int ky, int kx)
{
    return (w->top + ky * l->dilation_h) * l->in_w + w->left + kx * l->dilation_w;
}

static void average_at(const struct layer *l, const struct window *w, const float *in, float *out)
{
    for (int c = 0; c < l->in_c; c++)
        out[c] = 0;
    for (int ky = w->rows.first; ky < w->rows.end; ky++)
        for (int kx = w->columns.first; kx < w->columns.end; kx++) {
            const float *from = in + (size_t)pixel_at(l, w, ky, kx) * l->in_c;
            for (int c = 0; c < l->in_c; c++)
                out[c] += from[c];
        }
    for (int c = 0; c < l->in_c; c++)
        out[c] /= (float)w->divisor;
}

// The largest of every channel, the first of equals, and the pixel where it stands.
static void largest_at(const struct layer *l, const struct window *w, const float *in, float *out,
                       int *best)
{
    int first = pixel_at(l, w, w->rows.first, w->columns.first);
    for (int c = 0; c < l->in_c; c++) {
        out[c] = -INFINITY;
        best[c] = first;
    }
    for (int ky = w->rows.first; ky < w->rows.end; ky++)
        for (int kx = w->columns.first; kx < w->columns.end; kx++) {
            int pixel = pixel_at(l, w, ky, kx);
            const float *from = in + (size_t)pixel * l->in_c;
            for (int c = 0; c < l->in_c; c++) {
                best[c] = from[c] > out[c] ? pixel : best[c];
                out[c] = from[c] > out[c] ? from[c] : out[c];
            }
        }
}

static const float *values_of(struct graph *g, int worker, int node, int shard)
{
    const struct node *n = &g->nodes[node];
    float *values = g->workers[worker].map2;
    struct reading r = graph_reading(g, worker, node, false);
    g->elements->read(&r, graph_at(g, node, n->sum, shard), graph_images(g, shard) * n->rows,
                      n->width, OPERAND_F32, values);
    return values;
}

void graph_pool(struct graph *g, int worker, int node, int shard)
{
    const struct node *n = &g->nodes[node], *from = &g->nodes[n->layer->input[0]];
    const struct layer *l = n->layer;
    const float *in = values_of(g, worker, l->input[0], shard);
    float *out = graph_at(g, node, n->sum, shard);
    for (int i = 0; i < graph_images(g, shard); i++, in += from->map)
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++, out += l->out_c) {
                struct window w = window_at(l, y, x);
                if (l->pool == POOL_MAX)
                    largest_at(l, &w, in, out, g->workers[worker].best);
                else
                    average_at(l, &w, in, out);
            }
}

static void spread(const struct layer *l, const struct window *w, const float *d, float *to)
{
    float share = 1.0F / (float)w->divisor;
    for (int ky = w->rows.first; ky < w->rows.end; ky++)
        for (int kx = w->columns.first; kx < w->columns.end; kx++) {
            float *at = to + (size_t)pixel_at(l, w, ky, kx) * l->in_c;
            for (int c = 0; c < l->in_c; c++)
                at[c] += d[c] * share;
        }
}

void graph_pool_back(struct graph *g, int worker, int node, int shard, const float *gradient)
{
    const struct node *n = &g->nodes[node], *from = &g->nodes[n->layer->input[0]];
    const struct layer *l = n->layer;
    struct edge e = n->edges[0];
    float *map = e.plain ? from->plain : from->masked, *largest = g->workers[worker].row;
    int *best = g->workers[worker].best, images = graph_images(g, shard);
    if (!map)
        return;
    const float *in = l->pool == POOL_MAX ? values_of(g, worker, l->input[0], shard) : NULL;
    float *to = graph_at(g, l->input[0], map, shard);
    if (e.first)
        memset(to, 0, images * from->map * sizeof *to);
    for (int i = 0; i < images; i++, to += from->map)
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++, gradient += l->out_c) {
                struct window w = window_at(l, y, x);
                if (!in) {
                    spread(l, &w, gradient, to);
                    continue;
                }
                largest_at(l, &w, in + i * from->map, largest, best);
                for (int c = 0; c < l->in_c; c++)
                    to[(size_t)best[c] * l->in_c + c] += gradient[c];
            }
}
