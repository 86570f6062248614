#define _GNU_SOURCE // fopencookie
#include "base/text_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct text_stream {
    FILE *file;
    char *text;
    size_t n, capacity;
};

static ssize_t append(void *cookie, const char *bytes, size_t n)
{
    struct text_stream *s = cookie;
    s->text = mem_grow(s->text, &s->capacity, s->n + n + 1, 1);
    memcpy(s->text + s->n, bytes, n);
    s->n += n;
    return (ssize_t)n;
}

struct text_stream *text_stream_create(void)
{
    struct text_stream *s = mem_alloc(1, sizeof *s);
    s->file = fopencookie(s, "w", (cookie_io_functions_t){.write = append});
    if (!s->file)
        mem_fail(0);
    return s;
}

FILE *text_stream_file(struct text_stream *stream)
{
    return stream->file;
}

char *text_stream_finish(struct text_stream *stream_take, size_t *n)
{
    struct text_stream *s = stream_take;
    if (fclose(s->file) != 0)
        mem_fail(0);
    s->text = mem_grow(s->text, &s->capacity, s->n + 1, 1);
    s->text[s->n] = 0;
    char *text = s->text;
    *n = s->n;
    free(s);
    return text;
}
