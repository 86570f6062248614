// What the forms make of one file: bits, activations, batch-norm, strides, who reads whom.
#include "tests/nets/support.h"

#include <stdio.h>
#include <string.h>

static struct net *zoo_form(const char *name, enum net_form form)
{
    return zoo_net(name, NULL, NULL, &(struct net_options){.has_form = true, .form = form});
}

static void test_binary_block(void **state)
{
    (void)state;
    struct net *net = zoo_form("resnet20", FORM_BINARY);
    const struct layer *input = &net->layers[0];
    const struct layer *conv1 = layer_named(net, "layer2.0.conv1");
    const struct layer *conv2 = layer_named(net, "layer2.0.conv2");
    const struct layer *add = layer_named(net, "layer2.0.add");
    const struct layer *linear = layer_named(net, "linear");
    assert_int_equal(input->out_c, 96);
    assert_int_equal(input->out_bits, 1);
    assert_int_equal(input->in_bits[0], 8);
    assert_int_equal(net->residual_bits, 8);
    assert_false(net->pad_both);
    // bn1(conv1) is compared with a threshold...
    assert_int_equal(conv1->act, ACT_THRESHOLD);
    assert_true(conv1->bn);
    assert_int_equal(conv1->in_bits[0], 1);
    assert_int_equal(conv1->out_bits, 1);
    assert_int_equal(conv1->weight_bits, 1);
    // ... conv2's sum is not; bn2 stands behind the add, and x comes in fixed point.
    assert_int_equal(conv2->act, ACT_NONE);
    assert_false(conv2->bn);
    assert_int_equal(conv2->params, conv2->weights);
    assert_int_equal(add->act, ACT_THRESHOLD);
    assert_true(add->bn);
    assert_int_equal(add->in_bits[1], 8);
    assert_int_equal(add->out_bits, 1);
    assert_int_equal(add->params, 2 * 32);
    assert_int_equal(add->adds, 32 * 16 * 16);
    assert_string_equal(net->layers[add->input[0]].name, "layer2.0.conv2");
    assert_string_equal(net->layers[add->input[1]].name, "layer1.2.add");
    // The head is flattened; 4096 times +1 or -1 needs 14 bits.
    assert_int_equal(linear->in_c, 4096);
    assert_int_equal(linear->act, ACT_NONE);
    assert_false(linear->bn);
    assert_int_equal(linear->params, linear->weights);
    assert_int_equal(linear->out_bits, 14);
    net_destroy(net);
}

static void test_integer_block(void **state)
{
    (void)state;
    struct net *net = zoo_form("resnet20", FORM_INT16);
    const struct layer *conv1 = layer_named(net, "layer2.0.conv1");
    const struct layer *conv2 = layer_named(net, "layer2.0.conv2");
    const struct layer *add = layer_named(net, "layer2.0.add");
    const struct layer *pool = layer_named(net, "avgpool");
    const struct layer *linear = layer_named(net, "linear");
    assert_int_equal(net->layers[0].out_c, 3);
    assert_int_equal(net->layers[0].out_bits, 8);
    assert_int_equal(net->layers[1].in_bits[0], 8);
    assert_int_equal(net->residual_bits, 0);
    assert_true(net->pad_both);
    assert_int_equal(conv1->act, ACT_RELU);
    assert_int_equal(conv1->in_bits[0], 16);
    assert_int_equal(conv1->weight_bits, 16);
    assert_int_equal(conv2->act, ACT_NONE);
    assert_true(conv2->bn);
    assert_int_equal(add->act, ACT_RELU);
    assert_false(add->bn);
    assert_int_equal(add->in_bits[1], 16);
    assert_int_equal(pool->kernel_h, 8);
    assert_int_equal(pool->out_h, 1);
    assert_int_equal(pool->pool, POOL_AVERAGE);
    assert_int_equal(linear->in_c, 64);
    assert_int_equal(linear->params, 64 * 10 + 10);
    net_destroy(net);
}

static void test_float_is_32_bits(void **state)
{
    (void)state;
    struct net *net = zoo_form("resnet18", FORM_FLOAT);
    for (size_t i = 0; i < net->n; i++) {
        assert_int_equal(net->layers[i].out_bits, 32);
        if (net->layers[i].kind == LAYER_CONV || net->layers[i].kind == LAYER_LINEAR)
            assert_int_equal(net->layers[i].weight_bits, 32);
    }
    net_destroy(net);
}

static void test_max_pool_turns_into_stride(void **state)
{
    (void)state;
    struct net *net = zoo_form("vgg8", FORM_BINARY);
    for (size_t i = 0; i < net->n; i++)
        assert_int_not_equal(net->layers[i].kind, LAYER_POOL);
    const struct layer *conv2 = layer_named(net, "conv2");
    assert_int_equal(conv2->stride_h, 2);
    assert_int_equal(conv2->out_h, 16);
    assert_int_equal(layer_named(net, "conv1")->stride_h, 1);
    assert_int_equal(layer_named(net, "fc1")->in_c, 8192);
    net_destroy(net);
    net = zoo_net("vgg8", "max_pool", "keep",
                  &(struct net_options){.has_form = true, .form = FORM_BINARY});
    assert_int_equal(layer_named(net, "conv2")->stride_h, 1);
    assert_int_equal(layer_named(net, "pool1")->out_bits, 1);
    assert_int_equal(layer_named(net, "fc1")->in_c, 8192);
    net_destroy(net);
    net = zoo_form("alexnet", FORM_BINARY); // stride 4, then a pool of stride 2
    assert_int_equal(layer_named(net, "conv1")->stride_h, 8);
    assert_int_equal(layer_named(net, "conv1")->out_h, 28);
    net_destroy(net);
}

static void test_layers_left_out_hand_on_their_input(void **state)
{
    (void)state;
    struct net *net = zoo_form("resnet18", FORM_BINARY);
    const struct layer *first = layer_named(net, "layer1.0.add");
    const struct layer *third = layer_named(net, "layer2.0.add");
    assert_string_equal(net->layers[first->input[1]].name, "conv1");
    assert_int_equal(net->layers[first->input[1]].in_c, 96);
    assert_string_equal(net->layers[third->input[1]].name, "layer1.1.add");
    net_destroy(net);
    net = zoo_form("resnet18", FORM_INT8);
    first = layer_named(net, "layer1.0.add");
    third = layer_named(net, "layer2.0.add");
    assert_string_equal(net->layers[first->input[1]].name, "maxpool");
    assert_string_equal(net->layers[third->input[1]].name, "layer2.0.downsample");
    assert_string_equal(net->layers[third->input[0]].name, "layer2.0.conv2");
    net_destroy(net);
}

static void test_keys_override_the_form(void **state)
{
    (void)state;
    const struct net_options binary = {.has_form = true, .form = FORM_BINARY};
    struct net *net = zoo_net("resnet20", "add", "after_bn", &binary);
    assert_true(layer_named(net, "layer1.0.conv2")->bn);
    assert_false(layer_named(net, "layer1.0.add")->bn);
    assert_int_equal(layer_named(net, "layer1.0.add")->act, ACT_THRESHOLD);
    net_destroy(net);
    // Moved behind the add, batch-norm leaves no bias in the conv: as many parameters as before.
    const struct net_options float_form = {.has_form = true, .form = FORM_FLOAT};
    net = zoo_net("resnet20", "add", "before_bn", &float_form);
    assert_true(layer_named(net, "layer1.0.add")->bn);
    assert_int_equal(net_ops(net).params, 269722);
    net_destroy(net);
    net = zoo_net("resnet20", "encoder", "bit_planes", &binary);
    assert_int_equal(net->layers[0].out_c, 24);
    net_destroy(net);
    net = zoo_net("resnet20", "encoder", "raw", &binary);
    assert_int_equal(net_ops(net).integer_ops, 32 * 32 * 16 * 27); // 8-bit pixels into conv1
    net_destroy(net);
    net = zoo_net("resnet20", "levels", "8", &binary);
    assert_int_equal(net->layers[0].out_c, 24);
    net_destroy(net);
    net = zoo_net("resnet20", "residual_bits", "12", &binary);
    assert_int_equal(layer_named(net, "layer1.0.add")->in_bits[1], 12);
    net_destroy(net);
    // The authors' CIFAR code still pools: the average of the stream, a batch-norm, a comparator.
    net = zoo_net("resnet20", "head", "avgpool", &binary);
    const struct layer *pool = layer_named(net, "avgpool");
    assert_int_equal(pool->in_bits[0], 8);
    assert_int_equal(pool->act, ACT_THRESHOLD);
    assert_int_equal(pool->out_bits, 1);
    assert_int_equal(layer_named(net, "layer3.2.add")->act, ACT_NONE);
    net_destroy(net);
}

static void test_consumer(void **state)
{
    (void)state;
    struct net *net = zoo_form("resnet20", FORM_BINARY);
    assert_int_equal(net_consumer(net, 0), 1);
    assert_string_equal(net->layers[net_consumer(net, 1)].name, "layer1.0.conv1");
    assert_int_equal(net_consumer(net, (int)net->n - 1), -1);
    net_destroy(net);
    net = zoo_form("resnet18", FORM_INT8); // layer1.1.add goes to a conv and to the downsampling
    for (size_t i = 0; i < net->n; i++)
        if (strcmp(net->layers[i].name, "layer1.1.add") == 0)
            assert_int_equal(net_consumer(net, (int)i), -1);
    net_destroy(net);
}

static void test_hash_tells_nets_apart(void **state)
{
    (void)state;
    const struct net_options binary = {.has_form = true, .form = FORM_BINARY};
    const struct net_options wide = {.has_form = true, .form = FORM_BINARY, .width = 2};
    struct net *nets[] = {
        zoo_net("resnet20", NULL, NULL, &binary),
        zoo_net("resnet20", NULL, NULL, &wide),
        zoo_form("resnet20", FORM_INT8),
        zoo_form("resnet20", FORM_INT16),
        zoo_net("resnet20", "shortcut_pad", "both", &binary),
        zoo_net("resnet20", "residual_bits", "9", &binary),
        zoo_net("resnet20", "layers.29.name", "fc", &binary),
    };
    size_t n = sizeof nets / sizeof *nets;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(nets[i]->hash != nets[j]->hash);
    struct net *again = zoo_net("resnet20", "description", "other words", &binary);
    assert_true(again->hash == nets[0]->hash);
    net_destroy(again);
    for (size_t i = 0; i < n; i++)
        net_destroy(nets[i]);
}

// What stands around maps of -1 and +1 changes sums, also where only the encoder makes such maps.
static void test_hash_follows_padding(void **state)
{
    (void)state;
    static const char *const keys[] = {"activations: plus_minus_one", "planes: plus_minus_one",
                                       "activations: plus_minus_one\nplanes: zero_one"};
    static const char *const pads[] = {"zero", "minus_one", "plus_one"};
    uint64_t hashes[9];
    for (int i = 0; i < 9; i++) {
        char text[300];
        snprintf(text, sizeof text,
                 "name: t\ninput: {channels: 1, height: 4, width: 4}\nencoder: sign\n"
                 "%s\npad_value: %s\nlayers: [{name: a, kind: conv, out: 2, kernel: 3, pad: 1}]\n",
                 keys[i / 3], pads[i % 3]);
        struct net *net = text_net(text, &(struct net_options){true, FORM_BINARY, 0, NULL, 0});
        hashes[i] = net->hash;
        for (int j = 0; j < i; j++)
            assert_true(hashes[i] != hashes[j]);
        net_destroy(net);
    }
}

// Every layer comes after its inputs and takes their shapes.
static void test_every_net_in_every_form(void **state)
{
    (void)state;
    static const char *const names[] = {"alexnet",  "lenet5",   "mlp",   "resnet18",
                                        "resnet20", "resnet32", "vgg16", "vgg8"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        for (int form = 0; form < FORM_COUNT; form++) {
            struct net *net = zoo_form(names[k], (enum net_form)form);
            assert_string_equal(net->name, names[k]);
            assert_int_equal(net->layers[net->n - 1].out_c, net->classes);
            for (size_t i = 1; i < net->n; i++) {
                const struct layer *layer = &net->layers[i];
                assert_in_range(layer->input[0], 0, i - 1);
                const struct layer *from = &net->layers[layer->input[0]];
                assert_int_equal((int64_t)layer->in_c * layer->in_h * layer->in_w,
                                 (int64_t)from->out_c * from->out_h * from->out_w);
                assert_true((layer->kind == LAYER_ADD) == (layer->input[1] >= 0));
                assert_true((layer->act == ACT_THRESHOLD) <= (form == FORM_BINARY));
                assert_true((layer->act == ACT_RELU) <= (form != FORM_BINARY));
            }
            assert_int_equal(net->layers[net->n - 1].act, ACT_NONE);
            net_destroy(net);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary_block),
        cmocka_unit_test(test_integer_block),
        cmocka_unit_test(test_float_is_32_bits),
        cmocka_unit_test(test_max_pool_turns_into_stride),
        cmocka_unit_test(test_layers_left_out_hand_on_their_input),
        cmocka_unit_test(test_keys_override_the_form),
        cmocka_unit_test(test_consumer),
        cmocka_unit_test(test_hash_tells_nets_apart),
        cmocka_unit_test(test_hash_follows_padding),
        cmocka_unit_test(test_every_net_in_every_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
