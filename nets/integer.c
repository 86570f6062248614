#include "nets/integer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/weights.h"
#include "sim/base/err.h"
#include "sim/base/mem.h"

// --- Folding ---

struct fold { // real value of a stage's output: m * acc + r * x + b, per channel
    double *m, *r, *b;
};

static struct fold fold_room(int channels)
{
    struct fold f = {mem_alloc((size_t)channels, sizeof *f.m),
                     mem_alloc((size_t)channels, sizeof *f.r),
                     mem_alloc((size_t)channels, sizeof *f.b)};
    return f;
}

static void fold_free(struct fold *f)
{
    free(f->m);
    free(f->r);
    free(f->b);
}

static int64_t power(int bits)
{
    return (int64_t)1 << bits;
}

// What one step of a weight is worth: mean |w| in the binary form; else one scale per output
// channel, so that its largest weight takes all steps.
static void scale_weights(const struct net *net, int layer, const float *w, double *m)
{
    const struct layer *l = &net->layers[layer];
    size_t each = (size_t)(l->weights / l->out_c);
    double sum = 0;
    for (size_t i = 0; i < (size_t)l->weights; i++)
        sum += fabs((double)w[i]);
    for (int c = 0; c < l->out_c; c++) {
        const float *from = w + c * each;
        double most = 0;
        for (size_t i = 0; i < each; i++)
            most = fmax(most, fabs((double)from[i]));
        double steps = (double)(power(l->weight_bits - 1) - 1);
        m[c] = net->form == FORM_BINARY ? sum / (double)l->weights : most > 0 ? most / steps : 1;
    }
}

// sign(w) in the binary form; else symmetric steps.
static void round_weights(const struct net *net, int layer, const float *w, const double *m,
                          int32_t *out)
{
    const struct layer *l = &net->layers[layer];
    size_t each = (size_t)(l->weights / l->out_c);
    for (size_t i = 0; i < (size_t)l->weights; i++)
        out[i] = net->form == FORM_BINARY ? (w[i] >= 0 ? 1 : -1)
                                          : (int32_t)lrint((double)w[i] / m[i / each]);
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

static void quantise_fold(struct int_layer *out, const struct fold *f, int channels)
{
    out->shift = choose_shift(f, channels);
    double unit = ldexp(1, out->shift);
    for (int c = 0; c < channels; c++) {
        out->mul[c] = llrint(f->m[c] * unit);
        out->offset[c] = llrint(f->b[c] * unit);
        if (out->res)
            out->res[c] = llrint(f->r[c] * unit);
    }
}

// What statistics do not touch.
static void make_layer(struct integer *net, const struct weights *weights, int layer,
                       struct fold *f)
{
    const struct layer *l = &net->net->layers[layer];
    struct int_layer *out = &net->layers[layer];
    size_t channels = (size_t)l->out_c;
    int32_t *w = arena_alloc(net->mem, (size_t)l->weights, sizeof *w);
    scale_weights(net->net, layer, weights->layers[layer].w, f->m);
    round_weights(net->net, layer, weights->layers[layer].w, f->m, w);
    out->w = w;
    out->add = net_fused_add(net->net, layer);
    out->mul = arena_alloc(net->mem, channels, sizeof *out->mul);
    out->offset = arena_alloc(net->mem, channels, sizeof *out->offset);
    if (out->add >= 0)
        out->res = arena_alloc(net->mem, channels, sizeof *out->res);
}

static void fold_layer(struct integer *net, const struct weights *weights, int layer,
                       struct fold *f)
{
    const struct net *from = net->net;
    const struct layer *l = &from->layers[layer];
    struct int_layer *out = &net->layers[layer];
    int last = out->add >= 0 ? out->add : layer;
    const struct layer *o = &from->layers[last];
    scale_weights(from, layer, weights->layers[layer].w, f->m);
    for (int c = 0; c < l->out_c; c++) { // one step of the input is worth so much
        f->m[c] *= l->input[0] == 0 ? net->input_scale : net->scale[l->input[0]];
        f->m[c] /= net->gain;
    }
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
    quantise_fold(out, f, l->out_c);
    out->unit = ldexp(unit, out->shift);
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
    *out = (struct integer){.net = net, .mem = mem, .pool_shift = 24, .gain = 1};
    out->layers = arena_alloc(mem, net->n, sizeof *out->layers);
    out->scale = arena_alloc(mem, net->n, sizeof *out->scale);
    out->pool_mul = arena_alloc(mem, net->n, sizeof *out->pool_mul);
    choose_scales(out, ranges);
    int most = 1;
    for (size_t i = 0; i < net->n; i++)
        most = net->layers[i].out_c > most ? net->layers[i].out_c : most;
    struct fold f = fold_room(most);
    for (size_t i = 1; i < net->n; i++) {
        if (net->layers[i].kind == LAYER_CONV || net->layers[i].kind == LAYER_LINEAR) {
            make_layer(out, weights, (int)i, &f);
            fold_layer(out, weights, (int)i, &f);
        } else if (net->layers[i].kind == LAYER_POOL) {
            fold_pool(out, (int)i);
        }
    }
    fold_free(&f);
    return out;
}

void integer_refold(struct integer *integer, const struct weights *weights, int layer)
{
    struct fold f = fold_room(integer->net->layers[layer].out_c);
    fold_layer(integer, weights, layer, &f);
    fold_free(&f);
}

void integer_destroy(struct integer *integer)
{
    if (integer)
        arena_destroy(integer->mem);
}

// --- Thresholds ---

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
