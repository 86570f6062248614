// Why an accuracy may not be what it seems: the images are not those that the weights were trained
// on, or the net guesses.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct model;
struct warnings;

// Before images are run. `weights` is what the user called them; `data_given`: the data set was
// named, not chosen by the program. Codes: default-data, other-data, other-form,
// form-changes-layer.
void model_warn(const struct model *model, const char *weights, bool data_given,
                struct warnings *warnings);

// Of binary nets with a residual stream, whose values are compared with its range in floating
// point, in as many of the model's images as take a second or so, at most 16. Codes: residual-clips
// (above 1 % of a layer's values), residual-coarse (a layer's mean |x| below a step).
void stream_warn(const struct model *model, struct warnings *warnings);

// Whether `right` of `images` is no more than guessing among `classes` reaches in 97.7 of 100 runs:
// n p + 2 sqrt(n p (1 - p)), p = 1 / classes. Fewer than 20 images say nothing.
bool chance_level(size_t right, size_t images, int classes);
// Adds the warning "chance-level" if so. `why` says what to look at.
void chance_warn(size_t right, size_t images, int classes, const char *why,
                 struct warnings *warnings);
