// NeuroSim's layer CSV.
#include "tests/nets/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

static struct net *load(const char *path, const struct net_options *options)
{
    struct err err = {0};
    struct net *net = NULL;
    if (!net_load_csv(path, options, &net, &err))
        fail_msg("%s", err.text);
    return net;
}

static void test_vgg8(void **state)
{
    (void)state;
    struct net *net = load(FIXTURES "/NetWork_VGG8.csv", NULL);
    // NeuroSim prints 1,231,835,136 operations per image, two per multiply-accumulate.
    assert_int_equal(2 * net_ops(net).macs, 1231835136);
    assert_string_equal(net->name, "NetWork_VGG8");
    assert_int_equal(net->form, FORM_INT8);
    assert_int_equal(net->classes, 10);
    // Layer by layer the net of the zoo.
    struct net *zoo = zoo_net("vgg8", NULL, NULL, NULL);
    assert_true(net->hash == zoo->hash);
    net_destroy(net);
    net_destroy(zoo);
}

static void test_widths_and_forms(void **state)
{
    (void)state;
    const struct net_options options = {.has_form = true, .form = FORM_BINARY, .width = 2};
    struct net *net = load(FIXTURES "/NetWork_VGG8.csv", &options);
    struct net *zoo = zoo_net("vgg8", NULL, NULL, &options);
    assert_true(net->hash == zoo->hash);
    assert_int_equal(layer_named(net, "fc1")->in_c, 2 * 8192);
    net_destroy(net);
    net_destroy(zoo);
}

static void write_file(char *path, const char *text)
{
    strcpy(path, "/tmp/net-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "no row in it"},
        {"\n \r\n", "no row in it"},
        {"32,32,3,3,3,128,0\n", ":1:18: fewer than 8 columns"},
        {"32,32,3,3,3,128,0,1,5\n", ":1:20: more than 8 columns"},
        {"32,32,3,3,3,128,2,1\n", ":1:17: pooling (0/1): '2' is not a whole number from 0 to 1"},
        {"32,32,3,x,3,128,0,1\n", ":1:9: kernel length: 'x' is not a whole number"},
        {"32,32,3,3,3,,0,1\n", ":1:13: output channels: '' is not a whole number"},
        {"32,32,3,3,3,99999999999999999999,0,1\n", ":1:13: output channels"},
        {"32,32,3,3,3,128,0,1\n\n32,32,64,3,3,128,0,1\n",
         ":3:7: IFM channels: 64, but the row above hands on 32 (length) x 32 x 128"},
        {"32,32,3,3,3,128,1,1\n32,16,128,3,3,128,0,1\n",
         ":2:1: IFM length: 32, but the row above hands on 16 (length) x 16 x 128"},
        {"4,4,3,3,3,8,0,1\n1, 1, 100, 1, 1, 10, 0, 1\n",
         ":2:7: IFM channels: 100, but the row above hands on 8 x 4 x 4 = 128 values"},
        {"1,1,8,1,1,10,1,1\n", ":1:14: pooling (0/1): 1 of a linear layer"},
        {"1,1,8,1,1,10,0,2\n", ":1:16: stride: 2 of a linear layer"},
        {"1,1,8,3,3,10,1,1\n", ":1:14: pooling (0/1): a 2 x 2 pool on a map of 1 x 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[32];
        struct err err = {0};
        struct net *net = NULL;
        write_file(path, cases[i].text);
        bool ok = net_load_csv(path, NULL, &net, &err);
        unlink(path);
        if (ok)
            fail_msg("loaded, instead of: %s", cases[i].part);
        if (!strstr(err.text, cases[i].part) || strncmp(err.text, path, strlen(path)) != 0)
            fail_msg("'%s' does not hold '%s'", err.text, cases[i].part);
    }
}

static void test_blanks_and_line_ends(void **state)
{
    (void)state;
    char path[32];
    write_file(path, " 4, 4,3,3,3,8,1,1\r\n\r\n1,1,32,1,1,10,0,1");
    struct net *net = load(path, NULL);
    unlink(path);
    assert_int_equal(net->n, 4); // input, conv1, pool1, fc1
    assert_int_equal(layer_named(net, "conv1")->macs, 4 * 4 * 8 * 27);
    assert_int_equal(layer_named(net, "fc1")->in_c, 32);
    net_destroy(net);
}

// Padding of kernel - 1 keeps the map's size at stride 1, and at stride s leaves every s-th of its
// outputs.
static void test_kernels_of_any_size(void **state)
{
    (void)state;
    char path[32];
    write_file(path, "8,9,3,2,5,4,0,1\n8,9,4,4,3,6,0,2\n");
    struct net *net = load(path, NULL);
    unlink(path);
    const struct layer *even = layer_named(net, "conv1"), *two = layer_named(net, "conv2");
    assert_int_equal(even->out_h, 8);
    assert_int_equal(even->out_w, 9);
    assert_int_equal(even->pad_top, 0); // one row of padding: below
    assert_int_equal(even->pad_bottom, 1);
    assert_int_equal(even->pad_left, 2);
    assert_int_equal(even->pad_right, 2);
    assert_int_equal(two->out_h, 4);
    assert_int_equal(two->out_w, 5);
    net_destroy(net);
}

static void test_missing_file(void **state)
{
    (void)state;
    struct err err = {0};
    struct net *net = NULL;
    assert_false(net_load_csv("/nonexistent/net.csv", NULL, &net, &err));
    assert_non_null(strstr(err.text, "/nonexistent/net.csv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vgg8),         cmocka_unit_test(test_widths_and_forms),
        cmocka_unit_test(test_refusals),     cmocka_unit_test(test_blanks_and_line_ends),
        cmocka_unit_test(test_missing_file), cmocka_unit_test(test_kernels_of_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
