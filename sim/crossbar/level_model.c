#include "sim/crossbar/level_model.h"

#include <stdlib.h>
#include <string.h>

#include "nets/geometry.h"
#include "nets/int_net.h"
#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/matrix.h"
#include "sim/crossbar/readout.h"
#include "sim/map/map.h"

static int round_up(int n, int to)
{
    return (n + to - 1) / to * to;
}

// Rows that are driven together share words; every group of rows starts a new word.
static void place_rows(struct level_model *a, int layer, struct matrix *m)
{
    const struct map_layer *ml = &a->map->layers[layer];
    int active = chip_rows_active(a->map->chip), words = 0;
    m->place = arena_alloc(a->mem, (size_t)m->rows, sizeof *m->place);
    m->group_words = (active + 63) / 64;
    int each = ml->slices / ml->replicas;
    int last = -1;
    for (int i = ml->slice0; i < ml->slice0 + each; i++) {
        const struct slice *s = &a->map->slices[i];
        if (s->row_block <= last || s->group)
            continue; // another column block of the same rows
        last = s->row_block;
        for (int row = 0; row < s->rows; row++) {
            int group = row / active, in_group = row % active;
            m->place[s->row0 + row] =
                (words + group * m->group_words + in_group / 64) * 64 + in_group % 64;
        }
        words += (s->rows + active - 1) / active * m->group_words;
    }
    m->n_words = words;
    m->word_row = arena_alloc(a->mem, (size_t)words + 1, sizeof *m->word_row);
    for (int row = m->rows - 1, word = words; word >= 0; word--) {
        while (row >= 0 && m->place[row] / 64 >= word)
            row--;
        m->word_row[word] = row + 1;
    }
    const struct layer *l = &a->map->net->layers[layer];
    int width = padded_w(l), height = padded_h(l), row = 0;
    m->offset = arena_alloc(a->mem, (size_t)m->rows, sizeof *m->offset);
    for (int c = 0; c < map_matrix(a->map, layer, 0).chans; c++)
        for (int ky = 0; ky < l->kernel_h; ky++)
            for (int kx = 0; kx < l->kernel_w; kx++)
                m->offset[row++] = (c * height + ky * l->dilation_h) * width + kx * l->dilation_w;
}

static void pack(struct level_model *a, int layer, struct matrix *m)
{
    const struct layer *l = &a->map->net->layers[layer];
    size_t size = (size_t)m->groups * m->rows * m->columns;
    int32_t least = 0, most = 0;
    for (size_t i = 0; i < size; i++) {
        least = m->w[i] < least ? m->w[i] : least;
        most = m->w[i] > most ? m->w[i] : most;
    }
    m->packed = l->in_bits[0] == 1 && least >= -1 && most <= 1;
    m->wide = least < INT16_MIN || most > INT16_MAX;
    int64_t largest = most > -(int64_t)least ? most : -(int64_t)least;
    m->small = l->in_bits[0] <= 15 && !m->wide &&
               largest * (((int64_t)1 << l->in_bits[0]) - 1) * m->rows <= INT32_MAX;
    if (m->small && !m->packed && lines_cover(l, m)) {
        lines_build(a, layer, m);
    } else if (m->small && !m->packed) {
        m->narrow = arena_alloc(a->mem, size, sizeof *m->narrow);
        for (size_t i = 0; i < size; i++)
            m->narrow[i] = (int16_t)m->w[i];
    }
    if (!m->packed)
        return;
    place_rows(a, layer, m);
    size_t masks = (size_t)m->groups * m->n_words * m->columns;
    m->plus = arena_alloc(a->mem, masks, sizeof *m->plus);
    m->minus = arena_alloc(a->mem, masks, sizeof *m->minus);
    for (int g = 0; g < m->groups; g++)
        for (int row = 0; row < m->rows; row++) {
            size_t at = ((size_t)g * m->n_words + m->place[row] / 64) * m->columns;
            a->kernels->set_bits(m->w + ((size_t)g * m->rows + row) * m->columns, m->columns,
                                 (uint64_t)1 << m->place[row] % 64, m->plus + at, m->minus + at);
        }
}

// Each replica has its own cells; on a fault-free chip one matrix represents all.
static void read_layer(struct level_model *a, int layer, const struct chip_sample *sample)
{
    struct matrix *m = &a->layers[layer];
    int replicas = a->map->layers[layer].replicas;
    int64_t cells_before = a->counts.cells;
    m->replicas = fault_any(sample) || fault_lines(sample) ? replicas : 1;
    struct matrix like = *m;
    m->others = arena_alloc(a->mem, (size_t)m->replicas, sizeof *m->others);
    for (int r = 0; r < m->replicas; r++) {
        struct matrix *own = r ? &m->others[r - 1] : m;
        if (r)
            *own = like;
        read_cells(a, layer, r, sample, own);
        pack(a, layer, own);
    }
    if (m->replicas < replicas)
        a->counts.cells += (replicas - 1) * (a->counts.cells - cells_before);
}

struct sum_bound level_model_bound(const struct level_model *arrays, int layer)
{
    const struct matrix *m = &arrays->layers[layer];
    struct sum_bound bound = m->bound;
    for (int r = 1; r < m->replicas; r++)
        bound_join(&bound, &m->others[r - 1].bound);
    return bound;
}

static bool all_packed(const struct matrix *m)
{
    for (int r = 0; r < m->replicas; r++)
        if (!matrix_of_row(m, r)->packed)
            return false;
    return true;
}

static bool refuse_adc(const struct level_model *a, int layer, const struct chip_sample *sample,
                       struct err *err)
{
    const struct chip *chip = a->map->chip;
    const struct layer *l = &a->map->net->layers[layer];
    const struct conf_node *at = conf_find(chip->conf->root, "adc");
    int present = chip_adc(chip, l->name)->bits;
    struct sum_bound bound = level_model_bound(a, layer);
    int bits = readout_bits(a->map, layer, fault_any(sample), sample->ranges, &bound);
    if (present < 2)
        return conf_fail(
            at, err,
            "one-bit read-outs need the conductance model: layer '%s' needs %d bits for the "
            "level model",
            l->name, bits);
    return conf_fail(
        at, err,
        "layer '%s' has sums of %.0f to %.0f, for which %d bits are lossy; the level "
        "model supports that only for binary nets on differential pairs; set adc.bits to %d "
        "or more (with time, energy and area)",
        l->name, bound.low, bound.high, present, bits);
}

// Determines whether the layer's ADC may be lossy, and whether this model covers it.
static void check_adc(struct level_model *a, int layer, const struct chip_sample *sample)
{
    const struct chip *chip = a->map->chip;
    const struct layer *l = &a->map->net->layers[layer];
    struct matrix *m = &a->layers[layer];
    struct readout readout = readout_of(a->map, layer, 1, fault_any(sample), sample->ranges);
    struct sum_bound bound = level_model_bound(a, layer);
    m->clips = !readout_lossless(&readout, &bound);
    int half = chip_adc(chip, l->name)->bits - 1;
    if (m->clips && readout.worth <= 1 && m->full > (int64_t)1 << half)
        m->full = (int64_t)1 << half; // codes are integer steps; larger sums are clipped
    for (int r = 1; r < m->replicas; r++) {
        m->others[r - 1].clips = m->clips;
        m->others[r - 1].full = m->full;
    }
    bool pairs = readout_signed(chip) && l->weight_bits == 1 && chip->cell.bits == 1;
    m->left_out = m->clips && !(pairs && all_packed(m) && half > 0);
}

// Which ADCs to model.
enum adcs {
    ADCS_COVERED, // the chip's; fails if their losses are not covered
    ADCS_SOME,    // the chip's; leaves out layers whose losses are not covered
    ADCS_EXACT,   // lossless ones
};

static bool build_layer(struct level_model *a, int layer, const struct chip_sample *sample,
                        enum adcs adcs, struct err *err)
{
    struct matrix *m = &a->layers[layer];
    m->mapped = true;
    struct map_matrix largest = map_matrix(a->map, layer, 0);
    m->groups = a->map->layers[layer].matrices;
    m->rows = largest.rows;
    m->outs = largest.outs;
    m->columns = round_up(m->outs, LANES);
    if (adcs != ADCS_EXACT && !full_sum(a->map, layer, sample->ranges, &m->full, err))
        return false;
    read_layer(a, layer, sample);
    if (adcs != ADCS_EXACT)
        check_adc(a, layer, sample);
    return adcs != ADCS_COVERED || !m->left_out || refuse_adc(a, layer, sample, err);
}

static struct level_model *create(const struct mapping *mapping, const struct int_net *integer,
                                  const struct chip_sample *sample, enum cpu_level level,
                                  enum adcs adcs, struct err *err)
{
    struct arena *mem = arena_create();
    struct level_model *a = arena_alloc(mem, 1, sizeof *a);
    const struct net *net = mapping->net;
    *a = (struct level_model){.map = mapping, .net = integer, .mem = mem};
    a->kernels = kernels_for(cpu_best(level));
    a->layers = arena_alloc(mem, net->n, sizeof *a->layers);
    bool ok = true;
    for (size_t i = 1; i < net->n && ok; i++)
        if (layer_has_weights(&net->layers[i]))
            ok = build_layer(a, (int)i, sample, adcs, err);
    if (!ok) {
        arena_destroy(mem);
        return NULL;
    }
    return a;
}

struct level_model *level_model_create(const struct mapping *mapping, const struct int_net *integer,
                                       const struct chip_sample *sample, enum cpu_level level,
                                       struct err *err)
{
    return create(mapping, integer, sample, level, ADCS_COVERED, err);
}

struct level_model *level_model_create_some(const struct mapping *mapping,
                                            const struct int_net *integer,
                                            const struct chip_sample *sample, enum cpu_level level,
                                            struct err *err)
{
    return create(mapping, integer, sample, level, ADCS_SOME, err);
}

bool level_model_cover(const struct level_model *arrays, int layer)
{
    return !arrays->layers[layer].left_out;
}

bool level_model_cover_all(const struct level_model *arrays)
{
    for (size_t i = 0; i < arrays->map->net->n; i++)
        if (!level_model_cover(arrays, (int)i))
            return false;
    return true;
}

struct level_model *level_model_create_exact(const struct mapping *mapping,
                                             const struct int_net *integer, enum cpu_level level)
{
    const struct chip_sample none = {0};
    return create(mapping, integer, &none, level, ADCS_EXACT, NULL);
}

void level_model_destroy(struct level_model *arrays)
{
    if (arrays)
        arena_destroy(arrays->mem);
}

struct fault_counts level_model_faults(const struct level_model *arrays)
{
    return arrays->counts;
}

int32_t level_model_weight(const struct level_model *arrays, int layer, int out, int row)
{
    const struct matrix *m = &arrays->layers[layer];
    return m->w[((size_t)(out / m->outs) * m->rows + row) * m->columns + out % m->outs];
}
