#include "nets/float_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/encode.h"
#include "nets/geometry.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "base/mem.h"

struct float_net {
    const struct net *net;
    const struct weights *weights;
    float **maps; // per layer, in one block
    float *block;
    float *input;    // of a layer, after the quantiser
    float **filters; // per layer: its weights as they act (binarised in the binary form)
    float *filter_block;
    double **scales; // per layer, binary form: what its weights are worth, per output channel
    double *scale_block;
};

static size_t map_size(const struct layer *l)
{
    return (size_t)l->out_c * l->out_h * l->out_w;
}

// +1 for w >= 0. The sums take the scale, so that those of bits and signs are exact.
static void binarise(const float *from, float *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i] >= 0 ? 1 : -1;
}

static void scale_sums(const struct float_net *f, int layer)
{
    const struct layer *l = &f->net->layers[layer];
    size_t n = (size_t)l->out_h * l->out_w;
    if (f->net->form != FORM_BINARY)
        return;
    for (int c = 0; c < l->out_c; c++)
        for (size_t i = 0; i < n; i++)
            f->maps[layer][c * n + i] *= (float)f->scales[layer][c];
}

struct float_net *float_net_create(const struct net *net, const struct weights *weights)
{
    struct float_net *f = mem_alloc(1, sizeof *f);
    size_t total = 0, filters = 0, most = 0, channels = 1;
    f->net = net;
    f->weights = weights;
    f->maps = mem_alloc(net->n, sizeof *f->maps);
    f->filters = mem_alloc(net->n, sizeof *f->filters);
    for (size_t i = 0; i < net->n; i++) {
        size_t size = map_size(&net->layers[i]);
        total += size;
        most = size > most ? size : most;
        channels += (size_t)net->layers[i].out_c;
        filters += (size_t)net->layers[i].weights;
    }
    f->block = mem_alloc(total, sizeof *f->block);
    f->input = mem_alloc(most, sizeof *f->input);
    f->filter_block = mem_alloc(filters, sizeof *f->filter_block);
    f->scales = mem_alloc(net->n, sizeof *f->scales);
    f->scale_block = mem_alloc(channels, sizeof *f->scale_block);
    float *map = f->block, *filter = f->filter_block;
    double *scale = f->scale_block;
    for (size_t i = 0; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        size_t n = (size_t)l->weights;
        f->scales[i] = scale;
        scale += l->out_c;
        f->maps[i] = map;
        f->filters[i] = filter;
        map += map_size(&net->layers[i]);
        filter += n;
        if (n && net->form == FORM_BINARY) {
            binarise(weights->layers[i].w, f->filters[i], n);
            weights_scales(&weights->layers[i], l->weights, l->out_c, f->scales[i]);
        } else if (n) {
            memcpy(f->filters[i], weights->layers[i].w, n * sizeof *filter);
        }
    }
    return f;
}

void float_net_destroy(struct float_net *f)
{
    if (!f)
        return;
    free(f->maps);
    free(f->block);
    free(f->input);
    free(f->filters);
    free(f->filter_block);
    free(f->scales);
    free(f->scale_block);
    free(f);
}

// to[i] += tap * from[i * step]; of vectors where pixels are adjacent.
static void add_scaled(float tap, const float *from, int step, int n, float *restrict to)
{
    if (step == 1)
        for (int i = 0; i < n; i++)
            to[i] += tap * from[i];
    else
        for (int i = 0; i < n; i++)
            to[i] += tap * from[(size_t)i * step];
}

// One input channel's contribution to one output channel, tap by tap, rows at a time.
static void add_taps(const struct layer *l, const float *in, const float *w, float *out)
{
    for (int ky = 0; ky < l->kernel_h; ky++)
        for (int kx = 0; kx < l->kernel_w; kx++) {
            int left = kx * l->dilation_w, x0 = 0, x1 = l->out_w;
            while (x0 < x1 && window_left(l, x0) + left < 0)
                x0++;
            while (x1 > x0 && window_left(l, x1 - 1) + left >= l->in_w)
                x1--;
            if (x0 == x1)
                continue;
            const float *from = in + (window_left(l, x0) + left);
            float tap = w[ky * l->kernel_w + kx];
            int top = ky * l->dilation_h - l->pad_top, step = l->stride_w;
            for (int y = 0; y < l->out_h; y++) {
                int iy = y * l->stride_h + top;
                if (iy >= 0 && iy < l->in_h)
                    add_scaled(tap, from + (size_t)iy * l->in_w, step, x1 - x0,
                               out + (size_t)y * l->out_w + x0);
            }
        }
}

static void convolve(const struct layer *l, const float *in, const float *w, float *out)
{
    int in_each = l->in_c / l->groups, out_each = l->out_c / l->groups;
    size_t taps = (size_t)l->kernel_h * l->kernel_w, size = (size_t)l->in_h * l->in_w;
    size_t out_size = (size_t)l->out_h * l->out_w;
    memset(out, 0, l->out_c * out_size * sizeof *out);
    for (int oc = 0; oc < l->out_c; oc++)
        for (int ic = 0; ic < in_each; ic++)
            add_taps(l, in + (size_t)(oc / out_each * in_each + ic) * size,
                     w + ((size_t)oc * in_each + ic) * taps, out + oc * out_size);
}

// What stands around a map of -1 and +1, if it is not 0: its products with the weights there.
static void add_padding(const struct layer *l, float value, const float *w, float *out)
{
    int in_each = l->in_c / l->groups;
    size_t taps = (size_t)l->kernel_h * l->kernel_w;
    for (int oc = 0; oc < l->out_c; oc++)
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++, out++)
                for (size_t t = 0; t < taps; t++) {
                    int iy = window_top(l, y) + (int)t / l->kernel_w * l->dilation_h;
                    int ix = window_left(l, x) + (int)t % l->kernel_w * l->dilation_w;
                    if (iy >= 0 && iy < l->in_h && ix >= 0 && ix < l->in_w)
                        continue;
                    for (int c = 0; c < in_each; c++)
                        *out += value * w[((size_t)oc * in_each + c) * taps + t];
                }
}

static void multiply(const struct layer *l, const float *in, const float *w, float *out)
{
    for (int o = 0; o < l->out_c; o++) {
        float sum = 0;
        for (int i = 0; i < l->in_c; i++)
            sum += w[(size_t)o * l->in_c + i] * in[i];
        out[o] = sum;
    }
}

static float read_bit(const struct layer *l, float value)
{
    if (l->bipolar)
        return value >= 0 ? 1.0F : -1.0F;
    return value > 0.5F ? 1.0F : 0;
}

// What an ordinary consumer of layer `layer` reads: in the binary form 1 where it is above 0.5; or
// its sign.
static const float *read_map(struct float_net *f, int layer)
{
    const struct layer *l = &f->net->layers[layer];
    if (l->act != ACT_THRESHOLD)
        return f->maps[layer];
    size_t n = map_size(l);
    for (size_t i = 0; i < n; i++)
        f->input[i] = read_bit(l, f->maps[layer][i]);
    return f->input;
}

// Bias, batch-norm and ReLU, with the values of layer `owner` (of an add: the conv that it sums
// up).
static void finish(struct float_net *f, int layer, int owner)
{
    const struct layer *l = &f->net->layers[layer];
    const struct layer_weights *w = &f->weights->layers[owner];
    size_t n = (size_t)l->out_h * l->out_w;
    for (int c = 0; c < l->out_c; c++) {
        float *map = f->maps[layer] + c * n;
        float scale = 1, shift = w->bias && owner == layer ? w->bias[c] : 0;
        if (l->bn) {
            scale = (float)((double)w->gamma[c] / sqrt((double)w->var[c] + w->bn_eps));
            shift = (shift - w->mean[c]) * scale + w->beta[c];
        }
        for (size_t i = 0; i < n; i++) {
            float value = map[i] * scale + shift;
            map[i] = l->act == ACT_RELU && value < 0 ? 0 : value;
        }
    }
}

// One window of a channel's map; what lies outside the map adds nothing.
static float pool_at(const struct layer *l, const float *in, int y, int x)
{
    float most = -INFINITY, sum = 0;
    struct taps rows = taps_inside_h(l, y), columns = taps_inside_w(l, x);
    for (int ky = rows.first; ky < rows.end; ky++)
        for (int kx = columns.first; kx < columns.end; kx++) {
            int iy = window_top(l, y) + ky * l->dilation_h;
            int ix = window_left(l, x) + kx * l->dilation_w;
            float value = in[(size_t)iy * l->in_w + ix];
            most = value > most ? value : most;
            sum += value;
        }
    return l->pool == POOL_MAX ? most : sum / (float)pool_divisor(l, y, x);
}

static void pool(const struct layer *l, const float *in, float *out)
{
    size_t size = (size_t)l->in_h * l->in_w, i = 0;
    for (int c = 0; c < l->out_c; c++)
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++)
                out[i++] = pool_at(l, in + c * size, y, x);
}

// Option A: every step-th row and column; channels appended or cut at the end, or on both sides.
static void add_shortcut(const struct net *net, int layer, const float *from, float *to)
{
    const struct layer *l = &net->layers[layer], *s = &net->layers[l->input[1]];
    int step_h = shortcut_step_h(l, s), step_w = shortcut_step_w(l, s);
    int shift = net->pad_both ? (l->out_c - s->out_c) / 2 : 0;
    for (int c = 0; c < l->out_c; c++) {
        int source = c - shift;
        if (source < 0 || source >= s->out_c)
            continue;
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++)
                to[((size_t)c * l->out_h + y) * l->out_w + x] +=
                    from[((size_t)source * s->out_h + (size_t)y * step_h) * s->out_w +
                         (size_t)x * step_w];
    }
}

// Channels of the parts, one after the other; in the binary form their bits.
static void join(struct float_net *f, const struct layer *l, float *out)
{
    for (int k = 0; k < l->n_inputs; k++) {
        size_t n = map_size(&f->net->layers[l->input[k]]);
        memcpy(out, read_map(f, l->input[k]), n * sizeof *out);
        out += n;
    }
}

static void multiply_maps(struct float_net *f, const struct layer *l, float *out)
{
    const struct layer *by = &f->net->layers[l->input[1]];
    const float *x = f->maps[l->input[0]], *factors = f->maps[l->input[1]];
    size_t pixels = (size_t)l->out_h * l->out_w, n = map_size(l);
    bool shared = map_size(by) != n; // one factor for each channel
    for (size_t i = 0; i < n; i++)
        out[i] = x[i] * factors[shared ? i / pixels : i];
}

static void run_layer(struct float_net *f, int i)
{
    const struct net *net = f->net;
    const struct layer *l = &net->layers[i];
    float *out = f->maps[i];
    switch (l->kind) {
    case LAYER_CONV:
        convolve(l, read_map(f, l->input[0]), f->filters[i], out);
        if (net_reads_bipolar(net, i) && net->pad_value != PAD_VALUE_ZERO)
            add_padding(l, l->pad_one ? 1 : -1, f->filters[i], out);
        scale_sums(f, i);
        finish(f, i, i);
        break;
    case LAYER_LINEAR:
        multiply(l, read_map(f, l->input[0]), f->filters[i], out);
        scale_sums(f, i);
        finish(f, i, i);
        break;
    case LAYER_POOL:
        pool(l, l->pool == POOL_MAX ? read_map(f, l->input[0]) : f->maps[l->input[0]], out);
        finish(f, i, i);
        break;
    case LAYER_ADD:
        memcpy(out, f->maps[l->input[0]], map_size(l) * sizeof *out);
        add_shortcut(net, i, f->maps[l->input[1]], out);
        finish(f, i, l->input[0]);
        break;
    case LAYER_CONCAT:
        join(f, l, out);
        break;
    case LAYER_MULTIPLY:
        multiply_maps(f, l, out);
        finish(f, i, i);
        break;
    case LAYER_INPUT:
        break;
    }
}

const float *float_net_run(struct float_net *f, const uint8_t *image)
{
    encode_floats(f->net, image, f->maps[0]);
    for (size_t i = 1; i < f->net->n; i++)
        run_layer(f, (int)i);
    return f->maps[f->net->n - 1];
}

const float *float_net_map(const struct float_net *f, int layer)
{
    return f->maps[layer];
}
