#include "tools/cli/print_search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "base/mem.h"
#include "base/text.h"
#include "sim/chip/chip.h"
#include "tools/search/agents/agent.h"
#include "tools/search/search_loop.h"
#include "tools/search/export.h"
#include "tools/search/retrain.h"
#include "tools/search/job.h"
#include "tools/study/version.h"
#include "base/visible.h"

static void add_row(struct table *t, const struct search *s, const char *name,
                    const struct search_episode *e)
{
    char knobs[1024];
    table_cell(t, "%s", name);
    table_cell(t, "%.2f %%", 100 * e->accuracy);
    if (s->job->accuracy.has_faults)
        table_cell(t, "%.2f %%", 100 * e->clean_accuracy);
    table_cell(t, "%.4g uJ", 1e6 * e->cost.of[COST_ENERGY]);
    if (e->cost.of[COST_LATENCY] > 0)
        table_cell(t, "%.4g us", 1e6 * e->cost.of[COST_LATENCY]);
    else
        table_cell(t, "-");
    table_cell(t, "%.4g mm2", 1e6 * e->cost.of[COST_AREA]);
    table_cell(t, "%.4g M", (double)e->cost.binary_ops * 1e-6);
    table_cell(t, "%.4g", e->judged.reward);
    if (!s->space->n_knobs)
        return;
    evaluate_knobs_text(s->space, e->choices, knobs, sizeof knobs);
    table_cell(t, "%s", e->ratio > 0 ? "" : knobs);
}

static void say_what_is_left_out(const struct search *s, size_t shown, size_t n)
{
    size_t failed = 0;
    for (size_t r = 0; r < s->n_references; r++)
        failed += s->references[r].failed;
    if (shown < n)
        printf("front    %zu of %zu networks shown, evenly spaced; front.csv lists all\n", shown,
               n);
    if (failed)
        printf(
            "uniform  %zu of %zu uniform networks failed and are not shown; see references.csv\n",
            failed, s->n_references);
}

// About a dozen nets of the front, evenly spaced, including both ends.
static void print_front(const struct search *s)
{
    enum { SHOWN = 12 };
    static const char *const plain[] = {"<net", ">accuracy", ">energy", ">latency", ">area",
                                        ">ops", ">reward",   NULL,      NULL};
    static const char *const faulty[] = {"<net",  ">with faults", ">without", ">energy", ">latency",
                                         ">area", ">ops",         ">reward",  NULL,      NULL};
    const char *headers[sizeof faulty / sizeof *faulty] = {0};
    size_t columns = 0;
    for (const char *const *h = s->job->accuracy.has_faults ? faulty : plain; *h; h++)
        headers[columns++] = *h;
    if (search_assumes(s))
        headers[1] = ">assumed accuracy";
    if (s->space->n_knobs)
        headers[columns] = "<settings";
    int *front = mem_alloc((size_t)s->job->episodes, sizeof *front);
    size_t n = search_front(s, front), shown = n < SHOWN ? n : SHOWN;
    const struct search_episode *best = search_best(s);
    struct table *t = table_create(headers);
    char name[32];
    if (best)
        add_row(t, s, "best", best);
    for (size_t i = 0; i < shown; i++) {
        size_t at = shown > 1 ? i * (n - 1) / (shown - 1) : 0;
        snprintf(name, sizeof name, "front %zu/%zu", at + 1, n);
        add_row(t, s, name, &s->episodes[front[at]]);
    }
    for (const struct search_episode *r = search_wider(s, 0); r; r = search_wider(s, r->ratio)) {
        snprintf(name, sizeof name, "uniform %gx", r->ratio);
        if (!r->failed)
            add_row(t, s, name, r);
    }
    table_print(t, stdout);
    table_destroy(t);
    free(front);
    say_what_is_left_out(s, shown, n);
}

// Accuracy on the chip over all runs, and the standard deviation of single chips.
static void add_robustness(struct table *t, const struct finals *f, const struct retrain_net *net)
{
    struct retrain_robustness r = retrain_robustness(f, net);
    table_cell(t, "%.2f %%", 100 * r.whole);
    table_cell(t, "%.2f %%", 100 * r.mean);
    if (f->seeds * f->trials > 1)
        table_cell(t, "%.2f %%", 100 * r.deviation);
    else
        table_cell(t, "-");
}

static void add_final(struct table *t, const struct finals *f, const struct retrain_net *net)
{
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
    if (f->trials)
        add_robustness(t, f, net);
}

static void print_faults(const struct search *s, const struct faults_params *faults,
                         const char *images)
{
    struct defect_params d = faults_defects(faults, s->chip);
    printf("faults   stuck at low resistance (SA0): %g, at high (SA1): %g; sigma %g; %d %s of seed "
           "%d, ",
           d.stuck_lrs, d.stuck_hrs, d.sigma, faults->trials, faults->trials > 1 ? "chips" : "chip",
           s->job->seed);
    if (faults->images > 0)
        printf("%d %s images\n", faults->images, images);
    else
        printf("all %s images\n", images);
}

// Test accuracy: the mean of all runs, and the run furthest from it.
static void print_finals(const struct search *s, const struct finals *f)
{
    static const char *const headers[] = {
        "<trained", ">test accuracy", ">worst run",   ">in the search", ">energy", ">latency",
        ">area",    ">on the chip",   ">with faults", ">deviation",     NULL};
    const char *shown[sizeof headers / sizeof *headers];
    memcpy(shown, headers, sizeof headers);
    if (search_assumes(s))
        shown[3] = ">assumed in the search";
    if (!f->trials)
        shown[7] = NULL;
    struct table *t = table_create(shown);
    for (size_t i = 0; i < f->n; i++)
        add_final(t, f, &f->nets[i]);
    putchar('\n');
    if (f->trials)
        print_faults(s, &s->job->final.faults, "test");
    table_print(t, stdout);
    table_destroy(t);
}

static void print_warnings(const struct search *s)
{
    const char *why;
    size_t failed = search_failed(s, &why);
    const struct search_episode *best = search_best(s);
    if (failed || (best && best->judged.violation > 0))
        putchar('\n');
    if (failed)
        printf("failed   %zu of %d candidates (episodes.csv); the first: %s\n", failed,
               s->job->episodes, visible(why));
    if (best && best->judged.violation > 0)
        puts("limits   no candidate is within them; the best is the one that exceeds them least");
}

void print_search(const struct search *s, const struct finals *finals, const char *folder,
                  bool drawn, bool retrain_drawn)
{
    printf("bitline %s\n", BITLINE_VERSION);
    printf("job      %s [%s], agent %s, seed %d, %d episodes in rounds of %d\n",
           visible(s->job->name), s->hash, s->job->agent->name, s->job->seed, s->job->episodes,
           s->job->round);
    printf("net      %s, %s, on chip %s; %zu widths, %zu settings of the chip\n",
           visible(s->net->name), net_form_names[s->net->form], visible(s->chip->name),
           s->space->n_layers, s->space->n_knobs);
    if (s->job->accuracy.has_faults)
        print_faults(s, &s->job->accuracy.faults, "held-out");
    putchar('\n');
    print_front(s);
    print_warnings(s);
    if (finals)
        print_finals(s, finals);
    printf("\nfiles    %s/front.csv, best.yaml, nets/front-*.yaml, %sepisodes.csv, references.csv, "
           "job.yaml%s%s, search.db\n",
           visible(folder), search_has_chips(s) ? "best-chip.yaml, nets/front-*-chip.yaml, " : "",
           drawn ? ", front.svg, widths.svg, channels.svg" : "",
           finals ? retrain_drawn ? ", final.csv, final.svg, stage-c" : ", final.csv, stage-c"
                  : "");
}
