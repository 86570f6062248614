#include "sim/crossbar/packed.h"

#include <stdlib.h>
#include <string.h>

#include "nets/encode.h"
#include "nets/geometry.h"
#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/blocks.h"
#include "sim/crossbar/matrix.h"
#include "sim/crossbar/sections.h"
#include "sim/map/map.h"

int packed_pixel_bytes(int channels)
{
    return (channels + 7) / 8;
}

int packed_columns(const struct layer *layer)
{
    return (layer->out_c + LANES - 1) / LANES * LANES;
}

static bool reads_stream_of(const struct net *net, int layer)
{
    for (size_t i = 0; i < net->n; i++)
        if (net->layers[i].kind == LAYER_ADD && net->layers[i].input[1] == layer)
            return true;
    return false;
}

static bool fits_int32(const int64_t *v, int n)
{
    for (int i = 0; v && i < n; i++)
        if (v[i] > INT32_MAX || v[i] < INT32_MIN)
            return false;
    return true;
}

// Sums of bits that represent -1 and +1 count twice.
static bool fits_mul(const struct int_layer *il, int n)
{
    for (int i = 0; i < n; i++)
        if (il->bipolar && (2 * il->mul[i] > INT32_MAX || 2 * il->mul[i] < INT32_MIN))
            return false;
    return fits_int32(il->mul, n);
}

static bool covers_layer(const struct packed *p, int layer)
{
    const struct net *net = p->map->net;
    const struct layer *l = &net->layers[layer];
    const struct int_layer *il = &p->net->layers[layer];
    int last = il->add >= 0 ? il->add : layer;
    if (l->kind == LAYER_ADD)
        return l->input[1] > 0 && net_fused_add(net, l->input[0]) == layer;
    if (l->kind == LAYER_POOL) // of bits, as in nets/int_net.h
        return !reads_stream_of(net, layer);
    if (l->kind == LAYER_CONCAT || l->kind == LAYER_MULTIPLY)
        return false;
    bool ends = (size_t)last == net->n - 1;
    return p->kind->covers(p, layer) && l->groups == 1 && l->dilation_w <= LINE_DILATION &&
           (ends || net->layers[last].act == ACT_THRESHOLD) && fits_mul(il, l->out_c) &&
           fits_int32(il->res, l->out_c) && !(ends && il->add >= 0);
}

static bool covers(const struct packed *p)
{
    const struct net *net = p->map->net;
    if (net->form != FORM_BINARY || net->encoder == ENCODER_RAW)
        return false;
    for (size_t i = 1; i < net->n; i++)
        if (!covers_layer(p, (int)i))
            return false;
    return true;
}

int packed_readouts(const struct packed *p, int layer, struct rows *out)
{
    const struct map_layer *ml = &p->map->layers[layer];
    int active = chip_rows_active(p->map->chip), last = -1, n = 0;
    for (int i = ml->slice0; i < ml->slice0 + ml->slices / ml->replicas; i++) {
        const struct slice *s = &p->map->slices[i];
        if (s->row_block <= last)
            continue; // another column block of the same rows
        last = s->row_block;
        for (int row = 0; row < s->rows; row += active)
            out[n++] =
                (struct rows){s->row0 + row, s->rows - row < active ? s->rows - row : active};
    }
    return n;
}

struct section *packed_add_section(struct packed *p, int layer, const struct rows *rows)
{
    const struct layer *l = &p->map->net->layers[layer];
    struct packed_layer *pl = &p->layers[layer];
    struct section *s = &pl->sections[pl->n_sections++];
    int taps = l->kernel_h * l->kernel_w;
    s->chan0 = rows->first / taps;
    s->channels = (rows->first + rows->n - 1) / taps + 1 - s->chan0;
    pl->rows = rows->n > pl->rows ? rows->n : pl->rows;
    return s;
}

void packed_add_map(struct packed *p, const struct layer *l, struct section *s, int pixel_bytes)
{
    s->pixel_bytes = pixel_bytes;
    s->map = p->maps;
    size_t size = (size_t)padded_h(l) * padded_w(l) * pixel_bytes + SLACK;
    p->maps += (size + 63) / 64 * 64;
}

// Number of kinds of windows; each kind subtracts a different constant from its sums.
static int kinds_of(const struct int_layer *il)
{
    return il->bipolar ? il->bipolar->rows * il->bipolar->columns : 1;
}

// K of a kind of windows: acc = 2 * sum - K.
static int64_t constant_of(const struct packed *p, int layer, int kind, int c)
{
    int outs = p->map->net->layers[layer].out_c;
    return int_net_constant(p->net, layer, (size_t)kind * outs + c);
}

// The largest sum with 2 * sum - constant <= acc.
static int32_t sum_of(int32_t acc, int64_t constant)
{
    int64_t twice = acc + constant, sum = twice / 2 - (twice % 2 < 0);
    return (int32_t)(sum < INT32_MIN ? INT32_MIN : sum > INT32_MAX ? INT32_MAX : sum);
}

static void fold_thresholds(struct packed *p, int layer)
{
    const struct int_layer *il = &p->net->layers[layer];
    struct packed_layer *pl = &p->layers[layer];
    int outs = p->map->net->layers[layer].out_c, kinds = kinds_of(il);
    size_t n = (size_t)pl->columns * kinds;
    pl->low = arena_alloc(p->mem, n, sizeof *pl->low);
    pl->high = arena_alloc(p->mem, n, sizeof *pl->high);
    for (int kind = 0; kind < kinds; kind++)
        for (int c = 0; c < outs; c++) {
            int32_t *low = &pl->low[(size_t)kind * pl->columns + c];
            int32_t *high = &pl->high[(size_t)kind * pl->columns + c];
            int_net_threshold(il, c, low, high);
            if (!il->bipolar || *low > *high)
                continue;
            int64_t constant = constant_of(p, layer, kind, c);
            *low = *low == INT32_MIN ? *low : sum_of(*low - 1, constant) + 1;
            *high = *high == INT32_MAX ? *high : sum_of(*high, constant);
        }
}

static void fold_stage(struct packed *p, int layer)
{
    const struct int_layer *il = &p->net->layers[layer];
    struct packed_layer *pl = &p->layers[layer];
    int outs = p->map->net->layers[layer].out_c, kinds = kinds_of(il), factor = il->bipolar ? 2 : 1;
    size_t n = (size_t)pl->columns;
    if (!pl->streams) {
        fold_thresholds(p, layer);
        return;
    }
    int32_t *mul = arena_alloc(p->mem, n, sizeof *mul), *res = arena_alloc(p->mem, n, sizeof *res);
    int64_t *offset = arena_alloc(p->mem, n * kinds, sizeof *offset);
    for (int c = 0; c < outs; c++) {
        mul[c] = (int32_t)(factor * il->mul[c]);
        res[c] = il->res ? (int32_t)il->res[c] : 0;
        for (int kind = 0; kind < kinds; kind++) {
            int64_t constant = il->bipolar ? constant_of(p, layer, kind, c) : 0;
            offset[kind * n + c] = il->offset[c] - il->mul[c] * constant;
        }
    }
    pl->residual = (struct residual){mul, res, offset, il->shift, il->half, il->low, il->high};
}

static void lay_out(struct packed *p, int layer)
{
    const struct layer *l = &p->map->net->layers[layer];
    struct packed_layer *pl = &p->layers[layer];
    pl->used = true;
    pl->last = p->net->layers[layer].add >= 0 ? p->net->layers[layer].add : layer;
    pl->columns = packed_columns(l);
    pl->streams = p->net->layers[layer].add >= 0 || reads_stream_of(p->map->net, layer);
    p->kind->cut(p, layer);
    fold_stage(p, layer);
    p->sums = pl->columns * l->out_w > p->sums ? pl->columns * l->out_w : p->sums;
    p->columns = pl->columns > p->columns ? pl->columns : p->columns;
    if (l->kind == LAYER_LINEAR && packed_pixel_bytes(l->in_c) > p->flat)
        p->flat = packed_pixel_bytes(l->in_c);
}

// Encodes a grey image of every value once; a pixel's planes combine those of its colours.
static void tabulate_encoder(struct packed *p)
{
    const struct net *net = p->map->net;
    size_t pixels = (size_t)net->raw_h * net->raw_w,
           bytes = packed_pixel_bytes(net->layers[0].out_c);
    uint8_t *image = mem_alloc(pixels * net->raw_c, 1);
    uint8_t *planes = mem_alloc(pixels * net->layers[0].out_c, 1);
    p->encoded = arena_alloc(p->mem, 256 * bytes * net->raw_c, 1);
    for (size_t value = 0; value < 256; value += pixels) {
        for (size_t i = 0; i < pixels * net->raw_c; i++)
            image[i] = (uint8_t)(value + i % pixels);
        encode_bits(net, image, planes);
        for (size_t i = 0; i < pixels && value + i < 256; i++)
            for (int plane = 0; plane < net->layers[0].out_c; plane++) {
                int c = plane % net->raw_c; // planes of a level are adjacent, colour by colour
                uint8_t *to = p->encoded + ((size_t)c * 256 + value + i) * bytes;
                to[plane / 8] |= (uint8_t)(planes[(size_t)plane * pixels + i] << plane % 8);
            }
    }
    free(image);
    free(planes);
}

static struct packed *lay_out_all(const struct packed *start)
{
    if (!covers(start))
        return NULL;
    struct arena *mem = arena_create();
    struct packed *p = arena_alloc(mem, 1, sizeof *p);
    const struct net *net = start->map->net;
    *p = *start;
    p->mem = mem;
    p->layers = arena_alloc(mem, net->n, sizeof *p->layers);
    for (size_t i = 1; i < net->n; i++)
        if (layer_has_weights(&net->layers[i]))
            lay_out(p, (int)i);
    tabulate_encoder(p);
    return p;
}

struct packed *packed_create(const struct level_model *arrays)
{
    return lay_out_all(&(struct packed){.kind = &cells_of_levels,
                                        .map = arrays->map,
                                        .net = arrays->net,
                                        .kernels = arrays->kernels,
                                        .arrays = arrays});
}

struct packed *packed_create_analog(const struct conductance_model *analog)
{
    return lay_out_all(&(struct packed){.kind = &cells_of_currents,
                                        .map = analog->map,
                                        .net = analog->net,
                                        .kernels = analog->kernels,
                                        .analog = analog});
}

void packed_destroy(struct packed *packed)
{
    if (packed)
        arena_destroy(packed->mem);
}
