// bitline run CHIP NET: simulate once and print the result.
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nets/net.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/warn.h"
#include "sim/chip/chip.h"
#include "sim/chip/plausible_chip.h"
#include "sim/run/plausible_run.h"
#include "sim/run/run.h"
#include "sim/map/map.h"
#include "sim/run/result.h"
#include "tools/cli/activity_file.h"
#include "tools/cli/adc_report.h"
#include "tools/cli/cmd.h"
#include "tools/cli/options.h"
#include "tools/cli/print_result.h"
#include "tools/cli/progress.h"
#include "tools/study/version.h"
#include "base/visible.h"
#include "traces/trace.h"

enum {
    OPTION_POLICY = 1,
    OPTION_IMAGES,
    OPTION_TOKENS,
    OPTION_NOC,
    OPTION_JSON,
    OPTION_CSV,
    OPTION_TRACE,
    OPTION_SEED,
    OPTION_MAP,
    OPTION_REPLICATE,
    OPTION_ACTIVITY,
};

static const struct argp_option options[] = {
    {"form", OPTION_FORM, "FORM", 0, "binary, int8 or int16 (default: the network's own)", 0},
    {"width", OPTION_WIDTH, "RATIO", 0, "Widen all layers, e.g. 3x", 0},
    {"widths", OPTION_WIDTHS, "LIST", 0, "Output channels of each layer, e.g. 64,80,80", 0},
    {"policy", OPTION_POLICY, "NAME", 0,
     "exact (default): charge the hardware that the mapping uses; mnsim: charge by the rules of "
     "MNSIM 2.0",
     0},
    {"images", OPTION_IMAGES, "N", 0, "Number of images to pipeline (default 1)", 0},
    {"tokens", OPTION_TOKENS, "KIND", 0,
     "Unit of data flow: rows (default) or windows (slow, for validation)", 0},
    {"noc", OPTION_NOC, "BACKEND", 0,
     "Model of the network on chip: calendar (default), ideal or simgrid", 0},
    {"map", OPTION_MAP, "POLICY", 0, "kernel-aligned or dense; short for --set mapping.policy=", 0},
    {"replicate", OPTION_REPLICATE, "TILES", 0,
     "Replicate slow layers, using at most TILES tiles for the network", 0},
    {"set", OPTION_SET, "PATH=VALUE", 0, "Override a key of the chip, or of the network (net.PATH)",
     0},
    {"activity", OPTION_ACTIVITY, "FILE", 0,
     "Use the activity measured by 'bitline eval --activity' instead of the chip's assumptions", 0},
    {"seed", OPTION_SEED, "N", 0, "Random seed of the placement (default 1)", 0},
    {"json", OPTION_JSON, NULL, 0, "Print one JSON object", 0},
    {"csv", OPTION_CSV, "DIR", 0,
     "Write layers.csv, parts.csv, shared.csv, slices.csv, summary.csv", 0},
    {"trace", OPTION_TRACE, "FILE", 0,
     "Write a trace: .json (Perfetto), .csv or .paje; energies follow the policy exact", 0},
    {0},
};
static const char doc[] =
    "Simulate a network on a chip: energy, time and area, by layer and by part.\v"
    "CHIP and NET are names (bitline list chips, bitline list nets) or files.\n\n"
    "Examples:\n"
    "  bitline run hawis resnet20\n"
    "  bitline run hawis resnet20 --width 3x --policy mnsim\n"
    "  bitline run hawis resnet20 --images 10 --trace trace.json\n"
    "  bitline run isaac-ce vgg8 --form int16 --set tile.pes=16\n"
    "  bitline run my-chip.yaml my-net.yaml --json";

struct args {
    struct inputs inputs;
    const char *chip, *net, *csv, *trace, *activity;
    bool json;
    uint64_t seed;
    struct run_params run;
    char map_set[64], tiles_set[64];
    struct warnings warnings;
    struct err err;
};

static bool parse_name(const char *text, const char *const names[], int *out)
{
    for (*out = 0; names[*out]; ++*out)
        if (!strcmp(text, names[*out]))
            return true;
    return false;
}

static bool parse_count(const char *text, unsigned long long max, unsigned long long *out)
{
    int64_t value = 0;
    if (!integer_parse(text, 0, (int64_t)max, &value))
        return false;
    *out = (unsigned long long)value;
    return true;
}

// Options whose value is one of a fixed set of words.
static bool parse_choice(int key, char *arg, struct args *a)
{
    int choice;
    if (key == OPTION_POLICY) {
        if (!parse_name(arg, policy_names, &choice))
            err_set(&a->err, "--policy %s: unknown; use exact or mnsim", arg);
        a->run.policy = (enum policy)choice;
    } else if (key == OPTION_TOKENS) {
        if (!parse_name(arg, token_names, &choice))
            err_set(&a->err, "--tokens %s: unknown; use rows or windows", arg);
        a->run.tokens = (enum tokens)choice;
    } else if (key == OPTION_NOC) {
        if (!parse_name(arg, backend_names, &choice))
            err_set(&a->err, "--noc %s: unknown; use calendar, ideal or simgrid", arg);
        a->run.backend = (enum noc_backend)choice;
    } else {
        return false;
    }
    return true;
}

static bool parse_number(int key, char *arg, struct args *a)
{
    unsigned long long n = 0;
    if (key == OPTION_IMAGES) {
        if (!parse_count(arg, 100000, &n) || n < 1)
            err_set(&a->err, "--images %s: expected an integer from 1 to 100000", arg);
        a->run.images = (int)n;
    } else if (key == OPTION_SEED) {
        if (!parse_count(arg, INT64_MAX, &n)) // the largest integer in the JSON
            err_set(&a->err, "--seed %s: expected an integer from 0 to %" PRId64, arg, INT64_MAX);
        a->seed = n;
    } else if (key == OPTION_REPLICATE) {
        if (!parse_count(arg, 16384, &n) || n < 1)
            err_set(&a->err, "--replicate %s: expected a number of tiles from 1 to 16384", arg);
        snprintf(a->tiles_set, sizeof a->tiles_set, "mapping.tiles=%llu", n);
        static char replicate[] = "mapping.replicate=true";
        options_parse(&a->inputs, OPTION_SET, a->tiles_set, &a->err);
        options_parse(&a->inputs, OPTION_SET, replicate, &a->err);
    } else {
        return false;
    }
    return true;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct args *a = state->input;
    if (options_parse(&a->inputs, key, arg, &a->err) || parse_choice(key, arg, a) ||
        parse_number(key, arg, a))
        return 0;
    switch (key) {
    case OPTION_MAP:
        snprintf(a->map_set, sizeof a->map_set, "mapping.policy=%s", arg);
        options_parse(&a->inputs, OPTION_SET, a->map_set, &a->err);
        return 0;
    case OPTION_ACTIVITY:
        a->activity = arg;
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_CSV:
        a->csv = arg;
        if (!*arg)
            err_set(&a->err, "--csv: the folder name is empty; choose one, such as tables");
        return 0;
    case OPTION_TRACE:
        a->trace = arg;
        if (!*arg)
            err_set(&a->err, "--trace: the file name is empty; choose one, such as run.json");
        return 0;
    default:
        return options_chip_net(key, arg, state, &a->chip, &a->net) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

static bool write_trace(const struct args *a, const struct mapping *map, const struct result *r,
                        const struct trace *trace, struct err *err)
{
    struct arena *mem = arena_create();
    const char **layers = arena_alloc(mem, map->net->n, sizeof *layers);
    const char **tiles = arena_alloc(mem, (size_t)map->n_tiles, sizeof *tiles);
    for (size_t i = 0; i < map->net->n; i++)
        layers[i] = map->net->layers[i].name;
    for (int t = 0; t < map->n_tiles; t++)
        tiles[t] = arena_printf(mem, "tile %d (%d,%d) %s", t, map->tiles[t].x, map->tiles[t].y,
                                map->net->layers[map->tiles[t].layer].name);
    struct trace_head head = {.version = r->version,
                              .chip = r->chip,
                              .net = r->net,
                              .policy = policy_names[POLICY_EXACT], // of the spans' energies
                              .command = r->command,
                              .chip_hash = r->chip_hash,
                              .net_hash = r->net_hash,
                              .seed = r->seed,
                              .n_layers = map->net->n,
                              .n_tiles = (size_t)map->n_tiles,
                              .layers = layers,
                              .tiles = tiles,
                              .end_s = r->run_s};
    bool ok = trace_write(trace, &head, a->trace, err);
    arena_destroy(mem);
    return ok;
}

static void print_trace_hint(const char *path)
{
    const char *dot = strrchr(path, '.');
    if (!strcmp(dot, ".json"))
        printf("trace    %s (summary: bitline trace %s; opens in Perfetto)\n", visible(path),
               visible_word(path));
    else if (!strcmp(dot, ".csv"))
        printf("trace    %s (summary: bitline trace %s)\n", visible(path), visible_word(path));
    else
        printf("trace    %s (for Paje viewers such as ViTE)\n", visible(path));
}

static bool print_all(const struct args *a, const struct mapping *map, const struct result *r,
                      const struct trace *trace, struct err *err)
{
    if (a->trace && !write_trace(a, map, r, trace, err))
        return false;
    if (a->csv && !print_csv(r, map, a->csv, err))
        return false;
    if (a->json) {
        print_json(r, map, &a->warnings, stdout);
        return true;
    }
    print_text(r, stdout);
    adc_rows_text(map, "ADC                         ");
    if (a->trace)
        print_trace_hint(a->trace);
    if (a->csv)
        printf("tables   %s/summary.csv, layers.csv, parts.csv, shared.csv, slices.csv\n",
               visible(a->csv));
    return true;
}

// Warns of digital hardware that the energy ledger leaves out.
static void warn_borders(const struct net *net, struct warnings *warnings)
{
    for (size_t i = 1; i + 1 < net->n; i++) {
        const struct layer *l = &net->layers[i];
        int pads = l->pad_top + l->pad_left + l->pad_bottom + l->pad_right;
        if (!net_reads_bipolar(net, (int)i) || net->pad_value != PAD_VALUE_ZERO || !pads)
            continue;
        warn_add(
            warnings, "border-thresholds",
            "layer '%s' pads a map of -1 and +1 with zeros, so its thresholds differ between "
            "windows "
            "at the border and inside; the table of thresholds and its lookup are not charged; "
            "see pad_value for paddings that need none",
            l->name);
        return;
    }
}

// SimGrid recomputes the bandwidth of all active messages whenever one starts or ends.
static void warn_slow(const struct args *a, const struct mapping *map)
{
    enum { FAST_TILES = 128 }; // about a second
    if (a->run.backend == BACKEND_SIMGRID && map->n_tiles > FAST_TILES)
        fprintf(stderr,
                "bitline: --noc simgrid takes minutes or hours for networks on hundreds of tiles "
                "(this one: %d); --noc calendar takes seconds\n",
                map->n_tiles);
}

// Progress on stderr; runs below two seconds show nothing.
static void show_progress(int64_t done, int64_t all)
{
    const double wait_s = 2;
    static double start_s, shown_s;
    double now = clock_now_s();
    start_s = start_s > 0 ? start_s : now;
    bool ends = done == all && shown_s > 0;
    if (!ends && (now - start_s < wait_s || now - shown_s < 0.5))
        return;
    shown_s = now;
    fprintf(stderr, "\rsimulated %.1f %%", 100 * (double)done / (double)all);
    progress_left((now - start_s) / (double)done * (double)(all - done));
    fprintf(stderr, "\033[K%s", ends ? "\n" : "");
}

// Maps the net and warns if the simulation will be slow. False with err set if it does not fit.
static bool map_inputs(const struct args *a, const struct net *net, const struct chip *chip,
                       struct mapping **map, struct err *err)
{
    if (!map_net(net, chip, a->seed, map, err))
        return false;
    warn_slow(a, *map);
    return true;
}

int cmd_run(int argc, char **argv)
{
    struct args a = {.seed = 1};
    a.run.version = BITLINE_VERSION;
    a.run.command = cli_command(argc, argv);
    a.run.progress = isatty(STDERR_FILENO) ? show_progress : NULL;
    static const struct argp argp = {options, parse, "CHIP NET", doc, 0, 0, 0};
    static char name[] = "bitline run";
    argv[0] = name;
    options_run(&argp, argc, argv, 0, &a);
    struct chip *chip = NULL;
    struct net *net = NULL;
    struct mapping *map = NULL;
    struct result *result = NULL;
    struct arena *mem = arena_create();
    struct trace *trace = a.trace ? trace_create() : NULL;
    a.run.trace = trace;
    int code = EXIT_FAILED;
    if (!a.err.text[0] &&
        (!a.trace || (trace_check_name(a.trace, &a.err) && file_try(a.trace, &a.err))) &&
        (!a.csv || file_try_all(a.csv, print_csv_files, &a.err)) &&
        inputs_chip(&a.inputs, a.chip, &chip, &a.err) &&
        inputs_net(&a.inputs, a.net, &net, &a.err) && map_inputs(&a, net, chip, &map, &a.err) &&
        (!a.activity || activity_read(a.activity, map, mem, &a.run.activity, &a.err)) &&
        run_mapping(map, &a.run, &result, &a.err)) {
        plausible_chip(chip, &map->pe_buffer, &map->tile_buffer, &a.warnings);
        plausible_run(result, &a.warnings);
        net_warn(net, &a.warnings);
        warn_borders(net, &a.warnings);
        adc_rows_warn(map, &a.warnings);
        if (print_all(&a, map, result, trace, &a.err))
            code = EXIT_OK;
    }
    if (code != EXIT_OK) {
        code = cli_refuse(&a.err);
    } else {
        code = cli_finish_warned(code, &a.warnings);
    }
    warnings_fini(&a.warnings);
    result_destroy(result);
    trace_destroy(trace);
    map_destroy(map);
    net_destroy(net);
    chip_destroy(chip);
    arena_destroy(mem);
    return code;
}
