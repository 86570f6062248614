// What a training needs at least: its weights, maps and gradients, all of which follow from the
// net and the recipe.
#include <stdint.h>

#include "nets/backend/backend.h"
#include "nets/net.h"
#include "nets/train/recipe.h"
#include "nets/train/trainer.h"
#include "base/mem.h"
#include "base/mem_limit.h"

static double map_values(const struct layer *l)
{
    return (double)l->out_c * l->out_h * l->out_w;
}

static double all_weights(const struct net *net, double *most)
{
    double sum = 0;
    *most = 0;
    for (size_t i = 0; i < net->n; i++) {
        double n = layer_has_weights(&net->layers[i]) ? (double)net->layers[i].weights : 0;
        sum += n;
        *most = n > *most ? n : *most;
    }
    return sum;
}

// Maps of one image: the operands of products, each once, and the sums that are kept.
static double map_bytes(const struct net *net, size_t operand)
{
    double bytes = 0;
    for (size_t i = 0; i < net->n; i++) {
        bool read = false;
        for (size_t j = i + 1; j < net->n && !read; j++)
            read = layer_has_weights(&net->layers[j]) && net->layers[j].input[0] == (int)i;
        double values = map_values(&net->layers[i]);
        bytes += read ? values * (double)operand : 0;
        bool fused = layer_has_weights(&net->layers[i]) && net_fused_add(net, (int)i) >= 0;
        bytes += i > 0 && !fused ? values * sizeof(float) : 0;
    }
    return bytes;
}

// Of a graph: weights as they are used, partial gradients of every shard, maps of the batch, and
// per worker a product's packed weights and their gradients.
static double graph_need(const struct net *net, const struct recipe *r, int workers)
{
    double most, values = all_weights(net, &most);
    int shard = r->shard < r->batch ? r->shard : r->batch;
    double shards = (double)((r->batch + shard - 1) / shard);
    size_t operand = operand_size((enum operand)r->precision);
    return values * sizeof(float) + shards * most * sizeof(float) +
           r->batch * map_bytes(net, operand) +
           workers * values * (double)(operand + sizeof(float));
}

double trainer_need(const struct trainer_params *params)
{
    const struct recipe *r = params->recipe;
    double most, values = all_weights(params->net, &most);
    int moments = r->optimiser.kind == OPTIMISER_SGD ? r->optimiser.momentum > 0 : 2;
    double copies = 2 + moments + (r->keep == KEEP_BEST);
    double bytes = copies * values * sizeof(float) + graph_need(params->net, r, params->workers);
    return bytes + (params->teacher ? graph_need(params->teacher, r, params->workers) : 0);
}

bool trainer_fits(const struct trainer_params *params, struct err *err)
{
    struct arena *mem = arena_create();
    const char *what = arena_printf(mem, "training the net '%.100s' with batches of %d images",
                                    params->net->name, params->recipe->batch);
    bool ok = mem_fits(trainer_need(params), what,
                       "use narrower layers, smaller batches or fewer workers", err);
    arena_destroy(mem);
    return ok;
}
