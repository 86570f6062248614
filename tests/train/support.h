// Small nets in training: random weights, images and targets, and the graph that takes them.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "nets/backend/backend.h"
#include "nets/net.h"
#include "nets/train/graph.h"
#include "nets/weights.h"

struct perturb;

enum { LESSON_IMAGES = 7 }; // so that the last shard is not full

// A net with values, a batch of it, and room for gradients.
struct lesson {
    struct net *net;
    struct weights *params, *grads;
    uint8_t *pixels;
    const uint8_t *images[LESSON_IMAGES];
    float *targets;
    struct graph_batch batch;
};

// `layers` is the list of a net file, `head` what stands before it, with a default_form.
struct lesson lesson_make(const char *head, const char *layers);
void lesson_free(struct lesson *lesson);
// In shards of 3 images; fails the test if it cannot be.
struct graph *lesson_graph(const struct lesson *lesson, const struct backend *backend,
                           enum operand operand, int workers, const struct perturb *perturb);

// A parameter of a layer as an array; NULL: it has none. `part` counts to LESSON_PARTS.
enum { LESSON_PARTS = 6 };
extern const char *const lesson_part_names[];
float *lesson_part(const struct net *net, const struct weights *weights, size_t layer, int part,
                   size_t *n);
// Fails the test where the two differ by more than `part` of the largest of an array.
void assert_weights_close(const struct net *net, const struct weights *got,
                          const struct weights *want, double part);
