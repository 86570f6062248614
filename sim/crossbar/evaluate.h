// Images through a net: in floating point, in whole numbers, or through the arrays of a chip.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conductance_model;
struct level_model;
struct dataset;
struct err;
struct int_net;
struct net;
struct weights;

struct evaluation {
    const struct net *net;
    const struct weights *weights;
    const struct int_net *integer;    // NULL: floating point
    const struct level_model *arrays; // cells as levels; or
    const struct conductance_model
        *analog; // cells as conductances; neither: the whole-number net itself
    const struct dataset *data;
};

// The class that the net gives to images first, first + step ... below `images`, each at its index
// in classes. A pure function of its arguments: workers may share the images out as they like.
void evaluate(const struct evaluation *what, size_t images, size_t first, size_t step,
              int32_t *classes);
// What evaluate() does with a step of its own: where the variation is drawn anew for every batch of
// images, each batch by itself, with the chip of that batch; else all images at once.
typedef void evaluate_step(void *context, const struct evaluation *what, size_t images,
                           size_t first, size_t step);
void evaluate_batches(const struct evaluation *what, size_t images, size_t first, size_t step,
                      evaluate_step *batch, void *context);
// The bytes that an evaluation needs at least, without images and weights files: once, and in every
// worker.
struct evaluate_need {
    double shared, worker;
};
struct evaluate_need evaluate_need(const struct net *net);
// Whether this machine has them; err says how many they are if not.
bool evaluate_fits(const struct net *net, int workers, struct err *err);
// Per layer, the largest absolute value of its map over the first images of a set: ranges for the
// k-bit forms. [0] is the largest absolute value that a normalised pixel can have.
void evaluate_ranges(const struct net *net, const struct weights *weights,
                     const struct dataset *data, size_t images, double *ranges);
