// Layers that join or multiply the values of others: concats and multiplies, forward and back, a
// shard at a time.
#include <string.h>

#include "nets/train/graph_state.h"

// A shard of what readers of a node see: in the binary form a concat joins bits.
static const float *values_of(struct graph *g, int worker, int node, bool bits, int shard)
{
    const struct node *n = &g->nodes[node];
    struct reading r = graph_reading(g, worker, node, bits);
    float *values = g->workers[worker].map2;
    g->elements->read(&r, graph_at(g, node, n->sum, shard), graph_images(g, shard) * n->rows,
                      n->width, OPERAND_F32, values);
    return values;
}

static bool joins_bits(const struct graph *g)
{
    return g->net->form == FORM_BINARY;
}

static size_t pixels_of(const struct graph *g, int node, int shard)
{
    const struct node *n = &g->nodes[node];
    return graph_images(g, shard) * (n->map / (size_t)n->c);
}

// The map that the gradient of an edge goes to; NULL: nobody wants it.
static float *gradient_of(const struct graph *g, int node, int edge, int shard)
{
    const struct node *n = &g->nodes[node];
    int from = n->layer->input[edge];
    float *map = n->edges[edge].plain ? g->nodes[from].plain : g->nodes[from].masked;
    return from > 0 && map ? graph_at(g, from, map, shard) : NULL;
}

void graph_concat(struct graph *g, int worker, int node, int shard)
{
    const struct node *n = &g->nodes[node];
    float *to = graph_at(g, node, n->sum, shard);
    size_t pixels = pixels_of(g, node, shard);
    for (int k = 0; k < n->layer->n_inputs; k++) {
        int part = n->layer->input[k], channels = g->nodes[part].c;
        const float *from = values_of(g, worker, part, joins_bits(g), shard);
        for (size_t p = 0; p < pixels; p++)
            memcpy(to + p * n->c, from + p * channels, (size_t)channels * sizeof *to);
        to += channels;
    }
}

void graph_concat_back(struct graph *g, int node, int shard, const float *gradient)
{
    const struct node *n = &g->nodes[node];
    size_t pixels = pixels_of(g, node, shard);
    for (int k = 0; k < n->layer->n_inputs; k++) {
        int channels = g->nodes[n->layer->input[k]].c;
        float *to = gradient_of(g, node, k, shard);
        for (size_t p = 0; p < pixels && to; p++)
            if (n->edges[k].first)
                memcpy(to + p * channels, gradient + p * n->c, (size_t)channels * sizeof *to);
            else
                g->elements->add(gradient + p * n->c, (size_t)channels, to + p * channels);
        gradient += channels;
    }
}

// The factor of element i of a node of an image, where the other map has `elements` of each: as
// many, or one for each channel.
static size_t factor_at(const struct node *n, size_t elements, size_t i)
{
    return elements == n->map ? i : i % (size_t)n->c;
}

// to[i] = x[i] * by[...], or added to what stands there.
static void multiply_image(const struct node *n, const float *x, const float *by, size_t elements,
                           bool first, float *to)
{
    for (size_t i = 0; i < n->map; i++)
        to[i] = x[i] * by[factor_at(n, elements, i)] + (first ? 0 : to[i]);
}

// The gradient of the second factor: of one for each channel, summed over the pixels.
static void sum_image(const struct node *n, const float *gradient, const float *x, size_t elements,
                      bool first, float *to)
{
    if (first)
        memset(to, 0, elements * sizeof *to);
    for (size_t i = 0; i < n->map; i++)
        to[factor_at(n, elements, i)] += gradient[i] * x[i];
}

void graph_multiply_maps(struct graph *g, int worker, int node, int shard)
{
    const struct node *n = &g->nodes[node];
    int x = n->layer->input[0], by = n->layer->input[1];
    size_t elements = g->nodes[by].map;
    float *to = graph_at(g, node, n->sum, shard);
    int images = graph_images(g, shard);
    memcpy(to, values_of(g, worker, x, false, shard), images * n->map * sizeof *to);
    const float *factors = values_of(g, worker, by, false, shard);
    for (int i = 0; i < images; i++)
        multiply_image(n, to + i * n->map, factors + i * elements, elements, true, to + i * n->map);
}

void graph_multiply_back(struct graph *g, int worker, int node, int shard, const float *gradient)
{
    const struct node *n = &g->nodes[node];
    int x = n->layer->input[0], by = n->layer->input[1], images = graph_images(g, shard);
    size_t elements = g->nodes[by].map;
    float *to = gradient_of(g, node, 0, shard);
    const float *factors = to ? values_of(g, worker, by, false, shard) : NULL;
    for (int i = 0; i < images && to; i++)
        multiply_image(n, gradient + i * n->map, factors + i * elements, elements,
                       n->edges[0].first, to + i * n->map);
    to = gradient_of(g, node, 1, shard);
    const float *values = to ? values_of(g, worker, x, false, shard) : NULL;
    for (int i = 0; i < images && to; i++)
        sum_image(n, gradient + i * n->map, values + i * n->map, elements, n->edges[1].first,
                  to + i * elements);
}
