// Convolutions by their definition, in doubles, and operands to try them on.
#pragma once
#include "nets/backend/backend.h"

// Elements of the tensors of a shape.
size_t size_x(const struct conv_shape *s);
size_t size_y(const struct conv_shape *s);
size_t size_w(const struct conv_shape *s);

// A square convolution of a square map with its right output size.
struct conv_shape square(int images, int in_c, int size, int out_c, int kernel, int stride, int pad,
                         int groups);

// A convolution with random windows of any shape; *x is the random state.
struct conv_shape random_shape(int images, uint32_t *x);

void naive_forward(const struct conv_shape *s, const double *x, const double *w, double *y);
void naive_backward_data(const struct conv_shape *s, const double *w, const double *dy, double *dx);
void naive_backward_weights(const struct conv_shape *s, const double *x, const double *dy,
                            double *dw);

// What the operand rounds a number to, by arithmetic and not by bits.
double naive_round(enum operand operand, double value);

enum values {
    WHOLE, // -3 ... 3: every sum is exact
    REAL,  // (-1, 1), rounded to the operand
};

// The tensors of one shape. x_in and dy_in are x and dy as operands, w_in are weights as floats,
// which with REAL still have to be rounded to the operand; w is rounded.
struct trial {
    struct conv_shape shape;
    enum operand operand;
    double *x, *w, *dy;
    void *x_in, *dy_in;
    float *w_in;
    float *y, *dx, *dw; // of the backend
};

struct trial trial_make(const struct conv_shape *shape, enum operand operand, enum values values);
void trial_free(struct trial *t);
// Runs all three products into y, dx, dw, which start as NaN. False: declined.
bool trial_run(struct trial *t, const struct backend *backend);

// Fails where the difference is beyond `bound` of the norm; NaN always.
void expect_near(const float *got, const double *want, size_t n, double bound, const char *what,
                 const struct conv_shape *s);
