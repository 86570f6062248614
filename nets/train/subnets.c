#include "nets/train/subnets.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/train/slim.h"
#include "nets/weights.h"
#include "base/mem.h"

struct subnets {
    struct subnets_params params;
    size_t n_widths, n;
    int *wide;             // the widest's widths
    struct subnet **items; // (keep)
    uint64_t uses;
    struct arena *mem;
};

struct subnets *subnets_create(const struct subnets_params *params)
{
    assert(params->keep > 0);
    struct arena *mem = arena_create();
    struct subnets *s = arena_alloc(mem, 1, sizeof *s);
    *s = (struct subnets){.params = *params, .mem = mem};
    s->n_widths = slim_layers(params->wide);
    s->wide = arena_alloc(mem, s->n_widths, sizeof *s->wide);
    s->items = arena_alloc(mem, params->keep, sizeof *s->items);
    slim_widths(params->wide, s->wide);
    return s;
}

static void destroy_one(struct subnet *one)
{
    if (one->made)
        graph_destroy(one->graph);
    weights_destroy(one->values.weights);
    weights_destroy(one->values.stats);
    net_destroy(one->made);
    arena_destroy(one->mem);
}

void subnets_destroy(struct subnets *subnets)
{
    if (!subnets)
        return;
    for (size_t i = 0; i < subnets->n; i++)
        destroy_one(subnets->items[i]);
    arena_destroy(subnets->mem);
}

static bool same(const struct subnets *s, const int *a, const int *b)
{
    return !memcmp(a, b, s->n_widths * sizeof *a);
}

static bool build(const struct subnets *s, struct subnet *one, struct err *err)
{
    const struct subnets_params *p = &s->params;
    if (same(s, one->widths, s->wide)) {
        one->net = p->wide;
        one->graph = p->graph;
        return true;
    }
    if (!p->resize.net(p->resize.context, one->widths, &one->made, err) ||
        !slim_fits(p->wide, one->made, err))
        return false;
    one->net = one->made;
    return graph_create(one->net, &p->options, &one->graph, err);
}

static bool create_one(const struct subnets *s, const int *widths, struct subnet **out,
                       struct err *err)
{
    struct arena *mem = arena_create();
    struct subnet *one = arena_alloc(mem, 1, sizeof *one);
    *one = (struct subnet){.mem = mem};
    one->widths = arena_alloc(mem, s->n_widths, sizeof *one->widths);
    memcpy(one->widths, widths, s->n_widths * sizeof *widths);
    if (!build(s, one, err)) {
        destroy_one(one);
        return false;
    }
    struct measured *v = &one->values;
    v->weights = weights_create(one->net);
    v->stats = weights_create(one->net);
    v->values = tensors_of(one->net, v->weights, mem);
    v->stats_values = tensors_of(one->net, v->stats, mem);
    one->ranges = arena_alloc(mem, one->net->n, sizeof *one->ranges);
    *out = one;
    return true;
}

// Where the next one goes: the place that was unused for longest, made free.
static struct subnet **make_room(struct subnets *s)
{
    if (s->n < s->params.keep)
        return &s->items[s->n++];
    struct subnet **oldest = s->items;
    for (size_t i = 1; i < s->n; i++)
        if (s->items[i]->used < (*oldest)->used)
            oldest = &s->items[i];
    destroy_one(*oldest);
    return oldest;
}

bool subnets_get(struct subnets *s, const int *widths, struct subnet **out, struct err *err)
{
    struct subnet *one = NULL;
    for (size_t i = 0; i < s->n && !one; i++)
        if (same(s, s->items[i]->widths, widths))
            one = s->items[i];
    if (!one) {
        if (!create_one(s, widths, &one, err))
            return false;
        *make_room(s) = one;
    }
    one->used = ++s->uses;
    *out = one;
    return true;
}

size_t subnets_bytes(const struct subnets *s)
{
    size_t bytes = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct subnet *one = s->items[i];
        bytes += one->made ? graph_bytes(one->graph) : 0;
        bytes += 2 * one->values.values.values * sizeof(float);
    }
    return bytes;
}
