// What the tests of this folder share.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "tests/support/setup.h"

struct layer;

// One convolution without padding shrinkage on a map of `side` x `side`, mapped on `chip` with
// `sets` (as in tests/support/setup.h).
struct conv {
    int in, out, kernel, groups; // groups 0: 1
    int side;                    // 0: 8
    const char *form;            // NULL: binary
};
struct setup map_conv(const char *chip, const struct conv *conv, const char *const sets[]);

// Fails the test unless mapping the convolution on `chip` with `sets` fails with a message that
// holds `want`.
void conv_refused(const char *chip, const struct conv *conv, const char *const sets[],
                  const char *want);
// The same for a net that ships, in its own form and width.
void net_refused(const char *chip, const char *net, const char *const sets[], const char *want);

// Index of the layer of that name; fails the test if there is none.
int layer_index(const struct setup *setup, const char *name);
