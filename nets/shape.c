// Sizes of all layers, in order, and what they cost. Every shape that cannot be is refused here.
#include "nets/geometry.h"
#include "nets/spec.h"

// One side of a layer's windows, and of the map that they slide over.
struct side {
    const char *name;
    int size, kernel, extent, dilation, stride;
    int before, after; // padding
};

static struct side side_h(const struct layer *l)
{
    return (struct side){"height",      l->in_h,     l->kernel_h, extent_h(l),
                         l->dilation_h, l->stride_h, l->pad_top,  l->pad_bottom};
}

static struct side side_w(const struct layer *l)
{
    return (struct side){"width",       l->in_w,     l->kernel_w, extent_w(l),
                         l->dilation_w, l->stride_w, l->pad_left, l->pad_right};
}

// TensorFlow's "same": enough zeros for ceil(size / stride) outputs, the smaller half before the
// map. `stride` is the layer's own, as its file says it.
static void pad_same(const struct side *side, int stride, int *before, int *after)
{
    int outs = (side->size + stride - 1) / stride;
    int total = (outs - 1) * stride + side->extent - side->size;
    total = total > 0 ? total : 0;
    *before = total / 2;
    *after = total - total / 2;
}

static int own_stride(const struct layer_spec *spec, int index, int kernel)
{
    if (spec->stride.n)
        return spec->stride.v[index < (int)spec->stride.n ? index : 0];
    return spec->kind == SPEC_POOL ? kernel : 1;
}

static void read_pads(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    const struct conf_ints *pad = &b->specs[i]->pad;
    bool same = pad->v[0] == PAD_SAME;
    if (layer->kind == LAYER_POOL && layer->pool == POOL_AVERAGE)
        layer->count_pad = b->specs[i]->has_count_pad ? b->specs[i]->count_pad : !same;
    if (same) {
        struct side h = side_h(layer), w = side_w(layer);
        pad_same(&h, own_stride(b->specs[i], 0, layer->kernel_h), &layer->pad_top,
                 &layer->pad_bottom);
        pad_same(&w, own_stride(b->specs[i], 1, layer->kernel_w), &layer->pad_left,
                 &layer->pad_right);
    }
    if (pad->v[0] < 0)
        return;
    layer->pad_top = pad->v[0];
    layer->pad_left = pad->v[pad->n > 1];
    layer->pad_bottom = pad->v[pad->n == 4 ? 2 : 0];
    layer->pad_right = pad->v[pad->n - 1];
}

// Outputs of a window along one side; a fault is reported at the key that causes it.
static bool slide(const struct build *b, size_t i, const struct side *side, int *out)
{
    int padded = side->size + side->before + side->after;
    if (side->extent > padded)
        return conf_fail(blame(b, i, "kernel"), b->err,
                         "%d%s is more than the %s of the padded map, %d; lower it, or raise pad",
                         side->extent, side->dilation > 1 ? " with its dilation" : "", side->name,
                         padded);
    *out = (padded - side->extent) / side->stride + 1;
    if (*out > MAX_MAP)
        return conf_fail(blame(b, i, "pad"), b->err, "the %s of the output would be %d, above %d",
                         side->name, *out, MAX_MAP);
    return true;
}

// A pool has no value where no tap of its window lies on the map.
static bool reach_map(const struct build *b, size_t i, const struct side *side, int outs)
{
    for (int o = 0; o < outs; o++) {
        struct taps taps =
            taps_inside(o * side->stride - side->before, side->dilation, side->kernel, side->size);
        if (taps.first == taps.end)
            return conf_fail(blame(b, i, "pad"), b->err,
                             "lets window %d along the %s lie in the padding alone; lower it", o,
                             side->name);
    }
    return true;
}

static bool shape_window(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    if (!is_global(b->specs[i]))
        read_pads(b, i);
    const struct side h = side_h(layer), w = side_w(layer);
    if (!slide(b, i, &h, &layer->out_h) || !slide(b, i, &w, &layer->out_w))
        return false;
    double map = (double)layer->in_h * layer->in_w * layer->in_c;
    double padded = (double)padded_h(layer) * padded_w(layer) * layer->in_c;
    if (padded - map > (double)MAX_PADDING)
        return conf_fail(blame(b, i, "pad"), b->err,
                         "the padded map would be %d x %d x %d, more than %d elements of padding; "
                         "lower pad, or dilation where it is 'same'",
                         layer->in_c, padded_h(layer), padded_w(layer), MAX_PADDING);
    return layer->kind != LAYER_POOL ||
           (reach_map(b, i, &h, layer->out_h) && reach_map(b, i, &w, layer->out_w));
}

static bool shape_conv(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    if (layer->groups == GROUPS_DEPTHWISE)
        layer->groups = layer->in_c;
    if (layer->in_c % layer->groups || layer->out_c % layer->groups)
        return conf_fail(blame(b, i, "groups"), b->err,
                         "%d does not divide the %d inputs and %d outputs; choose widths that are "
                         "multiples of it",
                         layer->groups, layer->in_c, layer->out_c);
    int64_t inputs = (int64_t)(layer->in_c / layer->groups) * layer->kernel_h * layer->kernel_w;
    if (inputs > MAX_FEATURES)
        return conf_fail(blame(b, i, "kernel"), b->err,
                         "%d channels x %d x %d are %lld inputs of one output, above the %d that a "
                         "layer can have; make the kernel smaller",
                         layer->in_c / layer->groups, layer->kernel_h, layer->kernel_w,
                         (long long)inputs, MAX_FEATURES);
    return shape_window(b, i);
}

static bool shape_linear(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    int64_t features = (int64_t)layer->in_c * layer->in_h * layer->in_w;
    if (features > MAX_FEATURES)
        return conf_fail(b->nodes[i], b->err,
                         "%d x %d x %d inputs, above the %d that a linear layer can have; pool "
                         "before it",
                         layer->in_c, layer->in_h, layer->in_w, MAX_FEATURES);
    layer->in_c = (int)features;
    layer->in_h = layer->in_w = layer->out_h = layer->out_w = 1;
    const struct net_spec *spec = b->spec;
    if (i + 1 == b->n && spec->classes && layer->out_c != spec->classes)
        return conf_fail(blame(b, i, "out"), b->err, "%d, but the net has %d classes", layer->out_c,
                         spec->classes);
    return true;
}

// Option A: the shortcut's map is subsampled to the sum's, rows and columns each by a step of their
// own, its channels padded or cut.
static bool shape_add(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    const struct layer *shortcut = &b->layers[layer->input[1]];
    layer->out_c = layer->in_c;
    layer->out_h = layer->in_h;
    layer->out_w = layer->in_w;
    if (shortcut->out_h % layer->in_h == 0 && shortcut->out_w % layer->in_w == 0)
        return true;
    return conf_fail(blame(b, i, "shortcut"), b->err,
                     "'%.80s' has a map of %d x %d, which subsampling does not bring to %d x %d; "
                     "give it the same size or a whole multiple",
                     shortcut->name, shortcut->out_h, shortcut->out_w, layer->in_h, layer->in_w);
}

static bool shape_concat(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    int64_t channels = 0;
    for (int k = 0; k < layer->n_inputs; k++) {
        const struct layer *part = &b->layers[layer->input[k]];
        channels += part->out_c;
        if (part->out_h != layer->in_h || part->out_w != layer->in_w)
            return conf_fail(blame(b, i, "from"), b->err,
                             "'%.80s' has a map of %d x %d, '%.80s' one of %d x %d; a concat joins "
                             "the channels of maps of one size",
                             part->name, part->out_h, part->out_w, b->layers[layer->input[0]].name,
                             layer->in_h, layer->in_w);
    }
    if (channels > MAX_CHANNELS)
        return conf_fail(blame(b, i, "from"), b->err,
                         "%lld channels together, above the %d that a map can have",
                         (long long)channels, MAX_CHANNELS);
    layer->in_c = layer->out_c = (int)channels;
    layer->out_h = layer->in_h;
    layer->out_w = layer->in_w;
    return true;
}

// Element by element, or one factor for every channel.
static bool shape_multiply(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    const struct layer *by = &b->layers[layer->input[1]];
    bool same = by->out_h == layer->in_h && by->out_w == layer->in_w;
    layer->out_c = layer->in_c;
    layer->out_h = layer->in_h;
    layer->out_w = layer->in_w;
    if (by->out_c == layer->in_c && (same || by->out_h * by->out_w == 1))
        return true;
    return conf_fail(blame(b, i, "by"), b->err,
                     "'%.80s' has a map of %d x %d x %d, but %d x %d x %d elements want as many "
                     "factors, or one for each channel (%d x 1 x 1)",
                     by->name, by->out_c, by->out_h, by->out_w, layer->in_c, layer->in_h,
                     layer->in_w, layer->in_c);
}

static bool shape_pool(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    layer->out_c = layer->in_c;
    if (is_global(b->specs[i])) {
        layer->kernel_h = layer->in_h;
        layer->kernel_w = layer->in_w;
    }
    return shape_window(b, i);
}

static bool shape_one(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    const struct layer *from = &b->layers[layer->input[0]];
    layer->in_c = from->out_c;
    layer->in_h = from->out_h;
    layer->in_w = from->out_w;
    if (b->same_as[i] >= 0)
        layer->out_c = b->layers[b->same_as[i]].out_c;
    switch (layer->kind) {
    case LAYER_CONV:
        return shape_conv(b, i);
    case LAYER_LINEAR:
        return shape_linear(b, i);
    case LAYER_ADD:
        return shape_add(b, i);
    case LAYER_CONCAT:
        return shape_concat(b, i);
    case LAYER_MULTIPLY:
        return shape_multiply(b, i);
    default:
        return shape_pool(b, i);
    }
}

bool shape_layers(struct build *b)
{
    for (size_t i = 1; i < b->n; i++)
        if (!shape_one(b, i))
            return false;
    return true;
}

static bool multiply(int64_t *total, int64_t factor)
{
    if (factor && *total > INT64_MAX / factor)
        return false;
    *total *= factor;
    return true;
}

static bool count_weights(struct layer *layer)
{
    layer->weights = (int64_t)layer->out_c * (layer->in_c / layer->groups);
    if (!multiply(&layer->weights, (int64_t)layer->kernel_h * layer->kernel_w))
        return false;
    layer->macs = layer->weights;
    if (!multiply(&layer->macs, (int64_t)layer->out_h * layer->out_w))
        return false;
    // Stored beside the weights: batch-norm's two numbers, and a bias.
    layer->params = (2 * layer->bn + layer->bias) * (int64_t)layer->out_c;
    if (layer->params > INT64_MAX - layer->weights)
        return false;
    layer->params += layer->weights;
    return true;
}

// Taps of all windows along one side that lie on the map.
static int64_t covered(const struct side *side, int outs)
{
    int64_t sum = 0;
    for (int o = 0; o < outs; o++) {
        struct taps taps =
            taps_inside(o * side->stride - side->before, side->dilation, side->kernel, side->size);
        sum += taps.end - taps.first;
    }
    return sum;
}

static bool count_one(struct layer *layer)
{
    if (layer_has_weights(layer))
        return count_weights(layer);
    if (layer->kind == LAYER_ADD)
        layer->adds = (int64_t)layer->out_c * layer->out_h * layer->out_w;
    if (layer->kind == LAYER_MULTIPLY)
        layer->products = (int64_t)layer->out_c * layer->out_h * layer->out_w;
    if (layer->kind == LAYER_POOL) {
        const struct side h = side_h(layer), w = side_w(layer);
        layer->pools = layer->out_c;
        if (!multiply(&layer->pools, covered(&h, layer->out_h)) ||
            !multiply(&layer->pools, covered(&w, layer->out_w)))
            return false;
    }
    layer->params = layer->bn ? 2 * (int64_t)layer->out_c : 0;
    return true;
}

bool count_layers(struct build *b)
{
    // Totals are as safe as the layers: their sum must fit too.
    int64_t room = INT64_MAX;
    for (size_t i = 1; i < b->n; i++) {
        struct layer *layer = &b->layers[i];
        bool ok = count_one(layer);
        int64_t most = layer->macs > layer->params ? layer->macs : layer->params;
        most = most > layer->pools ? most : layer->pools;
        if (!ok || most > room)
            return conf_fail(b->nodes[i], b->err,
                             "the net's operations no longer fit in 64 bits; make maps, kernels or "
                             "widths smaller");
        room -= most;
    }
    return true;
}
