// bitline list chips|nets|workloads|weights.
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "tools/cli/cmd.h"
#include "tools/cli/file_guess.h"
#include "tools/cli/options.h"
#include "base/visible.h"

static const char doc[] =
    "List the available chips, networks, jobs (workloads) or trained weights: those that ship with "
    "the program and those in the folders of BITLINE_PATH.\v"
    "Weights have the name of the job that trained them; `bitline train NAME` trains them "
    "again.\n\n"
    "Examples:\n"
    "  bitline list chips\n"
    "  BITLINE_PATH=$HOME/chips bitline list chips";

enum { WEIGHTS = CATALOG_KINDS }; // after the kinds of description files

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const words[] = {"chips", "nets", "workloads", "weights"};
    int *kind = state->input;
    if (key == ARGP_KEY_ARG) {
        for (int k = 0; k <= WEIGHTS; k++)
            if (!strcmp(arg, words[k]) && *kind < 0) {
                *kind = k;
                return 0;
            }
        argp_error(state, "unknown list '%s': expected chips, nets, workloads or weights",
                   visible(arg));
    }
    if (key == ARGP_KEY_END && *kind < 0)
        argp_error(state, "expected chips, nets, workloads or weights");
    return key == ARGP_KEY_END ? 0 : ARGP_ERR_UNKNOWN;
}

static void add_row(const char *name, const char *description, void *arg)
{
    table_cell(arg, "%s", name);
    table_cell(arg, "%s", description ? description : "");
}

struct rows {
    struct table *table;
    enum catalog_kind kind;
};

// Skips files of another kind: a folder of BITLINE_PATH may hold files of all kinds.
static void add_fitting(const char *name, const char *description, void *arg)
{
    const struct rows *rows = arg;
    if (file_guess_agrees(rows->kind, name))
        add_row(name, description, rows->table);
}

int cmd_list(int argc, char **argv)
{
    static const char *const headers[] = {"<name", "<description", NULL};
    static const struct argp argp = {NULL, parse, "chips|nets|workloads|weights", doc, 0, 0, 0};
    static char name[] = "bitline list";
    int kind = -1;
    argv[0] = name;
    options_run(&argp, argc, argv, 0, &kind);
    struct table *table = table_create(headers);
    struct rows rows = {table, (enum catalog_kind)kind};
    if (kind == WEIGHTS)
        inputs_list_weights(add_row, table);
    else
        catalog_list(inputs_catalog(), rows.kind, add_fitting, &rows);
    table_print(table, stdout);
    table_destroy(table);
    return cli_finish(EXIT_OK);
}
