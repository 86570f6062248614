#include "sim/map/size.h"

#include <string.h>

#include "nets/geometry.h"
#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/map/ahead.h"
#include "sim/map/map.h"

// One output row for one input row.
static bool is_row_wise(const struct layer *l)
{
    return l->kind == LAYER_ADD || l->kind == LAYER_MULTIPLY || l->kind == LAYER_CONCAT;
}

int map_rows_needed(const struct net *net, int layer, int y)
{
    const struct layer *l = &net->layers[layer];
    if (l->kind == LAYER_LINEAR)
        return net->layers[l->input[0]].out_h;
    if (is_row_wise(l))
        return y + 1;
    int last = window_top(l, y) + extent_h(l);
    return last < 1 ? 1 : last > l->in_h ? l->in_h : last;
}

int map_rows_free(const struct net *net, int layer, int y)
{
    const struct layer *l = &net->layers[layer];
    if (l->kind == LAYER_LINEAR)
        return y > 0 ? net->layers[l->input[0]].out_h : 0;
    if (is_row_wise(l))
        return y;
    if (y >= l->out_h)
        return l->in_h;
    int first = window_top(l, y);
    return first < 0 ? 0 : first > l->in_h ? l->in_h : first;
}

bool map_reads_row(const struct net *net, int layer, int y, int row)
{
    const struct layer *l = &net->layers[layer];
    if (l->kind == LAYER_LINEAR)
        return true;
    if (is_row_wise(l))
        return row == y;
    int from_top = row - window_top(l, y);
    return from_top >= 0 && from_top < extent_h(l) && from_top % l->dilation_h == 0;
}

int size_window_rows(const struct mapping *mapping, int layer)
{
    const struct net *net = mapping->net;
    const struct layer *l = &net->layers[layer];
    int most = mapping->layers[layer].ahead_rows > 1 ? mapping->layers[layer].ahead_rows : 1;
    for (int y = 0; y < l->out_h; y++) {
        int rows = map_rows_needed(net, layer, y) - map_rows_free(net, layer, y);
        most = rows > most ? rows : most;
    }
    return most;
}

struct range {
    int64_t from, to;
};

static int64_t length(struct range a, struct range within)
{
    int64_t from = a.from > within.from ? a.from : within.from;
    int64_t to = a.to < within.to ? a.to : within.to;
    return to > from ? to - from : 0;
}

static int64_t length_of_both(struct range a, struct range b, struct range within)
{
    struct range common = {a.from > b.from ? a.from : b.from, a.to < b.to ? a.to : b.to};
    return length(a, within) + length(b, within) - length(common, within);
}

static struct range reach(const struct slice *s, bool rows)
{
    return rows ? (struct range){s->row0, (int64_t)s->row0 + s->rows}
                : (struct range){s->chan0, (int64_t)s->chan0 + s->chans};
}

// Within a group the slices walk through the row blocks in order, column block after column block:
// what they reach is one range up to the first return to row block 0 and one from there on.
static int64_t distinct(const struct mapping *mapping, int from, int to, bool rows,
                        struct range within)
{
    struct range before = {0}, after = {0};
    int64_t n = 0;
    bool returned = false;
    for (int i = from; i < to; i++) {
        const struct slice *s = &mapping->slices[i];
        struct range r = reach(s, rows);
        if (i == from || s->group != s[-1].group) {
            n += length_of_both(before, after, within);
            before = r;
            after = (struct range){0};
            returned = false;
            continue;
        }
        if (!returned && s->row_block < s[-1].row_block) {
            returned = true;
            after = r;
        }
        struct range *now = returned ? &after : &before;
        now->to = r.to > now->to ? r.to : now->to;
    }
    return n + length_of_both(before, after, within);
}

int64_t size_rows(const struct mapping *mapping, int from, int to)
{
    return distinct(mapping, from, to, true, (struct range){0, INT64_MAX});
}

int64_t size_channels(const struct mapping *mapping, int from, int to, int64_t low, int64_t high)
{
    return distinct(mapping, from, to, false, (struct range){low, high});
}

// One input row: of linear layers the features that a row of the map holds, rounded up.
static int64_t row_bits(const struct mapping *mapping, int layer, int64_t channels)
{
    const struct layer *l = &mapping->net->layers[layer];
    if (l->kind != LAYER_LINEAR)
        return channels * l->in_w * l->in_bits[0];
    int rows = mapping->net->layers[l->input[0]].out_h;
    return (channels * l->in_bits[0] + rows - 1) / rows;
}

int64_t size_pe_row_bits(const struct mapping *mapping, int tile, int pe)
{
    const struct map_tile *t = &mapping->tiles[tile];
    int per_pe = mapping->chip->pe.crossbars;
    int from = t->slice0 + pe * per_pe, end = t->slice0 + t->slices;
    int to = from + per_pe < end ? from + per_pe : end;
    return from < to ? row_bits(mapping, t->layer, size_channels(mapping, from, to, 0, INT64_MAX))
                     : 0;
}

int64_t size_tile_row_bits(const struct mapping *mapping, int tile)
{
    const struct map_tile *t = &mapping->tiles[tile];
    return row_bits(mapping, t->layer,
                    size_channels(mapping, t->slice0, t->slice0 + t->slices, 0, INT64_MAX));
}

// Bits of one input row in the PE that keeps most.
static int64_t most_row_bits(const struct mapping *mapping, int tile)
{
    int64_t most = 0;
    for (int pe = 0; pe < mapping->chip->tile.pes; pe++) {
        int64_t bits = size_pe_row_bits(mapping, tile, pe);
        most = bits > most ? bits : most;
    }
    return most;
}

// The layer in whose tiles channels of a layer's main input are made is `layer`.
static bool works_beside(const struct net *net, int at, int layer)
{
    const struct layer *l = &net->layers[at];
    if (at <= layer)
        return at == layer;
    bool beside = false;
    if (!layer_has_weights(l))
        for (int k = 0; k < (l->kind == LAYER_CONCAT ? l->n_inputs : 1) && !beside; k++)
            beside = works_beside(net, l->input[k], layer);
    return beside || (l->kind == LAYER_ADD && net_fused_add(net, layer) == at);
}

// Both factors of the multiplies that work in the tiles of a layer, for `outs` of its channels.
static int64_t factor_bits(const struct mapping *mapping, int layer, int outs)
{
    const struct net *net = mapping->net;
    int64_t bits = 0;
    for (int i = layer + 1; i < (int)net->n; i++) {
        const struct layer *l = &net->layers[i];
        if (l->kind != LAYER_MULTIPLY || !works_beside(net, l->input[0], layer))
            continue;
        const struct map_layer *m = &mapping->layers[i];
        bits += (int64_t)outs * l->out_w * m->main_rows * l->in_bits[0] +
                (int64_t)outs * net->layers[l->input[1]].out_w * m->residual_rows * l->in_bits[1];
    }
    return bits;
}

// Outputs of the tile's layer: two rows of its share of the channels (one filling, one leaving).
static int64_t output_need(const struct mapping *mapping, int tile)
{
    const struct map_tile *t = &mapping->tiles[tile];
    const struct layer *l = &mapping->net->layers[t->layer];
    int outs = 0;
    for (int i = t->slice0; i < t->slice0 + t->slices; i++)
        if (mapping->slices[i].row_block == 0 && mapping->slices[i].weight_slice == 0)
            outs += mapping->slices[i].outs;
    int64_t bits = (int64_t)outs * l->out_w * 2 * l->out_bits;
    int add = net_consumer(mapping->net, t->layer);
    if (add >= 0 && mapping->net->layers[add].kind == LAYER_ADD &&
        mapping->net->layers[add].input[0] == t->layer)
        bits += (int64_t)outs * l->out_w * mapping->layers[add].residual_rows *
                mapping->net->layers[add].in_bits[1];
    return (bits + factor_bits(mapping, t->layer, outs) + 7) / 8;
}

static double power_of_two(int64_t bytes)
{
    double size = 1;
    while (size < (double)bytes)
        size *= 2;
    return size;
}

int size_input_rows(const struct mapping *mapping, int tile)
{
    const struct chip *chip = mapping->chip;
    int layer = mapping->tiles[tile].layer;
    int window = size_window_rows(mapping, layer);
    const struct layer *l = &mapping->net->layers[layer];
    int whole = l->kind == LAYER_LINEAR ? mapping->net->layers[l->input[0]].out_h : l->in_h;
    if (chip->tile.input_rows > 0) // a linear layer keeps its whole input in any case
        return l->kind == LAYER_LINEAR && whole > chip->tile.input_rows ? whole
                                                                        : chip->tile.input_rows;
    double room = chip->pe.has_buffer
                      ? mapping->pe_buffer.bytes
                      : mapping->tile_buffer.bytes - (double)output_need(mapping, tile);
    int64_t bits =
        chip->pe.has_buffer ? most_row_bits(mapping, tile) : size_tile_row_bits(mapping, tile);
    double rows = bits > 0 ? room * 8 / (double)bits : window; // rows lie bit by bit
    int limit = 4 * (whole > window ? whole : window); // more never matters, and keeps ints small
    return rows > limit ? limit : (int)rows;
}

// Both kinds of buffers, for one tile at `rows` of input.
static void needs(const struct mapping *mapping, int tile, int rows, int64_t *pe, int64_t *own)
{
    bool at_pe = mapping->chip->pe.has_buffer;
    int64_t input = (size_tile_row_bits(mapping, tile) * rows + 7) / 8;
    *pe = at_pe ? (most_row_bits(mapping, tile) * rows + 7) / 8 : 0;
    *own = output_need(mapping, tile) + (at_pe ? 0 : input);
}

static bool check_given(const struct mapping *mapping, int tile, struct err *err)
{
    const struct chip *chip = mapping->chip;
    int layer = mapping->tiles[tile].layer, window = size_window_rows(mapping, layer);
    const char *name = mapping->net->layers[layer].name;
    if (chip->tile.input_rows > 0 && chip->tile.input_rows < window &&
        mapping->net->layers[layer].kind == LAYER_CONV)
        return conf_fail(conf_find(chip->conf->root, "tile.input_rows"), err,
                         "%d rows, but layer '%s' reads %d rows at once; set %d or more",
                         chip->tile.input_rows, name, window, window);
    int64_t pe, own;
    needs(mapping, tile, window, &pe, &own);
    if ((double)pe > mapping->pe_buffer.bytes && chip->pe.has_buffer)
        return conf_fail(conf_find(chip->conf->root, "pe.buffer"), err,
                         "%.0f B, but layer '%s' keeps %lld B of input in one PE (%d rows); set "
                         "pe.buffer.bytes to %.0f B or more, or auto with an SRAM kind",
                         mapping->pe_buffer.bytes, name, (long long)pe, window, power_of_two(pe));
    if ((double)own > mapping->tile_buffer.bytes)
        return conf_fail(conf_find(chip->conf->root, "tile.buffer"), err,
                         "%.0f B, but layer '%s' keeps %lld B in one tile; set tile.buffer.bytes "
                         "to %.0f B or more, or auto with an SRAM kind",
                         mapping->tile_buffer.bytes, name, (long long)own, power_of_two(own));
    return true;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

// Of layers with several inputs: places for the rows that wait, and two to keep all paths moving.
static void size_ahead(struct mapping *mapping, const int *parting, int layer)
{
    const struct net *net = mapping->net;
    const struct layer *l = &net->layers[layer];
    struct map_layer *m = &mapping->layers[layer];
    int given = mapping->chip->tile.residual_rows;
    bool joins = net->layers[l->input[0]].kind == LAYER_CONCAT;
    if (l->kind == LAYER_ADD || l->kind == LAYER_MULTIPLY) {
        m->residual_rows =
            given > 0 ? given : min_int(ahead_rows(net, parting, layer, 1), l->out_h) + 2;
        m->main_rows =
            given > 0 ? given : min_int(ahead_rows(net, parting, layer, 0), l->out_h) + 2;
        if (m->main_rows < m->residual_rows)
            m->main_rows = m->residual_rows;
    } else if (joins && l->kind != LAYER_CONCAT) {
        m->ahead_rows = min_int(ahead_rows(net, parting, layer, 0) + 1, l->in_h);
    }
}

bool size_buffers(struct mapping *mapping, struct err *err)
{
    const struct chip *chip = mapping->chip;
    const struct net *net = mapping->net;
    const int *parting = ahead_parting(net, mapping->mem);
    for (size_t i = 1; i < net->n; i++)
        size_ahead(mapping, parting, (int)i);
    mapping->pe_buffer = chip->pe.buffer;
    mapping->tile_buffer = chip->tile.buffer;
    int64_t most_pe = 1, most_own = 1;
    for (int t = 0; t < mapping->n_tiles; t++) {
        int layer = mapping->tiles[t].layer;
        int64_t pe, own;
        needs(mapping, t, size_window_rows(mapping, layer) + net->layers[layer].stride_h, &pe,
              &own);
        most_pe = pe > most_pe ? pe : most_pe;
        most_own = own > most_own ? own : most_own;
    }
    if (chip->pe.has_buffer && mapping->pe_buffer.bytes < 0)
        mapping->pe_buffer.bytes = power_of_two(most_pe);
    if (mapping->tile_buffer.bytes < 0)
        mapping->tile_buffer.bytes = power_of_two(most_own);
    const struct conf_node *root = chip->conf->root;
    if (chip->pe.has_buffer &&
        !buffer_resolve(&mapping->pe_buffer, conf_find(root, "pe.buffer"), err))
        return false;
    if (!buffer_resolve(&mapping->tile_buffer, conf_find(root, "tile.buffer"), err))
        return false;
    for (int t = 0; t < mapping->n_tiles; t++)
        if (!check_given(mapping, t, err))
            return false;
    return true;
}
