#include "tools/search/retrain.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "sim/chip/chip.h"
#include "tools/study/accuracy.h"
#include "tools/search/subprocess.h"
#include "tools/search/search_loop.h"
#include "tools/search/export.h"
#include "tools/search/job.h"
#include "tools/train/job.h"
#include "workloads/dataset.h"
#include "base/visible.h"

#define AT(member) .offset = offsetof(struct retrain_params, member)
const struct conf_field retrain_fields[] = {
    {"train", CONF_STR, AT(train), .help = "a training job of the net, without a supernet"},
    {"set", CONF_NODE, AT(set), .optional = true, .word = "a map of PATH: VALUE",
     .help = "overrides of keys of that job, such as {epochs: 20}"},
    {"nets", CONF_INT, AT(nets), .min = 0, .max = 100, .fallback = "3",
     .help = "nets of the front, evenly spaced, with both ends; the best net is always added"},
    {"uniform", CONF_NUMS, AT(uniform), .min = 0.01, .max = 1000, .optional = true,
     .help =
         "ratios of uniform nets to compare with, such as [0.5, 1, 1.5]: 1, and any in the space"},
    {"seeds", CONF_INT, AT(seeds), .min = 1, .max = 100, .fallback = "1",
     .help = "training runs per net, with consecutive seeds from the training job's on"},
    {"faults", CONF_SECTION, AT(faults), .fields = faults_fields, .optional = true,
     .present = offsetof(struct retrain_params, has_faults),
     .help = "also evaluate each net in the crossbars of its chip, without and with these faults"},
    {0},
};
#undef AT

// --- Training jobs ---

static bool load_job(const struct search *s, const int *widths, int seed, struct train_job **out,
                     struct err *err)
{
    const struct retrain_params *p = &s->job->final;
    char text[MOST_DECISIONS * 8];
    struct arena *mem = arena_create();
    size_t n = p->sets.n;
    const char **sets = arena_alloc(mem, n + 2, sizeof *sets);
    if (n)
        memcpy(sets, p->sets.items, n * sizeof *sets);
    evaluate_widths_text(s->space, widths, text, sizeof text);
    sets[n++] = arena_printf(mem, "widths=[%s]", text);
    if (seed >= 0)
        sets[n++] = arena_printf(mem, "seed=%d", seed);
    bool ok = train_job_load(p->train, sets, n, out, err);
    arena_destroy(mem);
    return ok;
}

static const struct search_episode *uniform(const struct search *s, double ratio)
{
    for (size_t r = 0; r < s->n_references; r++)
        if (fabs(s->references[r].ratio - ratio) < 1e-9)
            return &s->references[r];
    return NULL;
}

static bool check_faults(const struct search_job *job, const struct train_job *train,
                         struct err *err)
{
    static const char section[] = "final.faults";
    const struct faults_params *faults = &job->final.faults;
    return !job->final.has_faults || (faults_enough(faults, conf_find(job->conf->root, section),
                                                    train->test->n, "test images", err) &&
                                      evaluate_faults(job, section, faults, train->data, err));
}

bool retrain_check(const struct search *s, struct err *err)
{
    const struct search_job *job = s->job;
    const struct conf_node *at = conf_find(job->conf->root, "final.train");
    const struct conf_nums *ratios = &job->final.uniform;
    struct train_job *train = NULL;
    if (!job->has_final)
        return true;
    for (size_t i = 0; i < ratios->n; i++)
        if (!uniform(s, ratios->v[i]))
            return conf_fail(
                conf_find(job->conf->root, "final.uniform"), err,
                "%g is not a ratio of the search's uniform nets: 1, and those of its space",
                ratios->v[i]);
    struct err why = {0};
    if (!load_job(s, s->references[0].widths, -1, &train, &why))
        return conf_wrap(at, err, &why, "at the widths of a net found by the search: %s", why.text);
    const struct recipe *r = &train->recipe;
    bool ok = !r->has_supernet && train->net->hash == s->net->hash;
    if (r->has_supernet)
        conf_fail(at, err, "'%s' trains a super-net; give a job without a section supernet",
                  r->name);
    else if (!ok)
        conf_fail(at, err,
                  "it trains '%s' (%s), not the searched net, '%s' (%s); name "
                  "the same net, form and keys in both jobs",
                  train->net->name, net_form_names[train->net->form], s->net->name,
                  net_form_names[s->net->form]);
    if (ok && r->seed > INT_MAX - job->final.seeds)
        ok =
            conf_fail(at, err, "its seed %d is too large for %d consecutive seeds; make it smaller",
                      r->seed, job->final.seeds);
    ok = ok && check_faults(job, train, err);
    train_job_destroy(train);
    return ok;
}

// --- Which nets ---

static void add(struct finals *f, const struct search *s, const char *name,
                const struct search_episode *e)
{
    assert(e); // retrain_check() refused ratios without a reference
    size_t bytes = s->space->n_layers * sizeof *e->widths;
    size_t settings = s->space->n_knobs * sizeof *e->choices;
    for (size_t i = 0; i < f->n; i++)
        if (!memcmp(f->nets[i].episode->widths, e->widths, bytes) &&
            !memcmp(f->nets[i].episode->choices, e->choices, settings) &&
            (e->ratio > 0) == (f->nets[i].episode->ratio > 0))
            return;
    f->nets[f->n++] = (struct retrain_net){
        .name = name,
        .episode = e,
        .accuracies = arena_alloc(f->mem, f->seeds, sizeof *f->nets->accuracies),
    };
    if (!f->trials)
        return;
    struct retrain_net *net = &f->nets[f->n - 1];
    double *all = arena_alloc(f->mem, f->seeds * f->trials, sizeof *all);
    net->robust = arena_alloc(f->mem, f->seeds, sizeof *net->robust);
    for (size_t k = 0; k < f->seeds; k++)
        net->robust[k].accuracies = all + k * f->trials;
}

static struct finals *choose(const struct search *s)
{
    const struct retrain_params *p = &s->job->final;
    struct arena *mem = arena_create();
    struct finals *f = arena_alloc(mem, 1, sizeof *f);
    int *front = arena_alloc(mem, (size_t)s->job->episodes, sizeof *front);
    size_t n = search_front(s, front), wanted = (size_t)p->nets < n ? (size_t)p->nets : n;
    const struct search_episode *best = search_best(s);
    *f = (struct finals){.seeds = (size_t)p->seeds, .mem = mem};
    f->trials = p->has_faults ? (size_t)p->faults.trials : 0;
    f->nets = arena_alloc(mem, 1 + wanted + p->uniform.n, sizeof *f->nets);
    if (best)
        add(f, s, "best", best);
    for (size_t i = 0; i < wanted; i++) {
        size_t at = wanted > 1 ? i * (n - 1) / (wanted - 1) : 0;
        add(f, s, arena_printf(mem, "front-%03zu", at + 1), &s->episodes[front[at]]);
    }
    for (size_t i = 0; i < p->uniform.n; i++)
        add(f, s, arena_printf(mem, "uniform-%gx", p->uniform.v[i]), uniform(s, p->uniform.v[i]));
    return f;
}

void finals_destroy(struct finals *finals)
{
    if (finals)
        arena_destroy(finals->mem);
}

// --- Training them ---

static void fault_accuracy_columns(const struct finals *f, const struct fault_accuracy *r,
                                   FILE *out)
{
    double mean, deviation;
    fault_accuracy_spread(f->trials, r->accuracies, &mean, &deviation);
    search_csv_number(out, true, r->whole);
    search_csv_number(out, true, mean);
    search_csv_number(out, true, deviation);
}

static bool write_csv(const struct search *s, const struct finals *f, const char *folder,
                      const char *version, struct err *err)
{
    char widths[MOST_DECISIONS * 8], knobs[1024];
    struct file_out *file = file_create(arena_printf(f->mem, "%s/final.csv", folder), err);
    if (!file)
        return false;
    FILE *out = file_stream(file);
    fprintf(out, "# bitline %s, job %s [%s]%s\n", version, visible(s->job->name), s->hash,
            search_assumes(s) ? "; search_accuracy is assumed (closed form)" : "");
    fprintf(out,
            "net,widths,run,test_accuracy,search_accuracy,energy_j,latency_s,area_m2,"
            "binary_ops%s%s\n",
            s->space->n_knobs ? ",knobs" : "",
            f->trials ? ",chip_accuracy,fault_accuracy,fault_deviation" : "");
    for (size_t i = 0; i < f->n * f->seeds; i++) {
        const struct retrain_net *net = &f->nets[i / f->seeds];
        const struct search_episode *e = net->episode;
        evaluate_widths_text(s->space, e->widths, widths, sizeof widths);
        fprintf(out, "%s,", net->name);
        csv_field(out, widths);
        fprintf(out, ",%zu", i % f->seeds + 1);
        search_csv_number(out, true, net->accuracies[i % f->seeds]);
        search_csv_number(out, !e->failed,
                          e->accuracy); // a super-net may not contain a uniform net
        search_csv_number(out, true, e->cost.of[COST_ENERGY]);
        search_csv_number(out, e->cost.of[COST_LATENCY] > 0, e->cost.of[COST_LATENCY]);
        search_csv_number(out, true, e->cost.of[COST_AREA]);
        fprintf(out, ",%" PRId64, e->cost.binary_ops);
        if (s->space->n_knobs) {
            evaluate_knobs_text(s->space, e->choices, knobs, sizeof knobs);
            fputc(',', out);
            csv_field(out, e->ratio > 0 ? "" : knobs);
        }
        if (f->trials)
            fault_accuracy_columns(f, &net->robust[i % f->seeds], out);
        fputc('\n', out);
    }
    return file_commit(file, err);
}

// Evaluates the weights in the folder on test images, on the chip with the candidate's settings.
static bool try_chip(const struct search *s, const struct retrain_net *net,
                     const struct train_job *job, const char *folder, const struct subprocess *how,
                     struct fault_accuracy *out, struct err *err)
{
    const struct search_episode *e = net->episode;
    struct arena *mem = arena_create();
    struct model_parts parts = {
        .data = job->test, .train = job->data, .seed = (uint64_t)s->job->seed};
    const char *weights = arena_printf(mem, "%s/weights.safetensors", folder);
    const unsigned short *choices = e->ratio > 0 ? NULL : e->choices;
    bool ok = evaluate_chip(s->job, s->space, choices, &parts.chip_take, err) &&
              weights_load(weights, job->net, &parts.weights_take, err) &&
              train_job_resize(job, e->widths, &parts.net_take, err);
    if (ok) {
        ok = fault_accuracy_apart(&s->job->final.faults, &parts, how, out, err);
    } else {
        chip_destroy(parts.chip_take);
        weights_destroy(parts.weights_take);
    }
    arena_destroy(mem);
    return ok;
}

// Seeds are consecutive, from the training job's on.
static bool train_one(const struct search *s, const struct retrain_net *net, int k,
                      const char *folder, const struct subprocess *how, struct trained *out,
                      struct err *err)
{
    struct train_job *job = NULL;
    if (!load_job(s, net->episode->widths, -1, &job, err))
        return false;
    int seed = job->recipe.seed + k;
    if (k > 0) {
        train_job_destroy(job);
        job = NULL;
        if (!load_job(s, net->episode->widths, seed, &job, err))
            return false;
    }
    bool ok = subprocess_train(job, folder, how, true, out, err);
    if (ok && out->done && net->robust) {
        ok = try_chip(s, net, job, folder, how, &net->robust[k], err);
        out->done = ok && net->robust[k].done;
    }
    train_job_destroy(job);
    return ok;
}

struct retrain_robustness retrain_robustness(const struct finals *f, const struct retrain_net *net)
{
    struct retrain_robustness r = {0};
    for (size_t k = 0; k < f->seeds; k++)
        r.whole += net->robust[k].whole / (double)f->seeds;
    fault_accuracy_spread(f->seeds * f->trials, net->robust->accuracies, &r.mean, &r.deviation);
    return r;
}

static bool train_all(const struct search *s, struct finals *f, const char *folder,
                      const struct subprocess *how, void (*next)(const char *name, int run),
                      bool *done, struct err *err)
{
    *done = false;
    for (size_t i = 0; i < f->n * f->seeds; i++) {
        struct retrain_net *net = &f->nets[i / f->seeds];
        int k = (int)(i % f->seeds);
        struct trained trained = {0};
        const char *to = arena_printf(f->mem, "%s/stage-c/%s-run%d", folder, net->name, k + 1);
        if (next)
            next(net->name, k + 1);
        if (!train_one(s, net, k, to, how, &trained, err))
            return false;
        if (!trained.done)
            return true;
        net->accuracies[k] = trained.test_accuracy;
        net->accuracy += trained.test_accuracy / (double)f->seeds;
    }
    *done = true;
    return true;
}

bool retrain_run(const struct search *s, const char *folder, const char *version,
                 const struct subprocess *how, void (*next)(const char *name, int run), bool *done,
                 struct finals **out, struct err *err)
{
    struct finals *f = choose(s);
    bool ok = train_all(s, f, folder, how, next, done, err) &&
              (!*done || write_csv(s, f, folder, version, err));
    if (ok)
        *out = f;
    else
        finals_destroy(f);
    return ok;
}
