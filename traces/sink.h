// A file format that a recorded trace is written in. One file and one line in write.c each.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "traces/trace.h"

// The name that tile -1 goes by in every format.
#define TRACE_OFF_CHIP "off chip"

struct trace_sink {
    const char *ending; // with its dot
    // Writes everything to out. Must depend on nothing but its arguments; errors of the stream are
    // the caller's to find.
    void (*write)(const struct trace *trace, const struct trace_head *head, FILE *out);
};
extern const struct trace_sink trace_sink_chrome, trace_sink_csv, trace_sink_paje;

size_t trace_parts(const struct trace *trace, const struct trace_part **parts);
// The name of a span's tile.
const char *trace_tile_name(const struct trace_head *head, int tile);
// Whole picoseconds, so that what ends and what starts at one instant meet in the file too.
int64_t trace_ps(double s);
