#include "tools/sweep/export.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/warn.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "tools/study/inputs.h"
#include "tools/sweep/sweep_loop.h"
#include "tools/sweep/job.h"
#include "tools/sweep/plan.h"
#include "tools/sweep/stats.h"
#include "base/visible.h"

static double accuracy(const struct sweep_loop *d, size_t point, size_t trial)
{
    return (double)d->points[point].trials[trial].right / (double)d->plan->images;
}

struct export_point export_point(const struct sweep_loop *drive, size_t point)
{
    const struct sweep_loop_point *from = &drive->points[point];
    struct export_point to = {.n = from->n};
    double *values = mem_alloc(from->n, sizeof *values);
    for (size_t t = 0; t < from->n; t++) {
        values[t] = from->trials[t].right;
        fault_add(&to.faults, &from->trials[t].faults);
    }
    struct stats stats = stats_of(values, from->n);
    double images = (double)drive->plan->images;
    to.mean = stats.mean / images;
    to.deviation = stats.deviation / images;
    to.interval = stats.interval / images;
    free(values);
    return to;
}

static void number(FILE *out, double value)
{
    char text[40];
    fputc(',', out);
    fputs(text_double(text, sizeof text, value), out);
}

void export_parts(const struct sweep_loop *drive, bool asked[FAULTS_PARTS])
{
    const struct fault_counts none = {0};
    struct faults_part parts[FAULTS_PARTS];
    memset(asked, 0, FAULTS_PARTS * sizeof *asked);
    for (size_t p = 0; p < drive->plan->n_points; p++) {
        struct chip_sample sample = plan_sample(drive->plan, p, 0);
        faults_list(&sample.defects, &none, parts);
        for (int i = 0; i < FAULTS_PARTS; i++)
            asked[i] = asked[i] || parts[i].rate > 0;
    }
}

static void csv_parts(const bool shown[FAULTS_PARTS], const struct defect_params *asked,
                      const struct fault_counts *counts, FILE *out)
{
    struct faults_part parts[FAULTS_PARTS];
    faults_list(asked, counts, parts);
    for (int i = 0; i < FAULTS_PARTS; i++)
        if (shown[i]) {
            number(out, parts[i].rate);
            fprintf(out, ",%" PRId64 ",%" PRId64, parts[i].tally.all, parts[i].tally.hit);
        }
}

static void csv_row(const struct sweep_loop *d, size_t p, const bool shown[FAULTS_PARTS], FILE *out)
{
    const struct plan *plan = d->plan;
    const struct plan_point *point = &plan->points[p];
    const struct plan_variant *variant = &plan->variants[point->variant];
    struct export_point e = export_point(d, p);
    for (size_t a = 0; a < plan->job->sweep.n; a++) {
        csv_field(out, point->values[a]);
        fputc(',', out);
    }
    fprintf(out, "%zu", e.n);
    number(out, e.mean);
    if (e.n > 1) {
        number(out, e.deviation);
        number(out, e.interval);
    } else {
        fputs(",,", out);
    }
    struct chip_sample sample = plan_sample(plan, p, 0);
    number(out, sample.defects.stuck_lrs);
    number(out, sample.defects.stuck_hrs);
    fprintf(out, ",%" PRId64 ",%" PRId64 ",%" PRId64, e.faults.cells, e.faults.lrs, e.faults.hrs);
    csv_parts(shown, &sample.defects, &e.faults, out);
    fprintf(out, ",%016" PRIx64 ",%016" PRIx64 ",%016" PRIx64 "\n", variant->chip_hash,
            variant->net_hash, variant->weights_hash);
}

// The first line, behind '#', says where it comes from, as in run's tables (pandas: comment='#').
static void write_csv(const struct sweep_loop *d, const struct export_params *params, FILE *out)
{
    const struct plan *plan = d->plan;
    fprintf(out, "# bitline %s, job %s [%s], data %s, %zu images, seed %d\n", params->version,
            visible(plan->job->name), plan->hash, plan->data_name, plan->images, plan->job->seed);
    for (size_t a = 0; a < plan->job->sweep.n; a++) {
        csv_field(out, job_axis(plan->job, a)->path);
        fputc(',', out);
    }
    fputs("trials,accuracy,deviation,interval95,requested_lrs,requested_hrs,cells,stuck_lrs,"
          "stuck_hrs",
          out);
    struct faults_part parts[FAULTS_PARTS];
    bool shown[FAULTS_PARTS];
    export_parts(d, shown);
    faults_list(&plan->variants->defects, &(struct fault_counts){0}, parts);
    for (int i = 0; i < FAULTS_PARTS; i++)
        if (shown[i])
            fprintf(out, ",requested_%s,%s_used,%s", parts[i].key, parts[i].key, parts[i].key);
    fputs(",chip_hash,net_hash,weights_hash\n", out);
    for (size_t p = 0; p < plan->n_points; p++)
        csv_row(d, p, shown, out);
}

static void json_hash(struct jsonw *w, const char *key, uint64_t hash)
{
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    jsonw_string(w, key, text);
}

static void json_point(struct jsonw *w, const struct sweep_loop *d, size_t p)
{
    const struct plan *plan = d->plan;
    const struct plan_point *point = &plan->points[p];
    const struct plan_variant *variant = &plan->variants[point->variant];
    struct export_point e = export_point(d, p);
    jsonw_object(w, NULL);
    jsonw_object(w, "values");
    for (size_t a = 0; a < plan->job->sweep.n; a++)
        jsonw_string(w, job_axis(plan->job, a)->path, point->values[a]);
    jsonw_end(w);
    jsonw_number(w, "accuracy", e.mean);
    if (e.n > 1) {
        jsonw_number(w, "deviation", e.deviation);
        jsonw_number(w, "interval95", e.interval);
    }
    jsonw_array(w, "trials");
    for (size_t t = 0; t < e.n; t++)
        jsonw_number(w, NULL, accuracy(d, p, t));
    jsonw_end(w);
    struct chip_sample sample = plan_sample(plan, p, 0);
    faults_json(&sample.defects, &e.faults, w);
    json_hash(w, "chip_hash", variant->chip_hash);
    json_hash(w, "net_hash", variant->net_hash);
    json_hash(w, "weights_hash", variant->weights_hash);
    jsonw_end(w);
}

void export_json(const struct sweep_loop *drive, const char *version, FILE *out)
{
    const struct plan *plan = drive->plan;
    struct jsonw *w = jsonw_create(out, 2);
    jsonw_object(w, NULL);
    jsonw_string(w, "version", version);
    jsonw_string(w, "job", plan->job->name);
    jsonw_string(w, "job_hash", plan->hash);
    jsonw_string(w, "description", plan->job->description);
    jsonw_string(w, "chip", plan->chip);
    jsonw_string(w, "net", plan->net);
    jsonw_string(w, "form", plan->form);
    jsonw_string(w, "weight_scale", plan->weight_scale);
    jsonw_string(w, "data", plan->data_name);
    jsonw_int(w, "images", (int64_t)plan->images);
    jsonw_int(w, "seed", plan->job->seed);
    warnings_json(&plan->warnings, w);
    jsonw_array(w, "points");
    for (size_t p = 0; p < plan->n_points; p++)
        json_point(w, drive, p);
    jsonw_end(w);
    jsonw_end(w);
    jsonw_destroy(w);
}

static struct file_out *create_in(const char *folder, const char *name, struct err *err)
{
    struct arena *mem = arena_create();
    struct file_out *out = file_create(arena_printf(mem, "%s/%s", folder, name), err);
    arena_destroy(mem);
    return out;
}

bool export_tables(const struct sweep_loop *drive, const struct export_params *params,
                   struct err *err)
{
    struct file_out *out = create_in(params->folder, "points.csv", err);
    if (!out)
        return false;
    write_csv(drive, params, file_stream(out));
    if (!file_commit(out, err))
        return false;
    out = create_in(params->folder, "points.json", err);
    if (!out)
        return false;
    export_json(drive, params->version, file_stream(out));
    if (!file_commit(out, err))
        return false;
    out = create_in(params->folder, "job.yaml", err);
    if (!out)
        return false;
    conf_print(drive->plan->job->conf->root, job_fields, false, file_stream(out));
    return file_commit(out, err);
}
