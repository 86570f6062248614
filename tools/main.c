// bitline SUBCOMMAND ...: finds the subcommand and hands over.
#include <stdio.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/inputs.h"
#include "tools/version.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
    {"run", cmd_run, "simulate a net on a chip: energy, time, area, trace"},
    {"eval", cmd_eval, "run images through a chip's crossbars: what accuracy is left"},
    {"sweep", cmd_sweep, "accuracy over defect rates or any key, with intervals and a plot"},
    {"train", cmd_train, "train a net: weights, and the accuracy after every epoch"},
    {"search", cmd_search, "better widths for a net on a chip"},
    {"show", cmd_show, "print a chip, a net, or the reference of all keys"},
    {"list", cmd_list, "name the chips, nets or workloads that there are"},
    {"check", cmd_check, "check chip and net files"},
    {"trace", cmd_trace, "sum up a trace: energy by layer, busiest parts"},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fputs("Usage: bitline COMMAND ...\n\n"
          "Simulates neural networks on accelerators made of ReRAM crossbars.\n\n",
          out);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-7s %s\n", commands[i].name, commands[i].help);
    fputs("\nExamples:\n"
          "  bitline run hawis resnet20\n"
          "  bitline run hawis resnet20 --width 3x --trace trace.json\n"
          "  bitline show net resnet20 --form binary\n"
          "  bitline COMMAND --help\n",
          out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        puts("bitline " BITLINE_VERSION);
        return inputs_finish(EXIT_OK);
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_help(stdout);
        return inputs_finish(EXIT_OK);
    }
    fprintf(stderr, "bitline: '%s' is no command; see bitline --help\n", argv[1]);
    return EXIT_USAGE;
}
