#include "tests/backend/naive.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "tests/support/windows.h"

size_t size_x(const struct conv_shape *s)
{
    return (size_t)s->images * s->in_h * s->in_w * s->in_c;
}

size_t size_y(const struct conv_shape *s)
{
    return (size_t)s->images * s->out_h * s->out_w * s->out_c;
}

size_t size_w(const struct conv_shape *s)
{
    return (size_t)s->out_c * (s->in_c / s->groups) * s->kernel_h * s->kernel_w;
}

struct conv_shape square(int images, int in_c, int size, int out_c, int kernel, int stride, int pad,
                         int groups)
{
    int out = (size + 2 * pad - kernel) / stride + 1;
    return (struct conv_shape){.images = images,
                               .in_c = in_c,
                               .in_h = size,
                               .in_w = size,
                               .out_c = out_c,
                               .out_h = out,
                               .out_w = out,
                               .kernel_h = kernel,
                               .kernel_w = kernel,
                               .stride_h = stride,
                               .stride_w = stride,
                               .dilation_h = 1,
                               .dilation_w = 1,
                               .pad_top = pad,
                               .pad_left = pad,
                               .pad_bottom = pad,
                               .pad_right = pad,
                               .groups = groups};
}

struct conv_shape random_shape(int images, uint32_t *x)
{
    struct window_spec w = windows_random(x, false);
    return (struct conv_shape){.images = images,
                               .in_c = w.in_c,
                               .in_h = w.in_h,
                               .in_w = w.in_w,
                               .out_c = w.out_c,
                               .out_h = w.out_h,
                               .out_w = w.out_w,
                               .kernel_h = w.kernel[0],
                               .kernel_w = w.kernel[1],
                               .stride_h = w.stride[0],
                               .stride_w = w.stride[1],
                               .dilation_h = w.dilation[0],
                               .dilation_w = w.dilation[1],
                               .groups = w.groups,
                               .pad_top = w.pad[0],
                               .pad_left = w.pad[1],
                               .pad_bottom = w.pad[2],
                               .pad_right = w.pad[3]};
}

// Every (x, w, y) that meet: y += x * w and its two transposes.
typedef void (*meet)(size_t x, size_t w, size_t y, const double *a, const double *b, double *to);

static void meet_pixel(const struct conv_shape *s, int n, int oy, int ox, meet f, const double *a,
                       const double *b, double *to)
{
    int in_g = s->in_c / s->groups, out_g = s->out_c / s->groups;
    for (int oc = 0; oc < s->out_c; oc++)
        for (int ic = 0; ic < in_g; ic++)
            for (int ky = 0; ky < s->kernel_h; ky++)
                for (int kx = 0; kx < s->kernel_w; kx++) {
                    int iy = oy * s->stride_h - s->pad_top + ky * s->dilation_h;
                    int ix = ox * s->stride_w - s->pad_left + kx * s->dilation_w;
                    if (iy < 0 || ix < 0 || iy >= s->in_h || ix >= s->in_w)
                        continue;
                    int from = oc / out_g * in_g + ic;
                    size_t x = (((size_t)n * s->in_h + iy) * s->in_w + ix) * s->in_c + from;
                    size_t w = (((size_t)oc * in_g + ic) * s->kernel_h + ky) * s->kernel_w + kx;
                    size_t y = (((size_t)n * s->out_h + oy) * s->out_w + ox) * s->out_c + oc;
                    f(x, w, y, a, b, to);
                }
}

static void meet_all(const struct conv_shape *s, meet f, const double *a, const double *b,
                     double *to)
{
    for (int n = 0; n < s->images; n++)
        for (int oy = 0; oy < s->out_h; oy++)
            for (int ox = 0; ox < s->out_w; ox++)
                meet_pixel(s, n, oy, ox, f, a, b, to);
}

static void into_y(size_t x, size_t w, size_t y, const double *a, const double *b, double *to)
{
    to[y] += a[x] * b[w];
}

static void into_x(size_t x, size_t w, size_t y, const double *a, const double *b, double *to)
{
    to[x] += a[w] * b[y];
}

static void into_w(size_t x, size_t w, size_t y, const double *a, const double *b, double *to)
{
    to[w] += a[x] * b[y];
}

void naive_forward(const struct conv_shape *s, const double *x, const double *w, double *y)
{
    meet_all(s, into_y, x, w, y);
}

void naive_backward_data(const struct conv_shape *s, const double *w, const double *dy, double *dx)
{
    meet_all(s, into_x, w, dy, dx);
}

void naive_backward_weights(const struct conv_shape *s, const double *x, const double *dy,
                            double *dw)
{
    meet_all(s, into_w, x, dy, dw);
}

double naive_round(enum operand operand, double value)
{
    int exponent;
    double mantissa = frexp(value, &exponent);
    int bits = operand == OPERAND_BF16 ? 8 : 24;
    return ldexp(nearbyint(ldexp(mantissa, bits)), exponent - bits);
}

static double draw(uint64_t stream, size_t index, enum values values)
{
    uint64_t u = rng_u64(stream, RNG_SYNTH, index) >> 11;
    if (values == WHOLE)
        return (double)(u % 7) - 3;
    return (double)(float)(ldexp((double)u, -52) - 1);
}

static void *operands(enum operand operand, const double *from, size_t n)
{
    void *to = calloc(n, operand_size(operand));
    for (size_t i = 0; i < n; i++)
        if (operand == OPERAND_BF16)
            ((uint16_t *)to)[i] = bf16_of((float)from[i]);
        else
            ((float *)to)[i] = (float)from[i];
    return to;
}

static float *unset(size_t n)
{
    float *v = calloc(n, sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = nanf("");
    return v;
}

static double *drawn(uint64_t stream, size_t n, enum operand operand, enum values values)
{
    double *v = calloc(n, sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = naive_round(operand, draw(stream, i, values));
    return v;
}

struct trial trial_make(const struct conv_shape *shape, enum operand operand, enum values values)
{
    size_t nx = size_x(shape), ny = size_y(shape), nw = size_w(shape);
    struct trial t = {.shape = *shape, .operand = operand};
    t.x = drawn(1, nx, operand, values);
    t.dy = drawn(2, ny, operand, values);
    t.w = drawn(3, nw, operand, values);
    t.x_in = operands(operand, t.x, nx);
    t.dy_in = operands(operand, t.dy, ny);
    t.w_in = calloc(nw, sizeof *t.w_in);
    for (size_t i = 0; i < nw; i++)
        t.w_in[i] = (float)draw(3, i, values);
    t.y = unset(ny);
    t.dx = unset(nx);
    t.dw = unset(nw);
    return t;
}

void trial_free(struct trial *t)
{
    void *all[] = {t->x, t->w, t->dy, t->x_in, t->dy_in, t->w_in, t->y, t->dx, t->dw};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

bool trial_run(struct trial *t, const struct backend *backend)
{
    struct conv *conv = backend->create(&t->shape, t->operand, true);
    if (!conv)
        return false;
    backend->set_weights(conv, t->w_in);
    backend->forward(conv, t->x_in, t->y);
    backend->backward_data(conv, t->dy_in, t->dx);
    backend->backward_weights(conv, t->x_in, t->dy_in, t->dw);
    backend->destroy(conv);
    return true;
}

void expect_near(const float *got, const double *want, size_t n, double bound, const char *what,
                 const struct conv_shape *s)
{
    double off = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        off += pow((double)got[i] - want[i], 2);
        norm += pow(want[i], 2);
    }
    if (!(sqrt(off) <= bound * sqrt(norm)))
        fail_msg("%s: off by %g of the norm; %d images, %d -> %d channels, map %dx%d, kernel "
                 "%dx%d, stride %dx%d, dilation %dx%d, pad %d %d %d %d, %d groups",
                 what, sqrt(off / norm), s->images, s->in_c, s->out_c, s->in_h, s->in_w,
                 s->kernel_h, s->kernel_w, s->stride_h, s->stride_w, s->dilation_h, s->dilation_w,
                 s->pad_top, s->pad_left, s->pad_bottom, s->pad_right, s->groups);
}
