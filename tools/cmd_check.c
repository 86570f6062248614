// bitline check FILE...: is each a chip, a net or a job that loads?
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/err.h"
#include "sim/chip/chip.h"
#include "sim/conf/conf.h"
#include "tools/cmd.h"
#include "tools/inputs.h"
#include "tools/search/job.h"
#include "tools/sweep/job.h"
#include "tools/train/job.h"

static const char doc[] =
    "Check chip, net and job files (or names): every key, unit and range, with file, line and "
    "column of what is wrong. A file with 'layers' is a net, one with 'sweep', 'epochs' or "
    "'episodes' a job, any other a chip; .csv is a layer table. What the job of a training names "
    "(its images, weights, chip) is opened, too.\v"
    "Examples:\n"
    "  bitline check my-chip.yaml my-net.yaml my-job.yaml\n"
    "  bitline check hawis resnet20 search-synth\n"
    "  bitline check figure3-sa0 --set weights=train-signs";

static const struct argp_option options[] = {
    {"set", OPTION_SET, "PATH=VALUE", 0,
     "With another value of a key: of the chip, the net (net.PATH) or the job", 0},
    {0},
};

struct args {
    struct inputs inputs;
    char **files;
    int n;
    struct err err;
};

// NOLINTNEXTLINE(readability-non-const-parameter): argp says what its parsers look like
static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct args *a = state->input;
    if (inputs_option(&a->inputs, key, arg, &a->err))
        return 0;
    if (key == ARGP_KEY_ARGS) {
        a->files = state->argv + state->next;
        a->n = state->argc - state->next;
        return 0;
    }
    if (key == ARGP_KEY_NO_ARGS)
        argp_error(state, "at least one FILE is wanted");
    return ARGP_ERR_UNKNOWN;
}

static bool is_file(const char *what)
{
    size_t n = strlen(what);
    return strchr(what, '/') || (n > 5 && !strcmp(what + n - 5, ".yaml"));
}

static bool is_csv(const char *what)
{
    size_t n = strlen(what);
    return n > 4 && !strcmp(what + n - 4, ".csv");
}

struct lookup {
    const char *name;
    bool found;
};

static void look(const char *name, const char *description, void *arg)
{
    struct lookup *lookup = arg;
    (void)description;
    lookup->found = lookup->found || !strcmp(name, lookup->name);
}

static bool is_named(enum library_kind kind, const char *what)
{
    struct lookup lookup = {.name = what};
    library_list(inputs_library(), kind, look, &lookup);
    return lookup.found;
}

enum thing { A_CHIP, A_NET, A_SWEEP, A_TRAINING, A_SEARCH, NOTHING };

static bool has_key(enum library_kind kind, const char *what, const char *key)
{
    struct conf *conf = library_open(inputs_library(), kind, what, NULL);
    bool has = conf && conf_find(conf->root, key);
    conf_close(conf);
    return has;
}

static enum thing job_thing(const char *what)
{
    if (has_key(LIBRARY_WORKLOAD, what, "sweep"))
        return A_SWEEP;
    if (has_key(LIBRARY_WORKLOAD, what, "epochs"))
        return A_TRAINING;
    return has_key(LIBRARY_WORKLOAD, what, "episodes") ? A_SEARCH : NOTHING;
}

// A file says what it is; a name is a chip's if there is such a chip, else a net's, else a job's.
static enum thing thing_of(const char *what)
{
    if (is_csv(what))
        return A_NET;
    if (is_file(what)) {
        enum thing thing = has_key(LIBRARY_NET, what, "layers") ? A_NET : job_thing(what);
        return thing == NOTHING ? A_CHIP : thing;
    }
    if (is_named(LIBRARY_CHIP, what))
        return A_CHIP;
    if (is_named(LIBRARY_NET, what))
        return A_NET;
    return is_named(LIBRARY_WORKLOAD, what) ? job_thing(what) : NOTHING;
}

static bool check_chip(const char *what, const struct inputs *inputs, struct err *err)
{
    struct chip *chip = NULL;
    if (!inputs_chip(inputs, what, &chip, err))
        return false;
    printf("%s: chip '%s' is fine\n", what, chip->name);
    chip_destroy(chip);
    return true;
}

static bool check_net(const char *what, const struct inputs *inputs, struct err *err)
{
    struct inputs in_form = *inputs;
    for (int f = 0; f < FORM_COUNT; f++) { // every form must be buildable
        struct net *net = NULL;
        in_form.form = net_form_names[f];
        if (!inputs_net(&in_form, what, &net, err))
            return false;
        if (f == 0)
            printf("%s: net '%s' is fine\n", what, net->name);
        net_destroy(net);
    }
    return true;
}

static bool check_sweep(const char *what, const struct inputs *inputs, struct err *err)
{
    struct job *job = NULL;
    bool ok = job_load(what, inputs->sets, inputs->n_sets, &job, err);
    if (ok)
        printf("%s: job '%s' (bitline sweep) is fine\n", what, job->name);
    job_destroy(job);
    return ok;
}

static bool check_training(const char *what, const struct inputs *inputs, struct err *err)
{
    struct train_job *job = NULL;
    bool ok = train_job_load(what, inputs->sets, inputs->n_sets, &job, err);
    if (ok)
        printf("%s: job '%s' (bitline train) is fine\n", what, job->recipe.name);
    train_job_destroy(job);
    return ok;
}

static bool check_search(const char *what, const struct inputs *inputs, struct err *err)
{
    struct search_job *job = NULL;
    bool ok = search_job_load(what, inputs->sets, inputs->n_sets, &job, err);
    if (ok)
        printf("%s: job '%s' (bitline search) is fine\n", what, job->name);
    search_job_destroy(job);
    return ok;
}

static bool check(const char *what, const struct inputs *inputs, struct err *err)
{
    switch (thing_of(what)) {
    case A_CHIP:
        return check_chip(what, inputs, err);
    case A_NET:
        return check_net(what, inputs, err);
    case A_SWEEP:
        return check_sweep(what, inputs, err);
    case A_TRAINING:
        return check_training(what, inputs, err);
    case A_SEARCH:
        return check_search(what, inputs, err);
    case NOTHING:
        break;
    }
    return err_set(err,
                   "there is no chip, net or job '%.100s'; 'bitline list chips', 'bitline list "
                   "nets' and 'bitline list workloads' name them; a file needs a '/', .yaml or "
                   ".csv",
                   what);
}

int cmd_check(int argc, char **argv)
{
    static const struct argp argp = {options, parse, "FILE...", doc, 0, 0, 0};
    static char name[] = "bitline check";
    struct args a = {0};
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (a.err.text[0])
        return inputs_refuse(&a.err);
    int code = EXIT_OK;
    for (int i = 0; i < a.n; i++) {
        struct err err = {0};
        if (!check(a.files[i], &a.inputs, &err))
            code = inputs_refuse(&err);
    }
    return inputs_finish(code);
}
