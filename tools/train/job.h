// A training job, read and checked, with all files that it names opened.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "nets/train/recipe.h"

struct backend;
struct chip;
struct dataset;
struct err;
struct mapping;
struct net;
struct perturbation;
struct weights;

struct train_job {
    struct conf *conf; // resolved: file names are absolute; owns all strings
    struct recipe recipe;
    struct net *net, *teacher;
    struct net *init_net;                   // of init, if its widths differ; else NULL
    struct weights *init, *teacher_weights; // NULL if the job has none
    struct dataset *data, *test;            // training and test part of the data set
    const struct backend *backend;
    // Perturbation of training by a chip; NULL without one.
    struct chip *chip;
    struct mapping *map;
    struct perturbation *perturbation;
    const char *chip_text; // "NAME [HASH]"
};

// Opens the job by name or file and applies the sets ("KEY=VALUE"). File names in it are relative
// to the file that contains them, those of a set to the working directory.
bool train_job_load(const char *what, const char *const *sets, size_t n_sets,
                    struct train_job **out, struct err *err);
// The job's net at other widths, a callback of struct resize for super-nets; `job` is the context.
bool train_job_resize(const void *job, const int *widths, struct net **out, struct err *err);
void train_job_destroy(struct train_job *job); // NULL is fine
