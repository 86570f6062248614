// Parsing common to all kinds of job files: file names in them, and "KEY=VALUE" overrides.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/conf/conf.h"
#include "tools/study/file_kind.h"

struct arena;
struct err;

// Opens a job of a kind by name or file and applies the sets ("KEY=VALUE"). Refuses a file of
// another kind, as given by its key `kind` or its other keys.
struct conf *jobfile_open(const char *what, enum file_kind kind, const char *const *sets,
                          size_t n_sets, struct err *err);

enum jobfile_value {
    JOBFILE_NAME,    // in the catalog, or a file if it has a '/' or ends in .yaml or .csv
    JOBFILE_WEIGHTS, // a file if it has a '.' or a '/', else a name
    JOBFILE_DATA,    // a data set; the part after ':' is a folder
};
// Makes the file name at a dotted path absolute; does nothing if the key is absent. The name is
// relative to the file that contains it, or to the working directory if it was typed or is
// embedded.
bool jobfile_resolve(struct conf *conf, const char *path, enum jobfile_value value,
                     struct err *err);

// Checks the name, which becomes a folder name and appears in plots and tables.
bool jobfile_check_name(const struct conf *conf, const char *name, struct err *err);

// A scalar or a list in the syntax of --set. NULL for a map.
const char *jobfile_text(const struct conf *conf, const struct conf_node *node, struct err *err);

struct jobfile_sets {
    size_t n;
    const char **items; // "PATH=VALUE"
};
// Reads the job's key `set`: keys may be dotted or maps in maps: {adc: {bits: 6}} is {adc.bits: 6}.
bool jobfile_sets(const struct conf *conf, const struct conf_node *set, struct jobfile_sets *out,
                  struct err *err);

// "64,80,96"; NULL if there are none.
const char *jobfile_widths(const struct conf_ints *widths, struct arena *mem);
