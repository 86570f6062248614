// Stage C: the nets that a search chose, and uniform ones, trained from scratch as a training job
// says, and counted on test images that the search has not seen.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/conf/conf.h"
#include "tools/study/jobfile.h"
#include "tools/search/robust.h"

struct apart;
struct arena;
struct err;
struct search;
struct search_episode;

// As the job has it.
struct final_params {
    const char *train; // a training job of the same net
    const struct conf_node *set;
    struct jobfile_sets sets; // over it: of the search's images and of `set`
    int nets, seeds;
    struct conf_nums uniform; // ratios
    struct faults_params faults;
    bool has_faults;
};
extern const struct conf_field final_fields[];

// One net, trained `seeds` times.
struct final_net {
    const char *name;
    const struct search_episode *episode; // widths and costs
    double *accuracies;                   // (seeds), of test images
    double accuracy;                      // their mean
    // Where faults are stated, per training; else NULL.
    struct robust *robust; // (seeds); accuracies (seeds, trials) stand in one piece
};

struct finals {
    size_t n, seeds, trials; // trials: 0 where no faults are stated
    struct final_net *nets;
    struct arena *mem;
};

// Before the search: whether the job trains the net that is searched, and the uniform nets are some
// of its references.
bool final_check(const struct search *search, struct err *err);
// After it: all in FOLDER/stage-c, going on with what is there; final.csv when all are done. *done
// is false if it was stopped. `next` is called before each training; NULL: nobody.
bool final_run(const struct search *search, const char *folder, const char *version,
               const struct apart *how, void (*next)(const char *name, int run), bool *done,
               struct finals **out, struct err *err);
// Over all trainings of a net: on chips without faults, and with them over all trials.
struct final_robustness {
    double whole, mean, deviation;
};
struct final_robustness final_robustness(const struct finals *finals, const struct final_net *net);
void finals_destroy(struct finals *finals); // NULL is fine
