// A candidate, judged: its costs by the simulator, its accuracy by whatever the job names. Runs in
// worker processes; tasks and answers are plain bytes.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "tools/search/reward.h"
#include "tools/search/space.h"

struct dataset;
struct faults_params;
struct net;
struct plugin;
struct search_job;
struct supernet_accuracy;

// Raised by every change after which the same candidate costs otherwise.
enum { COST_MODEL_VERSION = 3 };

struct search_task {
    int64_t episode;
    int deaths; // workers that died over it
    int widths[MOST_DECISIONS];
    unsigned short choices[SPACE_MOST_KNOBS];
    bool costed; // seen before: cost and hashes are known
    struct cost cost;
    uint64_t chip_hash, net_hash;
};

struct search_answer {
    bool broken;   // the search cannot go on; err says why
    bool failed;   // this candidate cannot be built or judged; err says why
    bool unjudged; // the command that judges failed: no result, to be asked again; err says why
    struct cost cost;
    uint64_t chip_hash, net_hash;
    double accuracy;
    double clean_accuracy; // where faults are stated: of the weights by themselves
    double seconds;
    struct err err;
};

struct evaluator {
    const struct search_job *job; // lent, as is the space
    const struct space *space;
    struct supernet_accuracy *stages; // lent; NULL: the accuracy has another source
    struct plugin *plugin;            // of this process; NULL: not started
    double simulated_s;               // by this process, in all
};

// The job's net at ratio 1 and its chip; hold the space together.
bool evaluate_load(const struct search_job *job, struct chip **chip, struct net **net,
                   struct err *err);
// The chip of a candidate: the job's, with these settings of the space's; NULL: as it is, on which
// references stand.
bool evaluate_chip(const struct search_job *job, const struct space *space,
                   const unsigned short *choices, struct chip **chip, struct err *err);
// Refuses a setting that gives no chip with any of its values, all else as the job has it.
bool evaluate_knobs(const struct search_job *job, const struct space *space, struct err *err);
// Whether the faults that the job states can be honoured on its chip.
bool evaluate_check(const struct search_job *job, const struct supernet_accuracy *stages,
                    struct err *err);
// The faults that a section of the job states, on its chip, in the form of its net: whether they
// are modelled. `images` are training images of the net's.
bool evaluate_faults(const struct search_job *job, const char *section,
                     const struct faults_params *faults, const struct dataset *images,
                     struct err *err);
void evaluate_task(struct evaluator *evaluator, const struct search_task *task,
                   struct search_answer *answer);
void evaluator_fini(struct evaluator *evaluator);
// Whether another process should go on: the clock of the simulation keeps its last digits for so
// long only.
bool evaluator_spent(const struct evaluator *evaluator);

// Texts of a candidate: "64,80,..." and "adc.bits=6 cell.bits=2".
void evaluate_widths_text(const struct space *space, const int *widths, char *text, size_t size);
void evaluate_knobs_text(const struct space *space, const unsigned short *choices, char *text,
                         size_t size);
