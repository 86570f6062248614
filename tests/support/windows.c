#include "tests/support/windows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t windows_next(uint32_t *x)
{
    *x = *x * 1664525 + 1013904223;
    return *x >> 8;
}

static int between(uint32_t *x, int low, int high)
{
    return low + (int)(windows_next(x) % (uint32_t)(high - low + 1));
}

size_t windows_inputs(const struct window_spec *w)
{
    return (size_t)w->in_c * w->in_h * w->in_w;
}

size_t windows_outputs(const struct window_spec *w)
{
    return (size_t)w->out_c * w->out_h * w->out_w;
}

size_t windows_weights(const struct window_spec *w)
{
    return (size_t)w->out_c * (w->in_c / w->groups) * w->kernel[0] * w->kernel[1];
}

// --- Drawing ---

// TensorFlow's documentation of "SAME": what is missing to the end of the last stride.
static void pad_same(int in, int kernel, int stride, int dilation, int *before, int *after)
{
    int reach = (kernel - 1) * dilation + 1, over = in % stride;
    int total = reach - (over == 0 ? stride : over);
    total = total < 0 ? 0 : total;
    *before = total / 2;
    *after = total - *before;
}

static bool all_windows_reach(int in, const struct window_spec *w, int side, int outs)
{
    for (int o = 0; o < outs; o++) {
        bool reaches = false;
        for (int k = 0; k < w->kernel[side]; k++) {
            int at = o * w->stride[side] - w->pad[side] + k * w->dilation[side];
            reaches |= at >= 0 && at < in;
        }
        if (!reaches)
            return false;
    }
    return true;
}

static int count_windows(int padded, int reach, int stride)
{
    int n = 0;
    for (int at = 0; at + reach <= padded; at += stride)
        n++;
    return n;
}

static void print_pair(char **at, const char *end, const char *key, const int pair[2], uint32_t *x)
{
    bool one = pair[0] == pair[1] && between(x, 0, 1);
    *at +=
        snprintf(*at, (size_t)(end - *at), one ? "%s: %d" : "%s: [%d, %d]", key, pair[0], pair[1]);
}

static void print_keys(struct window_spec *w, bool pool, uint32_t *x)
{
    char *at = w->keys, *end = w->keys + sizeof w->keys;
    print_pair(&at, end, "kernel", w->kernel, x);
    at += snprintf(at, (size_t)(end - at), ", ");
    print_pair(&at, end, "stride", w->stride, x);
    if (w->dilation[0] > 1 || w->dilation[1] > 1 || between(x, 0, 1)) {
        at += snprintf(at, (size_t)(end - at), ", ");
        print_pair(&at, end, "dilation", w->dilation, x);
    }
    const int *p = w->pad;
    bool sides = p[0] == p[2] && p[1] == p[3];
    if (w->same)
        at += snprintf(at, (size_t)(end - at), ", pad: same");
    else if (sides && p[0] == p[1] && between(x, 0, 1))
        at += snprintf(at, (size_t)(end - at), p[0] ? ", pad: %d" : ", pad: valid", p[0]);
    else if (sides && between(x, 0, 1))
        at += snprintf(at, (size_t)(end - at), ", pad: [%d, %d]", p[0], p[1]);
    else
        at += snprintf(at, (size_t)(end - at), ", pad: [%d, %d, %d, %d]", p[0], p[1], p[2], p[3]);
    if (!pool)
        snprintf(at, (size_t)(end - at), ", out: %d, groups: %d", w->out_c, w->groups);
}

static bool draw(struct window_spec *w, bool pool, uint32_t *x)
{
    int most_dilation = between(x, 0, 1) ? 1 : between(x, 2, 6);
    w->groups = pool ? 1 : between(x, 1, 3);
    w->in_c = w->groups * between(x, 1, 3);
    w->out_c = pool ? w->in_c : w->groups * between(x, 1, 4);
    w->in_h = between(x, 1, 11);
    w->in_w = between(x, 1, 9);
    w->same = between(x, 0, 2) == 0;
    int kind = between(x, 0, 2); // no padding, the same on every side, four of them
    int all = between(x, 0, 3);
    for (int side = 0; side < 2; side++) {
        int in = side ? w->in_w : w->in_h;
        w->kernel[side] = between(x, 1, 5);
        w->stride[side] = between(x, 1, 4);
        w->dilation[side] = between(x, 1, most_dilation);
        w->pad[side] = kind == 0 ? 0 : kind == 1 ? all : between(x, 0, 4);
        w->pad[side + 2] = kind == 0 ? 0 : kind == 1 ? all : between(x, 0, 4);
        if (w->same)
            pad_same(in, w->kernel[side], w->stride[side], w->dilation[side], &w->pad[side],
                     &w->pad[side + 2]);
        int outs = count_windows(w->pad[side] + in + w->pad[side + 2],
                                 (w->kernel[side] - 1) * w->dilation[side] + 1, w->stride[side]);
        if (!outs || (pool && !all_windows_reach(in, w, side, outs)))
            return false;
        *(side ? &w->out_w : &w->out_h) = outs;
    }
    return true;
}

struct window_spec windows_random(uint32_t *x, bool pool)
{
    struct window_spec w = {0};
    while (!draw(&w, pool, x))
        continue;
    print_keys(&w, pool, x);
    return w;
}

// --- Computing ---

// The map with `fill` around it, (in_c, padded height, padded width).
static double *with_padding(const struct window_spec *w, const double *in, double fill)
{
    int height = w->pad[0] + w->in_h + w->pad[2], width = w->pad[1] + w->in_w + w->pad[3];
    size_t n = (size_t)w->in_c * height * width;
    double *map = malloc(n * sizeof *map);
    for (size_t i = 0; i < n; i++)
        map[i] = fill;
    for (int c = 0; c < w->in_c; c++)
        for (int y = 0; y < w->in_h; y++)
            memcpy(map + ((size_t)c * height + w->pad[0] + y) * width + w->pad[1],
                   in + ((size_t)c * w->in_h + y) * w->in_w, (size_t)w->in_w * sizeof *in);
    return map;
}

// The element of a padded channel under tap (ky, kx) of window (y, x).
static double tap(const struct window_spec *w, const double *map, int c, const int at[4])
{
    int height = w->pad[0] + w->in_h + w->pad[2], width = w->pad[1] + w->in_w + w->pad[3];
    int row = at[0] * w->stride[0] + at[2] * w->dilation[0];
    int column = at[1] * w->stride[1] + at[3] * w->dilation[1];
    return map[((size_t)c * height + row) * width + column];
}

void windows_conv(const struct window_spec *w, const double *in, const double *weights, double *out)
{
    double *map = with_padding(w, in, 0);
    int in_each = w->in_c / w->groups, out_each = w->out_c / w->groups;
    for (int o = 0; o < w->out_c; o++)
        for (int y = 0; y < w->out_h; y++)
            for (int x = 0; x < w->out_w; x++) {
                double sum = 0;
                const double *weight = weights + (size_t)o * in_each * w->kernel[0] * w->kernel[1];
                for (int c = 0; c < in_each; c++)
                    for (int ky = 0; ky < w->kernel[0]; ky++)
                        for (int kx = 0; kx < w->kernel[1]; kx++)
                            sum += *weight++ *
                                   tap(w, map, o / out_each * in_each + c, (int[]){y, x, ky, kx});
                *out++ = sum;
            }
    free(map);
}

void windows_max(const struct window_spec *w, const double *in, double *out)
{
    double *map = with_padding(w, in, -HUGE_VAL);
    for (int c = 0; c < w->in_c; c++)
        for (int y = 0; y < w->out_h; y++)
            for (int x = 0; x < w->out_w; x++, out++) {
                *out = -HUGE_VAL;
                for (int ky = 0; ky < w->kernel[0]; ky++)
                    for (int kx = 0; kx < w->kernel[1]; kx++)
                        *out = fmax(*out, tap(w, map, c, (int[]){y, x, ky, kx}));
            }
    free(map);
}

void windows_average(const struct window_spec *w, bool count_pad, const double *in, double *out)
{
    double *map = with_padding(w, in, (double)NAN);
    for (int c = 0; c < w->in_c; c++)
        for (int y = 0; y < w->out_h; y++)
            for (int x = 0; x < w->out_w; x++) {
                double sum = 0;
                int n = 0;
                for (int ky = 0; ky < w->kernel[0]; ky++)
                    for (int kx = 0; kx < w->kernel[1]; kx++) {
                        double value = tap(w, map, c, (int[]){y, x, ky, kx});
                        sum += isnan(value) ? 0 : value;
                        n += count_pad || !isnan(value);
                    }
                *out++ = sum / n;
            }
    free(map);
}
