// Array data shared by level_model*.c, lines.c, packed.c and its kinds of cells; private to them.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/crossbar/bound.h"
#include "sim/crossbar/fault.h"

struct arena;
struct int_net;
struct kernels;
struct layer;
struct mapping;

enum {
    LANES = 8,         // columns are padded to a multiple
    LINE_DILATION = 4, // the largest dilation that line-by-line kernels handle
};

// The effective weights of one layer, by im2col row and output: as many matrices (map_matrix) as
// the mapping has for it. The last may be smaller; its unused elements are 0.
struct matrix {
    bool mapped;
    int replicas;            // that may differ: 1 on a fault-free chip
    struct matrix *others;   // replicas 1 ..
    int rows, outs, columns; // of one matrix; columns: outs padded
    int groups;              // matrices
    bool wide;               // some weight needs more than 16 bits
    int32_t *w;              // (group, row, column)
    int16_t *narrow;         // the same, if small, not packed and not in lines
    int16_t *lines;         // in the layout of struct pairs, if lines_cover() and small, not packed
    bool small;             // all sums fit in 32 bits
    bool packed;            // all weights are -1, 0, +1: bit masks below
    struct sum_bound bound; // range of the sums that a conversion of this replica can see
    bool clips;             // its ADC may be lossy, in some replica
    bool left_out;          // its ADC is lossy in a way that this model does not cover
    int64_t full;           // R of one conversion; a code is worth R / 2^half_bits of it
    int group_words;        // 64-bit words of one group of simultaneously driven rows
    int n_words;            // of all of them
    int *place;             // per row: word * 64 + bit
    int *word_row;          // per word: its first row; one extra element at the end
    int *offset;            // per row: of a window's element in the padded map
    uint64_t *plus, *minus; // (group, word, column)
};

struct level_model {
    const struct mapping *map;
    const struct int_net *net;
    const struct kernels *kernels;
    struct matrix *layers;
    struct fault_counts counts;
    struct arena *mem;
};

// Replica r of R serves the output rows y with y mod R = r.
static inline const struct matrix *matrix_of_row(const struct matrix *m, int y)
{
    int r = y % m->replicas;
    return r ? &m->others[r - 1] : m;
}

// Fills m->w and m->bound from the cells of a replica, and counts the cells. In
// level_model_cells.c.
void read_cells(struct level_model *arrays, int layer, int replica,
                const struct chip_sample *sample, struct matrix *m);

// The code of a sum, signed, half + 1 bits: a code is worth max(1, full / 2^half); rounds to the
// nearest code, half up.
int64_t array_code(int64_t full, int half, int32_t sum);
// Converts a sum of codes back to a sum.
int64_t array_value(int64_t full, int half, int64_t codes);

// Layers of small integers with a lossless ADC, for which the order of rows does not matter: maps
// are stored pixel by pixel, so a line of a window is one contiguous run of numbers. lines_build()
// fills m->lines; m is one of the layer's replicas. lines_cover() is false for layers of several
// matrices, and if the taps of a line are far apart (dilation).
bool lines_cover(const struct layer *layer, const struct matrix *m);
void lines_build(struct level_model *arrays, int layer, struct matrix *m);
size_t lines_map_size(const struct level_model *arrays, int layer); // elements of `map` below
void lines_fill(const struct level_model *arrays, int layer, const int32_t *in, int16_t *map);
// Output row y of level_model_matrix(); sums: scratch for one row of windows.
void lines_row(const struct level_model *arrays, int layer, int y, const int16_t *map,
               int32_t *sums, int64_t *acc);
