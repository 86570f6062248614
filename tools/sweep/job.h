// A sweep job read from its YAML file and checked; the files it names are not opened.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf/conf.h"
#include "sim/crossbar/mitigation.h"
#include "tools/study/jobfile.h"

struct err;
struct inputs;

enum { JOB_MAX_AXES = 8, JOB_MAX_POINTS = 100000, JOB_MAX_TRIALS = 1000000 };

// A parameter of the chip's defects does not need a chip of its own; any other key does.
enum axis_kind { AXIS_DEFECT, AXIS_SET };

struct job_axis {
    const char *path; // as in the file: "sa0", "adc.bits", "net.levels"
    double from, to, step;
    bool has_from, has_to, has_step;
    const struct conf_node *list;    // "values"; NULL: from, to, step
    enum axis_kind kind;             // the following is derived from the above
    const struct conf_field *defect; // of defect_fields
    size_t n;
    const char **values; // in the syntax of --set
};

struct job_stop {
    double interval; // a point ends when half of its 95 % interval is at most this...
    int least;       // ...and it has this many trials
};

struct job {
    struct conf *conf; // resolved: file names are absolute; owns all strings
    const char *kind, *name, *description, *chip, *net, *width, *weights, *data;
    int form; // of net_form_names, if has_form
    bool has_form, has_stop;
    struct conf_ints widths;
    int images; // -1: all
    int trials, seed, jobs;
    double sa0, sa1; // if they are not swept
    const char *mend_words;
    int mend_images;
    struct mitigation_params mend; // from the two keys above
    const struct conf_node *set;
    struct conf_list sweep; // of struct job_axis, the first is the slowest
    struct job_stop stop;
    struct jobfile_sets sets; // for inputs, from `set`
    size_t n_points;          // the product of the axes
};

extern const struct conf_field job_fields[];

// The member of struct defect_params that a path names: sa0, sa1, sigma, defects.KEY. NULL: none.
const struct conf_field *job_defect(const char *path);

// Opens the job by name or file and applies the sets ("KEY=VALUE"). File names in it are relative
// to the file that contains them, those of a set to the working directory.
bool job_load(const char *what, const char *const *sets, size_t n_sets, struct job **out,
              struct err *err);
void job_destroy(struct job *job); // NULL is fine

static inline const struct job_axis *job_axis(const struct job *job, size_t i)
{
    return (const struct job_axis *)job->sweep.items + i;
}
