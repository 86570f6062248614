// Random networks on random chips through the events: every run ends, layers and shared parts add
// up to the whole, and what is counted is what the graph says. GRAPHS and GRAPHS_FROM as in
// test_graphs.c.
#include "tests/graphs/chips.h"
#include "tests/graphs/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "sim/run/run.h"
#include "sim/map/map.h"
#include "sim/run/result.h"

enum { FEW = 500 };

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b));
}

static enum outcome check_sums(const struct result *r, struct report *report)
{
    double total = r->shared_j, parts = ledger_energy(&r->shared);
    if (!near(parts, r->shared_j))
        return differs(report, "shared parts are %.17g J, not %.17g", parts, r->shared_j);
    for (size_t i = 0; i < r->n_layers; i++) {
        const struct layer_result *l = &r->layers[i];
        if (!near(ledger_energy(&l->ledger), l->energy_j))
            return differs(report, "%s: parts are %.17g J, not %.17g", l->name,
                           ledger_energy(&l->ledger), l->energy_j);
        if (!(l->energy_j >= 0) || !isfinite(l->latency_s) || l->latency_s < 0)
            return differs(report, "%s: %g J, %g s", l->name, l->energy_j, l->latency_s);
        total += l->energy_j;
    }
    if (!near(total, r->energy_j) || !(r->energy_j >= 0))
        return differs(report, "layers and shared parts are %.17g J, not %.17g", total,
                       r->energy_j);
    if (!(r->latency_s > 0) || !isfinite(r->latency_s) || !(r->throughput_ips > 0))
        return differs(report, "%g s, %g images/s", r->latency_s, r->throughput_ips);
    return SAME;
}

// Elements of all windows of a pool, padding included, as convolutions count theirs.
static int64_t pool_reads(const struct graph *flat, int i)
{
    const struct node *node = &flat->nodes[i], *from = &flat->nodes[node->from[0]];
    int64_t taps = (int64_t)node->kernel[0] * node->kernel[1];
    if (node->kind == NODE_HEAD)
        taps = (int64_t)from->h * from->w;
    return taps * (int64_t)node_size(node);
}

static enum outcome expect(const char *layer, const char *what, int64_t got, int64_t want,
                           struct report *report)
{
    if (got == want)
        return SAME;
    return differs(report, "%s: %lld %s, not %lld", layer, (long long)got, what, (long long)want);
}

static const struct layer_result *find(const struct result *r, const char *name)
{
    for (size_t i = 0; i < r->n_layers; i++)
        if (strcmp(r->layers[i].name, name) == 0)
            return &r->layers[i];
    return NULL;
}

static enum outcome check_counts(const struct graph *flat, const struct result *r,
                                 struct report *report)
{
    enum outcome outcome = SAME;
    for (int i = 1; i < flat->n && outcome == SAME; i++) {
        const struct node *node = &flat->nodes[i];
        char name[GRAPH_NAME];
        const struct layer_result *l = find(r, graph_name(node, name));
        if (!l)
            return differs(report, "%s is not in the result", name);
        int64_t size = (int64_t)node_size(node);
        if (graph_weights(flat, i))
            outcome = expect(name, "multiplications", l->macs,
                             size * (int64_t)graph_inputs(flat, i), report);
        else if (node->kind == NODE_ADD)
            outcome = expect(name, "additions", l->ledger.count[METER_RESIDUAL_ADDS], size, report);
        else if (node->kind == NODE_POOL || node->kind == NODE_HEAD)
            outcome = expect(name, "elements read", l->ledger.count[METER_POOL_READS],
                             pool_reads(flat, i), report);
    }
    return outcome;
}

static void random_base(struct chip_sets *sets, struct prng *prng)
{
    static const char *const bases[] = {"hawis", "isaac-ce", "mnsim-default", "ideal"};
    sets->base = bases[prng_int(prng, 0, 3)];
    chip_random(sets, prng);
    chip_put_int(sets, "pe.crossbars", prng_int(prng, 1, 4));
    chip_put_int(sets, "tile.pes", prng_int(prng, 1, 3));
    chip_put(sets, "tile.overlap", prng_percent(prng, 50) ? "window" : "none");
    if (prng_percent(prng, 20))
        chip_put_int(sets, "tile.psum_rows", 1);
    chip_put(sets, "tile.multiplier", "{time: 1 ns, energy: 0.2 pJ, area: 282 um2}");
    chip_put_int(sets, "noc.columns", 64);
    chip_put_int(sets, "noc.rows", 64);
}

static enum outcome run_on(const struct graph *flat, const struct net *net, struct prng *prng,
                           struct report *report)
{
    struct chip_sets sets = {0};
    struct err err = {0};
    struct mapping *map = NULL;
    struct result *result = NULL;
    random_base(&sets, prng);
    struct chip *chip = chip_make(&sets, report);
    struct run_params params = {.tokens = prng_percent(prng, 30) ? TOKENS_WINDOWS : TOKENS_ROWS,
                                .backend =
                                    prng_percent(prng, 30) ? BACKEND_IDEAL : BACKEND_CALENDAR,
                                .images = prng_int(prng, 1, 3)};
    enum outcome outcome = chip ? SAME : DIFFERENT;
    if (chip && !map_net(net, chip, 1, &map, &err)) {
        differs(report, "%s", err.text);
        outcome = REFUSED;
    }
    if (map && !run_mapping(map, &params, &result, &err))
        outcome = differs(report, "%s", err.text);
    if (result)
        outcome = check_sums(result, report);
    if (result && outcome == SAME)
        outcome = check_counts(flat, result, report);
    if (outcome == DIFFERENT)
        chip_report(&sets, report);
    result_destroy(result);
    map_destroy(map);
    chip_destroy(chip);
    return outcome;
}

static enum outcome run_graph(const struct graph *graph, struct report *report)
{
    struct graph flat;
    struct prng prng = {graph->seed ^ 0xe7e};
    graph_flatten(graph, &flat);
    struct net *net = trial_net(graph, graph->seed, NULL, report);
    enum outcome outcome = net ? run_on(&flat, net, &prng, report) : REFUSED;
    net_destroy(net);
    return outcome;
}

static void print_failure(const struct graph *graph, const struct report *report)
{
    static struct graph small, smaller;
    static struct report again;
    char text[GRAPH_TEXT];
    print_message("# seed %llu: %s\n", (unsigned long long)graph->seed, report->text);
    small = *graph;
    for (int i = small.n - 1; i > 0; i--)
        for (int side = 0; side < GRAPH_PARTS; side++)
            if (i < small.n && graph_without(&small, i, side, &smaller) &&
                run_graph(&smaller, &again) == DIFFERENT)
                small = smaller;
    run_graph(&small, &again);
    graph_text(&small, small.seed, text);
    print_message("# the smallest net found that fails: %s\n", again.text);
    fputs(text, stderr); // longer than print_message() allows
}

static uint64_t number(const char *name, uint64_t normal)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : normal;
}

static void random_graphs_run(void **state)
{
    (void)state;
    static struct graph graph;
    static struct report report;
    uint64_t n = number("GRAPHS", FEW), from = number("GRAPHS_FROM", 1), of[DIFFERENT + 1] = {0};
    for (uint64_t seed = from; seed < from + n; seed++) {
        graph_generate(seed, &graph);
        enum outcome outcome = run_graph(&graph, &report);
        of[outcome]++;
        if (outcome == DIFFERENT && of[outcome] <= 3)
            print_failure(&graph, &report);
        if (outcome == REFUSED && getenv("GRAPHS_VERBOSE"))
            print_message("# seed %llu refused: %s\n", (unsigned long long)seed, report.text);
    }
    print_message("# %llu graphs from seed %llu: %llu ran, %llu refused, %llu failed\n",
                  (unsigned long long)n, (unsigned long long)from, (unsigned long long)of[SAME],
                  (unsigned long long)of[REFUSED], (unsigned long long)of[DIFFERENT]);
    assert_int_equal(of[DIFFERENT], 0);
    assert_true(of[REFUSED] * 10 <= n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
