#include "nets/int_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/encode.h"
#include "nets/net.h"
#include "nets/quantise.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"

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

// What one step of a weight is worth, per output channel.
static void scale_weights(const struct net *net, int layer, const struct layer_weights *weights,
                          double *m)
{
    const struct layer *l = &net->layers[layer];
    if (l->weight_bits == 1)
        weights_scales(weights, l->weights, l->out_c, m);
    else
        quantise_scales(net, layer, weights->w, m);
}

// sign(w) of one bit; else symmetric steps.
static void round_weights(const struct net *net, int layer, const float *w, const double *m,
                          int32_t *out)
{
    const struct layer *l = &net->layers[layer];
    size_t each = (size_t)(l->weights / l->out_c);
    for (size_t i = 0; i < (size_t)l->weights; i++)
        out[i] =
            l->weight_bits == 1 ? (w[i] >= 0 ? 1 : -1) : (int32_t)lrint((double)w[i] / m[i / each]);
}

// Bias and batch-norm of the conv, and the batch-norm that stands behind the add in its place.
static void fold_norm(const struct net *net, const struct weights *weights, int layer, int add,
                      struct fold *f)
{
    const struct layer *l = &net->layers[layer];
    const float *bias = weights->layers[layer].bias;
    bool behind = add >= 0 && add != layer && net->layers[add].bn;
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

// The largest |acc| that a channel's weights can make; of an add alone, the largest element. Broken
// cells make more: a sixteenth of what weights of full scale would make is left in any case.
static double largest_sum(const struct net *net, const struct int_layer *il, int layer, int channel)
{
    const struct layer *l = &net->layers[layer], *from = &net->layers[l->input[0]];
    bool stream = net->form == FORM_BINARY && l->kind == LAYER_ADD;
    double input = stream ? ldexp(1, 31) : ldexp(1, l->in_bits[0] - from->is_signed);
    if (l->kind == LAYER_MULTIPLY)
        return ldexp(input, l->in_bits[1] - net->layers[l->input[1]].is_signed);
    if (!il->w)
        return input;
    size_t each = (size_t)(l->weights / l->out_c);
    double sum = 0, full = (double)each * ldexp(1, l->weight_bits - 1);
    for (size_t i = 0; i < each; i++)
        sum += fabs((double)il->w[(size_t)channel * each + i]);
    return fmax(sum, full / 16) * input;
}

// The largest |x| of the shortcut that a stage adds.
static double largest_shortcut(const struct net *net, const struct int_layer *il)
{
    if (il->add < 0)
        return 0;
    const struct layer *add = &net->layers[il->add];
    return ldexp(1, net->form == FORM_BINARY ? 31 : add->in_bits[1]);
}

// The largest power of two with which values stay below 2^59; at most 40, or, of logits, as many as
// give the largest factor 20 bits: they are compared with each other alone, so that small ones must
// not be rounded to 0. In the binary form factors stay below 2^30, too, for kernels that hold them
// in 32 bits: sums are small there. -1: none does.
static int choose_shift(const struct net *net, const struct int_layer *il, int layer,
                        const struct fold *f)
{
    bool logits = (size_t)(il->add >= 0 ? il->add : layer) == net->n - 1;
    double factor = 1e-200, value = 1e-200, x = largest_shortcut(net, il);
    for (int c = 0; c < net->layers[layer].out_c; c++) {
        double m = fabs(f->m[c]), r = il->res ? fabs(f->r[c]) : 0, b = fabs(f->b[c]);
        factor = fmax(factor, fmax(m, r));
        value = fmax(value, m * largest_sum(net, il, layer, c) + r * x + b);
    }
    if (!(value < 0x1p59))
        return -1; // NaN, too
    int shift = 59 - (int)ceil(log2(value)), narrow = 29 - (int)ceil(log2(factor));
    if (net->form == FORM_BINARY && shift > narrow)
        shift = narrow;
    int fine = logits ? 20 - (int)floor(log2(factor)) : 0, most = fine > 40 ? fine : 40;
    return shift < 0 ? 0 : shift > most ? most : shift;
}

static int64_t to_int64(double v)
{
    return v >= 0x1p60 ? INT64_C(1) << 60 : v <= -0x1p60 ? -(INT64_C(1) << 60) : llrint(v);
}

static bool quantise_fold(const struct net *net, struct int_layer *out, int layer,
                          const struct fold *f)
{
    int shift = choose_shift(net, out, layer, f);
    out->shift = shift < 0 ? 0 : shift;
    double unit = ldexp(1, out->shift);
    for (int c = 0; c < net->layers[layer].out_c; c++) {
        out->mul[c] = to_int64(f->m[c] * unit);
        out->offset[c] = to_int64(f->b[c] * unit);
        if (out->res)
            out->res[c] = to_int64(f->r[c] * unit);
        int64_t factor = out->mul[c] < 0 ? -out->mul[c] : out->mul[c];
        out->limit[c] = (INT64_C(1) << 61) / (factor ? factor : 1);
    }
    return shift >= 0;
}

// What statistics do not touch.
static void make_layer(struct int_net *net, const struct weights *weights, int layer,
                       struct fold *f)
{
    const struct layer *l = &net->net->layers[layer];
    struct int_layer *out = &net->layers[layer];
    size_t channels = (size_t)l->out_c;
    out->add = l->kind == LAYER_ADD ? layer : net_fused_add(net->net, layer); // -1: none
    if (layer_has_weights(l)) {
        int32_t *w = arena_alloc(net->mem, (size_t)l->weights, sizeof *w);
        scale_weights(net->net, layer, &weights->layers[layer], f->m);
        round_weights(net->net, layer, weights->layers[layer].w, f->m, w);
        out->w = w;
        out->bipolar = int_net_bipolar(net, layer);
    }
    out->mul = arena_alloc(net->mem, channels, sizeof *out->mul);
    out->offset = arena_alloc(net->mem, channels, sizeof *out->offset);
    out->limit = arena_alloc(net->mem, channels, sizeof *out->limit);
    if (out->add >= 0)
        out->res = arena_alloc(net->mem, channels, sizeof *out->res);
}

// Real values of one step of a layer's sums: of weights times inputs, or of the map that an add
// reads.
static void scale_sums(const struct int_net *net, const struct weights *weights, int layer,
                       struct fold *f)
{
    const struct layer *l = &net->net->layers[layer];
    if (layer_has_weights(l))
        scale_weights(net->net, layer, &weights->layers[layer], f->m);
    for (int c = 0; c < l->out_c; c++) {
        if (!layer_has_weights(l))
            f->m[c] = l->kind == LAYER_MULTIPLY ? net->scale[l->input[1]] : 1;
        f->m[c] *= net->scale[l->input[0]];
        if (layer_has_weights(l))
            f->m[c] /= net->gain;
    }
}

// What comes out is stored in steps of the map, logits in steps of 2^-16, the binary stream in
// steps of 2^-residual_frac.
static bool fold_layer(struct int_net *net, const struct weights *weights, int layer,
                       struct fold *f)
{
    const struct net *from = net->net;
    const struct layer *l = &from->layers[layer];
    struct int_layer *out = &net->layers[layer];
    int last = out->add >= 0 ? out->add : layer;
    const struct layer *o = &from->layers[last];
    double frac = ldexp(1, from->residual_frac);
    bool binary = from->form == FORM_BINARY, logits = (size_t)last == from->n - 1;
    double unit = binary ? frac : logits ? ldexp(1, 16) : 1 / net->scale[last];
    scale_sums(net, weights, layer, f);
    fold_norm(from, weights, layer, out->add, f);
    double x_step = out->add >= 0 ? net->scale[o->input[1]] : 0;
    bool stream = binary && l->kind == LAYER_ADD; // which has the unit already
    for (int c = 0; c < l->out_c; c++) {
        f->m[c] = stream ? 1 : f->m[c] * unit;
        f->b[c] *= unit;
        f->r[c] *= binary ? 1 : x_step * unit;
    }
    bool fits = quantise_fold(from, out, layer, f);
    out->unit = ldexp(unit, out->shift);
    out->half = o->bipolar ? -1 : to_int64(ldexp(frac / 2, out->shift));
    if (binary)
        out->high = power(from->residual_bits > 0 ? from->residual_bits - 1 : 31) - 1;
    else
        out->high = power(o->out_bits - o->is_signed) - 1;
    out->low = binary || (o->is_signed && o->act != ACT_RELU) ? -out->high - 1 : 0;
    return fits;
}

// --- Scales of the k-bit forms ---

// Layers that share a number format have one scale, which the largest value of them all takes:
// largest[i] of format i, of layer i in the binary form.
static int format_of(const struct net *net, size_t layer)
{
    return net->form == FORM_BINARY ? (int)layer : net->layers[layer].format_of;
}

static void find_largest(const struct net *net, const double *ranges, double *largest)
{
    for (size_t i = 0; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        if (l->kind == LAYER_CONCAT || (l->kind == LAYER_POOL && l->pool == POOL_MAX))
            continue; // has no values but those of what it reads
        double range = ranges ? ranges[i] : i ? 1 : encode_range(net);
        double *shared = &largest[format_of(net, i)];
        *shared = fmax(range, *shared);
    }
}

// The steps of a raw image cover what a normalised pixel can be. Maps of zeros take range 1.
static void choose_scales(struct int_net *net, const double *ranges)
{
    const struct net *from = net->net;
    const struct layer *image = &from->layers[0];
    bool raw = from->encoder == ENCODER_RAW;
    double *largest = mem_alloc(from->n, sizeof *largest);
    find_largest(from, ranges, largest);
    net->input_high = raw ? (int32_t)(power(image->out_bits - image->is_signed) - 1) : 1;
    net->input_low = raw && image->is_signed ? -net->input_high : 0;
    net->input_scale = raw ? largest[0] / net->input_high : 1;
    for (size_t i = 0; i < from->n; i++) {
        const struct layer *l = &from->layers[i];
        double range = largest[format_of(from, i)] > 0 ? largest[format_of(from, i)] : 1;
        if (format_of(from, i) == 0)
            net->scale[i] = net->input_scale;
        else if (from->form == FORM_BINARY)
            net->scale[i] = 1;
        else
            net->scale[i] = range / (double)(power(l->out_bits - l->is_signed) - 1);
    }
    free(largest);
}

// Steps of a pool's output in one of its input.
static double pool_ratio(const struct int_net *net, int layer)
{
    return net->scale[net->net->layers[layer].input[0]] / net->scale[layer];
}

static int64_t pool_mul(const struct int_net *net, int layer, int inputs)
{
    return llrint(pool_ratio(net, layer) / inputs * ldexp(1, net->pool_shift[layer]));
}

static void fold_pool(struct int_net *net, int layer)
{
    const struct layer *l = &net->net->layers[layer];
    // The sum of a window times the factor stays below 2^60.
    int shift = 59 - l->in_bits[0] - (int)ceil(log2(pool_ratio(net, layer)));
    net->pool_shift[layer] = shift < 0 ? 0 : shift > 40 ? 40 : shift;
    net->pool_mul[layer] = pool_mul(net, layer, l->kernel_h * l->kernel_w);
}

int64_t int_net_pool_mul(const struct int_net *net, int layer, int inputs)
{
    const struct layer *l = &net->net->layers[layer];
    bool all = inputs == l->kernel_h * l->kernel_w;
    return all ? net->pool_mul[layer] : pool_mul(net, layer, inputs);
}

// A map of bits: a comparator's or an encoder's, a concat of these, or a max-pool of one.
static bool holds_bits(const struct net *net, int layer)
{
    const struct layer *l = &net->layers[layer];
    bool copies = l->kind == LAYER_CONCAT || (l->kind == LAYER_POOL && l->pool == POOL_MAX);
    if (copies)
        return holds_bits(net, l->input[0]);
    if (l->kind == LAYER_POOL) // an average is a fraction, whose batch-norm no stage computes
        return false;
    return layer ? l->act == ACT_THRESHOLD : net->encoder != ENCODER_RAW;
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
        if (l->kind == LAYER_POOL && net->form == FORM_BINARY && !holds_bits(net, (int)i))
            return err_set(
                err,
                "net '%s': pool '%s' has no integer form in a binary net, whose integer pools are "
                "max-pools of bits; set head: flatten and max_pool: stride",
                net->name, l->name);
        if (l->weight_bits > 16)
            return err_set(err, "net '%s': weights of %d bits are too wide; at most 16", net->name,
                           l->weight_bits);
    }
    return true;
}

// A stage runs where its last layer stands: only then all that it reads is there.
static void order_stages(struct int_net *out)
{
    const struct net *net = out->net;
    int *first = mem_alloc(net->n, sizeof *first); // of the stage that ends with a layer; 0: none
    out->stages = arena_alloc(out->mem, net->n, sizeof *out->stages);
    for (int i = 1; i < (int)net->n; i++) {
        int add = layer_has_weights(&net->layers[i]) ? net_fused_add(net, i) : -1;
        if (add >= 0)
            first[add] = i;
        else if (!first[i])
            first[i] = i;
    }
    for (size_t i = 1; i < net->n; i++)
        if (first[i])
            out->stages[out->n_stages++] = first[i];
    free(first);
}

static bool fold_all(struct int_net *out, const struct weights *weights, struct err *err)
{
    const struct net *net = out->net;
    int widest = 1;
    bool ok = true;
    for (size_t i = 0; i < net->n; i++)
        widest = net->layers[i].out_c > widest ? net->layers[i].out_c : widest;
    struct fold f = fold_room(widest);
    for (int s = 0; s < out->n_stages && ok; s++) {
        int layer = out->stages[s];
        if (net->layers[layer].kind == LAYER_POOL) {
            fold_pool(out, layer);
            continue;
        }
        if (net->layers[layer].kind == LAYER_CONCAT)
            continue;
        make_layer(out, weights, layer, &f);
        ok = fold_layer(out, weights, layer, &f) ||
             err_set(err,
                     "layer '%s': its weights, batch-norm and ranges give factors that 64 bits do "
                     "not hold; check for values that are infinite, not a number or far too large",
                     net->layers[layer].name);
    }
    fold_free(&f);
    return ok;
}

struct int_net *int_net_create(const struct net *net, const struct weights *weights,
                               const double *ranges, struct err *err)
{
    if (!check_net(net, err))
        return NULL;
    struct arena *mem = arena_create();
    struct int_net *out = arena_alloc(mem, 1, sizeof *out);
    *out = (struct int_net){.net = net, .mem = mem, .gain = 1};
    out->layers = arena_alloc(mem, net->n, sizeof *out->layers);
    out->scale = arena_alloc(mem, net->n, sizeof *out->scale);
    out->pool_mul = arena_alloc(mem, net->n, sizeof *out->pool_mul);
    out->pool_shift = arena_alloc(mem, net->n, sizeof *out->pool_shift);
    for (size_t i = 0; i < net->n; i++)
        out->layers[i].add = -1;
    choose_scales(out, ranges);
    order_stages(out);
    if (fold_all(out, weights, err))
        return out;
    int_net_destroy(out);
    return NULL;
}

void int_net_refold(struct int_net *integer, const struct weights *weights, int layer)
{
    struct fold f = fold_room(integer->net->layers[layer].out_c);
    fold_layer(integer, weights, layer, &f);
    fold_free(&f);
}

void int_net_destroy(struct int_net *integer)
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

void int_net_threshold(const struct int_layer *layer, int channel, int32_t *low, int32_t *high)
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
