#include "sim/infer/array.h"

#include <stdlib.h>
#include <string.h>

#include "nets/integer.h"
#include "nets/net.h"
#include "sim/base/err.h"
#include "sim/base/mem.h"
#include "sim/chip/chip.h"
#include "sim/infer/cells.h"
#include "sim/infer/matrix.h"
#include "sim/map/map.h"

// --- Cells ---

struct cell_model {
    int bits, cell_bits, slices;
    int polarity;
    int top; // highest level
};

// An enum cell_fate of every cell in one row of one array, or of both.
struct row_fates {
    int arrays;
    uint8_t *of[2];
    uint8_t *open[2]; // which columns of the slice are on open bit lines
};

static int read_cell(const struct cell_model *m, int level, enum cell_fate fate)
{
    return fate == CELL_LRS ? m->top : fate == CELL_FINE ? level : 0;
}

static struct cell_address address_of(const struct mapping *map, const struct slice *s)
{
    const struct map_tile *t = &map->tiles[s->tile];
    return (struct cell_address){t->x, t->y, s->pe, s->crossbar, 0, 0, 0};
}

// Which bit lines of a slice are open, counted.
static void draw_columns(struct arrays *a, const struct draw *draw, const struct slice *s,
                         const struct row_fates *fates)
{
    struct cell_address at = address_of(a->map, s);
    if (draw->defects.bit_lines <= 0)
        return; // none, as they were made
    for (at.polarity = 0; at.polarity < fates->arrays; at.polarity++)
        for (at.column = 0; at.column < s->columns; at.column++) {
            bool open = fault_bit_line(draw, &at);
            fates->open[at.polarity][at.column] = open;
            a->counts.bit_lines.hit += open;
            a->counts.bit_lines.all++;
        }
}

static bool draw_word_line(struct arrays *a, const struct draw *draw, const struct cell_address *at)
{
    if (draw->defects.word_lines <= 0)
        return false;
    bool open = fault_word_line(draw, at);
    a->counts.word_lines.hit += open;
    a->counts.word_lines.all++;
    return open;
}

// Cells on open lines hold nothing, whatever else they are.
static void open_cells(bool row, const uint8_t *columns, int n, uint8_t *fates)
{
    for (int i = 0; i < n; i++)
        if (row || columns[i])
            fates[i] = CELL_OPEN;
}

// The fates of n cells of a row from `at` on, counted.
static void draw_row(struct arrays *a, const struct draw *draw, const struct cell_address *at,
                     int n, uint8_t *fates)
{
    a->counts.cells += n;
    if (!fault_any(draw)) {
        memset(fates, CELL_FINE, (size_t)n);
        return;
    }
    fault_row(draw, a->kernels, at, n, fates);
    int lrs = 0, hrs = 0;
    for (int i = 0; i < n; i++) {
        lrs += fates[i] == CELL_LRS;
        hrs += fates[i] == CELL_HRS;
    }
    a->counts.lrs += lrs;
    a->counts.hrs += hrs;
}

// What the offset column, or the digital side in its place, says of one row: 1 if all is well.
static int unit_of(struct arrays *a, const struct draw *draw, const struct slice *s, int row,
                   const struct cell_model *m, const struct row_fates *fates)
{
    if (m->polarity != POLARITY_OFFSET)
        return 1;
    struct cell_address at = address_of(a->map, s);
    at.row = row;
    at.column = s->columns - 1;
    uint8_t fate = CELL_FINE;
    draw_row(a, draw, &at, 1, &fate);
    open_cells(fault_word_line(draw, &at), fates->open[0] + at.column, 1, &fate);
    return read_cell(m, 1, (enum cell_fate)fate);
}

// What the cells of one weight hold: of one slice of it, or of all.
static int64_t read_weight(const struct cell_model *m, const struct row_fates *fates,
                           int32_t weight, int cell, int slice, int slices)
{
    int64_t sum = 0;
    for (int k = 0; k < slices; k++)
        for (int p = 0; p < fates->arrays; p++) {
            int level = cell_level(m->polarity, m->bits, m->cell_bits, weight, slice + k, p);
            level = read_cell(m, level, (enum cell_fate)fates->of[p][cell + k]);
            int64_t value = (int64_t)level << ((slice + k) * m->cell_bits);
            sum += p ? -value : value;
        }
    return sum;
}

// A row of binary pairs: the same with nothing to shift.
static void read_pairs(const struct row_fates *fates, const int32_t *w, size_t step, int outs,
                       int32_t *to)
{
    for (int o = 0; o < outs; o++, w += step) {
        int plus = fates->of[0][o], minus = fates->of[1][o];
        to[o] += (plus ? plus == CELL_LRS : *w > 0) - (minus ? minus == CELL_LRS : *w < 0);
    }
}

// The row of `at` in every array, n columns of it.
static void draw_arrays(struct arrays *a, const struct draw *draw, struct cell_address at, int n,
                        const struct row_fates *fates)
{
    for (at.polarity = 0; at.polarity < fates->arrays; at.polarity++) {
        uint8_t *of = fates->of[at.polarity];
        draw_row(a, draw, &at, n, of);
        if (fault_lines(draw))
            open_cells(draw_word_line(a, draw, &at), fates->open[at.polarity], n, of);
    }
}

// Adds one slice's cells to the weights in effect.
static void read_slice(struct arrays *a, const struct draw *draw, const struct slice *s,
                       const struct cell_model *m, struct row_fates *fates)
{
    const struct layer *l = &a->map->net->layers[s->layer];
    const struct map_layer *ml = &a->map->layers[s->layer];
    struct matrix *matrix = &a->layers[s->layer];
    int in_columns = ml->column_slices, first_out = s->group * (l->out_c / l->groups);
    int slice = in_columns > 1 ? 0 : s->weight_slice;
    bool offset = m->polarity != POLARITY_DIFFERENTIAL && s->weight_slice == 0;
    bool pairs = m->polarity == POLARITY_DIFFERENTIAL && m->bits == 1 && m->cell_bits == 1;
    struct cell_address at = address_of(a->map, s);
    draw_columns(a, draw, s, fates);
    for (int row = 0; row < s->rows; row++) {
        int unit = offset ? unit_of(a, draw, s, row, m, fates) : 0;
        int64_t off = m->bits == 1 ? unit : (int64_t)unit << (m->bits - 1);
        size_t w_row = (size_t)s->row0 + row;
        const int32_t *w = a->net->layers[s->layer].w + (size_t)s->out0 * matrix->rows + w_row;
        int32_t *to = matrix->w + ((size_t)s->group * matrix->rows + w_row) * matrix->columns +
                      (s->out0 - first_out);
        at.row = row;
        draw_arrays(a, draw, at, s->outs * in_columns, fates);
        if (pairs) {
            read_pairs(fates, w, (size_t)matrix->rows, s->outs, to);
            continue;
        }
        for (int o = 0; o < s->outs; o++) {
            int64_t sum = read_weight(m, fates, w[(size_t)o * matrix->rows], o * in_columns, slice,
                                      in_columns);
            to[o] += (int32_t)((offset && m->bits == 1 ? 2 * sum : sum) - off);
        }
    }
}

// --- What the ADC can tell apart ---

// The largest sum of one conversion.
static int64_t full_sum(const struct chip *chip, int cell_top)
{
    return (int64_t)chip_rows_active(chip) * cell_top * ((1 << chip->dac.bits) - 1);
}

static bool is_signed(const struct chip *chip)
{
    return chip->crossbar.polarity == POLARITY_DIFFERENTIAL && !chip->crossbar.subtract_after;
}

static bool loses_nothing(const struct chip *chip, const struct adc_params *adc, int64_t largest)
{
    if (adc->bits >= 62)
        return true;
    int64_t codes = (int64_t)1 << adc->bits;
    return is_signed(chip) ? largest <= codes / 2 - 1 : largest <= codes - 1;
}

static int bits_wanted(const struct chip *chip, int64_t largest)
{
    int bits = 1;
    while (!loses_nothing(chip, &(struct adc_params){.bits = bits}, largest))
        bits++;
    return bits;
}

static bool check_adc(const struct arrays *a, int layer, const struct cell_model *m, bool broken,
                      struct err *err)
{
    const struct chip *chip = a->map->chip;
    const struct layer *l = &a->map->net->layers[layer];
    const struct adc_params *adc = chip_adc(chip, l->name);
    struct matrix *matrix = &a->layers[layer];
    int rows = matrix->rows < chip_rows_active(chip) ? matrix->rows : chip_rows_active(chip);
    int64_t largest = rows * largest_product(chip, l, broken);
    matrix->clips = !loses_nothing(chip, adc, largest);
    if (!matrix->clips)
        return true;
    const struct conf_node *at = conf_find(chip->conf->root, "adc");
    if (adc->bits < 2)
        return conf_fail(at, err,
                         "read-outs of one bit are not evaluated yet: layer '%s' needs %d bits to "
                         "lose nothing",
                         l->name, bits_wanted(chip, largest));
    if (!is_signed(chip) || m->bits != 1 || m->cell_bits != 1 || l->in_bits[0] != 1)
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
static void place_rows(struct arrays *a, int layer)
{
    const struct map_layer *ml = &a->map->layers[layer];
    struct matrix *m = &a->layers[layer];
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
    int width = l->in_w + 2 * l->pad, height = l->in_h + 2 * l->pad, row = 0;
    m->offset = arena_alloc(a->mem, (size_t)m->rows, sizeof *m->offset);
    for (int c = 0; c < l->in_c / l->groups; c++)
        for (int ky = 0; ky < l->kernel_h; ky++)
            for (int kx = 0; kx < l->kernel_w; kx++)
                m->offset[row++] = (c * height + ky) * width + kx;
}

static void pack(struct arrays *a, int layer)
{
    const struct layer *l = &a->map->net->layers[layer];
    struct matrix *m = &a->layers[layer];
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
    if (m->small && !m->packed && m->groups == 1) {
        lines_build(a, layer);
    } else if (m->small && !m->packed) {
        m->narrow = arena_alloc(a->mem, size, sizeof *m->narrow);
        for (size_t i = 0; i < size; i++)
            m->narrow[i] = (int16_t)m->w[i];
    }
    if (!m->packed)
        return;
    place_rows(a, layer);
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

static void read_layer(struct arrays *a, int layer, const struct draw *draw,
                       const struct cell_model *m)
{
    const struct map_layer *ml = &a->map->layers[layer];
    int each = ml->slices / ml->replicas, columns = 1;
    for (int i = ml->slice0; i < ml->slice0 + each; i++)
        if (a->map->slices[i].columns > columns)
            columns = a->map->slices[i].columns;
    size_t n = (size_t)columns;
    uint8_t *fine = mem_alloc(4 * n, 1); // CELL_FINE is 0
    struct row_fates fates = {m->polarity == POLARITY_DIFFERENTIAL ? 2 : 1,
                              {fine, fine + n},
                              {fine + 2 * n, fine + 3 * n}};
    for (int i = ml->slice0; i < ml->slice0 + each; i++)
        read_slice(a, draw, &a->map->slices[i], m, &fates);
    free(fine);
}

static bool build_layer(struct arrays *a, int layer, const struct draw *draw, struct err *err)
{
    const struct chip *chip = a->map->chip;
    const struct layer *l = &a->map->net->layers[layer];
    const struct map_layer *ml = &a->map->layers[layer];
    struct matrix *m = &a->layers[layer];
    m->mapped = true;
    m->groups = l->groups;
    m->rows = l->in_c / l->groups * l->kernel_h * l->kernel_w;
    m->outs = l->out_c / l->groups;
    m->columns = round_up(m->outs, LANES);
    m->w = arena_alloc(a->mem, (size_t)m->groups * m->rows * m->columns, sizeof *m->w);
    struct cell_model cells = {l->weight_bits, chip->cell.bits,
                               ml->weight_slices * ml->column_slices, chip->crossbar.polarity,
                               (1 << chip->cell.bits) - 1};
    if (!check_adc(a, layer, &cells, fault_any(draw), err))
        return false;
    read_layer(a, layer, draw, &cells);
    pack(a, layer);
    if (m->clips && !m->packed)
        return err_set(
            err, "layer '%s': broken cells or lines make sums that this ADC's model does not cover",
            l->name);
    return true;
}

struct arrays *arrays_create(const struct mapping *mapping, const struct integer *integer,
                             const struct draw *draw, enum cpu_level level, struct err *err)
{
    struct arena *mem = arena_create();
    struct arrays *a = arena_alloc(mem, 1, sizeof *a);
    const struct net *net = mapping->net;
    *a = (struct arrays){.map = mapping, .net = integer, .mem = mem};
    a->kernels = kernels_for(cpu_best(level));
    a->full = full_sum(mapping->chip, (1 << mapping->chip->cell.bits) - 1);
    a->layers = arena_alloc(mem, net->n, sizeof *a->layers);
    bool ok = true;
    if (mapping->chip->mapping.replicate && (fault_any(draw) || fault_lines(draw)))
        ok = err_set(err, "broken cells and lines in replicated layers are not evaluated yet; drop "
                          "mapping.replicate");
    for (size_t i = 1; i < net->n && ok; i++)
        if (net->layers[i].kind == LAYER_CONV || net->layers[i].kind == LAYER_LINEAR)
            ok = build_layer(a, (int)i, draw, err);
    if (!ok) {
        arena_destroy(mem);
        return NULL;
    }
    return a;
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

// --- Matrices ---

int64_t array_code(int64_t full, int half, int32_t sum)
{
    int64_t top = ((int64_t)1 << half) - 1, code = sum;
    if (full > top + 1) {
        int64_t scaled = sum * ((int64_t)2 << half) + full, two = 2 * full;
        code = scaled / two - (scaled % two < 0);
    }
    return code > top ? top : code < -top - 1 ? -top - 1 : code;
}

int64_t array_value(int64_t full, int half, int64_t codes)
{
    bool scaled = full > (int64_t)1 << half;
    return scaled ? (codes * full + ((int64_t)1 << half) / 2) >> half : codes;
}

struct array_worker {
    const struct arrays *arrays;
    uint64_t *bits;  // of one window, packed
    uint8_t *padded; // the map of a binary layer with zeros around
    int32_t *window; // of one window, by row
    int16_t *lines;  // the map of a layer of small integers
    int32_t *sums;   // of one group of rows, or of all; of a row of windows
    int64_t *codes;  // ADC codes added up
};

static size_t padded_size(const struct layer *l)
{
    return (size_t)l->in_c * (l->in_h + 2 * l->pad) * (l->in_w + 2 * l->pad);
}

struct array_worker *array_worker_create(const struct arrays *arrays)
{
    struct array_worker *worker = mem_alloc(1, sizeof *worker);
    size_t words = 1, rows = 1, columns = LANES, padded = 1, lines = 1;
    for (size_t i = 0; i < arrays->map->net->n; i++) {
        const struct matrix *m = &arrays->layers[i];
        words = (size_t)m->n_words > words ? (size_t)m->n_words : words;
        rows = (size_t)m->rows > rows ? (size_t)m->rows : rows;
        size_t row = (size_t)m->columns * arrays->map->net->layers[i].out_w;
        columns = row > columns ? row : columns;
        size_t line = m->lines ? lines_map_size(arrays, (int)i) : 0;
        lines = line > lines ? line : lines;
        size_t map = m->packed ? padded_size(&arrays->map->net->layers[i]) : 0;
        padded = map > padded ? map : padded;
    }
    worker->arrays = arrays;
    worker->padded = mem_alloc(padded, 1);
    worker->bits = mem_alloc(words, sizeof *worker->bits);
    worker->lines = mem_alloc(lines, sizeof *worker->lines);
    worker->window = mem_alloc(rows, sizeof *worker->window);
    worker->sums = mem_alloc(columns, sizeof *worker->sums);
    worker->codes = mem_alloc(columns, sizeof *worker->codes);
    return worker;
}

void array_worker_destroy(struct array_worker *worker)
{
    if (!worker)
        return;
    free(worker->bits);
    free(worker->padded);
    free(worker->lines);
    free(worker->window);
    free(worker->sums);
    free(worker->codes);
    free(worker);
}

// The bits of the window whose first element is at `window`, in the order of the mapping's rows.
static void pack_window(const struct matrix *m, const uint8_t *window, uint64_t *bits)
{
    for (int word = 0; word < m->n_words; word++) {
        uint64_t packed = 0;
        int first = m->word_row[word], end = m->word_row[word + 1];
        for (int row = first; row < end; row++)
            packed |= (uint64_t)window[m->offset[row]] << (row - first);
        bits[word] = packed;
    }
}

static void pad_map(const struct layer *l, const int32_t *in, uint8_t *padded)
{
    int width = l->in_w + 2 * l->pad, height = l->in_h + 2 * l->pad;
    memset(padded, 0, padded_size(l));
    for (int c = 0; c < l->in_c; c++)
        for (int y = 0; y < l->in_h; y++) {
            uint8_t *to = padded + ((size_t)c * height + y + l->pad) * width + l->pad;
            const int32_t *from = in + ((size_t)c * l->in_h + y) * l->in_w;
            for (int x = 0; x < l->in_w; x++)
                to[x] = (uint8_t)from[x];
        }
}

static void multiply_packed(struct array_worker *worker, int layer, const struct matrix *m,
                            int group, const uint8_t *window)
{
    const struct arrays *a = worker->arrays;
    int half = chip_adc(a->map->chip, a->map->net->layers[layer].name)->bits - 1;
    pack_window(m, window, worker->bits);
    memset(worker->codes, 0, (size_t)m->columns * sizeof *worker->codes);
    memset(worker->sums, 0, (size_t)m->columns * sizeof *worker->sums);
    size_t base = (size_t)group * m->n_words;
    for (int word = 0; word < m->n_words; word++) {
        if (worker->bits[word]) {
            size_t at = (base + word) * m->columns;
            a->kernels->count_bits(worker->bits[word], m->plus + at, m->minus + at, m->columns,
                                   worker->sums);
        }
        if (!m->clips || (word + 1) % m->group_words)
            continue;
        for (int c = 0; c < m->outs; c++) // one conversion per column and group of rows
            worker->codes[c] += array_code(a->full, half, worker->sums[c]);
        memset(worker->sums, 0, (size_t)m->columns * sizeof *worker->sums);
    }
    for (int c = 0; c < m->outs; c++)
        worker->codes[c] =
            m->clips ? array_value(a->full, half, worker->codes[c]) : worker->sums[c];
}

static void multiply_rows(struct array_worker *worker, const struct matrix *m, int group)
{
    const int32_t *w = m->w + (size_t)group * m->rows * m->columns;
    if (m->narrow) {
        memset(worker->sums, 0, (size_t)m->columns * sizeof *worker->sums);
        for (int row = 0; row < m->rows; row++)
            if (worker->window[row])
                worker->arrays->kernels->add_row(
                    worker->window[row], m->narrow + ((size_t)group * m->rows + row) * m->columns,
                    m->columns, worker->sums);
        for (int c = 0; c < m->outs; c++)
            worker->codes[c] = worker->sums[c];
        return;
    }
    memset(worker->codes, 0, (size_t)m->columns * sizeof *worker->codes);
    for (int row = 0; row < m->rows; row++)
        for (int c = 0; c < m->outs && worker->window[row]; c++)
            worker->codes[c] += (int64_t)worker->window[row] * w[(size_t)row * m->columns + c];
}

void arrays_matrix(void *context, int layer, const int32_t *in, int64_t *acc)
{
    struct array_worker *worker = context;
    const struct matrix *m = &worker->arrays->layers[layer];
    const struct layer *l = &worker->arrays->map->net->layers[layer];
    if (m->lines) {
        lines_matrix(worker->arrays, layer, in, worker->lines, worker->sums, acc);
        return;
    }
    size_t map = (size_t)l->out_h * l->out_w;
    int width = l->in_w + 2 * l->pad, height = l->in_h + 2 * l->pad;
    if (m->packed)
        pad_map(l, in, worker->padded);
    for (int g = 0; g < m->groups; g++)
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++) {
                if (m->packed) {
                    size_t at = (size_t)g * (l->in_c / l->groups) * height * width;
                    at += (size_t)y * l->stride * width + (size_t)x * l->stride;
                    multiply_packed(worker, layer, m, g, worker->padded + at);
                } else {
                    gather_window(l, in, g, y, x, worker->window);
                    multiply_rows(worker, m, g);
                }
                for (int c = 0; c < m->outs; c++)
                    acc[((size_t)g * m->outs + c) * map + (size_t)y * l->out_w + x] =
                        worker->codes[c];
            }
}
