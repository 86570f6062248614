// weights NET.yaml FILE: random weights for a net, the same ones at every call, for tests that need
// some net to answer something.
#include <stdio.h>

#include "nets/net.h"
#include "nets/weights.h"
#include "sim/base/err.h"

static float uniform(uint32_t *x, float low, float high)
{
    *x = *x * 1664525 + 1013904223;
    return low + (high - low) * (float)(*x >> 8) / 16777216;
}

static struct weights *random_weights(const struct net *net)
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

int main(int argc, char **argv)
{
    struct err err = {0};
    struct net *net = NULL;
    struct net_options options = {0};
    struct conf *conf = argc == 3 ? conf_open(argv[1], &err) : NULL;
    bool ok = conf && net_load(conf, &options, &net, &err);
    if (ok) {
        struct weights *weights = random_weights(net);
        ok = weights_save(argv[2], net, weights, &err);
        weights_destroy(weights);
    }
    if (!ok)
        fprintf(stderr, "weights NET.yaml FILE: %s\n", err.text);
    net_destroy(net);
    conf_close(conf);
    return ok ? 0 : 1;
}
