// Nets whose activations are -1 and +1: every layer against sums over values written out here, with
// all three paddings; arrays, conductances and the packed way against the integer net bit for bit.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/float_net.h"
#include "nets/int_net.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/evaluate.h"
#include "sim/crossbar/fault.h"
#include "sim/crossbar/packed.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"
#include "workloads/dataset.h"

#define HEAD                                                                                       \
    "name: signs\ninput: {channels: 3, height: 8, width: 8, bits: 8}\nclasses: 10\nlevels: 3\n"    \
    "default_form: binary\nactivations: plus_minus_one\n"

// Odd numbers of inputs, kernels above the padding, strides; layers without batch-norm, whose sums
// are often 0.
static const char chain[] = HEAD "layers:\n"
                                 "  - {name: conv1, kind: conv, out: 5, kernel: 3, pad: 1}\n"
                                 "  - {name: conv2, kind: conv, out: 9, kernel: 5, stride: 2, "
                                 "pad: 2, bn: false, bias: true}\n"
                                 "  - {name: conv3, kind: conv, out: 12, kernel: [3, 2], "
                                 "pad: [2, 0, 1, 3], dilation: [2, 1], stride: [1, 2]}\n"
                                 "  - {name: conv4, kind: conv, out: 7, kernel: 2, bn: false}\n"
                                 "  - {name: fc1, kind: linear, out: 13}\n"
                                 "  - {name: fc2, kind: linear, out: 10, bias: true}\n";
// A residual stream, with the batch-norm on either side of the addition.
static const char block[] =
    HEAD "add: %s\nlayers:\n"
         "  - {name: conv1, kind: conv, out: 6, kernel: 3, pad: 1}\n"
         "  - {name: layer1.0.conv1, kind: conv, out: 11, kernel: 3, stride: 2, pad: 1}\n"
         "  - {name: layer1.0.conv2, kind: conv, out: 11, kernel: 3, pad: 1}\n"
         "  - {name: layer1.0.add, kind: add, shortcut: conv1}\n"
         "  - {name: conv2, kind: conv, out: 8, kernel: 3, pad: 1}\n"
         "  - {name: linear, kind: linear, out: 10, bn: true}\n";

// Max-pools of bits, one of them read by an addition; windows that overlap, and padding.
static const char pooled[] = HEAD "max_pool: keep\nadd: after_bn\nlayers:\n"
                                  "  - {name: conv1, kind: conv, out: 9, kernel: 3, pad: 1}\n"
                                  "  - {name: pool1, kind: pool, kernel: 3, stride: 2, pad: 1}\n"
                                  "  - {name: conv2, kind: conv, out: 9, kernel: 3, pad: 1}\n"
                                  "%s"
                                  "  - {name: conv3, kind: conv, out: 7, kernel: 3, pad: 1}\n"
                                  "  - {name: pool2, kind: pool, kernel: 2}\n"
                                  "  - {name: linear, kind: linear, out: 10}\n";

static const char *const pads[] = {"net.pad_value=zero", "net.pad_value=minus_one",
                                   "net.pad_value=plus_one"};
static const char *const encoders[] = {"net.encoder=thermometer", "net.encoder=sign",
                                       "net.encoder=bit_planes", "net.planes=zero_one",
                                       "net.encoder=raw"};
enum { NETS = 5, PADS = 3, ENCODERS = 5, IMAGES = 15, BYTES = 192, CLASSES = 10 };

static void set_biases(const struct net *net, struct weights *weights)
{
    for (size_t i = 1; i < net->n; i++)
        for (int c = 0; weights->layers[i].bias && c < net->layers[i].out_c; c++)
            weights->layers[i].bias[c] = (float)(c % 5 - 2) * 0.75F;
}

static struct model make(int net, const char *chip, const char *const more[], const char *pad,
                         const char *encoder)
{
    const char *sets[10] = {pad, encoder};
    size_t n = 2;
    for (size_t i = 0; more && more[i]; i++)
        sets[n++] = more[i];
    char text[2000];
    if (net > 2)
        snprintf(text, sizeof text, pooled,
                 net == 3 ? "" : "  - {name: add, kind: add, shortcut: pool1}\n");
    else if (net)
        snprintf(text, sizeof text, block, net == 1 ? "before_bn" : "after_bn");
    struct model m = model_of(chip, net ? text : chain, "binary", sets);
    set_biases(m.s.net, m.weights);
    model_fold(&m);
    return m;
}

// --- By hand ---

static double pad_value(const struct net *net)
{
    return net->pad_value == PAD_VALUE_ZERO ? 0 : net->pad_value == PAD_VALUE_PLUS_ONE ? 1 : -1;
}

// sum of sign(w) * a of output (o, y, x), a as read from `in`.
static double sum_at(const struct model *m, int layer, const double *in, int o, int y, int x)
{
    const struct layer *l = &m->s.net->layers[layer];
    const float *w = m->weights->layers[layer].w;
    bool bits = !m->s.net->layers[l->input[0]].bipolar;
    double sum = 0, outside = bits ? 0 : pad_value(m->s.net);
    for (int c = 0; c < l->in_c; c++)
        for (int ky = 0; ky < l->kernel_h; ky++)
            for (int kx = 0; kx < l->kernel_w; kx++) {
                int iy = y * l->stride_h + ky * l->dilation_h - l->pad_top;
                int ix = x * l->stride_w + kx * l->dilation_w - l->pad_left;
                bool inside = iy >= 0 && iy < l->in_h && ix >= 0 && ix < l->in_w;
                double a = inside ? in[(c * l->in_h + iy) * l->in_w + ix] : outside;
                sum += w[((o * l->in_c + c) * l->kernel_h + ky) * l->kernel_w + kx] < 0 ? -a : a;
            }
    return sum;
}

// The largest of a pool's window; padding is never it.
static double largest_at(const struct layer *l, const double *in, int c, int y, int x)
{
    double most = -(double)INFINITY;
    for (int ky = 0; ky < l->kernel_h; ky++)
        for (int kx = 0; kx < l->kernel_w; kx++) {
            int iy = y * l->stride_h + ky - l->pad_top, ix = x * l->stride_w + kx - l->pad_left;
            if (iy >= 0 && iy < l->in_h && ix >= 0 && ix < l->in_w)
                most = fmax(most, in[(c * l->in_h + iy) * l->in_w + ix]);
        }
    return most;
}

static double mean_weight(const struct model *m, int layer)
{
    const struct layer *l = &m->s.net->layers[layer];
    double sum = 0;
    for (int64_t i = 0; i < l->weights; i++)
        sum += fabs((double)m->weights->layers[layer].w[i]);
    return sum / (double)l->weights;
}

// What batch-norm makes of a value; of an add, with that of the layer that it adds.
static double normalise(const struct model *m, int layer, int c, double v)
{
    const struct layer *l = &m->s.net->layers[layer];
    const struct layer_weights *w = &m->weights->layers[l->kind == LAYER_ADD ? l->input[0] : layer];
    if (l->kind != LAYER_ADD && w->bias)
        v += (double)w->bias[c];
    if (!l->bn)
        return v;
    return (v - (double)w->mean[c]) / sqrt((double)w->var[c] + w->bn_eps) * (double)w->gamma[c] +
           (double)w->beta[c];
}

static size_t size_of(const struct layer *l)
{
    return (size_t)l->out_c * l->out_h * l->out_w;
}

// Of all layers, real values before the sign, from the values before the layer: of the image as
// encoded (bits, or as raw), of others as float_net_map has them.
static double *by_hand(const struct model *m, const struct float_net *f, int layer)
{
    const struct net *net = m->s.net;
    const struct layer *l = &net->layers[layer], *from = &net->layers[l->input[0]];
    double *out = mem_alloc(size_of(l), sizeof *out), *in = mem_alloc(size_of(from), sizeof *in);
    for (size_t i = 0; i < size_of(from); i++) {
        double v = (double)float_net_map(f, l->input[0])[i];
        bool sign = from->act == ACT_THRESHOLD && l->kind != LAYER_ADD;
        in[i] = sign ? (v >= 0 ? 1 : -1) : v;
    }
    size_t at = 0;
    for (int o = 0; o < l->out_c; o++)
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++, at++) {
                if (l->kind == LAYER_POOL) {
                    out[at] = largest_at(l, in, o, y, x);
                } else if (l->kind != LAYER_ADD) {
                    out[at] = mean_weight(m, layer) * sum_at(m, layer, in, o, y, x);
                } else {
                    const struct layer *s = &net->layers[l->input[1]];
                    int step = s->out_h / l->out_h;
                    out[at] = in[at];
                    if (o < s->out_c)
                        out[at] += (double)float_net_map(
                            f, l->input[1])[(o * s->out_h + y * step) * s->out_w + x * step];
                }
                if (l->kind != LAYER_POOL)
                    out[at] = normalise(m, layer, o, out[at]);
            }
    free(in);
    return out;
}

static void floats_are_sums_of_signs(void **state)
{
    (void)state;
    for (int n = 0; n < NETS; n++)
        for (int p = 0; p < PADS; p++)
            for (int e = 0; e < ENCODERS; e++) {
                struct model m = make(n, "ideal", NULL, pads[p], encoders[e]);
                struct float_net *f = float_net_create(m.s.net, m.weights);
                uint8_t image[BYTES];
                uint32_t x = 5;
                model_image(&x, image);
                float_net_run(f, image);
                for (int i = 1; i < (int)m.s.net->n; i++) {
                    double *want = by_hand(&m, f, i);
                    for (size_t k = 0; k < size_of(&m.s.net->layers[i]); k++)
                        if (fabs(want[k] - (double)float_net_map(f, i)[k]) > 1e-4)
                            fail_msg("net %d, %s, %s: layer %d, element %zu: %g, not %g", n,
                                     pads[p], encoders[e], i, k, (double)float_net_map(f, i)[k],
                                     want[k]);
                    free(want);
                }
                float_net_destroy(f);
                model_free(&m);
            }
}

// --- The integer net ---

// The values that a layer reads, of its own map in the run.
static double *values_read(const struct model *m, struct int_net_run *run, int layer)
{
    const struct layer *from = &m->s.net->layers[layer];
    double *in = mem_alloc(size_of(from), sizeof *in);
    for (size_t i = 0; i < size_of(from); i++) {
        int32_t b = int_net_run_map(run, layer)[i];
        in[i] = from->bipolar ? (b ? 1 : -1) : b;
    }
    return in;
}

static void check_pool(const struct model *m, struct int_net_run *run, int layer)
{
    const struct layer *l = &m->s.net->layers[layer];
    double *in = values_read(m, run, l->input[0]);
    int_net_run_finish(run, layer);
    assert_true(l->bipolar);
    size_t at = 0;
    for (int c = 0; c < l->out_c; c++)
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++, at++) {
                double want = largest_at(l, in, c, y, x);
                assert_int_equal(int_net_run_map(run, layer)[at], want > 0);
                assert_int_equal(int_net_run_stream(run, layer)[at],
                                 (int)want * (1 << m->s.net->residual_frac));
            }
    free(in);
}

// Every stage: its values from the sums of signs that it reads; its bits from its values.
static void check_stage(const struct model *m, struct int_net_run *run, int layer)
{
    const struct int_layer *il = &m->integer->layers[layer];
    const struct layer *l = &m->s.net->layers[layer];
    int last = il->add >= 0 ? il->add : layer;
    double *in = values_read(m, run, l->input[0]);
    int_net_run_multiply(run, layer, int_net_matrix_reference, m->integer);
    int64_t *v = mem_alloc(size_of(l), sizeof *v);
    int_net_run_values(run, layer, true, v);
    const struct layer *s =
        il->add >= 0 ? &m->s.net->layers[m->s.net->layers[last].input[1]] : NULL;
    size_t at = 0;
    for (int o = 0; o < l->out_c; o++)
        for (int y = 0; y < l->out_h; y++)
            for (int x = 0; x < l->out_w; x++, at++) {
                double sum = sum_at(m, layer, in, o, y, x);
                int64_t want = il->mul[o] * (int64_t)sum + il->offset[o];
                if (s && o < s->out_c) {
                    int step = s->out_h / l->out_h;
                    want +=
                        il->res[o] *
                        int_net_run_stream(
                            run, m->s.net->layers[last]
                                     .input[1])[(o * s->out_h + y * step) * s->out_w + x * step];
                }
                assert_int_equal(v[at], want);
            }
    int_net_run_finish(run, layer);
    for (size_t i = 0; i < size_of(l) && m->s.net->layers[last].bipolar; i++)
        assert_int_equal(int_net_run_map(run, last)[i], v[i] >= 0);
    free(v);
    free(in);
}

static void integers_are_sums_of_signs(void **state)
{
    (void)state;
    for (int n = 0; n < NETS; n++)
        for (int p = 0; p < PADS; p++)
            for (int e = 0; e < ENCODERS; e++) {
                struct model m = make(n, "ideal", NULL, pads[p], encoders[e]);
                struct int_net_run *run = int_net_run_create(m.integer);
                uint8_t image[BYTES];
                uint32_t x = 5;
                model_image(&x, image);
                int_net_run_load(run, image);
                for (int s = 0; s < m.integer->n_stages; s++) {
                    int layer = m.integer->stages[s];
                    bool pools = m.s.net->layers[layer].kind == LAYER_POOL;
                    (pools ? check_pool : check_stage)(&m, run, layer);
                }
                int_net_run_destroy(run);
                model_free(&m);
            }
}

// Without a stream nothing is rounded but the factors: logits are those of floating point.
static void logits_are_those_of_floats(void **state)
{
    (void)state;
    for (int p = 0; p < PADS; p++)
        for (int e = 0; e + 1 < ENCODERS; e++) {
            struct model m = make(0, "ideal", NULL, pads[p], encoders[e]);
            struct int_net_run *run = int_net_run_create(m.integer);
            struct float_net *f = float_net_create(m.s.net, m.weights);
            double unit = m.integer->layers[m.s.net->n - 1].unit;
            uint32_t x = 11;
            uint8_t image[BYTES];
            for (int i = 0; i < IMAGES; i++) {
                model_image(&x, image);
                const float *want = float_net_run(f, image);
                const int64_t *got =
                    int_net_run_image(run, image, int_net_matrix_reference, m.integer);
                for (int c = 0; c < CLASSES; c++)
                    assert_true(fabs((double)got[c] / unit - (double)want[c]) < 1e-4);
            }
            float_net_destroy(f);
            int_net_run_destroy(run);
            model_free(&m);
        }
}

// --- Chips ---

#define ADC "adc={preset: none, bits: 20, time: 1 ns, energy: 1 pJ, area: 1 um2, count: 128}"

struct arrangement {
    const char *chip, *more[4];
    bool packs; // currents too
};

static const struct arrangement arrangements[] = {
    {"hawis", {NULL}, true},
    {"hawis", {"crossbar.rows=40", "mapping.policy=dense", "dac.count=20"}, true},
    {"hawis", {"mapping.replicate=true", "mapping.tiles=200"}, true},
    {"hawis", {"crossbar.rows_active=13", "crossbar.subtract=after_adc"}, false},
    {"hawis", {"cell.bits=2"}, false},
    {"hawis-q8", {"crossbar.polarity=offset_column"}, false},
    {"hawis-q8", {"crossbar.polarity=single", "mapping.replicate=true"}, false},
};
enum { ARRANGEMENTS = sizeof arrangements / sizeof *arrangements };

static struct model arrange(const struct arrangement *a, int net, int p, int e)
{
    const char *more[6] = {ADC};
    for (int i = 0; i < 4 && a->more[i]; i++)
        more[i + 1] = a->more[i];
    return make(net, a->chip, more, pads[p], encoders[e]);
}

static void expect_same(const struct model *m, int_net_matrix *matrix, void *context)
{
    struct int_net_run *plain = int_net_run_create(m->integer);
    struct int_net_run *run = int_net_run_create(m->integer);
    uint32_t x = 3;
    uint8_t image[BYTES];
    for (int i = 0; i < 4; i++) {
        model_image(&x, image);
        const int64_t *want = int_net_run_image(plain, image, int_net_matrix_reference, m->integer);
        assert_memory_equal(int_net_run_image(run, image, matrix, context), want,
                            CLASSES * sizeof *want);
    }
    int_net_run_destroy(plain);
    int_net_run_destroy(run);
}

static void expect_classes(const struct model *m, const struct level_model *arrays,
                           const struct conductance_model *analog)
{
    uint8_t pixels[IMAGES * BYTES];
    int32_t want[IMAGES], got[IMAGES];
    uint32_t x = 3;
    for (int i = 0; i < IMAGES; i++)
        model_image(&x, pixels + (size_t)i * BYTES);
    struct dataset images = {
        .name = "random", .channels = 3, .height = 8, .width = 8, .n = IMAGES, .images = pixels};
    struct evaluation what = {
        .net = m->s.net, .weights = m->weights, .integer = m->integer, .data = &images};
    evaluate(&what, IMAGES, 0, 1, want);
    what.arrays = arrays;
    what.analog = analog;
    static const size_t jobs[] = {1, 2, 7};
    for (int k = 0; k < 3; k++) {
        memset(got, 255, sizeof got);
        for (size_t j = 0; j < jobs[k]; j++)
            evaluate(&what, IMAGES, j, jobs[k], got);
        assert_memory_equal(got, want, sizeof want);
    }
}

// packs: the packed way covers the chip; a pool that an addition reads it does not.
static void check_chip(const struct model *m, const struct chip_sample *sample, bool packs,
                       bool fine)
{
    struct err err = {0};
    struct level_model *arrays = level_model_create(m->s.map, m->integer, sample, CPU_AVX512, &err);
    struct conductance_model *analog =
        conductance_model_create(m->s.map, m->integer, sample, CPU_AVX512, &err);
    if (!arrays || !analog)
        fail_msg("%s", err.text);
    struct array_worker *levels = array_worker_create(arrays);
    struct conductance_model_worker *currents = conductance_model_worker_create(analog);
    if (fine) {
        expect_same(m, level_model_matrix, levels);
        expect_same(m, conductance_model_matrix, currents);
        expect_classes(m, arrays, NULL);
        expect_classes(m, NULL, analog);
    }
    if (packs) {
        struct packed *packed[] = {packed_create(arrays), packed_create_analog(analog)};
        expect_packed(m, packed[0], level_model_matrix, levels);
        expect_packed(m, packed[1], conductance_model_matrix, currents);
        packed_destroy(packed[0]);
        packed_destroy(packed[1]);
    }
    array_worker_destroy(levels);
    conductance_model_worker_destroy(currents);
    level_model_destroy(arrays);
    conductance_model_destroy(analog);
}

static void unbroken_chips_are_the_integer_net(void **state)
{
    (void)state;
    static const struct chip_sample fine = {.seed = 1};
    for (int a = 0; a < ARRANGEMENTS; a++)
        for (int n = 0; n < NETS; n++)
            for (int p = 0; p < PADS; p++) {
                int e = (a + n + p) % (ENCODERS - 1); // raw images are not packed
                struct model m = arrange(&arrangements[a], n, p, e);
                check_chip(&m, &fine, arrangements[a].packs && n < 4, true);
                model_free(&m);
            }
}

// Cells that are stuck make sums that no window of the integer net has.
static void broken_chips_pack_alike(void **state)
{
    (void)state;
    static const struct chip_sample broken = {.defects = {.stuck_lrs = 0.03, .stuck_hrs = 0.05},
                                              .seed = 5};
    for (int a = 0; a < ARRANGEMENTS; a++)
        for (int n = 0; n < NETS && arrangements[a].packs; n++)
            for (int p = 0; p < PADS && n < 4; p++) {
                struct model m = arrange(&arrangements[a], n, p, (a + p) % (ENCODERS - 1));
                check_chip(&m, &broken, true, false);
                model_free(&m);
            }
}

// With gain g all sums of the arrays are g times as large, and so is what is taken off them.
static void times_four(void *context, int layer, const int32_t *in, int64_t *acc)
{
    const struct int_net *integer = context;
    const struct layer *l = &integer->net->layers[layer];
    int_net_matrix_reference(context, layer, in, acc);
    for (size_t i = 0; i < size_of(l); i++)
        acc[i] *= 4;
}

static void gain_is_taken_out(void **state)
{
    (void)state;
    for (int p = 0; p < PADS; p++) {
        struct model m = make(0, "ideal", NULL, pads[p], encoders[1]);
        struct int_net_run *run = int_net_run_create(m.integer);
        uint8_t image[BYTES];
        int64_t want[CLASSES];
        uint32_t x = 8;
        double unit = m.integer->layers[m.s.net->n - 1].unit;
        model_image(&x, image);
        memcpy(want, int_net_run_image(run, image, int_net_matrix_reference, m.integer),
               sizeof want);
        m.integer->gain = 4;
        for (int i = 1; i < (int)m.s.net->n; i++)
            int_net_refold(m.integer, m.weights, i);
        const int64_t *got = int_net_run_image(run, image, times_four, m.integer);
        double now = m.integer->layers[m.s.net->n - 1].unit;
        for (int c = 0; c < CLASSES; c++)
            assert_true(fabs((double)got[c] / now - (double)want[c] / unit) < 1e-4);
        int_net_run_destroy(run);
        model_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_are_sums_of_signs),
        cmocka_unit_test(integers_are_sums_of_signs),
        cmocka_unit_test(logits_are_those_of_floats),
        cmocka_unit_test(unbroken_chips_are_the_integer_net),
        cmocka_unit_test(broken_chips_pack_alike),
        cmocka_unit_test(gain_is_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
