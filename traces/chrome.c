// The Trace Event Format that chrome://tracing and Perfetto open: complete events ("X") on one
// thread per tile, counters ("C") per layer, metadata ("M"). The file is one JSON value and at once
// one record a line, so that it can be read without holding it in memory.
#include "traces/sink.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "traces/series.h"
#include "traces/timeline.h"

struct writer {
    FILE *out;
    const struct trace_head *head;
    const struct timeline *timeline;
    struct arena *mem;
    const char **layers; // names, escaped for JSON, without quotes
    bool follows;        // a record has been written
};

// The text as it stands between the quotes of a JSON string.
static const char *escape_inner(struct arena *mem, const char *text)
{
    const char *quoted = escape_json(mem, text);
    return arena_strndup(mem, quoted + 1, strlen(quoted) - 2);
}

static void next_record(struct writer *w)
{
    fputs(w->follows ? ",\n" : "\n", w->out);
    w->follows = true;
}

static void write_us(FILE *out, const char *key, int64_t ps)
{
    fprintf(out, "\"%s\":%" PRId64 ".%06" PRId64, key, ps / 1000000, ps % 1000000);
}

// Tile 0 is thread 1: viewers give thread 0 a meaning of its own.
static size_t thread_of(const struct writer *w, size_t lane_index)
{
    const struct lane *lane = &w->timeline->lanes[lane_index];
    if (lane->number)
        return w->head->n_tiles + 2 + lane_index;
    return lane->tile < 0 ? w->head->n_tiles + 1 : (size_t)lane->tile + 1;
}

static void write_names(struct writer *w)
{
    next_record(w);
    fprintf(
        w->out,
        "{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"%s\"}}",
        escape_inner(w->mem, w->head->chip));
    for (size_t i = 0; i < w->head->n_layers; i++) {
        next_record(w);
        fprintf(w->out,
                "{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"layer\",\"args\":{\"name\":\"%s\"}}",
                w->layers[i]);
    }
    size_t *lanes = timeline_by_tile(w->timeline);
    for (size_t i = 0; i < w->timeline->n_lanes; i++) {
        const struct lane *lane = &w->timeline->lanes[lanes[i]];
        const char *tile = trace_tile_name(w->head, lane->tile);
        size_t room = strlen(tile) + 32, thread = thread_of(w, lanes[i]);
        char *name = timeline_lane_name(arena_alloc(w->mem, room, 1), room, w->head, lane);
        next_record(w);
        fprintf(w->out,
                "{\"ph\":\"M\",\"pid\":1,\"tid\":%zu,\"name\":\"thread_name\",\"args\":"
                "{\"name\":\"%s\",\"tile\":\"%s\"}}",
                thread, escape_inner(w->mem, name), escape_inner(w->mem, tile));
        next_record(w);
        fprintf(w->out,
                "{\"ph\":\"M\",\"pid\":1,\"tid\":%zu,\"name\":\"thread_sort_index\",\"args\":"
                "{\"sort_index\":%zu}}",
                thread, i);
    }
    free(lanes);
}

// Viewers colour by name, so what is no work says so in front.
static void write_span(struct writer *w, const struct span *span, size_t thread)
{
    int64_t start_ps = trace_ps(span->start_s), end_ps = trace_ps(span->end_s);
    const char *kind = span_kind_names[span->kind], *layer = w->layers[span->layer];
    next_record(w);
    fprintf(w->out, "{\"ph\":\"X\",\"pid\":1,\"tid\":%zu,", thread);
    write_us(w->out, "ts", start_ps);
    fputc(',', w->out);
    write_us(w->out, "dur", end_ps - start_ps);
    fputs(",\"name\":\"", w->out);
    if (span->kind != SPAN_COMPUTE)
        fprintf(w->out, "%s, ", kind);
    fprintf(w->out, "layer %s", layer);
    if (span->image >= 0)
        fprintf(w->out, " image %d", span->image);
    fprintf(w->out, "\",\"cat\":\"%s\",\"args\":{\"layer\":\"%s\"", kind, layer);
    if (span->image >= 0)
        fprintf(w->out, ",\"image\":%d", span->image);
    if (span->token >= 0)
        fprintf(w->out, ",\"token\":%d", span->token);
    fprintf(w->out, ",\"energy_j\":%.17g}}", span->energy_j);
}

static void write_spans(struct writer *w, const struct trace *trace)
{
    const struct span *spans;
    size_t n = trace_spans(trace, &spans);
    for (size_t i = 0; i < n; i++) {
        size_t at = w->timeline->order[i];
        write_span(w, &spans[at], thread_of(w, w->timeline->lane_of[at]));
    }
}

// A counter holds until its next sample, so one that says the same again is left out. `shown` is
// the value that the last one showed.
static void write_sample(struct writer *w, const char *track, int64_t ps, double value,
                         char shown[32])
{
    char text[32];
    snprintf(text, sizeof text, "%.12g", value);
    if (!strcmp(text, shown))
        return;
    memcpy(shown, text, sizeof text);
    next_record(w);
    fputs("{\"ph\":\"C\",\"pid\":1,", w->out);
    write_us(w->out, "ts", ps);
    fprintf(w->out, ",\"name\":\"%s\",\"args\":{\"value\":%s}}", track, text);
}

static void write_layer_counters(struct writer *w, const struct series *series, size_t layer)
{
    const char *power = arena_printf(w->mem, "%s power (mW)", w->layers[layer]);
    const char *energy = arena_printf(w->mem, "%s energy (nJ)", w->layers[layer]);
    char shown_mw[32] = "", shown_nj[32] = "";
    double total_j = 0;
    for (size_t bin = 0; bin <= series->n_bins; bin++) {
        bool within = bin < series->n_bins;
        int64_t ps = (int64_t)bin * series->bin_ps;
        double power_w = within ? series_power_w(series, layer, bin) : 0;
        write_sample(w, power, ps, power_w * 1e3, shown_mw);
        write_sample(w, energy, ps, total_j * 1e9, shown_nj);
        total_j += within ? series->energy_j[layer * series->n_bins + bin] : 0;
    }
}

static void write_parts(struct writer *w, const struct trace *trace)
{
    const struct trace_part *parts;
    size_t n = trace_parts(trace, &parts);
    for (size_t i = 0; i < n; i++) {
        next_record(w);
        fprintf(w->out,
                "{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"part\",\"args\":{\"name\":\"%s\","
                "\"busy_s\":%.17g,\"wait_s\":%.17g}}",
                escape_inner(w->mem, parts[i].name), parts[i].busy_s, parts[i].wait_s);
    }
}

// Hashes and the seed have 64 bits, more than JSON numbers keep: strings.
static void write_head(struct writer *w, const struct trace *trace)
{
    const struct span *spans;
    const struct trace_head *head = w->head;
    fprintf(w->out,
            "\n],\n\"displayTimeUnit\":\"ns\",\"otherData\":{\"version\":\"%s\",\"chip\":\"%s\","
            "\"net\":\"%s\",\"policy\":\"%s\",\"command\":\"%s\",\"chip_hash\":\"%016" PRIx64
            "\",\"net_hash\":\"%016" PRIx64 "\",\"seed\":\"%" PRIu64
            "\",\"end_s\":%.17g,\"spans\":%zu}}\n",
            escape_inner(w->mem, head->version), escape_inner(w->mem, head->chip),
            escape_inner(w->mem, head->net), escape_inner(w->mem, head->policy),
            escape_inner(w->mem, head->command), head->chip_hash, head->net_hash, head->seed,
            head->end_s, trace_spans(trace, &spans));
}

static void write_chrome(const struct trace *trace, const struct trace_head *head, FILE *out)
{
    struct timeline *timeline = timeline_create(trace, head);
    struct series *series = series_create(trace, head);
    struct writer w = {.out = out, .head = head, .timeline = timeline, .mem = arena_create()};
    w.layers = arena_alloc(w.mem, head->n_layers, sizeof *w.layers);
    for (size_t i = 0; i < head->n_layers; i++)
        w.layers[i] = escape_inner(w.mem, head->layers[i]);
    fputs("{\"traceEvents\":[", out);
    write_names(&w);
    write_spans(&w, trace);
    for (size_t i = 0; i < head->n_layers; i++)
        write_layer_counters(&w, series, i);
    write_parts(&w, trace);
    write_head(&w, trace);
    arena_destroy(w.mem);
    series_destroy(series);
    timeline_destroy(timeline);
}

const struct trace_sink trace_sink_chrome = {".json", write_chrome};
