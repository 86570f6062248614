// Weights as they act in the net's form, and their gradients out of the backend's shards.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/perturb.h"
#include "nets/quantise.h"
#include "nets/train/graph_state.h"
#include "nets/train/team.h"
#include "nets/weights.h"
#include "base/mem.h"

double graph_step_of(const struct graph *g, int node)
{
    const struct node *n = &g->nodes[node];
    double range = g->nodes[n->range_of].range;
    if (node == 0)
        return range > 0 ? range / ((1 << (n->layer->out_bits - n->layer->is_signed)) - 1) : 1;
    return n->bits && range > 0 ? range / ((1 << (n->bits - n->layer->is_signed)) - 1) : 1;
}

// DoReFa: the sign; 1 is worth the layer's mean |w|. A layer of zeros has no weights in effect.
static void binarise(const float *w, size_t n, float *to, struct node *node)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs((double)w[i]);
    float unit = (float)(sum / (double)n);
    for (size_t i = 0; i < n; i++)
        to[i] = unit > 0 ? (w[i] >= 0 ? 1.0F : -1.0F) : 0;
    for (int c = 0; c < node->c; c++)
        node->unit[c] = unit > 0 ? unit : 1;
}

static void quantise(const struct graph *g, int layer, const float *w, float *to)
{
    struct node *node = &g->nodes[layer];
    size_t each = (size_t)(node->layer->weights / node->layer->out_c);
    double *scales = mem_alloc((size_t)node->c, sizeof *scales);
    quantise_scales(g->net, layer, w, scales);
    for (int c = 0; c < node->c; c++, w += each, to += each) {
        for (size_t i = 0; i < each; i++)
            to[i] = (float)rint((double)w[i] / scales[c]);
        node->unit[c] = (float)scales[c];
    }
    free(scales);
}

// One row of a linear layer, from (c, h, w) to (h, w, c) of the map that it reads, or back.
static void arrange(const struct graph *g, int layer, const float *from, float *to, bool back)
{
    const struct layer *map = &g->net->layers[g->net->layers[layer].input[0]];
    int pixels = map->out_h * map->out_w;
    for (int p = 0; p < pixels; p++)
        for (int c = 0; c < map->out_c; c++) {
            int natural = c * pixels + p, arranged = p * map->out_c + c;
            to[back ? natural : arranged] = from[back ? arranged : natural];
        }
}

void graph_set_effect(struct graph *g, int layer)
{
    struct node *n = &g->nodes[layer];
    const struct layer *l = n->layer;
    const struct perturb *perturb = g->options.perturb;
    const float *w = g->params->layers[layer].w;
    float *to = n->natural ? n->natural : n->effect;
    double input = graph_step_of(g, l->input[0]);
    for (int c = 0; c < n->c; c++)
        n->unit[c] = 1;
    if (l->weight_bits == 1)
        binarise(w, (size_t)l->weights, to, n);
    else if (g->net->form != FORM_FLOAT)
        quantise(g, layer, w, to);
    else
        memcpy(to, w, (size_t)l->weights * sizeof *to);
    for (int c = 0; c < n->width; c++) {
        n->unit[c] = n->unit[c % n->c];
        n->unit_sum[c] = (float)((double)n->unit[c] * input);
    }
    if (perturb && perturb->weights)
        perturb->weights(perturb->context, layer, g->step, to);
    for (int o = 0; n->natural && o < l->out_c; o++)
        arrange(g, layer, n->natural + (size_t)o * l->in_c, n->effect + (size_t)o * l->in_c, false);
}

// The operands that the products took carried the unit of the weights, and not that of the inputs.
static void add_channel(struct graph *g, int layer, int channel, float *to)
{
    const struct node *n = &g->nodes[layer];
    size_t weights = (size_t)n->layer->weights, each = weights / (size_t)n->c;
    const float *from = g->parts[n->side] + (size_t)channel * each;
    double unit = (double)n->unit[channel];
    bool scaled = g->net->form == FORM_BINARY && g->options.scaled_gradient;
    float factor = (float)(graph_step_of(g, n->layer->input[0]) / unit * (scaled ? unit : 1));
    memcpy(to, from, each * sizeof *to);
    for (int s = 1; s < g->step_shards; s++)
        g->elements->add(from + (size_t)s * weights, each, to);
    for (size_t i = 0; i < each; i++)
        to[i] *= factor;
}

void graph_add_parts(struct graph *g, int worker, int layer)
{
    const struct node *n = &g->nodes[layer];
    size_t each = (size_t)n->layer->weights / (size_t)n->c;
    for (int c = worker; c < n->c; c += g->options.workers) {
        float *to = g->grads->layers[layer].w + (size_t)c * each;
        if (n->natural) {
            float *row = n->natural + (size_t)c * each; // its values are not needed any more
            add_channel(g, layer, c, row);
            arrange(g, layer, row, to, true);
        } else {
            add_channel(g, layer, c, to);
        }
    }
}
