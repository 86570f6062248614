// Random weights and images.
#include "tests/graphs/graph.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

size_t graph_inputs(const struct graph *flat, int i)
{
    const struct node *node = &flat->nodes[i], *from = &flat->nodes[node->from[0]];
    if (node->kind == NODE_LINEAR)
        return node_size(from);
    return (size_t)(from->c / node->groups) * (size_t)node->kernel[0] * (size_t)node->kernel[1];
}

size_t graph_weights(const struct graph *flat, int i)
{
    const struct node *node = &flat->nodes[i];
    if (node->kind != NODE_CONV && node->kind != NODE_LINEAR)
        return 0;
    return (size_t)node->c * graph_inputs(flat, i);
}

// Of a layer: uniform, scaled to its inputs; some layers are much larger or smaller than others,
// some channels are zero, some have one weight that dwarfs the rest.
static float *fill_weights(const struct graph *flat, int i, struct prng *prng)
{
    size_t each = graph_inputs(flat, i), n = graph_weights(flat, i);
    float *w = mem_alloc(n, sizeof *w);
    double scale = ldexp(1 / sqrt((double)each), prng_int(prng, -2, 2));
    for (size_t k = 0; k < n; k++)
        w[k] = (float)(scale * prng_uniform(prng, -1, 1));
    for (size_t from = 0; from < n; from += each) {
        int special = prng_int(prng, 0, 39);
        for (size_t k = 0; k < each && special == 0; k++)
            w[from + k] = 0;
        if (special == 1)
            w[from] *= 50;
    }
    return w;
}

static float *fill(struct prng *prng, int n, double low, double high)
{
    float *v = mem_alloc((size_t)n, sizeof *v);
    for (int i = 0; i < n; i++)
        v[i] = (float)prng_uniform(prng, low, high);
    return v;
}

void graph_fill(struct graph *flat)
{
    for (int i = 1; i < flat->n; i++) {
        const struct node *node = &flat->nodes[i];
        struct node_values *to = &flat->values[i];
        if (!graph_weights(flat, i))
            continue;
        struct prng prng = {flat->seed * 1000003 + (uint64_t)node->id};
        to->w = fill_weights(flat, i, &prng);
        if (node->biased)
            to->bias = fill(&prng, node->c, -1, 1);
        if (flat->binary && prng_percent(&prng, 20))
            to->scale = fill(&prng, node->c, -0.2, 1);
        if (!node->bn)
            continue;
        to->gamma = fill(&prng, node->c, -0.4, 1.2);
        to->beta = fill(&prng, node->c, -0.5, 1);
        to->mean = fill(&prng, node->c, -1, 1);
        to->var = fill(&prng, node->c, 0.01, 3);
        if (prng_percent(&prng, 5))
            to->gamma[0] = 0;
    }
}

void graph_free_values(struct graph *flat)
{
    for (int i = 0; i < flat->n; i++) {
        struct node_values *v = &flat->values[i];
        float *const all[] = {v->w, v->scale, v->bias, v->gamma, v->beta, v->mean, v->var};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            free(all[k]);
        *v = (struct node_values){0};
    }
}

void graph_images(const struct graph *graph, size_t n, size_t bytes, uint8_t *images)
{
    struct prng prng = {~graph->seed};
    int most = (1 << graph->raw_bits) - 1;
    for (size_t i = 0; i < n; i++) {
        int kind = prng_int(&prng, 0, 11); // 0: black, 1: white
        for (size_t k = 0; k < bytes; k++)
            images[i * bytes + k] = (uint8_t)(kind == 0   ? 0
                                              : kind == 1 ? most
                                                          : prng_int(&prng, 0, most));
    }
}
