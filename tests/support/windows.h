// Random windows of conv and pool layers, and what they compute by definition: the map is copied
// into a larger one with its padding, and every tap is read from there. Shares no code with nets/.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window_spec {
    int in_c, in_h, in_w;    // of the map
    int out_c, out_h, out_w; // pools: out_c = in_c
    int groups;
    int kernel[2], stride[2], dilation[2]; // height, width
    int pad[4];                            // top, left, bottom, right
    bool same;                             // written as such
    char keys[300]; // as a net file says it: "kernel: [3, 2], stride: 2, pad: same, ..."
};

// Windows that a net may have; every window of a pool has a tap on the map. *x: the random state.
struct window_spec windows_random(uint32_t *x, bool pool);
uint32_t windows_next(uint32_t *x);
size_t windows_inputs(const struct window_spec *w);
size_t windows_outputs(const struct window_spec *w);
size_t windows_weights(const struct window_spec *w);

// out (out_c, out_h, out_w) of in (in_c, in_h, in_w) and weights (out_c, in_c / groups, height,
// width).
void windows_conv(const struct window_spec *w, const double *in, const double *weights,
                  double *out);
// The largest element of every window that is not padding.
void windows_max(const struct window_spec *w, const double *in, double *out);
// Means of all elements of every window, padding included or not.
void windows_average(const struct window_spec *w, bool count_pad, const double *in, double *out);
