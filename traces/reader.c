#include "traces/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "traces/sums.h"

static bool fail(struct reader *r, enum err_class class, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

// Files come from anywhere: no terminal sequences in messages.
static bool fail(struct reader *r, enum err_class class, const char *format, va_list args)
{
    r->failed = true;
    struct err why = {.class = class};
    char text[400];
    vsnprintf(text, sizeof text, format, args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    return err_wrap(r->err, &why, "%.150s:%zu: %s", r->name, r->line, text);
}

bool reader_fail(struct reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail(r, ERR_INPUT, format, args);
    va_end(args);
    return false;
}

static bool fail_io(struct reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail_io(struct reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail(r, ERR_WORK, format, args);
    va_end(args);
    return false;
}

bool reader_check(struct reader *r, const char *what, double value)
{
    if (!(value >= 0))
        return reader_fail(r, "%s is %g; it cannot be less than 0", what, value);
    if (value > 1e18)
        return reader_fail(r, "%s is %g, more than any run has; the file is damaged", what, value);
    return true;
}

bool reader_kind(struct reader *r, const char *text, enum span_kind *kind)
{
    for (int i = 0; i < SPAN_KINDS; i++) {
        if (!strcmp(text, span_kind_names[i])) {
            *kind = (enum span_kind)i;
            return true;
        }
    }
    return reader_fail(r, "'%.60s' is no kind of span; it must be compute, wait or transfer", text);
}

bool reader_layer(struct reader *r, const char *text, int *layer)
{
    size_t at = sums_find_layer(r->sums, text);
    if (at == SIZE_MAX)
        return reader_fail(r, "layer '%.60s' was not named before its span", text);
    *layer = (int)at;
    return true;
}

bool reader_next(struct reader *r)
{
    r->n = 0;
    r->line++;
    int c = getc(r->in);
    bool any = c != EOF;
    for (; c != EOF && c != '\n'; c = getc(r->in)) {
        if (r->n == READER_MAX_LINE)
            return reader_fail(r, "the line is longer than %d bytes; this is no trace of bitline",
                               READER_MAX_LINE);
        r->text[r->n++] = (char)c;
    }
    if (ferror(r->in))
        return fail_io(r, "cannot be read: %s", strerror(errno));
    r->ended = c == '\n';
    if (r->n && r->text[r->n - 1] == '\r')
        r->n--;
    r->text[r->n] = 0;
    return any;
}

void reader_set(char **field, const char *text)
{
    size_t n = strlen(text) + 1;
    free(*field);
    *field = memcpy(mem_alloc(n, 1), text, n);
}
