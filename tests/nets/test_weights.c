// Weights out and in again: names, bytes, types.
#include "tests/nets/stored.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define ONE_LAYER                                                                                  \
    "name: t\ninput: {channels: 1, height: 1, width: 1}\ndefault_form: float\n"                    \
    "layers: [{name: fc, kind: linear, out: 2}]\n"

static const char *const zoo[] = {"resnet20", "resnet18", "lenet5", "vgg8", "mlp"};

static bool same_values(const float *a, const float *b, int64_t n)
{
    return !a == !b && (!a || memcmp(a, b, (size_t)n * sizeof *a) == 0);
}

static void compare(const struct net *net, const struct weights *a, const struct weights *b)
{
    assert_int_equal(a->n, net->n);
    assert_int_equal(b->n, net->n);
    for (size_t i = 0; i < net->n; i++) {
        const struct layer_weights *x = &a->layers[i], *y = &b->layers[i];
        int out = net->layers[i].out_c;
        if (!same_values(x->w, y->w, net->layers[i].weights) ||
            !same_values(x->scale, y->scale, out) || !same_values(x->bias, y->bias, out) ||
            !same_values(x->gamma, y->gamma, out) || !same_values(x->beta, y->beta, out) ||
            !same_values(x->mean, y->mean, out) || !same_values(x->var, y->var, out) ||
            x->bn_eps != y->bn_eps)
            fail_msg("%s: other values", net->layers[i].name);
    }
}

// Weights, bias or batch-norm: all that the net counts as parameters, and mean and variance beside
// (which net_ops does not count).
static void count(const struct net *net, const struct stored *stored)
{
    int64_t values = 0, header = 0;
    for (int i = 0; i < 8; i++)
        header |= (int64_t)stored->bytes[i] << 8 * i;
    for (size_t i = 1; i < net->n; i++)
        values += net->layers[i].params + (net->layers[i].bn ? 2 * net->layers[i].out_c : 0);
    assert_int_equal(header % 8, 0);
    assert_int_equal(stored->n, 8 + header + 4 * values);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof zoo / sizeof *zoo; i++)
        for (int form = 0; form < FORM_COUNT; form++) {
            struct net_options options = {
                .has_form = true, .form = (enum net_form)form, .width = 0.25};
            struct net *net = zoo_net(zoo[i], NULL, NULL, &options);
            struct weights *weights = weights_create(net);
            fill_weights(net, weights);
            struct stored first = stored_weights(net, weights);
            struct weights *back = load_stored(&first, net);
            struct stored second = stored_weights(net, back);
            count(net, &first);
            compare(net, weights, back);
            assert_int_equal(first.n, second.n);
            assert_memory_equal(first.bytes, second.bytes, first.n);
            assert_true(weights_hash(net, weights) == weights_hash(net, back));
            back->layers[1].w[0] += 1;
            assert_true(weights_hash(net, weights) != weights_hash(net, back));
            free(first.bytes);
            free(second.bytes);
            weights_destroy(weights);
            weights_destroy(back);
            net_destroy(net);
        }
}

// Scales that a file has go everywhere with its weights; one that stands for all is written out.
static void test_scales(void **state)
{
    (void)state;
    static const char header[] =
        "{\"fc.weight\":{\"dtype\":\"I8\",\"shape\":[3,1],\"data_offsets\":[0,3]},"
        "\"fc.alpha\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[3,%d]}}";
    static const unsigned char values[] = {1, 0xff, 0,    0, 0, 0,    0x3f, 0,
                                           0, 0x80, 0x3f, 0, 0, 0x80, 0xbf}; // 1 -1 0; 0.5 1 -1
    static const float each[] = {0.5F, 1, -1}, one[] = {0.5F, 0.5F, 0.5F};
    struct net *net =
        text_net("name: t\ninput: {channels: 1, height: 1, width: 1}\ndefault_form: "
                 "binary\nencoder: sign\nlayers: [{name: fc, kind: linear, out: 3}]\n",
                 NULL);
    for (int k = 0; k < 2; k++) {
        char text[300];
        struct err err = {0};
        snprintf(text, sizeof text, header, k ? "[]" : "[3,1]", k ? 7 : 15);
        struct stored stored = stored_file(text, values, k ? 7 : 15);
        struct weights *weights = load_stored(&stored, net), *copy = weights_copy(net, weights);
        assert_memory_equal(weights->layers[1].scale, k ? one : each, sizeof each);
        compare(net, weights, copy);
        struct stored again = stored_weights(net, copy);
        struct weights *back = load_stored(&again, net);
        compare(net, weights, back);
        uint64_t hash = weights_hash(net, back);
        assert_true(hash == weights_hash(net, weights));
        back->layers[1].scale[2] += 1;
        assert_true(hash != weights_hash(net, back));
        assert_false(weights_trainable(net, back, "file", &err));
        assert_non_null(strstr(err.text, "file: layer 'fc' has a scale of its own"));
        back->layers[1].scale = NULL;
        assert_true(weights_trainable(net, back, "file", &err));
        free(stored.bytes);
        free(again.bytes);
        weights_destroy(weights);
        weights_destroy(copy);
        weights_destroy(back);
    }
    net_destroy(net);
}

// Any bit of the values that was flipped since they were written.
static void test_flipped_bits(void **state)
{
    (void)state;
    struct net *net = text_net(ONE_LAYER, NULL);
    struct weights *weights = weights_create(net);
    struct stored file = stored_weights(net, weights);
    for (size_t bit = 0; bit < (size_t)8 * 16; bit++) {
        unsigned char *byte = file.bytes + file.n - 16 + bit / 8;
        *byte ^= (unsigned char)(1u << bit % 8);
        expect_no_weights(&file, net, "its values do not fit the weights_hash");
        *byte ^= (unsigned char)(1u << bit % 8);
    }
    weights_destroy(load_stored(&file, net));
    free(file.bytes);
    weights_destroy(weights);
    net_destroy(net);
}

// The format, byte by byte, for a net small enough to be written down.
static void test_bytes(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\",\"net\":\"t\",\"form\":\"float\",\"width\":\"1x\","
        "\"bn_eps\":\"1e-05\",\"weights_hash\":\"1dbc2ae9ab85e149\"}," // FNV-1a of the values below
        "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
        "\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}";
    static const unsigned char values[] = {0, 0,    0x80, 0x3f, 0, 0, 0,    0xc0,  // 1, -2
                                           0, 0xfe, 0x7f, 0x47, 0, 0, 0x80, 0x33}; // 65534, 2^-24
    struct net *net = text_net(ONE_LAYER, NULL);
    struct weights *weights = weights_create(net);
    weights->layers[1].w[0] = 1;
    weights->layers[1].w[1] = -2;
    weights->layers[1].bias[0] = 65534;
    weights->layers[1].bias[1] = 0x1p-24f;
    char padded[sizeof header + 8];
    snprintf(padded, sizeof padded, "%-*s", (int)(sizeof header - 1 + 7) / 8 * 8, header);
    struct stored wanted = stored_file(padded, values, sizeof values);
    struct stored got = stored_weights(net, weights);
    assert_int_equal(got.n, wanted.n);
    assert_memory_equal(got.bytes, wanted.bytes, wanted.n);
    free(wanted.bytes);
    free(got.bytes);
    weights_destroy(weights);
    net_destroy(net);
}

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int bytes; // of a value
        unsigned char values[16];
        float a, b;
    } cases[] = {
        {"F32", 4, {0xff, 0xff, 0x7f, 0x7f, 1, 0, 0, 0x80}, 0x1.fffffep127f, -0x1p-149f},
        {"F16", 2, {0x00, 0x3c, 0x00, 0xc0}, 1, -2},
        {"F16", 2, {0xff, 0x7b, 0x01, 0x80}, 65504, -0x1p-24f},
        {"F16", 2, {0xff, 0x03, 0x00, 0x04}, 0x1.ff8p-15f, 0x1p-14f},
        {"BF16", 2, {0x80, 0x3f, 0x49, 0xc0}, 1, -3.140625f},
        {"BF16", 2, {0x01, 0x00, 0x7f, 0x7f}, 0x1p-133f, 0x1.fep127f},
        {"F64",
         8,
         {0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0xbf},
         1.5f,
         -0.1f},
        {"I8", 1, {0x80, 0x7f}, -128, 127},
        {"U8", 1, {0x80, 0xff}, 128, 255},
        {"I32", 4, {0, 0, 0, 0x80, 1, 0, 0, 1}, -0x1p31f, 16777216},
        {"I64", 8, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1}, -1, 0x1p40f},
    };
    struct net *net = text_net(ONE_LAYER, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[256];
        unsigned char values[24] = {0};
        int n = 2 * cases[i].bytes;
        // The bias lies first, so that the values are at odd places too.
        snprintf(header, sizeof header,
                 "{\"fc.weight\":{\"dtype\":\"%s\",\"shape\":[2,1],\"data_offsets\":[2,%d]},"
                 "\"fc.bias\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
                 cases[i].type, 2 + n);
        memcpy(values + 2, cases[i].values, (size_t)n);
        struct stored stored = stored_file(header, values, 2 + (size_t)n);
        struct weights *weights = load_stored(&stored, net);
        const float *w = weights->layers[1].w;
        if (w[0] != cases[i].a || w[1] != cases[i].b)
            fail_msg("%s %zu: %a %a", cases[i].type, i, (double)w[0], (double)w[1]);
        weights_destroy(weights);
        free(stored.bytes);
    }
    net_destroy(net);
}

// Blocks numbered over all stages, another classifier, "module.", counters, eps.
static void test_aliases(void **state)
{
    (void)state;
    static const char yaml[] =
        "name: t\ninput: {channels: 1, height: 1, width: 1}\ndefault_form: float\nlayers:\n"
        "  - {name: layer1.0.conv1, kind: conv, out: 1, kernel: 1, bn: false}\n"
        "  - {name: layer1.1.conv1, kind: conv, out: 1, kernel: 1, bn: false}\n"
        "  - {name: layer2.0.conv1, kind: conv, out: 1, kernel: 1}\n"
        "  - {name: linear, kind: linear, out: 1}\n";
    static const struct {
        const char *name, *shape;
    } entries[] = {
        {"layers.0.conv1.weight", "[1,1,1,1]"},
        {"layers.0.conv1.bias", "[1]"},
        {"layers.1.conv1.weight", "[1,1,1,1]"},
        {"layer1.1.conv1.bias", "[1]"},
        {"layers.2.conv1.weight", "[1,1,1,1]"},
        {"layers.2.bn1.weight", "[1]"},
        {"layers.2.bn1.bias", "[1]"},
        {"layers.2.bn1.running_mean", "[1]"},
        {"layers.2.bn1.running_var", "[1]"},
        {"layers.2.bn1.num_batches_tracked", "[]"},
        {"fc.weight", "[1,1]"},
        {"fc.bias", "[1]"},
    };
    char header[2048];
    int used = snprintf(header, sizeof header, "{\"__metadata__\":{\"bn_eps\":\"0.001\"}");
    for (int i = 0; i < 12; i++)
        used += snprintf(header + used, sizeof header - (size_t)used,
                         ",\"module.%s\":{\"dtype\":\"U8\",\"shape\":%s,\"data_offsets\":[%d,%d]}",
                         entries[i].name, entries[i].shape, i, i + 1);
    snprintf(header + used, sizeof header - (size_t)used, "}");
    static const unsigned char values[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    struct net *net = text_net(yaml, NULL);
    struct stored stored = stored_file(header, values, sizeof values);
    struct weights *weights = load_stored(&stored, net);
    const struct layer_weights *l = weights->layers;
    const float *found[] = {l[1].w,    l[1].bias, l[2].w,   l[2].bias, l[3].w,   l[3].gamma,
                            l[3].beta, l[3].mean, l[3].var, l[4].w,    l[4].bias};
    static const float wanted[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (*found[i] != wanted[i])
            fail_msg("%zu: %g", i, (double)*found[i]);
    assert_true(l[3].bn_eps == 0.001);
    assert_null(l[3].bias);
    assert_null(l[1].gamma);
    weights_destroy(weights);
    free(stored.bytes);
    net_destroy(net);
}

// Where the batch-norm of a binary block is kept, and what it is called.
static void test_binary_block(void **state)
{
    (void)state;
    struct net *net = zoo_net("resnet20", NULL, NULL, NULL);
    struct weights *weights = weights_create(net);
    const struct layer *conv = layer_named(net, "layer1.0.conv2");
    const struct layer *add = layer_named(net, "layer1.0.add");
    assert_true(add->bn && !conv->bn);
    struct layer_weights *w = &weights->layers[conv - net->layers];
    assert_null(weights->layers[add - net->layers].gamma);
    assert_true(w->gamma[0] == 1 && w->var[15] == 1 && w->mean[3] == 0);
    w->var[3] = -1;
    struct err err = {0};
    FILE *out = fopen("/dev/null", "w");
    assert_non_null(out);
    assert_false(weights_write(out, "memory", net, weights, &err));
    fclose(out);
    assert_string_equal(err.text, "memory: layer1.0.bn2.running_var: value 3 is -1, but no "
                                  "variance is negative; mend the file");
    weights_destroy(weights);
    net_destroy(net);
}

static void expect_file(const char *path, const struct stored *wanted)
{
    struct err err = {0};
    size_t n;
    char *bytes = file_read(path, 1 << 20, &n, &err);
    if (!bytes)
        fail_msg("%s", err.text);
    assert_int_equal(n, wanted->n);
    assert_memory_equal(bytes, wanted->bytes, n);
    free(bytes);
}

static void test_save(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_weights.XXXXXX", path[64], missing[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    snprintf(missing, sizeof missing, "%s/x/w.safetensors", folder);
    struct net *net = text_net(ONE_LAYER, NULL);
    struct weights *weights = weights_create(net), *back = NULL;
    struct err err = {0};
    fill_weights(net, weights);
    weights->split = "0.2 of 5 \"images\"";
    struct stored wanted = stored_weights(net, weights);
    assert_true(weights_save(path, net, weights, &err));
    expect_file(path, &wanted);
    assert_true(weights_load(path, net, &back, &err));
    compare(net, weights, back);
    assert_string_equal(back->split, weights->split);
    struct weights *copy = weights_copy(net, back);
    assert_string_equal(copy->split, weights->split);
    weights_destroy(copy);
    // What cannot be loaded is not saved, and the file that was there stays.
    weights->layers[1].bias[1] = NAN;
    assert_false(weights_save(path, net, weights, &err));
    assert_non_null(strstr(err.text, "w.safetensors: fc.bias: value 1 is nan, no finite"));
    expect_file(path, &wanted);
    err.text[0] = 0;
    assert_false(weights_save(missing, net, back, &err));
    assert_non_null(strstr(err.text, "its folder does not exist"));
    err.text[0] = 0;
    assert_false(weights_load(missing, net, &back, &err));
    assert_non_null(strstr(err.text, "there is no such file"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); // empty: nothing temporary was left
    free(wanted.bytes);
    weights_destroy(weights);
    weights_destroy(back);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_scales),
        cmocka_unit_test(test_bytes),        cmocka_unit_test(test_types),
        cmocka_unit_test(test_flipped_bits), cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_binary_block), cmocka_unit_test(test_save),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
