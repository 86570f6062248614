// What array*.c, packed.c and its kinds of cells share of the arrays; nobody else includes it.
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
    LINE_DILATION = 4, // the ways that read windows line by line read gaps of so many pixels, too
};

// The weights of one layer in effect, by im2col row and output: as many matrices (map_matrix) as
// the mapping has of it. The last may be smaller, the rest of it is 0.
struct matrix {
    bool mapped;
    int replicas;            // that may differ: 1 on an unbroken chip
    struct matrix *others;   // replicas 1 ..
    int rows, outs, columns; // of one matrix; columns: outs padded
    int groups;              // matrices
    bool wide;               // some weight needs more than 16 bits
    int32_t *w;              // (group, row, column)
    int16_t *narrow;         // the same, where small, not packed and not in lines
    int16_t *lines;         // as struct pairs wants them, where lines_cover() and small, not packed
    bool small;             // no sum leaves 32 bits
    bool packed;            // all of them are -1, 0, +1: bit masks below
    struct sum_bound bound; // of what a conversion of this replica can meet
    bool clips;             // its ADC may lose something, in some replica
    bool left_out;          // it does, in a way that this model does not cover
    int64_t full;           // R of one conversion; a code is worth R / 2^half_bits of it
    int group_words;        // 64-bit words of one group of rows driven at once
    int n_words;            // of all of them
    int *place;             // per row: word * 64 + bit
    int *word_row;          // per word: its first row; one more at the end
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

// Fills m->w and m->bound with what a replica's cells hold, and counts them. array_cells.c.
void read_cells(struct level_model *arrays, int layer, int replica,
                const struct chip_sample *sample, struct matrix *m);

// The code of a sum, with signs and half + 1 bits: a code is worth full / 2^half if that is above
// 1, and is rounded to the nearest, half up.
int64_t array_code(int64_t full, int half, int32_t sum);
// Back from added codes to sums.
int64_t array_value(int64_t full, int half, int64_t codes);

// Layers of small integers whose ADC loses nothing, so that the order of rows cannot matter: maps
// pixel by pixel, in which a line of a window is one run of numbers. lines_build() fills
// m->lines, m one of the layer's replicas.
// False for layers of several matrices, and where the taps of a line stand far apart (dilation).
bool lines_cover(const struct layer *layer, const struct matrix *m);
void lines_build(struct level_model *arrays, int layer, struct matrix *m);
size_t lines_map_size(const struct level_model *arrays, int layer); // elements of `map` below
void lines_fill(const struct level_model *arrays, int layer, const int32_t *in, int16_t *map);
// Output row y of level_model_matrix(); sums has room for one row of windows.
void lines_row(const struct level_model *arrays, int layer, int y, const int16_t *map,
               int32_t *sums, int64_t *acc);
