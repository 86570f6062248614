// bitline SUBCOMMAND ...: finds the subcommand and calls it.
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/conf/suggest.h"
#include "tools/cli/cmd.h"
#include "tools/cli/options.h"
#include "tools/cli/memory.h"
#include "tools/cli/process.h"
#include "tools/study/version.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
    {"run", cmd_run, "simulate a network on a chip: energy, time, area, trace"},
    {"eval", cmd_eval, "inference accuracy on a (faulty) chip"},
    {"sweep", cmd_sweep, "accuracy over fault rates or any key, with intervals and a plot"},
    {"train", cmd_train, "train a network: weights, and accuracy after every epoch"},
    {"search", cmd_search, "search layer widths that trade accuracy against cost on a chip"},
    {"show", cmd_show, "print a chip, a network, or the reference of all keys"},
    {"list", cmd_list, "list the available chips, networks, jobs and weights"},
    {"check", cmd_check, "check chip, network and job files"},
    {"trace", cmd_trace, "summarise a trace: energy by layer, busiest parts"},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fputs("Usage: bitline COMMAND ...\n\n"
          "Simulates neural networks on accelerators made of ReRAM crossbars.\n\n",
          out);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-7s %s\n", commands[i].name, commands[i].help);
    fputs(
        "\nExamples:\n"
        "  bitline run hawis resnet20\n"
        "  bitline run hawis resnet20 --width 3x --trace trace.json\n"
        "  bitline show net resnet20 --form binary\n"
        "  bitline help COMMAND         or bitline COMMAND --help: options and examples\n"
        "\nExit codes: 0 ok, 1 the work failed, 2 bad usage or input, 128+N stopped by signal N;\n"
        "see docs/exit-codes.md.\n",
        out);
}

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(name, commands[i].name))
            return &commands[i];
    return NULL;
}

static int refuse_command(const char *name)
{
    struct suggest near = {.word = name};
    struct err err = {0};
    for (int i = 0; i < N_COMMANDS; i++)
        suggest_offer(&near, commands[i].name);
    if (near.best)
        err_set(&err, "unknown command '%.100s' (did you mean '%s'?); see bitline --help", name,
                near.best);
    else
        err_set(&err, "unknown command '%.100s'; see bitline --help", name);
    return cli_refuse(&err);
}

static bool is_help(const char *word)
{
    return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help");
}

// `bitline help COMMAND` is `bitline COMMAND --help`.
static int help(int argc, char **argv)
{
    static char option[] = "--help";
    if (argc < 3) {
        print_help(stdout);
        return cli_finish(EXIT_OK);
    }
    const struct command *command = find_command(argv[2]);
    if (!command)
        return refuse_command(argv[2]);
    char *words[] = {argv[2], option, NULL};
    return command->run(2, words);
}

int main(int argc, char **argv)
{
    memory_start();
    process_init();
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (is_help(argv[1]))
        return help(argc, argv);
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        puts("bitline " BITLINE_VERSION);
        return cli_finish(EXIT_OK);
    }
    const struct command *command = find_command(argv[1]);
    if (!command)
        return refuse_command(argv[1]);
    options_short_help(argc, argv);
    return command->run(argc - 1, argv + 1);
}
