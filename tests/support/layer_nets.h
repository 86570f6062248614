// Nets that hold every kind of layer, at most 15 of them, for images of 3x8x8 and 10 classes: what
// is tested with one kind of layer in mind is tested with all.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct layer_net {
    const char *name;
    const char *yaml; // default_form int8
    bool int8_only;   // of the integer forms: joins maps of 8 bits
    bool binary;      // has the binary form, too
};
extern const struct layer_net layer_nets[];
extern const size_t n_layer_nets;
