// A net in whole numbers: what a chip computes when nothing is lost. Weights are integers,
// batch-norm, scales and thresholds are folded into one multiply-add per channel (for plain binary
// layers: one comparison), the residual stream is fixed point. This net is the reference: crossbars
// without faults and with enough ADC bits equal it bit for bit.
//
// A stage is a conv or linear layer and, if its sums go straight into an add, that add; or an add
// alone, of two maps; or a multiply, whose acc is the product of two elements; or a pool, or a
// concat, which copies its parts: they have one scale (struct layer, format_of). Stages run in the
// order of their last layers, so that a shortcut is there before the add that reads it, in whatever
// order the file lists them. With acc the layer's sum (of an add alone: the first map's element)
// and x the shortcut's element, per output channel:
//     v = mul * acc + res * x + add        (64 bits, scaled by 2^shift)
//     binary:  bit = v > half;  stream = clamp(round(v / 2^shift)) to residual_bits
//     k bits:  q = clamp(round(v / 2^shift), low, high): 0 .. 2^bits - 1 behind a ReLU, else
//              -2^(bits - 1) .. 2^(bits - 1) - 1
//     logits:  v itself
// Where inputs are bits b that stand for a = 2b - 1, products are those of the bits, and
//     acc = 2 * sum(w b) - K, K = sum(w) over the window's elements that are there.
// With zeros around the map, K depends on where the window stands; else it is one per channel.
// shift is as large as 62-bit values of v allow for the largest sum that the weights can make (in
// the binary form also as factors of 30 bits allow); sums beyond that (of broken cells) are clamped
// to `limit` first, far outside of low .. high.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct net;
struct weights;

// K of every window: that of output (y, x), channel c, is at
// constants[((size_t)row[y] * columns + column[x]) * out_c + c].
struct int_bipolar {
    int rows,
        columns; // kinds of rows and columns of windows, by the part of a window that is there
    uint16_t *row, *column; // of each output row, column
    int64_t *constants;     // (rows, columns, out_c)
};

struct int_layer {
    const int32_t
        *w; // (out, in / groups, kernel_h, kernel_w); of 1 bit: -1 and +1; NULL: no weights
    struct int_bipolar *bipolar; // NULL: inputs are as they come
    int add; // the add done with this layer's sums (of an add alone: itself), or -1
    int64_t *mul, *offset, *res; // per output channel; res NULL without an add
    int64_t *limit;              // per output channel: larger |acc| are clamped to it
    int shift;
    double unit;       // v of a real value of 1
    int64_t half;      // binary: a bit is set where v is above; -1 for signs, +1 from 0 on
    int64_t low, high; // of the stored value
};

struct int_net {
    const struct net *net;
    struct int_layer
        *layers; // one per layer; filled for conv and linear layers, lone adds, multiplies
    int *stages; // first layers of the stages, in the order in which they run
    int n_stages;
    int64_t *pool_mul; // per layer: of average pools of all taps, scaled by 2^pool_shift
    int *pool_shift;   // per layer
    int32_t input_low, input_high; // raw images: the first layer's inputs
    double input_scale;            // real value of one step of them
    double *scale;                 // per layer: real value of one step of its map (k-bit forms)
    double gain;                   // of the arrays, by which all sums are divided; 1
    struct arena *mem;
};

// ranges: per layer, the largest absolute value of its map (k-bit forms; NULL in the binary form).
// Refuses the float form, and weights whose folded factors leave 64 bits.
struct int_net *int_net_create(const struct net *net, const struct weights *weights,
                               const double *ranges, struct err *err);
void int_net_destroy(struct int_net *integer); // NULL is fine
// Folds one conv or linear layer anew: from other statistics, or the gain. Its weights, and the
// scales of maps, stay.
void int_net_refold(struct int_net *integer, const struct weights *weights, int layer);
// K of a conv or linear layer's windows; part of int_net_create. int_net_bipolar.c.
struct int_bipolar *int_net_bipolar(const struct int_net *integer, int layer);
// K of a kind of window and channel, as `index` in its constants says, in the steps of sums: the
// arrays' gain makes more of these.
int64_t int_net_constant(const struct int_net *integer, int layer, size_t index);

// The sums of one layer for a whole map: in is (in_c, in_h, in_w), acc (out_c, out_h, out_w).
typedef void int_net_matrix(void *context, int layer, const int32_t *in, int64_t *acc);
void int_net_matrix_reference(void *integer, int layer, const int32_t *in, int64_t *acc);

// Scratch of one worker.
struct int_net_run;
struct int_net_run *int_net_run_create(const struct int_net *integer);
void int_net_run_destroy(struct int_net_run *run); // NULL is fine
// The logits of one image, every matrix computed by `matrix`; valid until the next call.
const int64_t *int_net_run_image(struct int_net_run *run, const uint8_t *image,
                                 int_net_matrix *matrix, void *context);
// The same step by step, for who looks at what stands between: an image's planes; the sums of a
// conv or linear layer; v of all of its stage, with or without the shortcut's part; maps and stream
// stored, also of a pool, a lone add, a concat or a multiply. What a step reads may be put there
// before.
void int_net_run_load(struct int_net_run *run, const uint8_t *image);
void int_net_run_multiply(struct int_net_run *run, int layer, int_net_matrix *matrix,
                          void *context);
void int_net_run_values(const struct int_net_run *run, int layer, bool shortcut, int64_t *v);
void int_net_run_finish(struct int_net_run *run, int layer);
int64_t *int_net_run_sums(struct int_net_run *run);
int32_t *int_net_run_map(struct int_net_run *run, int layer);
int32_t *int_net_run_stream(struct int_net_run *run, int layer); // may be the map itself

// Of a plain binary stage (no add), per channel: acc as above, after K: a bit is set where low <=
// acc <= high, which is mul * acc + offset > half exactly; low > high where no acc sets it.
void int_net_threshold(const struct int_layer *layer, int channel, int32_t *low, int32_t *high);
// What an average pool multiplies the sum of `inputs` elements by, scaled by 2^pool_shift.
int64_t int_net_pool_mul(const struct int_net *net, int layer, int inputs);
// The class with the largest logit, the first of equals.
int int_net_class(const int64_t *logits, int classes);
