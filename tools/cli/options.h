// The command line: options that several subcommands share, what is printed on stderr, and the end.
#pragma once
#include <stdbool.h>

#include "tools/study/inputs.h"

struct argp;
struct argp_state;
struct err;
struct warnings;

// Takes one of the options --form, --width, --widths, --set; false if it is none of them.
enum { OPTION_FORM = 1000, OPTION_WIDTH, OPTION_WIDTHS, OPTION_SET };
bool options_parse(struct inputs *inputs, int key, char *arg, struct err *err);
// An argp_parser's work for the arguments CHIP and NET; false if `key` is none of theirs.
bool options_chip_net(int key, const char *arg, struct argp_state *state, const char **chip,
                      const char **net);

// argp_parse for a command: unless the flags say ARGP_SILENT, bad usage ends the program with
// EXIT_USAGE, --help and --usage with 0 or, where they could not be printed, EXIT_FAILED and a
// sentence.
void options_run(const struct argp *argp, int argc, char **argv, unsigned flags, void *input);
// Turns each argument -h, up to a "--", into the --help that argp knows.
void options_short_help(int argc, char **argv);
// The command line in words of a shell, for provenance; lives until the next call.
const char *cli_command(int argc, char **argv);
// Prints "bitline: ", `before` and the text on stderr, on one visible line.
void cli_say(const char *before, const char *text);
// Prints "bitline: SENTENCE" on stderr in the same way, and returns the exit code of
// its class: EXIT_USAGE or EXIT_FAILED.
int cli_refuse(const struct err *err);
// Prints "bitline: warning: SENTENCE" on stderr for each.
void cli_warn(const struct warnings *warnings);
// Writes out what stdout holds, so that what stderr gets next stands behind it.
void cli_flush(void);
// The same at the end. Returns code, or EXIT_FAILED and a word on stderr when not
// all of the output could be written.
int cli_finish(int code);
// The same, and prints the warnings on stderr after it; not where the output could not be written.
int cli_finish_warned(int code, const struct warnings *warnings);
