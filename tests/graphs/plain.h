// A plain evaluation of a flattened graph in double precision, one loop per index, with a bound of
// the error that a less exact evaluation of the same graph may have.
#pragma once
#include "tests/graphs/graph.h"

struct plain {
    double *value[GRAPH_NODES]; // per node, (c, h, w): what the layer makes of the image
    double *error[GRAPH_NODES]; // and the largest error that is explained
};

// What the other evaluation loses.
struct losses {
    double unit;         // relative rounding of one operation: 2^-24 of floats
    const double *step;  // per node: its map is rounded to multiples of it, 0: it is not; images
                         // are evaluated as rounded, so they lose nothing
    const double *range; // per node, with step: its map is clipped there
    int weight_bits;     // of weights that are rounded to symmetric steps; 0: they are not
};
extern const struct losses float_losses; // of single precision

void plain_create(const struct graph *flat, struct plain *plain);
void plain_destroy(const struct graph *flat, struct plain *plain);
void plain_run(const struct graph *flat, const uint8_t *image, const struct losses *losses,
               struct plain *plain);

// --- The pieces, for whoever follows a network layer by layer ---

// Element k of what the image becomes: planes, or normalised pixels.
double plain_pixel(const struct graph *flat, const uint8_t *image, size_t k);
// Calls `each` with the weight's and the input's index of every product of output (c, y, x); input
// PLAIN_OUTSIDE: what stands around a map of -1 and +1, if that is not 0.
#define PLAIN_OUTSIDE ((size_t)-1)
void plain_window(const struct graph *flat, int node, int c, int y, int x,
                  void (*each)(void *context, size_t weight, size_t input), void *context);
// Index of the shortcut's element that is added at (c, y, x); -1: none.
ptrdiff_t plain_shortcut(const struct graph *flat, int add, int c, int y, int x);
// The part of a concat that holds an element, and the element's index there.
int plain_part(const struct graph *flat, int concat, int c, int y, int x, size_t *at);
// Index of the other factor of a multiply.
size_t plain_factor(const struct graph *flat, int multiply, int c, int y, int x);
// What +-1 of a channel's binary weights stands for: their scale, or the layer's mean |w|.
double plain_scale(const struct graph *flat, int node, int c);
// The largest absolute weight that shares the scale of a channel.
double plain_largest(const struct graph *flat, int node, int c);
// Scale and shift that take the place of a batch-norm; 1 and 0 without.
double plain_norm(const struct graph *flat, int node, int c, double *shift);
