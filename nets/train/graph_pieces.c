// Products read-out by read-out: each one's rows of weights are a product of their own, whose sums
// pass through the perturbation and are added up. Backward they are one product.
#include <stdlib.h>
#include <string.h>

#include "nets/perturb.h"
#include "nets/train/graph_state.h"
#include "base/err.h"
#include "base/mem.h"

static bool plan_piece(struct graph *g, int layer, int piece, struct err *err)
{
    struct conv_shape shape = graph_shape(g, layer);
    const struct backend *const tried[] = {g->options.backend, &backend_reference};
    struct node *n = &g->nodes[layer];
    shape.in_c = n->cuts[piece].channels;
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

// Rows from the end of the cut before on. Returns the channels of the largest cut.
static int plan_cuts(struct graph *g, struct node *n, const int *ends)
{
    int taps = n->layer->kernel_h * n->layer->kernel_w, most = 0;
    n->cuts = graph_alloc(g, (size_t)n->pieces, sizeof *n->cuts);
    for (int p = 0, first = 0; p < n->pieces; first = ends[p++]) {
        struct cut *cut = &n->cuts[p];
        *cut = (struct cut){.first = first, .end = ends[p], .chan0 = first / taps};
        cut->channels = (ends[p] - 1) / taps + 1 - cut->chan0;
        most = cut->channels > most ? cut->channels : most;
    }
    return most;
}

static int ask_cuts(const struct graph *g, int layer, int *ends)
{
    const struct perturb *perturb = g->options.perturb;
    return perturb && perturb->readouts ? perturb->readouts(perturb->context, layer, ends) : 0;
}

static bool plan_pieces(struct graph *g, int layer, const int *ends, struct err *err)
{
    struct node *n = &g->nodes[layer];
    const struct layer *l = n->layer;
    if (l->groups > 1)
        return err_set(err,
                       "net '%s': each group of channels of layer '%s' is read out in %d parts, "
                       "which training has for layers of one group only; take larger crossbars",
                       g->net->name, l->name, n->pieces);
    size_t channels = (size_t)plan_cuts(g, n, ends);
    size_t most = channels * l->kernel_h * l->kernel_w * l->out_c;
    size_t map = channels * l->in_h * l->in_w * g->options.shard;
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

bool graph_plan_pieces(struct graph *g, int layer, struct err *err)
{
    struct node *n = &g->nodes[layer];
    int *ends = mem_alloc((size_t)(n->layer->weights / n->layer->out_c), sizeof *ends);
    int pieces = ask_cuts(g, layer, ends);
    n->pieces = pieces > 1 ? pieces : 0;
    bool ok = !n->pieces || plan_pieces(g, layer, ends, err);
    free(ends);
    return ok;
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
    size_t rows = (size_t)n->layer->in_c * taps;
    for (int p = 0; p < n->pieces; p++) {
        const struct cut *cut = &n->cuts[p];
        size_t each = cut->channels * taps, before = cut->first - cut->chan0 * taps;
        memset(w->slice[layer], 0, each * n->c * sizeof *from); // rows of the cuts beside it
        for (int o = 0; o < n->c; o++)
            memcpy(w->slice[layer] + (size_t)o * each + before,
                   from + (size_t)o * rows + cut->first,
                   (size_t)(cut->end - cut->first) * sizeof *from);
        w->pieces[layer][p].backend->set_weights(w->pieces[layer][p].conv, w->slice[layer]);
    }
}

// The piece's channels of all pixels; of a linear layer its features, in the weights' order.
static void take(const struct graph *g, const struct node *n, int piece, const char *from, char *to)
{
    const struct layer *map = &g->net->layers[n->layer->input[0]];
    size_t size = operand_size(g->options.operand), first = (size_t)n->cuts[piece].chan0;
    size_t channels = (size_t)n->cuts[piece].channels, pixels = (size_t)map->out_h * map->out_w;
    for (int i = 0; i < g->options.shard; i++, from += size * pixels * map->out_c)
        if (n->natural)
            for (size_t k = first; k < first + channels; k++, to += size)
                memcpy(to, from + (k % pixels * map->out_c + k / pixels) * size, size);
        else
            for (size_t p = 0; p < pixels; p++, to += channels * size)
                memcpy(to, from + (p * map->out_c + first) * size, channels * size);
}

void graph_multiply(struct graph *g, int worker, int layer, int shard, float *sums)
{
    const struct node *n = &g->nodes[layer];
    const struct worker *w = &g->workers[worker];
    const struct perturb none = {0}, *perturb = g->options.perturb ? g->options.perturb : &none;
    const void *x = graph_operands_at(g, n->layer->input[0], shard);
    size_t elements = graph_images(g, shard) * n->map;
    for (int p = 0; p < (n->pieces ? n->pieces : 1); p++) {
        float *to = p ? w->map : sums;
        if (n->pieces) {
            take(g, n, p, x, w->taken[layer]);
            w->pieces[layer][p].backend->forward(w->pieces[layer][p].conv, w->taken[layer], to);
        } else {
            g->backends[layer]->forward(w->convs[layer], x, sums);
        }
        if (perturb->sums)
            perturb->sums(perturb->context, layer, to, elements);
        if (p)
            g->elements->add(to, elements, sums);
    }
    if (perturb->total)
        perturb->total(perturb->context, layer, sums, elements);
}
