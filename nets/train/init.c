// First weights.
#include <math.h>

#include "nets/net.h"
#include "nets/train/trainer.h"
#include "nets/weights.h"
#include "base/rng.h"

// Box and Muller, from 32 bits each; neither is 0.
static double normal(uint64_t bits)
{
    static const double pi = 3.14159265358979323846;
    double u = ((double)(uint32_t)bits + 0.5) / 4294967296.0;
    double v = ((double)(uint32_t)(bits >> 32) + 0.5) / 4294967296.0;
    return sqrt(-2 * log(u)) * cos(2 * pi * v);
}

void trainer_init(const struct net *net, uint64_t seed, struct weights *weights)
{
    for (size_t i = 0; i < net->n; i++) {
        const struct layer *layer = &net->layers[i];
        if (!weights->layers[i].w)
            continue;
        double fan = layer->kind == LAYER_LINEAR || layer->tokens
                         ? (double)layer->in_c
                         : (double)layer->out_c * layer->kernel_h * layer->kernel_w;
        double deviation = sqrt(2 / fan);
        for (int64_t k = 0; k < layer->weights; k++)
            weights->layers[i].w[k] =
                (float)(deviation * normal(rng_u64(seed, RNG_INIT, (uint64_t)i << 40 | k)));
    }
}
