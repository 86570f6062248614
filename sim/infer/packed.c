#include "sim/infer/packed.h"

#include <stdlib.h>
#include <string.h>

#include "nets/encode.h"
#include "nets/integer.h"
#include "nets/net.h"
#include "sim/base/mem.h"
#include "sim/chip/chip.h"
#include "sim/infer/matrix.h"
#include "sim/infer/sections.h"
#include "sim/map/map.h"

int packed_pixel_bytes(int channels)
{
    return (channels + 7) / 8;
}

// --- What is covered ---

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

static bool covers_layer(const struct arrays *a, int layer)
{
    const struct net *net = a->map->net;
    const struct layer *l = &net->layers[layer];
    const struct int_layer *il = &a->net->layers[layer];
    int last = il->add >= 0 ? il->add : layer;
    if (l->kind == LAYER_ADD)
        return l->input[1] > 0;
    if (l->kind == LAYER_POOL)
        return false;
    bool ends = (size_t)last == net->n - 1, packed = true;
    for (int r = 0; r < a->layers[layer].replicas; r++)
        packed &= matrix_of_row(&a->layers[layer], r)->packed;
    return packed && l->groups == 1 && (ends || net->layers[last].act == ACT_THRESHOLD) &&
           fits_int32(il->mul, l->out_c) && fits_int32(il->res, l->out_c) &&
           !(ends && il->add >= 0);
}

static bool covers(const struct arrays *a)
{
    const struct net *net = a->map->net;
    if (net->form != FORM_BINARY || net->encoder == ENCODER_RAW)
        return false;
    for (size_t i = 1; i < net->n; i++)
        if (!covers_layer(a, (int)i))
            return false;
    return true;
}

// --- Sections ---

struct rows {
    int first, n;
};

// The rows of every read-out, as the mapping cuts them.
static int list_readouts(const struct arrays *a, int layer, struct rows *out)
{
    const struct map_layer *ml = &a->map->layers[layer];
    int active = chip_rows_active(a->map->chip), last = -1, n = 0;
    for (int i = ml->slice0; i < ml->slice0 + ml->slices / ml->replicas; i++) {
        const struct slice *s = &a->map->slices[i];
        if (s->row_block <= last)
            continue; // another column block of the same rows
        last = s->row_block;
        for (int row = 0; row < s->rows; row += active)
            out[n++] =
                (struct rows){s->row0 + row, s->rows - row < active ? s->rows - row : active};
    }
    return n;
}

// Whether inputs of 0 and 1 can make a sum of these rows that its code does not hold.
static bool may_clip(const struct matrix *m, const struct rows *rows, int half)
{
    for (int c = 0; c < m->outs; c++) {
        int plus = 0, minus = 0;
        for (int row = rows->first; row < rows->first + rows->n; row++) {
            int32_t w = m->w[(size_t)row * m->columns + c];
            plus += w > 0;
            minus += w < 0;
        }
        if (plus > (1 << half) - 1 || minus > 1 << half)
            return true;
    }
    return false;
}

static bool loses(const struct arrays *a, int layer, const struct rows *rows, int n, int half)
{
    const struct matrix *m = &a->layers[layer];
    if (!m->clips || half > 30)
        return false;
    bool some = m->full > (int64_t)1 << half; // a code is worth more than 1
    for (int r = 0; r < m->replicas; r++)
        for (int i = 0; i < n && !some; i++)
            some = may_clip(matrix_of_row(m, r), &rows[i], half);
    return some;
}

static void fill_masks(const struct kernels *kernels, const struct matrix *m, const struct layer *l,
                       const struct rows *rows, const struct section *s, uint64_t *masks)
{
    int words = l->kernel_h * s->line_words;
    for (int row = rows->first; row < rows->first + rows->n; row++) {
        int x = row % l->kernel_w, y = row / l->kernel_w % l->kernel_h;
        int bit = x * s->pixel_bytes * 8 + row / (l->kernel_w * l->kernel_h) - s->chan0;
        size_t word = (size_t)y * s->line_words + bit / 64;
        uint64_t set = (uint64_t)1 << bit % 64;
        const int32_t *w = m->w + (size_t)row * m->columns;
        for (int c = 0; c < m->columns; c += LANES) {
            uint64_t *to = masks + ((size_t)c / LANES * words + word) * 2 * LANES;
            kernels->set_bits(w + c, LANES, set, to, to + LANES);
        }
    }
}

static void add_section(struct packed *p, int layer, const struct rows *rows)
{
    const struct layer *l = &p->arrays->map->net->layers[layer];
    const struct matrix *m = &p->arrays->layers[layer];
    struct packed_layer *pl = &p->layers[layer];
    struct section *s = &pl->sections[pl->n_sections++];
    int taps = l->kernel_h * l->kernel_w;
    s->chan0 = rows->first / taps;
    s->pixel_bytes = packed_pixel_bytes((rows->first + rows->n - 1) / taps + 1 - s->chan0);
    s->line_words = (l->kernel_w * s->pixel_bytes + 7) / 8;
    s->map = p->maps;
    p->maps += (size_t)(l->in_h + 2 * l->pad) * (l->in_w + 2 * l->pad) * s->pixel_bytes + SLACK;
    s->replica_words = (size_t)l->kernel_h * s->line_words * 2 * m->columns;
    s->masks = arena_alloc(p->mem, s->replica_words * m->replicas, sizeof *s->masks);
    for (int r = 0; r < m->replicas; r++)
        fill_masks(p->arrays->kernels, matrix_of_row(m, r), l, rows, s,
                   s->masks + r * s->replica_words);
}

// What the ADC makes of every sum of a read-out, and what every sum of its codes is worth.
static void tabulate_codes(struct packed *p, struct packed_layer *pl, int64_t full, int half)
{
    pl->codes = arena_alloc(p->mem, 2 * (size_t)pl->rows + 1, sizeof *pl->codes);
    for (int sum = -pl->rows; sum <= pl->rows; sum++) {
        int32_t code = (int32_t)array_code(full, half, sum);
        pl->codes[sum + pl->rows] = code;
        pl->most = abs(code) > pl->most ? abs(code) : pl->most;
    }
    if (full <= (int64_t)1 << half)
        return;
    pl->most *= pl->n_sections;
    pl->values = arena_alloc(p->mem, 2 * (size_t)pl->most + 1, sizeof *pl->values);
    for (int codes = -pl->most; codes <= pl->most; codes++)
        pl->values[codes + pl->most] = (int32_t)array_value(full, half, codes);
}

static void cut(struct packed *p, int layer)
{
    const struct arrays *a = p->arrays;
    const struct matrix *m = &a->layers[layer];
    struct packed_layer *pl = &p->layers[layer];
    struct rows *rows = mem_alloc((size_t)m->rows, sizeof *rows);
    int n = list_readouts(a, layer, rows);
    int half = chip_adc(a->map->chip, a->map->net->layers[layer].name)->bits - 1;
    bool lossy = loses(a, layer, rows, n, half);
    if (!lossy) {
        n = 1;
        rows[0] = (struct rows){0, m->rows};
    }
    pl->sections = arena_alloc(p->mem, (size_t)n, sizeof *pl->sections);
    for (int i = 0; i < n; i++) {
        add_section(p, layer, &rows[i]);
        pl->rows = rows[i].n > pl->rows ? rows[i].n : pl->rows;
    }
    if (lossy)
        tabulate_codes(p, pl, m->full, half);
    free(rows);
}

// --- Layers ---

static void fold_stage(struct packed *p, int layer)
{
    const struct int_layer *il = &p->arrays->net->layers[layer];
    struct packed_layer *pl = &p->layers[layer];
    int outs = p->arrays->layers[layer].outs;
    size_t n = (size_t)pl->columns;
    if (!pl->streams) {
        pl->low = arena_alloc(p->mem, n, sizeof *pl->low);
        pl->high = arena_alloc(p->mem, n, sizeof *pl->high);
        for (int c = 0; c < outs; c++)
            integer_threshold(il, c, &pl->low[c], &pl->high[c]);
        return;
    }
    int32_t *mul = arena_alloc(p->mem, n, sizeof *mul), *res = arena_alloc(p->mem, n, sizeof *res);
    int64_t *offset = arena_alloc(p->mem, n, sizeof *offset);
    for (int c = 0; c < outs; c++) {
        mul[c] = (int32_t)il->mul[c];
        res[c] = il->res ? (int32_t)il->res[c] : 0;
        offset[c] = il->offset[c];
    }
    pl->residual = (struct residual){mul, res, offset, il->shift, il->half, il->low, il->high};
}

static void lay_out(struct packed *p, int layer)
{
    const struct arrays *a = p->arrays;
    const struct layer *l = &a->map->net->layers[layer];
    struct packed_layer *pl = &p->layers[layer];
    pl->used = true;
    pl->last = a->net->layers[layer].add >= 0 ? a->net->layers[layer].add : layer;
    pl->columns = a->layers[layer].columns;
    pl->streams = a->net->layers[layer].add >= 0 || reads_stream_of(a->map->net, layer);
    cut(p, layer);
    fold_stage(p, layer);
    p->sums = pl->columns * l->out_w > p->sums ? pl->columns * l->out_w : p->sums;
    p->columns = pl->columns > p->columns ? pl->columns : p->columns;
    if (l->kind == LAYER_LINEAR && packed_pixel_bytes(l->in_c) > p->flat)
        p->flat = packed_pixel_bytes(l->in_c);
}

// Encodes grey images of all values once; a pixel's planes are those of its colours together.
static void tabulate_encoder(struct packed *p)
{
    const struct net *net = p->arrays->map->net;
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
                int c = plane % net->raw_c; // planes of a level stand together, colour by colour
                uint8_t *to = p->encoded + ((size_t)c * 256 + value + i) * bytes;
                to[plane / 8] |= (uint8_t)(planes[(size_t)plane * pixels + i] << plane % 8);
            }
    }
    free(image);
    free(planes);
}

struct packed *packed_create(const struct arrays *arrays)
{
    if (!covers(arrays))
        return NULL;
    struct arena *mem = arena_create();
    struct packed *p = arena_alloc(mem, 1, sizeof *p);
    const struct net *net = arrays->map->net;
    *p = (struct packed){.arrays = arrays, .mem = mem};
    p->layers = arena_alloc(mem, net->n, sizeof *p->layers);
    for (size_t i = 1; i < net->n; i++)
        if (net->layers[i].kind != LAYER_ADD)
            lay_out(p, (int)i);
    tabulate_encoder(p);
    return p;
}

void packed_destroy(struct packed *packed)
{
    if (packed)
        arena_destroy(packed->mem);
}
