#include "tools/cli/options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/escape.h"
#include "base/mem.h"
#include "base/visible.h"
#include "base/warn.h"
#include "tools/study/exit_codes.h"

bool options_parse(struct inputs *inputs, int key, char *arg, struct err *err)
{
    switch (key) {
    case OPTION_FORM:
        inputs->form = arg;
        return true;
    case OPTION_WIDTH:
        inputs->width = arg;
        return true;
    case OPTION_WIDTHS:
        inputs->widths = arg;
        return true;
    case OPTION_SET:
        if (!strchr(arg, '='))
            err_set(err, "--set %s: expected PATH=VALUE, such as adc.count=64", arg);
        else if (inputs->n_sets == sizeof inputs->sets / sizeof *inputs->sets)
            err_set(err,
                    "too many --set options (at most %zu); write a chip file that extends this one",
                    inputs->n_sets);
        else
            inputs->sets[inputs->n_sets++] = arg;
        return true;
    default:
        return false;
    }
}

bool options_chip_net(int key, const char *arg, struct argp_state *state, const char **chip,
                      const char **net)
{
    if (key == ARGP_KEY_ARG && state->arg_num > 1)
        argp_error(state, "unexpected argument '%s': expected CHIP and NET", visible(arg));
    if (key == ARGP_KEY_END && state->arg_num < 2)
        argp_error(state, "CHIP and NET are required");
    if (key == ARGP_KEY_ARG)
        *(state->arg_num ? net : chip) = arg;
    return key == ARGP_KEY_ARG || key == ARGP_KEY_END;
}

enum { OPTION_USAGE = 2000 };

// argp's own --help exits without checking that the output was written.
static error_t parse_help(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    if (key != '?' && key != OPTION_USAGE)
        return ARGP_ERR_UNKNOWN;
    unsigned what = key == '?' ? ARGP_HELP_STD_HELP : ARGP_HELP_USAGE;
    argp_state_help(state, stdout, what & ~(unsigned)ARGP_HELP_EXIT_OK);
    exit(cli_finish(EXIT_OK));
}

// getopt prints unknown options unescaped; this refuses those with control characters first.
static void refuse_invisible_options(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (*argv[i] != '-')
            continue;
        char *option = mem_alloc(strlen(argv[i]) + 1, 1);
        memcpy(option, argv[i], strcspn(argv[i], "="));
        bool clean = escape_is_line(option);
        if (!clean)
            fprintf(stderr, "bitline: unknown option '%s'; see bitline --help\n", visible(option));
        free(option);
        if (!clean)
            exit(EXIT_USAGE);
    }
}

void options_run(const struct argp *argp, int argc, char **argv, unsigned flags, void *input)
{
    static const struct argp_option help_options[] = {
        {"help", '?', NULL, 0, "Print this help", -1},
        {"usage", OPTION_USAGE, NULL, 0, "Print a short usage message", 0},
        {0},
    };
    static const struct argp help = {help_options, parse_help, 0, 0, 0, 0, 0};
    const struct argp_child children[] = {{argp, 0, NULL, 0}, {&help, 0, NULL, 0}, {0}};
    const struct argp both = {
        .children = children}; // without a parser, so that argp passes input to the first child
    refuse_invisible_options(argc, argv);
    argp_err_exit_status = EXIT_USAGE;
    bool silent = (flags & ARGP_SILENT) == ARGP_SILENT;
    if (argp_parse(silent ? argp : &both, argc, argv, flags | ARGP_NO_HELP, NULL, input) == ENOMEM)
        mem_fail(0);
}

void options_short_help(int argc, char **argv)
{
    static char option[] = "--help";
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (!strcmp(argv[i], "-h"))
            argv[i] = option;
}

const char *cli_command(int argc, char **argv)
{
    static struct arena *mem;
    arena_destroy(mem);
    mem = arena_create();
    const char *command = "bitline";
    for (int i = 0; i < argc; i++)
        command = arena_printf(mem, "%s %s", command, escape_shell(mem, argv[i]));
    return command;
}

void cli_say(const char *before, const char *text)
{
    fprintf(stderr, "bitline: %s%s\n", before, visible(text));
}

int cli_refuse(const struct err *err)
{
    cli_say("", err->text);
    return err->class == ERR_WORK ? EXIT_FAILED : EXIT_USAGE;
}

void cli_warn(const struct warnings *warnings)
{
    for (size_t i = 0; i < warnings->n; i++)
        cli_say("warning: ", warnings->items[i].text);
}

static int output_error; // errno of the first failed write

void cli_flush(void)
{
    if (fflush(stdout) != 0 && !output_error)
        output_error = errno;
}

int cli_finish(int code)
{
    // After an earlier failure this tries to write the rest, and fails again if the cause persists.
    bool earlier = ferror(stdout) != 0;
    cli_flush();
    if (!earlier && !output_error)
        return code;
    fprintf(stderr, "bitline: the output could not be written: %s\n",
            output_error ? strerror(output_error)
                         : "a write failed; check that the disk is not full");
    return EXIT_FAILED;
}

int cli_finish_warned(int code, const struct warnings *warnings)
{
    int finished = cli_finish(code);
    if (finished == code)
        cli_warn(warnings);
    return finished;
}
