#include "tools/cli/job_check.h"

#include <string.h>

#include "nets/net.h"
#include "nets/train/recipe.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/evaluate.h"
#include "tools/study/inputs.h"
#include "tools/study/jobfile.h"
#include "tools/cli/progress.h"
#include "tools/search/job.h"
#include "tools/sweep/job.h"

// A chip and a net as a job names them.
struct pair {
    const struct conf *conf; // of the job
    const char *chip, *net;
    struct inputs inputs;
};

static bool opens_chip(const struct pair *pair, struct err *err)
{
    struct chip *chip = NULL;
    bool ok = inputs_chip(&pair->inputs, pair->chip, &chip, err);
    chip_destroy(chip);
    return ok;
}

static bool opens_net(const struct pair *pair, struct err *err)
{
    struct net *net = NULL;
    bool ok = inputs_net(&pair->inputs, pair->net, &net, err) && evaluate_fits(net, 1, err);
    net_destroy(net);
    return ok;
}

static bool opens(const struct pair *pair, struct err *err)
{
    return opens_chip(pair, err) && opens_net(pair, err);
}

static bool add_set(struct pair *pair, const char *set, const struct conf_node *at, struct err *err)
{
    if (pair->inputs.n_sets == INPUTS_MAX_SETS)
        return conf_fail(at, err, "more than %d settings; write a chip file", INPUTS_MAX_SETS);
    pair->inputs.sets[pair->inputs.n_sets++] = set;
    return true;
}

// As they are, then with the sets of the job. Both may be files with faults of their own.
static bool check_sets(struct pair *pair, const struct jobfile_sets *sets, struct err *err)
{
    const struct conf_node *root = pair->conf->root, *at = conf_find(root, "set");
    struct err why = {0};
    if (!opens_chip(pair, &why))
        return conf_wrap(conf_find(root, "chip"), err, &why, "%s", why.text);
    if (!opens_net(pair, &why))
        return conf_wrap(conf_find(root, "net"), err, &why, "%s", why.text);
    for (size_t i = 0; i < sets->n; i++)
        if (!add_set(pair, sets->items[i], at, err))
            return false;
    return opens(pair, &why) || conf_wrap(at, err, &why, "%s", why.text);
}

// The first point of a sweep; of several paths the first is blamed with which it fails.
static bool check_first_point(const struct job *job, const struct pair *base, const char **first,
                              struct err *err)
{
    struct pair all = *base, some = *base;
    struct err why = {0};
    for (size_t i = 0; i < job->sweep.n; i++)
        if (first[i] && !add_set(&all, first[i], job->sweep.nodes[i], err))
            return false;
    if (opens(&all, &why))
        return true;
    for (size_t i = 0; i < job->sweep.n; i++) {
        struct err here = {0};
        if (first[i] && add_set(&some, first[i], job->sweep.nodes[i], err) && !opens(&some, &here))
            return conf_wrap(job->sweep.nodes[i], err, &here, "%s", here.text);
    }
    return err_wrap(err, &why, "%s", why.text);
}

// Every value of one path, the others at their first.
static bool check_axis(const struct job *job, const struct pair *base, const char **first,
                       size_t axis, struct arena *mem, struct err *err)
{
    const struct job_axis *a = job_axis(job, axis);
    const struct conf_node *node = job->sweep.nodes[axis];
    for (size_t v = 1; first[axis] && v < a->n; v++) {
        struct pair pair = *base;
        struct err why = {0};
        const char *value = arena_printf(mem, "%s=%s", a->path, a->values[v]);
        for (size_t j = 0; j < job->sweep.n; j++)
            if (first[j])
                pair.inputs.sets[pair.inputs.n_sets++] = j == axis ? value : first[j];
        progress_checked(v + 1, a->n);
        if (!opens(&pair, &why))
            return conf_wrap(a->list ? a->list->children[v] : node, err, &why, "%s", why.text);
    }
    return true;
}

bool job_check_sweep(const struct job *job, struct err *err)
{
    struct arena *mem = arena_create();
    struct pair pair = {
        job->conf,
        job->chip,
        job->net,
        {.form = job->has_form ? net_form_names[job->form] : NULL,
         .width = job->width,
         .widths = jobfile_widths(&job->widths, mem)},
    };
    const char *first[JOB_MAX_AXES] = {0}; // of paths that need a chip or net of their own
    for (size_t i = 0; i < job->sweep.n; i++)
        if (job_axis(job, i)->kind == AXIS_SET)
            first[i] =
                arena_printf(mem, "%s=%s", job_axis(job, i)->path, job_axis(job, i)->values[0]);
    bool ok = check_sets(&pair, &job->sets, err) && check_first_point(job, &pair, first, err);
    for (size_t i = 0; ok && i < job->sweep.n; i++)
        ok = check_axis(job, &pair, first, i, mem, err);
    arena_destroy(mem);
    return ok;
}

// Values that make no chip are the search's to refuse; a path that none of its values fits is a
// mistake.
static bool check_knob(const struct search_job *job, const struct pair *base, size_t k,
                       struct arena *mem, struct err *err)
{
    const struct space_knob *knob = (const struct space_knob *)job->space.knobs.items + k;
    const struct conf_node *node = job->space.knobs.nodes[k];
    struct pair pair = *base;
    struct err first = {0};
    if (knob->list->kind != CONF_SEQ)
        return true; // refused when the space is made
    if (!add_set(&pair, "", node, err))
        return false;
    for (size_t v = 0; v < knob->list->n; v++) {
        struct err why = {0};
        const char *value = jobfile_text(job->conf, knob->list->children[v], err);
        if (!value)
            return false;
        pair.inputs.sets[pair.inputs.n_sets - 1] = arena_printf(mem, "%s=%s", knob->path, value);
        if (opens(&pair, &why))
            return true;
        err_wrap(&first, &why, "%s", why.text);
    }
    return conf_wrap(node, err, &first, "%s", first.text);
}

// Not its images, which may be elsewhere.
static bool check_training(const struct conf_node *at, const char *what,
                           const struct jobfile_sets *sets, struct err *err)
{
    struct recipe recipe = {0};
    struct err why = {0};
    struct conf *conf = jobfile_open(what, FILE_TRAIN, sets->items, sets->n, &why);
    bool ok = conf && conf_bind(conf, conf->root, recipe_fields, &recipe, &why);
    conf_close(conf);
    return ok || conf_wrap(at, err, &why, "%s", why.text);
}

bool job_check_search(const struct search_job *job, struct err *err)
{
    const struct conf_node *root = job->conf->root;
    struct arena *mem = arena_create();
    struct pair pair = {
        job->conf, job->chip, job->net, {.form = job->has_form ? net_form_names[job->form] : NULL}};
    bool ok = check_sets(&pair, &job->sets, err);
    for (size_t k = 0; ok && k < job->space.knobs.n; k++)
        ok = check_knob(job, &pair, k, mem, err);
    if (ok && job->accuracy.has_supernet)
        ok = check_training(conf_find(root, "accuracy.supernet"), job->accuracy.supernet.train,
                            &job->accuracy.supernet.sets, err);
    if (ok && job->has_final)
        ok = check_training(conf_find(root, "final"), job->final.train, &job->final.sets, err);
    arena_destroy(mem);
    return ok;
}
