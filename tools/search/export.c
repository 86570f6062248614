#include "tools/search/export.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/warn.h"
#include "nets/net.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/text_stream.h"
#include "sim/chip/chip.h"
#include "base/catalog/catalog.h"
#include "tools/study/inputs.h"
#include "tools/search/agents/agent.h"
#include "tools/search/search_loop.h"
#include "tools/search/retrain.h"
#include "tools/search/job.h"
#include "tools/search/agents/pareto.h"
#include "tools/search/space.h"
#include "base/visible.h"

// Candidates that exceed a limit are in the tables, but not on the front.
size_t search_front(const struct search *s, int *front)
{
    size_t n = (size_t)s->job->episodes, used = 0;
    struct point *points = mem_alloc(n, sizeof *points);
    size_t *which = mem_alloc(n, sizeof *which), *chosen = mem_alloc(n, sizeof *chosen);
    for (size_t e = 0; e < n; e++) {
        const struct search_episode *one = &s->episodes[e];
        if (!one->done || one->failed || one->judged.violation > 0)
            continue;
        points[used] = (struct point){one->judged.objectives[1], one->judged.objectives[0]};
        which[used++] = e;
    }
    size_t found = pareto_front(points, used, chosen);
    for (size_t i = 0; i < found; i++)
        front[i] = (int)which[chosen[i]];
    free(points);
    free(which);
    free(chosen);
    return found;
}

const struct search_episode *search_wider(const struct search *s, double ratio)
{
    const struct search_episode *next = NULL;
    for (size_t r = 0; r < s->n_references; r++) {
        const struct search_episode *one = &s->references[r];
        if (one->ratio > ratio && (!next || one->ratio < next->ratio))
            next = one;
    }
    return next;
}

// --- Tables ---

void search_csv_number(FILE *out, bool known, double value)
{
    char text[40];
    fprintf(out, ",%s", known ? text_double(text, sizeof text, value) : "");
}

// The widths of a candidate in one field, in the syntax of --widths.
static void csv_row(const struct search *s, const struct search_episode *e, FILE *out)
{
    bool reference = e->ratio > 0;
    char widths[MOST_DECISIONS * 8], knobs[1024] = "";
    evaluate_widths_text(s->space, e->widths, widths, sizeof widths);
    if (!reference)
        evaluate_knobs_text(s->space, e->choices, knobs, sizeof knobs);
    csv_field(out, widths);
    search_csv_number(out, !e->failed, e->accuracy);
    for (int m = 0; m < COST_METRICS; m++)
        search_csv_number(out, e->cost.of[m] > 0, e->cost.of[m]);
    if (e->cost.binary_ops > 0)
        fprintf(out, ",%" PRId64, e->cost.binary_ops);
    else
        fputc(',', out);
    search_csv_number(out, !e->failed, e->judged.reward);
    fputc(',', out);
    if (*knobs)
        csv_field(out, knobs);
}

// Columns that only some jobs have come last.
static void csv_end(const struct search *s, const struct search_episode *e, FILE *out)
{
    if (s->job->accuracy.has_faults)
        search_csv_number(out, !e->failed, e->clean_accuracy);
    if (reward_limited(&s->job->reward))
        search_csv_number(out, !e->failed, e->judged.violation);
    fputc('\n', out);
}

static void csv_head(const struct search *s, const char *version, const char *last, FILE *out)
{
    fprintf(out, "# bitline %s, job %s [%s], agent %s, seed %d%s\n", version, visible(s->job->name),
            s->hash, s->job->agent->name, s->job->seed,
            search_assumes(s) ? "; accuracy is assumed (closed form, nothing trained)" : "");
    fprintf(out, "widths,accuracy,energy_j,latency_s,area_m2,binary_ops,reward,knobs,%s%s%s\n",
            last, s->job->accuracy.has_faults ? ",clean_accuracy" : "",
            reward_limited(&s->job->reward) ? ",violation" : "");
}

static void write_front(const struct search *s, const char *version, FILE *out)
{
    int *front = mem_alloc((size_t)s->job->episodes, sizeof *front);
    size_t n = search_front(s, front);
    csv_head(s, version, "episode", out);
    for (size_t i = 0; i < n; i++) {
        csv_row(s, &s->episodes[front[i]], out);
        fprintf(out, ",%d", front[i]);
        csv_end(s, &s->episodes[front[i]], out);
    }
    free(front);
}

static void write_episodes(const struct search *s, const char *version, FILE *out)
{
    csv_head(s, version, "episode,failed", out);
    for (int e = 0; e < s->job->episodes; e++) {
        csv_row(s, &s->episodes[e], out);
        fprintf(out, ",%d,", e);
        csv_field(out, s->episodes[e].failed ? s->episodes[e].why : "");
        csv_end(s, &s->episodes[e], out);
    }
}

static void write_references(const struct search *s, const char *version, FILE *out)
{
    csv_head(s, version, "ratio,failed", out);
    for (size_t r = 0; r < s->n_references; r++) {
        csv_row(s, &s->references[r], out);
        fprintf(out, ",%g,", s->references[r].ratio);
        csv_field(out, s->references[r].failed ? s->references[r].why : "");
        csv_end(s, &s->references[r], out);
    }
}

static void write_job(const struct search *s, const char *version, FILE *out)
{
    (void)version;
    conf_print(s->job->conf->root, search_fields, false, out);
}

static bool write_file(const struct search *s, const char *folder, const char *name,
                       const char *version,
                       void (*write)(const struct search *s, const char *version, FILE *out),
                       struct err *err)
{
    struct arena *mem = arena_create();
    struct file_out *out = file_create(arena_printf(mem, "%s/%s", folder, name), err);
    arena_destroy(mem);
    if (!out)
        return false;
    write(s, version, file_stream(out));
    return file_commit(out, err);
}

// --- Nets ---

// The net's file with other output channels.
static bool set_widths(const struct search *s, struct conf *conf, const struct search_episode *e,
                       struct err *err)
{
    const struct conf_node *layers = conf_find(conf->root, "layers");
    for (size_t k = 0; k < s->space->n_layers; k++)
        for (size_t i = 0; layers && i < layers->n; i++) {
            const struct conf_node *name = conf_find(layers->children[i], "name");
            char path[64], value[24];
            if (!name || strcmp(name->text, s->space->layers[k].name) != 0)
                continue;
            snprintf(path, sizeof path, "layers.%zu.out", i);
            snprintf(value, sizeof value, "%d", e->widths[k]);
            if (!conf_set(conf, path, value, err))
                return false;
        }
    return true;
}

static bool write_conf(const struct conf *conf, const char *path, struct err *err)
{
    struct file_out *out = file_create(path, err);
    if (!out)
        return false;
    conf_print(conf->root, NULL, false, file_stream(out));
    return file_commit(out, err);
}

// The file of a net at an episode's widths; NULL and why on failure.
static struct conf *net_conf(const struct search *s, const char *file,
                             const struct search_episode *e, struct err *err)
{
    struct conf *conf = catalog_open(inputs_catalog(), CATALOG_NET, s->job->net, err);
    struct arena *mem = arena_create();
    const char *text =
        arena_printf(mem, "episode %d of %s: %s at searched widths",
                     e->ratio > 0 ? 0 : (int)(e - s->episodes), s->job->name, s->net->name);
    const char *name = arena_printf(mem, "%s-%s", s->job->name, file);
    bool ok = conf && set_widths(s, conf, e, err) &&
              conf_set(conf, "name", escape_yaml(mem, name), err) &&
              conf_set(conf, "description", escape_yaml_quoted(mem, text), err) &&
              conf_set(conf, "default_form", net_form_names[s->net->form], err);
    for (size_t i = 0; ok && i < s->job->sets.n; i++) {
        const char *set = s->job->sets.items[i], *equals = strchr(set, '=');
        if (!strncmp(set, "net.", 4))
            ok = conf_set(conf, arena_strndup(mem, set + 4, (size_t)(equals - set) - 4), equals + 1,
                          err);
    }
    arena_destroy(mem);
    if (ok)
        return conf;
    conf_close(conf);
    return NULL;
}

static bool write_net(const struct search *s, const char *folder, const char *file, int episode,
                      struct err *err)
{
    struct conf *conf = net_conf(s, file, &s->episodes[episode], err);
    struct arena *mem = arena_create();
    bool ok = conf && write_conf(conf, arena_printf(mem, "%s/%s.yaml", folder, file), err);
    conf_close(conf);
    arena_destroy(mem);
    return ok;
}

// The file of the chip on which the net was evaluated, if it differs from the job's chip.
static struct conf *chip_conf(const struct search *s, const char *file,
                              const struct search_episode *e, struct err *err)
{
    struct arena *mem = arena_create();
    const char *name = arena_printf(mem, "%s-%s", s->job->name, file);
    const char *head = arena_printf(mem, "extends: %s\nname: %s\n", escape_yaml(mem, s->job->chip),
                                    escape_yaml(mem, name));
    struct conf *conf = conf_parse(file, head, strlen(head), err);
    bool ok = conf != NULL;
    for (size_t i = 0; ok && i < s->job->sets.n; i++) {
        const char *set = s->job->sets.items[i], *equals = strchr(set, '=');
        if (strncmp(set, "net.", 4) != 0)
            ok = conf_set(conf, arena_strndup(mem, set, (size_t)(equals - set)), equals + 1, err);
    }
    for (size_t k = 0; ok && k < s->space->n_knobs; k++)
        ok = conf_set(conf, s->space->knobs[k].path, s->space->knobs[k].values[e->choices[k]], err);
    arena_destroy(mem);
    if (ok)
        return conf;
    conf_close(conf);
    return NULL;
}

static bool write_chip(const struct search *s, const char *folder, const char *file, int episode,
                       struct err *err)
{
    if (!search_has_chips(s))
        return true;
    struct conf *conf = chip_conf(s, file, &s->episodes[episode], err);
    struct arena *mem = arena_create();
    bool ok = conf && write_conf(conf, arena_printf(mem, "%s/%s-chip.yaml", folder, file), err);
    conf_close(conf);
    arena_destroy(mem);
    return ok;
}

// Whether a tree written by conf_print is read back as the same tree.
static bool reads_back(const struct conf *conf, struct err *err)
{
    size_t n;
    struct text_stream *stream = text_stream_create();
    conf_print(conf->root, NULL, false, text_stream_file(stream));
    char *text = text_stream_finish(stream, &n);
    struct conf *again = conf_parse("export", text, n, err);
    bool ok = again && conf_hash(again->root, NULL) == conf_hash(conf->root, NULL);
    if (again && !ok)
        err_set(err, "the file of a net or chip cannot be read back unchanged");
    conf_close(again);
    free(text);
    return ok;
}

bool search_export_check(const struct search *s, const char *folder, struct err *err)
{
    static const char *const names[] = {"front.csv",  "episodes.csv", "references.csv", "job.yaml",
                                        "best.yaml",  "front.dat",    "front.gp",       "front.svg",
                                        "widths.svg", "channels.svg", "final.csv",      NULL};
    const struct search_episode *e = &s->references[0];
    struct err why = {0};
    struct conf *net = net_conf(s, "best", e, &why);
    struct conf *chip = net && search_has_chips(s) ? chip_conf(s, "best", e, &why) : NULL;
    bool ok = net && reads_back(net, &why) && (!search_has_chips(s) || chip) &&
              (!chip || reads_back(chip, &why));
    if (!ok)
        err_wrap(err, &why, "the nets found cannot be written: %s", why.text);
    conf_close(net);
    conf_close(chip);
    return ok && file_try_all(folder, names, err);
}

bool search_has_chips(const struct search *s)
{
    size_t sets = 0;
    for (size_t i = 0; i < s->job->sets.n; i++)
        sets += strncmp(s->job->sets.items[i], "net.", 4) != 0;
    return sets + s->space->n_knobs > 0;
}

static bool write_nets(const struct search *s, const char *folder, struct err *err)
{
    const struct search_episode *best = search_best(s);
    struct arena *mem = arena_create();
    int *front = arena_alloc(mem, (size_t)s->job->episodes, sizeof *front);
    size_t n = search_front(s, front);
    const char *nets = arena_printf(mem, "%s/nets", folder);
    int at = best ? (int)(best - s->episodes) : 0;
    bool ok =
        !best || (write_net(s, folder, "best", at, err) && write_chip(s, folder, "best", at, err));
    ok = ok && (!n || file_make_folder(nets, err));
    file_tidy(nets);
    for (size_t i = 0; ok && i < n; i++) {
        const char *file = arena_printf(mem, "front-%03zu", i + 1);
        ok = write_net(s, nets, file, front[i], err) && write_chip(s, nets, file, front[i], err);
    }
    arena_destroy(mem);
    return ok;
}

bool search_export(const struct search *s, const char *folder, const char *version, struct err *err)
{
    return write_file(s, folder, "front.csv", version, write_front, err) &&
           write_file(s, folder, "episodes.csv", version, write_episodes, err) &&
           write_file(s, folder, "references.csv", version, write_references, err) &&
           write_file(s, folder, "job.yaml", version, write_job, err) && write_nets(s, folder, err);
}

// --- JSON ---

static void json_knobs(struct jsonw *w, const struct search *s, const struct search_episode *e)
{
    char knobs[1024];
    if (!s->space->n_knobs || e->ratio > 0)
        return;
    evaluate_knobs_text(s->space, e->choices, knobs, sizeof knobs);
    jsonw_string(w, "knobs", knobs);
}

static void json_candidate(struct jsonw *w, const struct search *s, const char *key,
                           const struct search_episode *e)
{
    jsonw_object(w, key);
    if (e->ratio > 0)
        jsonw_number(w, "ratio", e->ratio);
    else
        jsonw_int(w, "episode", e - s->episodes);
    jsonw_array(w, "widths");
    for (size_t k = 0; k < s->space->n_layers; k++)
        jsonw_int(w, NULL, e->widths[k]);
    jsonw_end(w);
    json_knobs(w, s, e);
    jsonw_number(w, "accuracy", e->accuracy);
    if (s->job->accuracy.has_faults)
        jsonw_number(w, "clean_accuracy", e->clean_accuracy);
    jsonw_number(w, "energy_j", e->cost.of[COST_ENERGY]);
    if (e->cost.of[COST_LATENCY] > 0)
        jsonw_number(w, "latency_s", e->cost.of[COST_LATENCY]);
    jsonw_number(w, "area_m2", e->cost.of[COST_AREA]);
    jsonw_int(w, "binary_ops", e->cost.binary_ops);
    jsonw_number(w, "reward", e->judged.reward);
    if (reward_limited(&s->job->reward))
        jsonw_number(w, "violation", e->judged.violation);
    jsonw_end(w);
}

// The requested faults; the injected ones are reported per net.
static void json_faults(struct jsonw *w, const struct search *s, const struct faults_params *faults)
{
    struct defect_params d = faults_defects(faults, s->chip);
    jsonw_object(w, "faults");
    jsonw_number(w, "stuck_lrs", d.stuck_lrs);
    jsonw_number(w, "stuck_hrs", d.stuck_hrs);
    jsonw_number(w, "sigma", d.sigma);
    jsonw_int(w, "trials", faults->trials);
    if (faults->images > 0)
        jsonw_int(w, "images", faults->images);
    jsonw_end(w);
}

static void json_injected(struct jsonw *w, const struct finals *f, const struct retrain_net *net)
{
    struct fault_counts cells = {0};
    for (size_t k = 0; k < f->seeds; k++)
        fault_add(&cells, &net->robust[k].cells);
    jsonw_object(w, "injected");
    jsonw_int(w, "cells", cells.cells);
    jsonw_int(w, "stuck_lrs", cells.lrs);
    jsonw_int(w, "stuck_hrs", cells.hrs);
    jsonw_end(w);
}

static void json_robustness(struct jsonw *w, const struct search *s, const struct finals *f,
                            const struct retrain_net *net)
{
    struct retrain_robustness r = retrain_robustness(f, net);
    jsonw_object(w, "robustness");
    json_faults(w, s, &s->job->final.faults);
    json_injected(w, f, net);
    jsonw_number(w, "chip_accuracy", r.whole);
    jsonw_number(w, "fault_accuracy", r.mean);
    jsonw_number(w, "fault_deviation", r.deviation);
    jsonw_array(w, "runs");
    for (size_t k = 0; k < f->seeds; k++) {
        jsonw_object(w, NULL);
        jsonw_number(w, "chip_accuracy", net->robust[k].whole);
        jsonw_array(w, "trials");
        for (size_t t = 0; t < f->trials; t++)
            jsonw_number(w, NULL, net->robust[k].accuracies[t]);
        jsonw_end(w);
        jsonw_end(w);
    }
    jsonw_end(w);
    jsonw_end(w);
}

static void json_finals(struct jsonw *w, const struct search *s, const struct finals *f)
{
    jsonw_array(w, "final");
    for (size_t i = 0; i < f->n; i++) {
        jsonw_object(w, NULL);
        jsonw_string(w, "net", f->nets[i].name);
        jsonw_array(w, "widths");
        for (size_t k = 0; k < s->space->n_layers; k++)
            jsonw_int(w, NULL, f->nets[i].episode->widths[k]);
        jsonw_end(w);
        json_knobs(w, s, f->nets[i].episode);
        jsonw_array(w, "test_accuracies");
        for (size_t k = 0; k < f->seeds; k++)
            jsonw_number(w, NULL, f->nets[i].accuracies[k]);
        jsonw_end(w);
        jsonw_number(w, "test_accuracy", f->nets[i].accuracy);
        jsonw_number(w, "energy_j", f->nets[i].episode->cost.of[COST_ENERGY]);
        if (f->nets[i].episode->cost.of[COST_LATENCY] > 0)
            jsonw_number(w, "latency_s", f->nets[i].episode->cost.of[COST_LATENCY]);
        jsonw_number(w, "area_m2", f->nets[i].episode->cost.of[COST_AREA]);
        if (f->trials)
            json_robustness(w, s, f, &f->nets[i]);
        jsonw_end(w);
    }
    jsonw_end(w);
}

void search_json(const struct search *s, const struct finals *finals, const char *version,
                 FILE *out)
{
    int *front = mem_alloc((size_t)s->job->episodes, sizeof *front);
    const char *why;
    size_t n = search_front(s, front), failed = search_failed(s, &why);
    const struct search_episode *best = search_best(s);
    struct jsonw *w = jsonw_create(out, 2);
    jsonw_object(w, NULL);
    jsonw_string(w, "version", version);
    jsonw_string(w, "job", s->job->name);
    jsonw_string(w, "job_hash", s->hash);
    jsonw_string(w, "chip", s->chip->name);
    jsonw_string(w, "net", s->net->name);
    jsonw_string(w, "agent", s->job->agent->name);
    jsonw_int(w, "seed", s->job->seed);
    jsonw_int(w, "episodes", s->job->episodes);
    jsonw_int(w, "failed", (int64_t)failed);
    warnings_json(&s->warnings, w);
    jsonw_string(w, "accuracy_source", search_source_names[s->job->accuracy.source]);
    jsonw_bool(w, "accuracy_assumed", search_assumes(s));
    if (s->job->accuracy.has_faults)
        json_faults(w, s, &s->job->accuracy.faults);
    if (best)
        json_candidate(w, s, "best", best);
    jsonw_array(w, "front");
    for (size_t i = 0; i < n; i++)
        json_candidate(w, s, NULL, &s->episodes[front[i]]);
    jsonw_end(w);
    jsonw_array(w, "references");
    for (size_t r = 0; r < s->n_references; r++)
        if (!s->references[r].failed)
            json_candidate(w, s, NULL, &s->references[r]);
    jsonw_end(w);
    if (finals)
        json_finals(w, s, finals);
    jsonw_end(w);
    jsonw_destroy(w);
    free(front);
}
