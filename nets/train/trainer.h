// The training loop, one step per call: the caller calls trainer_step() until it stops, and may
// save the state between any two steps. The steps are the same for any number of interruptions and
// of workers.
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

// Part of every run's identity: increased by each change that alters the weights for the same
// recipe, net and images.
enum { TRAIN_MODEL_VERSION = 2 };

// All borrowed until the trainer is destroyed.
struct trainer_params {
    const struct net *net;
    const struct recipe *recipe;
    const struct dataset *data; // the training part
    const struct backend *backend;
    int workers;                // threads
    const struct weights *init; // NULL: random
    // The net of init, if it is a super-net of which `net` is a sub-net; else NULL.
    const struct net *init_net;
    // Teacher for distillation, with the recipe's `distill`; NULL: none.
    const struct net *teacher;
    const struct weights *teacher_weights;
    const struct perturb *perturb; // NULL: none
    struct resize resize;          // if the recipe has a super-net, whose widest net is `net`
    const char *chip;              // chip of the perturbation, for the identity; NULL: none
};

// Minimum memory of a trainer in bytes, without its images. Reads only the nets, the recipe and the
// number of workers of params.
double trainer_need(const struct trainer_params *params);
// Whether this machine has that much memory; if not, err says how much is needed.
bool trainer_fits(const struct trainer_params *params, struct err *err);

struct trainer;

// A trainer before its first step. Refuses images that do not fit the net or are too few, layers
// that cannot be trained, and jobs that do not fit into memory.
bool trainer_create(const struct trainer_params *params, struct trainer **out, struct err *err);
void trainer_destroy(struct trainer *trainer); // NULL is fine

bool trainer_done(const struct trainer *trainer);
// One step; at the end of an epoch also re-estimates batch-norm, evaluates the held-out images and
// adds a row. False if the loss is NaN or infinite.
bool trainer_step(struct trainer *trainer, struct err *err);

// The contents of a checkpoint. The caller may load one into it between two steps.
struct train_state *trainer_state(struct trainer *trainer);
uint64_t trainer_steps(const struct trainer *trainer);       // total
uint64_t trainer_epoch_steps(const struct trainer *trainer); // per epoch
size_t trainer_bytes(const struct trainer *trainer);         // its memory

// --- Super-nets: if the recipe has one ---
// The sub-net to train beside the random ones, for samples that use one (slim_draw.h). Not part of
// the state: set it again after loading a file. NULL: none.
void trainer_set_candidate(struct trainer *trainer, const int *widths);
// A sub-net's accuracy on the held-out images, with batch-norm estimated for it; -1: none are held
// out.
// Widths are in the order of scalable layers.
bool trainer_accuracy(struct trainer *trainer, const int *widths, double *accuracy,
                      struct err *err);
// The sub-net as an ordinary net, which the caller owns. accuracy: as above; may be NULL.
bool trainer_extract(struct trainer *trainer, const int *widths, double *accuracy, struct net **net,
                     struct weights **weights, struct err *err);

// The resulting weights, as the recipe says: of the last step, or of the best epoch.
const struct weights *trainer_weights(const struct trainer *trainer);
// Indices of the n held-out images, borrowed.
const uint32_t *trainer_held_out(const struct trainer *trainer, size_t *n);
// Number of a data set's images that those weights classify correctly, in floating point with the
// backend.
size_t trainer_right(struct trainer *trainer, const struct dataset *data);

// Describes the recipe's training images and its held-out images, for struct weights.
const char *trainer_split(const struct recipe *recipe, const struct dataset *data,
                          struct arena *mem);
// Lines "KEY VALUE" of everything the result depends on: the net, the contents of the files, the
// recipe, the backend, its version and its instruction set.
const char *trainer_identity(const struct trainer_params *params, struct arena *mem);

// Writes FOLDER/metrics.csv: epoch, loss, train_accuracy, held_out_accuracy, learning_rate; of a
// super-net smallest_accuracy, too, and held_out_accuracy is that of the widest. Two runs of one
// recipe write the same bytes. The duration of each epoch is in FOLDER/seconds.csv.
bool trainer_metrics(const char *folder, const struct train_state *state, bool supernet,
                     struct err *err);

// Random initial weights: normal, with variance 2 / fan-out for convolutions and 2 / fan-in for
// linear layers (He et al., 2015); no biases.
void trainer_init(const struct net *net, uint64_t seed, struct weights *weights);
