// The command line: options that several subcommands share, messages on stderr, and exit.
#pragma once
#include <stdbool.h>

#include "tools/study/inputs.h"

struct argp;
struct argp_state;
struct err;
struct warnings;

// Parses --form, --width, --widths and --set; false for any other key.
enum { OPTION_FORM = 1000, OPTION_WIDTH, OPTION_WIDTHS, OPTION_SET };
bool options_parse(struct inputs *inputs, int key, char *arg, struct err *err);
// Parses the arguments CHIP and NET for an argp parser; false for any other key.
bool options_chip_net(int key, const char *arg, struct argp_state *state, const char **chip,
                      const char **net);

// argp_parse for a command: unless the flags say ARGP_SILENT, bad usage ends the program with
// EXIT_USAGE, --help and --usage with 0 or, where they could not be printed, EXIT_FAILED and a
// sentence.
void options_run(const struct argp *argp, int argc, char **argv, unsigned flags, void *input);
// Replaces each argument -h, up to a "--", by --help.
void options_short_help(int argc, char **argv);
// The command line quoted for a shell, for provenance; valid until the next call.
const char *cli_command(int argc, char **argv);
// Prints "bitline: ", `before` and the text on stderr, on one visible line.
void cli_say(const char *before, const char *text);
// Prints "bitline: SENTENCE" on stderr in the same way, and returns the exit code of
// its class: EXIT_USAGE or EXIT_FAILED.
int cli_refuse(const struct err *err);
// Prints "bitline: warning: SENTENCE" on stderr for each.
void cli_warn(const struct warnings *warnings);
// Flushes stdout, so that later messages on stderr follow it.
void cli_flush(void);
// Flushes stdout at exit. Returns code, or EXIT_FAILED with a message on stderr if not all output
// could be written.
int cli_finish(int code);
// The same, then prints the warnings on stderr, unless the output could not be written.
int cli_finish_warned(int code, const struct warnings *warnings);
