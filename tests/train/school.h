// A small net, a few images and a recipe: a super-net in training.
#pragma once
#include "tests/close.h"

#include "nets/backend/backend.h"
#include "nets/net.h"
#include "nets/train/graph.h"
#include "nets/train/recipe.h"
#include "nets/train/trainer.h"
#include "nets/weights.h"
#include "base/err.h"
#include "workloads/dataset.h"

enum { IMAGES = 130, BATCH = 16, STEPS = 7, WIDTHS = 2 };

// All that a trainer borrows.
struct school {
    enum net_form form; // the context of school_resize
    struct net *net;    // the widest, at 3x: 9 and 15 channels
    struct dataset *data;
    struct recipe recipe;
    struct trainer_params params;
};

// `sample` is an enum slim_sample. To stay where it is until it is closed.
void school_open(struct school *s, enum net_form form, int sample);
void school_close(struct school *s);
bool school_resize(const void *form, const int *widths, struct net **out, struct err *err);

// They fail the test where they cannot.
struct trainer *school_trainer(const struct school *s);
void school_step(struct trainer *trainer, uint64_t until);
struct graph *school_graph(const struct net *net);

// By the indices of a weight: from the first of the wide net's (w, per layer), or added to them.
void school_share(const struct net *wide, float *const *w, const struct net *narrow,
                  float *const *n, bool add);
void school_list(const struct weights *w, float *list[4]); // the weights of layers 1 to 3
