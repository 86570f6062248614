#include "nets/quantise.h"

#include <math.h>
#include <stddef.h>

#include "nets/net.h"

static double largest_weight(const float *w, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)w[i]));
    return largest;
}

void quantise_scales(const struct net *net, int layer, const float *w, double *scales)
{
    const struct layer *l = &net->layers[layer];
    size_t each = (size_t)(l->weights / l->out_c);
    bool shared = net->weight_scale == WEIGHT_SCALE_LAYER;
    double steps = ldexp(1, l->weight_bits - 1) - 1;
    double largest = largest_weight(w, (size_t)l->weights);
    for (int c = 0; c < l->out_c; c++) {
        double own = shared ? largest : largest_weight(w + (size_t)c * each, each);
        own = own > 0 ? own : largest;
        scales[c] = own > 0 ? own / steps : 1;
    }
}
