// Why a file does not fit a net, as a remedy: widths, encoder, classifier.
#include "nets/tensor_names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/safetensors.h"
#include "base/mem.h"

enum { WIDTHS_ROOM = 200 };

// The weights that the file has for a layer, if they are such of its kind; NULL otherwise.
static const struct stored_tensor *weights_of(const struct match *m, size_t layer)
{
    size_t i = m->slots.first[layer];
    if (i >= m->slots.n)
        return NULL;
    const struct tensor_name *slot = &m->slots.items[i];
    bool mine = slot->layer == layer && slot->part == PART_WEIGHT;
    return mine && m->found[i] && m->found[i]->rank == slot->rank ? m->found[i] : NULL;
}

// The output channels that the file has for a layer; 0: it has none.
static int64_t channels_of(const struct match *m, size_t layer)
{
    const struct stored_tensor *tensor = weights_of(m, layer);
    return tensor ? tensor->shape[0] : 0;
}

// Whether the file has every layer whose width can be chosen, and one of them at another width.
static bool other_widths(const struct match *m)
{
    bool other = false;
    for (size_t i = 1; i < m->net->n; i++) {
        const struct layer *layer = &m->net->layers[i];
        if (!layer->scalable)
            continue;
        int64_t channels = channels_of(m, i);
        if (channels < 1)
            return false;
        other |= channels != layer->out_c;
    }
    return other;
}

// The ratio that brings the net's own widths to the file's; 0: none does, or they are not known.
static double uniform_width(const struct match *m)
{
    char *end;
    double now = strtod(m->net->width, &end), ratio = 0, widest = 0;
    if (strcmp(end, "x") != 0 || !(now > 0))
        return 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 1; i < m->net->n; i++) {
            if (!m->net->layers[i].scalable)
                continue;
            double base = round(m->net->layers[i].out_c / now);
            double out = (double)channels_of(m, i);
            if (pass == 0 && base > widest) {
                widest = base;
                ratio = out / base;
            } else if (pass == 1 && fmax(round(base * ratio), 1) != out) {
                return 0;
            }
        }
    return ratio;
}

static const char *width_advice(const struct match *m)
{
    char text[WIDTHS_ROOM];
    size_t used = 0;
    if (!other_widths(m))
        return "";
    double ratio = uniform_width(m);
    if (ratio > 0)
        return arena_printf(m->mem, "; the file fits --width %gx", ratio);
    for (size_t i = 1; i < m->net->n; i++) {
        if (!m->net->layers[i].scalable)
            continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", used ? "," : "",
                                 (long long)channels_of(m, i));
        if (used >= sizeof text)
            return "; the file has other widths, give them with --widths";
    }
    return arena_printf(m->mem, "; the file fits --widths %s", text);
}

// The first layer reads the planes that the encoder makes of an image.
static const char *encoder_advice(const struct match *m)
{
    const struct net *net = m->net;
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *layer = &net->layers[i];
        const struct stored_tensor *tensor = layer->input[0] == 0 ? weights_of(m, i) : NULL;
        if (!tensor || tensor->shape[1] == layer->in_c / layer->groups)
            continue;
        // Inputs that one channel of the image has as it comes, raw.
        int64_t raw = layer->kind == LAYER_LINEAR ? (int64_t)net->raw_h * net->raw_w : 1;
        raw *= net->raw_c;
        int64_t planes = tensor->shape[1] * layer->groups;
        if (net->encoder != ENCODER_RAW && planes == raw)
            return net->form == FORM_BINARY
                       ? "; the file reads raw images, as --form int8 and float do, or one plane "
                         "per channel (encoder: sign or raw)"
                       : "; the file reads raw images, as --form int8 and float do";
        if (net->encoder == ENCODER_RAW && planes > raw && planes % raw == 0)
            return arena_printf(m->mem,
                                "; the file reads %lld planes per channel of an image, as --form "
                                "binary does",
                                (long long)(planes / raw));
    }
    return "";
}

// The channels that the file has where the layer's output comes from.
static int64_t channels_at(const struct match *m, int layer)
{
    while (layer > 0 && m->net->layers[layer].kind != LAYER_CONV)
        layer = m->net->layers[layer].input[0];
    return layer > 0 ? channels_of(m, (size_t)layer) : 0;
}

static const char *head_advice(const struct match *m)
{
    const struct net *net = m->net;
    const struct layer *last = &net->layers[net->n - 1];
    const struct stored_tensor *tensor = weights_of(m, net->n - 1);
    if (last->kind != LAYER_LINEAR || !tensor)
        return "";
    if (tensor->shape[0] != last->out_c)
        return arena_printf(m->mem, "; the file has %lld classes, the net %d",
                            (long long)tensor->shape[0], last->out_c);
    const struct layer *before = &net->layers[last->input[0]];
    bool averages = before->kind == LAYER_POOL && before->pool == POOL_AVERAGE;
    int h = averages ? before->in_h : before->out_h, w = averages ? before->in_w : before->out_w;
    int64_t channels = channels_at(m, last->input[0]), inputs = tensor->shape[1];
    if (!channels || h * w == 1)
        return "";
    if (averages && inputs == channels * h * w)
        return arena_printf(m->mem,
                            "; the file's classifier reads a flattened map of %lld x %d x %d, as "
                            "--form binary does (head: flatten)",
                            (long long)channels, h, w);
    if (!averages && inputs == channels)
        return arena_printf(m->mem,
                            "; the file's classifier reads averages of %lld channels, as --form "
                            "int8 and float do (head: avgpool)",
                            (long long)channels);
    return "";
}

const char *match_advice(const struct match *m)
{
    const char *advice =
        arena_printf(m->mem, "%s%s%s", width_advice(m), encoder_advice(m), head_advice(m));
    return *advice ? advice : "; choose the net, form and width that the file was made for";
}
