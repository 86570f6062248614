#include "tests/nets/plain_net.h"

#include <math.h>
#include <stdlib.h>

#include "nets/net.h"
#include "nets/weights.h"

double **plain_maps(const struct net *net)
{
    size_t total = 0;
    for (size_t i = 0; i < net->n; i++)
        total += (size_t)net->layers[i].out_c * net->layers[i].out_h * net->layers[i].out_w;
    double **maps = malloc(net->n * sizeof *maps + total * sizeof **maps);
    double *at = (double *)(maps + net->n);
    for (size_t i = 0; maps && i < net->n; i++) {
        maps[i] = at;
        at += (size_t)net->layers[i].out_c * net->layers[i].out_h * net->layers[i].out_w;
    }
    return maps;
}

static double at(const struct layer *from, const double *map, int c, int y, int x)
{
    if (y < 0 || y >= from->out_h || x < 0 || x >= from->out_w)
        return 0;
    return map[((size_t)c * from->out_h + y) * from->out_w + x];
}

// One output of a matrix layer: sum of w[o][c][ky][kx] * in[c][y * stride + ky - pad][...].
static double product(const struct layer *l, const struct layer *from, const double *in,
                      const float *w, int o, int y, int x)
{
    double sum = 0;
    if (l->kind == LAYER_LINEAR) { // of a flattened map: feature (c * height + y) * width + x
        for (int i = 0; i < l->in_c; i++)
            sum += (double)w[(size_t)o * l->in_c + i] * in[i];
        return sum;
    }
    if (l->tokens) { // (out, in), at every pixel
        for (int c = 0; c < l->in_c; c++)
            sum += (double)w[(size_t)o * l->in_c + c] * at(from, in, c, y, x);
        return sum;
    }
    int each = l->in_c / l->groups, group = o / (l->out_c / l->groups);
    for (int c = 0; c < each; c++)
        for (int ky = 0; ky < l->kernel_h; ky++)
            for (int kx = 0; kx < l->kernel_w; kx++)
                sum += (double)w[(((size_t)o * each + c) * l->kernel_h + ky) * l->kernel_w + kx] *
                       at(from, in, group * each + c,
                          y * l->stride_h + ky * l->dilation_h - l->pad_top,
                          x * l->stride_w + kx * l->dilation_w - l->pad_left);
    return sum;
}

static double pooled(const struct layer *l, const struct layer *from, const double *in, int c,
                     int y, int x)
{
    double sum = 0, most = -HUGE_VAL;
    for (int ky = 0; ky < l->kernel_h; ky++)
        for (int kx = 0; kx < l->kernel_w; kx++) {
            int iy = y * l->stride_h + ky * l->dilation_h - l->pad_top,
                ix = x * l->stride_w + kx * l->dilation_w - l->pad_left;
            double v = at(from, in, c, iy, ix);
            bool inside = iy >= 0 && iy < from->out_h && ix >= 0 && ix < from->out_w;
            sum += v;
            most = inside && v > most ? v : most;
        }
    return l->pool == POOL_MAX ? most : sum / (l->kernel_h * l->kernel_w);
}

static double element(const struct net *net, const struct weights *weights, double **maps, int i,
                      int c, int y, int x)
{
    const struct layer *l = &net->layers[i], *from = &net->layers[l->input[0]];
    const double *in = maps[l->input[0]];
    const struct layer_weights *w = &weights->layers[i];
    double v = 0;
    switch (l->kind) {
    case LAYER_CONV:
    case LAYER_LINEAR:
        v = product(l, from, in, w->w, c, y, x) + (w->bias ? (double)w->bias[c] : 0);
        if (l->bn)
            v = ((double)w->gamma[c] * (v - (double)w->mean[c])) /
                    sqrt((double)w->var[c] + w->bn_eps) +
                (double)w->beta[c];
        break;
    case LAYER_POOL:
        v = pooled(l, from, in, c, y, x);
        break;
    case LAYER_ADD:
        v = at(from, in, c, y, x) + at(&net->layers[l->input[1]], maps[l->input[1]], c, y, x);
        break;
    case LAYER_CONCAT:
        for (int k = 0; k < l->n_inputs; k++) { // the part that channel c falls into
            const struct layer *part = &net->layers[l->input[k]];
            if (c < part->out_c)
                return at(part, maps[l->input[k]], c, y, x);
            c -= part->out_c;
        }
        break;
    case LAYER_MULTIPLY:
        from = &net->layers[l->input[1]];
        v = at(&net->layers[l->input[0]], in, c, y, x) *
            at(from, maps[l->input[1]], c, from->out_h > 1 ? y : 0, from->out_w > 1 ? x : 0);
        break;
    case LAYER_INPUT:
        break;
    }
    return l->act == ACT_RELU && v < 0 ? 0 : v;
}

void plain_net(const struct net *net, const struct weights *weights, double **maps)
{
    for (int i = 1; i < (int)net->n; i++) {
        const struct layer *l = &net->layers[i];
        for (int c = 0; c < l->out_c; c++)
            for (int y = 0; y < l->out_h; y++)
                for (int x = 0; x < l->out_w; x++)
                    maps[i][((size_t)c * l->out_h + y) * l->out_w + x] =
                        element(net, weights, maps, i, c, y, x);
    }
}
