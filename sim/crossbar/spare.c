#include "sim/crossbar/spare.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/flip.h"
#include "sim/crossbar/fault.h"
#include "sim/map/map.h"

enum { ROWS, COLUMNS, KINDS };

struct spares {
    const struct mapping *map;
    int **at[KINDS];   // per slice: physical line of each line; NULL: none moved
    int width, height; // of the mesh
    int *tiles;        // by mesh position: the mapping's tile + 1; 0: none
    struct spare_report report;
    struct arena *mem;
};

struct lines {
    int n, first_spare, spares;
    int *at;          // physical line of each line
    int *wrong_cells; // wrong cells per line
    bool *done;       // per line: moved, or no spare is better
    bool *used;       // per spare
    int unused;       // number of free spares
};

struct repair {
    const struct mapping *map;
    const struct chip_sample *sample;
    const struct slice *slice;
    int arrays, top;
    int *levels;    // (row, column, array): required contents
    uint8_t *wrong; // (row, column): number of wrong cells, over all arrays
    struct lines lines[KINDS];
};

static void make_lines(struct lines *l, int n, int first_spare, int spares)
{
    *l = (struct lines){.n = n, .first_spare = first_spare, .spares = spares, .unused = spares};
    l->at = mem_alloc((size_t)n, sizeof *l->at);
    l->wrong_cells = mem_alloc((size_t)n, sizeof *l->wrong_cells);
    l->done = mem_alloc((size_t)n, sizeof *l->done);
    l->used = mem_alloc((size_t)spares, sizeof *l->used);
    for (int i = 0; i < n; i++)
        l->at[i] = i;
}

static void free_lines(struct lines *l)
{
    free(l->at);
    free(l->wrong_cells);
    free(l->done);
    free(l->used);
}

static void find_levels(struct repair *r, const struct int_net *integer)
{
    const struct slice *s = r->slice;
    const int32_t *w = integer->layers[s->layer].w;
    struct arena *mem = arena_create();
    struct column_flips flips = flips_make(mem, r->map, integer, s);
    int *to = r->levels;
    for (int row = 0; row < s->rows; row++) {
        const uint8_t *flipped = flips_of_row(&flips, row);
        for (int c = 0; c < s->columns; c++)
            for (int p = 0; p < r->arrays; p++) {
                int level = slice_level(r->map, s, w, row, c, p);
                *to++ = flipped && flipped[c] ? r->top - level : level;
            }
    }
    arena_destroy(mem);
}

// The number of cells that would be wrong, or read at the wrong time, if the contents of (row,
// column) were at (row_at, column_at).
static int count_wrong(const struct repair *r, int row, int column, int row_at, int column_at)
{
    const struct slice *s = r->slice;
    const struct map_tile *t = &r->map->tiles[s->tile];
    const int *level = r->levels + ((size_t)row * s->columns + column) * r->arrays;
    int wrong = 0;
    for (int p = 0; p < r->arrays; p++) {
        struct cell_address at = {t->x, t->y, s->pe, s->crossbar, p, row_at, column_at};
        enum cell_fault fault = fault_cell(r->sample, &at);
        bool cut = fault_word_line(r->sample, &at) || fault_bit_line(r->sample, &at);
        bool lost = cut || fault == CELL_HRS || fault_driver(r->sample, &at);
        wrong += !cut && fault == CELL_LRS ? level[p] != r->top : lost && level[p] != 0;
    }
    return wrong;
}

// The same for a complete line at `at`; `each`, if not NULL, receives the count of every cell on
// it.
static int count_line(const struct repair *r, int kind, int line, int at, uint8_t *each)
{
    int sum = 0;
    for (int i = 0; i < r->lines[!kind].n; i++) {
        int other = r->lines[!kind].at[i];
        int wrong =
            kind == ROWS ? count_wrong(r, line, i, at, other) : count_wrong(r, i, line, other, at);
        sum += wrong;
        if (each)
            each[i] = (uint8_t)wrong;
    }
    return sum;
}

static uint8_t *wrong_at(const struct repair *r, int kind, int line, int i)
{
    return r->wrong + (kind == ROWS ? (size_t)line * r->slice->columns + i
                                    : (size_t)i * r->slice->columns + line);
}

// The wrong cells of a line at its current position.
static void take_line(struct repair *r, int kind, int line, uint8_t *scratch)
{
    struct lines *own = &r->lines[kind], *across = &r->lines[!kind];
    own->wrong_cells[line] = count_line(r, kind, line, own->at[line], scratch);
    for (int i = 0; i < across->n; i++) {
        uint8_t *wrong = wrong_at(r, kind, line, i);
        across->wrong_cells[i] += scratch[i] - *wrong;
        *wrong = scratch[i];
    }
}

// The line with the most wrong cells among those with a spare to try; false if there is none.
static bool pick_line(const struct repair *r, int *kind, int *line)
{
    int max = 0;
    for (int k = 0; k < KINDS; k++) {
        const struct lines *l = &r->lines[k];
        for (int i = 0; i < l->n && l->unused; i++)
            if (!l->done[i] && l->wrong_cells[i] > max) {
                max = l->wrong_cells[i];
                *kind = k;
                *line = i;
            }
    }
    return max > 0;
}

static void try_line(struct repair *r, int kind, int line, uint8_t *scratch)
{
    struct lines *l = &r->lines[kind];
    int min = l->wrong_cells[line], best = -1;
    for (int i = 0; i < l->spares && min; i++) {
        int wrong = l->used[i] ? min : count_line(r, kind, line, l->first_spare + i, NULL);
        if (wrong < min) {
            min = wrong;
            best = i;
        }
    }
    l->done[line] = true;
    if (best < 0)
        return;
    l->used[best] = true;
    l->unused--;
    l->at[line] = l->first_spare + best;
    take_line(r, kind, line, scratch);
}

static int64_t total_wrong(const struct repair *r)
{
    int64_t sum = 0;
    for (int i = 0; i < r->lines[ROWS].n; i++)
        sum += r->lines[ROWS].wrong_cells[i];
    return sum;
}

static int count_moved(const struct lines *l)
{
    return l->spares - l->unused;
}

static int64_t count_unserved(const struct lines *l)
{
    int64_t n = 0;
    for (int i = 0; i < l->n && l->spares && !l->unused; i++)
        n += l->at[i] == i && l->wrong_cells[i] > 0;
    return n;
}

static void report(const struct repair *r, struct spare_report *out)
{
    int rows = count_moved(&r->lines[ROWS]), columns = count_moved(&r->lines[COLUMNS]);
    int64_t across = r->slice->columns, along = r->slice->rows;
    int64_t pulses = rows + (columns ? along : 0);
    out->rows += rows;
    out->columns += columns;
    out->rows_left += count_unserved(&r->lines[ROWS]);
    out->columns_left += count_unserved(&r->lines[COLUMNS]);
    out->cells += (rows * across + columns * (along - rows)) * r->arrays;
    out->pulses = pulses > out->pulses ? pulses : out->pulses;
    out->crossbars += rows + columns > 0;
}

static void mitigation_crossbar(struct spares *spares, struct repair *r)
{
    size_t longest =
        (size_t)(r->slice->rows > r->slice->columns ? r->slice->rows : r->slice->columns);
    uint8_t *scratch = mem_alloc(longest, 1);
    for (int row = 0; row < r->slice->rows; row++)
        take_line(r, ROWS, row, scratch);
    spares->report.wrong_before += total_wrong(r);
    for (int kind = 0, line = 0; pick_line(r, &kind, &line);)
        try_line(r, kind, line, scratch);
    spares->report.wrong_after += total_wrong(r);
    report(r, &spares->report);
    free(scratch);
    for (int kind = 0; kind < KINDS; kind++) {
        const struct lines *l = &r->lines[kind];
        if (!count_moved(l))
            continue;
        int *at = arena_alloc(spares->mem, (size_t)l->n, sizeof *at);
        memcpy(at, l->at, (size_t)l->n * sizeof *at);
        spares->at[kind][r->slice - spares->map->slices] = at;
    }
}

static void place_tiles(struct spares *spares)
{
    const struct mapping *map = spares->map;
    spares->width = map->chip->noc.columns;
    spares->height = map->chip->noc.rows;
    spares->tiles =
        arena_alloc(spares->mem, (size_t)spares->width * spares->height, sizeof *spares->tiles);
    for (int t = 0; t < map->n_tiles; t++)
        spares->tiles[map->tiles[t].y * spares->width + map->tiles[t].x] = t + 1;
}

struct spares *spares_create(const struct mapping *mapping, const struct int_net *integer,
                             const struct chip_sample *sample)
{
    struct arena *mem = arena_create();
    struct spares *spares = arena_alloc(mem, 1, sizeof *spares);
    const struct crossbar_params *x = &mapping->chip->crossbar;
    struct chip_sample physical = *sample;
    physical.spares = NULL;
    *spares = (struct spares){.map = mapping, .mem = mem};
    for (int kind = 0; kind < KINDS; kind++)
        spares->at[kind] = arena_alloc(mem, (size_t)mapping->n_slices, sizeof *spares->at[kind]);
    place_tiles(spares);
    if (!fault_any(sample) && !fault_lines(sample) && sample->defects.drivers <= 0)
        return spares;
    int columns = x->columns + (x->polarity == POLARITY_OFFSET);
    for (int i = 0; i < mapping->n_slices; i++) {
        const struct slice *s = &mapping->slices[i];
        struct repair r = {.map = mapping,
                           .sample = &physical,
                           .slice = s,
                           .arrays = chip_arrays(mapping->chip),
                           .top = (1 << mapping->chip->cell.bits) - 1};
        size_t cells = (size_t)s->rows * s->columns;
        r.levels = mem_alloc(cells * (size_t)r.arrays, sizeof *r.levels);
        r.wrong = mem_alloc(cells, 1);
        make_lines(&r.lines[ROWS], s->rows, x->rows, x->spare_rows);
        make_lines(&r.lines[COLUMNS], s->columns, columns, x->spare_columns);
        find_levels(&r, integer);
        mitigation_crossbar(spares, &r);
        free_lines(&r.lines[ROWS]);
        free_lines(&r.lines[COLUMNS]);
        free(r.levels);
        free(r.wrong);
    }
    return spares;
}

void spares_destroy(struct spares *spares)
{
    if (spares)
        arena_destroy(spares->mem);
}

const struct spare_report *spares_report(const struct spares *spares)
{
    return &spares->report;
}

struct cell_address spares_place(const struct spares *spares, const struct cell_address *at)
{
    struct cell_address there = *at;
    if (!spares || at->x >= spares->width || at->y >= spares->height)
        return there;
    int tile = spares->tiles[at->y * spares->width + at->x] - 1;
    if (tile < 0)
        return there;
    int slice = spares->map->tiles[tile].slice0 + at->pe * spares->map->chip->pe.crossbars;
    slice += at->crossbar;
    const int *rows = spares->at[ROWS][slice], *columns = spares->at[COLUMNS][slice];
    there.row = rows ? rows[at->row] : at->row;
    there.column = columns ? columns[at->column] : at->column;
    return there;
}
