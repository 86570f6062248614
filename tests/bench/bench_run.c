// How long a simulation takes, and how the time grows. Medians of repeated runs in one process;
// whole processes are started anew. Prints tables; asserts nothing: a machine is as fast as it is.
#define _DEFAULT_SOURCE // wait4
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/text.h"
#include "sim/chip/chip.h"
#include "base/catalog/catalog.h"
#include "sim/energy/charge.h"
#include "sim/dataflow/dataflow.h"
#include "sim/energy/mnsim.h"
#include "sim/run/run.h"
#include "sim/map/map.h"
#include "sim/run/result.h"

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

static void die(const struct err *err)
{
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

struct model {
    struct chip *chip;
    struct net *net;
    struct mapping *map;
};

static struct model load(const char *chip, const char *net, const char *form, double width)
{
    struct err err = {0};
    struct catalog catalog = {0};
    struct model m = {0};
    struct conf *conf = catalog_open(&catalog, CATALOG_CHIP, chip, &err);
    if (!conf || !chip_load(conf, &m.chip, &err))
        die(&err);
    struct net_options options = {.has_form = true, .width = width};
    for (int f = 0; net_form_names[f]; f++)
        if (!strcmp(form, net_form_names[f]))
            options.form = (enum net_form)f;
    conf = catalog_open(&catalog, CATALOG_NET, net, &err);
    if (!conf || !net_load(conf, &options, &m.net, &err) ||
        !map_net(m.net, m.chip, 1, &m.map, &err))
        die(&err);
    conf_close(conf);
    return m;
}

static void unload(struct model *m)
{
    map_destroy(m->map);
    net_destroy(m->net);
    chip_destroy(m->chip);
}

enum { MOST = 64 };

// One whole evaluation: mapping, flow, events, result.
static double time_run(const struct model *m, const struct run_params *params, int repeats)
{
    double v[MOST];
    struct err err = {0};
    for (int i = 0; i < repeats; i++) {
        double start = now_s();
        struct mapping *map = NULL;
        struct result *r = NULL;
        if (!map_net(m->net, m->chip, 1, &map, &err) || !run_mapping(map, params, &r, &err))
            die(&err);
        result_destroy(r);
        map_destroy(map);
        v[i] = now_s() - start;
    }
    return median(v, repeats);
}

enum closed { CHARGE_ONLY, MAP_AND_CHARGE, MNSIM_CHARGE };

static double time_closed_form(const struct model *m, enum closed what)
{
    enum { INNER = 200 };
    double v[MOST];
    struct err err = {0};
    struct ledger *layers = calloc(m->net->n, sizeof *layers);
    struct dataflow *flow = dataflow_create(m->map, TOKENS_ROWS);
    for (int i = 0; i < 15; i++) {
        double start = now_s();
        for (int j = 0; j < INNER; j++) {
            struct ledger shared = {0};
            memset(layers, 0, m->net->n * sizeof *layers);
            if (what == CHARGE_ONLY) {
                charge_closed_form(flow, layers, &shared);
            } else if (what == MNSIM_CHARGE) {
                struct mnsim_result r;
                if (!mnsim_charge(m->net, m->chip, &r, &err))
                    die(&err);
                mnsim_fini(&r);
            } else {
                struct mapping *map = NULL;
                if (!map_net(m->net, m->chip, 1, &map, &err))
                    die(&err);
                struct dataflow *fresh = dataflow_create(map, TOKENS_ROWS);
                charge_closed_form(fresh, layers, &shared);
                dataflow_destroy(fresh);
                map_destroy(map);
            }
        }
        v[i] = (now_s() - start) / (double)INNER;
    }
    dataflow_destroy(flow);
    free(layers);
    return median(v, 15);
}

static void time_process(const char *program, struct table *table)
{
    enum { RUNS = 15 };
    double v[RUNS];
    long most_kb = 0;
    for (int i = 0; i < RUNS; i++) {
        double start = now_s();
        pid_t pid = fork();
        if (pid == 0) {
            if (!freopen("/dev/null", "w", stdout))
                _exit(127);
            execl(program, program, "run", "hawis", "resnet20", (char *)NULL);
            _exit(127);
        }
        int status;
        struct rusage use;
        wait4(pid, &status, 0, &use);
        v[i] = now_s() - start;
        most_kb = use.ru_maxrss > most_kb ? use.ru_maxrss : most_kb;
    }
    table_cell(table, "bitline run hawis resnet20, whole process (peak %.0f MB)",
               (double)most_kb / 1024);
    table_cell(table, "%.1f ms", median(v, RUNS) * 1e3);
    table_cell(table, "100 ms, 60 MB");
}

static void row(struct table *table, const char *what, double seconds, const char *target)
{
    table_cell(table, "%s", what);
    if (seconds < 1e-3)
        table_cell(table, "%.2f us", seconds * 1e6);
    else
        table_cell(table, "%.2f ms", seconds * 1e3);
    table_cell(table, "%s", target);
}

static void against_targets(const char *program)
{
    static const char *const headers[] = {"<what", ">median", ">target", NULL};
    struct table *table = table_create(headers);
    struct model r20 = load("hawis", "resnet20", "binary", 1);
    struct model r18 = load("hawis", "resnet18", "binary", 1);
    struct model r18x5 = load("hawis", "resnet18", "binary", 5);
    struct run_params rows = {.images = 1}, windows = {.images = 1, .tokens = TOKENS_WINDOWS};
    time_process(program, table);
    row(table, "ResNet-20 U-1x, rows, in process", time_run(&r20, &rows, 51), "2 ms");
    row(table, "ResNet-18 U-1x, rows, in process", time_run(&r18, &rows, 15), "20 ms");
    row(table, "ResNet-18 U-1x, windows, in process", time_run(&r18, &windows, 5), "500 ms");
    row(table, "ResNet-18 U-5x, rows (about 1,600 tiles)", time_run(&r18x5, &rows, 5), "runs");
    row(table, "ResNet-20 energy, closed form, flow given", time_closed_form(&r20, CHARGE_ONLY),
        "20 us");
    row(table, "ResNet-20 energy, closed form, mapping too", time_closed_form(&r20, MAP_AND_CHARGE),
        "-");
    row(table, "ResNet-20 energy, policy mnsim", time_closed_form(&r20, MNSIM_CHARGE), "20 us");
    table_print(table, stdout);
    table_destroy(table);
    unload(&r20);
    unload(&r18);
    unload(&r18x5);
}

static void growth_row(struct table *table, const char *net, double width, enum tokens tokens,
                       int images)
{
    struct model m = load("hawis", net, "binary", width);
    struct run_params params = {.images = images, .tokens = tokens};
    double seconds = time_run(&m, &params, 7);
    int64_t windows = 0;
    for (size_t i = 1; i < m.net->n; i++)
        if (m.net->layers[i].kind == LAYER_CONV || m.net->layers[i].kind == LAYER_LINEAR)
            windows += (int64_t)m.net->layers[i].out_h * m.net->layers[i].out_w;
    table_cell(table, "%s U-%gx", net, width);
    table_cell(table, "%zu", m.net->n - 1);
    table_cell(table, "%d", m.map->n_tiles);
    table_cell(table, "%s", token_names[tokens]);
    table_cell(table, "%lld", (long long)windows);
    table_cell(table, "%d", images);
    table_cell(table, "%.2f ms", seconds * 1e3);
    unload(&m);
}

static void growth(void)
{
    static const char *const headers[] = {"<net",     ">layers", ">tiles",  "<tokens",
                                          ">windows", ">images", ">median", NULL};
    struct table *table = table_create(headers);
    growth_row(table, "mlp", 1, TOKENS_ROWS, 1);
    growth_row(table, "resnet20", 1, TOKENS_ROWS, 1);
    growth_row(table, "resnet32", 1, TOKENS_ROWS, 1);
    growth_row(table, "resnet18", 1, TOKENS_ROWS, 1);
    table_rule(table);
    for (int w = 1; w <= 6; w++)
        growth_row(table, "resnet20", w, TOKENS_ROWS, 1);
    growth_row(table, "resnet18", 3, TOKENS_ROWS, 1);
    growth_row(table, "resnet18", 5, TOKENS_ROWS, 1);
    table_rule(table);
    growth_row(table, "resnet20", 1, TOKENS_WINDOWS, 1);
    growth_row(table, "resnet32", 1, TOKENS_WINDOWS, 1);
    growth_row(table, "resnet18", 1, TOKENS_WINDOWS, 1);
    table_rule(table);
    for (int n = 2; n <= 32; n *= 2)
        growth_row(table, "resnet20", 1, TOKENS_ROWS, n);
    table_print(table, stdout);
    table_destroy(table);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: bench_run PATH_OF_BITLINE\n", stderr);
        return 2;
    }
    against_targets(argv[1]);
    puts("\nHow time grows with layers, tiles, windows and images in flight:\n");
    growth();
    return 0;
}
