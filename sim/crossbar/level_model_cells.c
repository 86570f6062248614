// The effective contents of a layer's cells, faulty cells included.
#include <stdlib.h>
#include <string.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/bound.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/flip.h"
#include "sim/crossbar/matrix.h"
#include "sim/map/map.h"

struct cell_model {
    int bits, cell_bits;
    int polarity;
    int top; // highest level
};

// An enum cell_fault of every cell in one row of one array, or of both.
struct row_fates {
    int arrays;
    uint8_t *of[2];
    uint8_t *open[2]; // columns of the slice on open bit lines
    int32_t *weights; // scratch: of one row
};

static int read_cell(const struct cell_model *m, int level, enum cell_fault fault)
{
    return fault == CELL_LRS ? m->top : fault == CELL_FINE ? level : 0;
}

static struct cell_address address_of(const struct mapping *map, const struct slice *s)
{
    const struct map_tile *t = &map->tiles[s->tile];
    return (struct cell_address){t->x, t->y, s->pe, s->crossbar, 0, 0, 0};
}

// Finds and counts the open bit lines of a slice.
static void draw_columns(struct level_model *a, const struct chip_sample *sample,
                         const struct slice *s, const struct row_fates *faults)
{
    struct cell_address at = address_of(a->map, s);
    if (sample->defects.bit_lines <= 0)
        return; // none; arrays start zeroed
    for (at.polarity = 0; at.polarity < faults->arrays; at.polarity++)
        for (at.column = 0; at.column < s->columns; at.column++) {
            bool open = fault_bit_line(sample, &at);
            faults->open[at.polarity][at.column] = open;
            a->counts.bit_lines.hit += open;
            a->counts.bit_lines.all++;
        }
}

static bool draw_word_line(struct level_model *a, const struct chip_sample *sample,
                           const struct cell_address *at)
{
    if (sample->defects.word_lines <= 0)
        return false;
    bool open = fault_word_line(sample, at);
    a->counts.word_lines.hit += open;
    a->counts.word_lines.all++;
    return open;
}

// Cells on open lines hold nothing, whatever their own fault.
static void open_cells(bool row, const uint8_t *columns, int n, uint8_t *faults)
{
    for (int i = 0; i < n; i++)
        if (row || columns[i])
            faults[i] = CELL_OPEN;
}

// The faults of n cells of a row from `at` on, counted.
static void draw_row(struct level_model *a, const struct chip_sample *sample,
                     const struct cell_address *at, int n, uint8_t *faults)
{
    a->counts.cells += n;
    if (!fault_any(sample)) {
        memset(faults, CELL_FINE, (size_t)n);
        return;
    }
    fault_row(sample, a->kernels, at, n, faults);
    int lrs = 0, hrs = 0;
    for (int i = 0; i < n; i++) {
        lrs += faults[i] == CELL_LRS;
        hrs += faults[i] == CELL_HRS;
    }
    a->counts.lrs += lrs;
    a->counts.hrs += hrs;
}

// The value of the offset column, or of the digital side in its place, for one row: 1 if
// fault-free.
static int unit_of(struct level_model *a, const struct chip_sample *sample, const struct slice *s,
                   int row, const struct cell_model *m, const struct row_fates *faults)
{
    if (m->polarity != POLARITY_OFFSET)
        return 1;
    struct cell_address at = address_of(a->map, s);
    at.row = row;
    at.column = s->columns - 1;
    uint8_t fault = CELL_FINE;
    draw_row(a, sample, &at, 1, &fault);
    open_cells(fault_word_line(sample, &at), faults->open[0] + at.column, 1, &fault);
    return read_cell(m, 1, (enum cell_fault)fault);
}

// The contents of a row's cells, column by column.
struct row_levels {
    int32_t *of[2];
    struct column_parts parts[2]; // of one group of rows that is converted together
    int faces;                    // 2: plus and minus columns are converted separately
};

// A row of binary pairs: only differences, no shifts.
static void read_pairs(const struct row_fates *faults, const struct weight_row *row, int outs,
                       int32_t *difference, int32_t *to)
{
    const int32_t *w = row->at;
    for (int o = 0; o < outs; o++, w += row->step) {
        int plus = faults->of[0][o], minus = faults->of[1][o];
        difference[o] = (plus ? plus == CELL_LRS : *w > 0) - (minus ? minus == CELL_LRS : *w < 0);
        to[o] += difference[o];
    }
}

// The row of `at` in every array, n columns of it.
static void draw_arrays(struct level_model *a, const struct chip_sample *sample,
                        struct cell_address at, int n, const struct row_fates *faults)
{
    for (at.polarity = 0; at.polarity < faults->arrays; at.polarity++) {
        uint8_t *of = faults->of[at.polarity];
        draw_row(a, sample, &at, n, of);
        if (fault_lines(sample))
            open_cells(draw_word_line(a, sample, &at), faults->open[at.polarity], n, of);
    }
}

// A row's n weights of any kind, or slices of them, less the part that the digital side subtracts.
struct row_weights {
    struct weight_row w;
    int outs;
    int slice, columns; // the first slice; number of slices side by side
    int doubled;        // binary weights of single arrays represent -1 and +1
    int64_t off;
    const uint8_t *flipped; // by column; NULL: none is
    int64_t unit;           // the value of one input in flipped columns
};

static void read_levels(const struct cell_model *m, const struct row_fates *faults,
                        const struct row_weights *r, int32_t *const levels[2])
{
    for (int p = 0; p < faults->arrays; p++)
        for (int o = 0, cell = 0; o < r->outs; o++)
            for (int k = 0; k < r->columns; k++, cell++) {
                int level = cell_level(m->polarity, m->bits, m->cell_bits, r->w.at[o * r->w.step],
                                       r->slice + k, p);
                level = r->flipped && r->flipped[cell] ? m->top - level : level;
                levels[p][cell] = read_cell(m, level, (enum cell_fault)faults->of[p][cell]);
            }
}

// Combines the cells of each weight into its value.
static void read_weights(const struct cell_model *m, const struct row_weights *r, bool pair,
                         int32_t *const levels[2], int32_t *to)
{
    for (int o = 0, cell = 0; o < r->outs; o++) {
        int64_t sum = 0;
        for (int k = 0; k < r->columns; k++, cell++) {
            int64_t level = levels[0][cell] - (pair ? levels[1][cell] : 0);
            level = r->flipped && r->flipped[cell] ? m->top * r->unit - level : level;
            sum += level * ((int64_t)1 << (r->slice + k) * m->cell_bits);
        }
        to[o] += (int32_t)(sum * (1 + r->doubled) - r->off);
    }
}

// Adds a row of n cells to the converted sums: differences, or each array separately.
static void add_parts(struct row_levels *levels, bool pair, int n)
{
    if (pair && levels->faces == 1)
        for (int c = 0; c < n; c++)
            levels->of[0][c] -= levels->of[1][c];
    for (int f = 0; f < levels->faces; f++)
        parts_add_row(&levels->parts[f], levels->of[f], n, 0);
}

// Adds one slice's cells to the effective weights, and its sums to the bound.
static void read_slice(struct level_model *a, const struct chip_sample *sample,
                       const struct slice *s, const struct cell_model *m, struct row_fates *faults,
                       struct row_levels *levels, struct matrix *matrix)
{
    const struct map_layer *ml = &a->map->layers[s->layer];
    const struct layer *l = &a->map->net->layers[s->layer];
    int columns = ml->column_slices, index = s->group / ml->packed;
    int active = chip_rows_active(a->map->chip);
    bool pair = m->polarity == POLARITY_DIFFERENTIAL;
    bool offset = !pair && s->weight_slice == 0, has_unit = m->polarity == POLARITY_OFFSET;
    bool bits = pair && m->bits == 1 && m->cell_bits == 1 && levels->faces == 1;
    struct digit_range digits = bound_digits(a->map, s->layer);
    struct cell_address at = address_of(a->map, s);
    struct row_weights r = {.outs = s->outs,
                            .slice = columns > 1 ? 0 : s->weight_slice,
                            .columns = columns,
                            .doubled = offset && m->bits == 1};
    struct column_flips flips = flips_make(a->mem, a->map, a->net, s);
    draw_columns(a, sample, s, faults);
    for (at.row = 0; at.row < s->rows; at.row++) {
        int n = s->outs * columns;
        bool read_unit = offset || flips.of;
        int64_t unit = read_unit ? unit_of(a, sample, s, at.row, m, faults) : 0;
        size_t row = (size_t)s->row0 + at.row;
        int32_t *to = matrix->w + ((size_t)index * matrix->rows + row) * matrix->columns +
                      (s->out0 - index * matrix->outs);
        r.w = weight_row(l, s, a->net->layers[s->layer].w, at.row, faults->weights);
        r.off = !offset ? 0 : m->bits == 1 ? unit : unit * ((int64_t)1 << (m->bits - 1));
        r.flipped = flips_of_row(&flips, at.row);
        r.unit = unit;
        draw_arrays(a, sample, at, n, faults);
        if (bits) {
            read_pairs(faults, &r.w, s->outs, levels->of[0], to);
            parts_add_row(&levels->parts[0], levels->of[0], n, 0);
        } else {
            read_levels(m, faults, &r, levels->of);
            read_weights(m, &r, pair, levels->of, to);
            if (read_unit && has_unit)
                levels->of[0][n++] = (int32_t)unit;
            add_parts(levels, pair, n);
        }
        if ((at.row + 1) % active && at.row + 1 < s->rows)
            continue;
        for (int f = 0; f < levels->faces; f++) { // the last row of a group
            parts_join(&levels->parts[f], &digits, 1, &matrix->bound);
            parts_clear(&levels->parts[f]);
        }
    }
}

void read_cells(struct level_model *a, int layer, int replica, const struct chip_sample *sample,
                struct matrix *m)
{
    const struct chip *chip = a->map->chip;
    const struct map_layer *ml = &a->map->layers[layer];
    struct cell_model cells = {a->map->net->layers[layer].weight_bits, chip->cell.bits,
                               chip->crossbar.polarity, (1 << chip->cell.bits) - 1};
    int each = ml->slices / ml->replicas, first = ml->slice0 + replica * each, columns = 1;
    for (int i = first; i < first + each; i++)
        if (a->map->slices[i].columns > columns)
            columns = a->map->slices[i].columns;
    m->w = arena_alloc(a->mem, (size_t)m->groups * m->rows * m->columns, sizeof *m->w);
    size_t n = (size_t)columns;
    uint8_t *fine = mem_alloc(4 * n, 1); // CELL_FINE is 0
    struct row_fates faults = {cells.polarity == POLARITY_DIFFERENTIAL ? 2 : 1,
                               {fine, fine + n},
                               {fine + 2 * n, fine + 3 * n},
                               mem_alloc(n, sizeof(int32_t))};
    struct arena *mem = arena_create();
    struct row_levels levels = {.faces = chip->crossbar.subtract_after ? 2 : 1};
    for (int i = 0; i < 2; i++) {
        levels.of[i] = arena_alloc(mem, n, sizeof *levels.of[i]);
        levels.parts[i] = parts_create(mem, columns);
    }
    m->bound = (struct sum_bound){0, 0};
    for (int i = first; i < first + each; i++)
        read_slice(a, sample, &a->map->slices[i], &cells, &faults, &levels, m);
    arena_destroy(mem);
    free(faults.weights);
    free(fine);
}
