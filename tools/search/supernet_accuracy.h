// A super-net as a search's source of accuracy. Stage A trains it with a training job; stage B
// measures candidates with it, unchanged or tuned with each of them.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nets/train/optimise.h"
#include "nets/train/schedule.h"
#include "base/conf/conf.h"
#include "tools/study/jobfile.h"

struct err;
struct net;
struct space;
struct subprocess;
struct dataset;
struct supernet_accuracy;
struct supernet_net;
struct trained;

// As read from the job.
struct supernet_accuracy_candidate {
    struct optimiser optimiser;
    struct schedule schedule;
};
struct supernet_accuracy_params {
    const char *train; // a training job with a super-net
    const struct conf_node *set;
    struct jobfile_sets sets; // its overrides: the search's images, and `set`
    const char *weights;      // result of stage A; NULL: run stage A
    int tune_epochs, candidate_epochs;
    struct supernet_accuracy_candidate candidate;
    bool has_candidate;
};
extern const struct conf_field supernet_accuracy_fields[];

// Opens the training job, its images and the weights, if given; trains nothing. Errors point to
// `at`; all arguments are borrowed. Refuses a super-net of a net other than `net` (at ratio 1), and
// a space that exceeds it.
bool supernet_accuracy_open(const struct supernet_accuracy_params *params,
                            const struct conf_node *at, const struct net *net,
                            const struct space *space, int episodes, struct supernet_accuracy **out,
                            struct err *err);
void supernet_accuracy_close(struct supernet_accuracy *stages); // NULL is fine

// Whether stage A has to run: no weights are given.
bool supernet_accuracy_trains(const struct supernet_accuracy *stages);
// Runs stage A in FOLDER/stage-a, in a subprocess; resumes if it was begun.
bool supernet_accuracy_train(const struct supernet_accuracy *stages, const char *folder,
                             const struct subprocess *how, struct trained *out, struct err *err);
// The weights file of stage A, in FOLDER/stage-a or as given by the job.
const char *supernet_accuracy_weights(const struct supernet_accuracy *stages, const char *folder);
// Reads the weights file; required before any query. `threads` are those of the tuning process.
bool supernet_accuracy_load(struct supernet_accuracy *stages, const char *folder, int threads,
                            struct err *err);

// All images of the training job, and how many of them are held out.
const struct dataset *supernet_accuracy_images(const struct supernet_accuracy *stages);
size_t supernet_accuracy_n_held_out(const struct supernet_accuracy *stages);

// Hashes of everything the answers depend on, except the numbers of epochs: the parsed training job
// and its images; the weights of stage A.
uint64_t supernet_accuracy_training_hash(const struct supernet_accuracy *stages);
uint64_t supernet_accuracy_weights_hash(const struct supernet_accuracy *stages);

// --- In a worker ---
// Accuracy of a candidate on the held-out images; if `take` is set, also its net and weights, which
// the caller then owns. References have episodes below 0. The tuned super-net is saved to
// FOLDER/stage-b before this function returns, so a repeated query gives the same answer even after
// a crash. False: the candidate has no accuracy, or, with *broken, the search cannot continue.
bool supernet_accuracy_ask(struct supernet_accuracy *stages, int64_t episode, const int *widths,
                           bool take, struct supernet_net *out, bool *broken, struct err *err);
// Tunes the super-net only; also used for a candidate that has no costs.
bool supernet_accuracy_tune(struct supernet_accuracy *stages, int64_t episode, const int *widths,
                            struct err *err);
// The first `most` held-out images of the training job (0: all). Pass the same number in every
// call. Valid after supernet_accuracy_ask(), until supernet_accuracy_leave().
const struct dataset *supernet_accuracy_held_out(struct supernet_accuracy *stages, size_t most);
void supernet_accuracy_leave(struct supernet_accuracy *stages); // frees query memory
