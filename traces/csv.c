// One span a line under a header row. Everything else stands above it in lines that begin with '#',
// which spreadsheets and pandas (comment='#') are told to skip.
#include "traces/sink.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/text.h"
#include "traces/timeline.h"

static const char **lines_of(struct arena *mem, const char *const *texts, size_t n)
{
    const char **lines = arena_alloc(mem, n, sizeof *lines);
    for (size_t i = 0; i < n; i++)
        lines[i] = escape_line(mem, texts[i]);
    return lines;
}

static void write_note(FILE *out, struct arena *mem, const char *key, const char *text)
{
    fprintf(out, "# %s: %s\n", key, escape_line(mem, text));
}

static void write_head(const struct trace *trace, const struct trace_head *head, FILE *out,
                       struct arena *mem)
{
    const struct trace_part *parts;
    const struct span *spans;
    size_t n_parts = trace_parts(trace, &parts);
    fputs("# bitline trace\n", out);
    write_note(out, mem, "version", head->version);
    write_note(out, mem, "chip", head->chip);
    write_note(out, mem, "net", head->net);
    write_note(out, mem, "policy", head->policy);
    write_note(out, mem, "command", head->command);
    fprintf(out, "# chip_hash: %016" PRIx64 "\n# net_hash: %016" PRIx64 "\n# seed: %" PRIu64 "\n",
            head->chip_hash, head->net_hash, head->seed);
    fprintf(out, "# end_s: %.17g\n# spans: %zu\n", head->end_s, trace_spans(trace, &spans));
    for (size_t i = 0; i < head->n_layers; i++)
        write_note(out, mem, "layer", head->layers[i]);
    for (size_t i = 0; i < n_parts; i++) {
        fputs("# part: ", out);
        csv_field(out, escape_line(mem, parts[i].name));
        fprintf(out, ",%.17g,%.17g\n", parts[i].busy_s, parts[i].wait_s);
    }
}

static void write_csv(const struct trace *trace, const struct trace_head *head, FILE *out)
{
    struct arena *mem = arena_create();
    struct timeline *timeline = timeline_create(trace, head);
    const char **layers = lines_of(mem, head->layers, head->n_layers);
    const char **tiles = lines_of(mem, head->tiles, head->n_tiles);
    write_head(trace, head, out, mem);
    fputs("kind,layer,tile,image,token,start_s,end_s,energy_j\n", out);
    const struct span *spans;
    size_t n = trace_spans(trace, &spans);
    for (size_t i = 0; i < n; i++) {
        const struct span *span = &spans[timeline->order[i]];
        fprintf(out, "%s,", span_kind_names[span->kind]);
        csv_field(out, layers[span->layer]);
        fputc(',', out);
        csv_field(out, span->tile < 0 ? TRACE_OFF_CHIP : tiles[span->tile]);
        fprintf(out, ",%d,%d,%.17g,%.17g,%.17g\n", span->image, span->token, span->start_s,
                span->end_s, span->energy_j);
    }
    timeline_destroy(timeline);
    arena_destroy(mem);
}

const struct trace_sink trace_sink_csv = {".csv", write_csv};
