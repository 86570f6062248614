// A stdio stream whose text is kept in memory. Unlike open_memstream, which loses text when memory
// runs out, it calls the handler of mem.h.
#pragma once
#include <stddef.h>
#include <stdio.h>

struct text_stream;

struct text_stream *text_stream_create(void);
FILE *text_stream_file(struct text_stream *stream); // owned by the stream; for writing only
// Closes and frees the stream. Returns the written text, with a 0 byte after its *n bytes; free()
// it.
char *text_stream_finish(struct text_stream *stream_take, size_t *n);
