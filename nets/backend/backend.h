// The products of training: convolutions and linear layers, forward and backward, over a few
// images. One table per backend; the reference does everything, in a fixed order of sums, and steps
// in where another one declines. Maps are NHWC. Weights are (out_c, in_c / groups, kernel_h,
// kernel_w), as in struct weights; a linear layer is a 1x1 convolution of a 1x1 map.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conv_shape {
    int images; // of one call
    int in_c, in_h, in_w, out_c, out_h, out_w;
    int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, groups;
    int pad_top, pad_left, pad_bottom, pad_right;
};
// What create() takes for granted: channels divide into groups, and with extent = (kernel_h - 1) *
// dilation_h + 1, out_h = floor((pad_top + in_h + pad_bottom - extent) / stride_h) + 1; out_w
// likewise.
bool conv_shape_valid(const struct conv_shape *shape);

// What factors are rounded to; sums are 32-bit floats always, weights are held as such.
enum operand { OPERAND_F32, OPERAND_BF16 };
extern const char *const operand_names[]; // NULL-terminated: "f32", "bf16"
static inline size_t operand_size(enum operand operand)
{
    return operand == OPERAND_BF16 ? 2 : 4;
}

// One convolution, planned; with scratch and packed weights, so it serves one thread at a time.
struct conv;

struct backend {
    const char *name; // "reference", "onednn"
    // NULL: declines the shape, the operand, or all on this processor. with_data: backward_data
    // will be wanted (not of the first layer).
    struct conv *(*create)(const struct conv_shape *shape, enum operand operand, bool with_data);
    void (*destroy)(struct conv *conv); // NULL is fine
    // Before the products of a step. Rounded to the operand.
    void (*set_weights)(struct conv *conv, const float *w);
    // x (images, in_h, in_w, in_c) of operands, y (images, out_h, out_w, out_c), overwritten.
    void (*forward)(struct conv *conv, const void *x, float *y);
    // dy (images, out_h, out_w, out_c) of operands, dx like x but floats, overwritten.
    void (*backward_data)(struct conv *conv, const void *dy, float *dx);
    // dw like the weights, overwritten.
    void (*backward_weights)(struct conv *conv, const void *x, const void *dy, float *dw);
    // Library, version and instruction set, on which the last bits depend; a constant text.
    const char *(*version)(void);
};

extern const struct backend backend_reference;
// By name; "auto" is the fastest there is. NULL: unknown, or not built in.
const struct backend *backend_find(const char *name);
// NULL-terminated, the reference first.
const struct backend *const *backend_list(void);

// Nearest even, as the hardware does; NaN stays one.
static inline uint16_t bf16_of(float value)
{
    union {
        float f;
        uint32_t u;
    } bits = {value};
    if ((bits.u & 0x7fffffffU) > 0x7f800000U)
        return (uint16_t)(bits.u >> 16 | 0x40);
    return (uint16_t)((bits.u + 0x7fff + (bits.u >> 16 & 1)) >> 16);
}
static inline float float_of_bf16(uint16_t value)
{
    union {
        uint32_t u;
        float f;
    } bits = {(uint32_t)value << 16};
    return bits.f;
}
