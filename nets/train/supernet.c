#include "nets/train/supernet.h"

#include <assert.h>
#include <stdlib.h>

#include "nets/net.h"
#include "nets/train/checkpoint.h"
#include "nets/train/recipe.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"
#include "workloads/dataset.h"

struct supernet {
    struct supernet_params params;
    struct trainer *trainer;
    const char *identity;
    struct arena *mem;
};

bool supernet_create(const struct supernet_params *params, struct supernet **out, struct err *err)
{
    const struct recipe *r = params->trainer.recipe;
    if (!r->has_supernet || !(r->held_out > 0))
        return err_set(err,
                       "a search with a super-net requires a recipe with supernet, and held_out "
                       "above 0 to evaluate candidates");
    struct arena *mem = arena_create();
    struct supernet *s = arena_alloc(mem, 1, sizeof *s);
    *s = (struct supernet){.params = *params, .mem = mem};
    if (!trainer_create(&params->trainer, &s->trainer, err)) {
        supernet_destroy(s);
        return false;
    }
    s->identity = trainer_identity(&params->trainer, mem);
    *out = s;
    return true;
}

void supernet_destroy(struct supernet *supernet)
{
    if (!supernet)
        return;
    trainer_destroy(supernet->trainer);
    arena_destroy(supernet->mem);
}

int supernet_epochs(const struct supernet *s)
{
    return (int)(trainer_state(s->trainer)->step / trainer_epoch_steps(s->trainer));
}

struct trainer *supernet_trainer(struct supernet *s)
{
    return s->trainer;
}

bool supernet_tune(struct supernet *s, const int *candidate, int until, struct err *err)
{
    int most = s->params.trainer.recipe->epochs;
    if (until > most)
        return err_set(err,
                       "the super-net is to be tuned for %d epochs, its recipe has %d; give it as "
                       "many as all episodes take",
                       until, most);
    trainer_set_candidate(s->trainer, candidate);
    while (supernet_epochs(s) < until)
        if (!trainer_step(s->trainer, err))
            return false;
    return true;
}

// All steps of an ordinary net that begins with the shared weights. weights: NULL, or what it ends
// with.
static bool tune_alone(const struct supernet *s, const struct net *net, int epochs,
                       double *accuracy, struct weights **weights, struct err *err)
{
    struct recipe recipe = *s->params.trainer.recipe;
    struct trainer_params params = s->params.trainer;
    struct trainer *trainer = NULL;
    recipe.has_supernet = false;
    recipe.bn_batches = recipe.supernet.bn_batches;
    recipe.epochs = epochs;
    recipe.keep = KEEP_LAST; // whose accuracy it is
    recipe.optimiser = s->params.optimiser;
    recipe.schedule = s->params.schedule;
    params.net = net;
    params.recipe = &recipe;
    params.init = trainer_weights(s->trainer);
    params.init_net = s->params.trainer.net;
    bool ok = trainer_create(&params, &trainer, err);
    while (ok && !trainer_done(trainer))
        ok = trainer_step(trainer, err);
    if (ok) {
        const struct train_state *state = trainer_state(trainer);
        *accuracy = state->rows[state->n_rows - 1].held_out_accuracy;
        if (weights)
            *weights = weights_copy(net, trainer_weights(trainer));
    }
    trainer_destroy(trainer);
    return ok;
}

bool supernet_try(struct supernet *s, const int *candidate, int epochs, double *accuracy,
                  struct err *err)
{
    const struct resize *resize = &s->params.trainer.resize;
    struct net *net = NULL;
    assert(epochs >= 0);
    if (epochs == 0)
        return trainer_accuracy(s->trainer, candidate, accuracy, err);
    bool ok = resize->net(resize->context, candidate, &net, err) &&
              tune_alone(s, net, epochs, accuracy, NULL, err);
    net_destroy(net);
    return ok;
}

bool supernet_take(struct supernet *s, const int *candidate, int epochs, struct supernet_net *out,
                   struct err *err)
{
    const struct resize *resize = &s->params.trainer.resize;
    struct supernet_net got = {0};
    assert(epochs >= 0);
    bool ok = epochs == 0 ? trainer_extract(s->trainer, candidate, &got.accuracy, &got.net,
                                            &got.weights, err)
                          : resize->net(resize->context, candidate, &got.net, err) &&
                                tune_alone(s, got.net, epochs, &got.accuracy, &got.weights, err);
    if (ok)
        *out = got;
    else
        net_destroy(got.net);
    return ok;
}

struct dataset *supernet_held_out(const struct supernet *s, size_t most)
{
    size_t n;
    const uint32_t *numbers = trainer_held_out(s->trainer, &n);
    return dataset_pick(s->params.trainer.data, numbers, most && most < n ? most : n);
}

bool supernet_save(const struct supernet *s, const char *folder, struct err *err)
{
    return checkpoint_write(folder, s->identity, trainer_state(s->trainer), err);
}

bool supernet_load(struct supernet *s, const char *folder, struct err *warning, struct err *err)
{
    enum checkpoint_found found =
        checkpoint_find(folder, s->identity, trainer_state(s->trainer), warning, err);
    if (found == CHECKPOINT_NONE)
        err_set(err, "%s: there is no checkpoint of a super-net; give the folder that holds one",
                folder);
    return found == CHECKPOINT_READ;
}
