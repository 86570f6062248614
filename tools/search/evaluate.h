// Evaluation of a candidate: costs from the simulator, accuracy from the source that the job names.
// Runs in worker processes; tasks and answers are plain bytes.
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

// Increased by every change that alters the cost of a candidate.
enum { COST_MODEL_VERSION = 3 };

struct search_task {
    int64_t episode;
    int deaths; // workers that died while they ran it
    int widths[MOST_DECISIONS];
    unsigned short choices[SPACE_MOST_KNOBS];
    bool costed; // simulated before: cost and hashes are known
    struct cost cost;
    uint64_t chip_hash, net_hash;
};

struct search_answer {
    bool broken;   // the search cannot continue; err says why
    bool failed;   // this candidate cannot be built or evaluated; err says why
    bool unjudged; // the evaluator command failed: no result, to be retried; err says why
    struct cost cost;
    uint64_t chip_hash, net_hash;
    double accuracy;
    double clean_accuracy; // if faults are stated: accuracy of the weights without a chip
    double seconds;
    struct err err;
};

struct evaluator {
    const struct search_job *job; // borrowed, as is the space
    const struct space *space;
    struct supernet_accuracy *stages; // borrowed; NULL: the accuracy has another source
    struct plugin *plugin;            // of this process; NULL: not started
    double simulated_s;               // total simulated time in this process
};

// Loads the job's net at ratio 1 and its chip, which define the space. The caller owns both.
bool evaluate_load(const struct search_job *job, struct chip **chip, struct net **net,
                   struct err *err);
// The chip of a candidate: the job's chip with these choices of the space's knobs; choices NULL:
// the job's chip unchanged, as references use it.
bool evaluate_chip(const struct search_job *job, const struct space *space,
                   const unsigned short *choices, struct chip **chip, struct err *err);
// Refuses a knob if none of its values gives a valid chip, with everything else as in the job.
bool evaluate_knobs(const struct search_job *job, const struct space *space, struct err *err);
// Whether the faults that the job states are modelled on its chip.
bool evaluate_check(const struct search_job *job, const struct supernet_accuracy *stages,
                    struct err *err);
// Whether the faults that a section of the job states are modelled on its chip, in the form of its
// net. `images` are training images of the net.
bool evaluate_faults(const struct search_job *job, const char *section,
                     const struct faults_params *faults, const struct dataset *images,
                     struct err *err);
void evaluate_task(struct evaluator *evaluator, const struct search_task *task,
                   struct search_answer *answer);
void evaluator_fini(struct evaluator *evaluator);
// Whether a new process should replace this one: the simulation clock is exact for a limited time
// only.
bool evaluator_spent(const struct evaluator *evaluator);

// A candidate as text: "64,80,..." and "adc.bits=6 cell.bits=2".
void evaluate_widths_text(const struct space *space, const int *widths, char *text, size_t size);
void evaluate_knobs_text(const struct space *space, const unsigned short *choices, char *text,
                         size_t size);
