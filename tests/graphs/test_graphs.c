// Random networks through everything that computes values. GRAPHS=N checks N of them, from seed
// GRAPHS_FROM (1) on; GRAPHS_VERBOSE=1 prints what the program refuses.
#include "tests/graphs/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FEW = 300, PRINTED = 3 };

static uint64_t number(const char *name, uint64_t normal)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : normal;
}

static void print_failure(const struct graph *graph, const struct report *report)
{
    static struct graph small;
    static struct report again;
    char text[GRAPH_TEXT];
    print_message("# seed %llu: %s: %s\n", (unsigned long long)graph->seed, report->property,
                  report->text);
    shrink_graph(graph, report, &small);
    memset(&again, 0, sizeof again);
    check_graph(&small, &again);
    graph_text(&small, small.seed, text);
    print_message("# the smallest net found that fails there: %s\n", again.text);
    fputs(text, stderr); // longer than print_message() allows
}

struct tally {
    uint64_t of[DIFFERENT + 1];
    struct report worst;
};

static void add_up(struct tally *tally, const struct graph *graph, enum outcome outcome,
                   const struct report *report)
{
    tally->of[outcome]++;
    tally->worst.chips += report->chips;
    tally->worst.refused_chips += report->refused_chips;
    if (report->float_share > tally->worst.float_share)
        tally->worst.float_share = report->float_share;
    if (report->integer_share > tally->worst.integer_share)
        tally->worst.integer_share = report->integer_share;
    if (outcome == DIFFERENT && getenv("GRAPHS_VERBOSE"))
        print_message("# seed %llu differs: %s\n", (unsigned long long)graph->seed,
                      report->property);
    if (outcome == DIFFERENT && tally->of[DIFFERENT] <= PRINTED)
        print_failure(graph, report);
    if (getenv("GRAPHS_VERBOSE") && outcome == REFUSED)
        print_message("# seed %llu refused: %s: %s\n", (unsigned long long)graph->seed,
                      report->property, report->text);
    if (getenv("GRAPHS_VERBOSE") && *report->chip_refusal)
        print_message("# seed %llu chip refused: %s\n", (unsigned long long)graph->seed,
                      report->chip_refusal);
}

static void random_graphs_agree(void **state)
{
    (void)state;
    static struct graph graph;
    static struct tally tally;
    uint64_t n = number("GRAPHS", FEW), from = number("GRAPHS_FROM", 1);
    for (uint64_t seed = from; seed < from + n; seed++) {
        static struct report report;
        memset(&report, 0, sizeof report);
        graph_generate(seed, &graph);
        enum outcome outcome = check_graph(&graph, &report);
        add_up(&tally, &graph, outcome, &report);
    }
    print_message("# %llu graphs from seed %llu: %llu agree, %llu refused, %llu differ; of %lld "
                  "chips %lld refused; largest share of the bound: float %.2g, integer %.2g\n",
                  (unsigned long long)n, (unsigned long long)from,
                  (unsigned long long)tally.of[SAME], (unsigned long long)tally.of[REFUSED],
                  (unsigned long long)tally.of[DIFFERENT], (long long)tally.worst.chips,
                  (long long)tally.worst.refused_chips, tally.worst.float_share,
                  tally.worst.integer_share);
    assert_int_equal(tally.of[DIFFERENT], 0);
    assert_true(tally.of[REFUSED] * 10 <= n); // else the generator misses what nets can be
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
