#include "nets/int_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/encode.h"
#include "nets/geometry.h"
#include "nets/net.h"
#include "base/mem.h"

struct int_net_run {
    const struct int_net *net;
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

struct int_net_run *int_net_run_create(const struct int_net *integer)
{
    const struct net *net = integer->net;
    struct int_net_run *run = mem_alloc(1, sizeof *run);
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

void int_net_run_destroy(struct int_net_run *run)
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

// A window of one channel: its taps that are inside the map.
struct inside {
    struct taps rows, columns;
    int top, left; // of the map, under tap (0, 0)
};

static struct inside window_inside(const struct layer *l, int y, int x)
{
    struct taps rows = taps_inside_h(l, y), columns = taps_inside_w(l, x);
    return (struct inside){
        .rows = rows,
        .columns = columns,
        .top = window_top(l, y),
        .left = window_left(l, x),
    };
}

static int64_t multiply_channel(const struct layer *l, const struct inside *in, const int32_t *map,
                                const int32_t *kernel)
{
    int64_t sum = 0;
    for (int ky = in->rows.first; ky < in->rows.end; ky++)
        for (int kx = in->columns.first; kx < in->columns.end; kx++) {
            int y = in->top + ky * l->dilation_h, x = in->left + kx * l->dilation_w;
            sum += (int64_t)kernel[ky * l->kernel_w + kx] * map[y * l->in_w + x];
        }
    return sum;
}

// Of the weights that stand on bits of 1 around the map.
static int64_t sum_outside(const struct layer *l, const struct inside *in, const int32_t *kernel)
{
    int64_t sum = 0;
    for (int ky = 0; ky < l->kernel_h; ky++)
        for (int kx = 0; kx < l->kernel_w; kx++) {
            bool there = ky >= in->rows.first && ky < in->rows.end && kx >= in->columns.first &&
                         kx < in->columns.end;
            sum += there ? 0 : kernel[ky * l->kernel_w + kx];
        }
    return sum;
}

void int_net_matrix_reference(void *integer, int layer, const int32_t *in, int64_t *acc)
{
    const struct int_net *net = integer;
    const struct layer *l = &net->net->layers[layer];
    int in_each = l->in_c / l->groups, out_each = l->out_c / l->groups;
    size_t taps = (size_t)l->kernel_h * l->kernel_w, map = (size_t)l->in_h * l->in_w;
    for (int o = 0; o < l->out_c; o++) {
        const int32_t *w = net->layers[layer].w + (size_t)o * in_each * taps;
        const int32_t *from = in + (size_t)(o / out_each) * in_each * map;
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++) {
                struct inside inside = window_inside(l, y, x);
                int64_t sum = 0;
                for (int c = 0; c < in_each; c++)
                    sum += multiply_channel(l, &inside, from + c * map, w + c * taps);
                for (int c = 0; c < in_each && l->pad_one; c++)
                    sum += sum_outside(l, &inside, w + c * taps);
                *acc++ = sum;
            }
    }
}

static int32_t clamp(int64_t v, int64_t low, int64_t high)
{
    return (int32_t)(v < low ? low : v > high ? high : v);
}

// The image as an add of the binary form takes it: in steps of 2^-residual_frac.
static void load_stream(struct int_net_run *run)
{
    const struct net *net = run->net->net;
    int64_t high = ((int64_t)1 << (net->residual_bits > 0 ? net->residual_bits - 1 : 31)) - 1;
    double unit = run->net->scale[0] * ldexp(1, net->residual_frac);
    bool bipolar = net->layers[0].bipolar;
    for (size_t i = 0; i < map_size(&net->layers[0]); i++) {
        int32_t value = bipolar ? 2 * run->maps[0][i] - 1 : run->maps[0][i];
        run->streams[0][i] = clamp(llrint(value * unit), -high - 1, high);
    }
}

void int_net_run_load(struct int_net_run *run, const uint8_t *image)
{
    const struct net *net = run->net->net;
    size_t n = map_size(&net->layers[0]);
    int32_t *to = run->maps[0];
    if (net->encoder != ENCODER_RAW) {
        encode_bits(net, image, run->planes);
        for (size_t i = 0; i < n; i++)
            to[i] = run->planes[i];
    } else {
        encode_floats(net, image, run->pixels);
        for (size_t i = 0; i < n; i++)
            to[i] = clamp(llrint((double)run->pixels[i] / run->net->input_scale),
                          run->net->input_low, run->net->input_high);
    }
    if (run->streams[0] != to)
        load_stream(run);
}

// Adds the shortcut's elements for channel c, row y of an add; nothing where channels are appended.
static void add_shortcut(const struct int_net_run *run, const struct int_layer *il, int c, int y,
                         int64_t *v)
{
    const struct net *net = run->net->net;
    const struct layer *l = &net->layers[il->add], *s = &net->layers[l->input[1]];
    int step_h = shortcut_step_h(l, s), step_w = shortcut_step_w(l, s);
    int source = c - (net->pad_both ? (l->out_c - s->out_c) / 2 : 0);
    if (source < 0 || source >= s->out_c)
        return;
    const int32_t *from =
        run->streams[l->input[1]] + ((size_t)source * s->out_h + (size_t)y * step_h) * s->out_w;
    for (int x = 0; x < l->out_w; x++)
        v[x] += il->res[c] * from[(size_t)x * step_w];
}

static int64_t round_shift(int64_t v, int shift)
{
    return shift ? (v + ((int64_t)1 << (shift - 1))) >> shift : v;
}

// One row of an output channel, v without the shortcut.
static void finish_row(struct int_net_run *run, const struct int_layer *il, int last, size_t at,
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

static int64_t constant_at(const struct int_net *net, int layer, int y, int x, int c)
{
    const struct int_bipolar *b = net->layers[layer].bipolar;
    size_t window = (size_t)b->row[y] * b->columns + b->column[x];
    return int_net_constant(net, layer, window * net->net->layers[layer].out_c + c);
}

void int_net_run_values(const struct int_net_run *run, int layer, bool shortcut, int64_t *v)
{
    const struct net *net = run->net->net;
    const struct int_layer *il = &run->net->layers[layer];
    const struct layer *l = &net->layers[layer];
    size_t at = 0;
    for (int c = 0; c < l->out_c; c++)
        for (int y = 0; y < l->out_h; y++, at += l->out_w) {
            for (int x = 0; x < l->out_w; x++) {
                int64_t acc = run->acc[at + x], limit = il->limit[c];
                if (il->bipolar)
                    acc = 2 * acc - constant_at(run->net, layer, y, x, c);
                acc = acc < -limit ? -limit : acc > limit ? limit : acc;
                v[at + x] = il->mul[c] * acc + il->offset[c];
            }
            if (il->res && shortcut)
                add_shortcut(run, il, c, y, v + at);
        }
}

static void finish_stage(struct int_net_run *run, int layer)
{
    const struct net *net = run->net->net;
    const struct int_layer *il = &run->net->layers[layer];
    int last = il->add >= 0 ? il->add : layer;
    const struct layer *o = &net->layers[last];
    bool logits = (size_t)last == net->n - 1;
    int_net_run_values(run, layer, true, logits ? run->logits : run->acc);
    size_t rows = logits ? 0 : (size_t)o->out_c * o->out_h;
    for (size_t at = 0; rows--; at += o->out_w)
        finish_row(run, il, last, at, run->acc + at, o->out_w);
}

static int64_t pool_window(const struct int_net *net, int layer, const struct inside *in,
                           const int32_t *map)
{
    const struct layer *l = &net->net->layers[layer];
    int64_t sum = 0, most = INT32_MIN;
    for (int ky = in->rows.first; ky < in->rows.end; ky++)
        for (int kx = in->columns.first; kx < in->columns.end; kx++) {
            int y = in->top + ky * l->dilation_h, x = in->left + kx * l->dilation_w;
            int64_t value = map[y * l->in_w + x];
            most = value > most ? value : most;
            sum += value;
        }
    if (l->pool == POOL_MAX)
        return most;
    int inputs = l->count_pad
                     ? l->kernel_h * l->kernel_w
                     : (in->rows.end - in->rows.first) * (in->columns.end - in->columns.first);
    return round_shift(sum * int_net_pool_mul(net, layer, inputs), net->pool_shift[layer]);
}

// What an add makes of a pooled bit: its value, in steps of 2^-residual_frac.
static int32_t stream_of(const struct net *net, const struct layer *l, int32_t bit)
{
    int64_t high = ((int64_t)1 << (net->residual_bits > 0 ? net->residual_bits - 1 : 31)) - 1;
    int64_t value = l->bipolar ? 2 * bit - 1 : bit;
    return clamp(value * ((int64_t)1 << net->residual_frac), -high - 1, high);
}

static void run_pool(struct int_net_run *run, int layer)
{
    const struct net *net = run->net->net;
    const struct layer *l = &net->layers[layer];
    const int32_t *in = run->maps[l->input[0]]; // of k bits, the stream is the map
    int64_t high = ((int64_t)1 << (l->out_bits - l->is_signed)) - 1;
    int64_t low = l->is_signed ? -high - 1 : 0;
    int32_t *map = run->maps[layer], *stream = run->streams[layer];
    for (int c = 0; c < l->out_c; c++, in += (size_t)l->in_h * l->in_w)
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++) {
                struct inside inside = window_inside(l, y, x);
                int64_t value = pool_window(run->net, layer, &inside, in);
                *map = clamp(value, low, high);
                *stream++ = net->form == FORM_BINARY ? stream_of(net, l, *map) : *map;
                map++;
            }
    for (size_t i = 0; i < map_size(l) && (size_t)layer == net->n - 1; i++)
        run->logits[i] = run->maps[layer][i];
}

void int_net_run_multiply(struct int_net_run *run, int layer, int_net_matrix *matrix, void *context)
{
    matrix(context, layer, run->maps[run->net->net->layers[layer].input[0]], run->acc);
}

int64_t *int_net_run_sums(struct int_net_run *run)
{
    return run->acc;
}

// The elements that an add alone begins with, or the products of a multiply, where a convolution
// would leave its sums.
static void load_main(struct int_net_run *run, int layer)
{
    const struct net *net = run->net->net;
    const struct layer *l = &net->layers[layer];
    const int32_t *from = run->streams[l->input[0]];
    size_t n = map_size(l), pixels = (size_t)l->out_h * l->out_w;
    for (size_t i = 0; i < n; i++)
        run->acc[i] = from[i];
    if (l->kind != LAYER_MULTIPLY)
        return;
    const int32_t *by = run->streams[l->input[1]];
    bool shared = map_size(&net->layers[l->input[1]]) != n; // one factor for each channel
    for (size_t i = 0; i < n; i++)
        run->acc[i] *= by[shared ? i / pixels : i];
}

// The parts have the concat's own steps.
static void run_concat(struct int_net_run *run, int layer)
{
    const struct net *net = run->net->net;
    const struct layer *l = &net->layers[layer];
    int32_t *map = run->maps[layer], *stream = run->streams[layer];
    for (int k = 0; k < l->n_inputs; k++) {
        size_t n = map_size(&net->layers[l->input[k]]);
        memcpy(map, run->maps[l->input[k]], n * sizeof *map);
        map += n;
    }
    if (stream != run->maps[layer])
        memcpy(stream, run->maps[layer], map_size(l) * sizeof *stream);
}

void int_net_run_finish(struct int_net_run *run, int layer)
{
    enum layer_kind kind = run->net->net->layers[layer].kind;
    if (kind == LAYER_POOL) {
        run_pool(run, layer);
        return;
    }
    if (kind == LAYER_CONCAT) {
        run_concat(run, layer);
        return;
    }
    if (kind == LAYER_ADD || kind == LAYER_MULTIPLY)
        load_main(run, layer);
    finish_stage(run, layer);
}

int32_t *int_net_run_map(struct int_net_run *run, int layer)
{
    return run->maps[layer];
}

int32_t *int_net_run_stream(struct int_net_run *run, int layer)
{
    return run->streams[layer];
}

const int64_t *int_net_run_image(struct int_net_run *run, const uint8_t *image,
                                 int_net_matrix *matrix, void *context)
{
    int_net_run_load(run, image);
    for (int s = 0; s < run->net->n_stages; s++) {
        int layer = run->net->stages[s];
        if (run->net->layers[layer].w)
            int_net_run_multiply(run, layer, matrix, context);
        int_net_run_finish(run, layer);
    }
    return run->logits;
}

int int_net_class(const int64_t *logits, int classes)
{
    int best = 0;
    for (int c = 1; c < classes; c++)
        best = logits[c] > logits[best] ? c : best;
    return best;
}
