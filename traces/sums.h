// Spans summed up by layer and tile while a trace file is read; nothing of a span is kept.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "traces/trace.h"

struct sums;

struct sums *sums_create(void);
void sums_destroy(struct sums *sums); // NULL is fine

// Declare a layer; false: it is there already.
bool sums_add_layer(struct sums *sums, const char *name);
size_t sums_find_layer(const struct sums *sums, const char *name);    // SIZE_MAX: not declared
size_t sums_tile(struct sums *sums, const char *name);                // declares it if need be
void sums_add_part(struct sums *sums, const struct trace_part *part); // copies

// layer and tile of `span` are those returned by the above; image and token are not looked at.
void sums_add_span(struct sums *sums, const struct span *span);
size_t sums_spans(const struct sums *sums);

// Moves all but head and end_s into `out`, which is the caller's to free.
void sums_finish(struct sums *sums, struct trace_summary *out);
