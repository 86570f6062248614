// Weights files in memory, for tests.
#pragma once
#include "tests/nets/support.h"

#include "nets/weights.h"
#include "base/err.h"

struct stored {
    unsigned char *bytes; // free() them
    size_t n;
};

// 8 bytes of length, the header, n bytes of values (NULL: zeros).
struct stored stored_file(const char *header, const void *values, size_t n);
// What weights_write makes of the weights.
struct stored stored_weights(const struct net *net, const struct weights *weights);
// Values that tell where they stand; variances stay positive.
void fill_weights(const struct net *net, struct weights *weights);
// Loads; fails the test if that fails.
struct weights *load_stored(const struct stored *stored, const struct net *net);
// Fails the test unless loading fails with a message that holds `part`.
void expect_no_weights(const struct stored *stored, const struct net *net, const char *part);
