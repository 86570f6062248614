// bitline check FILE...: is each a chip or a net that loads?
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/err.h"
#include "sim/chip/chip.h"
#include "sim/conf/conf.h"
#include "tools/cmd.h"
#include "tools/inputs.h"

static const char doc[] =
    "Check chip and net files (or names): every key, unit and range, with file, line and column of "
    "what is wrong. A file with 'layers' is a net, any other a chip; .csv is a layer table.\v"
    "Examples:\n"
    "  bitline check my-chip.yaml my-net.yaml\n"
    "  bitline check hawis resnet20";

struct args {
    char **files;
    int n;
};

// NOLINTNEXTLINE(readability-non-const-parameter): argp says what its parsers look like
static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct args *a = state->input;
    (void)arg;
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

// A file says what it is; a name is a chip's if there is such a chip, else a net's.
static bool is_net(const char *what)
{
    if (is_csv(what))
        return true;
    if (is_file(what)) {
        struct conf *conf = conf_open(what, NULL);
        bool net = conf && conf_find(conf->root, "layers");
        conf_close(conf);
        return net;
    }
    return !is_named(LIBRARY_CHIP, what) && is_named(LIBRARY_NET, what);
}

static bool check(const char *what, struct err *err)
{
    struct inputs inputs = {0};
    if (!is_file(what) && !is_csv(what) && !is_named(LIBRARY_CHIP, what) &&
        !is_named(LIBRARY_NET, what))
        return err_set(err,
                       "there is no chip or net '%.100s'; 'bitline list chips' and 'bitline list "
                       "nets' name them; a file needs a '/', .yaml or .csv",
                       what);
    if (!is_net(what)) {
        struct chip *chip = NULL;
        if (!inputs_chip(&inputs, what, &chip, err))
            return false;
        printf("%s: chip '%s' is fine\n", what, chip->name);
        chip_destroy(chip);
        return true;
    }
    for (int f = 0; f < FORM_COUNT; f++) { // every form must be buildable
        struct net *net = NULL;
        inputs.form = net_form_names[f];
        if (!inputs_net(&inputs, what, &net, err))
            return false;
        if (f == 0)
            printf("%s: net '%s' is fine\n", what, net->name);
        net_destroy(net);
    }
    return true;
}

int cmd_check(int argc, char **argv)
{
    static const struct argp argp = {NULL, parse, "FILE...", doc, 0, 0, 0};
    static char name[] = "bitline check";
    struct args a = {0};
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    int code = EXIT_OK;
    for (int i = 0; i < a.n; i++) {
        struct err err = {0};
        if (!check(a.files[i], &err))
            code = inputs_refuse(&err);
    }
    return inputs_finish(code);
}
