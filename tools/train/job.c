#include "tools/train/job.h"

#include <stdlib.h>
#include <string.h>

#include "nets/backend/backend.h"
#include "nets/net.h"
#include "nets/train/slim.h"
#include "nets/train/trainer.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"
#include "tools/study/inputs.h"
#include "tools/study/jobfile.h"
#include "tools/train/chip.h"
#include "workloads/dataset.h"

static const struct conf_node *find(const struct train_job *job, const char *path)
{
    return conf_find(job->conf->root, path);
}

static bool check_schedule(const struct train_job *job, struct err *err)
{
    const struct recipe *r = &job->recipe;
    bool steps = r->schedule.kind == SCHEDULE_STEP;
    if (steps && !r->schedule.at.n)
        return conf_fail(find(job, "schedule"), err,
                         "kind step requires `at`, the epochs at which the rate falls");
    if (!steps && r->schedule.at.n)
        return conf_fail(find(job, "schedule.at"), err, "applies to kind step only; remove it");
    return r->epochs == 0 || r->schedule.warm_up <= r->epochs ||
           conf_fail(find(job, "schedule.warm_up"), err,
                     "%g epochs are more than all %d; make it shorter", r->schedule.warm_up,
                     r->epochs);
}

static bool check_optimiser(const struct train_job *job, struct err *err)
{
    const struct optimiser *o = &job->recipe.optimiser;
    if (o->kind != OPTIMISER_SGD && o->momentum > 0)
        return conf_fail(find(job, "optimiser.momentum"), err, "applies to sgd only; %s has beta1",
                         optimiser_names[o->kind]);
    return !o->nesterov || o->momentum > 0 ||
           conf_fail(find(job, "optimiser.nesterov"), err, "requires sgd with a momentum above 0");
}

static bool check_supernet(const struct train_job *job, struct err *err)
{
    const struct recipe *r = &job->recipe;
    const struct slim_plan *plan = &r->supernet;
    if (!r->has_supernet)
        return true;
    if (r->bn_batches > 0)
        return conf_fail(find(job, "bn_batches"), err,
                         "supernet.bn_batches applies to all sub-nets; remove this key");
    if (plan->least > plan->most)
        return conf_fail(find(job, "supernet"), err, "least %g is above most %g; make it smaller",
                         plan->least, plan->most);
    if (plan->sample == SLIM_SANDWICH && plan->sub_nets < 2)
        return conf_fail(find(job, "supernet.sub_nets"), err,
                         "sandwich requires 2 or more: the widest and the smallest");
    return !plan->distill || plan->sample == SLIM_SANDWICH ||
           conf_fail(find(job, "supernet.distill"), err,
                     "applies to sample sandwich only, which trains the widest net in every step");
}

static bool check_init(const struct train_job *job, struct err *err)
{
    const struct recipe *r = &job->recipe;
    if (r->init_width && !r->init)
        return conf_fail(find(job, "init_width"), err, "requires init, which is missing");
    if (r->epochs > 0)
        return true;
    if (!r->init)
        return conf_fail(find(job, "epochs"), err, "0 requires init, the initial weights");
    if (r->has_supernet)
        return conf_fail(find(job, "epochs"), err, "a supernet requires 1 or more");
    return !r->init_width || r->bn_batches > 0 ||
           conf_fail(find(job, "epochs"), err,
                     "0 with init_width requires bn_batches above 0, for batch-norm of this width");
}

static bool check(struct train_job *job, struct err *err)
{
    const struct recipe *r = &job->recipe;
    job->backend = backend_find(r->backend);
    if (!jobfile_check_name(job->conf, r->name, err))
        return false;
    if (r->width && r->widths.n)
        return conf_fail(find(job, "widths"), err,
                         "give width or widths, not both; remove width from the job");
    if (!job->backend && !strcmp(r->backend, "onednn"))
        return conf_fail(find(job, "backend"), err,
                         "this program was built without oneDNN; use auto or reference");
    if (!job->backend)
        return conf_fail(find(job, "backend"), err,
                         "'%.40s' is unknown; use auto, reference or onednn", r->backend);
    if (r->keep == KEEP_BEST && !(r->held_out > 0))
        return conf_fail(find(job, "keep"), err, "best requires held_out above 0");
    return check_schedule(job, err) && check_optimiser(job, err) && check_supernet(job, err) &&
           check_init(job, err);
}

static bool add_sets(const struct train_job *job, struct inputs *inputs, struct err *err)
{
    struct jobfile_sets sets = {0};
    const struct conf_node *node = job->recipe.set;
    if (!node)
        return true;
    if (!jobfile_sets(job->conf, node, &sets, err))
        return false;
    for (size_t i = 0; i < sets.n; i++) {
        if (strncmp(sets.items[i], "net.", 4) != 0)
            return conf_fail(node, err, "'%.60s' is not a key of the net; begin with net.",
                             sets.items[i]);
        inputs->sets[inputs->n_sets++] = sets.items[i];
    }
    return true;
}

// The job's net; its widths are to be said.
static bool load_at(const struct train_job *job, const char *width, const char *widths,
                    struct net **out, struct err *err)
{
    const struct recipe *r = &job->recipe;
    struct inputs inputs = {
        .form = r->has_form ? net_form_names[r->form] : NULL,
        .width = width,
        .widths = widths,
    };
    return add_sets(job, &inputs, err) && inputs_net(&inputs, r->net, out, err);
}

bool train_job_resize(const void *context, const int *widths, struct net **out, struct err *err)
{
    const struct train_job *job = context;
    struct arena *mem = arena_create();
    struct conf_ints list = {.n = slim_layers(job->net)};
    list.v = arena_alloc(mem, list.n, sizeof *list.v);
    memcpy(list.v, widths, list.n * sizeof *widths);
    bool ok = load_at(job, NULL, jobfile_widths(&list, mem), out, err);
    arena_destroy(mem);
    return ok;
}

static bool load_init(struct train_job *job, struct err *err)
{
    const struct recipe *r = &job->recipe;
    const char *text = r->init_width;
    bool listed = text && strchr(text, ',');
    if (!r->init)
        return true;
    if (text && !load_at(job, listed ? NULL : text, listed ? text : NULL, &job->init_net, err))
        return false;
    const struct net *net = text ? job->init_net : job->net;
    return inputs_weights(r->init, net, &job->init, err) &&
           weights_trainable(net, job->init, r->init, err);
}

// Before weights and images are read; the number of workers is not known yet.
static bool check_memory(const struct train_job *job, struct err *err)
{
    struct trainer_params least = {.net = job->net, .recipe = &job->recipe, .workers = 1};
    struct err why = {0};
    return trainer_fits(&least, &why) || conf_wrap(find(job, "net"), err, &why, "%s", why.text);
}

static bool load_nets(struct train_job *job, struct err *err)
{
    const struct recipe *r = &job->recipe;
    const char *widths = jobfile_widths(&r->widths, job->conf->mem);
    if (!load_at(job, r->width, widths, &job->net, err) || !weights_writable(job->net, err) ||
        !check_memory(job, err) || !load_init(job, err))
        return false;
    const struct distill *d = &r->distill;
    struct inputs teacher = {
        .form = d->has_form ? net_form_names[d->form] : NULL,
        .width = d->width,
    };
    return !r->has_distill ||
           (inputs_net(&teacher, d->net, &job->teacher, err) &&
            inputs_weights(d->weights, job->teacher, &job->teacher_weights, err) &&
            weights_trainable(job->teacher, job->teacher_weights, d->weights, err));
}

static bool check_form(const struct train_job *job, struct err *err)
{
    return job->recipe.sign_gradient == SIGN_WHOLE || job->net->form == FORM_BINARY ||
           conf_fail(find(job, "sign_gradient"), err,
                     "applies to the form binary only, this net has %s; remove it",
                     net_form_names[job->net->form]);
}

static bool load_data(struct train_job *job, struct err *err)
{
    const struct recipe *r = &job->recipe;
    const char *spec = r->data ? r->data : job->net->raw_c == 3 ? "synth32" : "synth";
    size_t most = r->images < 0 ? 0 : (size_t)r->images;
    size_t most_test = r->test_images < 0 ? 0 : (size_t)r->test_images;
    if (!dataset_open(spec, DATASET_TRAIN, most, &job->data, err) ||
        !dataset_open(spec, DATASET_TEST, most_test, &job->test, err))
        return false;
    if (job->data->n < most)
        return conf_fail(find(job, "images"), err, "the set '%s' has %zu training images",
                         job->data->name, job->data->n);
    return job->test->n >= most_test ||
           conf_fail(find(job, "test_images"), err, "the set '%s' has %zu test images",
                     job->test->name, job->test->n);
}

static bool resolve(struct train_job *job, struct err *err)
{
    static const struct {
        const char *path;
        enum jobfile_value value;
    } names[] = {
        {"net", JOBFILE_NAME},  {"init", JOBFILE_WEIGHTS},     {"data", JOBFILE_DATA},
        {"chip", JOBFILE_NAME}, {"distill.net", JOBFILE_NAME}, {"distill.weights", JOBFILE_WEIGHTS},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!jobfile_resolve(job->conf, names[i].path, names[i].value, err))
            return false;
    return true;
}

bool train_job_load(const char *what, const char *const *sets, size_t n_sets,
                    struct train_job **out, struct err *err)
{
    struct train_job *job = mem_alloc(1, sizeof *job);
    job->conf = jobfile_open(what, FILE_TRAIN, sets, n_sets, err);
    if (job->conf && resolve(job, err) &&
        conf_bind(job->conf, job->conf->root, recipe_fields, &job->recipe, err) &&
        check(job, err) && load_nets(job, err) && check_form(job, err) && job_load_chip(job, err) &&
        load_data(job, err)) {
        *out = job;
        return true;
    }
    train_job_destroy(job);
    return false;
}

void train_job_destroy(struct train_job *job)
{
    if (!job)
        return;
    dataset_close(job->data);
    dataset_close(job->test);
    weights_destroy(job->init);
    weights_destroy(job->teacher_weights);
    job_unload_chip(job);
    net_destroy(job->net);
    net_destroy(job->teacher);
    net_destroy(job->init_net);
    conf_close(job->conf);
    free(job);
}
