// Any bytes as a net, in all forms: a message, or a net that holds together.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool holds)
{
    if (!holds)
        abort();
}

// Layers read from layers before them, and take in as much as these put out.
static void check_layer(const struct net *net, size_t i)
{
    const struct layer *layer = &net->layers[i];
    const struct layer *from = &net->layers[layer->input[0]];
    int64_t put_out = (int64_t)from->out_c * from->out_h * from->out_w;
    require(layer->input[0] >= 0 && (size_t)layer->input[0] < i);
    require((int64_t)layer->in_c * layer->in_h * layer->in_w == put_out);
    require(layer->out_c > 0 && layer->out_h > 0 && layer->out_w > 0);
    require(layer->macs >= 0 && layer->params >= 0 && layer->weights >= 0);
    if (layer->kind == LAYER_ADD)
        require(layer->input[1] >= 0 && (size_t)layer->input[1] < i);
}

static void load(const struct conf *conf, const struct net_options *options)
{
    struct net *net = NULL;
    struct err err = {0};
    if (!net_load(conf, options, &net, &err)) {
        require(err.text[0]); // refused without a word
        return;
    }
    for (size_t i = 1; i < net->n; i++)
        check_layer(net, i);
    struct net_ops ops = net_ops(net);
    require(ops.binary_ops + ops.integer_ops + ops.float_ops == ops.macs);
    net_destroy(net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const int widths[] = {3, 5, 7};
    struct err err = {0};
    struct conf *conf = conf_parse("fuzz", (const char *)data, n, &err);
    if (!conf)
        return 0;
    for (int form = 0; form < FORM_COUNT; form++)
        load(conf, &(struct net_options){.has_form = true, .form = (enum net_form)form});
    load(conf, &(struct net_options){.width = 2.5});
    load(conf, &(struct net_options){.widths = widths, .n_widths = 3});
    conf_close(conf);
    return 0;
}
