// Which layers the net has in its form, and what each reads. A layer that the form leaves out hands
// on its input: who names it reads what it would have read.
#include "nets/spec.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

struct linker {
    struct build *b;
    const struct layer_spec *specs;
    const struct conf_node *const *nodes;
    size_t n;
    int *output;    // layer whose output each spec hands on
    bool *here;     // the form has it
    int *pooled_by; // of each layer: the max-pool spec that became its stride; -1
    int previous;   // layer that the next one reads if it says nothing
};

static const struct conf_node *at_key(const struct conf_node *node, const char *key)
{
    const struct conf_node *at = conf_find(node, key);
    return at ? at : node;
}

const struct conf_node *blame(const struct build *b, size_t layer, const char *key)
{
    return at_key(b->nodes[layer], key);
}

// The spec above `i` that bears the name, one that the form has if there is a choice; -1: none.
static int find_above(const struct linker *l, size_t i, const char *name)
{
    int found = -1;
    for (size_t j = 0; j < i; j++)
        if (strcmp(l->specs[j].name, name) == 0 && (found < 0 || l->here[j]))
            found = (int)j;
    return found;
}

static bool unknown_name(const struct linker *l, size_t i, const char *key, const char *name)
{
    const struct conf_node *at = at_key(l->nodes[i], key);
    for (size_t j = i; j < l->n; j++)
        if (strcmp(l->specs[j].name, name) == 0)
            return conf_fail(at, l->b->err, "'%.80s' is %s; only layers above can be named", name,
                             j == i ? "the layer itself" : "further down: move it up");
    return conf_fail(at, l->b->err,
                     "there is no layer '%.80s' above; the last one above is '%.80s'", name,
                     i ? l->specs[i - 1].name : "input");
}

// The layer whose output the name stands for.
static bool resolve(const struct linker *l, size_t i, const char *key, const char *name, int *layer)
{
    if (strcmp(name, l->b->layers[0].name) == 0) {
        *layer = 0;
        return true;
    }
    int j = find_above(l, i, name);
    if (j < 0)
        return unknown_name(l, i, key, name);
    *layer = l->output[j];
    int pool = l->pooled_by[*layer];
    if (pool > j)
        return conf_fail(at_key(l->nodes[i], key), l->b->err,
                         "'%.80s' before its pool does not exist: '%.80s' became its stride; "
                         "read the pool, or say max_pool: keep",
                         name, l->specs[pool].name);
    return true;
}

static bool check_keys(const struct linker *l, size_t i)
{
    enum { MAX_KEYS = 12 };
    static const char *const known[][MAX_KEYS] = {
        [SPEC_CONV] = {"out", "same_as", "kernel", "stride", "pad", "dilation", "groups", "scale",
                       "bn", "bias", "relu"},
        [SPEC_LINEAR] = {"out", "same_as", "tokens", "scale", "bn", "bias", "relu"},
        [SPEC_POOL] = {"kernel", "stride", "pad", "dilation", "pool", "count_pad"},
        [SPEC_ADD] = {"shortcut", "relu"},
        [SPEC_HEAD] = {NULL},
        [SPEC_CONCAT] = {NULL},
        [SPEC_MULTIPLY] = {"by", "relu"},
    };
    static const char *const common[] = {"name", "kind", "from", "forms"};
    const struct conf_node *node = l->nodes[i];
    const char *const *keys = known[l->specs[i].kind];
    for (size_t k = 0; k < node->n; k++) {
        const char *key = node->children[k]->key;
        bool found = false;
        for (size_t j = 0; j < sizeof common / sizeof *common && !found; j++)
            found = strcmp(key, common[j]) == 0;
        for (size_t j = 0; j < MAX_KEYS && keys[j] && !found; j++)
            found = strcmp(key, keys[j]) == 0;
        if (!found)
            return conf_fail(node->children[k], l->b->err,
                             "a layer of this kind (%s) has no such key; take it out",
                             spec_kind_names[l->specs[i].kind]);
    }
    return true;
}

static bool check_name(const struct linker *l, size_t i)
{
    const char *name = l->specs[i].name;
    const struct conf_node *at = at_key(l->nodes[i], "name");
    if (strcmp(name, l->b->layers[0].name) == 0)
        return conf_fail(at, l->b->err, "'%s' is the image's own name; choose another", name);
    int other = find_above(l, i, name);
    if (other >= 0 && l->here[other] && l->here[i])
        return conf_fail(at, l->b->err, "'%.80s' is there twice in the %s form; names are unique",
                         name, net_form_names[l->b->rules.form]);
    return true;
}

// One number for both sides, or [height, width]; `*h` and `*w` stay where the key is missing.
static bool read_sides(const struct linker *l, size_t i, const char *key,
                       const struct conf_ints *from, int *h, int *w)
{
    if (from->n > 2 || (!from->n && conf_find(l->nodes[i], key)))
        return conf_fail(at_key(l->nodes[i], key), l->b->err,
                         "has %s; write one number, or [height, width]",
                         from->n ? "more than two numbers" : "no number");
    if (from->n) {
        *h = from->v[0];
        *w = from->v[from->n - 1];
    }
    return true;
}

static bool check_pad(const struct linker *l, size_t i)
{
    size_t n = l->specs[i].pad.n;
    if (n == 1 || n == 2 || n == 4)
        return true;
    return conf_fail(at_key(l->nodes[i], "pad"), l->b->err,
                     "has %zu numbers; write same, valid, one number, [height, width] or [top, "
                     "left, bottom, right]",
                     n);
}

static bool check_count_pad(const struct linker *l, size_t i)
{
    if (!l->specs[i].has_count_pad || l->specs[i].pool == POOL_AVERAGE)
        return true;
    return conf_fail(at_key(l->nodes[i], "count_pad"), l->b->err,
                     "a max pool never counts its padding; take it out, or say pool: average");
}

bool is_global(const struct layer_spec *spec)
{
    return spec->kind == SPEC_HEAD ||
           (spec->kind == SPEC_POOL && spec->kernel.n == 1 && spec->kernel.v[0] == KERNEL_GLOBAL);
}

// The window is the map: nothing else can be chosen.
static bool check_global(const struct linker *l, size_t i)
{
    static const char *const keys[] = {"stride", "pad", "dilation", "count_pad"};
    for (int k = 0; k < 4; k++)
        if (conf_find(l->nodes[i], keys[k]))
            return conf_fail(at_key(l->nodes[i], keys[k]), l->b->err,
                             "a pool with kernel: global has one window, the map itself; take the "
                             "key out");
    return true;
}

// Kernel, stride and dilation; shape.c adds the padding, which may depend on the map.
static bool read_kernel(const struct linker *l, size_t i, struct layer *layer)
{
    const struct layer_spec *spec = &l->specs[i];
    if (!conf_find(l->nodes[i], "kernel"))
        return conf_fail(l->nodes[i], l->b->err,
                         "kernel is missing; write one number, or [height, width]");
    if (is_global(spec))
        return check_global(l, i);
    if (spec->kernel.n == 1 && spec->kernel.v[0] == KERNEL_GLOBAL)
        return conf_fail(at_key(l->nodes[i], "kernel"), l->b->err,
                         "'global' is the window of a pool; write one number, or [height, width]");
    if (!read_sides(l, i, "kernel", &spec->kernel, &layer->kernel_h, &layer->kernel_w))
        return false;
    layer->stride_h = spec->kind == SPEC_POOL ? layer->kernel_h : 1;
    layer->stride_w = spec->kind == SPEC_POOL ? layer->kernel_w : 1;
    layer->dilation_h = layer->dilation_w = 1;
    return read_sides(l, i, "stride", &spec->stride, &layer->stride_h, &layer->stride_w) &&
           read_sides(l, i, "dilation", &spec->dilation, &layer->dilation_h, &layer->dilation_w) &&
           check_pad(l, i) && check_count_pad(l, i);
}

// What the layer reads: `from`, the parts of a concat, and the second input of those that have one.
static bool read_inputs(const struct linker *l, size_t i, int from, struct layer *layer)
{
    const struct layer_spec *spec = &l->specs[i];
    struct build *b = l->b;
    size_t parts = spec->kind == SPEC_CONCAT ? spec->from.n : 1;
    int *input = arena_alloc(b->mem, parts < 2 ? 2 : parts, sizeof *input);
    input[0] = from;
    input[1] = -1;
    layer->input = input;
    layer->n_inputs = (int)parts;
    for (size_t k = 1; k < parts; k++)
        if (!resolve(l, i, "from", spec->from.v[k], &input[k]))
            return false;
    if (spec->kind != SPEC_ADD && spec->kind != SPEC_MULTIPLY)
        return true;
    bool add = spec->kind == SPEC_ADD;
    const char *other = add ? spec->shortcut : spec->by;
    layer->n_inputs = 2;
    if (!other)
        return conf_fail(l->nodes[i], b->err, "%s is missing: name the layer whose output %s",
                         add ? "shortcut" : "by", add ? "is added" : "holds the other factors");
    return resolve(l, i, add ? "shortcut" : "by", other, &input[1]);
}

static bool append(struct linker *l, size_t i, int from)
{
    static const enum layer_kind kinds[] = {LAYER_CONV, LAYER_LINEAR, LAYER_POOL,    LAYER_ADD,
                                            LAYER_POOL, LAYER_CONCAT, LAYER_MULTIPLY};
    struct build *b = l->b;
    const struct layer_spec *spec = &l->specs[i];
    struct layer *layer = &b->layers[b->n];
    *layer = (struct layer){
        .name = arena_strdup(b->mem, spec->name),
        .kind = spec->tokens ? LAYER_CONV : kinds[spec->kind],
        .tokens = spec->tokens,
        .kernel_h = 1,
        .kernel_w = 1,
        .stride_h = 1,
        .stride_w = 1,
        .dilation_h = 1,
        .dilation_w = 1,
        .groups = spec->kind == SPEC_CONV ? spec->groups : 1,
        .count_pad = true,
        .pool = spec->kind == SPEC_HEAD ? POOL_AVERAGE : (enum pool_kind)spec->pool,
    };
    if ((spec->kind == SPEC_CONV || spec->kind == SPEC_POOL) && !read_kernel(l, i, layer))
        return false;
    if (!read_inputs(l, i, from, layer))
        return false;
    b->same_as[b->n] = -1;
    if (spec->same_as && !resolve(l, i, "same_as", spec->same_as, &b->same_as[b->n]))
        return false;
    b->specs[b->n] = spec;
    b->nodes[b->n] = l->nodes[i];
    l->output[i] = (int)b->n++;
    return true;
}

static bool multiply_stride(const struct linker *l, size_t i, const struct layer *conv, int *stride,
                            int factor)
{
    assert(factor > 0);
    if (*stride > MAX_MAP / factor)
        return conf_fail(l->nodes[i], l->b->err, "the stride of '%.80s' would be %d x %d, above %d",
                         conv->name, *stride, factor, MAX_MAP);
    *stride *= factor;
    return true;
}

static void note(struct linker *l, const char **list, size_t i)
{
    *list = arena_printf(l->b->mem, "%s%s%.60s", *list ? *list : "", *list ? ", " : "",
                         l->specs[i].name);
}

// The form that a file names as its own is what its layers are meant for; but a max-pool that
// becomes a stride is reported even then.
static void note_changes(struct linker *l, size_t i)
{
    const struct build *b = l->b;
    const struct layer_spec *spec = &l->specs[i];
    struct net_changes *c = &l->b->changes;
    bool own = conf_find(b->root, "default_form") && b->spec->default_form == (int)b->rules.form;
    bool weights = spec->kind == SPEC_CONV || spec->kind == SPEC_LINEAR;
    if (spec->kind == SPEC_POOL && spec->pool == POOL_MAX && b->rules.pool_to_stride &&
        !b->spec->max_pool)
        note(l, &c->pools, i);
    if (own)
        return;
    if (spec->kind == SPEC_HEAD && b->rules.flatten && !b->spec->head)
        note(l, &c->heads, i);
    if (b->rules.form == FORM_BINARY && spec->has_relu && spec->relu)
        note(l, &c->relus, i);
    if (b->rules.form == FORM_BINARY && !b->rules.plus_minus_one && weights && i + 1 < l->n &&
        spec->has_bn && !spec->bn)
        note(l, &c->norms, i);
}

// A max-pool becomes a larger stride of the convolution that it reads, whose padding stays.
static bool pool_to_stride(struct linker *l, size_t i, int from)
{
    struct build *b = l->b;
    struct layer *conv = &b->layers[from];
    struct layer pool = {0};
    if (conv->kind != LAYER_CONV)
        return conf_fail(
            l->nodes[i], b->err,
            "a max-pool turns into the stride of a conv, but reads '%.80s', a layer of "
            "kind %s; put it behind a conv, or say max_pool: keep",
            conv->name, layer_kind_names[conv->kind]);
    for (size_t j = (size_t)from + 1; j < b->n; j++)
        for (int edge = 0; edge < b->layers[j].n_inputs; edge++)
            if (b->layers[j].input[edge] == from)
                return conf_fail(l->nodes[i], b->err,
                                 "the pool cannot turn into the stride of '%.80s', which '%.80s' "
                                 "reads too; say max_pool: keep",
                                 conv->name, b->layers[j].name);
    if (is_global(&l->specs[i]))
        return conf_fail(l->nodes[i], b->err,
                         "a global max-pool has no stride that '%.80s' could have; say max_pool: "
                         "keep",
                         conv->name);
    if (!read_kernel(l, i, &pool))
        return false;
    if (!multiply_stride(l, i, conv, &conv->stride_h, pool.stride_h) ||
        !multiply_stride(l, i, conv, &conv->stride_w, pool.stride_w))
        return false;
    l->pooled_by[from] = (int)i;
    l->output[i] = from;
    return true;
}

// The layer that is read first.
static bool read_from(const struct linker *l, size_t i, int *from)
{
    const struct layer_spec *spec = &l->specs[i];
    bool concat = spec->kind == SPEC_CONCAT;
    *from = l->previous;
    if (concat && spec->from.n < 2)
        return conf_fail(at_key(l->nodes[i], "from"), l->b->err,
                         "a concat joins the channels of two or more layers; write from: [NAME, "
                         "NAME]");
    if (!concat && (spec->from.n > 1 || (!spec->from.n && conf_find(l->nodes[i], "from"))))
        return conf_fail(at_key(l->nodes[i], "from"), l->b->err,
                         "%zu layers, but a layer of this kind (%s) reads one; join them with a "
                         "concat",
                         spec->from.n, spec_kind_names[spec->kind]);
    return !spec->from.n || resolve(l, i, "from", spec->from.v[0], from);
}

static bool link_one(struct linker *l, size_t i)
{
    const struct layer_spec *spec = &l->specs[i];
    const struct form_rules *rules = &l->b->rules;
    unsigned mask;
    int from;
    if (!form_mask(at_key(l->nodes[i], "forms"), spec->forms, &mask, l->b->err))
        return false;
    l->here[i] = mask >> rules->form & 1;
    if (!check_keys(l, i) || !check_name(l, i))
        return false;
    if (!read_from(l, i, &from))
        return false;
    if (!l->here[i]) {
        l->output[i] = from;
        return true;
    }
    note_changes(l, i);
    bool ok = true;
    if (spec->kind == SPEC_HEAD && rules->flatten)
        l->output[i] = from;
    else if (spec->kind == SPEC_POOL && spec->pool == POOL_MAX && rules->pool_to_stride)
        ok = pool_to_stride(l, i, from);
    else
        ok = append(l, i, from);
    l->previous = l->output[i];
    return ok;
}

static void count_readers(struct build *b)
{
    for (size_t i = 1; i < b->n; i++) {
        const struct layer *layer = &b->layers[i];
        for (int edge = 0; edge < layer->n_inputs; edge++) {
            int from = layer->input[edge];
            b->readers[from]++;
            if (reads_stream(b, layer, edge))
                b->stream_readers[from]++;
        }
    }
}

bool link_layers(struct build *b)
{
    const struct conf_list *list = &b->spec->layers;
    struct linker l = {
        .b = b,
        .specs = list->items,
        .nodes = list->nodes,
        .n = list->n,
        .output = arena_alloc(b->scratch, list->n, sizeof(int)),
        .here = arena_alloc(b->scratch, list->n, sizeof(bool)),
        .pooled_by = arena_alloc(b->scratch, list->n + 1, sizeof(int)),
    };
    for (size_t i = 0; i < list->n + 1; i++)
        l.pooled_by[i] = -1;
    for (size_t i = 0; i < list->n; i++)
        if (!link_one(&l, i))
            return false;
    if (b->n < 2)
        return conf_fail(at_key(b->root, "layers"), b->err,
                         "no layer is left in the %s form; list at least one",
                         net_form_names[b->rules.form]);
    count_readers(b);
    for (size_t i = 1; i + 1 < b->n; i++)
        if (!b->readers[i])
            return conf_fail(b->nodes[i], b->err,
                             "nothing reads '%.80s' in the %s form; name it in a from, shortcut or "
                             "by key, or take it out",
                             b->layers[i].name, net_form_names[b->rules.form]);
    return true;
}
