// The mapping of a net to a chip: every slice of every weight matrix gets a physical address. Pure:
// the same net, chip and seed give the same addresses. No time, no I/O.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "models/buffer.h"

struct arena;
struct chip;
struct err;
struct net;

// The part of one layer in one crossbar.
struct slice {
    int layer, replica;
    int tile, pe, crossbar; // pe within the tile, crossbar within the PE
    int row_block, col_block, weight_slice;
    int group, groups; // the first group of its matrix and how many the matrix has (map_matrix)
    int row0, rows;    // of the matrix's im2col rows: (channel - first) * k * k + y * k + x
    int chan0, chans;  // the input channels those rows touch (of linear layers: features)
    int out0, outs;    // output channels
    int columns;       // bit lines used: outs, times slices in columns, plus the offset column
};

struct map_tile {
    int x, y; // on the mesh
    int layer, replica;
    int slice0, slices;
};

struct map_layer {
    int slice0, slices; // of all replicas; replica r has slices / replicas of them, in order
    int matrices;       // cut into crossbars one by one: ceil(groups / packed)
    int packed;         // groups on the diagonal of one matrix; the last may have fewer
    int tile0, tiles;
    int replicas; // replica r serves output rows y with y mod replicas == r
    int row_blocks, col_blocks;
    int weight_slices; // crossbars side by side that hold one weight (SLICES_IN_ARRAYS)
    int column_slices; // columns side by side that hold one weight (SLICES_IN_COLUMNS)
    int input_cycles;  // bit cycles: ceil(input bits / DAC bits)
    // Buffer depths, in rows, where paths of different depth join.
    int residual_rows; // of an add: depth of its shortcut's buffer that its main path needs; of a
                       // multiply: of its second factor's
    int main_rows;     // of a separate add or a multiply: of its main input's
    int ahead_rows;    // of a layer that reads a concat: of its input, at least; else 0
};

struct utilisation {
    int tiles, crossbars, arrays; // occupied; crossbars: positions, pairs count once
    double rows, columns, cells;  // mean share used in occupied crossbars; cells: that hold weights
    double crossbars_in_tiles;    // occupied share of the crossbars in occupied tiles
    double tiles_in_chip;
    int64_t weight_cells; // programmed cells, both arrays of a pair, zeros between groups too
};

struct mapping {
    const struct net *net;   // lent
    const struct chip *chip; // lent
    uint64_t seed;
    int n_slices, n_tiles;
    struct slice *slices;
    struct map_tile *tiles;
    struct map_layer *layers; // one for each of the net's; pools and adds have no slices
    struct buffer_params pe_buffer, tile_buffer; // with sizes and costs settled
    struct utilisation use;
    struct arena *mem;
};

// One matrix of a layer as stored in crossbars: consecutive groups on its diagonal, weights of 0
// between the inputs of one group and the outputs of another. One group: only that group's weights.
struct map_matrix {
    int group, groups; // the first, how many
    int rows, outs;    // of the complete matrix
    int chan0, chans;  // input channels that its rows read
    int out0;          // its first output channel
};
struct map_matrix map_matrix(const struct mapping *mapping, int layer, int index);
int map_matrix_rows(const struct mapping *mapping, int layer); // of the largest; 0: no matrix

// Fails if a kernel is taller than a crossbar, a weight is wider than one, or there are too few
// tiles; err states what would fit. Keeps pointers to net and chip.
bool map_net(const struct net *net, const struct chip *chip, uint64_t seed, struct mapping **out,
             struct err *err);
void map_destroy(struct mapping *mapping); // NULL is fine

// Input rows that output row y of a layer needs, and those that can be freed, for conv, pool and
// adds.
int map_rows_needed(const struct net *net, int layer, int y); // count from the map's top
int map_rows_free(const struct net *net, int layer, int y);   // not needed by rows >= y
// Whether output row y of a layer reads a row of its main input. Rows between the taps of a dilated
// kernel are not read.
bool map_reads_row(const struct net *net, int layer, int y, int row);
