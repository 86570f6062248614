// A super-net for a width search (HAWIS, stage B): it is tuned with each candidate, and measures
// the accuracy of candidates. Its state is in memory, and saved to a file on request. Answers
// depend on the state and the candidate only, not on the number of workers.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "nets/train/optimise.h"
#include "nets/train/schedule.h"
#include "nets/train/trainer.h"

struct dataset;
struct err;
struct net;
struct weights;

// All borrowed until it is destroyed.
struct supernet_params {
    // Its recipe has a super-net, and enough epochs for all tuning; init, if it is not NULL, is the
    // result of stage A. Candidates use the recipe's batches, held-out images and augmentation,
    // too.
    struct trainer_params trainer;
    // For fine-tuning of candidates.
    struct optimiser optimiser;
    struct schedule schedule;
};

struct supernet;

bool supernet_create(const struct supernet_params *params, struct supernet **out, struct err *err);
void supernet_destroy(struct supernet *supernet); // NULL is fine

int supernet_epochs(const struct supernet *supernet); // complete epochs of tuning so far
// Slimmable fine-tuning up to a total number of epochs; after loading a file saved within an epoch,
// only the rest of it is trained. The candidate's widths are in the order of scalable layers;
// sample hawis trains it, with three or more random others; other samples ignore it.
bool supernet_tune(struct supernet *supernet, const int *candidate, int until, struct err *err);
// The candidate's accuracy on the held-out images after `epochs` of fine-tuning from the shared
// weights; 0: only batch-norm is estimated. The super-net is unchanged.
bool supernet_try(struct supernet *supernet, const int *candidate, int epochs, double *accuracy,
                  struct err *err);
// The same, and also returns the evaluated net and weights, which the caller owns.
struct supernet_net {
    double accuracy;
    struct net *net;
    struct weights *weights;
};
bool supernet_take(struct supernet *supernet, const int *candidate, int epochs,
                   struct supernet_net *out, struct err *err);
// Copies of the first `most` held-out images, or all if most is 0. The caller owns them.
struct dataset *supernet_held_out(const struct supernet *supernet, size_t most);
// Its trainer, for weights, rows, sub-nets as ordinary nets (trainer.h).
struct trainer *supernet_trainer(struct supernet *supernet);

// FOLDER/checkpoint, in the format of checkpoint.h. Loading refuses one of another job, and a
// folder without one.
bool supernet_save(const struct supernet *supernet, const char *folder, struct err *err);
bool supernet_load(struct supernet *supernet, const char *folder, struct err *warning,
                   struct err *err);
