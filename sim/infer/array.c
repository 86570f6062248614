#include "sim/infer/array.h"

#include <stdlib.h>
#include <string.h>

#include "nets/geometry.h"
#include "nets/integer.h"
#include "nets/net.h"
#include "sim/base/err.h"
#include "sim/base/mem.h"
#include "sim/chip/chip.h"
#include "sim/infer/cells.h"
#include "sim/infer/matrix.h"
#include "sim/infer/readout.h"
#include "sim/map/map.h"

// --- What the ADC can tell apart ---

static bool loses_nothing(const struct chip *chip, const struct adc_params *adc, int64_t largest)
{
    if (adc->bits >= 62)
        return true;
    int64_t codes = (int64_t)1 << adc->bits;
    return readout_signed(chip) ? largest <= codes / 2 - 1 : largest <= codes - 1;
}

static int bits_wanted(const struct chip *chip, int64_t largest)
{
    int bits = 1;
    while (!loses_nothing(chip, &(struct adc_params){.bits = bits}, largest))
        bits++;
    return bits;
}

static bool check_adc(const struct arrays *a, int layer, bool broken, struct err *err)
{
    const struct chip *chip = a->map->chip;
    const struct layer *l = &a->map->net->layers[layer];
    const struct adc_params *adc = chip_adc(chip, l->name);
    struct matrix *matrix = &a->layers[layer];
    int rows = matrix->rows < chip_rows_active(chip) ? matrix->rows : chip_rows_active(chip);
    int64_t largest = rows * largest_product(chip, l, broken);
    int64_t of_group = readout_of_group(chip, l, broken); // broken cells between groups left out
    largest = broken ? largest : of_group;
    matrix->clips = !loses_nothing(chip, adc, largest);
    if (!matrix->clips)
        return true;
    if (adc->range == ADC_FULL && adc->bits > 1 && loses_nothing(chip, adc, of_group))
        matrix->full = (int64_t)1 << (adc->bits - 1); // codes are whole steps; the rest is clipped
    const struct conf_node *at = conf_find(chip->conf->root, "adc");
    if (adc->bits < 2)
        return conf_fail(at, err,
                         "read-outs of one bit are not evaluated yet: layer '%s' needs %d bits to "
                         "lose nothing",
                         l->name, bits_wanted(chip, largest));
    if (!readout_signed(chip) || l->weight_bits != 1 || chip->cell.bits != 1 || l->in_bits[0] != 1)
        return conf_fail(
            at, err,
            "%d bits clip sums of up to %lld in layer '%s', which is evaluated for "
            "binary nets on differential pairs alone; set adc.bits to %d or more (with "
            "time, energy and area)",
            adc->bits, (long long)largest, l->name, bits_wanted(chip, largest));
    return true;
}

// --- Layers ---

static int round_up(int n, int to)
{
    return (n + to - 1) / to * to;
}

// Rows that are driven together share words; every group of rows starts a new one.
static void place_rows(struct arrays *a, int layer, struct matrix *m)
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

static void pack(struct arrays *a, int layer, struct matrix *m)
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

// Replicas have cells of their own; on an unbroken chip one matrix stands for all.
static void read_layer(struct arrays *a, int layer, const struct draw *draw)
{
    struct matrix *m = &a->layers[layer];
    int replicas = a->map->layers[layer].replicas;
    int64_t cells_before = a->counts.cells;
    m->replicas = fault_any(draw) || fault_lines(draw) ? replicas : 1;
    struct matrix like = *m;
    m->others = arena_alloc(a->mem, (size_t)m->replicas, sizeof *m->others);
    for (int r = 0; r < m->replicas; r++) {
        struct matrix *own = r ? &m->others[r - 1] : m;
        if (r)
            *own = like;
        read_cells(a, layer, r, draw, own);
        pack(a, layer, own);
    }
    if (m->replicas < replicas)
        a->counts.cells += (replicas - 1) * (a->counts.cells - cells_before);
}

static bool build_layer(struct arrays *a, int layer, const struct draw *draw, bool exact,
                        struct err *err)
{
    const struct layer *l = &a->map->net->layers[layer];
    struct matrix *m = &a->layers[layer];
    m->mapped = true;
    struct map_matrix largest = map_matrix(a->map, layer, 0);
    m->groups = a->map->layers[layer].matrices;
    m->rows = largest.rows;
    m->outs = largest.outs;
    m->columns = round_up(m->outs, LANES);
    if (!exact && (!full_sum(a->map, layer, draw->ranges, &m->full, err) ||
                   !check_adc(a, layer, fault_any(draw), err)))
        return false;
    read_layer(a, layer, draw);
    for (int r = 0; r < m->replicas; r++)
        if (m->clips && !matrix_of_row(m, r)->packed)
            return err_set(
                err,
                "layer '%s': broken cells or lines make sums that this ADC's model does not cover",
                l->name);
    return true;
}

// exact: ADCs that lose nothing, whatever the chip's.
static struct arrays *create(const struct mapping *mapping, const struct integer *integer,
                             const struct draw *draw, enum cpu_level level, bool exact,
                             struct err *err)
{
    struct arena *mem = arena_create();
    struct arrays *a = arena_alloc(mem, 1, sizeof *a);
    const struct net *net = mapping->net;
    *a = (struct arrays){.map = mapping, .net = integer, .mem = mem};
    a->kernels = kernels_for(cpu_best(level));
    a->layers = arena_alloc(mem, net->n, sizeof *a->layers);
    bool ok = true;
    for (size_t i = 1; i < net->n && ok; i++)
        if (net->layers[i].kind == LAYER_CONV || net->layers[i].kind == LAYER_LINEAR)
            ok = build_layer(a, (int)i, draw, exact, err);
    if (!ok) {
        arena_destroy(mem);
        return NULL;
    }
    return a;
}

struct arrays *arrays_create(const struct mapping *mapping, const struct integer *integer,
                             const struct draw *draw, enum cpu_level level, struct err *err)
{
    return create(mapping, integer, draw, level, false, err);
}

struct arrays *arrays_create_exact(const struct mapping *mapping, const struct integer *integer,
                                   enum cpu_level level)
{
    const struct draw none = {0};
    return create(mapping, integer, &none, level, true, NULL);
}

void arrays_destroy(struct arrays *arrays)
{
    if (arrays)
        arena_destroy(arrays->mem);
}

struct fault_counts arrays_faults(const struct arrays *arrays)
{
    return arrays->counts;
}

int32_t arrays_weight(const struct arrays *arrays, int layer, int out, int row)
{
    const struct matrix *m = &arrays->layers[layer];
    return m->w[((size_t)(out / m->outs) * m->rows + row) * m->columns + out % m->outs];
}
