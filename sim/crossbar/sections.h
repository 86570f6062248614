// What packed.c lays out and packed_run.c runs, and the two kinds of cells that they do it with:
// levels.c, currents.c; nobody else includes it but their test.
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

enum { SLACK = 16 }; // bytes behind a packed map that kernels may read

// Rows of a layer whose sums are read out together, over a map of their own channels. A layer whose
// ADC loses nothing is one section: then order and borders cannot matter.
struct section {
    int chan0, channels;
    int pixel_bytes; // of its map
    int line;        // words (levels) or pairs of numbers (currents) of one line of a window
    size_t map;      // where its map, with padding, starts in the run's block
    // Replica by replica, `replica` elements each:
    uint64_t *masks; // levels: as struct windows wants them
    int16_t *pairs;  // currents: conductances as struct pairs wants them
    size_t replica;
};

struct packed_layer {
    bool used; // a conv or linear layer
    int last;  // itself, or the add that is done with it
    int columns;
    int n_sections;
    struct section *sections;
    int32_t *codes;  // of sums -rows .. rows of a section; NULL: they are the codes
    int rows;        // of the largest section
    int32_t *values; // of added codes -most .. most; NULL: they are the sums
    int most;
    struct readout readout; // currents
    bool streams;           // its stream is kept
    // Else its thresholds, (kinds of windows, columns); so are the offsets of `residual`. There is
    // more than one kind where inputs are -1 and +1, see struct int_bipolar.
    int32_t *low, *high;
    struct residual residual;
};

// How sums come of cells.
struct cell_kind {
    bool (*covers)(const struct packed *p, int layer);
    // Lists the layer's sections: packed_readouts() and packed_add_section().
    void (*cut)(struct packed *p, int layer);
    // A line of n pixels, `each` bytes each, to the section's map; bits above its channels do not
    // matter.
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
    size_t maps;       // bytes of all sections' maps
    int sums, columns; // of the largest line of windows; of the widest layer
    int flat;          // bytes of the largest linear layer's input
    uint8_t *encoded;  // (raw_c, 256, pixel bytes): the input planes of a colour's value
    struct arena *mem;
};

struct packed_run {
    const struct packed *packed;
    uint8_t **bits;    // per layer: its map, pixel by pixel
    int32_t **streams; // per layer: its residual stream, pixel by pixel; NULL without
    uint8_t *maps;     // of all sections, with their padding around
    uint8_t *flat;     // a linear layer's input in its own order
    int32_t *sums, *codes, *shortcut; // of one line of windows
    int64_t *logits;
};

struct rows {
    int first, n;
};

int packed_pixel_bytes(int channels);
int packed_columns(const struct layer *layer); // outputs, padded
// The rows of every read-out of a layer, as the mapping cuts them; out has room for one per row.
int packed_readouts(const struct packed *p, int layer, struct rows *out);
// The next section of a layer. pixel_bytes: of one pixel of its channels.
struct section *packed_add_section(struct packed *p, int layer, const struct rows *rows);
// Room for the section's map, pixel_bytes a pixel.
void packed_add_map(struct packed *p, const struct layer *l, struct section *s, int pixel_bytes);
// Where output row y's first window starts in the section's map; bytes to the next line.
const uint8_t *packed_window(const struct packed_run *run, const struct layer *l,
                             const struct section *s, int y, size_t *line_bytes);
