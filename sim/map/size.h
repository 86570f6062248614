// How large the buffers must be for a mapped net, and what the given ones hold.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct err;
struct mapping;

// Settles mapping->pe_buffer and tile_buffer and the residual depth of adds; fails when a given
// buffer cannot hold what one output row needs.
bool size_buffers(struct mapping *mapping, struct err *err);

// Rows of a layer's input that must be there at once to make one output row.
int size_window_rows(const struct mapping *mapping, int layer);
// Depth, in rows, of the buffer in which tile `tile` keeps the input of its layer.
int size_input_rows(const struct mapping *mapping, int tile);
// How many different im2col rows the slices [from, to) of one tile hold, those of several column
// blocks or weight slices once, and how many different input channels within [low, high) they
// touch.
int64_t size_rows(const struct mapping *mapping, int from, int to);
int64_t size_channels(const struct mapping *mapping, int from, int to, int64_t low, int64_t high);
// Bits of one input row that PE `pe` of a tile keeps (its own channels).
int64_t size_pe_row_bits(const struct mapping *mapping, int tile, int pe);
// The same for the whole tile, every channel once.
int64_t size_tile_row_bits(const struct mapping *mapping, int tile);
