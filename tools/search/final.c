#include "tools/search/final.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "sim/base/err.h"
#include "sim/base/file.h"
#include "sim/base/mem.h"
#include "sim/base/text.h"
#include "tools/search/apart.h"
#include "tools/search/drive.h"
#include "tools/search/export.h"
#include "tools/search/job.h"
#include "tools/train/job.h"

#define AT(member) .offset = offsetof(struct final_params, member)
const struct conf_field final_fields[] = {
    {"train", CONF_STR, AT(train), .help = "a training job of the net, without a supernet"},
    {"nets", CONF_INT, AT(nets), .min = 0, .max = 100, .fallback = "3",
     .help = "of the front, evenly, with both ends; the best one comes first anyway"},
    {"uniform", CONF_INTS, AT(uniform), .min = 1, .max = 1000, .optional = true,
     .help = "ratios of uniform nets to compare with, of those that the search compares with"},
    {"epochs", CONF_INT, AT(epochs), .min = 1, .max = 1000000, .optional = true,
     .present = offsetof(struct final_params, has_epochs), .help = "in place of the job's"},
    {"seeds", CONF_INT, AT(seeds), .min = 1, .max = 100, .fallback = "1",
     .help = "each net is trained so often, with the training job's seed and those that follow"},
    {0},
};
#undef AT

// --- Training jobs ---

static bool load_job(const struct search *s, const int *widths, int seed, struct train_job **out,
                     struct err *err)
{
    const struct final_params *p = &s->job->final;
    char text[MOST_DECISIONS * 8];
    const char *sets[3];
    size_t n = 0;
    struct arena *mem = arena_create();
    evaluate_widths_text(s->space, widths, text, sizeof text);
    sets[n++] = arena_printf(mem, "widths=[%s]", text);
    if (p->has_epochs)
        sets[n++] = arena_printf(mem, "epochs=%d", p->epochs);
    if (seed >= 0)
        sets[n++] = arena_printf(mem, "seed=%d", seed);
    bool ok = train_job_load(p->train, sets, n, out, err);
    arena_destroy(mem);
    return ok;
}

static const struct search_episode *uniform(const struct search *s, int ratio)
{
    for (size_t r = 0; r < s->n_references; r++)
        if (fabs(s->references[r].ratio - ratio) < 1e-9)
            return &s->references[r];
    return NULL;
}

bool final_check(const struct search *s, struct err *err)
{
    const struct search_job *job = s->job;
    const struct conf_node *at = conf_find(job->conf->root, "final.train");
    const struct conf_ints *ratios = &job->final.uniform;
    struct train_job *train = NULL;
    if (!job->has_final)
        return true;
    for (size_t i = 0; i < ratios->n; i++)
        if (!uniform(s, ratios->v[i]))
            return conf_fail(conf_find(job->conf->root, "final.uniform"), err,
                             "%d is no ratio that the search compares with: 1, and whole ones in "
                             "its space",
                             ratios->v[i]);
    if (!load_job(s, s->references[0].widths, -1, &train, err))
        return false;
    const struct recipe *r = &train->recipe;
    bool ok = !r->has_supernet && train->net->hash == s->net->hash;
    if (r->has_supernet)
        conf_fail(at, err, "'%s' trains a super-net; give a job without a section supernet",
                  r->name);
    else if (!ok)
        conf_fail(at, err,
                  "it trains '%s' (%s), which is not the net that is searched, '%s' (%s); name "
                  "the same net, form and keys in both jobs",
                  train->net->name, net_form_names[train->net->form], s->net->name,
                  net_form_names[s->net->form]);
    if (ok && r->seed > INT_MAX - job->final.seeds)
        ok = conf_fail(at, err, "its seed %d leaves no room for %d seeds; make it smaller", r->seed,
                       job->final.seeds);
    train_job_destroy(train);
    return ok;
}

// --- Which nets ---

static void add(struct finals *f, const struct search *s, const char *name,
                const struct search_episode *e)
{
    size_t bytes = s->space->n_layers * sizeof *e->widths;
    for (size_t i = 0; i < f->n; i++)
        if (!memcmp(f->nets[i].episode->widths, e->widths, bytes) &&
            (e->ratio > 0) == (f->nets[i].episode->ratio > 0))
            return;
    f->nets[f->n++] = (struct final_net){
        .name = name,
        .episode = e,
        .accuracies = arena_alloc(f->mem, f->seeds, sizeof *f->nets->accuracies),
    };
}

static struct finals *choose(const struct search *s)
{
    const struct final_params *p = &s->job->final;
    struct arena *mem = arena_create();
    struct finals *f = arena_alloc(mem, 1, sizeof *f);
    int *front = arena_alloc(mem, (size_t)s->job->episodes, sizeof *front);
    size_t n = search_front(s, front), wanted = (size_t)p->nets < n ? (size_t)p->nets : n;
    const struct search_episode *best = search_best(s);
    *f = (struct finals){.seeds = (size_t)p->seeds, .mem = mem};
    f->nets = arena_alloc(mem, 1 + wanted + p->uniform.n, sizeof *f->nets);
    if (best)
        add(f, s, "best", best);
    for (size_t i = 0; i < wanted; i++) {
        size_t at = wanted > 1 ? i * (n - 1) / (wanted - 1) : 0;
        add(f, s, arena_printf(mem, "front-%03zu", at + 1), &s->episodes[front[at]]);
    }
    for (size_t i = 0; i < p->uniform.n; i++)
        add(f, s, arena_printf(mem, "uniform-%dx", p->uniform.v[i]), uniform(s, p->uniform.v[i]));
    return f;
}

void finals_destroy(struct finals *finals)
{
    if (finals)
        arena_destroy(finals->mem);
}

// --- Training them ---

static void number(FILE *out, double value)
{
    char text[40];
    fprintf(out, ",%s", text_double(text, sizeof text, value));
}

static bool write_csv(const struct search *s, const struct finals *f, const char *folder,
                      const char *version, struct err *err)
{
    char widths[MOST_DECISIONS * 8];
    struct file_out *file = file_create(arena_printf(f->mem, "%s/final.csv", folder), err);
    if (!file)
        return false;
    FILE *out = file_stream(file);
    fprintf(out, "# bitline %s, job %s [%s]\n", version, s->job->name, s->hash);
    fprintf(out, "net,widths,run,test_accuracy,search_accuracy,energy_j,latency_s,area_m2,"
                 "binary_ops\n");
    for (size_t i = 0; i < f->n * f->seeds; i++) {
        const struct final_net *net = &f->nets[i / f->seeds];
        const struct search_episode *e = net->episode;
        evaluate_widths_text(s->space, e->widths, widths, sizeof widths);
        fprintf(out, "%s,", net->name);
        csv_field(out, widths);
        fprintf(out, ",%zu", i % f->seeds + 1);
        number(out, net->accuracies[i % f->seeds]);
        if (e->failed) // a uniform net that the super-net does not hold
            fputc(',', out);
        else
            number(out, e->accuracy);
        number(out, e->cost.of[COST_ENERGY]);
        number(out, e->cost.of[COST_LATENCY]);
        number(out, e->cost.of[COST_AREA]);
        fprintf(out, ",%" PRId64 "\n", e->cost.binary_ops);
    }
    return file_commit(file, err);
}

// The seed is the training job's own and those that follow.
static bool train_one(const struct search *s, const struct final_net *net, int k,
                      const char *folder, const struct apart *how, struct trained *out,
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
    bool ok = apart_train(job, folder, how, true, out, err);
    train_job_destroy(job);
    return ok;
}

static bool train_all(const struct search *s, struct finals *f, const char *folder,
                      const struct apart *how, void (*next)(const char *name, int run), bool *done,
                      struct err *err)
{
    *done = false;
    for (size_t i = 0; i < f->n * f->seeds; i++) {
        struct final_net *net = &f->nets[i / f->seeds];
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

bool final_run(const struct search *s, const char *folder, const char *version,
               const struct apart *how, void (*next)(const char *name, int run), bool *done,
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
