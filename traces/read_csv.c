// CSV as csv.c writes it: notes that begin with '#', a header row, one span a line.
#include "traces/reader.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "traces/sums.h"
#include "traces/trace.h"

enum { COLUMNS = 8 };
static const char header[] = "kind,layer,tile,image,token,start_s,end_s,energy_j";

// Takes the quotes off the field at *at, which is written over, and moves *at behind its comma (or
// to the end, NULL). NULL: quotes that do not close, or text behind them.
static char *next_field(char **at)
{
    char *field = *at, *to = field, *from = field;
    if (*from != '"') {
        char *comma = strchr(field, ',');
        *at = comma ? comma + 1 : NULL;
        if (comma)
            *comma = 0;
        return field;
    }
    for (from++; *from && !(from[0] == '"' && from[1] != '"'); from++) {
        from += *from == '"';
        *to++ = *from;
    }
    if (*from != '"' || (from[1] && from[1] != ','))
        return NULL;
    *at = from[1] ? from + 2 : NULL;
    *to = 0;
    return field;
}

static bool split(struct reader *r, char *text, char *fields[], size_t n)
{
    if (strlen(text) != r->n - (size_t)(text - r->text))
        return reader_fail(r, "holds a 0 byte; this is no text");
    size_t found = 0;
    for (char *at = text; at; found++) {
        char *field = next_field(&at);
        if (!field)
            return reader_fail(r, "field %zu has quotes that do not close", found + 1);
        if (found < n)
            fields[found] = field;
    }
    if (found != n)
        return reader_fail(r, "has %zu fields; it must have %zu", found, n);
    return true;
}

static bool parse_number(struct reader *r, const char *what, const char *text, double *value)
{
    char *end;
    assert(text); // split() fills every field or fails
    *value = strtod(text, &end);
    if (!*text || strspn(text, "0123456789.eE+-") != strlen(text) || *end || !isfinite(*value))
        return reader_fail(r, "%s is '%.60s'; it must be a number", what, text);
    return reader_check(r, what, *value);
}

static bool read_row(struct reader *r)
{
    char *fields[COLUMNS] = {0};
    struct span span = {0};
    if (!r->ended) // 1e-12 may have lost its 2
        return reader_fail(r, "the last line has no end; the file was cut off");
    if (!split(r, r->text, fields, COLUMNS) || !reader_kind(r, fields[0], &span.kind) ||
        !reader_layer(r, fields[1], &span.layer) ||
        !parse_number(r, "start_s", fields[5], &span.start_s) ||
        !parse_number(r, "end_s", fields[6], &span.end_s) ||
        !parse_number(r, "energy_j", fields[7], &span.energy_j))
        return false;
    if (span.end_s < span.start_s)
        return reader_fail(r,
                           "end_s %.9g is before start_s %.9g; a span cannot end before it "
                           "starts",
                           span.end_s, span.start_s);
    span.tile = (int)sums_tile(r->sums, fields[2]);
    sums_add_span(r->sums, &span);
    return true;
}

static bool read_part(struct reader *r, char *text)
{
    char *fields[3] = {0};
    struct trace_part part = {0};
    if (!split(r, text, fields, 3) || !parse_number(r, "busy_s", fields[1], &part.busy_s) ||
        !parse_number(r, "wait_s", fields[2], &part.wait_s))
        return false;
    part.name = fields[0];
    sums_add_part(r->sums, &part);
    return true;
}

// "# KEY: TEXT". Keys this version does not know are left to later ones.
static bool read_note(struct reader *r, struct reader_head *head)
{
    char *key = r->text + 2, *colon = r->n > 2 ? strstr(key, ": ") : NULL;
    if (!colon)
        return true;
    *colon = 0;
    char *text = colon + 2;
    const struct {
        const char *key;
        char **field;
    } strings[] = {{"version", &head->version}, {"chip", &head->chip},       {"net", &head->net},
                   {"policy", &head->policy},   {"command", &head->command}, {"seed", &head->seed}};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        if (!strcmp(key, strings[i].key))
            reader_set(strings[i].field, text);
    }
    if (!strcmp(key, "end_s"))
        return parse_number(r, key, text, &head->end_s);
    if (!strcmp(key, "spans"))
        return parse_number(r, key, text, &head->spans);
    if (!strcmp(key, "part"))
        return read_part(r, text);
    if (!strcmp(key, "layer") && !sums_add_layer(r->sums, text))
        return reader_fail(r, "layer '%s' is named twice", text);
    return true;
}

bool read_csv(struct reader *r, struct reader_head *head)
{
    bool rows = false;
    while (reader_next(r)) {
        bool ok = true;
        if (rows)
            ok = read_row(r);
        else if (r->text[0] == '#')
            ok = read_note(r, head);
        else if (!strcmp(r->text, header))
            rows = true;
        else if (!strncmp(r->text, "%EventDef", 9))
            ok = reader_fail(r, "a Paje trace, which other programs read; give it a .json or .csv");
        else
            ok = reader_fail(r, "the columns must be %s", header);
        if (!ok)
            return false;
    }
    if (!rows && !r->failed)
        reader_fail(r, "the file ends before its header row; it was cut off");
    return !r->failed;
}
