// Products of maps of -1 and +1 from those of their bits: what a window's weights add up to.
#include <math.h>
#include <stdlib.h>

#include "nets/geometry.h"
#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"

// The parts of n windows along one side, each once; kinds[i] is that of window i.
typedef struct taps inside(const struct layer *l, int window);

static int list_parts(const struct layer *l, inside *of, int n, struct taps *parts, uint16_t *kinds)
{
    int found = 0;
    for (int i = 0; i < n; i++) {
        struct taps t = of(l, i);
        int kind = 0;
        while (kind < found && (parts[kind].first != t.first || parts[kind].end != t.end))
            kind++;
        if (kind == found)
            parts[found++] = t;
        kinds[i] = (uint16_t)kind;
    }
    return found;
}

static int64_t sum_weights(const struct layer *l, const int32_t *w, struct taps y, struct taps x)
{
    int64_t sum = 0;
    for (int c = 0; c < l->in_c / l->groups; c++)
        for (int ky = y.first; ky < y.end; ky++)
            for (int kx = x.first; kx < x.end; kx++)
                sum += w[(c * l->kernel_h + ky) * l->kernel_w + kx];
    return sum;
}

struct int_bipolar *int_net_bipolar(const struct int_net *integer, int layer)
{
    const struct net *net = integer->net;
    const struct layer *l = &net->layers[layer];
    if (!net_reads_bipolar(net, layer))
        return NULL;
    struct int_bipolar *b = arena_alloc(integer->mem, 1, sizeof *b);
    struct taps *y = mem_alloc((size_t)l->out_h, sizeof *y);
    struct taps *x = mem_alloc((size_t)l->out_w, sizeof *x);
    size_t each = (size_t)(l->weights / l->out_c);
    b->row = arena_alloc(integer->mem, (size_t)l->out_h, sizeof *b->row);
    b->column = arena_alloc(integer->mem, (size_t)l->out_w, sizeof *b->column);
    b->rows = b->columns = 1;
    y[0] = (struct taps){0, l->kernel_h};
    x[0] = (struct taps){0, l->kernel_w};
    if (net->pad_value == PAD_VALUE_ZERO) {
        b->rows = list_parts(l, taps_inside_h, l->out_h, y, b->row);
        b->columns = list_parts(l, taps_inside_w, l->out_w, x, b->column);
    }
    int64_t *to = b->constants =
        arena_alloc(integer->mem, (size_t)b->rows * b->columns * l->out_c, sizeof *b->constants);
    for (int r = 0; r < b->rows; r++)
        for (int c = 0; c < b->columns; c++)
            for (int o = 0; o < l->out_c; o++)
                *to++ = sum_weights(l, integer->layers[layer].w + o * each, y[r], x[c]);
    free(y);
    free(x);
    return b;
}

int64_t int_net_constant(const struct int_net *integer, int layer, size_t index)
{
    int64_t sum = integer->layers[layer].bipolar->constants[index];
    return llrint((double)sum * integer->gain);
}
