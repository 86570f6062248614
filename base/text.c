#include "base/text.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"

// Starts at 15 digits, of which %g drops trailing zeros; subnormals hold fewer than 15.
char *text_double(char *buf, size_t n, double value)
{
    int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
    do
        snprintf(buf, n, "%.*g", digits, value);
    while (++digits <= 17 && strtod(buf, NULL) != value);
    return buf;
}

// Most texts need no quoting.
static bool is_bare(const char *text, const char *special)
{
    return escape_is_line(text) && !text[strcspn(text, special)];
}

void csv_field(FILE *out, const char *text)
{
    size_t n = strlen(text);
    if (!n || (is_bare(text, ",\"") && !strchr(" =+-@", *text) && text[n - 1] != ' ')) {
        fputs(text, out);
        return;
    }
    struct arena *mem = arena_create();
    fputs(escape_csv(mem, text), out);
    arena_destroy(mem);
}

struct table {
    const char *const *headers; // owned by the caller; each begins with "<" or ">"
    size_t columns;
    char **cells; // row by row; a rule is a row of NULL
    size_t n, capacity;
};

struct table *table_create(const char *const headers[])
{
    struct table *table = mem_alloc(1, sizeof *table);
    while (headers[table->columns]) {
        assert(strchr("<>", headers[table->columns][0]) && headers[table->columns][0]);
        table->columns++;
    }
    assert(table->columns > 0);
    table->headers = headers;
    return table;
}

void table_destroy(struct table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->n; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

static void add_cell(struct table *table, char *text)
{
    table->cells = mem_grow(table->cells, &table->capacity, table->n + 1, sizeof *table->cells);
    table->cells[table->n++] = text;
}

// Returns the text on one visible line; frees the text.
static char *line_of(char *text)
{
    struct arena *mem = arena_create();
    const char *line = escape_line(mem, text);
    char *copy = mem_alloc(strlen(line) + 1, 1);
    strcpy(copy, line);
    arena_destroy(mem);
    free(text);
    return copy;
}

void table_cell(struct table *table, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t size = (size_t)(n < 0 ? 0 : n) + 1;
    char *text = mem_alloc(size, 1);
    vsnprintf(text, size, format, again);
    va_end(again);
    add_cell(table, escape_is_line(text) ? text : line_of(text));
}

// Fills an incomplete row with empty cells.
void table_rule(struct table *table)
{
    while (table->n % table->columns)
        table_cell(table, "%s", "");
    for (size_t i = 0; i < table->columns; i++)
        add_cell(table, NULL);
}

// Columns on a terminal, assuming one per code point.
static size_t text_width(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void print_blanks(FILE *out, size_t n)
{
    while (n-- > 0)
        fputc(' ', out);
}

// Blanks are printed only before text, so that no line ends with blanks.
static void print_row(const struct table *table, const char *const *cells, const size_t *widths,
                      FILE *out)
{
    size_t owed = 0;
    for (size_t i = 0; i < table->columns; i++) {
        const char *cell = cells[i] ? cells[i] : "";
        size_t pad = widths[i] - text_width(cell);
        if (table->headers[i][0] == '>')
            owed += pad;
        if (*cell) {
            print_blanks(out, owed);
            fputs(cell, out);
            owed = 0;
        }
        if (table->headers[i][0] == '<')
            owed += pad;
        owed += 2;
    }
    fputc('\n', out);
}

static void print_rule(const struct table *table, const size_t *widths, FILE *out)
{
    for (size_t i = 0; i < table->columns; i++) {
        for (size_t k = 0; k < widths[i]; k++)
            fputc('-', out);
        fputs(i + 1 < table->columns ? "  " : "\n", out);
    }
}

// The cells of row i; a rule begins with NULL.
static const char *const *row_cells(const struct table *table, size_t row, const char **room)
{
    for (size_t i = 0; i < table->columns; i++) {
        size_t at = row * table->columns + i;
        room[i] = at < table->n ? table->cells[at] : "";
    }
    return room;
}

void table_print(const struct table *table, FILE *out)
{
    size_t *widths = mem_alloc(table->columns, sizeof *widths);
    const char **room = mem_alloc(table->columns, sizeof *room);
    size_t rows = (table->n + table->columns - 1) / table->columns;
    for (size_t i = 0; i < table->columns; i++) {
        room[i] = table->headers[i] + 1;
        widths[i] = text_width(room[i]);
    }
    for (size_t i = 0; i < table->n; i++) {
        size_t width = table->cells[i] ? text_width(table->cells[i]) : 0;
        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    print_row(table, room, widths, out);
    print_rule(table, widths, out);
    for (size_t i = 0; i < rows; i++) {
        const char *const *cells = row_cells(table, i, room);
        if (cells[0])
            print_row(table, cells, widths, out);
        else
            print_rule(table, widths, out);
    }
    free(room);
    free(widths);
}

void table_csv(const struct table *table, FILE *out)
{
    assert(table->columns > 0);
    for (size_t i = 0; i < table->columns; i++) {
        csv_field(out, table->headers[i] + 1);
        fputc(i + 1 < table->columns ? ',' : '\n', out);
    }
    size_t rows = (table->n + table->columns - 1) / table->columns;
    for (size_t row = 0; row < rows; row++) {
        if (!table->cells[row * table->columns])
            continue;
        for (size_t i = 0; i < table->columns; i++) {
            size_t at = row * table->columns + i;
            csv_field(out, at < table->n ? table->cells[at] : "");
            fputc(i + 1 < table->columns ? ',' : '\n', out);
        }
    }
}

enum { MAX_DEPTH = 64 };

struct jsonw {
    FILE *out;
    int indent;
    int depth;
    struct {
        char close; // '}' or ']'
        bool filled;
    } levels[MAX_DEPTH];
};

struct jsonw *jsonw_create(FILE *out, int indent)
{
    struct jsonw *w = mem_alloc(1, sizeof *w);
    w->out = out;
    w->indent = indent;
    return w;
}

void jsonw_destroy(struct jsonw *w)
{
    assert(!w || w->depth == 0);
    free(w);
}

// File names may contain any bytes; bytes that are not UTF-8 become U+FFFD.
static void print_string(FILE *out, const char *text)
{
    if (is_bare(text, "\"\\")) {
        fprintf(out, "\"%s\"", text);
        return;
    }
    struct arena *mem = arena_create();
    fputs(escape_json(mem, text), out);
    arena_destroy(mem);
}

static void print_newline(const struct jsonw *w)
{
    if (w->indent > 0) {
        fputc('\n', w->out);
        print_blanks(w->out, (size_t)w->depth * w->indent);
    }
}

// Writes what comes before a value: comma, line break, key.
static void begin_value(struct jsonw *w, const char *key)
{
    assert((key != NULL) == (w->depth > 0 && w->levels[w->depth - 1].close == '}'));
    if (w->depth == 0)
        return;
    if (w->levels[w->depth - 1].filled)
        fputc(',', w->out);
    w->levels[w->depth - 1].filled = true;
    print_newline(w);
    if (!key)
        return;
    print_string(w->out, key);
    fputs(w->indent > 0 ? ": " : ":", w->out);
}

static void end_value(struct jsonw *w)
{
    if (w->depth == 0)
        fputc('\n', w->out);
}

static void open_level(struct jsonw *w, const char *key, char open, char close)
{
    assert(w->depth < MAX_DEPTH);
    begin_value(w, key);
    fputc(open, w->out);
    w->levels[w->depth].close = close;
    w->levels[w->depth].filled = false;
    w->depth++;
}

void jsonw_object(struct jsonw *w, const char *key)
{
    open_level(w, key, '{', '}');
}

void jsonw_array(struct jsonw *w, const char *key)
{
    open_level(w, key, '[', ']');
}

void jsonw_end(struct jsonw *w)
{
    assert(w->depth > 0);
    w->depth--;
    if (w->levels[w->depth].filled)
        print_newline(w);
    fputc(w->levels[w->depth].close, w->out);
    end_value(w);
}

void jsonw_string(struct jsonw *w, const char *key, const char *value)
{
    begin_value(w, key);
    if (value)
        print_string(w->out, value);
    else
        fputs("null", w->out);
    end_value(w);
}

void jsonw_number(struct jsonw *w, const char *key, double value)
{
    char text[32];
    begin_value(w, key);
    fputs(isfinite(value) ? text_double(text, sizeof text, value) : "null", w->out);
    end_value(w);
}

void jsonw_int(struct jsonw *w, const char *key, int64_t value)
{
    begin_value(w, key);
    fprintf(w->out, "%" PRId64, value);
    end_value(w);
}

void jsonw_bool(struct jsonw *w, const char *key, bool value)
{
    begin_value(w, key);
    fputs(value ? "true" : "false", w->out);
    end_value(w);
}
