// A super-net as a search of widths uses it (HAWIS, stage B): it is tuned on with each candidate,
// and tells what a candidate is worth. Its state is in memory, and in a file when its owner says
// so. What it answers depends on the state and the question alone, never on the number of workers.
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

// All lent until it is gone.
struct supernet_params {
    // Its recipe has a super-net, and epochs enough for all that is to be tuned; init, if it is not
    // NULL, is what stage A left. Batches, held-out images and augmentation are the recipe's for
    // candidates, too.
    struct trainer_params trainer;
    // Of candidates.
    struct optimiser optimiser;
    struct schedule schedule;
};

struct supernet;

bool supernet_create(const struct supernet_params *params, struct supernet **out, struct err *err);
void supernet_destroy(struct supernet *supernet); // NULL is fine

int supernet_epochs(const struct supernet *supernet); // tuned so far, whole ones
// Slimmable fine-tuning until so many epochs are done in all: who goes on from a file that was
// written in the midst of one does what is left. Widths of the candidate in the order of scalable
// layers; sample hawis trains it, with three or more others by chance, the rest has no use for it.
bool supernet_tune(struct supernet *supernet, const int *candidate, int until, struct err *err);
// The candidate's share of the held-out images after `epochs` of fine-tuning from the shared
// weights; 0: with batch-norm estimated alone. The super-net stays as it is.
bool supernet_try(struct supernet *supernet, const int *candidate, int epochs, double *accuracy,
                  struct err *err);
// The same, and the net and the weights that it is said of, for the caller to own.
struct supernet_net {
    double accuracy;
    struct net *net;
    struct weights *weights;
};
bool supernet_take(struct supernet *supernet, const int *candidate, int epochs,
                   struct supernet_net *out, struct err *err);
// Copies of the first `most` held-out images, or all if most is 0, for the caller to own.
struct dataset *supernet_held_out(const struct supernet *supernet, size_t most);
// Its trainer, for weights, rows, sub-nets as ordinary nets (trainer.h).
struct trainer *supernet_trainer(struct supernet *supernet);

// FOLDER/checkpoint, as checkpoint.h has it. Loading refuses what another job wrote, and a folder
// without one.
bool supernet_save(const struct supernet *supernet, const char *folder, struct err *err);
bool supernet_load(struct supernet *supernet, const char *folder, struct err *warning,
                   struct err *err);
