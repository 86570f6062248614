// Any bytes as weights of a small net: a message, or weights that survive being written and read.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

// Few values, so that a small input can be a whole file.
static const char yaml[] = "name: fuzz\n"
                           "input: {channels: 1, height: 2, width: 2}\n"
                           "encoder: raw\n"
                           "layers:\n"
                           "  - {name: layer1.0.conv1, kind: conv, out: 1, kernel: 1}\n"
                           "  - {name: layer1.0.conv2, kind: conv, out: 1, kernel: 1}\n"
                           "  - {name: layer1.0.add, kind: add, shortcut: layer1.0.conv1}\n"
                           "  - {name: avgpool, kind: head}\n"
                           "  - {name: fc, kind: linear, out: 2}\n";

static struct net *make_net(enum net_form form)
{
    struct err err = {0};
    struct net *net = NULL;
    struct net_options options = {.has_form = true, .form = form};
    struct conf *conf = conf_parse("fuzz.yaml", yaml, sizeof yaml - 1, &err);
    if (!conf || !net_load(conf, &options, &net, &err))
        abort();
    conf_close(conf);
    return net;
}

static void check_again(const struct net *net, const struct weights *weights)
{
    struct err err = {0};
    struct weights *again = NULL;
    char *bytes = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&bytes, &n);
    if (!out || !weights_write(out, "fuzz", net, weights, &err) || fclose(out) != 0 ||
        !weights_parse("fuzz", bytes, n, net, &again, &err) ||
        weights_hash(net, weights) != weights_hash(net, again))
        abort();
    weights_destroy(again);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    for (int form = 0; form < FORM_COUNT; form++) {
        struct err err = {0};
        struct weights *weights = NULL;
        struct net *net = make_net((enum net_form)form);
        if (weights_parse("fuzz.safetensors", data, n, net, &weights, &err))
            check_again(net, weights);
        else if (!err.text[0])
            abort(); // refused without a word
        weights_destroy(weights);
        net_destroy(net);
    }
    return 0;
}
