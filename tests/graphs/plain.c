#include "tests/graphs/plain.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

const struct losses float_losses = {.unit = 0x1p-24};

void plain_create(const struct graph *flat, struct plain *plain)
{
    for (int i = 0; i < flat->n; i++) {
        plain->value[i] = mem_alloc(node_size(&flat->nodes[i]), sizeof(double));
        plain->error[i] = mem_alloc(node_size(&flat->nodes[i]), sizeof(double));
    }
}

void plain_destroy(const struct graph *flat, struct plain *plain)
{
    for (int i = 0; i < flat->n; i++) {
        free(plain->value[i]);
        free(plain->error[i]);
    }
}

// --- The image ---

double plain_pixel(const struct graph *flat, const uint8_t *image, size_t k)
{
    const struct node *in = &flat->nodes[0];
    size_t map = (size_t)in->h * (size_t)in->w, plane = k / map, pixel = k % map;
    if (flat->encoder == GRAPH_RAW) {
        static const double mean[] = {0.485, 0.456, 0.406}, std[] = {0.229, 0.224, 0.225};
        double x = image[k] / (double)((1 << flat->raw_bits) - 1);
        if (flat->normalise == GRAPH_IMAGENET)
            return (x - mean[plane % 3]) / std[plane % 3];
        return flat->normalise == GRAPH_MNIST ? (x - 0.1307) / 0.3081 : x;
    }
    double low = graph_bipolar(flat, 0) ? -1 : 0;
    int levels = graph_planes(flat), channels = in->c / levels, level = (int)plane / channels,
        c = (int)plane % channels;
    int x = image[(size_t)c * map + pixel];
    if (flat->encoder == GRAPH_SIGN)
        return 2.0 * x / ((1 << flat->raw_bits) - 1) - 1 >= 0 ? 1 : low;
    if (flat->encoder == GRAPH_BIT_PLANES) // the highest bit first
        return x >> (levels - 1 - level) & 1 ? 1 : low;
    return x > (level + 0.5) * 256 / levels ? 1 : low;
}

// --- Layers ---

void plain_window(const struct graph *flat, int i, int c, int y, int x,
                  void (*each)(void *context, size_t weight, size_t input), void *context)
{
    const struct node *node = &flat->nodes[i], *from = &flat->nodes[node->from[0]];
    if (node->kind == NODE_LINEAR) {
        size_t n = node_size(from);
        for (size_t k = 0; k < n; k++)
            each(context, (size_t)c * n + k, k);
        return;
    }
    bool pool = node->kind != NODE_CONV;
    int kernel_h = node->kind == NODE_HEAD ? from->h : node->kernel[0];
    int kernel_w = node->kind == NODE_HEAD ? from->w : node->kernel[1];
    int channels = pool ? 1 : from->c / node->groups;
    int first = pool ? c : c / (node->c / node->groups) * channels;
    bool around = node->kind == NODE_CONV && graph_bipolar(flat, node->from[0]) && flat->pad_value;
    size_t weight = pool ? 0 : (size_t)c * channels * kernel_h * kernel_w;
    for (int k = 0; k < channels; k++)
        for (int ky = 0; ky < kernel_h; ky++)
            for (int kx = 0; kx < kernel_w; kx++, weight++) {
                int iy = y * node->stride[0] + ky * node->dilation[0] - node->pad[0];
                int ix = x * node->stride[1] + kx * node->dilation[1] - node->pad[1];
                if (iy >= 0 && iy < from->h && ix >= 0 && ix < from->w)
                    each(context, weight, ((size_t)(first + k) * from->h + iy) * from->w + ix);
                else if (around)
                    each(context, weight, PLAIN_OUTSIDE);
            }
}

ptrdiff_t plain_shortcut(const struct graph *flat, int i, int c, int y, int x)
{
    const struct node *add = &flat->nodes[i], *from = &flat->nodes[add->from[1]];
    int channel = flat->pad_both ? c - (add->c - from->c) / 2 : c;
    if (channel < 0 || channel >= from->c)
        return -1;
    return ((ptrdiff_t)channel * from->h + y * (from->h / add->h)) * from->w +
           x * (from->w / add->w);
}

double plain_scale(const struct graph *flat, int i, int c)
{
    double sum = 0;
    if (flat->values[i].scale)
        return (double)flat->values[i].scale[c];
    size_t n = graph_weights(flat, i);
    for (size_t k = 0; k < n; k++)
        sum += fabs((double)flat->values[i].w[k]);
    return sum / (double)n;
}

double plain_norm(const struct graph *flat, int i, int c, double *shift)
{
    int owner = flat->nodes[i].norm;
    *shift = 0;
    if (owner < 0)
        return 1;
    const struct node_values *v = &flat->values[owner];
    double scale = (double)v->gamma[c] / sqrt((double)v->var[c] + flat->bn_eps);
    *shift = (double)v->beta[c] - (double)v->mean[c] * scale;
    return scale;
}

// What layers read in the binary form; *error: of x, then of the result.
static double threshold(const struct graph *flat, double x, double *error)
{
    double half = flat->plus_minus_one ? 0 : 0.5, low = flat->plus_minus_one ? -1 : 0;
    bool high = flat->plus_minus_one ? x >= half : x > half;
    *error = fabs(x - half) <= *error ? 1 - low : 0;
    return high ? 1 : low;
}

// A sum, and its error, of one output.
struct sum {
    const struct graph *flat;
    const struct plain *plain;
    const float *w;
    int from;
    bool bits;    // pools of the binary form read what layers read
    double alpha; // binary: what +-1 stands for
    double weight_error;
    double value, error, terms, most, most_error; // terms: of absolute values
    int n;
};

static void add_product(void *context, size_t weight, size_t input)
{
    struct sum *s = context;
    const struct graph *flat = s->flat;
    double x = flat->pad_value, e = 0;
    if (input != PLAIN_OUTSIDE) {
        x = s->plain->value[s->from][input];
        e = s->plain->error[s->from][input];
    }
    if (input != PLAIN_OUTSIDE && flat->nodes[s->from].act == ACTS_THRESHOLD)
        x = threshold(flat, x, &e);
    double w = (double)s->w[weight];
    if (flat->binary)
        w = w >= 0 ? 1 : -1;
    s->value += w * x;
    s->terms += fabs(w) * (fabs(x) + e);
    s->error += fabs(w) * e + s->weight_error * (fabs(x) + e);
    s->n++;
}

static void add_element(void *context, size_t weight, size_t input)
{
    struct sum *s = context;
    double x = s->plain->value[s->from][input], e = s->plain->error[s->from][input];
    (void)weight;
    if (s->bits && s->flat->nodes[s->from].act == ACTS_THRESHOLD)
        x = threshold(s->flat, x, &e);
    s->most = s->n && s->most > x ? s->most : x;
    s->most_error = fmax(s->most_error, e);
    s->value += x;
    s->terms += fabs(x) + e;
    s->error += e;
    s->n++;
}

double plain_largest(const struct graph *flat, int i, int c)
{
    size_t all = graph_weights(flat, i), each = graph_inputs(flat, i);
    size_t first = flat->weights_by_layer ? 0 : (size_t)c * each;
    size_t end = flat->weights_by_layer ? all : first + each;
    double largest = 0;
    for (size_t k = first; k < end; k++)
        largest = fmax(largest, fabs((double)flat->values[i].w[k]));
    return largest;
}

// Sums of bits or signs are whole numbers, which floats hold exactly.
static void scale_signs(const struct graph *flat, int i, struct sum *s)
{
    if ((flat->encoder != GRAPH_RAW || flat->nodes[i].from[0] > 0) && !(s->error > 0)) {
        s->terms = fabs(s->value);
        s->n = 0;
    }
    s->value *= s->alpha;
    s->error *= fabs(s->alpha);
    s->terms *= fabs(s->alpha);
}

// Half a step of weights that are rounded to 2^(bits - 1) - 1 symmetric steps.
static double weight_error(const struct graph *flat, int i, int c, int weight_bits)
{
    return weight_bits < 2 ? 0 : plain_largest(flat, i, c) / ((1 << (weight_bits - 1)) - 1) / 2;
}

// The part of a concat that has channel c, with which channel; and the index of an element there.
int plain_part(const struct graph *flat, int i, int c, int y, int x, size_t *at)
{
    const struct node *node = &flat->nodes[i];
    int k = 0;
    while (c >= flat->nodes[node->from[k]].c)
        c -= flat->nodes[node->from[k++]].c;
    *at = ((size_t)c * node->h + y) * node->w + x;
    return node->from[k];
}

static struct sum part_of(const struct graph *flat, int i, int c, int y, int x,
                          const struct plain *plain)
{
    size_t at;
    struct sum s = {.flat = flat, .plain = plain, .bits = flat->binary};
    s.from = plain_part(flat, i, c, y, x, &at);
    add_element(&s, 0, at);
    s.terms = s.n = 0; // copied
    return s;
}

size_t plain_factor(const struct graph *flat, int i, int c, int y, int x)
{
    const struct node *by = &flat->nodes[flat->nodes[i].from[1]];
    return by->h == 1 && by->w == 1 ? (size_t)c : ((size_t)c * by->h + y) * by->w + x;
}

static struct sum product_of(const struct graph *flat, int i, int c, int y, int x,
                             const struct plain *plain)
{
    const struct node *node = &flat->nodes[i];
    size_t at = ((size_t)c * node->h + y) * node->w + x, by = plain_factor(flat, i, c, y, x);
    double a = plain->value[node->from[0]][at], b = plain->value[node->from[1]][by];
    double ea = plain->error[node->from[0]][at], eb = plain->error[node->from[1]][by];
    return (struct sum){.value = a * b,
                        .error = fabs(a) * eb + fabs(b) * ea + ea * eb,
                        .terms = (fabs(a) + ea) * (fabs(b) + eb)};
}

static struct sum sum_of(const struct graph *flat, int i, int c, int y, int x,
                         const struct losses *losses, const struct plain *plain)
{
    const struct node *node = &flat->nodes[i];
    struct sum s = {.flat = flat, .plain = plain, .w = flat->values[i].w, .from = node->from[0]};
    if (graph_weights(flat, i)) {
        s.alpha = flat->binary ? plain_scale(flat, i, c) : 0;
        s.weight_error = weight_error(flat, i, c, losses->weight_bits);
        plain_window(flat, i, c, y, x, add_product, &s);
        if (flat->binary)
            scale_signs(flat, i, &s);
        return s;
    }
    if (node->kind == NODE_CONCAT)
        return part_of(flat, i, c, y, x, plain);
    if (node->kind == NODE_MULTIPLY)
        return product_of(flat, i, c, y, x, plain);
    if (node->kind != NODE_ADD) {
        s.bits = flat->binary;
        plain_window(flat, i, c, y, x, add_element, &s);
        int taps = graph_divisor(flat, i, y, x);
        bool average = node->average || node->kind == NODE_HEAD;
        s.value = average ? s.value / taps : s.most;
        s.error = average ? s.error / taps : s.most_error;
        s.terms = average ? s.terms / taps : 0;
        return s;
    }
    add_element(&s, 0, ((size_t)c * node->h + y) * node->w + x);
    ptrdiff_t shortcut = plain_shortcut(flat, i, c, y, x);
    s.from = node->from[1];
    if (shortcut >= 0)
        add_element(&s, 0, (size_t)shortcut);
    return s;
}

static void run_element(const struct graph *flat, int i, int c, int y, int x,
                        const struct losses *losses, struct plain *plain)
{
    const struct node *node = &flat->nodes[i];
    struct sum s = sum_of(flat, i, c, y, x, losses, plain);
    const float *bias = flat->values[i].bias;
    double shift, scale = plain_norm(flat, i, c, &shift), b = bias ? (double)bias[c] : 0;
    double value = (s.value + b) * scale + shift;
    // A sum of n products has n roundings of products and n - 1 of sums; the scale three, the
    // shift four.
    double parts = fabs(shift) + (fabs(b) + (node->norm >= 0 ? fabs(shift) * 2 : 0));
    if (node->norm >= 0)
        parts += 2 * fabs((double)flat->values[node->norm].mean[c] * scale) + fabs(b * scale);
    double error = (s.error + (s.n + 1) * losses->unit * s.terms) * fabs(scale);
    error += 6 * losses->unit * (fabs(s.terms * scale) + fabs(value) + parts);
    if (node->act == ACTS_RELU && value < 0)
        value = 0;
    size_t at = ((size_t)c * node->h + y) * node->w + x;
    if (losses->step)
        error += losses->step[i] / 2 + fmax(0, fabs(value) - losses->range[i]);
    plain->value[i][at] = value;
    plain->error[i][at] = error;
}

void plain_run(const struct graph *flat, const uint8_t *image, const struct losses *losses,
               struct plain *plain)
{
    size_t inputs = node_size(&flat->nodes[0]);
    for (size_t k = 0; k < inputs; k++) {
        double x = plain_pixel(flat, image, k), step = losses->step ? losses->step[0] : 0;
        bool raw = flat->encoder == GRAPH_RAW;
        plain->value[0][k] = step > 0 ? step * nearbyint(x / step) : x;
        plain->error[0][k] = raw ? 4 * losses->unit * (fabs(x) + 5) : 0;
        if (step > 0 && fabs(fabs(remainder(x, step)) - step / 2) < 1e-5 * step)
            plain->error[0][k] += step; // half a step: rounded either way
    }
    for (int i = 1; i < flat->n; i++)
        for (int c = 0; c < flat->nodes[i].c; c++)
            for (int y = 0; y < flat->nodes[i].h; y++)
                for (int x = 0; x < flat->nodes[i].w; x++)
                    run_element(flat, i, c, y, x, losses, plain);
}
