#include "tools/sweep/job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/defect.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/units.h"
#include "tools/study/jobfile.h"

static const struct conf_node *child(const struct job *job, const char *key)
{
    return conf_find(job->conf->root, key);
}

static bool list_values(struct job *job, struct job_axis *axis, struct err *err)
{
    const struct conf_node *list = axis->list;
    if (list->kind != CONF_SEQ || list->n == 0 || list->n > JOB_MAX_POINTS)
        return conf_fail(list, err, "expected a list of 1 to %d values", JOB_MAX_POINTS);
    axis->n = list->n;
    axis->values = arena_alloc(job->conf->mem, axis->n, sizeof *axis->values);
    for (size_t i = 0; i < axis->n; i++) {
        axis->values[i] = jobfile_text(job->conf, list->children[i], err);
        if (!axis->values[i])
            return false;
    }
    return true;
}

// Twelve digits, so that 0.1 + 2 * 0.1 gives 0.3, as in a list of values.
static bool range_values(struct job *job, struct job_axis *axis, const struct conf_node *node,
                         struct err *err)
{
    if (!axis->has_from || !axis->has_to || !axis->has_step)
        return conf_fail(node, err, "expected values, or all of from, to and step");
    if (!(axis->step > 0) || axis->to < axis->from)
        return conf_fail(node, err,
                         "expected a step above 0 and a `to` that is not below `from`; "
                         "list decreasing values under `values`");
    double n = floor((axis->to - axis->from) / axis->step + 1e-6) + 1;
    if (!(n <= (double)JOB_MAX_POINTS))
        return conf_fail(node, err, "gives %.0f values; %d are allowed", n, JOB_MAX_POINTS);
    axis->n = (size_t)n;
    axis->values = arena_alloc(job->conf->mem, axis->n, sizeof *axis->values);
    for (size_t i = 0; i < axis->n; i++)
        axis->values[i] =
            arena_printf(job->conf->mem, "%.12g", axis->from + (double)i * axis->step);
    for (size_t i = 1; i < axis->n; i++)
        if (strcmp(axis->values[i - 1], axis->values[i]) == 0)
            return conf_fail(
                conf_find(node, "step"), err,
                "steps of %g give equal values, such as %s twice: 12 digits count; use "
                "a larger step",
                axis->step, axis->values[i]);
    return true;
}

// A parsed value: a number in base units of a dimension, or a string.
struct meaning {
    const char *text;
    const char *unit; // "": a plain number; NULL: the text is none
    double number;
    size_t at;
};

static struct meaning meaning_of(const char *text, size_t at)
{
    static const char *const units[] = {"",  "s", "Hz", "J", "W",   "V",   "ohm",
                                        "S", "m", "m2", "B", "b/s", "S/s", "K"};
    struct meaning m = {.text = text, .at = at};
    for (size_t i = 0; i < sizeof units / sizeof *units && !m.unit; i++)
        if (units_parse(text, units[i], &m.number, NULL))
            m.unit = units[i];
    return m;
}

static int compare(const struct meaning *l, const struct meaning *r)
{
    if (!l->unit || !r->unit)
        return l->unit ? -1 : r->unit ? 1 : strcmp(l->text, r->text);
    int order = strcmp(l->unit, r->unit);
    return order ? order : (l->number > r->number) - (l->number < r->number);
}

static int by_meaning(const void *a, const void *b)
{
    const struct meaning *l = a, *r = b;
    int order = compare(l, r);
    return order ? order : (l->at > r->at) - (l->at < r->at);
}

// 0.1 and 1e-1 are equal, and so are 1 ns and 1000 ps.
static bool check_equal(const struct job *job, const struct job_axis *axis, struct err *err)
{
    struct meaning *values = arena_alloc(job->conf->mem, axis->n, sizeof *values);
    for (size_t i = 0; i < axis->n; i++)
        values[i] = meaning_of(axis->values[i], i);
    qsort(values, axis->n, sizeof *values, by_meaning);
    for (size_t i = 1; i < axis->n; i++)
        if (compare(&values[i - 1], &values[i]) == 0)
            return conf_fail(axis->list->children[values[i].at], err,
                             "'%.40s' has the value of '%.40s'; keep one", values[i].text,
                             values[i - 1].text);
    return true;
}

static bool check_values(const struct job *job, const struct job_axis *axis,
                         const struct conf_node *node, struct err *err)
{
    const struct conf_field *f = axis->defect;
    double number;
    for (size_t i = 0; f && i < axis->n; i++)
        if (!number_parse(axis->values[i], f->min, f->max, &number))
            return conf_fail(axis->list ? axis->list->children[i] : node, err,
                             "'%.40s' is not a decimal number from %g to %g%s", axis->values[i],
                             f->min, f->max, f->max == 1 ? " (1 % is 0.01)" : "");
    return !axis->list || check_equal(job, axis, err);
}

const struct conf_field *job_defect(const char *path)
{
    static const char prefix[] = "defects.";
    static const char *const names[][2] = {{"sa0", "stuck_lrs"}, {"sa1", "stuck_hrs"}};
    if (strncmp(path, prefix, sizeof prefix - 1) == 0)
        path += sizeof prefix - 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(path, names[i][0]) == 0)
            path = names[i][1];
    for (const struct conf_field *f = defect_fields; f->key; f++)
        if (f->kind == CONF_NUM && strcmp(path, f->key) == 0)
            return f;
    return NULL;
}

static bool check_axis(struct job *job, size_t i, struct err *err)
{
    struct job_axis *axis = (struct job_axis *)job->sweep.items + i;
    const struct conf_node *node = job->sweep.nodes[i];
    axis->defect = job_defect(axis->path);
    axis->kind = axis->defect ? AXIS_DEFECT : AXIS_SET;
    if (!*axis->path || strpbrk(axis->path, "= \t\n"))
        return conf_fail(conf_find(node, "path"), err, "expected a path such as adc.bits");
    if (axis->defect && ((axis->defect == job_defect("sa0") && job->sa0 > 0) ||
                         (axis->defect == job_defect("sa1") && job->sa1 > 0)))
        return conf_fail(node, err, "%s also has a fixed value in the job; remove that",
                         axis->path);
    for (size_t j = 0; j < i; j++)
        if (axis->defect == job_axis(job, j)->defect &&
            (axis->defect || strcmp(axis->path, job_axis(job, j)->path) == 0))
            return conf_fail(node, err, "%s is swept twice; keep one", axis->path);
    if (axis->list && (axis->has_from || axis->has_to || axis->has_step))
        return conf_fail(node, err, "give values, or from, to and step, not both");
    if (!(axis->list ? list_values(job, axis, err) : range_values(job, axis, node, err)))
        return false;
    if (!check_values(job, axis, node, err))
        return false;
    job->n_points *= axis->n;
    if (job->n_points > JOB_MAX_POINTS)
        return conf_fail(node, err, "gives %zu points; %d are allowed", job->n_points,
                         JOB_MAX_POINTS);
    return true;
}

static bool check(struct job *job, struct err *err)
{
    const struct conf_node *sweep = child(job, "sweep");
    if (!jobfile_check_name(job->conf, job->name, err))
        return false;
    if (!*job->weights)
        return conf_fail(child(job, "weights"), err, "is empty; name a safetensors file");
    if (job->width && job->widths.n)
        return conf_fail(child(job, "widths"), err, "give width or widths, not both");
    struct err why = {0};
    job->mend.images = (size_t)job->mend_images;
    if (!mitigation_parse(job->mend_words, &job->mend, &why))
        return conf_wrap(child(job, "mend"), err, &why, "%s", why.text);
    if (job->set && !jobfile_sets(job->conf, job->set, &job->sets, err))
        return false;
    if (job->sweep.n == 0 || job->sweep.n > JOB_MAX_AXES)
        return conf_fail(sweep, err, "expected 1 to %d paths", JOB_MAX_AXES);
    job->n_points = 1;
    for (size_t i = 0; i < job->sweep.n; i++)
        if (!check_axis(job, i, err))
            return false;
    if (job->n_points * (size_t)job->trials > JOB_MAX_TRIALS)
        return conf_fail(sweep, err, "%zu points of %d trials are %zu; %d are allowed",
                         job->n_points, job->trials, job->n_points * (size_t)job->trials,
                         JOB_MAX_TRIALS);
    return true;
}

bool job_load(const char *what, const char *const *sets, size_t n_sets, struct job **out,
              struct err *err)
{
    struct job *job = mem_alloc(1, sizeof *job);
    job->conf = jobfile_open(what, FILE_SWEEP, sets, n_sets, err);
    if (job->conf && jobfile_resolve(job->conf, "chip", JOBFILE_NAME, err) &&
        jobfile_resolve(job->conf, "net", JOBFILE_NAME, err) &&
        jobfile_resolve(job->conf, "weights", JOBFILE_WEIGHTS, err) &&
        jobfile_resolve(job->conf, "data", JOBFILE_DATA, err) &&
        conf_bind(job->conf, job->conf->root, job_fields, job, err) && check(job, err)) {
        *out = job;
        return true;
    }
    job_destroy(job);
    return false;
}

void job_destroy(struct job *job)
{
    if (!job)
        return;
    conf_close(job->conf);
    free(job);
}
