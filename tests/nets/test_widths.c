// --width and --widths: what they change, and what they refuse.
#include "tests/nets/support.h"

#include <math.h>

#include "tests/nets/widths.h"

static const char small[] = "name: small\n"
                            "input: {channels: 2, height: 4, width: 4}\n"
                            "classes: 3\n"
                            "layers:\n"
                            "  - {name: a, kind: conv, out: 5, kernel: 1}\n"
                            "  - {name: b, kind: conv, out: 6, kernel: 1, scale: false}\n"
                            "  - {name: c, kind: conv, same_as: a, kernel: 1}\n"
                            "  - {name: d, kind: linear, out: 7}\n"
                            "  - {name: e, kind: linear, out: 3}\n";

static size_t scalable(const struct net *net)
{
    size_t n = 0;
    for (size_t i = 0; i < net->n; i++)
        n += net->layers[i].scalable;
    return n;
}

static void test_scalable_counts(void **state)
{
    (void)state;
    static const struct {
        const char *net;
        size_t scalable;
    } nets[] = {{"resnet20", 19}, {"resnet32", 31}, {"resnet18", 17}, {"vgg8", 7},
                {"vgg16", 15},    {"alexnet", 7},   {"lenet5", 4},    {"mlp", 2}};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        for (int form = 0; form < FORM_COUNT; form++) {
            const struct net_options options = {.has_form = true, .form = (enum net_form)form};
            struct net *net = zoo_net(nets[i].net, NULL, NULL, &options);
            assert_int_equal(scalable(net), nets[i].scalable);
            net_destroy(net);
        }
    }
}

static void test_ratio(void **state)
{
    (void)state;
    static const struct {
        double ratio;
        int a, d;
        const char *text;
    } cases[] = {{0, 5, 7, "1x"},     {1, 5, 7, "1x"},       {2, 10, 14, "2x"},
                 {0.5, 3, 4, "0.5x"}, {0.01, 1, 1, "0.01x"}, {1.3, 7, 9, "1.3x"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct net *net = text_net(small, &(struct net_options){.width = cases[i].ratio});
        assert_int_equal(layer_named(net, "a")->out_c, cases[i].a);
        assert_int_equal(layer_named(net, "b")->out_c, 6);
        assert_int_equal(layer_named(net, "c")->out_c, cases[i].a);
        assert_int_equal(layer_named(net, "d")->out_c, cases[i].d);
        assert_int_equal(layer_named(net, "e")->out_c, 3);
        assert_string_equal(net->width, cases[i].text);
        net_destroy(net);
    }
}

static void test_list(void **state)
{
    (void)state;
    const int widths[] = {9, 1048576};
    struct net *net = text_net(small, &(struct net_options){.widths = widths, .n_widths = 2});
    assert_int_equal(layer_named(net, "a")->out_c, 9);
    assert_int_equal(layer_named(net, "c")->out_c, 9);
    assert_int_equal(layer_named(net, "d")->out_c, 1048576);
    assert_string_equal(net->width, "9,1048576");
    net_destroy(net);
}

static void test_published_list_lands_in_order(void **state)
{
    (void)state;
    struct net *net =
        zoo_net("resnet18", NULL, NULL, &(struct net_options){.widths = r18_b, .n_widths = 17});
    size_t k = 0;
    for (size_t i = 0; i < net->n; i++)
        if (net->layers[i].scalable)
            assert_int_equal(net->layers[i].out_c, r18_b[k++]);
    assert_int_equal(layer_named(net, "layer1.1.conv1")->in_c, 256);
    assert_int_equal(layer_named(net, "layer4.1.conv2")->out_c, 1780);
    net_destroy(net);
}

static void test_downsample_follows_its_block(void **state)
{
    (void)state;
    const struct net_options options = {.has_form = true, .form = FORM_INT8, .width = 1.5};
    struct net *net = zoo_net("resnet18", NULL, NULL, &options);
    const struct layer *down = layer_named(net, "layer3.0.downsample");
    assert_int_equal(down->in_c, 192);
    assert_int_equal(down->out_c, 384);
    assert_int_equal(down->out_h, 14);
    assert_false(down->scalable);
    net_destroy(net);
}

static void test_refusals(void **state)
{
    (void)state;
    const int three[] = {1, 2, 3}, zero[] = {4, 0}, large[] = {4, 1048577};
    expect_refusal(small, &(struct net_options){.widths = three, .n_widths = 3},
                   "--widths: 3 given, small (int8) has 2 scalable layers: a,d");
    expect_refusal(small, &(struct net_options){.widths = three, .n_widths = 1},
                   "--widths: 1 given");
    expect_refusal(small, &(struct net_options){.widths = zero, .n_widths = 2},
                   "--widths: 0 for d; widths are from 1 to 1048576");
    expect_refusal(small, &(struct net_options){.widths = large, .n_widths = 2}, "1048577 for d");
    expect_refusal(small, &(struct net_options){.widths = zero, .n_widths = 2, .width = 2},
                   "--width and --widths exclude each other");
    expect_refusal(small, &(struct net_options){.width = -1}, "--width: -1 is no expansion ratio");
    expect_refusal(small, &(struct net_options){.width = (double)NAN}, "is no expansion ratio");
    expect_refusal(small, &(struct net_options){.width = (double)INFINITY},
                   "is no expansion ratio");
    expect_refusal(small, &(struct net_options){.width = 1e6},
                   "net.yaml:5:32: layers.0.out: 5 x 1e+06 is above the 1048576 outputs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalable_counts),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_published_list_lands_in_order),
        cmocka_unit_test(test_downsample_follows_its_block),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
