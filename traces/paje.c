// The Paje trace format, for pj_dump and ViTE: a container per tile lane whose states are the
// spans, a container per layer with its power and energy, a container per shared part. Times are in
// seconds. Format: "Pajé trace file format", Schnorr, 2014.
#include "traces/sink.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "traces/series.h"
#include "traces/timeline.h"

// The kinds of record, numbered as the records below begin.
enum {
    DEFINE_CONTAINER,
    DEFINE_STATE,
    DEFINE_VARIABLE,
    DEFINE_VALUE,
    CREATE,
    DESTROY,
    PUSH,
    POP,
    SET_VARIABLE
};

static const char definitions[] = "%EventDef PajeDefineContainerType 0\n"
                                  "% Alias string\n"
                                  "% Type string\n"
                                  "% Name string\n"
                                  "%EndEventDef\n"
                                  "%EventDef PajeDefineStateType 1\n"
                                  "% Alias string\n"
                                  "% Type string\n"
                                  "% Name string\n"
                                  "%EndEventDef\n"
                                  "%EventDef PajeDefineVariableType 2\n"
                                  "% Alias string\n"
                                  "% Type string\n"
                                  "% Name string\n"
                                  "% Color color\n"
                                  "%EndEventDef\n"
                                  "%EventDef PajeDefineEntityValue 3\n"
                                  "% Alias string\n"
                                  "% Type string\n"
                                  "% Name string\n"
                                  "% Color color\n"
                                  "%EndEventDef\n"
                                  "%EventDef PajeCreateContainer 4\n"
                                  "% Time date\n"
                                  "% Alias string\n"
                                  "% Type string\n"
                                  "% Container string\n"
                                  "% Name string\n"
                                  "%EndEventDef\n"
                                  "%EventDef PajeDestroyContainer 5\n"
                                  "% Time date\n"
                                  "% Type string\n"
                                  "% Name string\n"
                                  "%EndEventDef\n"
                                  "%EventDef PajePushState 6\n"
                                  "% Time date\n"
                                  "% Type string\n"
                                  "% Container string\n"
                                  "% Value string\n"
                                  "% Layer string\n"
                                  "% Image int\n"
                                  "% Token int\n"
                                  "% Energy double\n"
                                  "%EndEventDef\n"
                                  "%EventDef PajePopState 7\n"
                                  "% Time date\n"
                                  "% Type string\n"
                                  "% Container string\n"
                                  "%EndEventDef\n"
                                  "%EventDef PajeSetVariable 8\n"
                                  "% Time date\n"
                                  "% Type string\n"
                                  "% Container string\n"
                                  "% Value double\n"
                                  "%EndEventDef\n";

static const char *const colours[SPAN_KINDS] = {"0.20 0.55 0.25", "0.80 0.30 0.20",
                                                "0.25 0.45 0.80"};

struct writer {
    FILE *out;
    const struct trace_head *head;
    const struct timeline *timeline;
    const struct span *spans;
    size_t n_spans;
    struct arena *mem;
    const char **layers; // quoted names
    int64_t end_ps;      // of all that is written
};

// Paje has no escapes inside its quotes.
static const char *escape_paje(struct arena *mem, const char *text)
{
    char *quoted = arena_printf(mem, "\"%s\"", escape_line(mem, text));
    for (char *c = quoted + 1; c[0] && c[1]; c++)
        if (*c == '"')
            *c = '\'';
    return quoted;
}

static void write_record(const struct writer *w, int record, int64_t ps)
{
    fprintf(w->out, "%d %" PRId64 ".%012" PRId64, record, ps / 1000000000000, ps % 1000000000000);
}

static void write_types(const struct writer *w)
{
    fputs(definitions, w->out);
    fprintf(w->out, "%d CHIP 0 \"chip\"\n", DEFINE_CONTAINER);
    fprintf(w->out, "%d TILE CHIP \"tile\"\n", DEFINE_CONTAINER);
    fprintf(w->out, "%d LAYER CHIP \"layer\"\n", DEFINE_CONTAINER);
    fprintf(w->out, "%d PART CHIP \"part\"\n", DEFINE_CONTAINER);
    fprintf(w->out, "%d SPAN TILE \"span\"\n", DEFINE_STATE);
    fprintf(w->out, "%d POWER LAYER \"power (W)\" \"0.80 0.30 0.20\"\n", DEFINE_VARIABLE);
    fprintf(w->out, "%d ENERGY LAYER \"energy (J)\" \"0.80 0.60 0.20\"\n", DEFINE_VARIABLE);
    fprintf(w->out, "%d BUSY PART \"busy (s)\" \"0.20 0.55 0.25\"\n", DEFINE_VARIABLE);
    fprintf(w->out, "%d WAIT PART \"wait (s)\" \"0.80 0.30 0.20\"\n", DEFINE_VARIABLE);
    for (int kind = 0; kind < SPAN_KINDS; kind++)
        fprintf(w->out, "%d %s SPAN \"%s\" \"%s\"\n", DEFINE_VALUE, span_kind_names[kind],
                span_kind_names[kind], colours[kind]);
}

static void create(const struct writer *w, const char *alias, size_t index, const char *type,
                   const char *quoted)
{
    write_record(w, CREATE, 0);
    fprintf(w->out, " %s%zu %s C0 %s\n", alias, index, type, quoted);
}

static void write_containers(const struct writer *w, const struct trace *trace)
{
    const struct trace_part *parts;
    size_t n_parts = trace_parts(trace, &parts), *lanes = timeline_by_tile(w->timeline);
    write_record(w, CREATE, 0);
    fprintf(w->out, " C0 CHIP 0 %s\n", escape_paje(w->mem, w->head->chip));
    for (size_t i = 0; i < w->head->n_layers; i++)
        create(w, "L", i, "LAYER", w->layers[i]);
    for (size_t i = 0; i < w->timeline->n_lanes; i++) {
        const struct lane *lane = &w->timeline->lanes[lanes[i]];
        size_t room = strlen(trace_tile_name(w->head, lane->tile)) + 32;
        char *name = timeline_lane_name(arena_alloc(w->mem, room, 1), room, w->head, lane);
        create(w, "T", lanes[i], "TILE", escape_paje(w->mem, name));
    }
    for (size_t i = 0; i < n_parts; i++) {
        create(w, "P", i, "PART", escape_paje(w->mem, parts[i].name));
        write_record(w, SET_VARIABLE, 0);
        fprintf(w->out, " BUSY P%zu %.17g\n", i, parts[i].busy_s);
        write_record(w, SET_VARIABLE, 0);
        fprintf(w->out, " WAIT P%zu %.17g\n", i, parts[i].wait_s);
    }
    free(lanes);
}

// A span is a push and a pop. Records must be in the order of time, and at one instant what ends
// must end before what starts, but for spans of no duration, whose two stand between.
struct edge {
    int64_t ps;
    int rank; // 0: a pop, 1: of no duration, 2: a push
    bool pop;
    size_t order, span;
};

static int compare_edges(const void *left, const void *right)
{
    const struct edge *a = left, *b = right;
    if (a->ps != b->ps)
        return a->ps < b->ps ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank - b->rank;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return a->pop - b->pop;
}

static struct edge *make_edges(struct writer *w)
{
    struct edge *edges = mem_alloc(w->n_spans, 2 * sizeof *edges);
    for (size_t i = 0; i < w->n_spans; i++) {
        size_t at = w->timeline->order[i];
        int64_t start_ps = trace_ps(w->spans[at].start_s), end_ps = trace_ps(w->spans[at].end_s);
        bool lasts = end_ps > start_ps;
        edges[2 * i] = (struct edge){start_ps, lasts ? 2 : 1, false, i, at};
        edges[2 * i + 1] = (struct edge){end_ps, lasts ? 0 : 1, true, i, at};
        w->end_ps = end_ps > w->end_ps ? end_ps : w->end_ps;
    }
    if (w->n_spans)
        qsort(edges, 2 * w->n_spans, sizeof *edges, compare_edges);
    return edges;
}

static void write_edge(const struct writer *w, const struct edge *edge)
{
    const struct span *span = &w->spans[edge->span];
    size_t lane = w->timeline->lane_of[edge->span];
    write_record(w, edge->pop ? POP : PUSH, edge->ps);
    fprintf(w->out, " SPAN T%zu", lane);
    if (!edge->pop)
        fprintf(w->out, " %s %s %d %d %.17g", span_kind_names[span->kind], w->layers[span->layer],
                span->image, span->token, span->energy_j);
    fputc('\n', w->out);
}

static void write_samples(const struct writer *w, const struct series *series, double *total_j,
                          size_t bin)
{
    int64_t ps = (int64_t)bin * series->bin_ps;
    for (size_t i = 0; i < series->n_layers; i++) {
        bool more = bin < series->n_bins;
        write_record(w, SET_VARIABLE, ps);
        fprintf(w->out, " POWER L%zu %.17g\n", i, more ? series_power_w(series, i, bin) : 0);
        write_record(w, SET_VARIABLE, ps);
        fprintf(w->out, " ENERGY L%zu %.17g\n", i, total_j[i]);
        total_j[i] += more ? series->energy_j[i * series->n_bins + bin] : 0;
    }
}

// Spans and samples, merged by time.
static void write_events(struct writer *w, const struct series *series)
{
    double *total_j = mem_alloc(series->n_layers, sizeof *total_j);
    struct edge *edges = make_edges(w);
    size_t bin = 0;
    for (size_t i = 0; i < 2 * w->n_spans; i++) {
        while (bin <= series->n_bins && (int64_t)bin * series->bin_ps <= edges[i].ps)
            write_samples(w, series, total_j, bin++);
        write_edge(w, &edges[i]);
    }
    while (bin <= series->n_bins)
        write_samples(w, series, total_j, bin++);
    int64_t last_ps = (int64_t)series->n_bins * series->bin_ps;
    write_record(w, DESTROY, last_ps > w->end_ps ? last_ps : w->end_ps);
    fputs(" CHIP C0\n", w->out);
    free(edges);
    free(total_j);
}

static void write_head(const struct writer *w)
{
    const struct trace_head *head = w->head;
    fprintf(w->out, "# bitline trace\n# version %s\n", escape_paje(w->mem, head->version));
    fprintf(w->out, "# chip %s %016" PRIx64 "\n", escape_paje(w->mem, head->chip), head->chip_hash);
    fprintf(w->out, "# net %s %016" PRIx64 "\n", escape_paje(w->mem, head->net), head->net_hash);
    fprintf(w->out, "# policy %s seed %" PRIu64 "\n", escape_paje(w->mem, head->policy),
            head->seed);
    fprintf(w->out, "# command %s\n", escape_paje(w->mem, head->command));
}

static void write_paje(const struct trace *trace, const struct trace_head *head, FILE *out)
{
    struct timeline *timeline = timeline_create(trace, head);
    struct series *series = series_create(trace, head);
    struct writer w = {.out = out, .head = head, .timeline = timeline, .mem = arena_create()};
    w.n_spans = trace_spans(trace, &w.spans);
    w.layers = arena_alloc(w.mem, head->n_layers, sizeof *w.layers);
    for (size_t i = 0; i < head->n_layers; i++)
        w.layers[i] = escape_paje(w.mem, head->layers[i]);
    write_head(&w);
    write_types(&w);
    write_containers(&w, trace);
    write_events(&w, series);
    arena_destroy(w.mem);
    series_destroy(series);
    timeline_destroy(timeline);
}

const struct trace_sink trace_sink_paje = {".paje", write_paje};
