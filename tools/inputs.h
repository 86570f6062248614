// What the subcommands that take CHIP and NET share: finding files, --set, forms and widths.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "nets/net.h"
#include "sim/conf/library.h"

struct argp;
struct argp_state;
struct chip;
struct err;
struct jsonw;
struct warnings;
struct weights;

enum { INPUTS_MAX_SETS = 256 };

struct inputs {
    const char *form, *width, *widths; // as given; NULL: not given
    const char *sets[INPUTS_MAX_SETS]; // "PATH=VALUE"
    size_t n_sets;
};

// The library of names: folders of BITLINE_PATH, then what is embedded. Lives for the program.
const struct library *inputs_library(void);
// A chip by name or file, with the sets that do not begin with "net.".
bool inputs_chip(const struct inputs *inputs, const char *what, struct chip **out, struct err *err);
// A net by name or file (YAML, or NeuroSim's .csv), in the form and at the widths asked for, with
// the sets that begin with "net.".
bool inputs_net(const struct inputs *inputs, const char *what, struct net **out, struct err *err);
// Weights for a net: a file; or, of a name without '.' and '/' that no file has, those that the job
// of that name left: NAME.safetensors in FOLDER, FOLDER/workloads or FOLDER/weights for each folder
// of BITLINE_PATH, then what is embedded.
bool inputs_weights(const char *what, const struct net *net, struct weights **out, struct err *err);
// Calls `each` with the name of all weights found by name, sorted, once each, and the first line of
// the description of the job of that name ("" where there is none).
void inputs_list_weights(void (*each)(const char *name, const char *description, void *arg),
                         void *arg);
// Takes one of the options --form, --width, --widths, --set; false if it is none of them.
enum { OPTION_FORM = 1000, OPTION_WIDTH, OPTION_WIDTHS, OPTION_SET };
bool inputs_option(struct inputs *inputs, int key, char *arg, struct err *err);
// An argp_parser's work for the arguments CHIP and NET; false if `key` is none of theirs.
bool inputs_chip_net(int key, const char *arg, struct argp_state *state, const char **chip,
                     const char **net);

// argp_parse for a command: unless the flags say ARGP_SILENT, bad usage ends the program with
// EXIT_USAGE, --help and --usage with 0 or, where they could not be printed, EXIT_FAILED and a
// sentence.
void inputs_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input);
// Turns each argument -h, up to a "--", into the --help that argp knows.
void inputs_short_help(int argc, char **argv);
// The command line in words of a shell, for provenance; lives until the next call.
const char *inputs_command(int argc, char **argv);
// Prints "bitline: ", `before` and the text on stderr, on one visible line.
void inputs_say(const char *before, const char *text);
// Prints "bitline: SENTENCE" on stderr in the same way, and returns the exit code of
// its class: EXIT_USAGE or EXIT_FAILED.
int inputs_refuse(const struct err *err);
// Prints "bitline: warning: SENTENCE" on stderr for each; the same as an array "warnings" of
// objects {code, text} in the JSON object that is open, also when there are none.
void inputs_warn(const struct warnings *warnings);
void inputs_warn_json(const struct warnings *warnings, struct jsonw *w);
// Writes out what stdout holds, so that what stderr gets next stands behind it.
void inputs_flush(void);
// The same at the end. Returns code, or EXIT_FAILED and a word on stderr when not
// all of the output could be written.
int inputs_finish(int code);
// The same, and prints the warnings on stderr after it; not where the output could not be written.
int inputs_finish_warned(int code, const struct warnings *warnings);
