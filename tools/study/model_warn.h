// Warnings about doubtful accuracies: the images are not those of training, or the accuracy is at
// chance level.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct model;
struct warnings;

// Call before images are run. `weights`: the name the user gave; `data_given`: the user named the
// data set. Codes: default-data, other-data, other-form,
// form-changes-layer.
void model_warn(const struct model *model, const char *weights, bool data_given,
                struct warnings *warnings);

// For binary nets with a residual stream: compares its values, computed in floating point, with its
// range, on as many of the model's images as take about a second, at most 16. Codes: residual-clips
// (above 1 % of a layer's values), residual-coarse (a layer's mean |x| below a step).
void stream_warn(const struct model *model, struct warnings *warnings);

// Whether `right` of `images` is within what guessing among `classes` reaches in 97.7 % of runs: n
// p + 2 sqrt(n p (1 - p)), p = 1 / classes. False for fewer than 20 images.
bool chance_level(size_t right, size_t images, int classes);
// Adds the warning "chance-level" if so. `why`: what the user should check.
void chance_warn(size_t right, size_t images, int classes, const char *why,
                 struct warnings *warnings);
