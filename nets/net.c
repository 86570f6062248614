#include "nets/net.h"

#include <string.h>

#include "nets/spec.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

const char *const net_normalise_names[] = {"unit", "imagenet", "mnist", NULL};
const char *const layer_kind_names[] = {"input", "conv",   "linear",   "pool",
                                        "add",   "concat", "multiply", NULL};
const char *const weight_scale_names[] = {"channel", "layer", NULL};
const char *const net_encoder_names[] = {"thermometer", "bit_planes", "raw", "sign", NULL};
const char *const net_activations_names[] = {"zero_one", "plus_minus_one", NULL};
const char *const net_pad_value_names[] = {"zero", "minus_one", "plus_one", NULL};

const char *layer_kind_name(const struct layer *layer)
{
    return layer_kind_names[layer->tokens ? LAYER_LINEAR : layer->kind];
}

bool net_check_classes(const struct net *net, struct err *err)
{
    const struct layer *last = &net->layers[net->n - 1];
    if (last->out_h * last->out_w == 1 && last->out_c == net->classes)
        return true;
    return err_set(err,
                   "net '%s': its last layer '%s' leaves %d x %d x %d values, not one for each of "
                   "the %d classes; end with a linear layer or a head",
                   net->name, last->name, last->out_c, last->out_h, last->out_w, net->classes);
}

void net_destroy(struct net *net)
{
    if (net)
        arena_destroy(net->mem); // the net itself lies there
}

const char *net_weight_scale(const struct net *net)
{
    if (net->form == FORM_FLOAT)
        return NULL;
    return weight_scale_names[net->form == FORM_BINARY ? WEIGHT_SCALE_LAYER : net->weight_scale];
}

bool net_reads_bipolar(const struct net *net, int layer)
{
    const struct layer *l = &net->layers[layer];
    return layer_has_weights(l) && net->layers[l->input[0]].bipolar;
}

static bool reads(const struct layer *layer, int edge, int from)
{
    return edge < layer->n_inputs && layer->input[edge] == from;
}

int net_consumer(const struct net *net, int layer)
{
    int consumer = -1;
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        int edges = l->kind == LAYER_CONCAT ? l->n_inputs : 1;
        for (int edge = 0; edge < edges; edge++) {
            if (!reads(l, edge, layer))
                continue;
            if (consumer >= 0)
                return -1;
            consumer = (int)i;
        }
    }
    return consumer;
}

struct net_ops net_ops(const struct net *net)
{
    struct net_ops ops = {0};
    for (size_t i = 0; i < net->n; i++) {
        const struct layer *layer = &net->layers[i];
        ops.macs += layer->macs;
        if (net->form == FORM_FLOAT)
            ops.float_ops += layer->macs;
        else if (layer->weight_bits == 1 && layer->in_bits[0] == 1)
            ops.binary_ops += layer->macs;
        else
            ops.integer_ops += layer->macs;
        ops.params += layer->params;
        ops.weights += layer->weights;
        ops.residual_adds += layer->adds;
        ops.element_products += layer->products;
        ops.pool_elements += layer->pools;
        if (layer->act == ACT_THRESHOLD)
            ops.thresholds += (int64_t)layer->out_c * layer->out_h * layer->out_w;
    }
    return ops;
}

int net_fused_add(const struct net *net, int layer)
{
    const struct layer *l = &net->layers[layer];
    if (!layer_has_weights(l) || l->act != ACT_NONE)
        return -1;
    int next = net_consumer(net, layer);
    if (next < 0 || net->layers[next].kind != LAYER_ADD)
        return -1;
    for (size_t i = 1; i < net->n; i++)
        for (int edge = 1; edge < net->layers[i].n_inputs; edge++)
            if (reads(&net->layers[i], edge, layer))
                return -1;
    return next;
}

static int resolve(const struct net *net, int layer, int first, struct net_part *parts, int n)
{
    const struct layer *l = &net->layers[layer];
    if (l->kind != LAYER_CONCAT) {
        if (parts)
            parts[n] = (struct net_part){layer, first};
        return n + 1;
    }
    for (int k = 0; k < l->n_inputs; k++) {
        n = resolve(net, l->input[k], first, parts, n);
        first += net->layers[l->input[k]].out_c;
    }
    return n;
}

int net_parts(const struct net *net, int layer, struct net_part *parts)
{
    return resolve(net, layer, 0, parts, 0);
}

// Eight bytes, the lowest first, so that every machine gets the same hash.
static uint64_t hash_int(uint64_t hash, int64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)value >> 8 * i);
    return hash_bytes(hash, bytes, sizeof bytes);
}

// One stride, one pad, no dilation, and padding that an average counts.
static bool plain_windows(const struct layer *l)
{
    return l->stride_w == l->stride_h && l->pad_left == l->pad_top && l->pad_bottom == l->pad_top &&
           l->pad_right == l->pad_top && l->dilation_h == 1 && l->dilation_w == 1 &&
           (l->count_pad || l->kind != LAYER_POOL || l->pool != POOL_AVERAGE || !l->pad_top);
}

static uint64_t hash_layer(uint64_t hash, const struct layer *l)
{
    const int64_t numbers[] = {
        l->kind,       l->input[0],   l->input[1], l->in_c,        l->in_h,     l->in_w,
        l->out_c,      l->out_h,      l->out_w,    l->kernel_h,    l->kernel_w, l->stride_h,
        l->pad_top,    l->groups,     l->pool,     l->bn,          l->act,      l->scalable,
        l->in_bits[0], l->in_bits[1], l->out_bits, l->weight_bits, l->params,
    };
    const int64_t geometry[] = {
        l->stride_w,   l->pad_left,   l->pad_bottom, l->pad_right,
        l->dilation_h, l->dilation_w, l->count_pad,
    };
    hash = hash_bytes(hash, l->name, strlen(l->name) + 1);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        hash = hash_int(hash, numbers[i]);
    // Plain windows keep the hash that they had before there were others.
    for (size_t i = 0; !plain_windows(l) && i < sizeof geometry / sizeof *geometry; i++)
        hash = hash_int(hash, geometry[i]);
    if (l->bipolar)
        hash = hash_int(hash, l->bipolar);
    // Hashed only where set, so that hashes of older nets stay valid.
    for (int edge = 2; edge < l->n_inputs; edge++)
        hash = hash_int(hash, l->input[edge]);
    if (l->tokens)
        hash = hash_int(hash, -2);
    return hash;
}

uint64_t net_hash(const struct net *net)
{
    const int64_t numbers[] = {
        net->form,          net->classes,   net->raw_c,      net->raw_h,    net->raw_w,
        net->raw_bits,      net->encoder,   net->levels,     net->pad_both, net->residual_bits,
        net->residual_frac, net->normalise, (int64_t)net->n,
    };
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        hash = hash_int(hash, numbers[i]);
    // Hashed only where it is not the default, so that older hashes stay valid.
    if (net->weight_scale != WEIGHT_SCALE_CHANNEL && net->form != FORM_FLOAT)
        hash = hash_int(hash, net->weight_scale);
    bool signs = net->activations != ACTIVATIONS_ZERO_ONE || net->pad_value != PAD_VALUE_ZERO;
    if (net->form == FORM_BINARY && signs) {
        hash = hash_int(hash, net->activations);
        hash = hash_int(hash, net->pad_value);
    }
    for (size_t i = 0; i < net->n; i++)
        hash = hash_layer(hash, &net->layers[i]);
    return hash;
}
