#include "nets/train/graph.h"

#include <assert.h>
#include <string.h>

#include "nets/net.h"
#include "nets/train/graph_state.h"
#include "nets/train/team.h"
#include "base/err.h"
#include "base/mem.h"

bool graph_create(const struct net *net, const struct graph_options *options, struct graph **out,
                  struct err *err)
{
    assert(options->backend && options->batch > 0 && options->shard > 0 && options->workers > 0);
    struct arena *mem = arena_create();
    struct graph *g = arena_alloc(mem, 1, sizeof *g);
    *g = (struct graph){.net = net, .options = *options, .mem = mem};
    if (g->options.shard > g->options.batch)
        g->options.shard = g->options.batch;
    g->shards = (options->batch + g->options.shard - 1) / g->options.shard;
    g->elements = elements_for(cpu_best(CPU_AVX512));
    if (!graph_plan(g, err) || !team_create(options->workers, &g->team, err)) {
        graph_destroy(g);
        return false;
    }
    *out = g;
    return true;
}

void graph_destroy(struct graph *g)
{
    if (!g)
        return;
    team_destroy(g->team);
    for (int w = 0; g->workers && w < g->options.workers; w++)
        for (size_t i = 0; g->workers[w].convs && i < g->net->n; i++) {
            if (g->workers[w].convs[i])
                g->backends[i]->destroy(g->workers[w].convs[i]);
            graph_destroy_pieces(g, w, (int)i);
        }
    arena_destroy(g->mem);
}

static void run(void *context, int worker)
{
    struct graph *g = context;
    graph_run_forward(g, worker);
    if (g->grads)
        graph_run_backward(g, worker);
}

// Ranges grow once the step is over: while it runs all workers see the same ones.
static void widen_ranges(struct graph *g)
{
    for (size_t i = 1; i < g->net->n; i++) {
        const struct node *n = &g->nodes[i];
        double *range = &g->nodes[n->range_of].range;
        for (int s = 0; s < g->step_shards && n->most; s++)
            *range = n->most[s] > *range ? n->most[s] : *range;
    }
}

static void run_step(struct graph *g)
{
    assert(g->batch->n > 0 && g->batch->n <= g->options.batch);
    g->step_shards = (g->batch->n + g->options.shard - 1) / g->options.shard;
    team_run(g->team, run, g);
    if (g->own)
        widen_ranges(g);
}

double graph_train(struct graph *g, const struct weights *params, uint64_t step,
                   const struct graph_batch *batch, struct weights *grads, float *logits)
{
    assert(batch->targets && grads);
    g->params = params;
    g->grads = grads;
    g->stats = NULL;
    g->batch = batch;
    g->logits = logits;
    g->step = step;
    g->own = true;
    run_step(g);
    double loss = 0;
    for (int s = 0; s < g->step_shards; s++)
        loss += g->losses[s];
    return loss / batch->n;
}

void graph_forward(struct graph *g, const struct weights *params, uint64_t step,
                   const struct graph_batch *batch, struct weights *stats, float *logits)
{
    g->params = params;
    g->grads = NULL;
    g->stats = stats;
    g->batch = batch;
    g->logits = logits;
    g->step = step;
    g->own = stats;
    run_step(g);
}

void graph_ranges(const struct graph *g, double *ranges)
{
    for (size_t i = 0; i < g->net->n; i++)
        ranges[i] = g->nodes[g->nodes[i].range_of].range;
}

void graph_set_ranges(struct graph *g, const double *ranges)
{
    for (size_t i = 1; i < g->net->n; i++)
        if (g->nodes[i].most)
            g->nodes[i].range = ranges[i];
}

size_t graph_bytes(const struct graph *g)
{
    return g->bytes;
}
