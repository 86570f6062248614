#include "tools/sweep/job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/defect.h"
#include "sim/base/err.h"
#include "sim/base/mem.h"
#include "sim/conf/library.h"
#include "tools/inputs.h"

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool names_file(const char *text)
{
    return strchr(text, '/') || ends_in(text, ".yaml") || ends_in(text, ".csv");
}

// The folder that a node's file names are relative to, with its last '/': that of the file it
// stands in, or the one we are in for what was typed or is embedded.
static const char *folder_of(struct arena *mem, const struct conf_node *node)
{
    char here[4096];
    const char *slash = node->line > 0 ? strrchr(node->origin, '/') : NULL;
    const char *folder =
        slash ? arena_strndup(mem, node->origin, (size_t)(slash + 1 - node->origin)) : "";
    if (*folder == '/')
        return folder;
    if (!getcwd(here, sizeof here))
        return folder;
    return arena_printf(mem, "%s/%s", here, folder);
}

static const struct conf_node *child(const struct job *job, const char *key)
{
    return conf_find(job->conf->root, key);
}

// In double quotes, so that YAML takes it whatever characters it has.
static const char *quoted(struct arena *mem, const char *text)
{
    char *value = arena_alloc(mem, 2 * strlen(text) + 3, 1), *to = value;
    *to++ = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    *to = '"';
    return value;
}

// Rewrites a key's value; of a data set only what follows the ':'.
static bool resolve(struct job *job, const char *key, bool always, struct err *err)
{
    const struct conf_node *node = child(job, key);
    if (!node || node->kind != CONF_SCALAR || !*node->text)
        return true;
    struct arena *mem = job->conf->mem;
    const char *colon = strcmp(key, "data") == 0 ? strchr(node->text, ':') : NULL;
    const char *name = colon ? colon + 1 : node->text;
    if ((!always && !colon && !names_file(name)) || *name == '/' || !*name)
        return true;
    int prefix = colon ? (int)(name - node->text) : 0;
    const char *path =
        arena_printf(mem, "%.*s%s%s", prefix, node->text, folder_of(mem, node), name);
    return conf_set(job->conf, key, quoted(mem, path), err);
}

static const char *text_of(const struct job *job, const struct conf_node *node, struct err *err)
{
    struct arena *mem = job->conf->mem;
    if (node->kind == CONF_SCALAR)
        return node->text;
    if (node->kind == CONF_MAP) {
        conf_fail(node, err, "a map stands here; write it as one text, such as '{bits: 6}'");
        return NULL;
    }
    const char *text = "[";
    for (size_t i = 0; i < node->n; i++) {
        const char *item = text_of(job, node->children[i], err);
        if (!item)
            return NULL;
        text = arena_printf(mem, "%s%s%s", text, i ? ", " : "", item);
    }
    return arena_printf(mem, "%s]", text);
}

// Keys of `set` may be dotted or maps in maps: {adc: {bits: 6}} is {adc.bits: 6}.
static bool add_sets(struct job *job, const struct conf_node *node, const char *path,
                     struct err *err)
{
    enum { MOST = 128 };
    struct arena *mem = job->conf->mem;
    if (!job->sets)
        job->sets = arena_alloc(mem, MOST, sizeof *job->sets);
    if (node->kind != CONF_MAP)
        return conf_fail(node, err, "a map of PATH: VALUE is wanted, such as {adc.bits: 6}");
    for (size_t i = 0; i < node->n; i++) {
        const struct conf_node *item = node->children[i];
        const char *key = arena_printf(mem, "%s%s%s", path, *path ? "." : "", item->key);
        if (item->kind == CONF_MAP) {
            if (!add_sets(job, item, key, err))
                return false;
            continue;
        }
        const char *value = text_of(job, item, err);
        if (!value)
            return false;
        if (job->n_sets == MOST)
            return conf_fail(item, err, "more than %d values; write a chip file", MOST);
        job->sets[job->n_sets++] = arena_printf(mem, "%s=%s", key, value);
    }
    return true;
}

static bool list_values(struct job *job, struct job_axis *axis, struct err *err)
{
    const struct conf_node *list = axis->list;
    if (list->kind != CONF_SEQ || list->n == 0 || list->n > JOB_MAX_POINTS)
        return conf_fail(list, err, "a list of 1 to %d values is wanted", JOB_MAX_POINTS);
    axis->n = list->n;
    axis->values = arena_alloc(job->conf->mem, axis->n, sizeof *axis->values);
    for (size_t i = 0; i < axis->n; i++) {
        axis->values[i] = text_of(job, list->children[i], err);
        if (!axis->values[i])
            return false;
    }
    return true;
}

// Twelve digits: 0.1 + 2 * 0.1 is to be 0.3, as it would have been listed.
static bool range_values(struct job *job, struct job_axis *axis, const struct conf_node *node,
                         struct err *err)
{
    if (!axis->has_from || !axis->has_to || !axis->has_step)
        return conf_fail(node, err, "values, or all of from, to and step, are wanted");
    if (!(axis->step > 0) || axis->to < axis->from)
        return conf_fail(node, err,
                         "a step above 0, and a `to` that is not below `from`, are "
                         "wanted; list falling values under `values`");
    double n = floor((axis->to - axis->from) / axis->step + 1e-6) + 1;
    if (!(n <= JOB_MAX_POINTS))
        return conf_fail(node, err, "makes %.0f values; %d are allowed", n, JOB_MAX_POINTS);
    axis->n = (size_t)n;
    axis->values = arena_alloc(job->conf->mem, axis->n, sizeof *axis->values);
    for (size_t i = 0; i < axis->n; i++)
        axis->values[i] =
            arena_printf(job->conf->mem, "%.12g", axis->from + (double)i * axis->step);
    return true;
}

static bool check_values(const struct job_axis *axis, const struct conf_node *node, struct err *err)
{
    for (size_t i = 0; i < axis->n; i++) {
        const char *value = axis->values[i];
        const struct conf_node *at = axis->list ? axis->list->children[i] : node;
        char *end;
        double number = strtod(value, &end);
        const struct conf_field *f = axis->defect;
        if (f && (end == value || *end || !(number >= f->min) || number > f->max))
            return conf_fail(at, err, "'%.40s' is no number from %g to %g%s", value, f->min, f->max,
                             f->max == 1 ? " (1 % is 0.01)" : "");
        for (size_t j = 0; axis->list && j < i && axis->n <= 1000; j++)
            if (strcmp(value, axis->values[j]) == 0)
                return conf_fail(at, err, "'%.40s' is there twice; keep one", value);
    }
    return true;
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
        return conf_fail(conf_find(node, "path"), err, "a path such as adc.bits is wanted");
    if (axis->defect && ((axis->defect == job_defect("sa0") && job->sa0 > 0) ||
                         (axis->defect == job_defect("sa1") && job->sa1 > 0)))
        return conf_fail(node, err, "%s has a value of its own too; take that away", axis->path);
    for (size_t j = 0; j < i; j++)
        if (axis->defect == job_axis(job, j)->defect &&
            (axis->defect || strcmp(axis->path, job_axis(job, j)->path) == 0))
            return conf_fail(node, err, "%s is swept twice; keep one", axis->path);
    if (axis->list && (axis->has_from || axis->has_to || axis->has_step))
        return conf_fail(node, err, "give values, or from, to and step, not both");
    if (!(axis->list ? list_values(job, axis, err) : range_values(job, axis, node, err)))
        return false;
    if (!check_values(axis, node, err))
        return false;
    job->n_points *= axis->n;
    if (job->n_points > JOB_MAX_POINTS)
        return conf_fail(node, err, "makes %zu points; %d are allowed", job->n_points,
                         JOB_MAX_POINTS);
    return true;
}

// The name becomes a folder, and stands in plots and tables.
static bool check_name(const struct job *job, struct err *err)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(job->name);
    return (n > 0 && n <= 100 && strspn(job->name, allowed) == n && *job->name != '.') ||
           conf_fail(child(job, "name"), err,
                     "1 to 100 letters, digits, '.', '_' and '-', and no '.' first, are wanted");
}

static bool check(struct job *job, struct err *err)
{
    const struct conf_node *sweep = child(job, "sweep");
    if (!check_name(job, err))
        return false;
    if (!*job->weights)
        return conf_fail(child(job, "weights"), err, "is empty; name a safetensors file");
    if (job->width && job->widths.n)
        return conf_fail(child(job, "widths"), err, "give width or widths, not both");
    struct err why = {0};
    job->mend.images = (size_t)job->mend_images;
    if (!mend_parse(job->mend_words, &job->mend, &why))
        return conf_fail(child(job, "mend"), err, "%s", why.text);
    if (job->set && !add_sets(job, job->set, "", err))
        return false;
    if (job->sweep.n == 0 || job->sweep.n > JOB_MAX_AXES)
        return conf_fail(sweep, err, "1 to %d paths are wanted", JOB_MAX_AXES);
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

static bool apply_sets(struct job *job, const char *const *sets, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(sets[i], '=');
        char *key = arena_strndup(job->conf->mem, sets[i], (size_t)(equals - sets[i]));
        if (!conf_set(job->conf, key, equals + 1, err))
            return false;
    }
    return true;
}

bool job_load(const char *what, const char *const *sets, size_t n_sets, struct job **out,
              struct err *err)
{
    struct job *job = mem_alloc(1, sizeof *job);
    job->conf = library_open(inputs_library(), LIBRARY_WORKLOAD, what, err);
    if (job->conf && apply_sets(job, sets, n_sets, err) && resolve(job, "chip", false, err) &&
        resolve(job, "net", false, err) && resolve(job, "weights", true, err) &&
        resolve(job, "data", false, err) &&
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
