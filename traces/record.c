#include "traces/sink.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

const char *const span_kind_names[] = {"compute", "wait", "transfer"};

struct trace {
    struct span *spans;
    size_t n_spans, span_room;
    struct trace_part *parts;
    size_t n_parts, part_room;
    struct arena *names; // of the parts
};

struct trace *trace_create(void)
{
    struct trace *trace = mem_alloc(1, sizeof *trace);
    trace->names = arena_create();
    return trace;
}

void trace_destroy(struct trace *trace)
{
    if (!trace)
        return;
    arena_destroy(trace->names);
    free(trace->parts);
    free(trace->spans);
    free(trace);
}

// Called once for every token of every tile: nothing but an append.
void trace_span(struct trace *trace, const struct span *span)
{
    if (!trace)
        return;
    assert(span->end_s >= span->start_s && span->start_s >= 0 && span->layer >= 0);
    trace->spans =
        mem_grow(trace->spans, &trace->span_room, trace->n_spans + 1, sizeof *trace->spans);
    trace->spans[trace->n_spans++] = *span;
}

void trace_part(struct trace *trace, const struct trace_part *part)
{
    if (!trace)
        return;
    trace->parts =
        mem_grow(trace->parts, &trace->part_room, trace->n_parts + 1, sizeof *trace->parts);
    trace->parts[trace->n_parts] = *part;
    trace->parts[trace->n_parts++].name = arena_strdup(trace->names, part->name);
}

size_t trace_spans(const struct trace *trace, const struct span **spans)
{
    *spans = trace ? trace->spans : NULL;
    return trace ? trace->n_spans : 0;
}

size_t trace_parts(const struct trace *trace, const struct trace_part **parts)
{
    *parts = trace ? trace->parts : NULL;
    return trace ? trace->n_parts : 0;
}

const char *trace_tile_name(const struct trace_head *head, int tile)
{
    assert(tile < 0 || (size_t)tile < head->n_tiles);
    return tile < 0 ? TRACE_OFF_CHIP : head->tiles[tile];
}

int64_t trace_ps(double s)
{
    const double most = 9e18; // three months; an int64_t holds a little more
    double ps = s * 1e12;
    return ps < most ? llround(ps) : (int64_t)most;
}
