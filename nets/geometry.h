// Where the windows of a conv or pool layer lie on its input map. Rows and columns count from the
// map's first element, so those in the padding above and to the left are negative.
#pragma once
#include <stdbool.h>

#include "nets/net.h"

// Rows or columns from the first tap of a window to its last, both included.
static inline int extent_h(const struct layer *l)
{
    return (l->kernel_h - 1) * l->dilation_h + 1;
}
static inline int extent_w(const struct layer *l)
{
    return (l->kernel_w - 1) * l->dilation_w + 1;
}

// Size of the map with its padding.
static inline int padded_h(const struct layer *l)
{
    return l->pad_top + l->in_h + l->pad_bottom;
}
static inline int padded_w(const struct layer *l)
{
    return l->pad_left + l->in_w + l->pad_right;
}

// The map's row under the first tap of output row y; its column under that of output column x.
static inline int window_top(const struct layer *l, int y)
{
    return y * l->stride_h - l->pad_top;
}
static inline int window_left(const struct layer *l, int x)
{
    return x * l->stride_w - l->pad_left;
}

// Along one side of a window: its taps [first, end) that lie on the map. first == end: none does.
struct taps {
    int first, end;
};
static inline struct taps taps_inside(int start, int dilation, int kernel, int size)
{
    struct taps t = {0, 0};
    t.first = start < 0 ? (-start + dilation - 1) / dilation : 0;
    t.end = start < size ? (size - start + dilation - 1) / dilation : 0;
    t.end = t.end < kernel ? t.end : kernel;
    t.end = t.end > t.first ? t.end : t.first;
    return t;
}
static inline struct taps taps_inside_h(const struct layer *l, int y)
{
    return taps_inside(window_top(l, y), l->dilation_h, l->kernel_h, l->in_h);
}
static inline struct taps taps_inside_w(const struct layer *l, int x)
{
    return taps_inside(window_left(l, x), l->dilation_w, l->kernel_w, l->in_w);
}

// What an average pool divides the sum of its window (y, x) by.
static inline int pool_divisor(const struct layer *l, int y, int x)
{
    if (l->count_pad)
        return l->kernel_h * l->kernel_w;
    struct taps rows = taps_inside_h(l, y), columns = taps_inside_w(l, x);
    return (rows.end - rows.first) * (columns.end - columns.first);
}

// Every such row and column of the shortcut's map meets an element of the add (option A).
static inline int shortcut_step_h(const struct layer *add, const struct layer *shortcut)
{
    return shortcut->out_h / add->out_h;
}
static inline int shortcut_step_w(const struct layer *add, const struct layer *shortcut)
{
    return shortcut->out_w / add->out_w;
}
