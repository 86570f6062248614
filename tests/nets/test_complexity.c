// Operations and parameters against published numbers.
#include "tests/nets/support.h"

#include <math.h>

#include "tests/close.h"
#include "tests/nets/widths.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define GIVEN(a) .widths = (a), .n_widths = COUNT(a)

struct published {
    const char *net;
    struct net_options options;
    int64_t macs; // with the flattened head
    // As published in millions, of the nets with a pooled head; 0: not given.
    double macs_pooled_m, macs_no_stem_m, weights_m;
};

#define BINARY .has_form = true, .form = FORM_BINARY
#define INT8 .has_form = true, .form = FORM_INT8
// MNSIM 2.0 on the nets of HAWIS Table II (mnsim_c1: column MACs), and the complexity derived from
// the authors' code (hawis_derived_complexity: binmac with and without stem, params).
static const struct published cifar[] = {
    {"resnet20", {INT8}, 40591360},
    {"resnet20", {BINARY, .width = 1}, 54304768, 54.3, 40.1, 0.282},
    {"resnet20", {BINARY, .width = 2}, 188825600, 188.7, 160.4, 1.098},
    {"resnet20", {BINARY, .width = 3}, 403562496, 403.4, 361.0, 2.449},
    {"resnet20", {BINARY, .width = 4}, 698515456, 698.4, 641.7, 4.334},
    {"resnet20", {BINARY, .width = 5}, 1073684480, 1073.5, 1002.7, 6.754},
    {"resnet20", {BINARY, .width = 6}, 1529069568, 1528.8, 1443.9, 9.708},
    {"resnet20", {BINARY, GIVEN(r20_a)}, 710323200, 710.2, 653.6, 3.323},
    {"resnet20", {BINARY, GIVEN(r20_b)}, 1145885696, 1145.7, 1071.4, 5.742},
    {"resnet32", {INT8}, 68902912},
    {"resnet32", {BINARY, .width = 1}, 82616320, 82.6, 68.4, 0.475},
    {"resnet32", {BINARY, .width = 2}, 302071808, 302.0, 273.7, 1.872},
    {"resnet32", {BINARY, .width = 3}, 658366464, 658.2, 615.8, 4.191},
    {"resnet32", {BINARY, .width = 4}, 1151500288, 1151.3, 1094.7, 7.431},
    {"resnet32", {BINARY, .width = 5}, 1781473280, 1781.3, 1710.5, 11.592},
    {"resnet32", {BINARY, .width = 6}, 2548285440, 2548.0, 2463.1, 16.676},
    {"resnet32", {BINARY, GIVEN(r32_a)}, 1305056256, 1305.0, 1234.2, 6.042},
    {"resnet32", {BINARY, GIVEN(r32_b)}, 1384607744, 1384.5, 1313.7, 7.285},
};

static void test_cifar_macs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cifar); i++) {
        struct net *net = zoo_net(cifar[i].net, "head", "flatten", &cifar[i].options);
        struct net_ops ops = net_ops(net);
        assert_int_equal(ops.macs, cifar[i].macs);
        assert_int_equal(ops.macs, net->form == FORM_BINARY ? ops.binary_ops : ops.integer_ops);
        assert_int_equal(ops.binary_ops + ops.integer_ops + ops.float_ops, ops.macs);
        net_destroy(net);
    }
}

// Half a unit of the last digit given, and a little for the division.
static void assert_digits(double got, double want, double digit)
{
    if (fabs(got - want) > 0.5001 * digit)
        fail_msg("%.17g, not %g", got, want);
}

static void test_derived_complexity(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cifar); i++) {
        if (cifar[i].weights_m == 0)
            continue;
        struct net *net = zoo_net(cifar[i].net, "head", "avgpool", &cifar[i].options);
        struct net_ops ops = net_ops(net);
        double stem = (double)layer_named(net, "conv1")->macs;
        assert_digits((double)ops.macs / 1e6, cifar[i].macs_pooled_m, 0.1);
        assert_digits(((double)ops.macs - stem) / 1e6, cifar[i].macs_no_stem_m, 0.1);
        assert_digits((double)ops.weights / 1e6, cifar[i].weights_m, 0.001);
        net_destroy(net);
    }
}

// The full-precision nets as everybody counts them: torchvision's parameters and
// multiply-accumulates for resnet18, vgg16 and alexnet; the 0.27 M and 0.46 M of He et al. for
// resnet20 and resnet32, to the digit; LeNet-5's 61,706 and 0.416 M; NeuroSim's 1,231,835,136
// operations, two per MAC, for VGG-8.
static void test_full_precision(void **state)
{
    (void)state;
    static const struct {
        const char *net;
        int64_t macs, params; // 0: not published
    } known[] = {
        {"resnet20", 0, 269722},
        {"resnet32", 0, 464154},
        {"resnet18", 1814073344, 11689512},
        {"vgg16", 15470264320, 138357544},
        {"alexnet", 714188480, 61100840},
        {"lenet5", 416520, 61706},
        {"vgg8", 1231835136 / 2, 0},
        {"signs", 1048824, 14214 + 2 * 56 + 10}, // no source: layer by layer
        {"mlp", 784 * 512 + 512 * 256 + 256 * 10, 785 * 512 + 513 * 256 + 257 * 10},
    };
    const enum net_form forms[] = {FORM_INT8, FORM_INT16, FORM_FLOAT};
    for (size_t i = 0; i < COUNT(known); i++) {
        for (size_t f = 0; f < COUNT(forms); f++) {
            const struct net_options options = {.has_form = true, .form = forms[f]};
            struct net *net = zoo_net(known[i].net, NULL, NULL, &options);
            struct net_ops ops = net_ops(net);
            if (known[i].macs)
                assert_int_equal(ops.macs, known[i].macs);
            if (known[i].params)
                assert_int_equal(ops.params, known[i].params);
            assert_int_equal(forms[f] == FORM_FLOAT ? ops.float_ops : ops.integer_ops, ops.macs);
            net_destroy(net);
        }
    }
}

// ImageNet, HAWIS-A and HAWIS-B: the 7x7 and 3x3 stems, 16 convolutions and the flattened
// classifier. Without 1x1 shortcuts B is the 34.8 G of the table; with one per block, and one over
// the stem before its pooling, as in the authors' code, A is 28.1 G and B 36.6 G.
static void check_imagenet(const int *widths, size_t n, int64_t expected, double with_shortcuts_g)
{
    const struct net_options options = {BINARY, .widths = widths, .n_widths = n};
    struct net *net = zoo_net("resnet18", NULL, NULL, &options);
    assert_int_equal(net_ops(net).macs, expected);
    assert_int_equal(layer_named(net, "stem")->macs, INT64_C(112) * 112 * 96 * 96 * 49);
    assert_int_equal(layer_named(net, "conv1")->macs, INT64_C(56) * 56 * 96 * widths[0] * 9);
    assert_int_equal(layer_named(net, "fc")->macs, INT64_C(49) * widths[16] * 1000);
    int64_t shortcuts = INT64_C(112) * 112 * 96 * widths[0];
    for (size_t i = 0; i < net->n; i++) {
        const struct layer *add = &net->layers[i];
        if (add->kind == LAYER_ADD)
            shortcuts += add->adds * net->layers[add->input[1]].out_c;
    }
    assert_digits((double)(expected + shortcuts) / 1e9, with_shortcuts_g, 0.1);
    net_destroy(net);
}

static void test_imagenet(void **state)
{
    (void)state;
    check_imagenet(r18_a, COUNT(r18_a), INT64_C(26758083072), 28.1);
    check_imagenet(r18_b, COUNT(r18_b), INT64_C(34829750368), 36.6);
}

static void test_what_counts_as_nothing(void **state)
{
    (void)state;
    const struct net_options binary = {BINARY};
    struct net *net = zoo_net("resnet20", NULL, NULL, &binary);
    struct net_ops ops = net_ops(net);
    // Three adds per stage. conv1 of the net, conv1 of every block and every sum are thresholded;
    // conv2 hands its sums to the add.
    assert_int_equal(ops.residual_adds, 3 * (16 * 1024 + 32 * 256 + 64 * 64));
    assert_int_equal(ops.thresholds, 16 * 1024 + 6 * (16 * 1024 + 32 * 256 + 64 * 64));
    assert_int_equal(ops.pool_elements, 0);
    net_destroy(net);
    const struct net_options int8 = {INT8};
    net = zoo_net("resnet20", NULL, NULL, &int8);
    ops = net_ops(net);
    assert_int_equal(ops.pool_elements, 64 * 8 * 8);
    assert_int_equal(ops.thresholds, 0);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cifar_macs),
        cmocka_unit_test(test_derived_complexity),
        cmocka_unit_test(test_full_precision),
        cmocka_unit_test(test_imagenet),
        cmocka_unit_test(test_what_counts_as_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
