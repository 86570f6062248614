// A search job read from its YAML file and checked; the files it names are not opened.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/conf/conf.h"
#include "tools/study/jobfile.h"
#include "tools/search/retrain.h"
#include "tools/search/formula.h"
#include "tools/search/reward.h"
#include "tools/search/fault_accuracy.h"
#include "tools/search/space.h"
#include "tools/search/supernet_accuracy.h"

struct agent_kind;
struct err;

enum { SEARCH_MAX_EPISODES = 1000000, SEARCH_MAX_ROUND = 4096 };

enum accuracy_source { SOURCE_FORMULA, SOURCE_COMMAND, SOURCE_SUPERNET };
extern const char *const search_source_names[]; // "formula", ...

struct search_accuracy {
    int source;
    struct formula formula;
    const struct conf_node *command; // a list of words
    double timeout_s;
    struct supernet_accuracy_params supernet;
    bool has_supernet;
    struct faults_params faults;
    bool has_faults;
};

struct search_cost {
    int policy; // enum policy
    bool events;
};

struct search_job {
    struct conf *conf; // resolved: file names are absolute; owns all strings
    const char *kind, *name, *description, *chip, *net;
    int form; // of net_form_names, if has_form
    bool has_form;
    const char *data; // overrides that of the training jobs; NULL: no override
    const struct conf_node *set;
    struct space_params space;
    struct search_accuracy accuracy;
    struct search_cost cost;
    struct reward_params reward;
    struct retrain_params final; // stage C
    bool has_final;
    const char *agent_name;
    const struct conf_node *agents;
    double start; // ratio of the net that agents may start from; 0: none
    int episodes, round, seed, jobs;
    // Derived from the above.
    const struct agent_kind *agent;
    void *agent_params;
    struct jobfile_sets sets;
    char **words; // of the command, NULL-terminated
};

extern const struct conf_field search_fields[];

// Opens the job by name or file and applies the sets ("KEY=VALUE").
bool search_job_load(const char *what, const char *const *sets, size_t n_sets,
                     struct search_job **out, struct err *err);
void search_job_destroy(struct search_job *job); // NULL is fine
