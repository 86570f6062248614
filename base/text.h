// Text output: aligned tables, JSON, CSV. All write to a stdio stream; the owner of the stream
// checks its errors (file_commit, or ferror at the end).
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// A table is filled cell by cell and then printed; a column is as wide as its widest cell. The
// first character of a header sets the alignment of its column: '>' right (numbers), '<' left
// (text). The headers must outlive the table. Control characters in a cell become visible
// (escape_line).
struct table;
struct table *
table_create(const char *const headers[]); // NULL-terminated, each "<name" or ">joules"
void table_cell(struct table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));
void table_rule(struct table *table); // a line between this row and the next
void table_print(const struct table *table, FILE *out);
void table_csv(const struct table *table, FILE *out); // the same cells; RFC 4180 with "\n"
void table_destroy(struct table *table);              // NULL is fine

// JSON, written immediately. Doubles round-trip (the shortest of %.15g %.16g %.17g that does); NaN
// and infinity become null. key is NULL inside arrays and at the top level; a top-level value ends
// its line, so several of them are JSON lines.
struct jsonw;
struct jsonw *jsonw_create(FILE *out, int indent); // indent 0: one line
void jsonw_destroy(struct jsonw *w); // NULL is fine; asserts that everything is closed
void jsonw_object(struct jsonw *w, const char *key);
void jsonw_array(struct jsonw *w, const char *key);
void jsonw_end(struct jsonw *w); // closes the innermost object or array
void jsonw_string(struct jsonw *w, const char *key, const char *value); // NULL value: null
void jsonw_number(struct jsonw *w, const char *key, double value);
void jsonw_int(struct jsonw *w, const char *key, int64_t value);
void jsonw_bool(struct jsonw *w, const char *key, bool value);

// One CSV field, by escape_csv.
void csv_field(FILE *out, const char *text);
// The shortest text that reads back as the same double; returns buf.
char *text_double(char *buf, size_t n, double value);
