#include "tests/support/weights.h"

#include <stdint.h>

#include "nets/net.h"
#include "nets/weights.h"

static uint32_t next(uint32_t *x)
{
    *x = *x * 1664525 + 1013904223;
    return *x >> 8;
}

static float uniform(uint32_t *x, float low, float high)
{
    return low + (high - low) * (float)(next(x) % 10000) / 10000;
}

struct weights *random_weights(const struct net *net)
{
    struct weights *w = weights_create(net);
    uint32_t x = 7;
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        struct layer_weights *to = &w->layers[i];
        for (int64_t j = 0; j < l->weights; j++)
            to->w[j] = uniform(&x, -1, 1);
        for (int c = 0; to->gamma && c < l->out_c; c++) {
            to->gamma[c] = uniform(&x, -0.2F, 1);
            to->beta[c] = uniform(&x, 0, 1);
            to->mean[c] = uniform(&x, -1, 1);
            to->var[c] = uniform(&x, 0.5F, 4);
        }
    }
    return w;
}
