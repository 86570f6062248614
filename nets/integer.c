#include "nets/integer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/encode.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "sim/base/err.h"
#include "sim/base/mem.h"

// --- Folding ---

struct fold { // real value of a stage's output: m * acc + r * x + b, per channel
    double *m, *r, *b;
};

static int64_t power(int bits)
{
    return (int64_t)1 << bits;
}

// sign(w) and mean |w| in the binary form; else symmetric steps, one scale per output channel.
static void fold_weights(const struct net *net, int layer, const float *w, int32_t *out, double *m)
{
    const struct layer *l = &net->layers[layer];
    size_t each = (size_t)(l->weights / l->out_c);
    double sum = 0;
    for (size_t i = 0; i < (size_t)l->weights; i++)
        sum += fabs((double)w[i]);
    for (int c = 0; c < l->out_c; c++) {
        const float *from = w + c * each;
        int32_t *to = out + c * each;
        double most = 0;
        for (size_t i = 0; i < each; i++)
            most = fmax(most, fabs((double)from[i]));
        double steps = (double)(power(l->weight_bits - 1) - 1);
        m[c] = net->form == FORM_BINARY ? sum / (double)l->weights : most > 0 ? most / steps : 1;
        for (size_t i = 0; i < each; i++)
            to[i] = net->form == FORM_BINARY ? (from[i] >= 0 ? 1 : -1)
                                             : (int32_t)lrint((double)from[i] / m[c]);
    }
}

// Bias and batch-norm of the conv, and the batch-norm that stands behind the add in its place.
static void fold_norm(const struct net *net, const struct weights *weights, int layer, int add,
                      struct fold *f)
{
    const struct layer *l = &net->layers[layer];
    const float *bias = weights->layers[layer].bias;
    bool behind = add >= 0 && net->layers[add].bn;
    const struct layer_weights *norm = &weights->layers[layer];
    for (int c = 0; c < l->out_c; c++) {
        double scale = 1, mean = 0, beta = 0;
        f->b[c] = bias ? (double)bias[c] : 0;
        f->r[c] = 1;
        if (l->bn || behind) {
            scale = (double)norm->gamma[c] / sqrt((double)norm->var[c] + norm->bn_eps);
            mean = (double)norm->mean[c];
            beta = (double)norm->beta[c];
        }
        f->m[c] *= scale;
        f->b[c] = (f->b[c] - mean) * scale + beta;
        if (behind)
            f->r[c] *= scale;
    }
}

// The largest power of two that keeps mul below 2^30, so that 32-bit sums stay within 62 bits.
static int choose_shift(const struct fold *f, int channels)
{
    double most = 1e-30;
    for (int c = 0; c < channels; c++)
        most = fmax(most, fmax(fabs(f->m[c]), fabs(f->r[c])));
    int shift = 29 - (int)ceil(log2(most));
    return shift < 0 ? 0 : shift > 40 ? 40 : shift;
}

static void quantise_fold(struct integer *net, struct int_layer *out, const struct fold *f,
                          int channels)
{
    out->shift = choose_shift(f, channels);
    double unit = ldexp(1, out->shift);
    out->mul = arena_alloc(net->mem, (size_t)channels, sizeof *out->mul);
    out->offset = arena_alloc(net->mem, (size_t)channels, sizeof *out->offset);
    if (out->add >= 0)
        out->res = arena_alloc(net->mem, (size_t)channels, sizeof *out->res);
    for (int c = 0; c < channels; c++) {
        out->mul[c] = llrint(f->m[c] * unit);
        out->offset[c] = llrint(f->b[c] * unit);
        if (out->res)
            out->res[c] = llrint(f->r[c] * unit);
    }
}

static void fold_layer(struct integer *net, const struct weights *weights, int layer,
                       struct fold *f)
{
    const struct net *from = net->net;
    const struct layer *l = &from->layers[layer];
    struct int_layer *out = &net->layers[layer];
    int32_t *w = arena_alloc(net->mem, (size_t)l->weights, sizeof *w);
    out->w = w;
    out->add = net_fused_add(from, layer);
    int last = out->add >= 0 ? out->add : layer;
    const struct layer *o = &from->layers[last];
    fold_weights(from, layer, weights->layers[layer].w, w, f->m);
    for (int c = 0; c < l->out_c; c++) // one step of the input is worth so much
        f->m[c] *= l->input[0] == 0 ? net->input_scale : net->scale[l->input[0]];
    fold_norm(from, weights, layer, out->add, f);
    double step = net->scale[last], x_step = out->add >= 0 ? net->scale[o->input[1]] : 0;
    double frac = ldexp(1, from->residual_frac);
    bool binary = from->form == FORM_BINARY, logits = (size_t)last == from->n - 1;
    double unit = binary ? frac : logits ? ldexp(1, 16) : 1 / step;
    for (int c = 0; c < l->out_c; c++) {
        f->m[c] *= unit;
        f->b[c] *= unit;
        f->r[c] *= binary ? 1 : x_step * unit; // the binary stream has the unit already
    }
    quantise_fold(net, out, f, l->out_c);
    if (binary) {
        out->half = (int64_t)ldexp(frac / 2, out->shift);
        out->high = power(from->residual_bits > 0 ? from->residual_bits - 1 : 31) - 1;
        out->low = -out->high - 1;
    } else {
        out->high = power(o->out_bits) - 1;
    }
}

// --- Scales of the k-bit forms ---

static void choose_scales(struct integer *net, const double *ranges)
{
    const struct net *from = net->net;
    for (size_t i = 0; i < from->n; i++) {
        const struct layer *l = &from->layers[i];
        bool kept = l->kind == LAYER_POOL && l->pool == POOL_MAX;
        net->scale[i] = 1;
        if (from->form != FORM_BINARY && kept)
            net->scale[i] = net->scale[l->input[0]];
        else if (from->form != FORM_BINARY && ranges[i] > 0 && i > 0)
            net->scale[i] = ranges[i] / (double)(power(l->out_bits) - 1);
    }
    net->input_scale = 1;
    net->input_high = 1;
    if (from->encoder != ENCODER_RAW)
        return;
    // Signed steps that cover what a normalised pixel can be.
    double most = ranges ? ranges[0] : 1;
    net->input_high = (int32_t)(power(from->raw_bits - 1) - 1);
    net->input_low = -net->input_high;
    net->input_scale = most / net->input_high;
    net->scale[0] = net->input_scale;
}

static void fold_pool(struct integer *net, int layer)
{
    const struct layer *l = &net->net->layers[layer];
    double inputs = (double)l->kernel_h * l->kernel_w;
    double ratio = net->scale[l->input[0]] / net->scale[layer];
    net->pool_mul[layer] = llrint(ratio / inputs * ldexp(1, net->pool_shift));
}

// What the stages above cannot say.
static bool check_net(const struct net *net, struct err *err)
{
    if (net->form == FORM_FLOAT)
        return err_set(err,
                       "net '%s' in the form float has no whole-number form; choose binary, int8 "
                       "or int16",
                       net->name);
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        if (l->kind == LAYER_ADD && net_fused_add(net, l->input[0]) != (int)i)
            return err_set(err,
                           "net '%s': add '%s' must follow a convolution whose sums nobody else "
                           "reads, to be computed in whole numbers",
                           net->name, l->name);
        if (l->kind == LAYER_POOL && net->form == FORM_BINARY)
            return err_set(err,
                           "net '%s': pooling '%s' has no whole-number form in a binary net; set "
                           "head: flatten and max_pool: stride",
                           net->name, l->name);
        if (l->weight_bits > 16)
            return err_set(err, "net '%s': weights of %d bits are too wide; at most 16", net->name,
                           l->weight_bits);
    }
    return true;
}

struct integer *integer_create(const struct net *net, const struct weights *weights,
                               const double *ranges, struct err *err)
{
    if (!check_net(net, err))
        return NULL;
    struct arena *mem = arena_create();
    struct integer *out = arena_alloc(mem, 1, sizeof *out);
    *out = (struct integer){.net = net, .mem = mem, .pool_shift = 24};
    out->layers = arena_alloc(mem, net->n, sizeof *out->layers);
    out->scale = arena_alloc(mem, net->n, sizeof *out->scale);
    out->pool_mul = arena_alloc(mem, net->n, sizeof *out->pool_mul);
    choose_scales(out, ranges);
    int most = 1;
    for (size_t i = 0; i < net->n; i++)
        most = net->layers[i].out_c > most ? net->layers[i].out_c : most;
    struct fold f = {mem_alloc((size_t)most, sizeof *f.m), mem_alloc((size_t)most, sizeof *f.r),
                     mem_alloc((size_t)most, sizeof *f.b)};
    for (size_t i = 1; i < net->n; i++) {
        if (net->layers[i].kind == LAYER_CONV || net->layers[i].kind == LAYER_LINEAR)
            fold_layer(out, weights, (int)i, &f);
        else if (net->layers[i].kind == LAYER_POOL)
            fold_pool(out, (int)i);
    }
    free(f.m);
    free(f.r);
    free(f.b);
    return out;
}

void integer_destroy(struct integer *integer)
{
    if (integer)
        arena_destroy(integer->mem);
}

// --- Running ---

struct integer_run {
    const struct integer *net;
    int32_t **maps;    // per layer: what ordinary consumers read (bits, or k-bit steps)
    int32_t **streams; // per layer: the residual stream (binary), else the map
    int32_t *block;
    uint8_t *planes;
    float *pixels;
    int64_t *acc, *logits;
};

static size_t map_size(const struct layer *l)
{
    return (size_t)l->out_c * l->out_h * l->out_w;
}

struct integer_run *integer_run_create(const struct integer *integer)
{
    const struct net *net = integer->net;
    struct integer_run *run = mem_alloc(1, sizeof *run);
    size_t total = 0, most = 1;
    run->net = integer;
    for (size_t i = 0; i < net->n; i++) {
        size_t size = map_size(&net->layers[i]);
        total += size;
        most = size > most ? size : most;
    }
    run->maps = mem_alloc(net->n, sizeof *run->maps);
    run->streams = mem_alloc(net->n, sizeof *run->streams);
    run->block = mem_alloc(2 * total, sizeof *run->block);
    run->planes = mem_alloc(map_size(&net->layers[0]), 1);
    run->pixels = mem_alloc(map_size(&net->layers[0]), sizeof *run->pixels);
    run->acc = mem_alloc(most, sizeof *run->acc);
    run->logits = mem_alloc(most, sizeof *run->logits);
    int32_t *at = run->block;
    for (size_t i = 0; i < net->n; i++) {
        run->maps[i] = at;
        run->streams[i] = net->form == FORM_BINARY ? at + total : at;
        at += map_size(&net->layers[i]);
    }
    return run;
}

void integer_run_destroy(struct integer_run *run)
{
    if (!run)
        return;
    free(run->maps);
    free(run->streams);
    free(run->block);
    free(run->planes);
    free(run->pixels);
    free(run->acc);
    free(run->logits);
    free(run);
}

void integer_matrix_reference(void *integer, int layer, const int32_t *in, int64_t *acc)
{
    const struct integer *net = integer;
    const struct layer *l = &net->net->layers[layer];
    const int32_t *w = net->layers[layer].w;
    int in_each = l->in_c / l->groups, out_each = l->out_c / l->groups;
    size_t taps = (size_t)l->kernel_h * l->kernel_w;
    for (int o = 0; o < l->out_c; o++)
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++) {
                int64_t sum = 0;
                for (int c = 0; c < in_each; c++) {
                    const int32_t *map =
                        in + (size_t)(o / out_each * in_each + c) * l->in_h * l->in_w;
                    const int32_t *k = w + ((size_t)o * in_each + c) * taps;
                    for (int ky = 0; ky < l->kernel_h; ky++)
                        for (int kx = 0; kx < l->kernel_w; kx++) {
                            int iy = y * l->stride + ky - l->pad, ix = x * l->stride + kx - l->pad;
                            if (iy >= 0 && iy < l->in_h && ix >= 0 && ix < l->in_w)
                                sum += (int64_t)k[ky * l->kernel_w + kx] * map[iy * l->in_w + ix];
                        }
                }
                acc[((size_t)o * l->out_h + y) * l->out_w + x] = sum;
            }
}

static void load_image(struct integer_run *run, const uint8_t *image)
{
    const struct net *net = run->net->net;
    size_t n = map_size(&net->layers[0]);
    int32_t *to = run->maps[0];
    if (net->encoder != ENCODER_RAW) {
        encode_bits(net, image, run->planes);
        for (size_t i = 0; i < n; i++)
            to[i] = run->planes[i];
        return;
    }
    encode_floats(net, image, run->pixels);
    for (size_t i = 0; i < n; i++) {
        int32_t q = (int32_t)lrint((double)run->pixels[i] / run->net->input_scale);
        to[i] = q < run->net->input_low    ? run->net->input_low
                : q > run->net->input_high ? run->net->input_high
                                           : q;
    }
}

// Adds the shortcut's elements for channel c, row y of an add; nothing where channels are appended.
static void add_shortcut(const struct integer_run *run, const struct int_layer *il, int c, int y,
                         int64_t *v)
{
    const struct net *net = run->net->net;
    const struct layer *l = &net->layers[il->add], *s = &net->layers[l->input[1]];
    int step = s->out_h / l->out_h, source = c - (net->pad_both ? (l->out_c - s->out_c) / 2 : 0);
    if (source < 0 || source >= s->out_c)
        return;
    const int32_t *from =
        run->streams[l->input[1]] + ((size_t)source * s->out_h + (size_t)y * step) * s->out_w;
    for (int x = 0; x < l->out_w; x++)
        v[x] += il->res[c] * from[(size_t)x * step];
}

static int64_t round_shift(int64_t v, int shift)
{
    return shift ? (v + ((int64_t)1 << (shift - 1))) >> shift : v;
}

// One row of an output channel, v without the shortcut.
static void finish_row(struct integer_run *run, const struct int_layer *il, int last, size_t at,
                       int64_t *v, int n)
{
    const struct layer *o = &run->net->net->layers[last];
    int32_t *map = run->maps[last] + at, *stream = run->streams[last] + at;
    for (int x = 0; x < n; x++) {
        int64_t q = round_shift(v[x], il->shift);
        q = q < il->low ? il->low : q > il->high ? il->high : q;
        stream[x] = (int32_t)q;
    }
    if (map == stream)
        return;
    for (int x = 0; x < n; x++)
        map[x] = o->act == ACT_THRESHOLD ? v[x] > il->half : stream[x];
}

static void finish_stage(struct integer_run *run, int layer)
{
    const struct net *net = run->net->net;
    const struct int_layer *il = &run->net->layers[layer];
    int last = il->add >= 0 ? il->add : layer;
    const struct layer *o = &net->layers[last];
    size_t at = 0;
    for (int c = 0; c < o->out_c; c++)
        for (int y = 0; y < o->out_h; y++, at += o->out_w) {
            int64_t *v = (size_t)last == net->n - 1 ? run->logits + at : run->acc + at;
            for (int x = 0; x < o->out_w; x++)
                v[x] = il->mul[c] * run->acc[at + x] + il->offset[c];
            if (il->res)
                add_shortcut(run, il, c, y, v);
            if (v != run->logits + at)
                finish_row(run, il, last, at, v, o->out_w);
        }
}

static void run_pool(struct integer_run *run, int layer)
{
    const struct layer *l = &run->net->net->layers[layer];
    const int32_t *in = run->streams[l->input[0]];
    int64_t mul = run->net->pool_mul[layer], high = ((int64_t)1 << l->out_bits) - 1;
    size_t i = 0;
    for (int c = 0; c < l->out_c; c++)
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++, i++) {
                int64_t sum = 0, most = INT32_MIN;
                for (int ky = 0; ky < l->kernel_h; ky++)
                    for (int kx = 0; kx < l->kernel_w; kx++) {
                        int iy = y * l->stride + ky - l->pad, ix = x * l->stride + kx - l->pad;
                        if (iy < 0 || iy >= l->in_h || ix < 0 || ix >= l->in_w)
                            continue;
                        int64_t value = in[((size_t)c * l->in_h + iy) * l->in_w + ix];
                        most = value > most ? value : most;
                        sum += value;
                    }
                int64_t q =
                    l->pool == POOL_MAX ? most : round_shift(sum * mul, run->net->pool_shift);
                run->maps[layer][i] = run->streams[layer][i] = (int32_t)(q > high ? high : q);
            }
}

const int64_t *integer_run_image(struct integer_run *run, const uint8_t *image,
                                 integer_matrix *matrix, void *context)
{
    const struct net *net = run->net->net;
    load_image(run, image);
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        if (l->kind == LAYER_POOL)
            run_pool(run, (int)i);
        if (l->kind != LAYER_CONV && l->kind != LAYER_LINEAR)
            continue;
        matrix(context, (int)i, run->maps[l->input[0]], run->acc);
        finish_stage(run, (int)i);
    }
    return run->logits;
}

int integer_class(const int64_t *logits, int classes)
{
    int best = 0;
    for (int c = 1; c < classes; c++)
        best = logits[c] > logits[best] ? c : best;
    return best;
}

static int64_t floor_div(int64_t a, int64_t b) // b > 0
{
    return a / b - (a % b < 0);
}

static int32_t to_int32(int64_t v)
{
    return v < INT32_MIN ? INT32_MIN : v > INT32_MAX ? INT32_MAX : (int32_t)v;
}

void integer_threshold(const struct int_layer *layer, int channel, int32_t *low, int32_t *high)
{
    int64_t mul = layer->mul[channel], above = layer->half - layer->offset[channel];
    int64_t from = INT32_MIN, to = INT32_MAX; // in 64 bits: may lie outside of what acc can be
    if (mul > 0)
        from = floor_div(above, mul) + 1;
    else if (mul < 0)
        to = floor_div(-above - 1, -mul);
    bool never = from > INT32_MAX || to < INT32_MIN || (mul == 0 && above >= 0);
    *low = never ? INT32_MAX : to_int32(from);
    *high = never ? INT32_MIN : to_int32(to);
}
