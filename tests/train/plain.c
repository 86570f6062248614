#include "tests/train/plain.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nets/encode.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "base/mem.h"

struct map {
    double *sum;   // before batch-norm
    double *v;     // after it
    double *value; // after the activation, for adds and pools
    double *read;  // for products
    double *d_value, *d_read, *d_sum;
    double *mean, *inverse; // per channel
    double *w;              // in effect
    double *x_hat;
};

struct plain {
    const struct plain_step *s;
    const struct net *net;
    struct map *maps;
    int *first;     // per layer: the first of those that share its quantiser's steps
    bool *has_sign; // whether one of these has values below zero
};

static size_t size_of(const struct layer *l)
{
    return (size_t)l->out_c * l->out_h * l->out_w;
}

static bool stepped(const struct net *net)
{
    return net->form == FORM_INT8 || net->form == FORM_INT16;
}

static bool product(const struct layer *l)
{
    return l->kind == LAYER_CONV || l->kind == LAYER_LINEAR;
}

static bool signs(const struct net *net, const struct layer *l)
{
    return net->activations == ACTIVATIONS_PLUS_MINUS_ONE && l->act == ACT_THRESHOLD;
}

static int owner_of(const struct layer *l, int i)
{
    return l->kind == LAYER_ADD ? l->input[0] : i;
}

// 0: not quantised.
static double range_of(const struct plain *p, int i)
{
    const struct layer *l = &p->net->layers[i];
    bool last = (size_t)i + 1 == p->net->n;
    if (!stepped(p->net) || i == 0 || last || (product(l) && net_fused_add(p->net, i) >= 0))
        return 0;
    return p->s->ranges[p->first[i]];
}

// Whether a map of the integer forms has values below zero: no ReLU follows it, nor what it pools.
static bool keeps_sign(const struct plain *p, int i)
{
    const struct layer *l = &p->net->layers[i];
    if (!stepped(p->net) || i == 0)
        return false;
    if (l->kind == LAYER_POOL)
        return keeps_sign(p, l->input[0]) || (l->input[0] == 0 && p->net->encoder == ENCODER_RAW);
    bool any = false; // of what it joins or multiplies
    for (int k = 0; k < l->n_inputs; k++)
        any |= keeps_sign(p, l->input[k]) || (l->input[k] == 0 && p->net->encoder == ENCODER_RAW);
    if (l->kind == LAYER_CONCAT)
        return any;
    return l->act == ACT_NONE && (l->kind != LAYER_MULTIPLY || any);
}

// The parts of a concat, and a max pool and what it reads, have the same steps.
static void find_formats(struct plain *p)
{
    int n = (int)p->net->n;
    p->first = mem_alloc((size_t)n, sizeof *p->first);
    p->has_sign = mem_alloc((size_t)n, sizeof *p->has_sign);
    for (int i = 0; i < n; i++)
        p->first[i] = i;
    for (int pass = 0; pass < n; pass++)
        for (int i = 1; i < n; i++) {
            const struct layer *l = &p->net->layers[i];
            bool same = l->kind == LAYER_CONCAT || (l->kind == LAYER_POOL && l->pool == POOL_MAX);
            for (int k = 0; k < l->n_inputs && same; k++) {
                int *a = &p->first[i], *b = &p->first[l->input[k]];
                *a = *b = *a < *b ? *a : *b;
            }
        }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            p->has_sign[i] |= p->first[i] == p->first[j] && keeps_sign(p, j);
}

// Of the layer, or of the output channel that weight k belongs to.
static double largest_of(const struct plain *p, int i, size_t k)
{
    const struct layer *l = &p->net->layers[i];
    const float *w = p->s->params->layers[i].w;
    bool shared = p->net->weight_scale == WEIGHT_SCALE_LAYER;
    size_t each = (size_t)(shared ? l->weights : l->weights / l->out_c);
    double largest = 0;
    for (size_t j = k / each * each; j < (k / each + 1) * each; j++)
        largest = fmax(largest, fabs((double)w[j]));
    return largest;
}

static void make_weights(struct plain *p, int i)
{
    const struct layer *l = &p->net->layers[i];
    const float *w = p->s->params->layers[i].w;
    size_t n = (size_t)l->weights;
    double *to = p->maps[i].w, sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += fabs((double)w[k]);
    for (size_t k = 0; k < n; k++) {
        double step = largest_of(p, i, k) / (pow(2, l->weight_bits - 1) - 1);
        to[k] = (double)w[k];
        if (l->weight_bits == 1)
            to[k] = (w[k] >= 0 ? 1 : -1) * (double)(float)(sum / (double)n); // sums are exact
        else if (stepped(p->net))
            to[k] = rint((double)w[k] / step) * step;
    }
}

// Calls `each` with all pairs (input element, weight) of an output element.
typedef void visit(struct plain *p, int i, size_t in, size_t w, size_t out);

static void visit_taps(struct plain *p, int i, const int at[4], size_t out, visit *each)
{
    const struct layer *l = &p->net->layers[i];
    int in_each = l->in_c / l->groups, group = at[1] / (l->out_c / l->groups);
    for (int c = 0; c < in_each; c++)
        for (int ky = 0; ky < l->kernel_h; ky++)
            for (int kx = 0; kx < l->kernel_w; kx++) {
                int y = at[2] * l->stride_h + ky * l->dilation_h - l->pad_top;
                int x = at[3] * l->stride_w + kx * l->dilation_w - l->pad_left;
                if (y < 0 || y >= l->in_h || x < 0 || x >= l->in_w)
                    continue;
                size_t channel = (size_t)at[0] * l->in_c + (size_t)group * in_each + c;
                size_t w = (((size_t)at[1] * in_each + c) * l->kernel_h + ky) * l->kernel_w + kx;
                each(p, i, (channel * l->in_h + y) * l->in_w + x, w, out);
            }
}

static void visit_product(struct plain *p, int i, visit *each)
{
    const struct layer *l = &p->net->layers[i];
    size_t out = 0;
    for (int n = 0; n < p->s->n; n++)
        for (int o = 0; o < l->out_c; o++)
            for (int y = 0; y < l->out_h; y++)
                for (int x = 0; x < l->out_w; x++, out++)
                    visit_taps(p, i, (int[]){n, o, y, x}, out, each);
}

static void multiply(struct plain *p, int i, size_t in, size_t w, size_t out)
{
    struct map *m = &p->maps[i];
    m->sum[out] += m->w[w] * p->maps[p->net->layers[i].input[0]].read[in];
}

// Elements of the shortcut that an add meets; -1: none.
static long met(const struct plain *p, int i, int n, int c, int y, int x)
{
    const struct layer *l = &p->net->layers[i], *s = &p->net->layers[l->input[1]];
    int step_h = s->out_h / l->out_h, step_w = s->out_w / l->out_w,
        shift = p->net->pad_both ? (l->out_c - s->out_c) / 2 : 0;
    if (c - shift < 0 || c - shift >= s->out_c)
        return -1;
    return (((long)n * s->out_c + c - shift) * s->out_h + y * step_h) * s->out_w + x * step_w;
}

static void run_add(struct plain *p, int i, bool back)
{
    const struct layer *l = &p->net->layers[i];
    struct map *m = &p->maps[i], *a = &p->maps[l->input[0]], *b = &p->maps[l->input[1]];
    size_t out = 0;
    for (int n = 0; n < p->s->n; n++)
        for (int c = 0; c < l->out_c; c++)
            for (int y = 0; y < l->out_h; y++)
                for (int x = 0; x < l->out_w; x++, out++) {
                    long from = met(p, i, n, c, y, x);
                    if (back) {
                        a->d_value[out] += m->d_sum[out];
                        if (from >= 0)
                            b->d_value[from] += m->d_sum[out];
                    } else {
                        m->sum[out] = a->value[out] + (from >= 0 ? b->value[from] : 0);
                    }
                }
}

static void run_concat(struct plain *p, int i, bool back)
{
    const struct layer *l = &p->net->layers[i];
    struct map *m = &p->maps[i];
    size_t out = 0;
    for (int n = 0; n < p->s->n; n++)
        for (int k = 0; k < l->n_inputs; k++) {
            struct map *from = &p->maps[l->input[k]];
            size_t size = size_of(&p->net->layers[l->input[k]]);
            for (size_t in = n * size; in < (n + 1) * size; in++, out++)
                if (back)
                    from->d_read[in] += m->d_sum[out];
                else
                    m->sum[out] = from->read[in];
        }
}

static void run_multiply(struct plain *p, int i, bool back)
{
    const struct layer *l = &p->net->layers[i], *by = &p->net->layers[l->input[1]];
    struct map *m = &p->maps[i], *a = &p->maps[l->input[0]], *b = &p->maps[l->input[1]];
    size_t out = 0;
    for (int n = 0; n < p->s->n; n++)
        for (int c = 0; c < l->out_c; c++)
            for (int y = 0; y < l->out_h; y++)
                for (int x = 0; x < l->out_w; x++, out++) {
                    int by_y = by->out_h > 1 ? y : 0, by_x = by->out_w > 1 ? x : 0;
                    size_t at = (((size_t)n * by->out_c + c) * by->out_h + by_y) * by->out_w + by_x;
                    if (!back) {
                        m->sum[out] = a->value[out] * b->value[at];
                        continue;
                    }
                    a->d_value[out] += m->d_sum[out] * b->value[at];
                    b->d_value[at] += m->d_sum[out] * a->value[out];
                }
}

// One window of a pool: its value, or its gradient to what it read.
static void pool_window(struct plain *p, int i, size_t plane, int oy, int ox, size_t out, bool back)
{
    const struct layer *l = &p->net->layers[i];
    struct map *m = &p->maps[i], *from = &p->maps[l->input[0]];
    double most = -HUGE_VAL, sum = 0, area = 0;
    size_t best = 0;
    for (int tap = 0; tap < l->kernel_h * l->kernel_w; tap++) {
        int y = oy * l->stride_h - l->pad_top + tap / l->kernel_w * l->dilation_h;
        int x = ox * l->stride_w - l->pad_left + tap % l->kernel_w * l->dilation_w;
        area += l->count_pad || (y >= 0 && y < l->in_h && x >= 0 && x < l->in_w);
    }
    for (int ky = 0; ky < l->kernel_h; ky++)
        for (int kx = 0; kx < l->kernel_w; kx++) {
            int y = oy * l->stride_h - l->pad_top + ky * l->dilation_h;
            int x = ox * l->stride_w - l->pad_left + kx * l->dilation_w;
            if (y < 0 || y >= l->in_h || x < 0 || x >= l->in_w)
                continue;
            size_t at = (plane * l->in_h + y) * l->in_w + x;
            if (from->value[at] > most) {
                most = from->value[at];
                best = at;
            }
            sum += from->value[at];
            if (back && l->pool == POOL_AVERAGE)
                from->d_value[at] += m->d_sum[out] / area;
        }
    if (back && l->pool == POOL_MAX)
        from->d_value[best] += m->d_sum[out];
    if (!back)
        m->sum[out] = l->pool == POOL_MAX ? most : sum / area;
}

static void run_pool(struct plain *p, int i, bool back)
{
    const struct layer *l = &p->net->layers[i];
    size_t out = 0;
    for (size_t plane = 0; plane < (size_t)p->s->n * l->out_c; plane++)
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++, out++)
                pool_window(p, i, plane, y, x, out, back);
}

static void add_bias(struct plain *p, int i)
{
    const struct layer *l = &p->net->layers[i];
    const float *bias = p->s->params->layers[i].bias;
    size_t pixels = (size_t)l->out_h * l->out_w;
    for (size_t k = 0; bias && k < (size_t)p->s->n * size_of(l); k++)
        p->maps[i].sum[k] += (double)bias[k / pixels % l->out_c];
}

static void normalise(struct plain *p, int i, struct weights *grads)
{
    const struct layer *l = &p->net->layers[i];
    int owner = owner_of(l, i);
    const struct layer_weights *w = &p->s->params->layers[owner];
    struct map *m = &p->maps[i];
    size_t pixels = (size_t)l->out_h * l->out_w, count = pixels * (size_t)p->s->n;
    for (int c = 0; c < l->out_c; c++) {
        double mean = 0, var = 0;
        for (size_t k = 0; k < count; k++)
            mean += m->sum[(k / pixels * l->out_c + c) * pixels + k % pixels] / (double)count;
        for (size_t k = 0; k < count; k++)
            var += pow(m->sum[(k / pixels * l->out_c + c) * pixels + k % pixels] - mean, 2) /
                   (double)count;
        if (grads && l->bn) {
            grads->layers[owner].mean[c] = (float)mean;
            grads->layers[owner].var[c] = (float)(var * (double)count / ((double)count - 1));
        }
        if (p->s->running && l->bn) {
            mean = (double)w->mean[c];
            var = (double)w->var[c];
        }
        m->mean[c] = mean;
        m->inverse[c] = l->bn ? 1 / sqrt(var + w->bn_eps) : 0;
        for (size_t k = 0; k < count; k++) {
            size_t at = (k / pixels * l->out_c + c) * pixels + k % pixels;
            m->x_hat[at] = (m->sum[at] - mean) * m->inverse[c];
            if (l->bn)
                m->v[at] = (double)w->gamma[c] * m->x_hat[at] + (double)w->beta[c];
            else
                m->v[at] = m->sum[at];
        }
    }
}

static void activate(struct plain *p, int i)
{
    const struct layer *l = &p->net->layers[i];
    struct map *m = &p->maps[i];
    double range = range_of(p, i), top = pow(2, l->out_bits - p->has_sign[i]) - 1;
    double bottom = keeps_sign(p, i) ? -top : 0;
    for (size_t k = 0; k < (size_t)p->s->n * size_of(l); k++) {
        double v = m->v[k];
        if (l->act == ACT_RELU)
            v = fmax(v, 0);
        if (range > 0)
            v = rint(fmin(fmax(v / range * top, bottom), top)) / top * range;
        m->value[k] = v;
        m->read[k] = l->act == ACT_THRESHOLD ? v > 0.5 : v;
        if (signs(p->net, l))
            m->read[k] = v >= 0 ? 1 : -1;
    }
}

static void encode(struct plain *p)
{
    size_t size = size_of(&p->net->layers[0]);
    float *planes = mem_alloc(size, sizeof *planes);
    bool steps = stepped(p->net) && p->net->encoder == ENCODER_RAW;
    double step = steps ? p->s->ranges[0] / (pow(2, p->net->raw_bits - 1) - 1) : 1;
    for (int n = 0; n < p->s->n; n++) {
        encode_floats(p->net, p->s->images[n], planes);
        for (size_t k = 0; k < size; k++) {
            double v = (double)planes[k];
            p->maps[0].read[n * size + k] = steps ? rint(v / step) * step : v;
            p->maps[0].value[n * size + k] = p->maps[0].read[n * size + k];
        }
    }
    free(planes);
}

static void forward(struct plain *p, struct weights *grads)
{
    encode(p);
    for (int i = 1; i < (int)p->net->n; i++) {
        const struct layer *l = &p->net->layers[i];
        if (product(l)) {
            make_weights(p, i);
            visit_product(p, i, multiply);
            add_bias(p, i);
        } else if (l->kind == LAYER_ADD) {
            run_add(p, i, false);
        } else if (l->kind == LAYER_CONCAT) {
            run_concat(p, i, false);
        } else if (l->kind == LAYER_MULTIPLY) {
            run_multiply(p, i, false);
        } else {
            run_pool(p, i, false);
        }
        normalise(p, i, grads);
        activate(p, i);
    }
}

static double lose(struct plain *p)
{
    int classes = p->net->classes, last = (int)p->net->n - 1;
    double loss = 0;
    for (int n = 0; n < p->s->n; n++) {
        const double *z = p->maps[last].value + (size_t)n * classes;
        const float *t = p->s->targets + (size_t)n * classes;
        double sum = 0;
        for (int c = 0; c < classes; c++)
            sum += exp(z[c]);
        for (int c = 0; c < classes; c++) {
            loss -= (double)t[c] * log(exp(z[c]) / sum) / p->s->n;
            p->maps[last].d_value[(size_t)n * classes + c] =
                (exp(z[c]) / sum - (double)t[c]) / p->s->n;
        }
    }
    return loss;
}

// d loss / d v of an element.
static double gradient(const struct plain *p, int i, size_t at)
{
    const struct layer *l = &p->net->layers[i];
    const struct map *m = &p->maps[i];
    double v = m->v[at], range = range_of(p, i);
    if (signs(p->net, l)) // Hubara et al., 2016, eq. 4: hard tanh
        return m->d_value[at] + (fabs(v) <= 1 ? m->d_read[at] : 0);
    if (l->act == ACT_THRESHOLD && range <= 0)
        return m->d_value[at] + (v >= 0 && v <= 1 ? m->d_read[at] : 0);
    double d = m->d_value[at] + m->d_read[at];
    double low = keeps_sign(p, i) ? -range : 0;
    if ((l->act == ACT_RELU && v <= 0) || (range > 0 && (v < low || v > range)))
        return 0;
    return d;
}

static void denormalise(struct plain *p, int i, struct weights *grads)
{
    const struct layer *l = &p->net->layers[i];
    int owner = owner_of(l, i);
    struct layer_weights *to = &grads->layers[owner];
    struct map *m = &p->maps[i];
    size_t pixels = (size_t)l->out_h * l->out_w, count = pixels * (size_t)p->s->n;
    for (int c = 0; c < l->out_c; c++) {
        double d = 0, dx = 0;
        for (size_t k = 0; k < count; k++) {
            size_t at = (k / pixels * l->out_c + c) * pixels + k % pixels;
            d += gradient(p, i, at);
            dx += gradient(p, i, at) * m->x_hat[at];
        }
        for (size_t k = 0; k < count; k++) {
            size_t at = (k / pixels * l->out_c + c) * pixels + k % pixels;
            m->d_sum[at] = gradient(p, i, at);
            if (l->bn)
                m->d_sum[at] =
                    (double)p->s->params->layers[owner].gamma[c] * m->inverse[c] *
                    (m->d_sum[at] - d / (double)count - m->x_hat[at] * dx / (double)count);
        }
        if (l->bn) {
            to->gamma[c] = (float)dx;
            to->beta[c] = (float)d;
        }
        double bias = 0;
        for (size_t k = 0; k < count; k++)
            bias += m->d_sum[(k / pixels * l->out_c + c) * pixels + k % pixels];
        if (product(l) && to->bias)
            to->bias[c] = (float)bias;
    }
}

static void multiply_back(struct plain *p, int i, size_t in, size_t w, size_t out)
{
    struct map *m = &p->maps[i], *from = &p->maps[p->net->layers[i].input[0]];
    from->d_read[in] += m->w[w] * m->d_sum[out];
    m->x_hat[w] += from->read[in] * m->d_sum[out];
}

static void backward(struct plain *p, struct weights *grads)
{
    for (int i = (int)p->net->n - 1; i > 0; i--) {
        const struct layer *l = &p->net->layers[i];
        denormalise(p, i, grads);
        if (product(l)) {
            // x_hat is not needed any more: room for the weights' gradients.
            p->maps[i].x_hat = mem_resize(p->maps[i].x_hat, (size_t)l->weights, sizeof(double));
            memset(p->maps[i].x_hat, 0, (size_t)l->weights * sizeof(double));
            visit_product(p, i, multiply_back);
            for (int64_t k = 0; k < l->weights; k++)
                grads->layers[i].w[k] = (float)p->maps[i].x_hat[k];
        } else if (l->kind == LAYER_ADD) {
            run_add(p, i, true);
        } else if (l->kind == LAYER_CONCAT) {
            run_concat(p, i, true);
        } else if (l->kind == LAYER_MULTIPLY) {
            run_multiply(p, i, true);
        } else {
            run_pool(p, i, true);
        }
    }
}

double plain_run(const struct plain_step *step, struct weights *grads, double *logits)
{
    struct plain p = {step, step->net, mem_alloc(step->net->n, sizeof *p.maps), NULL, NULL};
    find_formats(&p);
    const size_t n = step->net->n;
    for (size_t i = 0; i < n; i++) {
        const struct layer *l = &step->net->layers[i];
        struct map *m = &p.maps[i];
        double **maps[] = {&m->sum,     &m->v,      &m->value, &m->read,
                           &m->d_value, &m->d_read, &m->d_sum, &m->x_hat};
        for (size_t k = 0; k < sizeof maps / sizeof *maps; k++)
            *maps[k] = mem_alloc((size_t)step->n * size_of(l), sizeof(double));
        m->mean = mem_alloc((size_t)l->out_c, sizeof(double));
        m->inverse = mem_alloc((size_t)l->out_c, sizeof(double));
        m->w = mem_alloc((size_t)l->weights, sizeof(double));
    }
    forward(&p, grads);
    for (int k = 0; logits && k < step->n * step->net->classes; k++)
        logits[k] = p.maps[n - 1].value[k];
    double loss = step->targets ? lose(&p) : 0;
    if (grads)
        backward(&p, grads);
    for (size_t i = 0; i < n; i++) {
        struct map *m = &p.maps[i];
        double *maps[] = {m->sum,   m->v,     m->value, m->read,    m->d_value, m->d_read,
                          m->d_sum, m->x_hat, m->mean,  m->inverse, m->w};
        for (size_t k = 0; k < sizeof maps / sizeof *maps; k++)
            free(maps[k]);
    }
    free(p.first);
    free(p.has_sign);
    free(p.maps);
    return loss;
}
