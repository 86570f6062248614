// Data shared by packed.c (layout), packed_run.c (execution) and the two kinds of cells, levels.c
// and currents.c; private to them and their test.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nets/kernels/kernels.h"
#include "sim/crossbar/readout.h"

struct conductance_model;
struct arena;
struct level_model;
struct int_net;
struct layer;
struct mapping;
struct packed;
struct packed_run;

enum { SLACK = 16 }; // bytes after a packed map that kernels may read

// Rows of a layer whose sums are converted together, with a map of their own channels. A layer with
// a lossless ADC is one section, because the order and grouping of rows do not matter.
struct section {
    int chan0, channels;
    int pixel_bytes; // per pixel of its map
    int line;        // words (levels) or pairs of numbers (currents) of one line of a window
    size_t map;      // offset of its map, with padding, in the run's block
    // Replica by replica, `replica` elements each:
    uint64_t *masks; // levels: layout of struct windows
    int16_t *pairs;  // currents: conductances in the layout of struct pairs
    size_t replica;
};

struct packed_layer {
    bool used; // a conv or linear layer
    int last;  // itself, or the add fused into it
    int columns;
    int n_sections;
    struct section *sections;
    int32_t *codes;  // code of sums -rows .. rows of a section; NULL: sums are the codes
    int rows;        // of the largest section
    int32_t *values; // sum of added codes -most .. most; NULL: codes are the sums
    int most;
    struct readout readout; // currents
    bool streams;           // its residual stream is stored
    // Otherwise its thresholds, (kinds of windows, columns); the same shape as the offsets of
    // `residual`. There are several kinds if inputs are -1 and +1, see struct int_bipolar.
    int32_t *low, *high;
    struct residual residual;
};

// How sums are computed from cells.
struct cell_kind {
    bool (*covers)(const struct packed *p, int layer);
    // Lists the layer's sections: packed_readouts() and packed_add_section().
    void (*cut)(struct packed *p, int layer);
    // Copies a line of n pixels, `each` bytes each, to the section's map; bits above its channels
    // are ignored.
    void (*copy)(const struct kernels *k, const struct section *s, const uint8_t *from, int each,
                 int n, uint8_t *to);
    // Sums of output row y; valid until the next call.
    const int32_t *(*count_row)(struct packed_run *run, int layer, int y);
};
extern const struct cell_kind cells_of_levels, cells_of_currents;

struct packed {
    const struct cell_kind *kind;
    const struct mapping *map;
    const struct int_net *net;
    const struct kernels *kernels;
    const struct level_model *arrays;       // levels
    const struct conductance_model *analog; // currents
    struct packed_layer *layers;
    size_t maps;       // bytes of the maps of all sections
    int sums, columns; // sums of the largest line of windows; columns of the widest layer
    int flat;          // bytes of the largest linear layer's input
    uint8_t *encoded;  // (raw_c, 256, pixel bytes): input planes of each colour value
    struct arena *mem;
};

struct packed_run {
    const struct packed *packed;
    uint8_t **bits;    // per layer: its map, pixel by pixel
    int32_t **streams; // per layer: its residual stream, pixel by pixel; NULL without
    uint8_t *maps;     // of all sections, padding included
    uint8_t *flat;     // a linear layer's input in its row order
    int32_t *sums, *codes, *shortcut; // of one line of windows
    int64_t *logits;
};

struct rows {
    int first, n;
};

int packed_pixel_bytes(int channels);
int packed_columns(const struct layer *layer); // outputs, padded to LANES
// The rows of every read-out of a layer, as the mapping divides them; out: capacity of one element
// per row. Returns their number.
int packed_readouts(const struct packed *p, int layer, struct rows *out);
// Appends a section to a layer. pixel_bytes: size of one pixel of its channels.
struct section *packed_add_section(struct packed *p, int layer, const struct rows *rows);
// Reserves the section's map, pixel_bytes per pixel.
void packed_add_map(struct packed *p, const struct layer *l, struct section *s, int pixel_bytes);
// The start of output row y's first window in the section's map; *line_bytes: distance to the next
// line.
const uint8_t *packed_window(const struct packed_run *run, const struct layer *l,
                             const struct section *s, int y, size_t *line_bytes);
