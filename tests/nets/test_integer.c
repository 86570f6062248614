// Integer nets against values written out by hand or computed in double precision.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/float_net.h"
#include "nets/int_net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"
#include "tests/nets/support.h"

// A net with its weights, ranges and integer form.
struct fixture {
    struct net *net;
    struct weights *weights;
    double ranges[16];
    struct int_net *integer;
};

static struct fixture start(const char *yaml)
{
    struct fixture f = {.net = text_net(yaml, NULL)};
    f.weights = weights_create(f.net);
    for (size_t i = 0; i < f.net->n; i++)
        f.ranges[i] = 1;
    return f;
}

static void build(struct fixture *f)
{
    struct err err = {0};
    f->integer = int_net_create(f->net, f->weights, f->ranges, &err);
    if (!f->integer)
        fail_msg("%s", err.text);
}

static void end(struct fixture *f)
{
    int_net_destroy(f->integer);
    weights_destroy(f->weights);
    net_destroy(f->net);
}

static int index_of(const struct fixture *f, const char *name)
{
    return (int)(layer_named(f->net, name) - f->net->layers);
}

static void set(struct fixture *f, const char *layer, const float *w)
{
    int i = index_of(f, layer);
    memcpy(f->weights->layers[i].w, w, (size_t)f->net->layers[i].weights * sizeof *w);
}

// Logits in real units.
static void run(const struct fixture *f, struct int_net_run *run, const uint8_t *image, double *out)
{
    const int64_t *v = int_net_run_image(run, image, int_net_matrix_reference, f->integer);
    int last = (int)f->net->n - 1, layer = last;
    if (f->net->layers[last].kind == LAYER_ADD && f->integer->layers[last].add < 0)
        layer = f->net->layers[last].input[0];
    double unit = ldexp(1, -16 - f->integer->layers[layer].shift);
    for (int c = 0; c < f->net->classes; c++)
        out[c] = (double)v[c] * unit;
}

#define HEAD                                                                                       \
    "name: t\ninput: {channels: 2, height: 1, width: 1, bits: 8}\nclasses: 2\n"                    \
    "default_form: int16\nlayers:\n"
#define A "  - {name: a, kind: conv, from: input, out: 2, kernel: 1, bn: false}\n"
#define MAIN "  - {name: main, kind: conv, from: a, out: 2, kernel: 1, bn: false}\n"
#define SIDE "  - {name: side, kind: conv, from: a, out: 2, kernel: 1, bn: false}\n"
#define ADD "  - {name: add, kind: add, from: main, shortcut: side}\n"
#define FC "  - {name: fc, kind: linear, from: add, out: 2}\n"

// With pixels (p, q) and identity layers but for side = -1/2: relu(a) = (p, q), add = (p, q) / 2.
static void order_of_layers_does_not_matter(void **state)
{
    (void)state;
    const char *const orders[] = {HEAD A MAIN SIDE ADD FC, HEAD A SIDE MAIN ADD FC};
    const uint8_t images[][2] = {{255, 51}, {0, 102}, {204, 0}};
    for (int o = 0; o < 2; o++) {
        struct fixture f = start(orders[o]);
        const float same[] = {1, 0, 0, 1}, side[] = {-0.5F, 0, 0, -0.5F};
        set(&f, "a", same);
        set(&f, "main", same);
        set(&f, "side", side);
        set(&f, "fc", same);
        build(&f);
        struct int_net_run *r = int_net_run_create(f.integer);
        for (int i = 0; i < 3; i++) { // one after the other: nothing stays of the last image
            double got[2];
            run(&f, r, images[i], got);
            for (int c = 0; c < 2; c++)
                assert_true(fabs(got[c] - images[i][c] / 255.0 / 2) < 2.0 / 255);
        }
        int_net_run_destroy(r);
        end(&f);
    }
}

// main - 1.5 x is negative: the add's ReLU sets it to 0; so does a map without one that a layer of
// -1 reads, which turns the sign.
static void negative_halves_are_kept(void **state)
{
    (void)state;
    struct fixture f = start(HEAD A "  - {name: b, kind: conv, out: 2, kernel: 1, bn: false, relu: "
                                    "false}\n"
                                    "  - {name: fc, kind: linear, out: 2}\n");
    const float same[] = {1, 0, 0, 1}, turned[] = {-0.75F, 0, 0, 0.25F};
    set(&f, "a", same);
    set(&f, "b", turned);
    set(&f, "fc", same);
    const struct layer *b = layer_named(f.net, "b");
    assert_true(b->is_signed);
    assert_int_equal(b->act, ACT_NONE);
    build(&f);
    struct int_net_run *r = int_net_run_create(f.integer);
    double got[2];
    run(&f, r, (const uint8_t[]){255, 255}, got);
    assert_true(fabs(got[0] + 0.75) < 1e-3 && fabs(got[1] - 0.25) < 1e-3);
    int_net_run_destroy(r);
    end(&f);
}

// An add of two maps that are no sums of its own: a pool's and an add's.
static void an_add_may_stand_alone(void **state)
{
    (void)state;
    struct fixture f = start(HEAD A MAIN SIDE "  - {name: add1, kind: add, from: main, shortcut: "
                                              "side}\n"
                                              "  - {name: pool, kind: pool, from: a, kernel: 1}\n"
                                              "  - {name: add, kind: add, from: pool, shortcut: "
                                              "add1}\n" FC);
    const float same[] = {1, 0, 0, 1}, side[] = {-0.5F, 0, 0, -0.5F};
    set(&f, "a", same);
    set(&f, "main", same);
    set(&f, "side", side);
    set(&f, "fc", same);
    f.ranges[index_of(&f, "add")] = 2;
    build(&f);
    struct int_net_run *r = int_net_run_create(f.integer);
    double got[2];
    run(&f, r, (const uint8_t[]){255, 51}, got);
    assert_true(fabs(got[0] - 1.5) < 0.01 && fabs(got[1] - 0.3) < 0.01);
    int_net_run_destroy(r);
    end(&f);
}

// Sums of 16-bit weights and inputs leave 32 bits by far: 2^15 * 2^16 * 4608 terms.
static void widths_up_to_16_do_not_overflow(void **state)
{
    (void)state;
    struct fixture f =
        start("name: t\ninput: {channels: 3, height: 4, width: 4, bits: 8}\nclasses: 2\n"
              "default_form: int16\nlayers:\n"
              "  - {name: a, kind: conv, out: 512, kernel: 3, pad: 1, bn: false}\n"
              "  - {name: b, kind: conv, out: 64, kernel: 3, pad: 1, bn: false}\n"
              "  - {name: fc, kind: linear, out: 2}\n");
    uint32_t x = 1;
    for (size_t l = 1; l < f.net->n; l++)
        for (int64_t k = 0; k < f.net->layers[l].weights; k++) {
            x = x * 1664525 + 1013904223;
            f.weights->layers[l].w[k] =
                (float)(x >> 8) / 0x1p24F - (l == 3 && k % 2 ? 0.75F : 0.2F);
        }
    uint8_t image[48];
    for (int i = 0; i < 48; i++)
        image[i] = (uint8_t)(200 + i);
    struct float_net *forward = float_net_create(f.net, f.weights);
    const float *want = float_net_run(forward, image);
    for (size_t l = 1; l < f.net->n; l++) {
        const struct layer *layer = &f.net->layers[l];
        f.ranges[l] = 0;
        for (int k = 0; k < layer->out_c * layer->out_h * layer->out_w; k++)
            f.ranges[l] = fmax(f.ranges[l], (double)float_net_map(forward, (int)l)[k]);
    }
    build(&f);
    struct int_net_run *r = int_net_run_create(f.integer);
    double got[2];
    run(&f, r, image, got);
    // The image has 7 bits and a sign; everything behind it 16.
    for (int c = 0; c < 2; c++)
        assert_true(fabs(got[c] - (double)want[c]) < 0.005 * fabs((double)want[c]));
    int_net_run_destroy(r);
    float_net_destroy(forward);
    end(&f);
}

// 127 steps for the largest weight of each channel, or of the layer.
static void weight_scales(void **state)
{
    (void)state;
    const char *const yaml[] = {
        "name: t\ninput: {channels: 2, height: 1, width: 1, bits: 8}\ndefault_form: int8\n"
        "layers:\n  - {name: fc, kind: linear, out: 2}\n",
        "name: t\ninput: {channels: 2, height: 1, width: 1, bits: 8}\ndefault_form: int8\n"
        "quantise: {weights: layer}\nlayers:\n  - {name: fc, kind: linear, out: 2}\n"};
    const float w[] = {1, -0.6F, 0.1F, 0.06F};
    const int32_t want[][4] = {{127, -76, 127, 76}, {127, -76, 13, 8}};
    uint64_t hashes[2];
    for (int i = 0; i < 2; i++) {
        struct fixture f = start(yaml[i]);
        set(&f, "fc", w);
        build(&f);
        for (int k = 0; k < 4; k++)
            assert_int_equal(f.integer->layers[1].w[k], want[i][k]);
        hashes[i] = f.net->hash;
        end(&f);
    }
    assert_true(hashes[0] != hashes[1]);
}

// Relative RMS difference between the logits of the integer net and of the float net, over images.
static double difference(struct fixture *f, const struct net *real, int images)
{
    size_t pixels = (size_t)real->raw_c * real->raw_h * real->raw_w;
    uint8_t *all = mem_alloc((size_t)images * pixels, 1);
    float *want = mem_alloc((size_t)images * real->classes, sizeof *want);
    double *got = mem_alloc((size_t)real->classes, sizeof *got), error = 0, power = 0;
    double *ranges = mem_alloc(real->n, sizeof *ranges);
    uint32_t x = 7;
    for (size_t i = 0; i < (size_t)images * pixels; i++) {
        x = x * 1664525 + 1013904223;
        all[i] = (uint8_t)(x >> 24);
    }
    struct float_net *forward = float_net_create(real, f->weights);
    ranges[0] = 2.64; // of pixels as ImageNet's are normalised
    for (int i = 0; i < images; i++) {
        const float *logits = float_net_run(forward, all + (size_t)i * pixels);
        memcpy(want + (size_t)i * real->classes, logits, (size_t)real->classes * sizeof *want);
        for (size_t l = 1; l < real->n; l++) {
            const struct layer *layer = &real->layers[l];
            const float *map = float_net_map(forward, (int)l);
            for (int k = 0; k < layer->out_c * layer->out_h * layer->out_w; k++)
                ranges[l] = fmax(ranges[l], fabs((double)map[k]));
        }
    }
    struct err err = {0};
    f->integer = int_net_create(f->net, f->weights, ranges, &err);
    if (!f->integer)
        fail_msg("%s", err.text);
    struct int_net_run *r = int_net_run_create(f->integer);
    for (int i = 0; i < images; i++) {
        run(f, r, all + (size_t)i * pixels, got);
        for (int c = 0; c < real->classes; c++) {
            double logit = (double)want[i * real->classes + c];
            error += pow(got[c] - logit, 2);
            power += pow(logit, 2);
        }
    }
    int_net_run_destroy(r);
    float_net_destroy(forward);
    free(all);
    free(want);
    free(got);
    free(ranges);
    return sqrt(error / power);
}

// ResNet-18 has projections listed behind the main path; random weights, He et al.'s scale.
static void projections_of_resnet18(void **state)
{
    (void)state;
    const enum net_form forms[] = {FORM_INT8, FORM_INT16};
    const double most[] = {0.1, 0.01}; // the image has 7 bits and a sign in both
    const char *small = "{channels: 3, height: 32, width: 32, bits: 8, normalise: imagenet}";
    struct net *real = zoo_net("resnet18", "input", small,
                               &(struct net_options){.has_form = true, .form = FORM_FLOAT});
    for (int i = 0; i < 2; i++) {
        struct net_options options = {.has_form = true, .form = forms[i]};
        struct fixture f = {.net = zoo_net("resnet18", "input", small, &options)};
        f.weights = weights_create(f.net);
        uint32_t x = 3;
        for (size_t l = 1; l < f.net->n; l++) {
            const struct layer *layer = &f.net->layers[l];
            double inputs = (double)(layer->weights / (layer->out_c ? layer->out_c : 1));
            for (int64_t k = 0; k < layer->weights; k++) {
                x = x * 1664525 + 1013904223;
                double u = (double)(x >> 8) / 0x1p23 - 1; // variance 1/3
                f.weights->layers[l].w[k] = (float)(u * sqrt(6 / inputs));
            }
        }
        double got = difference(&f, real, 4);
        if (got > most[i])
            fail_msg("%s: logits differ by %g rms, more than %g", net_form_names[forms[i]], got,
                     most[i]);
        end(&f);
    }
    net_destroy(real);
}

// An average of bits is a fraction, whose batch-norm no stage computes.
static void averages_of_binary_nets_are_refused(void **state)
{
    (void)state;
#define BITS                                                                                       \
    "name: t\ninput: {channels: 1, height: 4, width: 4}\nclasses: 2\ndefault_form: binary\n"       \
    "encoder: sign\nmax_pool: keep\n"
#define BIT_CONV "  - {name: a, kind: conv, out: 2, kernel: 1}\n"
#define BIT_FC "  - {name: fc, kind: linear, out: 2}\n"
    static const char *const nets[] = {
        BITS "head: avgpool\nlayers:\n" BIT_CONV "  - {name: p, kind: head}\n" BIT_FC,
        BITS "layers:\n" BIT_CONV "  - {name: p, kind: pool, pool: average, kernel: 2}\n" BIT_FC,
        BITS "layers:\n" BIT_CONV "  - {name: p, kind: pool, pool: average, kernel: 2}\n"
             "  - {name: q, kind: pool, kernel: 2}\n" BIT_FC,
        BITS "activations: plus_minus_one\nlayers:\n" BIT_CONV
             "  - {name: p, kind: pool, pool: average, kernel: 4}\n" BIT_FC,
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct fixture f = start(nets[i]);
        struct err err = {0};
        assert_null(int_net_create(f.net, f.weights, NULL, &err));
        assert_non_null(strstr(err.text, "pool 'p' has no integer form in a binary net"));
        end(&f);
    }
}

// a is the image's sign, b its opposite; the pool of both has a 1 where a window has a white, or a
// black, pixel. The logits are the numbers of these windows, times 2 less the number of all.
static void max_pools_read_joined_bits(void **state)
{
    (void)state;
    struct fixture f = start(BITS "activations: plus_minus_one\nlayers:\n" BIT_CONV
                                  "  - {name: b, kind: conv, from: input, out: 2, kernel: 1}\n"
                                  "  - {name: c, kind: concat, from: [a, b]}\n"
                                  "  - {name: p, kind: pool, kernel: 2}\n" BIT_FC);
    const float same[] = {1, 1}, turned[] = {-1, -1};
    float sums[2][4][4]; // logit, channel, window: a's first channel, b's first channel
    for (int o = 0; o < 2; o++)
        for (int c = 0; c < 4; c++)
            for (int w = 0; w < 4; w++)
                sums[o][c][w] = c / 2 == o ? 1 : -1;
    set(&f, "a", same);
    set(&f, "b", turned);
    set(&f, "fc", &sums[0][0][0]);
    build(&f);
    const uint8_t image[16] = {255, 255, 0, 0, 255, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0};
    struct int_net_run *r = int_net_run_create(f.integer);
    const int64_t *v = int_net_run_image(r, image, int_net_matrix_reference, f.integer);
    // White in 2 windows of 4, black in 3: 2 channels each of 2 * 2 - 4 and 2 * 3 - 4.
    int fc = index_of(&f, "fc");
    assert_true(fabs((double)v[0] / f.integer->layers[fc].unit - 2 * (0 - 2)) < 1e-3);
    assert_true(fabs((double)v[1] / f.integer->layers[fc].unit - 2 * (2 - 0)) < 1e-3);
    int_net_run_destroy(r);
    end(&f);
}

static void factors_beyond_64_bits_are_refused(void **state)
{
    (void)state;
    struct fixture f = start(HEAD "  - {name: a, kind: conv, out: 2, kernel: 1}\n"
                                  "  - {name: fc, kind: linear, out: 2}\n");
    struct err err = {0};
    f.weights->layers[1].gamma[0] = 3e38F;
    f.weights->layers[1].w[0] = 1;
    assert_null(int_net_create(f.net, f.weights, f.ranges, &err));
    assert_non_null(strstr(err.text, "layer 'a': its weights, batch-norm and ranges"));
    end(&f);
}

static void the_last_layer_has_no_relu(void **state)
{
    (void)state;
    expect_refusal(HEAD "  - {name: fc, kind: linear, out: 2, relu: true}\n", NULL,
                   "the last layer's sums are the logits");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_layers_does_not_matter),
        cmocka_unit_test(negative_halves_are_kept),
        cmocka_unit_test(an_add_may_stand_alone),
        cmocka_unit_test(widths_up_to_16_do_not_overflow),
        cmocka_unit_test(weight_scales),
        cmocka_unit_test(projections_of_resnet18),
        cmocka_unit_test(averages_of_binary_nets_are_refused),
        cmocka_unit_test(max_pools_read_joined_bits),
        cmocka_unit_test(factors_beyond_64_bits_are_refused),
        cmocka_unit_test(the_last_layer_has_no_relu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
