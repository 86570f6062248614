// The super-net's part of training: several sub-nets a step, and what one of them is worth.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "nets/net.h"
#include "nets/train/recipe.h"
#include "nets/train/slim.h"
#include "nets/train/subnets.h"
#include "nets/train/targets.h"
#include "nets/train/trainer_state.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"

static struct graph_options graph_options(const struct trainer *t)
{
    const struct recipe *r = t->recipe;
    return (struct graph_options){
        .backend = t->params.backend,
        .operand = (enum operand)r->precision,
        .batch = r->batch,
        .shard = r->shard < r->batch ? r->shard : r->batch,
        .workers = t->params.workers,
        .scaled_gradient = r->sign_gradient == SIGN_SCALED,
    };
}

bool trainer_make_subnets(struct trainer *t, struct err *err)
{
    const struct slim_plan *plan = &t->recipe->supernet;
    assert(t->params.resize.net && (!plan->distill || plan->sample == SLIM_SANDWICH));
    if (t->params.perturb)
        return err_set(err, "a super-net is not trained through a chip, where each of its widths "
                            "would be mapped separately; train the chosen sub-net");
    if (!slim_space(plan, t->params.net, t->mem, &t->space, err))
        return false;
    size_t n = t->space.n;
    t->widths = arena_alloc(t->mem, n * (size_t)plan->sub_nets, sizeof *t->widths);
    t->candidate = arena_alloc(t->mem, n, sizeof *t->candidate);
    t->subnets = subnets_create(&(struct subnets_params){
        .wide = t->params.net,
        .graph = t->graph,
        .options = graph_options(t),
        .resize = t->params.resize,
        .keep = (size_t)plan->sub_nets + 1, // the smallest one, which every epoch measures
    });
    return true;
}

void trainer_set_candidate(struct trainer *t, const int *widths)
{
    assert(t->subnets);
    t->has_candidate = widths;
    if (widths)
        memcpy(t->candidate, widths, t->space.n * sizeof *widths);
}

static void clear(const struct tensors *list)
{
    for (size_t i = 0; i < list->n; i++)
        memset(list->items[i].values, 0, list->items[i].n * sizeof *list->items[i].values);
}

// Forms int8 and int16: the ranges are shared, and grow.
static double learn_one(struct trainer *t, struct subnet *one, const struct graph_batch *batch,
                        float *logits)
{
    slim_gather(t->params.net, t->weights, one->net, one->values.weights);
    graph_set_ranges(one->graph, t->state.ranges);
    double loss = graph_train(one->graph, one->values.weights, t->state.step, batch,
                              one->values.stats, logits);
    graph_ranges(one->graph, t->state.ranges);
    slim_add(one->net, one->values.stats, t->params.net, t->grads);
    return loss;
}

bool trainer_learn_all(struct trainer *t, struct graph_batch *batch, double *loss, struct err *err)
{
    const struct slim_plan *plan = &t->recipe->supernet;
    uint64_t period = plan->period < 0 ? t->epoch_steps : (uint64_t)plan->period;
    slim_draw(&t->space, plan, (uint64_t)t->recipe->seed, t->state.step / period,
              t->has_candidate ? t->candidate : NULL, t->widths);
    clear(&t->measured.stats_values);
    for (int k = 0; k < plan->sub_nets; k++) {
        struct subnet *one;
        if (!subnets_get(t->subnets, t->widths + (size_t)k * t->space.n, &one, err))
            return false;
        double here = learn_one(t, one, batch, k == 0 ? t->logits : NULL);
        *loss = k == 0 || !isfinite(here) ? here : *loss;
        if (!isfinite(here))
            return true;
        if (k == 0 && plan->distill)
            targets_teacher((size_t)batch->n, t->params.net->classes, t->logits, 1, 1, t->targets);
    }
    return true;
}

// The sub-net with the weights and statistics of its own.
static bool prepare(struct trainer *t, const int *widths, const struct weights *from,
                    struct subnet **out, struct err *err)
{
    struct measure m = trainer_measure(t, t->params.data);
    size_t n = (size_t)t->recipe->supernet.bn_batches;
    struct subnet *one;
    if (!subnets_get(t->subnets, widths, &one, err))
        return false;
    slim_gather(t->params.net, from, one->net, one->values.weights);
    memset(one->ranges, 0, one->net->n * sizeof *one->ranges);
    graph_set_ranges(one->graph, one->ranges);
    measure_statistics(&m, one->graph, &one->values, t->train,
                       n < t->epoch_steps ? n : (size_t)t->epoch_steps);
    *out = one;
    return true;
}

static double share_right(struct trainer *t, struct subnet *one)
{
    struct measure m = trainer_measure(t, t->params.data);
    size_t right = measure_right(&m, one->graph, one->values.weights, t->held_out, t->n_held_out);
    return t->n_held_out ? (double)right / (double)t->n_held_out : -1;
}

static bool accuracy_of(struct trainer *t, const int *widths, const struct weights *from,
                        double *accuracy, struct err *err)
{
    struct subnet *one;
    if (!prepare(t, widths, from, &one, err))
        return false;
    *accuracy = share_right(t, one);
    return true;
}

bool trainer_smallest(struct trainer *t, double *accuracy, struct err *err)
{
    return accuracy_of(t, t->space.low, t->weights, accuracy, err);
}

bool trainer_accuracy(struct trainer *t, const int *widths, double *accuracy, struct err *err)
{
    assert(t->subnets);
    return accuracy_of(t, widths, trainer_weights(t), accuracy, err);
}

bool trainer_extract(struct trainer *t, const int *widths, double *accuracy, struct net **net,
                     struct weights **weights, struct err *err)
{
    struct subnet *one;
    assert(t->subnets);
    if (!prepare(t, widths, trainer_weights(t), &one, err) ||
        !t->params.resize.net(t->params.resize.context, widths, net, err))
        return false;
    if (accuracy)
        *accuracy = share_right(t, one);
    *weights = weights_copy(*net, one->values.weights);
    return true;
}
