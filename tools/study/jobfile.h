// What the files of all kinds of jobs share: names of files in them, sets laid over them.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/conf/conf.h"
#include "tools/study/file_kind.h"

struct arena;
struct err;

// Opens a job of a kind by name or file, with the sets ("KEY=VALUE") laid over it. A file that is
// of another kind, by its key `kind` or by its keys, is refused.
struct conf *jobfile_open(const char *what, enum file_kind kind, const char *const *sets,
                          size_t n_sets, struct err *err);

enum jobfile_value {
    JOBFILE_NAME,    // of the library, or a file if it has a '/' or ends in .yaml or .csv
    JOBFILE_WEIGHTS, // a file if it has a '.' or a '/', else a name
    JOBFILE_DATA,    // a set of images; what follows the ':' is a folder
};
// Makes the file name at a dotted path absolute; nothing happens if it is not there. It is relative
// to the file that says it, or to the folder one is in if it was typed or is embedded.
bool jobfile_resolve(struct conf *conf, const char *path, enum jobfile_value value,
                     struct err *err);

// The name becomes a folder, and stands in plots and tables.
bool jobfile_check_name(const struct conf *conf, const char *name, struct err *err);

// A scalar or a list as --set takes it. NULL for a map.
const char *jobfile_text(const struct conf *conf, const struct conf_node *node, struct err *err);

struct jobfile_sets {
    size_t n;
    const char **items; // "PATH=VALUE"
};
// Reads the job's key `set`: keys may be dotted or maps in maps: {adc: {bits: 6}} is {adc.bits: 6}.
bool jobfile_sets(const struct conf *conf, const struct conf_node *set, struct jobfile_sets *out,
                  struct err *err);

// "64,80,96", NULL of none.
const char *jobfile_widths(const struct conf_ints *widths, struct arena *mem);
