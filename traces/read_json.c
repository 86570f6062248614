// Chrome trace JSON as chrome.c writes it: one record a line, each parsed alone.
#include "traces/reader.h"

#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "traces/names.h"
#include "traces/sums.h"

// Which tile a thread of the file shows.
struct threads {
    struct names *ids; // thread numbers, as text
    size_t *tiles;     // (ids)
    size_t room;
};

static json_t *parse(struct reader *r, const char *text, size_t n)
{
    json_error_t error;
    json_set_alloc_funcs(mem_bytes, free);
    json_t *value = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (!value)
        reader_fail(r, "is no JSON record: %s", error.text);
    else if (!json_is_object(value))
        reader_fail(r, "is no JSON object; every record begins with {");
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

// NULL, and the refusal, when the key is missing or holds something else.
static const char *get_string(struct reader *r, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        reader_fail(r, "%s %s; it must be a string", key,
                    value ? "is of another type" : "is missing");
    return json_string_value(value);
}

static bool get_number(struct reader *r, const json_t *object, const char *key, double *number)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        return reader_fail(r, "%s %s; it must be a number", key,
                           value ? "is of another type" : "is missing");
    *number = json_number_value(value);
    return reader_check(r, key, *number);
}

static const json_t *get_args(struct reader *r, const json_t *record)
{
    const json_t *args = json_object_get(record, "args");
    if (!json_is_object(args)) {
        reader_fail(r, "args is missing; it must be an object");
        return NULL;
    }
    return args;
}

static bool get_thread(struct reader *r, const json_t *record, char *id, size_t n)
{
    const json_t *tid = json_object_get(record, "tid");
    if (!json_is_integer(tid))
        return reader_fail(r,
                           "tid is missing or no integer; it is the number of the tile's thread");
    snprintf(id, n, "%" JSON_INTEGER_FORMAT, json_integer_value(tid));
    return true;
}

static bool read_thread(struct reader *r, struct threads *threads, const json_t *record,
                        const json_t *args)
{
    char id[32];
    const char *tile = get_string(r, args, "tile");
    if (!tile || !get_thread(r, record, id, sizeof id))
        return false;
    if (names_find(threads->ids, id) != SIZE_MAX)
        return reader_fail(r, "thread %s has a name already", id);
    size_t at = names_add(threads->ids, id);
    threads->tiles = mem_grow(threads->tiles, &threads->room, at + 1, sizeof *threads->tiles);
    threads->tiles[at] = sums_tile(r->sums, tile);
    return true;
}

static bool read_part(struct reader *r, const json_t *args)
{
    struct trace_part part = {.name = get_string(r, args, "name")};
    if (!part.name || !get_number(r, args, "busy_s", &part.busy_s) ||
        !get_number(r, args, "wait_s", &part.wait_s))
        return false;
    sums_add_part(r->sums, &part);
    return true;
}

// Metadata: the names of layers and tiles, and the parts. The rest is for viewers.
static bool read_meta(struct reader *r, struct threads *threads, const json_t *record)
{
    const json_t *args = get_args(r, record);
    const char *what = args ? get_string(r, record, "name") : NULL;
    if (!what)
        return false;
    if (!strcmp(what, "thread_name"))
        return read_thread(r, threads, record, args);
    if (!strcmp(what, "part"))
        return read_part(r, args);
    if (strcmp(what, "layer") != 0)
        return true;
    const char *layer = get_string(r, args, "name");
    if (!layer)
        return false;
    return sums_add_layer(r->sums, layer) || reader_fail(r, "layer '%s' is named twice", layer);
}

static bool read_names(struct reader *r, const struct threads *threads, const json_t *record,
                       const json_t *args, struct span *span)
{
    char id[32];
    const char *layer = get_string(r, args, "layer"), *kind = get_string(r, record, "cat");
    if (!layer || !kind || !get_thread(r, record, id, sizeof id) ||
        !reader_kind(r, kind, &span->kind) || !reader_layer(r, layer, &span->layer))
        return false;
    size_t thread = names_find(threads->ids, id);
    if (thread == SIZE_MAX)
        return reader_fail(r, "thread %s has no name; a thread_name record must come first", id);
    assert(threads->tiles);
    span->tile = (int)threads->tiles[thread];
    return true;
}

static bool read_span(struct reader *r, const struct threads *threads, const json_t *record)
{
    struct span span = {0};
    double ts_us = 0, dur_us = 0;
    const json_t *args = get_args(r, record);
    if (!args || !get_number(r, record, "ts", &ts_us) || !get_number(r, record, "dur", &dur_us) ||
        !get_number(r, args, "energy_j", &span.energy_j) ||
        !read_names(r, threads, record, args, &span))
        return false;
    span.start_s = ts_us * 1e-6;
    span.end_s = (ts_us + dur_us) * 1e-6;
    sums_add_span(r->sums, &span);
    return true;
}

static bool read_record(struct reader *r, struct threads *threads)
{
    size_t n = r->n;
    if (n && r->text[n - 1] == ',')
        n--;
    json_t *record = parse(r, r->text, n);
    if (!record)
        return false;
    const char *phase = get_string(r, record, "ph");
    bool ok = false;
    if (!phase)
        ok = false;
    else if (!strcmp(phase, "X"))
        ok = read_span(r, threads, record);
    else if (!strcmp(phase, "M"))
        ok = read_meta(r, threads, record);
    else if (!strcmp(phase, "C"))
        ok = true; // made of the spans
    else
        reader_fail(r, "ph is '%s'; a trace of bitline holds X, M and C only", phase);
    json_decref(record);
    return ok;
}

static bool read_about(struct reader *r, struct reader_head *head, const json_t *about)
{
    const struct {
        const char *key;
        char **field;
    } strings[] = {{"version", &head->version}, {"chip", &head->chip},       {"net", &head->net},
                   {"policy", &head->policy},   {"command", &head->command}, {"seed", &head->seed}};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        const char *text = get_string(r, about, strings[i].key);
        if (!text)
            return false;
        reader_set(strings[i].field, text);
    }
    return get_number(r, about, "end_s", &head->end_s) &&
           get_number(r, about, "spans", &head->spans);
}

// Behind the records: the line `"displayTimeUnit":"ns","otherData":{...}}`, which an opening brace
// makes an object.
static bool read_tail(struct reader *r, struct reader_head *head)
{
    if (!reader_next(r))
        return !r->failed && reader_fail(r, "the file ends before otherData; it was cut off");
    r->text[-1] = '{';
    json_t *tail = parse(r, r->text - 1, r->n + 1);
    const json_t *about = json_object_get(tail, "otherData");
    bool ok = false;
    if (tail && !json_is_object(about))
        reader_fail(r, "otherData is missing; it says what made the trace");
    else if (tail)
        ok = read_about(r, head, about);
    json_decref(tail);
    while (ok && reader_next(r)) {
        if (r->n)
            ok = reader_fail(r, "text behind the end of the trace; remove it");
    }
    return ok && !r->failed;
}

bool read_json(struct reader *r, struct reader_head *head)
{
    struct threads threads = {.ids = names_create()};
    bool ok = true, ended = false;
    while (ok && !ended && reader_next(r)) {
        ended = !strcmp(r->text, "],");
        ok = ended || read_record(r, &threads);
    }
    ok = ok && !r->failed;
    if (ok && !ended)
        ok = reader_fail(r, "the file ends within its records; it was cut off");
    names_destroy(threads.ids);
    free(threads.tiles);
    return ok && read_tail(r, head);
}
