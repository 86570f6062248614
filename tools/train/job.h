// A training job, read, checked and with all that it names opened.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "nets/train/recipe.h"

struct backend;
struct dataset;
struct err;
struct net;
struct weights;

struct train_job {
    struct conf *conf; // resolved: names of files are absolute; owns all texts
    struct recipe recipe;
    struct net *net, *teacher;
    struct net *init_net;                   // of init, where that is of another width; else NULL
    struct weights *init, *teacher_weights; // NULL where the job has none
    struct dataset *data, *test;            // the two parts of one set
    const struct backend *backend;
};

// Opens the job by name or file, with the sets ("KEY=VALUE") laid over it. File names in it are
// relative to the file that says them, those of a set to the folder one is in.
bool train_job_load(const char *what, const char *const *sets, size_t n_sets,
                    struct train_job **out, struct err *err);
// The job's net at other widths, as a super-net wants it (struct resize); `job` is the context.
bool train_job_resize(const void *job, const int *widths, struct net **out, struct err *err);
void train_job_destroy(struct train_job *job); // NULL is fine
