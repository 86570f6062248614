// Required buffer sizes of a mapped net, and the capacity of given buffers.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct err;
struct mapping;

// Sets mapping->pe_buffer and tile_buffer and the residual depth of adds; fails if a given buffer
// cannot hold the input of one output row.
bool size_buffers(struct mapping *mapping, struct err *err);

// Rows of a layer's input that must be buffered at the same time for one output row.
int size_window_rows(const struct mapping *mapping, int layer);
// Depth, in rows, of the buffer in which tile `tile` keeps its layer's input.
int size_input_rows(const struct mapping *mapping, int tile);
// size_rows: the number of distinct im2col rows in the slices [from, to) of one tile; rows shared
// by several column blocks or weight slices count once. size_channels: the number of distinct input
// channels within [low, high) that these slices read.
int64_t size_rows(const struct mapping *mapping, int from, int to);
int64_t size_channels(const struct mapping *mapping, int from, int to, int64_t low, int64_t high);
// Bits of one input row that PE `pe` of a tile keeps (its own channels).
int64_t size_pe_row_bits(const struct mapping *mapping, int tile, int pe);
// The same for the complete tile; every channel counts once.
int64_t size_tile_row_bits(const struct mapping *mapping, int tile);
