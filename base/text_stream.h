// A stdio stream whose text is kept in memory, without open_memstream's way of losing some of it
// where memory runs out: that calls the handler of mem.h here.
#pragma once
#include <stddef.h>
#include <stdio.h>

struct text_stream;

struct text_stream *text_stream_create(void);
FILE *text_stream_file(struct text_stream *stream); // lent; write to it alone
// Closes and frees the stream. Returns what was written to it, with a 0 byte after its *n bytes;
// free() it.
char *text_stream_finish(struct text_stream *stream_take, size_t *n);
