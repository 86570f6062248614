// bitline check FILE...: is each a chip, a net or a job that loads?
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/err.h"
#include "sim/base/warn.h"
#include "sim/chip/chip.h"
#include "sim/chip/plausible_chip.h"
#include "tools/cmd.h"
#include "tools/file_guess.h"
#include "tools/inputs.h"
#include "tools/job_check.h"
#include "tools/search/job.h"
#include "tools/sweep/job.h"
#include "tools/train/job.h"

static const char doc[] =
    "Check chip, net and job files (or names): every key, unit and range, with file, line and "
    "column of what is wrong. A file says by its key 'kind' what it is (chip, net, sweep, train, "
    "search); without it, 'layers' makes a net, 'sweep', 'epochs' or 'episodes' a job, and else "
    "the keys that it has most of; .csv is a layer table. A net must have its default form; forms "
    "that it cannot have are listed. What the job of a training names (its images, weights, chip) "
    "is opened, too; of other jobs the chip and the net, with every setting that the job gives "
    "them. Of a chip that loads, warnings report what is implausible: on/off ratio, variation, die "
    "area, power density, parts of several technology nodes, numbers inherited beside changed keys "
    "that they depend on.\v"
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

// Several chips may be checked: each sentence says of which it is.
static void warn_of_chip(const char *what, const struct chip *chip)
{
    struct warnings found = {0}, named = {0};
    plausible_chip(chip, NULL, NULL, &found);
    for (size_t i = 0; i < found.n; i++)
        warn_add(&named, found.items[i].code, "%.100s: %s", what, found.items[i].text);
    fflush(stdout);
    inputs_warn(&named);
    warnings_fini(&found);
    warnings_fini(&named);
}

static bool check_chip(const char *what, const struct inputs *inputs, struct err *err)
{
    struct chip *chip = NULL;
    if (!inputs_chip(inputs, what, &chip, err))
        return false;
    printf("%s: chip '%s' is fine\n", what, chip->name);
    warn_of_chip(what, chip);
    chip_destroy(chip);
    return true;
}

struct form_check {
    bool ok;
    struct err why;
};

static bool build_form(const char *what, const struct inputs *inputs, const char *form, char *name,
                       size_t n, struct err *err)
{
    struct inputs in_form = *inputs;
    struct net *net = NULL;
    in_form.form = form;
    if (!inputs_net(&in_form, what, &net, err))
        return false;
    snprintf(name, n, "%s", net->name);
    net_destroy(net);
    return true;
}

// What the default form says; with the forms that the net could have instead, if there are any.
static bool refuse_net(const struct form_check *forms, const struct err *why, struct err *err)
{
    const char *first = NULL;
    for (int f = FORM_COUNT - 1; f >= 0; f--)
        if (forms[f].ok)
            first = net_form_names[f];
    if (!first)
        return err_set(err, "%s", why->text);
    return err_set(err,
                   "%s; the net can be built in another form, such as %s: write default_form: %s",
                   why->text, first, first);
}

// A net must have its default form; forms that are impossible for it are listed, but are no error.
static bool check_net(const char *what, const struct inputs *inputs, struct err *err)
{
    struct form_check forms[FORM_COUNT] = {0};
    struct err why = {0};
    char name[128];
    bool ok = build_form(what, inputs, NULL, name, sizeof name, &why);
    for (int f = 0; f < FORM_COUNT; f++) {
        char again[sizeof name];
        forms[f].ok =
            build_form(what, inputs, net_form_names[f], again, sizeof again, &forms[f].why);
    }
    if (!ok)
        return refuse_net(forms, &why, err);
    printf("%s: net '%s' is fine\n", what, name);
    for (int f = 0; f < FORM_COUNT; f++)
        if (!forms[f].ok)
            printf("  not available in form %s: %s\n", net_form_names[f], forms[f].why.text);
    return true;
}

static bool check_sweep(const char *what, const struct inputs *inputs, struct err *err)
{
    struct job *job = NULL;
    bool ok = job_load(what, inputs->sets, inputs->n_sets, &job, err) && job_check_sweep(job, err);
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
    bool ok = search_job_load(what, inputs->sets, inputs->n_sets, &job, err) &&
              job_check_search(job, err);
    if (ok)
        printf("%s: job '%s' (bitline search) is fine\n", what, job->name);
    search_job_destroy(job);
    return ok;
}

static bool check_kind(enum file_kind kind, const char *what, const struct inputs *inputs,
                       struct err *err)
{
    switch (kind) {
    case FILE_CHIP:
        return check_chip(what, inputs, err);
    case FILE_NET:
        return check_net(what, inputs, err);
    case FILE_SWEEP:
        return check_sweep(what, inputs, err);
    case FILE_TRAIN:
        return check_training(what, inputs, err);
    case FILE_SEARCH:
        return check_search(what, inputs, err);
    case FILE_KINDS:
        break;
    }
    if (is_file(what))
        return err_set(err,
                       "%.300s: has no key of a chip, a net or a job; 'bitline show schema' lists "
                       "them all",
                       what);
    return err_set(err,
                   "there is no chip, net or job '%.100s'; 'bitline list chips', 'bitline list "
                   "nets' and 'bitline list workloads' name them; a file needs a '/', .yaml or "
                   ".csv",
                   what);
}

static bool check(const char *what, const struct inputs *inputs, struct err *err)
{
    struct file_guess guess = {FILE_NET, false};
    struct err why = {0};
    if (!is_csv(what))
        guess = is_file(what) ? file_guess(what) : file_guess_name(what);
    if (check_kind(guess.kind, what, inputs, &why))
        return true;
    if (!guess.by_keys || guess.kind == FILE_CHIP || guess.kind == FILE_KINDS)
        return err_set(err, "%s", why.text);
    return err_set(err, "%s (by its keys most like %s; 'kind: %s' in it would say so)", why.text,
                   file_kind_phrase(guess.kind), file_kind_names[guess.kind]);
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
