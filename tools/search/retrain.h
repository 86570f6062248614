// Stage C: trains the nets that a search chose, and uniform nets, from scratch with a training job,
// and measures them on test images that the search has not used.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/conf/conf.h"
#include "tools/study/jobfile.h"
#include "tools/search/fault_accuracy.h"

struct subprocess;
struct arena;
struct err;
struct search;
struct search_episode;

// As read from the job.
struct retrain_params {
    const char *train; // a training job of the same net
    const struct conf_node *set;
    struct jobfile_sets sets; // its overrides: the search's images, and `set`
    int nets, seeds;
    struct conf_nums uniform; // ratios
    struct faults_params faults;
    bool has_faults;
};
extern const struct conf_field retrain_fields[];

// One net, trained `seeds` times.
struct retrain_net {
    const char *name;
    const struct search_episode *episode; // widths and costs
    double *accuracies;                   // (seeds), on test images
    double accuracy;                      // their mean
    // Per training run if faults are stated; else NULL.
    struct fault_accuracy *robust; // (seeds); their accuracies are one array (seeds, trials)
};

struct finals {
    size_t n, seeds, trials; // trials: 0 if no faults are stated
    struct retrain_net *nets;
    struct arena *mem;
};

// Before the search: whether the training job trains the searched net, and the uniform nets are
// among the search's references.
bool retrain_check(const struct search *search, struct err *err);
// After the search: trains all nets in FOLDER/stage-c, resuming those begun; writes final.csv when
// all are done. *done is false if it was stopped. `next` is called before each training; may be
// NULL.
bool retrain_run(const struct search *search, const char *folder, const char *version,
                 const struct subprocess *how, void (*next)(const char *name, int run), bool *done,
                 struct finals **out, struct err *err);
// Over all training runs of a net: mean accuracy on chips without faults; mean and deviation over
// all trials with them.
struct retrain_robustness {
    double whole, mean, deviation;
};
struct retrain_robustness retrain_robustness(const struct finals *finals,
                                             const struct retrain_net *net);
void finals_destroy(struct finals *finals); // NULL is fine
