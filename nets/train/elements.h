// The loops of training over single elements of NHWC maps, one table per processor level; all give
// the same bits. A map is `rows` rows of `width` elements; `width` is a multiple of the channels,
// and per-channel values are repeated to fill it.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "nets/backend/backend.h"
#include "base/cpu.h"

enum reading_kind {
    READ_PLAIN,
    READ_RELU,
    READ_BIT,   // 1 if above 1/2, else 0
    READ_STEPS, // integer steps from `bottom` to `top`, `unit` each
    READ_SIGN,  // 1 if 0 or more, else -1
};

// Activation that a consumer reads from a map of sums: kind(scale * sum + shift).
struct reading {
    enum reading_kind kind;
    const float *scale, *shift;
    float inverse, top, unit; // READ_STEPS: unit * clamp(round(v * inverse), bottom, top)
    float bottom;
};

// Gradient of the activation with respect to v = scale * sum + shift: passed where low <= v <=
// high.
struct passing {
    const float *scale, *shift;
    float low, high;
    const float *masked; // from consumers after the activation; NULL: none
    const float *plain;  // from consumers before the activation; NULL: none
};

struct elements {
    // Accumulates into sum and squares, width each, row by row.
    void (*moments)(const float *x, size_t rows, int width, double *sum, double *squares);
    void (*read)(const struct reading *r, const float *x, size_t rows, int width,
                 enum operand operand, void *out);
    // x = scale * x + shift + read(from); from NULL: without the last term.
    void (*combine)(const float *scale, const float *shift, const struct reading *r,
                    const float *from, size_t rows, int width, float *x);
    // With d the gradient passed: sum += d, product += d * x.
    void (*passed_moments)(const struct passing *p, const float *x, size_t rows, int width,
                           double *sum, double *product);
    // out = a * d + b * x + c.
    void (*pass)(const struct passing *p, const float *x, const float *a, const float *b,
                 const float *c, size_t rows, int width, enum operand operand, void *out);
    // The largest of v = scale * x + shift and 0; the same of -v.
    float (*most)(const float *scale, const float *shift, const float *x, size_t rows, int width);
    float (*lowest)(const float *scale, const float *shift, const float *x, size_t rows, int width);
    void (*add)(const float *from, size_t n, float *to); // to += from
    // Encodes pixels of raw channels, (channels, pixels), as (pixels, planes) operands:
    // concatenates the bits of tables[channel][value], `planes` each.
    void (*encode)(const uint8_t *image, const void *tables, int channels, size_t pixels,
                   int planes, enum operand operand, void *out);
};

const struct elements *elements_for(enum cpu_level level);
