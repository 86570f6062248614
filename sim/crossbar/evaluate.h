// Runs images through a net: in floating point, in integers, or through the arrays of a chip.
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
    const struct int_net *integer; // NULL: floating point
    // At most one of these two; both NULL: the integer net itself.
    const struct level_model *arrays;       // cells as levels
    const struct conductance_model *analog; // cells as conductances
    const struct dataset *data;
};

// classes[i]: the predicted class of image i, for images first, first + step ... below `images`. A
// pure function of its arguments, so workers may divide the images in any way.
void evaluate(const struct evaluation *what, size_t images, size_t first, size_t step,
              int32_t *classes);
// Calls `batch` as evaluate() does with its own step: if the variation is resampled for every batch
// of images, once per batch with the chip of that batch; else once for all images.
typedef void evaluate_step(void *context, const struct evaluation *what, size_t images,
                           size_t first, size_t step);
void evaluate_batches(const struct evaluation *what, size_t images, size_t first, size_t step,
                      evaluate_step *batch, void *context);
// Lower bound of the memory of an evaluation, in bytes, without images and weight files: shared
// once, and per worker.
struct evaluate_need {
    double shared, worker;
};
struct evaluate_need evaluate_need(const struct net *net);
// Whether this machine has that much memory; else err states the required amount.
bool evaluate_fits(const struct net *net, int workers, struct err *err);
// ranges[layer]: the largest absolute value of the layer's map over the first images of a set, the
// range of the k-bit forms. ranges[0]: the largest absolute value of a normalised pixel.
void evaluate_ranges(const struct net *net, const struct weights *weights,
                     const struct dataset *data, size_t images, double *ranges);
