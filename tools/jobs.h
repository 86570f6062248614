// What the job files of sweep, train and search share: names in them, settings laid over them.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct arena;
struct conf;
struct conf_node;
struct err;

// Opens a job by name or file, with the sets ("KEY=VALUE") laid over it. NULL on failure.
struct conf *jobs_open(const char *what, const char *const *sets, size_t n_sets, struct err *err);
// Makes the file name at a key absolute: relative to the file that says it, for a set to the folder
// one is in. Of a data set ("kind:FOLDER", `data` true) what follows the ':'. Names that are no
// files stay, unless `always`. A key that is absent is fine.
bool jobs_resolve(struct conf *conf, const char *key, bool data, bool always, struct err *err);
// The name becomes a folder, and stands in plots and tables.
bool jobs_check_name(const struct conf *conf, const char *name, struct err *err);
// A scalar's or a list's text, as --set takes it; NULL on failure.
const char *jobs_text(struct arena *mem, const struct conf_node *node, struct err *err);

// Adds "PATH=VALUE" for every scalar in a map; keys may be dotted or maps in maps: {adc: {bits: 6}}
// is {adc.bits: 6}.
enum { JOBS_MAX_SETS = 128 };
struct job_sets {
    const char *sets[JOBS_MAX_SETS];
    size_t n;
};
bool jobs_add_sets(struct arena *mem, const struct conf_node *node, struct job_sets *out,
                   struct err *err);
