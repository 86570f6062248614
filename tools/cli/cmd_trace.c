// bitline trace: summarises a trace file.
#include "tools/cli/cmd.h"

#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/text.h"
#include "base/units.h"
#include "tools/cli/options.h"
#include "traces/trace.h"
#include "base/visible.h"

enum { OPT_JSON = 'j', OPT_TOP = 'n', DEFAULT_TOP = 10 };

struct options {
    const char *path;
    bool json;
    size_t top;
};

static const struct argp_option option_table[] = {
    {"json", OPT_JSON, NULL, 0, "Print one JSON object, in seconds and joules", 0},
    {"top", OPT_TOP, "N", 0, "Print the N busiest parts and tiles (default 10)", 0},
    {0}};

static const char doc[] =
    "Summarise a trace that 'bitline run --trace FILE' wrote as .json or .csv: energy and time of "
    "every layer, and the busiest shared parts and tiles.\v"
    "Examples:\n"
    "  bitline trace run.json             tables\n"
    "  bitline trace run.csv --top 3      the three busiest parts and tiles\n"
    "  bitline trace run.json --json      for programs\n"
    "\n"
    "The .json file opens in Perfetto (ui.perfetto.dev) and chrome://tracing.\n"
    "Exit status: 0 ok, 1 the output could not be written, 2 bad usage or bad input.";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case OPT_JSON:
        options->json = true;
        return 0;
    case OPT_TOP: {
        int64_t top = 0;
        if (!integer_parse(arg, 0, INT_MAX, &top))
            argp_error(state, "--top %s: expected a number of rows, 0 or more", visible(arg));
        options->top = (size_t)top;
        return 0;
    }
    case ARGP_KEY_ARG:
        if (options->path)
            argp_error(state, "unexpected argument '%s': expected one file", visible(arg));
        options->path = arg;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "FILE is required");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void cell(struct table *table, double value, const char *unit)
{
    char text[32];
    table_cell(table, "%s", units_format(text, sizeof text, value, unit));
}

static void share_cell(struct table *table, double part, double whole)
{
    table_cell(table, "%.1f %%", whole > 0 ? 100 * part / whole : 0);
}

static void print_layers(const struct trace_summary *s)
{
    struct table *table =
        table_create((const char *const[]){"<layer", ">tiles", ">energy", ">share", ">compute",
                                           ">wait", ">transfer", ">from", ">to", NULL});
    double compute_s = 0, wait_s = 0, transfer_s = 0;
    for (size_t i = 0; i < s->n_layers; i++) {
        const struct trace_layer_sum *layer = &s->layers[i];
        table_cell(table, "%s", layer->name);
        table_cell(table, "%d", layer->tiles);
        cell(table, layer->energy_j, "J");
        share_cell(table, layer->energy_j, s->energy_j);
        cell(table, layer->compute_s, "s");
        cell(table, layer->wait_s, "s");
        cell(table, layer->transfer_s, "s");
        cell(table, layer->first_s, "s");
        cell(table, layer->last_s, "s");
        compute_s += layer->compute_s;
        wait_s += layer->wait_s;
        transfer_s += layer->transfer_s;
    }
    table_rule(table);
    table_cell(table, "total");
    table_cell(table, "%s", "");
    cell(table, s->energy_j, "J");
    share_cell(table, s->energy_j, s->energy_j);
    cell(table, compute_s, "s");
    cell(table, wait_s, "s");
    cell(table, transfer_s, "s");
    cell(table, 0, "s");
    cell(table, s->end_s, "s");
    table_print(table, stdout);
    table_destroy(table);
}

static void print_parts(const struct trace_summary *s, size_t top)
{
    struct table *table =
        table_create((const char *const[]){"<part", ">busy", ">of the run", ">waits for it", NULL});
    for (size_t i = 0; i < s->n_parts && i < top; i++) {
        table_cell(table, "%s", s->parts[i].name);
        cell(table, s->parts[i].busy_s, "s");
        share_cell(table, s->parts[i].busy_s, s->end_s);
        cell(table, s->parts[i].wait_s, "s");
    }
    table_print(table, stdout);
    table_destroy(table);
}

static void print_tiles(const struct trace_summary *s, size_t top)
{
    struct table *table = table_create((const char *const[]){
        "<tile", ">compute", ">of the run", ">wait", ">transfer", ">energy", NULL});
    for (size_t i = 0; i < s->n_tiles && i < top; i++) {
        const struct trace_tile_sum *tile = &s->tiles[i];
        table_cell(table, "%s", tile->name);
        cell(table, tile->compute_s, "s");
        share_cell(table, tile->compute_s, s->end_s);
        cell(table, tile->wait_s, "s");
        cell(table, tile->transfer_s, "s");
        cell(table, tile->energy_j, "J");
    }
    table_print(table, stdout);
    table_destroy(table);
}

static void print_tables(const struct trace_summary *s, size_t top)
{
    char energy[32], end[32];
    printf("%s\n%zu spans, %s, %s of dynamic energy\n\n", visible(s->head), s->n_spans,
           units_format(end, sizeof end, s->end_s, "s"),
           units_format(energy, sizeof energy, s->energy_j, "J"));
    print_layers(s);
    if (top && s->n_parts) {
        printf("\nBusiest shared parts (%zu of %zu)\n", s->n_parts < top ? s->n_parts : top,
               s->n_parts);
        print_parts(s, top);
    }
    if (top && s->n_tiles) {
        printf("\nBusiest tiles (%zu of %zu)\n", s->n_tiles < top ? s->n_tiles : top, s->n_tiles);
        print_tiles(s, top);
    }
}

static void json_layers(struct jsonw *w, const struct trace_summary *s)
{
    jsonw_array(w, "layers");
    for (size_t i = 0; i < s->n_layers; i++) {
        const struct trace_layer_sum *layer = &s->layers[i];
        jsonw_object(w, NULL);
        jsonw_string(w, "name", layer->name);
        jsonw_int(w, "tiles", layer->tiles);
        jsonw_number(w, "energy_j", layer->energy_j);
        jsonw_number(w, "compute_s", layer->compute_s);
        jsonw_number(w, "wait_s", layer->wait_s);
        jsonw_number(w, "transfer_s", layer->transfer_s);
        jsonw_number(w, "first_s", layer->first_s);
        jsonw_number(w, "last_s", layer->last_s);
        jsonw_end(w);
    }
    jsonw_end(w);
}

static void json_resources(struct jsonw *w, const struct trace_summary *s)
{
    jsonw_array(w, "parts");
    for (size_t i = 0; i < s->n_parts; i++) {
        jsonw_object(w, NULL);
        jsonw_string(w, "name", s->parts[i].name);
        jsonw_number(w, "busy_s", s->parts[i].busy_s);
        jsonw_number(w, "wait_s", s->parts[i].wait_s);
        jsonw_end(w);
    }
    jsonw_end(w);
    jsonw_array(w, "tiles");
    for (size_t i = 0; i < s->n_tiles; i++) {
        const struct trace_tile_sum *tile = &s->tiles[i];
        jsonw_object(w, NULL);
        jsonw_string(w, "name", tile->name);
        jsonw_number(w, "energy_j", tile->energy_j);
        jsonw_number(w, "compute_s", tile->compute_s);
        jsonw_number(w, "wait_s", tile->wait_s);
        jsonw_number(w, "transfer_s", tile->transfer_s);
        jsonw_end(w);
    }
    jsonw_end(w);
}

static void print_json(const struct trace_summary *s)
{
    struct jsonw *w = jsonw_create(stdout, 2);
    jsonw_object(w, NULL);
    jsonw_string(w, "trace", s->head);
    jsonw_int(w, "spans", (int64_t)s->n_spans);
    jsonw_number(w, "end_s", s->end_s);
    jsonw_number(w, "energy_j", s->energy_j);
    json_layers(w, s);
    json_resources(w, s);
    jsonw_end(w);
    jsonw_destroy(w);
}

static int busier_part(const void *left, const void *right)
{
    const struct trace_part *a = left, *b = right;
    if (a->busy_s != b->busy_s)
        return a->busy_s > b->busy_s ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int busier_tile(const void *left, const void *right)
{
    const struct trace_tile_sum *a = left, *b = right;
    if (a->compute_s != b->compute_s)
        return a->compute_s > b->compute_s ? -1 : 1;
    return strcmp(a->name, b->name);
}

int cmd_trace(int argc, char **argv)
{
    static const struct argp argp = {option_table, parse_option, "FILE", doc, 0, 0, 0};
    static char name[] = "bitline trace";
    struct options options = {.top = DEFAULT_TOP};
    struct trace_summary summary;
    struct err err = {""};
    argv[0] = name;
    options_run(&argp, argc, argv, 0, &options);
    if (!trace_read(options.path, &summary, &err))
        return cli_refuse(&err);
    if (summary.n_parts)
        qsort(summary.parts, summary.n_parts, sizeof *summary.parts, busier_part);
    if (summary.n_tiles)
        qsort(summary.tiles, summary.n_tiles, sizeof *summary.tiles, busier_tile);
    if (options.json)
        print_json(&summary);
    else
        print_tables(&summary, options.top);
    trace_summary_fini(&summary);
    return cli_finish(EXIT_OK);
}
