// The training loop, turned inside out: its owner calls trainer_step() as long as he likes, and
// writes the state down whenever he likes; the steps are the same however often he stopped between
// them, and for any number of workers.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nets/train/checkpoint.h"
#include "nets/train/subnets.h"

struct arena;
struct backend;
struct dataset;
struct err;
struct net;
struct perturb;
struct recipe;
struct weights;

// Part of every run's identity: raised by each change after which the same recipe, net and images
// give other weights.
enum { TRAIN_MODEL_VERSION = 2 };

// All lent until the trainer is gone.
struct trainer_params {
    const struct net *net;
    const struct recipe *recipe;
    const struct dataset *data; // the training part
    const struct backend *backend;
    int workers;                // threads
    const struct weights *init; // NULL: by chance
    // The net that init is of, if that is a super-net of which `net` is a sub-net; else NULL.
    const struct net *init_net;
    // Whom to learn from, too; NULL: nobody. The recipe's `distill` says how.
    const struct net *teacher;
    const struct weights *teacher_weights;
    const struct perturb *perturb; // NULL: none
    struct resize resize;          // where the recipe has a super-net, whose widest net is `net`
    const char *chip;              // what that was made of, for the identity; NULL: nothing
};

// The bytes that a trainer needs at least, without its images. Of params it reads the nets, the
// recipe and the number of workers.
double trainer_need(const struct trainer_params *params);
// Whether this machine has them; err says how many they are if not.
bool trainer_fits(const struct trainer_params *params, struct err *err);

struct trainer;

// At the beginning. Refuses images that do not fit the net or are too few, layers that cannot be
// trained, what does not fit into memory.
bool trainer_create(const struct trainer_params *params, struct trainer **out, struct err *err);
void trainer_destroy(struct trainer *trainer); // NULL is fine

bool trainer_done(const struct trainer *trainer);
// One step; at the end of an epoch also what follows it: batch-norm estimated anew, held-out
// images, a row. False when the loss is no number any more.
bool trainer_step(struct trainer *trainer, struct err *err);

// What a checkpoint holds. Its owner may read it into here, between two steps.
struct train_state *trainer_state(struct trainer *trainer);
uint64_t trainer_steps(const struct trainer *trainer);       // in all
uint64_t trainer_epoch_steps(const struct trainer *trainer); // of one epoch
size_t trainer_bytes(const struct trainer *trainer);         // memory that it holds

// --- Super-nets: where the recipe says so ---
// The sub-net that is trained beside those by chance, in the samples that take one (slim_draw.h).
// It is no part of the state: who goes on from a file says it again. NULL: none.
void trainer_set_candidate(struct trainer *trainer, const int *widths);
// A sub-net's share of the held-out images, batch-norm estimated for it; -1: none are held out.
// Widths are in the order of scalable layers.
bool trainer_accuracy(struct trainer *trainer, const int *widths, double *accuracy,
                      struct err *err);
// The sub-net as an ordinary one, for the caller to own. accuracy: as above; NULL: nobody asks.
bool trainer_extract(struct trainer *trainer, const int *widths, double *accuracy, struct net **net,
                     struct weights **weights, struct err *err);

// The weights to keep, as the recipe says: of the last step, or of the best epoch.
const struct weights *trainer_weights(const struct trainer *trainer);
// Numbers of the images that are held out, n of them, lent.
const uint32_t *trainer_held_out(const struct trainer *trainer, size_t *n);
// How many of a set's images those weights get right, forward in floating point with the backend.
size_t trainer_right(struct trainer *trainer, const struct dataset *data);

// What images a recipe trains on and which of them it holds out, for struct weights.
const char *trainer_split(const struct recipe *recipe, const struct dataset *data,
                          struct arena *mem);
// Lines "KEY VALUE" of all that the result depends on: the net, what is in the files, the recipe,
// the backend, its version and the instruction set that it uses.
const char *trainer_identity(const struct trainer_params *params, struct arena *mem);

// Writes FOLDER/metrics.csv: epoch, loss, train_accuracy, held_out_accuracy, learning_rate; of a
// super-net smallest_accuracy, too, and held_out_accuracy is that of the widest. Two runs of one
// recipe write the same bytes. The time that each epoch took is in FOLDER/seconds.csv.
bool trainer_metrics(const char *folder, const struct train_state *state, bool supernet,
                     struct err *err);

// First weights by chance: normal, with variance 2 / fan-out for convolutions and 2 / fan-in for
// linear layers (He et al., 2015); no biases.
void trainer_init(const struct net *net, uint64_t seed, struct weights *weights);
