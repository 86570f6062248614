// Stage C: the nets that a search chose, and uniform ones, trained from scratch as a training job
// says, and counted on test images that the search has not seen.
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

// As the job has it.
struct retrain_params {
    const char *train; // a training job of the same net
    const struct conf_node *set;
    struct jobfile_sets sets; // over it: of the search's images and of `set`
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
    double *accuracies;                   // (seeds), of test images
    double accuracy;                      // their mean
    // Where faults are stated, per training; else NULL.
    struct fault_accuracy *robust; // (seeds); accuracies (seeds, trials) stand in one piece
};

struct finals {
    size_t n, seeds, trials; // trials: 0 where no faults are stated
    struct retrain_net *nets;
    struct arena *mem;
};

// Before the search: whether the job trains the net that is searched, and the uniform nets are some
// of its references.
bool retrain_check(const struct search *search, struct err *err);
// After it: all in FOLDER/stage-c, going on with what is there; final.csv when all are done. *done
// is false if it was stopped. `next` is called before each training; NULL: nobody.
bool retrain_run(const struct search *search, const char *folder, const char *version,
                 const struct subprocess *how, void (*next)(const char *name, int run), bool *done,
                 struct finals **out, struct err *err);
// Over all trainings of a net: on chips without faults, and with them over all trials.
struct retrain_robustness {
    double whole, mean, deviation;
};
struct retrain_robustness retrain_robustness(const struct finals *finals,
                                             const struct retrain_net *net);
void finals_destroy(struct finals *finals); // NULL is fine
