// What PyTorch calls the tensors of a net.
#include "nets/tensor_names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/safetensors.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"

enum { PARTS = 7 };

static const char *const part_names[PARTS] = {
    [PART_WEIGHT] = "weight",   [PART_SCALE] = "weight_scale", [PART_BIAS] = "bias",
    [PART_GAMMA] = "weight",    [PART_BETA] = "bias",          [PART_MEAN] = "running_mean",
    [PART_VAR] = "running_var",
};

// Where the last component of a dotted name begins.
static const char *last_component(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

// PyTorch's shortcut is a sequence: a convolution and its batch-norm.
static bool is_downsample(const char *name)
{
    return strcmp(last_component(name), "downsample") == 0;
}

static const char *weights_name(struct arena *mem, const char *layer)
{
    return is_downsample(layer) ? arena_printf(mem, "%s.0", layer) : layer;
}

// conv1 -> bn1, downsample -> downsample.1, others -> NAME.bn.
static const char *bn_name(const struct layer *layer, struct arena *mem)
{
    const char *name = layer->name, *last = last_component(name);
    if (is_downsample(name))
        return arena_printf(mem, "%s.1", name);
    if (layer->kind == LAYER_CONV && strncmp(last, "conv", 4) == 0)
        return arena_printf(mem, "%.*sbn%s", (int)(last - name), name, last + 4);
    return arena_printf(mem, "%s.bn", name);
}

// The length of a prefix "layer2.0."; 0: none.
static size_t block_prefix(const char *name)
{
    static const char digits[] = "0123456789";
    if (strncmp(name, "layer", 5) != 0)
        return 0;
    size_t stage = strspn(name + 5, digits);
    if (!stage || name[5 + stage] != '.')
        return 0;
    size_t at = 5 + stage + 1, block = strspn(name + at, digits);
    return block && name[at + block] == '.' ? at + block + 1 : 0;
}

struct maker {
    const struct net *net;
    struct arena *mem;
    struct tensor_names *slots;
    int blocks; // so far
    const char *last_block;
};

static void add_slot(struct maker *m, size_t layer, const char *name, enum weight_part part)
{
    const struct layer *l = &m->net->layers[layer];
    struct tensor_name *slot = &m->slots->items[m->slots->n++];
    *slot = (struct tensor_name){
        .name = arena_printf(m->mem, "%s.%s", name, part_names[part]),
        .layer = layer,
        .part = part,
        .optional = part == PART_SCALE,
        .rank = 1,
        .shape = {l->out_c, 1, 1, 1},
        .count = l->out_c,
        .block = -1,
        .block_length = block_prefix(name),
    };
    if (part == PART_WEIGHT) {
        slot->rank = l->kind == LAYER_CONV && !l->tokens ? 4 : 2;
        slot->shape[1] = l->in_c / l->groups;
        slot->shape[2] = l->kernel_h;
        slot->shape[3] = l->kernel_w;
        slot->count = l->weights;
    }
    if (!slot->block_length)
        return;
    if (!m->last_block || strncmp(m->last_block, name, slot->block_length) != 0)
        m->blocks++;
    m->last_block = slot->name;
    slot->block = m->blocks - 1;
}

static void add_layer(struct maker *m, size_t i)
{
    const struct layer *layer = &m->net->layers[i];
    if (layer_has_weights(layer)) {
        const char *name = weights_name(m->mem, layer->name);
        add_slot(m, i, name, PART_WEIGHT);
        if (layer->weight_bits == 1 && m->net->form == FORM_BINARY)
            add_slot(m, i, name, PART_SCALE);
        if (layer->bias)
            add_slot(m, i, name, PART_BIAS);
    }
    if (!layer->bn)
        return;
    // What stands behind an add in the binary form was the batch-norm of the convolution before it.
    size_t owner = layer->kind == LAYER_ADD ? (size_t)layer->input[0] : i;
    const char *name = bn_name(&m->net->layers[owner], m->mem);
    for (int part = PART_GAMMA; part <= PART_VAR; part++)
        add_slot(m, owner, name, (enum weight_part)part);
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static bool check_names(const struct maker *m, struct err *err)
{
    const char **names = arena_alloc(m->mem, m->slots->n, sizeof *names);
    for (size_t i = 0; i < m->slots->n; i++) {
        names[i] = m->slots->items[i].name;
        if (!safetensors_name(names[i]))
            return err_set(err,
                           "net %.80s: '%.100s' is no name for a tensor; give the layer one of at "
                           "most %d bytes, without control characters",
                           m->net->name, names[i], STORED_NAME - 16);
    }
    if (m->slots->n)
        qsort(names, m->slots->n, sizeof *names, by_name);
    for (size_t i = 1; i < m->slots->n; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return err_set(err,
                           "net %.80s: two of its tensors would be called '%.200s'; rename one of "
                           "the layers",
                           m->net->name, names[i]);
    return true;
}

bool tensor_names_create(const struct net *net, struct arena *mem, struct tensor_names *slots,
                         struct err *err)
{
    struct maker m = {.net = net, .mem = mem, .slots = slots};
    slots->n = 0;
    slots->items = arena_alloc(mem, net->n * PARTS, sizeof *slots->items);
    slots->first = arena_alloc(mem, net->n, sizeof *slots->first);
    for (size_t i = 1; i < net->n; i++) {
        slots->first[i] = slots->n;
        add_layer(&m, i);
    }
    return check_names(&m, err);
}

// Behind those that there are, each with the other words for a scale in place of its last.
static int scale_aliases(const struct tensor_name *slot, struct arena *mem, int n,
                         const char *aliases[TENSOR_ALIASES])
{
    static const char *const words[] = {"scale", "alpha"}; // XNOR-Net's is alpha
    for (int i = n; i >= 0; i--) {
        const char *name = i < n ? aliases[i] : slot->name, *last = last_component(name);
        for (int k = 0; k < 2 && n < TENSOR_ALIASES; k++)
            aliases[n++] = arena_printf(mem, "%.*s%s", (int)(last - name), name, words[k]);
    }
    return n;
}

static int layer_aliases(const struct net *net, const struct tensor_name *slot, struct arena *mem,
                         const char *aliases[TENSOR_ALIASES])
{
    static const char *const classifiers[] = {"linear", "fc", "classifier"};
    const struct layer *layer = &net->layers[slot->layer];
    int n = 0;
    if (slot->block >= 0)
        aliases[n++] =
            arena_printf(mem, "layers.%d.%s", slot->block, slot->name + slot->block_length);
    if (slot->layer + 1 != net->n || layer->kind != LAYER_LINEAR)
        return n;
    bool known = false;
    for (int i = 0; i < 3; i++)
        known |= strcmp(layer->name, classifiers[i]) == 0;
    for (int i = 0; i < 3 && known; i++)
        if (strcmp(layer->name, classifiers[i]) != 0)
            aliases[n++] =
                arena_printf(mem, "%s%s", classifiers[i], slot->name + strlen(layer->name));
    return n;
}

int tensor_name_aliases(const struct net *net, const struct tensor_name *slot, struct arena *mem,
                        const char *aliases[TENSOR_ALIASES])
{
    int n = layer_aliases(net, slot, mem, aliases);
    return slot->part == PART_SCALE ? scale_aliases(slot, mem, n, aliases) : n;
}

float **tensor_name_place(struct layer_weights *layer, enum weight_part part)
{
    switch (part) {
    case PART_WEIGHT:
        return &layer->w;
    case PART_SCALE:
        return &layer->scale;
    case PART_BIAS:
        return &layer->bias;
    case PART_GAMMA:
        return &layer->gamma;
    case PART_BETA:
        return &layer->beta;
    case PART_MEAN:
        return &layer->mean;
    case PART_VAR:
        break;
    }
    return &layer->var;
}

const float *tensor_name_values(const struct layer_weights *layer, enum weight_part part)
{
    struct layer_weights copy = *layer;
    return *tensor_name_place(&copy, part);
}

bool tensor_name_check(const struct tensor_name *slot, const float *values, const char *path,
                       struct err *err)
{
    for (int64_t i = 0; i < slot->count; i++) {
        if (!isfinite(values[i]))
            return err_set(err,
                           "%s: %s: value %lld is %g, no finite 32-bit float; train again with a "
                           "lower learning rate, or mend the file",
                           path, slot->name, (long long)i, (double)values[i]);
        if (slot->part == PART_VAR && values[i] < 0)
            return err_set(err,
                           "%s: %s: value %lld is %g, but no variance is negative; mend the "
                           "file",
                           path, slot->name, (long long)i, (double)values[i]);
    }
    return true;
}
