// Products a group of input channels at a time, where a read-out adds up no more than so many:
// every group's sums pass through the perturbation and are added up. Backward they are one product.
#include <string.h>

#include "nets/perturb.h"
#include "nets/train/graph_state.h"
#include "sim/base/err.h"

// Input channels, of a linear layer features, of piece `piece`.
static int channels_of(const struct node *n, int piece)
{
    int left = n->layer->in_c - piece * n->piece_c;
    return left < n->piece_c ? left : n->piece_c;
}

static bool plan_piece(struct graph *g, int layer, int piece, struct err *err)
{
    struct conv_shape shape = graph_shape(g, layer);
    const struct backend *const tried[] = {g->options.backend, &backend_reference};
    struct node *n = &g->nodes[layer];
    shape.in_c = channels_of(n, piece);
    for (int w = 0; w < g->options.workers; w++) {
        struct piece *to = &g->workers[w].pieces[layer][piece];
        for (int b = 0; b < 2 && !to->conv; b++) {
            to->conv = tried[b]->create(&shape, g->options.operand, false);
            to->backend = tried[b];
        }
        if (!to->conv)
            return err_set(
                err,
                "net '%s': no backend computes %d of the channels of layer '%s' with the "
                "operand %s; choose another operand",
                g->net->name, shape.in_c, n->layer->name, operand_names[g->options.operand]);
    }
    return true;
}

bool graph_plan_pieces(struct graph *g, int layer, struct err *err)
{
    const struct perturb *perturb = g->options.perturb;
    struct node *n = &g->nodes[layer];
    const struct layer *l = n->layer;
    int channels = perturb && perturb->channels ? perturb->channels(perturb->context, layer) : 0;
    if (channels <= 0 || channels >= l->in_c / l->groups)
        return true;
    if (l->groups > 1)
        return err_set(err,
                       "net '%s': the %d input channels of each group of layer '%s' are summed up "
                       "%d at a time, which training has for layers of one group only; take "
                       "larger crossbars",
                       g->net->name, l->in_c / l->groups, l->name, channels);
    n->piece_c = channels;
    n->pieces = (l->in_c + channels - 1) / channels;
    size_t most = (size_t)channels * l->kernel_h * l->kernel_w * l->out_c;
    size_t map = (size_t)channels * l->in_h * l->in_w * g->options.shard;
    for (int w = 0; w < g->options.workers; w++) {
        struct worker *to = &g->workers[w];
        to->pieces[layer] = graph_alloc(g, (size_t)n->pieces, sizeof *to->pieces[layer]);
        to->slice[layer] = graph_alloc(g, most, sizeof *to->slice[layer]);
        to->taken[layer] = graph_alloc(g, map, operand_size(g->options.operand));
    }
    for (int p = 0; p < n->pieces; p++)
        if (!plan_piece(g, layer, p, err))
            return false;
    return true;
}

void graph_destroy_pieces(struct graph *g, int worker, int layer)
{
    struct piece *pieces = g->workers[worker].pieces[layer];
    for (int p = 0; pieces && p < g->nodes[layer].pieces; p++)
        pieces[p].backend->destroy(pieces[p].conv);
}

void graph_set_pieces(struct graph *g, int worker, int layer)
{
    const struct node *n = &g->nodes[layer];
    const struct worker *w = &g->workers[worker];
    const float *from = n->natural ? n->natural : n->effect;
    size_t taps = (size_t)n->layer->kernel_h * n->layer->kernel_w;
    for (int p = 0; p < n->pieces; p++) {
        size_t each = (size_t)channels_of(n, p) * taps, row = (size_t)n->layer->in_c * taps;
        for (int o = 0; o < n->c; o++)
            memcpy(w->slice[layer] + (size_t)o * each,
                   from + (size_t)o * row + (size_t)p * n->piece_c * taps, each * sizeof *from);
        w->pieces[layer][p].backend->set_weights(w->pieces[layer][p].conv, w->slice[layer]);
    }
}

// The piece's channels of all pixels; of a linear layer its features, in the weights' order.
static void take(const struct graph *g, const struct node *n, int piece, const char *from, char *to)
{
    const struct layer *map = &g->net->layers[n->layer->input[0]];
    size_t size = operand_size(g->options.operand), first = (size_t)piece * n->piece_c;
    size_t channels = (size_t)channels_of(n, piece), pixels = (size_t)map->out_h * map->out_w;
    for (int i = 0; i < g->options.shard; i++, from += size * pixels * map->out_c)
        if (n->natural)
            for (size_t k = first; k < first + channels; k++, to += size)
                memcpy(to, from + (k % pixels * map->out_c + k / pixels) * size, size);
        else
            for (size_t p = 0; p < pixels; p++, to += channels * size)
                memcpy(to, from + (p * map->out_c + first) * size, channels * size);
}

static void perturb_sums(const struct graph *g, int layer, int shard, float *sums)
{
    const struct perturb *perturb = g->options.perturb;
    if (perturb && perturb->sums)
        perturb->sums(perturb->context, layer, sums, graph_images(g, shard) * g->nodes[layer].map);
}

void graph_multiply(struct graph *g, int worker, int layer, int shard, float *sums)
{
    const struct node *n = &g->nodes[layer];
    const struct worker *w = &g->workers[worker];
    const void *x = graph_operands_at(g, n->layer->input[0], shard);
    if (!n->pieces) {
        g->backends[layer]->forward(w->convs[layer], x, sums);
        perturb_sums(g, layer, shard, sums);
        return;
    }
    for (int p = 0; p < n->pieces; p++) {
        float *to = p ? w->map : sums;
        take(g, n, p, x, w->taken[layer]);
        w->pieces[layer][p].backend->forward(w->pieces[layer][p].conv, w->taken[layer], to);
        perturb_sums(g, layer, shard, to);
        if (p)
            g->elements->add(to, graph_images(g, shard) * n->map, sums);
    }
}
