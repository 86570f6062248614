#include "tools/print_search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "nets/net.h"
#include "sim/base/mem.h"
#include "sim/base/text.h"
#include "sim/chip/chip.h"
#include "tools/search/agent.h"
#include "tools/search/drive.h"
#include "tools/search/export.h"
#include "tools/search/final.h"
#include "tools/search/job.h"
#include "tools/version.h"

static void add_row(struct table *t, const char *name, const struct search_episode *e)
{
    table_cell(t, "%s", name);
    table_cell(t, "%.2f %%", 100 * e->accuracy);
    table_cell(t, "%.4g uJ", 1e6 * e->cost.of[COST_ENERGY]);
    if (e->cost.of[COST_LATENCY] > 0)
        table_cell(t, "%.4g us", 1e6 * e->cost.of[COST_LATENCY]);
    else
        table_cell(t, "-");
    table_cell(t, "%.4g mm2", 1e6 * e->cost.of[COST_AREA]);
    table_cell(t, "%.4g M", (double)e->cost.binary_ops * 1e-6);
    table_cell(t, "%.4g", e->judged.reward);
}

// The front is long: about a dozen of its nets, evenly, with both ends.
static void print_front(const struct search *s)
{
    enum { SHOWN = 12 };
    static const char *const headers[] = {"<net",  ">accuracy", ">energy", ">latency",
                                          ">area", ">ops",      ">reward", NULL};
    int *front = mem_alloc((size_t)s->job->episodes, sizeof *front);
    size_t n = search_front(s, front), shown = n < SHOWN ? n : SHOWN;
    const struct search_episode *best = search_best(s);
    struct table *t = table_create(headers);
    char name[32];
    if (best)
        add_row(t, "best", best);
    for (size_t i = 0; i < shown; i++) {
        size_t at = shown > 1 ? i * (n - 1) / (shown - 1) : 0;
        snprintf(name, sizeof name, "front %zu/%zu", at + 1, n);
        add_row(t, name, &s->episodes[front[at]]);
    }
    for (size_t r = 0; r < s->n_references; r++) {
        snprintf(name, sizeof name, "uniform %gx", s->references[r].ratio);
        if (!s->references[r].failed)
            add_row(t, name, &s->references[r]);
    }
    table_print(t, stdout);
    table_destroy(t);
    free(front);
}

// Test accuracy: the mean of all runs, and the furthest of them from it.
static void print_finals(const struct finals *f)
{
    static const char *const headers[] = {
        "<trained", ">test accuracy", ">furthest", ">in the search",
        ">energy",  ">latency",       ">area",     NULL};
    struct table *t = table_create(headers);
    for (size_t i = 0; i < f->n; i++) {
        const struct final_net *net = &f->nets[i];
        const struct cost *cost = &net->episode->cost;
        double furthest = 0;
        for (size_t k = 0; k < f->seeds; k++)
            furthest = fmax(furthest, fabs(net->accuracies[k] - net->accuracy));
        table_cell(t, "%s", net->name);
        table_cell(t, "%.2f %%", 100 * net->accuracy);
        table_cell(t, "%.2f %%", 100 * furthest);
        if (net->episode->failed)
            table_cell(t, "-");
        else
            table_cell(t, "%.2f %%", 100 * net->episode->accuracy);
        table_cell(t, "%.4g uJ", 1e6 * cost->of[COST_ENERGY]);
        if (cost->of[COST_LATENCY] > 0)
            table_cell(t, "%.4g us", 1e6 * cost->of[COST_LATENCY]);
        else
            table_cell(t, "-");
        table_cell(t, "%.4g mm2", 1e6 * cost->of[COST_AREA]);
    }
    putchar('\n');
    table_print(t, stdout);
    table_destroy(t);
}

void print_search(const struct search *s, const struct finals *finals, const char *folder,
                  bool drawn)
{
    printf("bitline %s\n", BITLINE_VERSION);
    printf("job      %s [%s], agent %s, seed %d, %d episodes in rounds of %d\n", s->job->name,
           s->hash, s->job->agent->name, s->job->seed, s->job->episodes, s->job->round);
    printf("net      %s, %s, on chip %s; %zu widths, %zu settings of the chip\n\n", s->net->name,
           net_form_names[s->net->form], s->chip->name, s->space->n_layers, s->space->n_knobs);
    print_front(s);
    if (finals)
        print_finals(finals);
    printf("\nfiles    %s/front.csv, best.yaml, nets/front-*.yaml, episodes.csv, references.csv, "
           "job.yaml%s%s, search.db\n",
           folder, drawn ? ", front.svg, widths.svg, channels.svg" : "",
           finals ? ", final.csv, stage-c" : "");
}
