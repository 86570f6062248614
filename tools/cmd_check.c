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

// A file says what it is; a name is a chip's if there is such a chip, else a net's.
static bool is_net(const char *what)
{
    if (is_csv(what))
        return true;
    struct conf *conf = NULL;
    if (is_file(what)) {
        conf = conf_open(what, NULL);
        bool net = conf && conf_find(conf->root, "layers");
        conf_close(conf);
        return net;
    }
    conf = library_open(inputs_library(), LIBRARY_CHIP, what, NULL);
    conf_close(conf);
    if (conf)
        return false;
    conf = library_open(inputs_library(), LIBRARY_NET, what, NULL);
    conf_close(conf);
    return conf != NULL;
}

static bool check(const char *what, struct err *err)
{
    struct inputs inputs = {0};
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
    return fflush(stdout) ? EXIT_FAILED : code;
}
