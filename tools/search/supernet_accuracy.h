// A super-net as a search's source of accuracy. Stage A trains it as a training job says; stage B
// asks it what candidates are worth, as it stands or tuned on with each of them.
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

// As the job has it.
struct supernet_accuracy_candidate {
    struct optimiser optimiser;
    struct schedule schedule;
};
struct supernet_accuracy_params {
    const char *train; // a training job with a super-net
    const struct conf_node *set;
    struct jobfile_sets sets; // over it: of the search's images and of `set`
    const char *weights;      // what stage A left; NULL: it is to be run
    int tune_epochs, candidate_epochs;
    struct supernet_accuracy_candidate candidate;
    bool has_candidate;
};
extern const struct conf_field supernet_accuracy_fields[];

// Opens the training job, its images and the weights, if they are given; trains nothing. `at` is
// blamed; all is lent. Refuses a super-net of another net than `net` (at ratio 1), and a space that
// reaches beyond it.
bool supernet_accuracy_open(const struct supernet_accuracy_params *params,
                            const struct conf_node *at, const struct net *net,
                            const struct space *space, int episodes, struct supernet_accuracy **out,
                            struct err *err);
void supernet_accuracy_close(struct supernet_accuracy *stages); // NULL is fine

// Whether there is anything to train: no weights are given.
bool supernet_accuracy_trains(const struct supernet_accuracy *stages);
// Stage A in FOLDER/stage-a, in a process of its own; goes on with what is there.
bool supernet_accuracy_train(const struct supernet_accuracy *stages, const char *folder,
                             const struct subprocess *how, struct trained *out, struct err *err);
// The file of what stage A leaves, in FOLDER/stage-a or where the job says.
const char *supernet_accuracy_weights(const struct supernet_accuracy *stages, const char *folder);
// Reads it. Before any question; `threads`
// are those of the process that tunes.
bool supernet_accuracy_load(struct supernet_accuracy *stages, const char *folder, int threads,
                            struct err *err);

// Of the training job: all its images, and how many of them are held out.
const struct dataset *supernet_accuracy_images(const struct supernet_accuracy *stages);
size_t supernet_accuracy_n_held_out(const struct supernet_accuracy *stages);

// Hashes of what the answers depend on, apart from the numbers of epochs: the training job as it
// was understood and its images; the weights of stage A.
uint64_t supernet_accuracy_training_hash(const struct supernet_accuracy *stages);
uint64_t supernet_accuracy_weights_hash(const struct supernet_accuracy *stages);

// --- In a worker ---
// A candidate's share of the held-out images, and where `take` says so the net and the weights that
// have it, for the caller to own; references have episodes below 0. Where the super-net
// is tuned on, its state is in FOLDER/stage-b before this returns: whoever is asked the same
// question again, after whatever end of this process, gives the same answer. False: the candidate
// has no accuracy, or, with *broken, the search cannot go on.
bool supernet_accuracy_ask(struct supernet_accuracy *stages, int64_t episode, const int *widths,
                           bool take, struct supernet_net *out, bool *broken, struct err *err);
// The part of it that a candidate without costs has, too: the super-net is tuned with it.
bool supernet_accuracy_tune(struct supernet_accuracy *stages, int64_t episode, const int *widths,
                            struct err *err);
// Images of the training job: those held out, the first `most` of them (0: all), the same number in
// every call; after supernet_accuracy_ask(), until supernet_accuracy_leave().
const struct dataset *supernet_accuracy_held_out(struct supernet_accuracy *stages, size_t most);
void supernet_accuracy_leave(struct supernet_accuracy *stages); // lets go of what answers needed
