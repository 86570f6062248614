// bitline check FILE...: loads each chip, net or job file, and maps nets on a chip.
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/warn.h"
#include "sim/chip/chip.h"
#include "sim/chip/plausible_chip.h"
#include "sim/energy/charge.h"
#include "sim/map/map.h"
#include "tools/cli/adc_report.h"
#include "tools/cli/cmd.h"
#include "tools/cli/file_guess.h"
#include "tools/cli/options.h"
#include "tools/cli/job_check.h"
#include "tools/search/job.h"
#include "tools/sweep/job.h"
#include "tools/train/job.h"
#include "base/visible.h"

static const char doc[] =
    "Check chip, network and job files (or names): every key, unit and range. Errors name file, "
    "line "
    "and column.\n\n"
    "The key 'kind' of a file (chip, net, sweep, train, search) names its kind. Without it, a file "
    "with 'layers' is a network, a file with 'sweep', 'epochs' or 'episodes' is a job, and any "
    "other "
    "file is of the kind that most of its keys belong to. A .csv file is a layer table.\n\n"
    "Chips: warnings report an implausible on/off ratio, variation, die area or power density, "
    "parts of different technology nodes, and inherited values that depend on a changed key.\n"
    "Networks: the default form must be possible; impossible forms are listed.\n"
    "One chip with networks: each network must fit on the chip as in 'bitline run CHIP NET'; the "
    "ADC "
    "bits that it needs are printed.\n"
    "Jobs: the chip and network of a sweep or search are loaded with every setting of the job; for "
    "a "
    "training job, images and weights are loaded too.\v"
    "Examples:\n"
    "  bitline check my-chip.yaml my-net.yaml my-job.yaml\n"
    "  bitline check hawis resnet20\n"
    "  bitline check search-synth\n"
    "  bitline check figure3-sa0 --set weights=train-signs";

static const struct argp_option options[] = {
    {"set", OPTION_SET, "PATH=VALUE", 0,
     "Override a key of the chip, the network (net.PATH) or the job", 0},
    {0},
};

struct args {
    struct inputs inputs;
    char **files;
    int n;
    struct err err;
};

// NOLINTNEXTLINE(readability-non-const-parameter): argp fixes the type of its parsers
static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct args *a = state->input;
    if (options_parse(&a->inputs, key, arg, &a->err))
        return 0;
    if (key == ARGP_KEY_ARGS) {
        a->files = state->argv + state->next;
        a->n = state->argc - state->next;
        return 0;
    }
    if (key == ARGP_KEY_NO_ARGS)
        argp_error(state, "at least one FILE is required");
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

// The description that a valid file holds; both NULL: a job.
struct described {
    struct chip *chip;
    struct net *net; // in its default form
};

// Prefixes each warning with the file's name, since several may be checked. Empties `found`.
static void print_warnings(const char *what, struct warnings *found)
{
    struct warnings named = {0};
    for (size_t i = 0; i < found->n; i++)
        warn_add(&named, found->items[i].code, "%.200s: %s", what, found->items[i].text);
    cli_flush();
    cli_warn(&named);
    warnings_fini(&named);
    warnings_fini(found);
}

static bool check_chip(const char *what, const struct inputs *inputs, struct chip **out,
                       struct err *err)
{
    struct warnings found = {0};
    if (!inputs_chip(inputs, what, out, err))
        return false;
    printf("%s: chip '%s' is fine\n", visible(what), visible((*out)->name));
    plausible_chip(*out, NULL, NULL, &found);
    print_warnings(what, &found);
    return true;
}

struct form_check {
    bool ok;
    struct err why;
};

static bool build_form(const char *what, const struct inputs *inputs, const char *form,
                       struct err *err)
{
    struct inputs in_form = *inputs;
    struct net *net = NULL;
    in_form.form = form;
    bool ok = inputs_net(&in_form, what, &net, err);
    net_destroy(net);
    return ok;
}

// Sets err to the error of the default form, with the forms that are possible instead, if any.
static bool refuse_net(const struct form_check *forms, const struct err *why, struct err *err)
{
    const char *first = NULL;
    for (int f = FORM_COUNT - 1; f >= 0; f--)
        if (forms[f].ok)
            first = net_form_names[f];
    if (!first)
        return err_wrap(err, why, "%s", why->text);
    return err_wrap(err, why,
                    "%s; the network is possible in another form, such as %s: set default_form: %s",
                    why->text, first, first);
}

// The default form must be possible; other impossible forms are listed and are not an error.
static bool check_net(const char *what, const struct inputs *inputs, struct net **out,
                      struct err *err)
{
    struct form_check forms[FORM_COUNT] = {0};
    struct err why = {0};
    bool ok = inputs_net(inputs, what, out, &why);
    for (int f = 0; f < FORM_COUNT; f++)
        forms[f].ok = build_form(what, inputs, net_form_names[f], &forms[f].why);
    if (!ok)
        return refuse_net(forms, &why, err);
    if (!weights_writable(*out, &why)) {
        net_destroy(*out);
        *out = NULL;
        return err_wrap(err, &why, "%.200s: %s", what, why.text);
    }
    printf("%s: net '%s' is fine\n", visible(what), visible((*out)->name));
    for (int f = 0; f < FORM_COUNT; f++)
        if (!forms[f].ok)
            printf("  not available in form %s: %s\n", net_form_names[f],
                   visible(forms[f].why.text));
    return true;
}

static bool check_sweep(const char *what, const struct inputs *inputs, struct err *err)
{
    struct job *job = NULL;
    bool ok = job_load(what, inputs->sets, inputs->n_sets, &job, err) && job_check_sweep(job, err);
    if (ok)
        printf("%s: job '%s' (bitline sweep) is fine\n", visible(what), visible(job->name));
    job_destroy(job);
    return ok;
}

static bool check_training(const char *what, const struct inputs *inputs, struct err *err)
{
    struct train_job *job = NULL;
    bool ok = train_job_load(what, inputs->sets, inputs->n_sets, &job, err);
    if (ok)
        printf("%s: job '%s' (bitline train) is fine\n", visible(what), visible(job->recipe.name));
    train_job_destroy(job);
    return ok;
}

static bool check_search(const char *what, const struct inputs *inputs, struct err *err)
{
    struct search_job *job = NULL;
    bool ok = search_job_load(what, inputs->sets, inputs->n_sets, &job, err) &&
              job_check_search(job, err);
    if (ok)
        printf("%s: job '%s' (bitline search) is fine\n", visible(what), visible(job->name));
    search_job_destroy(job);
    return ok;
}

static bool check_kind(enum file_kind kind, const char *what, const struct inputs *inputs,
                       struct described *out, struct err *err)
{
    switch (kind) {
    case FILE_CHIP:
        return check_chip(what, inputs, &out->chip, err);
    case FILE_NET:
        return check_net(what, inputs, &out->net, err);
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
        return err_set(
            err,
            "%.300s: not a chip, network or job: none of its keys is known; 'bitline show schema' "
            "lists all keys",
            what);
    return err_set(
        err,
        "unknown chip, network or job '%.100s'; 'bitline list chips', 'bitline list nets' "
        "and 'bitline list workloads' list the names; a file name has a '/', or ends in "
        ".yaml or .csv",
        what);
}

static bool check(const char *what, const struct inputs *inputs, struct described *out,
                  struct err *err)
{
    struct file_guess guess = {FILE_NET, false};
    struct err why = {0};
    if (!is_csv(what))
        guess = is_file(what) ? file_guess(what) : file_guess_name(what);
    if (check_kind(guess.kind, what, inputs, out, &why))
        return true;
    if (!guess.by_keys || guess.kind == FILE_CHIP || guess.kind == FILE_KINDS)
        return err_wrap(err, &why, "%s", why.text);
    return err_wrap(err, &why, "%s (most of its keys belong to %s; add 'kind: %s' if it is one)",
                    why.text, file_kind_phrase(guess.kind), file_kind_names[guess.kind]);
}

// Maps the net as bitline run CHIP NET does, with the default seed.
static bool check_pair(const char *what, const struct chip *chip, const struct net *net,
                       struct err *err)
{
    struct mapping *map = NULL;
    struct warnings found = {0};
    struct err why = {0};
    if (!map_net(net, chip, 1, &map, &why) || !charge_check(map, &why)) {
        map_destroy(map);
        return err_wrap(err, &why, "%.200s: %s", what, why.text);
    }
    printf("%s: fits in form %s: %d crossbars on %d of %d tiles\n", visible(what),
           net_form_names[net->form], map->use.crossbars, map->use.tiles, chip_tiles(chip));
    adc_rows_text(map, "  ADC");
    adc_rows_warn(map, &found);
    print_warnings(what, &found);
    map_destroy(map);
    return true;
}

// Checks each net on the chip if exactly one chip was named. Returns `code`, or the exit code of an
// error.
static int check_pairs(const struct args *a, const struct described *files, int code)
{
    int chips = 0, at = 0;
    for (int i = 0; i < a->n; i++)
        if (files[i].chip) {
            chips++;
            at = i;
        }
    for (int i = 0; chips == 1 && i < a->n; i++) {
        struct err err = {0};
        char what[200];
        snprintf(what, sizeof what, "%.90s on %.90s", a->files[i], a->files[at]);
        if (files[i].net && !check_pair(what, files[at].chip, files[i].net, &err))
            code = cli_refuse(&err);
    }
    return code;
}

int cmd_check(int argc, char **argv)
{
    static const struct argp argp = {options, parse, "FILE...", doc, 0, 0, 0};
    static char name[] = "bitline check";
    struct args a = {0};
    argv[0] = name;
    options_run(&argp, argc, argv, 0, &a);
    if (a.err.text[0])
        return cli_refuse(&a.err);
    int code = EXIT_OK;
    struct described *files = mem_alloc((size_t)a.n, sizeof *files);
    for (int i = 0; i < a.n; i++) {
        struct err err = {0};
        if (!check(a.files[i], &a.inputs, &files[i], &err))
            code = cli_refuse(&err);
    }
    code = check_pairs(&a, files, code);
    for (int i = 0; i < a.n; i++) {
        chip_destroy(files[i].chip);
        net_destroy(files[i].net);
    }
    free(files);
    return cli_finish(code);
}
