// Spans laid out for viewers, which can draw only spans that do not overlap on one line: each tile
// gets as many lanes as it has layers at work at once (one, for most).
#pragma once
#include <stddef.h>
#include <stdint.h>

struct trace;
struct trace_head;

struct lane {
    int tile;       // -1: off chip
    int number;     // among the lanes of its tile, from 0
    int layer;      // of the last span on it
    int64_t end_ps; // of the last span on it
    size_t next;    // lane of the same tile, or SIZE_MAX
};

struct timeline {
    size_t *order;   // (spans) indices of the spans by their start
    size_t *lane_of; // (spans) the lane of every span
    struct lane *lanes;
    size_t n_lanes;
};

struct timeline *timeline_create(const struct trace *trace, const struct trace_head *head);
void timeline_destroy(struct timeline *timeline); // NULL is fine
// "tile 3 (3,0)", and for further lanes "tile 3 (3,0) lane 2"; returns buf.
char *timeline_lane_name(char *buf, size_t n, const struct trace_head *head,
                         const struct lane *lane);
// The lanes by tile and number, off chip last: indices, free() them.
size_t *timeline_by_tile(const struct timeline *timeline);
