#include "nets/train/tensors.h"

#include <string.h>

#include "nets/net.h"
#include "nets/weights.h"
#include "base/mem.h"

static void add(struct tensors *list, enum tensor_kind kind, float *values, int64_t n)
{
    if (!values)
        return;
    struct tensor *one = &list->items[list->n++];
    one->kind = kind;
    one->n = (size_t)n;
    one->values = values;
    list->values += (size_t)n;
}

struct tensors tensors_of(const struct net *net, const struct weights *weights, struct arena *mem)
{
    struct tensors list = {.items = arena_alloc(mem, 6 * net->n, sizeof *list.items)};
    for (size_t i = 0; i < net->n; i++) {
        const struct layer *layer = &net->layers[i];
        const struct layer_weights *w = &weights->layers[i];
        add(&list, TENSOR_WEIGHT, w->w, layer->weights);
        add(&list, TENSOR_BIAS, w->bias, layer->out_c);
        add(&list, TENSOR_GAMMA, w->gamma, layer->out_c);
        add(&list, TENSOR_BETA, w->beta, layer->out_c);
        add(&list, TENSOR_MEAN, w->mean, layer->out_c);
        add(&list, TENSOR_VAR, w->var, layer->out_c);
    }
    return list;
}

void tensors_copy(const struct tensors *to, const struct tensors *from)
{
    for (size_t i = 0; i < to->n; i++)
        memcpy(to->items[i].values, from->items[i].values,
               to->items[i].n * sizeof *to->items[i].values);
}

void tensors_move_statistics(const struct tensors *to, const struct tensors *from, float share)
{
    for (size_t k = 0; k < to->n; k++) {
        float *values = to->items[k].values;
        const float *towards = from->items[k].values;
        for (size_t i = 0; to->items[k].kind >= TENSOR_MEAN && i < to->items[k].n; i++)
            values[i] += share * (towards[i] - values[i]);
    }
}
