// Weights files that cannot be, and files for another net: refused with a remedy.
#include "tests/nets/stored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONE_LAYER                                                                                  \
    "name: t\ninput: {channels: 1, height: 1, width: 1}\ndefault_form: float\n"                    \
    "layers: [{name: fc, kind: linear, out: 2}]\n"
#define T(name, rest) "\"" name "\":{" rest "}"
#define F32(shape, from, to)                                                                       \
    "\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]"
#define W T("fc.weight", F32("[2,1]", "0", "8"))
#define B T("fc.bias", F32("[2]", "8", "16"))

struct refusal {
    const char *header;
    size_t n; // bytes of zeros behind it
    const char *part;
};

static void refuse_all(const struct refusal *cases, size_t n)
{
    struct net *net = text_net(ONE_LAYER, NULL);
    for (size_t i = 0; i < n; i++) {
        struct stored stored = stored_file(cases[i].header, NULL, cases[i].n);
        expect_no_weights(&stored, net, cases[i].part);
        free(stored.bytes);
    }
    net_destroy(net);
}

static void test_header(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"", 0, "its header is no JSON"},
        {"{", 0, "its header is no JSON"},
        {"[]", 0, "its header is no JSON object; check that it is a safetensors file"},
        {"{\"a\":1e999}", 0, "its header is no JSON"},
        {"{" W "," W "," B "}", 16, "duplicate object key"},
        {"{\"__metadata__\":[]," W "," B "}", 16, "__metadata__ is no object"},
        {"{\"__metadata__\":{\"a\":1}," W "," B "}", 16, "something else than texts"},
        {"{\"__metadata__\":{\"bn_eps\":\"0\"}," W "," B "}", 16,
         "bn_eps in its metadata is '0'; write a number above 0, up to 1"},
        {"{\"__metadata__\":{\"bn_eps\":\"1 s\"}," W "," B "}", 16, "is '1 s'"},
        {"{\"\":{}}", 0, "tensor 1 has no proper name"},
        {"{\"a\\u001b[2J\":{}}", 0, "tensor 1 has no proper name"},
        {"{\"fc.weight\":[]}", 0, "fc.weight: is no object with dtype"},
        {"{" T("a", "\"shape\":[]") "}", 0, "a: its dtype is missing or no string"},
        {"{" T("a", "\"dtype\":4") "}", 0, "a: its dtype is missing or no string"},
        {"{" T("a", "\"dtype\":\"C64\"") "}", 0, "a: dtype 'C64' cannot be read; store it as F32"},
        {"{" T("a", "\"dtype\":\"F32\"") "}", 0, "a: its shape is no list of at most 8 sizes"},
        {"{" T("a", F32("[1,1,1,1,1,1,1,1,1]", "0", "4")) "}", 4, "a: its shape is no list"},
        {"{" T("a", F32("[2,-1]", "0", "8")) "}", 8, "a: size 2 of its shape is no integer from 0"},
        {"{" T("a", F32("[2.0]", "0", "8")) "}", 8, "a: size 1 of its shape is no integer"},
        {"{" T("a", F32("[65536,32769]", "0", "8")) "}", 8, "more than 2147483648 elements"},
        {"{" T("a", F32("[4611686018427387904,4,4]", "0", "0")) "}", 0, "more than 2147483648"},
    };
    refuse_all(cases, sizeof cases / sizeof *cases);
}

static void test_offsets(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"{" T("a", "\"dtype\":\"F32\",\"shape\":[1]") "}", 4, "its data_offsets are not two"},
        {"{" T("a", "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]") "}", 4,
         "a: its data_offsets are not two integers"},
        {"{" T("a", F32("[1]", "0", "\\\"4\\\"")) "}", 4, "its header is no JSON"},
        {"{" T("a", F32("[1]", "0", "4.0")) "}", 4, "a: its data_offsets are not two integers"},
        {"{" T("a", F32("[1]", "-4", "0")) "}", 4, "a: its data_offsets run from -4 to 0"},
        {"{" T("a", F32("[1]", "8", "4")) "}", 8, "a: its data_offsets run from 8 to 4"},
        {"{" T("a", F32("[3]", "0", "8")) "}", 8,
         "a: has 8 bytes, its shape and dtype F32 need 12; write the file again"},
        {"{" T("a", F32("[1]", "0", "9223372036854775807")) "}", 4, "dtype F32 need 4"},
        {"{" T("fc.weight", F32("[2,1]", "4", "12")) "," B "}", 16,
         "fc.weight: its values begin at byte 4, those before it end at 0: they leave a hole"},
        {"{" W "," T("fc.bias", F32("[2]", "4", "12")) "}", 12,
         "fc.bias: its values begin at byte 4, those before it end at 8: they overlap"},
        {"{" W "," T("fc.bias", F32("[2]", "0", "8")) "}", 8, "they overlap"},
        {"{" W "," T("fc.bias", F32("[2]", "12", "20")) "}", 20, "they leave a hole"},
        {"{" W "," B "}", 15,
         "fc.bias: its values end at byte 16, but only 15 are there: the file was cut off"},
        {"{" W "," B "}", 17, "1 bytes behind the last tensor; the file is damaged"},
    };
    refuse_all(cases, sizeof cases / sizeof *cases);
}

static void test_tensors(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"{}", 0, "has no tensor 'fc.weight' (and 1 more) for t (float); choose the net and form"},
        {"{" W "}", 8, "has no tensor 'fc.bias' for t (float); choose"},
        {"{" W "," T("bias", F32("[2]", "8", "16")) "}", 16,
         "has no tensor 'fc.bias' for t (float), but 'bias', which the net does not know"},
        {"{" W "," B "," T("head.weight", F32("[]", "16", "20")) "}", 20,
         "t (float) has no tensor 'head.weight'; choose the net and form"},
        {"{" W "," B "," T("linear.weight", F32("[2,1]", "16", "24")) "}", 24,
         "t (float) has no tensor 'linear.weight'"},
        {"{" W "," B "," T("z", F32("[0]", "16", "16")) "," T("y", F32("[]", "16", "20")) "}", 20,
         "has no tensor 'y' (and 1 more)"},
        {"{" T("fc.weight", F32("[2]", "0", "8")) "," B "}", 16,
         "fc.weight: has the shape [2], t (float, 1x) wants [2, 1]; choose"},
        {"{" T("fc.weight", F32("[]", "0", "4")) "," T("fc.bias", F32("[2]", "4", "12")) "}", 12,
         "fc.weight: has the shape [], t (float, 1x) wants [2, 1]"},
        {"{" T("fc.weight", F32("[3,1]", "0", "12")) "," T("fc.bias", F32("[3]", "12", "24")) "}",
         24, "wants [2, 1]; the file has 3 classes, the net 2"},
    };
    refuse_all(cases, sizeof cases / sizeof *cases);
}

// Every beginning of a good file, and its length's bytes changed.
static void test_cut(void **state)
{
    (void)state;
    struct net *net = text_net(ONE_LAYER, NULL);
    struct stored stored = stored_file("{" W "," B "}", NULL, 16);
    size_t whole = stored.n;
    for (stored.n = 0; stored.n < whole; stored.n++) {
        unsigned char *copy = malloc(stored.n + 1); // sanitizers see what is read behind it
        assert_non_null(copy);
        memcpy(copy, stored.bytes, stored.n);
        expect_no_weights(&(struct stored){copy, stored.n}, net, "copy it again");
        free(copy);
    }
    weights_destroy(load_stored(&stored, net));
    stored.bytes[3] = 2; // 32 MiB
    expect_no_weights(&stored, net, "bytes, above the limit of 16777216; check that it is");
    memset(stored.bytes, 0xff, 8);
    expect_no_weights(&stored, net, "would have 18446744073709551615 bytes, above the limit");
    free(stored.bytes);
    net_destroy(net);
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int bytes;
        unsigned char second[8];
    } cases[] = {
        {"F32", 4, {0, 0, 0xc0, 0x7f}},
        {"F32", 4, {0, 0, 0x80, 0xff}},
        {"F16", 2, {0, 0x7c}},
        {"F16", 2, {1, 0xfc}},
        {"BF16", 2, {0x80, 0x7f}},
        {"F64", 8, {0, 0, 0, 0, 0, 0, 0xf8, 0x7f}},
        {"F64", 8, {0, 0, 0, 0, 0, 0, 0xe0, 0x7f}}, // 2^1023: finite, but no float
    };
    struct net *net = text_net(ONE_LAYER, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[256];
        unsigned char values[18] = {0};
        int n = 2 * cases[i].bytes;
        snprintf(header, sizeof header,
                 "{\"fc.weight\":{\"dtype\":\"%s\",\"shape\":[2,1],\"data_offsets\":[0,%d]},"
                 "\"fc.bias\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[%d,%d]}}",
                 cases[i].type, n, n, n + 2);
        memcpy(values + cases[i].bytes, cases[i].second, (size_t)cases[i].bytes);
        struct stored stored = stored_file(header, values, (size_t)n + 2);
        expect_no_weights(&stored, net, "fc.weight: value 1 is ");
        expect_no_weights(&stored, net, ", no finite 32-bit float");
        free(stored.bytes);
    }
    net_destroy(net);
}

static struct net *form_net(const char *name, enum net_form form, double width)
{
    return zoo_net(name, NULL, NULL,
                   &(struct net_options){.has_form = true, .form = form, .width = width});
}

// A file made for the first net does not fit the second; both are destroyed.
static void misfit(struct net *file, struct net *net, const char *part)
{
    struct weights *weights = weights_create(file);
    struct stored stored = stored_weights(file, weights);
    expect_no_weights(&stored, net, part);
    free(stored.bytes);
    weights_destroy(weights);
    net_destroy(file);
    net_destroy(net);
}

static void test_width(void **state)
{
    (void)state;
    static const int widths[] = {4, 4, 4, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 16, 16, 16, 16, 16, 17};
    struct net_options options = {.widths = widths, .n_widths = 19};
    misfit(form_net("resnet20", FORM_BINARY, 1), form_net("resnet20", FORM_BINARY, 3),
           "conv1.weight: has the shape [16, 96, 3, 3], resnet20 (binary, 3x) wants "
           "[48, 96, 3, 3]; the file fits --width 1x");
    misfit(form_net("resnet20", FORM_FLOAT, 0.5), form_net("resnet20", FORM_INT8, 1),
           "; the file fits --width 0.5x");
    misfit(zoo_net("resnet20", NULL, NULL, &options), form_net("resnet20", FORM_BINARY, 1),
           "; the file fits --widths 4,4,4,4,4,4,4,8,8,8,8,8,8,16,16,16,16,16,17");
    misfit(form_net("resnet20", FORM_BINARY, 1), zoo_net("resnet20", NULL, NULL, &options),
           "; the file fits --widths 16,16,");
}

static void test_form(void **state)
{
    (void)state;
    static const char planes[] = "conv1.weight: has the shape [16, 96, 3, 3], resnet20 (float, 1x) "
                                 "wants [16, 3, 3, 3]; the file reads 32 planes per channel of an "
                                 "image, as --form binary does; the file's classifier reads a "
                                 "flattened map of 64 x 8 x 8, as --form binary does";
    misfit(form_net("resnet20", FORM_BINARY, 1), form_net("resnet20", FORM_FLOAT, 1), planes);
    misfit(form_net("resnet20", FORM_INT8, 1), form_net("resnet20", FORM_BINARY, 1),
           "; the file reads raw images, as --form int8 and float do, or one plane per channel "
           "(encoder: sign or raw); the file's classifier reads averages of 64 channels, as --form "
           "int8 and float do (head: avgpool)");
    misfit(form_net("resnet20", FORM_BINARY, 2), form_net("resnet20", FORM_FLOAT, 1),
           "; the file fits --width 2x; the file reads 32 planes per channel of an image, as "
           "--form binary does; the file's classifier reads a flattened map of 128 x 8 x 8");
    struct net_options options = {.has_form = true, .form = FORM_FLOAT};
    misfit(zoo_net("resnet20", "head", "flatten", &options), form_net("resnet20", FORM_FLOAT, 1),
           "linear.weight: has the shape [10, 4096], resnet20 (float, 1x) wants [10, 64]; the "
           "file's classifier reads a flattened map of 64 x 8 x 8");
    misfit(form_net("mlp", FORM_INT8, 1), form_net("mlp", FORM_BINARY, 1), "reads raw images");
    misfit(form_net("mlp", FORM_BINARY, 1), form_net("mlp", FORM_INT8, 1), "reads 32 planes");
}

static void test_other_net(void **state)
{
    (void)state;
    misfit(form_net("resnet20", FORM_FLOAT, 1), form_net("resnet32", FORM_FLOAT, 1),
           "has no tensor 'layer1.3.conv1.weight' (and 59 more) for resnet32 (float); choose");
    misfit(form_net("resnet32", FORM_FLOAT, 1), form_net("resnet20", FORM_FLOAT, 1),
           "resnet20 (float) has no tensor 'layer1.3.bn1.bias' (and 59 more); choose the net");
    misfit(text_net("name: t\ninput: {channels: 1, height: 1, width: 1}\n"
                    "layers: [{name: bn1, kind: conv, out: 2, kernel: 1}]\n",
                    NULL),
           form_net("lenet5", FORM_INT8, 1), "has no tensor 'conv1.weight'");
}

// Nets whose tensors no file can hold apart.
static void test_names(void **state)
{
    (void)state;
    struct net *net = text_net(
        "name: t\ninput: {channels: 1, height: 1, width: 1}\ndefault_form: float\nlayers:\n"
        "  - {name: conv1, kind: conv, out: 1, kernel: 1}\n"
        "  - {name: bn1, kind: linear, out: 1}\n",
        NULL);
    struct weights *weights = weights_create(net);
    struct err err = {0};
    assert_false(weights_save("/dev/null", net, weights, &err));
    assert_string_equal(err.text, "net t: two of its tensors would be called 'bn1.bias'; rename "
                                  "one of the layers");
    weights_destroy(weights);
    net_destroy(net);
}

// The classifier may be called fc, but not where fc is another layer.
static void test_alias_taken(void **state)
{
    (void)state;
    struct net *net = text_net(
        "name: t\ninput: {channels: 1, height: 1, width: 1}\ndefault_form: float\nlayers:\n"
        "  - {name: fc, kind: linear, out: 1}\n"
        "  - {name: linear, kind: linear, out: 1}\n",
        NULL);
    struct stored stored = stored_file(
        "{" T("fc.weight", F32("[1,1]", "0", "4")) "," T("fc.bias", F32("[1]", "4", "8")) "}", NULL,
        8);
    expect_no_weights(&stored, net, "has no tensor 'linear.weight' (and 1 more)");
    free(stored.bytes);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),  cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_tensors), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_values),  cmocka_unit_test(test_width),
        cmocka_unit_test(test_form),    cmocka_unit_test(test_other_net),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_alias_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
