#include "sim/map/map.h"

#include <stdio.h>
#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/map/groups.h"
#include "sim/map/place.h"
#include "sim/map/size.h"

enum { MAX_CROSSBARS = 1 << 22 };

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

// The largest matrix of a layer, and how much of it stands in one crossbar.
struct shape {
    int kk;         // rows per input channel
    int in_rows;    // rows of the matrix
    int block_rows; // per crossbar
    int outs;       // output channels of the matrix
    int block_outs; // per crossbar
};

static bool shape_layer(const struct net *net, const struct layer *layer, const struct chip *chip,
                        struct map_layer *m, struct shape *s, struct err *err)
{
    const struct crossbar_params *x = &chip->crossbar;
    s->kk = layer->kernel_h * layer->kernel_w;
    s->block_rows = x->rows;
    if (chip->mapping.policy == MAP_KERNEL_ALIGNED) {
        if (s->kk > x->rows)
            return conf_fail(conf_find(chip->conf->root, "crossbar.rows"), err,
                             "layer '%s' has a %dx%d kernel of %d rows, more than the crossbar's "
                             "%d; set mapping.policy=dense, which splits kernels, or "
                             "crossbar.rows of %d or more",
                             layer->name, layer->kernel_h, layer->kernel_w, s->kk, x->rows, s->kk);
        s->block_rows = x->rows / s->kk * s->kk;
    }
    if (!groups_check(layer, chip, err))
        return false;
    int bits = layer->weight_bits;
    if (x->polarity == POLARITY_DIFFERENTIAL && bits > 1)
        bits--; // the sign is the pair's
    int slices = ceil_div(bits, chip->cell.bits);
    m->column_slices = x->slices == SLICES_IN_COLUMNS ? slices : 1;
    m->weight_slices = x->slices == SLICES_IN_COLUMNS ? 1 : slices;
    if (m->column_slices > x->columns)
        return conf_fail(conf_find(chip->conf->root, "crossbar.columns"), err,
                         "layer '%s': one weight of %d bits takes %d columns, more than the "
                         "crossbar's %d; use crossbar.slices=arrays or cells of more bits",
                         layer->name, layer->weight_bits, m->column_slices, x->columns);
    s->block_outs = x->columns / m->column_slices;
    m->packed = groups_packed(net, layer, chip);
    m->matrices = ceil_div(layer->groups, m->packed);
    s->in_rows = layer->in_c / layer->groups * s->kk * m->packed;
    s->outs = layer->out_c / layer->groups * m->packed;
    m->row_blocks = ceil_div(s->in_rows, s->block_rows);
    m->col_blocks = ceil_div(s->outs, s->block_outs);
    m->input_cycles = ceil_div(layer->in_bits[0], chip->dac.bits);
    int64_t n = (int64_t)m->row_blocks * m->col_blocks * m->weight_slices * m->matrices;
    if (n > MAX_CROSSBARS)
        return err_set(err,
                       "layer '%s' needs %lld crossbars, more than this program maps (%d); choose "
                       "a narrower net or larger crossbars",
                       layer->name, (long long)n, MAX_CROSSBARS);
    m->slices = (int)n; // of one replica
    m->replicas = 1;
    return true;
}

static int crossbars_per_tile(const struct chip *chip)
{
    return chip->tile.pes * chip->pe.crossbars;
}

// Cycles that the layer keeps its arrays busy for one image, for balancing only.
static double window_cost_of(const struct layer *layer, const struct map_layer *m,
                             const struct shape *s, const struct chip *chip)
{
    const struct adc_params *adc = chip_adc(chip, layer->name);
    int active = chip_rows_active(chip);
    int rows = min_int(s->block_rows, s->in_rows);
    int columns = min_int(s->block_outs, s->outs) * m->column_slices;
    if (adc->share == ADC_PER_PE) // the crossbars of a PE take turns
        columns *= min_int(m->slices, chip->pe.crossbars);
    return (double)layer->out_h * layer->out_w * m->input_cycles * ceil_div(rows, active) *
           ceil_div(columns, adc->count);
}

static void replicate(const struct net *net, const struct chip *chip, const struct shape *shapes,
                      struct mapping *map, int budget)
{
    int per_tile = crossbars_per_tile(chip), used = 0;
    for (size_t i = 0; i < net->n; i++)
        used += ceil_div(map->layers[i].slices, per_tile);
    for (;;) {
        int slowest = -1;
        double most = 0;
        for (size_t i = 0; i < net->n; i++) {
            const struct map_layer *m = &map->layers[i];
            if (!m->slices)
                continue;
            double work = window_cost_of(&net->layers[i], m, &shapes[i], chip) / m->replicas;
            if (work > most) {
                most = work;
                slowest = (int)i;
            }
        }
        struct map_layer *m = slowest >= 0 ? &map->layers[slowest] : NULL;
        if (!m || m->replicas >= net->layers[slowest].out_h ||
            used + ceil_div(m->slices, per_tile) > budget)
            return;
        used += ceil_div(m->slices, per_tile);
        m->replicas++;
    }
}

static int64_t tiles_needed(const struct net *net, const struct mapping *map, int per_tile)
{
    int64_t n = 0;
    for (size_t i = 0; i < net->n; i++)
        n += (int64_t)ceil_div(map->layers[i].slices, per_tile) * map->layers[i].replicas;
    return n;
}

// The fewest PEs per tile with which the net fits, 0 if none do: layers never share a tile.
static int pes_that_fit(const struct net *net, const struct chip *chip, const struct mapping *map,
                        int budget)
{
    int low = chip->tile.pes, high = CHIP_MAX_PES; // too few, enough
    if (tiles_needed(net, map, high * chip->pe.crossbars) > budget)
        return 0;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (tiles_needed(net, map, middle * chip->pe.crossbars) > budget)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static bool refuse_tiles(const struct net *net, const struct chip *chip, const struct mapping *map,
                         int64_t tiles, int budget, struct err *err)
{
    const struct conf_node *root = chip->conf->root;
    const char *form = net_form_names[net->form];
    if (tiles <= chip_tiles(chip))
        return conf_fail(conf_find(root, "mapping.tiles"), err,
                         "net '%s' (%s, width %s) needs %lld tiles, the budget is %d; raise "
                         "mapping.tiles to %lld, or choose a narrower net",
                         net->name, form, net->width, (long long)tiles, budget, (long long)tiles);
    int side = 1, pes = pes_that_fit(net, chip, map, budget);
    while ((int64_t)side * side < tiles)
        side++;
    char larger[96] = "", fuller[40] = "";
    if (side <= NOC_MAX_SIDE)
        snprintf(larger, sizeof larger, "with noc.columns=%d and noc.rows=%d%s, ", side, side,
                 chip->mapping.tiles > 0 ? " and mapping.tiles=auto" : "");
    if (pes)
        snprintf(fuller, sizeof fuller, "with tile.pes=%d, ", pes);
    return conf_fail(conf_find(root, "noc.columns"), err,
                     "net '%s' (%s, width %s) needs %lld tiles, the chip has %d x %d = %d; it "
                     "would fit %s%s%swith a narrower net",
                     net->name, form, net->width, (long long)tiles, chip->noc.columns,
                     chip->noc.rows, chip_tiles(chip), larger, fuller,
                     *larger || *fuller ? "or " : "");
}

static bool check_tiles(const struct net *net, const struct chip *chip, const struct mapping *map,
                        int budget, int *tiles, int *slices, struct err *err)
{
    int64_t n_tiles = tiles_needed(net, map, crossbars_per_tile(chip)), n_slices = 0;
    for (size_t i = 0; i < net->n; i++)
        n_slices += (int64_t)map->layers[i].slices * map->layers[i].replicas;
    if (!n_slices)
        return err_set(err,
                       "net '%s' has no convolution or linear layer, so nothing to lay on "
                       "crossbars; add one",
                       net->name);
    if (n_tiles > budget)
        return refuse_tiles(net, chip, map, n_tiles, budget, err);
    if (n_slices > MAX_CROSSBARS)
        return err_set(err,
                       "net '%s' needs %lld crossbars, more than this program maps (%d); choose a "
                       "narrower net, larger crossbars or fewer replicas",
                       net->name, (long long)n_slices, MAX_CROSSBARS);
    *tiles = (int)n_tiles;
    *slices = (int)n_slices;
    return true;
}

struct map_matrix map_matrix(const struct mapping *mapping, int layer, int index)
{
    const struct layer *l = &mapping->net->layers[layer];
    int packed = mapping->layers[layer].packed, first = index * packed;
    int groups = min_int(packed, l->groups - first);
    int chans = l->in_c / l->groups, outs = l->out_c / l->groups;
    return (struct map_matrix){.group = first,
                               .groups = groups,
                               .rows = groups * chans * l->kernel_h * l->kernel_w,
                               .outs = groups * outs,
                               .chan0 = first * chans,
                               .chans = groups * chans,
                               .out0 = first * outs};
}

int map_matrix_rows(const struct mapping *mapping, int layer)
{
    return mapping->layers[layer].slices ? map_matrix(mapping, layer, 0).rows : 0;
}

// Order within a replica: matrix, column block, row block, weight slice: what is added up lies
// together.
static void fill_slice(struct slice *slice, const struct mapping *map, const struct shape *s,
                       int index)
{
    const struct map_layer *m = &map->layers[slice->layer];
    slice->weight_slice = index % m->weight_slices;
    index /= m->weight_slices;
    slice->row_block = index % m->row_blocks;
    index /= m->row_blocks;
    slice->col_block = index % m->col_blocks;
    struct map_matrix matrix = map_matrix(map, slice->layer, index / m->col_blocks);
    slice->group = matrix.group;
    slice->groups = matrix.groups;
    slice->row0 = slice->row_block * s->block_rows;
    slice->rows = min_int(s->block_rows, matrix.rows - slice->row0);
    int chan_end = ceil_div(slice->row0 + slice->rows, s->kk);
    slice->chan0 = slice->row0 / s->kk;
    slice->chans = chan_end - slice->chan0;
    slice->chan0 += matrix.chan0;
    slice->out0 = slice->col_block * s->block_outs;
    slice->outs = min_int(s->block_outs, matrix.outs - slice->out0);
    slice->out0 += matrix.out0;
    slice->columns = slice->outs * m->column_slices;
    if (map->chip->crossbar.polarity == POLARITY_OFFSET)
        slice->columns++;
}

static void lay_out(const struct net *net, const struct chip *chip, const struct shape *shapes,
                    struct mapping *map)
{
    int per_tile = crossbars_per_tile(chip), slice = 0, tile = 0;
    for (size_t i = 0; i < net->n; i++) {
        struct map_layer *m = &map->layers[i];
        int each = m->slices;
        m->slice0 = slice;
        m->tile0 = tile;
        for (int r = 0; r < m->replicas && each; r++)
            for (int j = 0; j < each; j++) {
                struct slice *s = &map->slices[slice];
                *s = (struct slice){.layer = (int)i, .replica = r};
                fill_slice(s, map, &shapes[i], j);
                if (j % per_tile == 0)
                    map->tiles[tile++] =
                        (struct map_tile){.layer = (int)i, .replica = r, .slice0 = slice};
                s->tile = tile - 1;
                s->pe = j % per_tile / chip->pe.crossbars;
                s->crossbar = j % chip->pe.crossbars;
                map->tiles[tile - 1].slices++;
                slice++;
            }
        m->slices = slice - m->slice0;
        m->tiles = tile - m->tile0;
    }
}

static void measure(struct mapping *map)
{
    const struct chip *chip = map->chip;
    struct utilisation *u = &map->use;
    double columns_of =
        chip->crossbar.columns + (chip->crossbar.polarity == POLARITY_OFFSET ? 1 : 0);
    u->tiles = map->n_tiles;
    u->crossbars = map->n_slices;
    u->arrays = map->n_slices * chip_arrays(chip);
    for (int i = 0; i < map->n_slices; i++) {
        const struct slice *s = &map->slices[i];
        double rows = (double)s->rows / chip->crossbar.rows, columns = s->columns / columns_of;
        u->rows += rows / map->n_slices;
        u->columns += columns / map->n_slices;
        // A slice with several groups holds all their rows and outputs, and weights in one part of
        // `groups` of them.
        double zeros =
            (double)s->outs * map->layers[s->layer].column_slices * (1 - 1.0 / s->groups);
        u->cells += rows * ((s->columns - zeros) / columns_of) / map->n_slices;
        u->weight_cells += (int64_t)s->rows * s->columns * chip_arrays(chip);
    }
    u->crossbars_in_tiles = (double)map->n_slices / map->n_tiles / crossbars_per_tile(chip);
    u->tiles_in_chip = (double)map->n_tiles / chip_tiles(chip);
}

// An override of a layer that the net lacks would be silent otherwise.
static bool check_overrides(const struct net *net, const struct chip *chip, struct err *err)
{
    const struct layer_override *items = chip->overrides.items;
    for (size_t i = 0; i < chip->overrides.n; i++) {
        bool found = false;
        for (size_t l = 0; l < net->n && !found; l++)
            found =
                layer_has_weights(&net->layers[l]) && !strcmp(net->layers[l].name, items[i].layer);
        if (!found)
            return conf_fail(chip->overrides.nodes[i], err,
                             "net '%s' has no convolution or linear layer '%s'; bitline show net "
                             "lists them",
                             net->name, items[i].layer);
    }
    return true;
}

bool map_net(const struct net *net, const struct chip *chip, uint64_t seed, struct mapping **out,
             struct err *err)
{
    struct arena *mem = arena_create();
    struct mapping *map = arena_alloc(mem, 1, sizeof *map);
    struct shape *shapes = arena_alloc(mem, net->n, sizeof *shapes);
    *map = (struct mapping){.net = net, .chip = chip, .seed = seed, .mem = mem};
    map->layers = arena_alloc(mem, net->n, sizeof *map->layers);
    int budget = chip->mapping.tiles > 0 ? chip->mapping.tiles : chip_tiles(chip);
    if (net->form == FORM_FLOAT) {
        err_set(err,
                "net '%s' in the form float has no hardware; choose --form binary, int8 or "
                "int16",
                net->name);
        goto fail;
    }
    if (!check_overrides(net, chip, err))
        goto fail;
    for (size_t i = 0; i < net->n; i++) {
        map->layers[i].replicas = 1;
        if (layer_has_weights(&net->layers[i]) &&
            !shape_layer(net, &net->layers[i], chip, &map->layers[i], &shapes[i], err))
            goto fail;
    }
    if (!check_tiles(net, chip, map, budget, &map->n_tiles, &map->n_slices, err))
        goto fail;
    if (chip->mapping.replicate) {
        replicate(net, chip, shapes, map, budget);
        if (!check_tiles(net, chip, map, budget, &map->n_tiles, &map->n_slices, err))
            goto fail;
    }
    map->slices = arena_alloc(mem, (size_t)map->n_slices, sizeof *map->slices);
    map->tiles = arena_alloc(mem, (size_t)map->n_tiles, sizeof *map->tiles);
    lay_out(net, chip, shapes, map);
    place_tiles(map);
    if (!size_buffers(map, err))
        goto fail;
    measure(map);
    *out = map;
    return true;
fail:
    arena_destroy(mem);
    return false;
}

void map_destroy(struct mapping *mapping)
{
    if (mapping)
        arena_destroy(mapping->mem);
}
