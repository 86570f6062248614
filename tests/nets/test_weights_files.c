// Trained nets as published. The values wanted were read from the files by another program, sums
// added without rounding. Needs the trained nets: BITLINE_DATA names their folder; a net whose file
// is not there is skipped. test_nets_weights_files resnet20|resnet32|binary
#include "tests/nets/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nets/weights.h"
#include "base/err.h"
#include "tests/close.h"

struct wanted {
    const char *layer;
    char part; // of struct layer_weights, by its first letter; f: bias
    int64_t n;
    float first, last;
    double sum;
};

struct trained {
    const char *file, *net;
    enum net_form form;
    double sum, squares; // of all values
    const struct wanted *wanted;
    size_t n;
};

static const float *values_of(const struct layer_weights *w, char part)
{
    return part == 'w'   ? w->w
           : part == 'f' ? w->bias
           : part == 'g' ? w->gamma
           : part == 'v' ? w->var
                         : NULL;
}

static void add_up(const float *values, int64_t n, double *sum, double *squares)
{
    for (int64_t i = 0; values && i < n; i++) {
        *sum += (double)values[i];
        *squares += (double)values[i] * (double)values[i];
    }
}

static void check_totals(const struct trained *trained, const struct net *net,
                         const struct weights *weights)
{
    double sum = 0, squares = 0;
    for (size_t i = 1; i < net->n; i++) {
        const struct layer_weights *w = &weights->layers[i];
        int out = net->layers[i].out_c;
        add_up(w->w, net->layers[i].weights, &sum, &squares);
        add_up(w->bias, out, &sum, &squares);
        add_up(w->gamma, out, &sum, &squares);
        add_up(w->beta, out, &sum, &squares);
        add_up(w->mean, out, &sum, &squares);
        add_up(w->var, out, &sum, &squares);
    }
    assert_close(sum, trained->sum, 1e-10);
    assert_close(squares, trained->squares, 1e-10);
}

static void check_wanted(const struct wanted *wanted, const struct net *net,
                         const struct weights *weights)
{
    const struct layer *layer = layer_named(net, wanted->layer);
    const float *values = values_of(&weights->layers[layer - net->layers], wanted->part);
    double sum = 0, squares = 0;
    assert_non_null(values);
    assert_int_equal(wanted->n, wanted->part == 'w' ? layer->weights : layer->out_c);
    assert_true(values[0] == wanted->first);
    assert_true(values[wanted->n - 1] == wanted->last);
    add_up(values, wanted->n, &sum, &squares);
    assert_true(fabs(sum - wanted->sum) < 1e-10);
}

static void place_of(const char *file, char *path, size_t n)
{
    const char *folder = getenv("BITLINE_DATA");
    snprintf(path, n, "%s/models/%s", folder ? folder : SHARED_DATA, file);
}

static void check_file(const struct trained *trained)
{
    char path[1024];
    place_of(trained->file, path, sizeof path);
    struct err err = {0};
    struct weights *weights = NULL;
    struct net_options options = {.has_form = true, .form = trained->form};
    struct net *net = zoo_net(trained->net, NULL, NULL, &options);
    if (!weights_load(path, net, &weights, &err))
        fail_msg("%s", err.text);
    check_totals(trained, net, weights);
    for (size_t i = 0; i < trained->n; i++)
        check_wanted(&trained->wanted[i], net, weights);
    weights_destroy(weights);
    net_destroy(net);
}
#define CHECK(file, net, form, sum, squares, wanted)                                               \
    check_file(&(struct trained){file, net, form, sum, squares, wanted,                            \
                                 sizeof(wanted) / sizeof *(wanted)})

static void test_resnet20(void **state)
{
    (void)state;
    static const struct wanted wanted[] = {
        {"conv1", 'w', 432, -0x1.1afee2p-3f, 0x1.3c1e86p-2f, 1.3100982000032673},
        {"layer2.0.conv1", 'w', 4608, 0x1.3b763ep-3f, -0x1.8dfd02p-4f, -24.616129788733815},
        {"layer3.2.conv2", 'v', 64, 0x1.34d73ap-2f, 0x1.66910ap-3f, 10.665690739639103},
        {"layer3.2.conv2", 'g', 64, 0x1.e99eaap+0f, 0x1.7e75b6p+0f, 80.30010478198528},
        {"linear", 'w', 640, -0x1.0f4fep+0f, 0x1.d03c04p-3f, -0.04562738863751292},
        {"linear", 'f', 10, 0x1.8c68b2p-3f, -0x1.14bee2p-2f, 3.4442171454429626e-05},
    };
    CHECK("resnet20_fp32.safetensors", "resnet20", FORM_FLOAT, 139.78264955982084,
          10987.817166808309, wanted);
    // An 8-bit net is quantised from the same values.
    CHECK("resnet20_fp32.safetensors", "resnet20", FORM_INT8, 139.78264955982084,
          10987.817166808309, wanted);
}

static void test_resnet32(void **state)
{
    (void)state;
    static const struct wanted wanted[] = {
        {"conv1", 'w', 432, 0x1.9d3d4p-2f, 0x1.8b44fap-2f, 1.961148000027606},
        {"layer2.0.conv1", 'w', 4608, -0x1.3142f2p-7f, -0x1.a8b78ap-3f, -40.64987907694456},
        {"layer3.4.conv2", 'v', 64, 0x1.7218dcp-2f, 0x1.0fba72p-3f, 9.188387660309672},
        {"linear", 'w', 640, 0x1.698c8ap+0f, -0x1.563e3ep-2f, 0.0005941537674516439},
        {"linear", 'f', 10, 0x1.6904f2p-3f, -0x1.615f96p-4f, 0.0062164366245269775},
    };
    CHECK("resnet32_fp32.safetensors", "resnet32", FORM_FLOAT, 721.5178900284964,
          18430.396087655892, wanted);
}

static void test_binary(void **state)
{
    (void)state;
    static const struct wanted wanted[] = {
        {"conv1", 'w', 13824, -0x1.5ae16p-4f, -0x1.358b0ep-3f, -15.082767968663076},
        {"layer2.0.conv1", 'w', 4608, 0x1.f95e36p-5f, 0x1.7eb36p-4f, 11.468355519724923},
        {"layer3.2.conv2", 'v', 64, 0x1.ef2d1ep-1f, 0x1.9febb2p-1f, 49.937550723552704},
        {"layer3.2.conv2", 'g', 64, 0x1.5ff312p-1f, 0x1.b65d06p-1f, 44.44590204954147},
        {"linear", 'w', 40960, -0x1.a1aa68p-7f, 0x1.5cc7eap-10f, 1.9213546678208306},
    };
    CHECK("resnet20_u1x_binary.safetensors", "resnet20", FORM_BINARY, 822.1644198332682,
          1412.3154803639156, wanted);
}

struct file_test {
    const char *name, *file;
    struct CMUnitTest test;
};

int main(int argc, char **argv)
{
    static const struct file_test files[] = {
        {"resnet20", "resnet20_fp32.safetensors", cmocka_unit_test(test_resnet20)},
        {"resnet32", "resnet32_fp32.safetensors", cmocka_unit_test(test_resnet32)},
        {"binary", "resnet20_u1x_binary.safetensors", cmocka_unit_test(test_binary)},
    };
    for (size_t i = 0; argc == 2 && i < sizeof files / sizeof *files; i++) {
        const struct CMUnitTest tests[] = {files[i].test};
        char path[1024];
        if (strcmp(argv[1], files[i].name) != 0)
            continue;
        place_of(files[i].file, path, sizeof path);
        if (access(path, R_OK) == 0)
            return cmocka_run_group_tests(tests, NULL, NULL);
        printf("1..0 # SKIP there is no %s\n", path);
        return 0;
    }
    fprintf(stderr, "usage: test_nets_weights_files resnet20|resnet32|binary\n");
    return 2;
}
