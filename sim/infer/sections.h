// What packed.c lays out and packed_run.c runs; nobody else includes it but their test.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nets/kernels/kernels.h"

struct arena;
struct arrays;

enum { SLACK = 16 }; // bytes behind a packed map that kernels may read

// Rows of a layer whose sums are read out together, as masks over a packed map of their own
// channels. A layer whose ADC loses nothing is one section: then order and borders cannot matter.
struct section {
    int chan0;       // first channel
    int pixel_bytes; // of its map
    int line_words;  // of one line of a window
    size_t map;      // where its map, with padding, starts in the run's block
    uint64_t *masks; // per replica as struct windows wants them
    size_t replica_words;
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
    bool streams;        // its stream is kept
    int32_t *low, *high; // else: its thresholds
    struct residual residual;
};

struct packed {
    const struct arrays *arrays;
    struct packed_layer *layers;
    size_t maps;       // bytes of all sections' maps
    int sums, columns; // of the largest line of windows; of the widest layer
    int flat;          // bytes of the largest linear layer's input
    uint8_t *encoded;  // (raw_c, 256, pixel bytes): the input planes of a colour's value
    struct arena *mem;
};

int packed_pixel_bytes(int channels);
