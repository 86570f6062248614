// Convolutions as products of matrices, one image after the other: the windows of an image and a
// group are laid out as rows of a matrix, taps ordered (kernel_h, kernel_w, in_c / groups). Every
// sum has one order, whatever the processor: forward over taps, backward_data over output channels
// and then over the windows that hold a pixel, backward_weights over images and pixels. It is what
// other backends are checked against; they may be faster, and need not do everything.
#include "nets/backend/backend.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "nets/backend/product.h"
#include "base/mem.h"

struct conv {
    struct conv_shape shape;
    enum operand operand;
    product_add product;
    size_t in_g, out_g;  // channels of one group
    size_t pixels, taps; // rows and columns of the windows' matrix
    float *by_tap;       // weights (groups, taps, out_g)
    float *by_out;       // and (groups, out_g, taps)
    float *windows;      // (pixels, taps)
    float *dy;           // (pixels, out_c) of one image
    float *dw;           // (groups, out_g, taps)
};

static struct conv *reference_create(const struct conv_shape *s, enum operand operand,
                                     bool with_data)
{
    assert(conv_shape_valid(s));
    (void)with_data; // saves nothing here
    struct conv *conv = mem_alloc(1, sizeof *conv);
    conv->shape = *s;
    conv->operand = operand;
    conv->product = product_for(cpu_best(CPU_AVX512));
    conv->in_g = (size_t)(s->in_c / s->groups);
    conv->out_g = (size_t)(s->out_c / s->groups);
    conv->pixels = (size_t)s->out_h * s->out_w;
    conv->taps = (size_t)s->kernel_h * s->kernel_w * conv->in_g;
    size_t weights = conv->taps * s->out_c;
    conv->by_tap = mem_alloc(weights, sizeof(float));
    conv->by_out = mem_alloc(weights, sizeof(float));
    conv->windows = mem_alloc(conv->pixels * conv->taps, sizeof(float));
    conv->dy = mem_alloc(conv->pixels * s->out_c, sizeof(float));
    conv->dw = mem_alloc(weights, sizeof(float));
    return conv;
}

static void reference_destroy(struct conv *conv)
{
    if (!conv)
        return;
    free(conv->by_tap);
    free(conv->by_out);
    free(conv->windows);
    free(conv->dy);
    free(conv->dw);
    free(conv);
}

static float rounded(enum operand operand, float value)
{
    return operand == OPERAND_BF16 ? float_of_bf16(bf16_of(value)) : value;
}

// n operands from number `at` on, as floats.
static void widen(enum operand operand, const void *from, size_t at, size_t n, float *to)
{
    if (operand == OPERAND_F32) {
        memcpy(to, (const float *)from + at, n * sizeof *to);
        return;
    }
    const uint16_t *b = (const uint16_t *)from + at;
    for (size_t i = 0; i < n; i++)
        to[i] = float_of_bf16(b[i]);
}

// (rows, columns) to (columns, rows), in squares so that lines of the cache are used whole.
static void transpose(const float *from, size_t rows, size_t columns, float *to)
{
    enum { SQUARE = 16 };
    for (size_t i = 0; i < rows; i += SQUARE)
        for (size_t j = 0; j < columns; j++)
            for (size_t k = i; k < rows && k < i + SQUARE; k++)
                to[j * rows + k] = from[k * columns + j];
}

static void reference_set_weights(struct conv *conv, const float *w)
{
    size_t square = conv->taps / conv->in_g, group = conv->out_g * conv->taps;
    for (size_t out = 0; out < (size_t)conv->shape.out_c; out++)
        for (size_t in = 0; in < conv->in_g; in++)
            for (size_t at = 0; at < square; at++)
                conv->by_out[out * conv->taps + at * conv->in_g + in] =
                    rounded(conv->operand, *w++);
    for (int g = 0; g < conv->shape.groups; g++)
        transpose(conv->by_out + g * group, conv->out_g, conv->taps, conv->by_tap + g * group);
}

// A window's tap: elements of a map before it, or false if it is padding.
static bool tap_at(const struct conv_shape *s, int y, int x, int ky, int kx, size_t *pixel)
{
    int from_y = y * s->stride_h + ky * s->dilation_h - s->pad_top;
    int from_x = x * s->stride_w + kx * s->dilation_w - s->pad_left;
    if (from_y < 0 || from_y >= s->in_h || from_x < 0 || from_x >= s->in_w)
        return false;
    *pixel = (size_t)from_y * s->in_w + from_x;
    return true;
}

static void lay_out_windows(struct conv *conv, const void *x, int image, int group)
{
    const struct conv_shape *s = &conv->shape;
    size_t first = (size_t)image * s->in_h * s->in_w, pixel;
    float *to = conv->windows;
    for (int oy = 0; oy < s->out_h; oy++)
        for (int ox = 0; ox < s->out_w; ox++)
            for (int ky = 0; ky < s->kernel_h; ky++)
                for (int kx = 0; kx < s->kernel_w; kx++, to += conv->in_g) {
                    if (tap_at(s, oy, ox, ky, kx, &pixel))
                        widen(conv->operand, x, (first + pixel) * s->in_c + group * conv->in_g,
                              conv->in_g, to);
                    else
                        memset(to, 0, conv->in_g * sizeof *to);
                }
}

// The reverse: every window's taps added where they came from.
static void add_windows(const struct conv *conv, float *dx, int group)
{
    const struct conv_shape *s = &conv->shape;
    const float *from = conv->windows;
    size_t pixel;
    for (int oy = 0; oy < s->out_h; oy++)
        for (int ox = 0; ox < s->out_w; ox++)
            for (int ky = 0; ky < s->kernel_h; ky++)
                for (int kx = 0; kx < s->kernel_w; kx++, from += conv->in_g) {
                    if (!tap_at(s, oy, ox, ky, kx, &pixel))
                        continue;
                    float *to = dx + pixel * s->in_c + group * conv->in_g;
                    for (size_t c = 0; c < conv->in_g; c++)
                        to[c] += from[c];
                }
}

static void reference_forward(struct conv *conv, const void *x, float *y)
{
    const struct conv_shape *s = &conv->shape;
    size_t map = conv->pixels * s->out_c;
    memset(y, 0, map * s->images * sizeof *y);
    for (int image = 0; image < s->images; image++)
        for (int group = 0; group < s->groups; group++) {
            lay_out_windows(conv, x, image, group);
            conv->product(&(struct product){.rows = conv->pixels,
                                            .terms = conv->taps,
                                            .columns = conv->out_g,
                                            .a = conv->windows,
                                            .a_row = conv->taps,
                                            .a_term = 1,
                                            .b = conv->by_tap + group * conv->taps * conv->out_g,
                                            .b_row = conv->out_g,
                                            .c = y + image * map + group * conv->out_g,
                                            .c_row = s->out_c});
        }
}

static void reference_backward_data(struct conv *conv, const void *dy, float *dx)
{
    const struct conv_shape *s = &conv->shape;
    size_t map = (size_t)s->in_h * s->in_w * s->in_c, out_map = conv->pixels * s->out_c;
    memset(dx, 0, map * s->images * sizeof *dx);
    for (int image = 0; image < s->images; image++) {
        widen(conv->operand, dy, image * out_map, out_map, conv->dy);
        for (int group = 0; group < s->groups; group++) {
            memset(conv->windows, 0, conv->pixels * conv->taps * sizeof(float));
            conv->product(&(struct product){.rows = conv->pixels,
                                            .terms = conv->out_g,
                                            .columns = conv->taps,
                                            .a = conv->dy + group * conv->out_g,
                                            .a_row = s->out_c,
                                            .a_term = 1,
                                            .b = conv->by_out + group * conv->out_g * conv->taps,
                                            .b_row = conv->taps,
                                            .c = conv->windows,
                                            .c_row = conv->taps});
            add_windows(conv, dx + image * map, group);
        }
    }
}

static void store_gradient(const struct conv *conv, float *dw)
{
    size_t square = conv->taps / conv->in_g;
    for (size_t out = 0; out < (size_t)conv->shape.out_c; out++)
        for (size_t in = 0; in < conv->in_g; in++)
            for (size_t at = 0; at < square; at++)
                *dw++ = conv->dw[out * conv->taps + at * conv->in_g + in];
}

static void reference_backward_weights(struct conv *conv, const void *x, const void *dy, float *dw)
{
    const struct conv_shape *s = &conv->shape;
    size_t out_map = conv->pixels * s->out_c;
    memset(conv->dw, 0, conv->taps * s->out_c * sizeof(float));
    for (int image = 0; image < s->images; image++) {
        widen(conv->operand, dy, image * out_map, out_map, conv->dy);
        for (int group = 0; group < s->groups; group++) {
            lay_out_windows(conv, x, image, group);
            conv->product(&(struct product){.rows = conv->out_g,
                                            .terms = conv->pixels,
                                            .columns = conv->taps,
                                            .a = conv->dy + group * conv->out_g,
                                            .a_row = 1,
                                            .a_term = s->out_c,
                                            .b = conv->windows,
                                            .b_row = conv->taps,
                                            .c = conv->dw + group * conv->out_g * conv->taps,
                                            .c_row = conv->taps});
        }
    }
    store_gradient(conv, dw);
}

static const char *reference_version(void)
{
    return "reference";
}

const struct backend backend_reference = {
    .name = "reference",
    .create = reference_create,
    .destroy = reference_destroy,
    .set_weights = reference_set_weights,
    .forward = reference_forward,
    .backward_data = reference_backward_data,
    .backward_weights = reference_backward_weights,
    .version = reference_version,
};
