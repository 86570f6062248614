#include <stdlib.h>
#include <string.h>

#include "nets/geometry.h"
#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/crossbar/matrix.h"
#include "sim/crossbar/packed.h"
#include "sim/crossbar/sections.h"
#include "sim/map/map.h"

static size_t pixels_of(const struct layer *l)
{
    return (size_t)l->out_h * l->out_w;
}

// Fills a layer's maps with ones; the inside is overwritten later.
static void pad_sections(struct packed_run *run, int layer)
{
    const struct packed *p = run->packed;
    const struct layer *l = &p->map->net->layers[layer];
    const struct packed_layer *pl = &p->layers[layer];
    int each = packed_pixel_bytes(l->in_c), width = padded_w(l);
    size_t line = (size_t)width * each;
    uint8_t *ones = mem_alloc(line + SLACK, 1);
    memset(ones, 0xff, line);
    for (int i = 0; i < pl->n_sections; i++) {
        const struct section *s = &pl->sections[i];
        for (int y = 0; y < padded_h(l); y++)
            p->kind->copy(p->kernels, s, ones, each, width,
                          run->maps + s->map + (size_t)y * width * s->pixel_bytes);
    }
    free(ones);
}

struct packed_run *packed_run_create(const struct packed *packed)
{
    const struct net *net = packed->map->net;
    struct packed_run *run = mem_alloc(1, sizeof *run);
    run->packed = packed;
    run->bits = mem_alloc(net->n, sizeof *run->bits);
    run->streams = mem_alloc(net->n, sizeof *run->streams);
    for (size_t i = 0; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        const struct packed_layer *pl = &packed->layers[i];
        size_t pixels = pixels_of(l);
        run->bits[i] = mem_alloc(pixels * packed_pixel_bytes(l->out_c) + SLACK, 1);
        if (pl->used && pl->streams)
            run->streams[pl->last] =
                mem_alloc(pixels * pl->columns, sizeof *run->streams[pl->last]);
    }
    run->maps = mem_alloc(packed->maps, 1);
    for (size_t i = 1; i < net->n; i++)
        if (packed->layers[i].used && net->layers[i].pad_one)
            pad_sections(run, (int)i);
    run->flat = mem_alloc((size_t)packed->flat + SLACK, 1);
    run->sums = mem_alloc((size_t)packed->sums, sizeof *run->sums);
    run->codes = mem_alloc((size_t)packed->sums, sizeof *run->codes);
    run->shortcut = mem_alloc((size_t)packed->sums, sizeof *run->shortcut);
    run->logits = mem_alloc((size_t)net->layers[net->n - 1].out_c, sizeof *run->logits);
    return run;
}

void packed_run_destroy(struct packed_run *run)
{
    if (!run)
        return;
    for (size_t i = 0; i < run->packed->map->net->n; i++) {
        free(run->bits[i]);
        free(run->streams[i]);
    }
    free(run->bits);
    free(run->streams);
    free(run->maps);
    free(run->flat);
    free(run->sums);
    free(run->codes);
    free(run->shortcut);
    free(run->logits);
    free(run);
}

static void load_image(struct packed_run *run, const uint8_t *image)
{
    const struct net *net = run->packed->map->net;
    size_t pixels = (size_t)net->raw_h * net->raw_w;
    size_t bytes = packed_pixel_bytes(net->layers[0].out_c);
    memset(run->bits[0], 0, pixels * bytes);
    for (int c = 0; c < net->raw_c; c++)
        for (size_t i = 0; i < pixels; i++) {
            const uint8_t *from =
                run->packed->encoded + ((size_t)c * 256 + image[c * pixels + i]) * bytes;
            uint8_t *to = run->bits[0] + i * bytes;
            for (size_t k = 0; k < bytes; k++)
                to[k] |= from[k];
        }
}

// Converts a map to the bit string, channel by channel, that a linear layer reads.
static void flatten(const struct packed_run *run, const struct layer *from, const uint8_t *bits)
{
    size_t pixels = pixels_of(from), each = packed_pixel_bytes(from->out_c), i = 0;
    memset(run->flat, 0, (from->out_c * pixels + 7) / 8);
    for (int c = 0; c < from->out_c; c++)
        for (size_t p = 0; p < pixels; p++, i++)
            run->flat[i / 8] |= (uint8_t)((bits[p * each + c / 8] >> c % 8 & 1) << i % 8);
}

static void fill_sections(struct packed_run *run, int layer, const uint8_t *bits)
{
    const struct packed *p = run->packed;
    const struct layer *l = &p->map->net->layers[layer];
    const struct packed_layer *pl = &p->layers[layer];
    int each = packed_pixel_bytes(l->in_c), width = padded_w(l);
    for (int i = 0; i < pl->n_sections; i++) {
        const struct section *s = &pl->sections[i];
        uint8_t *map = run->maps + s->map;
        for (int y = 0; y < l->in_h; y++)
            p->kind->copy(p->kernels, s, bits + (size_t)y * l->in_w * each, each, l->in_w,
                          map + ((size_t)(y + l->pad_top) * width + l->pad_left) * s->pixel_bytes);
    }
}

const uint8_t *packed_window(const struct packed_run *run, const struct layer *l,
                             const struct section *s, int y, size_t *line_bytes)
{
    size_t row = (size_t)padded_w(l) * s->pixel_bytes;
    *line_bytes = row * l->dilation_h;
    return run->maps + s->map + (size_t)y * l->stride_h * row;
}

// The shortcut's elements for output row y of an add; 0 for appended channels.
static const int32_t *shortcut_row(struct packed_run *run, const struct layer *add, int columns,
                                   int y)
{
    const struct net *net = run->packed->map->net;
    const struct layer *s = &net->layers[add->input[1]];
    const int32_t *from = run->streams[add->input[1]];
    int step_h = shortcut_step_h(add, s), step_w = shortcut_step_w(add, s);
    int in_columns = packed_columns(s);
    if (step_h == 1 && step_w == 1 && s->out_c == add->out_c)
        return from + (size_t)y * s->out_w * in_columns;
    int skip = net->pad_both ? (add->out_c - s->out_c) / 2 : 0;
    memset(run->shortcut, 0, (size_t)add->out_w * columns * sizeof *run->shortcut);
    for (int x = 0; x < add->out_w; x++) {
        const int32_t *pixel =
            from + ((size_t)y * step_h * s->out_w + (size_t)x * step_w) * in_columns;
        for (int c = 0; c < add->out_c; c++)
            if (c >= skip && c - skip < s->out_c)
                run->shortcut[(size_t)x * columns + c] = pixel[c - skip];
    }
    return run->shortcut;
}

// The logits of a layer with one window.
static void finish_logits(struct packed_run *run, int layer, const int32_t *sums)
{
    const struct packed *p = run->packed;
    const struct int_layer *il = &p->net->layers[layer];
    for (int c = 0; c < p->map->net->layers[layer].out_c; c++) {
        int64_t acc =
            il->bipolar ? 2 * (int64_t)sums[c] - int_net_constant(p->net, layer, c) : sums[c];
        run->logits[c] = il->mul[c] * acc + il->offset[c];
    }
}

// A run of adjacent windows with the same constants.
struct stretch {
    int x0, x1;
    size_t kind;
};

static struct stretch stretch_at(const struct int_bipolar *b, int y, int x, int out_w)
{
    if (!b)
        return (struct stretch){0, out_w, 0};
    struct stretch s = {x, x + 1, (size_t)b->row[y] * b->columns + b->column[x]};
    while (s.x1 < out_w && b->column[s.x1] == b->column[x])
        s.x1++;
    return s;
}

static void finish_row(struct packed_run *run, int layer, const int32_t *sums, int y)
{
    const struct packed *p = run->packed;
    const struct packed_layer *pl = &p->layers[layer];
    const struct int_layer *il = &p->net->layers[layer];
    const struct layer *o = &p->map->net->layers[pl->last];
    if ((size_t)pl->last == p->map->net->n - 1) {
        finish_logits(run, layer, sums);
        return;
    }
    size_t columns = (size_t)pl->columns, first = (size_t)y * o->out_w * columns;
    const int32_t *shortcut =
        pl->streams && il->add >= 0 ? shortcut_row(run, o, pl->columns, y) : NULL;
    for (int x = 0; x < o->out_w;) {
        struct stretch s = stretch_at(il->bipolar, y, x, o->out_w);
        size_t at = s.x0 * columns, kind = s.kind * columns;
        uint8_t *bits = run->bits[pl->last] + (first + at) / 8;
        struct residual r = pl->residual;
        r.offset += pl->streams ? kind : 0;
        if (pl->streams)
            p->kernels->add_residual(&r, sums + at, shortcut ? shortcut + at : NULL, s.x1 - s.x0,
                                     pl->columns, run->streams[pl->last] + first + at, bits);
        else
            p->kernels->threshold(sums + at, pl->low + kind, pl->high + kind, s.x1 - s.x0,
                                  pl->columns, bits);
        x = s.x1;
    }
}

// The largest of bits is their OR, eight channels at a time.
static void pool_bits(struct packed_run *run, int layer)
{
    const struct net *net = run->packed->map->net;
    const struct layer *l = &net->layers[layer];
    size_t each = (size_t)packed_pixel_bytes(l->out_c);
    const uint8_t *in = run->bits[l->input[0]];
    uint8_t *to = run->bits[layer];
    for (int y = 0; y < l->out_h; y++)
        for (int x = 0; x < l->out_w; x++, to += each) {
            struct taps rows = taps_inside_h(l, y), columns = taps_inside_w(l, x);
            memset(to, 0, each);
            for (int ky = rows.first; ky < rows.end; ky++)
                for (int kx = columns.first; kx < columns.end; kx++) {
                    int iy = window_top(l, y) + ky * l->dilation_h;
                    int ix = window_left(l, x) + kx * l->dilation_w;
                    const uint8_t *from = in + ((size_t)iy * l->in_w + ix) * each;
                    for (size_t k = 0; k < each; k++)
                        to[k] |= from[k];
                }
        }
}

const int64_t *packed_run_image(struct packed_run *run, const uint8_t *image)
{
    const struct net *net = run->packed->map->net;
    load_image(run, image);
    const struct int_net *integer = run->packed->net;
    for (int s = 0; s < integer->n_stages; s++) {
        int i = integer->stages[s];
        const struct layer *l = &net->layers[i];
        const uint8_t *bits = run->bits[l->input[0]];
        if (l->kind == LAYER_POOL) {
            pool_bits(run, i);
            continue;
        }
        if (l->kind == LAYER_LINEAR && pixels_of(&net->layers[l->input[0]]) > 1) {
            flatten(run, &net->layers[l->input[0]], bits);
            bits = run->flat;
        }
        fill_sections(run, i, bits);
        for (int y = 0; y < l->out_h; y++)
            finish_row(run, i, run->packed->kind->count_row(run, i, y), y);
    }
    return run->logits;
}
