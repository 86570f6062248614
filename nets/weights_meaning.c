// What a weights file holds, and what its values mean.
#include <math.h>
#include <string.h>

#include "nets/net.h"
#include "nets/tensor_names.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/warn.h"

void weights_scales(const struct layer_weights *weights, int64_t n, int out_c, double *scales)
{
    double sum = 0;
    for (int64_t i = 0; i < n && !weights->scale; i++)
        sum += fabs((double)weights->w[i]);
    for (int c = 0; c < out_c; c++)
        scales[c] = weights->scale ? (double)weights->scale[c] : sum / (double)n;
}

bool weights_list(const struct net *net,
                  void (*each)(void *context, const struct tensor_info *info), void *context,
                  struct err *err)
{
    static const char *const what[] = {
        [PART_WEIGHT] = "weights", [PART_SCALE] = "scale of the weights",
        [PART_BIAS] = "bias",      [PART_GAMMA] = "batch-norm: gamma",
        [PART_BETA] = "beta",      [PART_MEAN] = "mean",
        [PART_VAR] = "variance",
    };
    struct arena *scratch = arena_create();
    struct tensor_names slots;
    bool ok = tensor_names_create(net, scratch, &slots, err);
    for (size_t i = 0; ok && i < slots.n; i++) {
        const struct tensor_name *s = &slots.items[i];
        struct tensor_info info = {s->name, s->rank, {0}, s->optional, what[s->part]};
        memcpy(info.shape, s->shape, sizeof info.shape);
        each(context, &info);
    }
    arena_destroy(scratch);
    return ok;
}

bool weights_trainable(const struct net *net, const struct weights *weights, const char *name,
                       struct err *err)
{
    for (size_t i = 1; i < net->n; i++)
        if (weights->layers[i].scale)
            return err_set(err,
                           "%s: layer '%.80s' has a scale of its own, and training scales binary "
                           "weights by their mean; multiply them by it and leave it out",
                           name, net->layers[i].name);
    return true;
}

static bool differ(const float *values, int n)
{
    for (int i = 1; i < n; i++)
        if (values[i] < values[0] || values[i] > values[0])
            return true;
    return false;
}

const char *weights_scale_kind(const struct net *net, const struct weights *weights)
{
    for (size_t i = 1; i < net->n; i++)
        if (weights->layers[i].scale && differ(weights->layers[i].scale, net->layers[i].out_c))
            return weight_scale_names[WEIGHT_SCALE_CHANNEL];
    return net_weight_scale(net);
}

static bool are_signs(const struct layer_weights *w, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (fabsf(w->w[i]) < 1 || fabsf(w->w[i]) > 1)
            return false;
    return n > 0;
}

static bool is_added(const struct net *net, int layer)
{
    for (size_t i = 1; i < net->n; i++)
        for (int edge = 0; edge < net->layers[i].n_inputs; edge++)
            if (net->layers[i].kind == LAYER_ADD && net->layers[i].input[edge] == layer)
                return true;
    return false;
}

// Whether the answer depends on the size of a layer's sums: without a batch-norm in between, they
// meet a bias, another map or a comparator at 1/2.
static bool scale_matters(const struct net *net, int layer)
{
    const struct layer *l = &net->layers[layer];
    if (l->bn)
        return false;
    return l->bias || is_added(net, layer) || (l->act == ACT_THRESHOLD && !l->bipolar);
}

void weights_warn(const struct net *net, const struct weights *weights, struct warnings *warnings)
{
    struct arena *scratch = arena_create();
    struct tensor_names slots;
    const struct tensor_name *first = NULL; // of the scales that are missing
    int n = 0;
    tensor_names_create(net, scratch, &slots,
                        NULL); // names that no file can hold do not matter here
    for (size_t i = 0; i < slots.n; i++) {
        const struct tensor_name *slot = &slots.items[i];
        const struct layer_weights *w = &weights->layers[slot->layer];
        if (slot->part != PART_SCALE || w->scale ||
            !are_signs(w, net->layers[slot->layer].weights) ||
            !scale_matters(net, (int)slot->layer))
            continue;
        first = first ? first : slot;
        n++;
    }
    if (n)
        warn_add(warnings, "no-scale",
                 "the weights of layer '%.80s'%s are -1 and +1 without a scale, and what follows "
                 "depends on it: a scale of 1 is used; if the net was trained with a scale, add "
                 "it as %.200s",
                 net->layers[first->layer].name, n > 1 ? " and others" : "", first->name);
    arena_destroy(scratch);
}
