// Nets that cannot be: each refused at the node to blame, with a remedy.
#include "tests/nets/support.h"

// A 3 x 8 x 8 image; the layers follow on line 4.
#define HEAD                                                                                       \
    "name: t\n"                                                                                    \
    "input: {channels: 3, height: 8, width: 8}\n"
#define NET HEAD "layers:\n"
#define CONV_A "  - {name: a, kind: conv, out: 4, kernel: 3, pad: 1}\n"

struct refusal {
    const char *yaml, *part;
};

static void refuse_all(const struct refusal *cases, size_t n, enum net_form form)
{
    for (size_t i = 0; i < n; i++)
        expect_refusal(cases[i].yaml, &(struct net_options){.has_form = true, .form = form},
                       cases[i].part);
}
#define REFUSE(cases, form) refuse_all(cases, sizeof(cases) / sizeof *(cases), form)

static void test_binary_keys(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {HEAD "pad_value: plus_one\nlayers:\n" CONV_A,
         "net.yaml:3:12: pad_value: maps of 0 and 1 are padded with 0; take the key out, or set "
         "activations: plus_minus_one"},
        {HEAD "planes: plus_minus_one\nencoder: raw\nlayers:\n" CONV_A,
         "planes: the encoder raw makes no planes"},
        {HEAD "activations: minus_plus_one\nlayers:\n" CONV_A, "zero_one, plus_minus_one"},
        {NET CONV_A "  - {name: b, kind: add, shortcut: a, bias: true}\n",
         "layers.1.bias: a layer of this kind (add) has no such key"},
    };
    REFUSE(cases, FORM_BINARY);
}

static void test_shapes(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {NET "  - {name: a, kind: conv, out: 4, kernel: 9}\n",
         "net.yaml:4:43: layers.0.kernel: 9 is more than the height of the padded map, 8"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: [1, 11], pad: 1}\n",
         "layers.0.kernel: 11 is more than the width of the padded map, 10"},
        {NET "  - {name: a, kind: pool, kernel: 10, stride: 1}\n",
         "layers.0.kernel: 10 is more than the height of the padded map, 8"},
        {NET "  - {name: a, kind: pool, kernel: 2, pad: 2}\n",
         "layers.0.pad: lets window 0 along the height lie in the padding alone"},
        {NET "  - {name: a, kind: pool, kernel: 2, pad: [0, 0, 0, 2]}\n",
         "layers.0.pad: lets window 4 along the width lie in the padding alone"},
        {NET "  - {name: a, kind: pool, kernel: 2, dilation: 9, stride: 1, pad: 1}\n",
         "layers.0.pad: lets window 0 along the height lie in the padding alone"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 3, dilation: 5, pad: 1}\n",
         "layers.0.kernel: 11 with its dilation is more than the height of the padded map, 10"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 3, pad: [1, 1, 1]}\n",
         "layers.0.pad: has 3 numbers; write same, valid, one number, [height, width] or [top, "
         "left, "
         "bottom, right]"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 3, pad: []}\n",
         "layers.0.pad: has 0 numbers"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 3, pad: [same, 1]}\n",
         "layers.0.pad.0: 'same' is not an integer; allowed: a list of 0..16384 or same or valid"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 3, stride: [1, 2, 1]}\n",
         "layers.0.stride: has more than two numbers"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 3, dilation: []}\n",
         "layers.0.dilation: has no number"},
        {NET "  - {name: a, kind: pool, kernel: 2, count_pad: true}\n",
         "layers.0.count_pad: a max pool never counts its padding"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 2, count_pad: true}\n",
         "layers.0.count_pad: a layer of this kind (conv) has no such key"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: [1, 2, 3]}\n", "more than two numbers"},
        {NET "  - {name: a, kind: conv, out: 4}\n", "layers.0: kernel is missing"},
        {NET "  - {name: a, kind: conv, kernel: 3}\n", "layers.0: out is missing"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 3, groups: 2}\n",
         "layers.0.groups: 2 does not divide the 3 inputs and 4 outputs"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 3, groups: 3}\n",
         "3 does not divide the 3 inputs and 4 outputs"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 3, groups: depthwise}\n",
         "layers.0.groups: 3 does not divide the 3 inputs and 4 outputs"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 3, dilation: 16384, pad: same}\n",
         "layers.0.pad: the padded map would be 3 x 32776 x 32776, more than 134217728 elements of "
         "padding"},
        {"name: t\ninput: {channels: 65536, height: 256, width: 256}\n" // 2^32 rows of a matrix
         "layers: [{name: a, kind: conv, out: 2, kernel: 256}]\n",
         "layers.0.kernel: 65536 channels x 256 x 256 are 4294967296 inputs of one output"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 1, pad: 16384}\n",
         "layers.0.pad: the height of the output would be 32776, above 16384"},
        {NET CONV_A "  - {name: b, kind: conv, out: 4, kernel: 3}\n"
                    "  - {name: c, kind: add, shortcut: a}\n",
         "net.yaml:6:36: layers.2.shortcut: 'a' has a map of 8 x 8, which subsampling does not "
         "bring to 6 x 6"},
        {NET "  - {name: a, kind: conv, out: 1048576, kernel: 1}\n"
             "  - {name: b, kind: linear, out: 10}\n",
         "1048576 x 8 x 8 inputs, above the 16777216 that a linear layer can have"},
        {HEAD "classes: 10\nlayers:\n  - {name: a, kind: linear, out: 11}\n",
         "net.yaml:5:34: layers.0.out: 11, but the net has 10 classes"},
        {"name: t\n"
         "input: {channels: 1, height: 6000, width: 6000}\n"
         "layers: [{name: a, kind: conv, out: 1048576, kernel: 4096}]\n",
         "no longer fit in 64 bits"},
    };
    REFUSE(cases, FORM_INT8);
}

static void test_references(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {NET CONV_A "  - {name: b, kind: linear, from: x, out: 2}\n",
         "net.yaml:5:35: layers.1.from: there is no layer 'x' above; the last one above is 'a'"},
        {NET "  - {name: a, kind: conv, from: b, out: 4, kernel: 1}\n" CONV_A
             "  - {name: b, kind: linear, out: 2}\n",
         "layers.0.from: 'b' is further down: move it up"},
        {NET "  - {name: a, kind: conv, from: a, out: 4, kernel: 1}\n",
         "layers.0.from: 'a' is the layer itself"},
        {NET CONV_A "  - {name: b, kind: add, shortcut: layer9}\n",
         "layers.1.shortcut: there is no layer 'layer9' above"},
        {NET CONV_A "  - {name: b, kind: add}\n", "layers.1: shortcut is missing"},
        {NET CONV_A "  - {name: b, kind: conv, same_as: z, kernel: 1}\n",
         "layers.1.same_as: there is no layer 'z' above"},
        {NET CONV_A CONV_A, "net.yaml:5:12: layers.1.name: 'a' is there twice in the int8 form"},
        {NET "  - {name: input, kind: linear, out: 2}\n", "'input' is the image's own name"},
        {NET "  - {name: '', kind: linear, out: 2}\n", "layers.0.name: '' is empty"},
        {NET CONV_A "  - {name: b, kind: linear, from: input, out: 2}\n",
         "layers.0: nothing reads 'a' in the int8 form"},
        {NET "  []\n", "no layer is left"},
        {NET "  - {name: a, kind: linear, out: 2, forms: binary}\n",
         "no layer is left in the int8 form"},
        {HEAD, "layers"},
        {"name: t\nlayers:\n  - {name: a, kind: linear, out: 2}\n", "input"},
    };
    REFUSE(cases, FORM_INT8);
}

static void test_keys(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {NET "  - {name: a, kind: linear, out: 4, kernel: 3}\n",
         "net.yaml:4:45: layers.0.kernel: a layer of this kind (linear) has no such key"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 3, pool: max}\n",
         "layers.0.pool: a layer of this kind (conv)"},
        {NET CONV_A "  - {name: b, kind: head, out: 3}\n", "a layer of this kind (head)"},
        {NET CONV_A "  - {name: b, kind: conv, out: 3, same_as: a, kernel: 1}\n",
         "layers.1.same_as: and out exclude each other"},
        {NET CONV_A "  - {name: b, kind: conv, same_as: a, scale: true, kernel: 1}\n",
         "layers.1.scale: a layer with same_as follows"},
        {NET "  - {name: a, kind: linear, out: 2, forms: int8 int4}\n",
         "layers.0.forms: 'int4' is no form; the forms are binary, int8, int16, float"},
        {NET "  - {name: a, kind: linear, out: 2, forms: ','}\n", "names no form"},
        {NET "  - {name: a, kind: conv, out: 0, kernel: 1}\n", "layers.0.out"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 0}\n", "layers.0.kernel"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 1, stride: 0}\n", "layers.0.stride"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 1, pad: -2}\n", "layers.0.pad"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 1, dilation: 0}\n", "layers.0.dilation"},
        {NET "  - {name: a, kind: convolution, out: 4, kernel: 1}\n", "layers.0.kind"},
        {NET "  - {name: a, kind: conv, outs: 4, kernel: 1}\n", "outs"},
        {HEAD "weight_bits: 17\nlayers: [{name: a, kind: linear, out: 2}]\n",
         "net.yaml:3:14: weight_bits: 17 bits, but the int8 form allows 1..16"},
        {"name: t\ninput: {channels: 1048576, height: 1, width: 1}\nencoder: thermometer\n"
         "layers: [{name: a, kind: linear, out: 2}]\n",
         "33554432 planes, above 1048576"},
    };
    REFUSE(cases, FORM_INT8);
}

static void test_binary(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {HEAD "weight_bits: 2\nlayers: [{name: a, kind: linear, out: 2}]\n",
         "weight_bits: 2 bits, but the binary form has 1; write auto, or choose another form"},
        {NET "  - {name: p, kind: pool, kernel: 2}\n",
         "layers.0: a max-pool turns into the stride of a conv, but reads 'input'"},
        {NET CONV_A "  - {name: b, kind: conv, out: 4, kernel: 3, pad: 1}\n"
                    "  - {name: p, kind: pool, from: a, kernel: 2}\n"
                    "  - {name: s, kind: add, shortcut: b}\n",
         "layers.2: the pool cannot turn into the stride of 'a', which 'b' reads too"},
        {NET CONV_A "  - {name: p, kind: pool, kernel: 2}\n"
                    "  - {name: b, kind: conv, out: 4, kernel: 3, pad: 1}\n"
                    "  - {name: s, kind: add, shortcut: a}\n",
         "layers.3.shortcut: 'a' before its pool does not exist: 'p' became its stride"},
        {NET "  - {name: a, kind: conv, out: 4, kernel: 1, stride: 16384}\n"
             "  - {name: p, kind: pool, kernel: 2}\n",
         "layers.1: the stride of 'a' would be 16384 x 2, above 16384"},
        {NET CONV_A "  - {name: p, kind: pool, kernel: 2, pad: [1, 2, 3]}\n",
         "layers.1.pad: has 3 numbers"},
    };
    REFUSE(cases, FORM_BINARY);
}

static void test_float(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {HEAD "activation_bits: 8\nlayers: [{name: a, kind: linear, out: 2}]\n",
         "activation_bits: 8 bits, but the float form has 32"},
    };
    REFUSE(cases, FORM_FLOAT);
}

// What looks odd but is a net.
static void test_allowed(void **state)
{
    (void)state;
    struct net *net = text_net(NET CONV_A, NULL); // no linear layer at the end
    assert_int_equal(net->classes, 4);
    assert_int_equal(net->layers[1].act, ACT_NONE);
    net_destroy(net);
    net = text_net(NET "  - {name: a, kind: conv, out: 6, kernel: [2, 1], groups: 3, stride: 2}\n"
                       "  - {name: s, kind: add, shortcut: input}\n",
                   &(struct net_options){.has_form = true, .form = FORM_FLOAT});
    net_destroy(net);
}

// As many groups as channels, also where these change with the width.
static void test_depthwise(void **state)
{
    (void)state;
    for (int width = 1; width <= 3; width++) {
        const struct net_options options = {.width = width};
        struct net *net = text_net(NET CONV_A "  - {name: b, kind: conv, same_as: a, kernel: 3, "
                                              "pad: 1, groups: depthwise}\n",
                                   &options);
        const struct layer *b = layer_named(net, "b");
        assert_int_equal(b->in_c, 4 * width);
        assert_int_equal(b->groups, b->in_c);
        assert_int_equal(b->weights, 9 * b->in_c);
        net_destroy(net);
    }
}

// Layers with several inputs: what cannot be is refused with the layer's place.
static void test_joins(void **state)
{
    (void)state;
#define CONV_B "  - {name: b, kind: conv, from: a, out: 3, kernel: 3, stride: 2, pad: 1}\n"
#define FC "  - {name: fc, kind: linear, out: 10}\n"
    static const struct refusal cases[] = {
        {NET CONV_A "  - {name: c, kind: concat}\n" FC,
         "layers.1: a concat joins the channels of two or more layers; write from: [NAME, NAME]"},
        {NET CONV_A "  - {name: c, kind: concat, from: a}\n" FC,
         "layers.1.from: a concat joins the channels of two or more layers"},
        {NET CONV_A "  - {name: c, kind: concat, from: [a, x]}\n" FC,
         "layers.1.from: there is no layer 'x' above"},
        {NET CONV_A "  - {name: c, kind: concat, from: [a, {b: 1}]}\n" FC,
         "allowed: a string or a list of strings"},
        {NET CONV_A CONV_B "  - {name: c, kind: concat, from: [a, b]}\n" FC,
         "layers.2.from: 'b' has a map of 4 x 4, 'a' one of 8 x 8; a concat joins"},
        {NET CONV_A "  - {name: c, kind: conv, from: [a, a], out: 2, kernel: 1}\n",
         "layers.1.from: 2 layers, but a layer of this kind (conv) reads one; join them"},
        {NET CONV_A "  - {name: c, kind: conv, from: [], out: 2, kernel: 1}\n",
         "layers.1.from: 0 layers, but a layer of this kind (conv) reads one"},
        {NET CONV_A "  - {name: c, kind: concat, from: [a, a]}\n",
         "layers.1: the net ends with a concat; put a linear layer, conv or pool behind it"},
        {NET CONV_A "  - {name: c, kind: concat, from: [a, a], relu: true}\n" FC,
         "layers.1.relu: a layer of this kind (concat) has no such key"},
        {NET CONV_A "  - {name: c, kind: multiply}\n" FC,
         "layers.1: by is missing: name the layer whose output holds the other factors"},
        {NET CONV_A "  - {name: c, kind: multiply, by: a}\n",
         "layers.1: the net ends with a multiply"},
        {NET CONV_A CONV_B "  - {name: c, kind: multiply, from: a, by: b}\n" FC,
         "layers.2.by: 'b' has a map of 3 x 4 x 4, but 4 x 8 x 8 elements want as many factors"},
        {NET CONV_A "  - {name: p, kind: linear, out: 5}\n"
                    "  - {name: c, kind: multiply, from: a, by: p}\n" FC,
         "layers.2.by: 'p' has a map of 5 x 1 x 1, but 4 x 8 x 8 elements want"},
        {HEAD "activation_bits: 4\nlayers:\n" CONV_A
              "  - {name: c, kind: concat, from: [a, input]}\n" FC,
         "layers.1.from: 'input' has elements of 8 bits, the parts of this concat have 4"},
        {HEAD "encoder: bit_planes\nactivation_bits: 1\nlayers:\n" CONV_A
              "  - {name: c, kind: concat, from: [a, input]}\n" FC,
         "layers.1.from: the image's bits, which are worth 1 each, cannot take the scale"},
    };
    REFUSE(cases, FORM_INT8);
    static const struct refusal binary[] = {
        {HEAD "activations: plus_minus_one\nplanes: zero_one\nlayers:\n" CONV_A
              "  - {name: c, kind: concat, from: [a, input]}\n" FC,
         "layers.1.from: 'input' holds bits of 0 and 1, other parts of this concat bits of -1 and"},
        {NET CONV_A "  - {name: c, kind: multiply, by: a}\n" FC,
         "layers.1: the product of two bits is their AND"},
        {NET CONV_A "  - {name: c, kind: concat, from: [a, a]}\n"
                    "  - {name: d, kind: conv, out: 8, kernel: 1}\n"
                    "  - {name: e, kind: add, shortcut: c}\n" FC,
         "layers.3: an add of the binary form reads the residual stream, but 'c' joins bits"},
    };
    REFUSE(binary, FORM_BINARY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary_keys), cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_references),  cmocka_unit_test(test_keys),
        cmocka_unit_test(test_binary),      cmocka_unit_test(test_float),
        cmocka_unit_test(test_allowed),     cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_joins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
