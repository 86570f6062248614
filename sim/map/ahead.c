#include "sim/map/ahead.h"

#include <stdlib.h>

#include "nets/geometry.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/map/map.h"

// Where the paths that end at a and b meet, going back. Layers come after their inputs, so that the
// larger number is never the answer (Cooper, Harvey and Kennedy 2001, "A simple, fast dominance
// algorithm").
static int meet(const int *parting, int a, int b)
{
    while (a != b) {
        if (a > b)
            a = parting[a];
        else
            b = parting[b];
    }
    return a;
}

static int parting_of(const struct net *net, const int *parting, int layer)
{
    const struct layer *l = &net->layers[layer];
    int at = l->input[0];
    for (int edge = 1; edge < l->n_inputs; edge++)
        at = meet(parting, at, l->input[edge]);
    return at;
}

const int *ahead_parting(const struct net *net, struct arena *mem)
{
    int *parting = arena_alloc(mem, net->n, sizeof *parting);
    for (size_t i = 1; i < net->n; i++)
        parting[i] = parting_of(net, parting, (int)i);
    return parting;
}

// The first rows of an input that the first `rows` output rows of a layer need.
static int rows_of_input(const struct net *net, int layer, int edge, int rows)
{
    const struct layer *l = &net->layers[layer];
    if (rows == 0 || l->kind == LAYER_CONCAT)
        return rows;
    if (edge == 1)
        return (rows - 1) * shortcut_step_h(l, &net->layers[l->input[1]]) + 1;
    return map_rows_needed(net, layer, rows - 1);
}

// Rows of `from` that the first `rows` rows of layer `at` need, along all paths. need: per layer,
// scratch.
static int rows_above(const struct net *net, int *need, int at, int from, int rows)
{
    for (int i = from; i <= at; i++)
        need[i] = 0;
    need[at] = rows;
    for (int i = at; i > from; i--) {
        const struct layer *l = &net->layers[i];
        for (int edge = 0; edge < l->n_inputs && need[i]; edge++) {
            int above = rows_of_input(net, i, edge, need[i]), input = l->input[edge];
            if (input >= from && above > need[input])
                need[input] = above;
        }
    }
    return need[from];
}

struct source {
    int layer, step; // every step-th row is read
    int edge;        // of the reader
    int made;        // rows, by the time that the others have what they need
};

// The reader's inputs, the parts of a concat each for itself.
static int list_sources(const struct net *net, int layer, struct source *out)
{
    const struct layer *l = &net->layers[layer];
    int n = 0;
    for (int edge = 0; edge < l->n_inputs; edge++) {
        const struct layer *from = &net->layers[l->input[edge]];
        struct source s = {.layer = l->input[edge], .edge = edge, .step = 1};
        if (edge == 1)
            s.step = shortcut_step_h(l, from);
        int parts = from->kind == LAYER_CONCAT ? from->n_inputs : 1;
        for (int k = 0; k < parts; k++) {
            if (from->kind == LAYER_CONCAT)
                s.layer = from->input[k];
            if (out)
                out[n] = s;
            n++;
        }
    }
    return n;
}

static int held_by(const struct net *net, int layer, const struct source *s, int y)
{
    if (s->edge == 1)
        return s->step ? (s->made + s->step - 1) / s->step - y : s->made;
    return s->made - map_rows_free(net, layer, y);
}

int ahead_rows(const struct net *net, const int *parting, int layer, int edge)
{
    const struct layer *l = &net->layers[layer];
    int n = list_sources(net, layer, NULL), from = parting_of(net, parting, layer), most = 1;
    struct source *sources = mem_alloc((size_t)n, sizeof *sources);
    int *need = mem_alloc(net->n, sizeof *need);
    list_sources(net, layer, sources);
    for (int y = 0; y < l->out_h; y++) {
        int rows = 0;
        for (int k = 0; k < n; k++) {
            int wanted = rows_of_input(net, layer, sources[k].edge, y + 1);
            int above = rows_above(net, need, sources[k].layer, from, wanted);
            rows = above > rows ? above : rows;
        }
        for (int k = 0; k < n; k++) {
            struct source *s = &sources[k];
            if (s->edge != edge)
                continue;
            while (s->made < net->layers[s->layer].out_h &&
                   rows_above(net, need, s->layer, from, s->made + 1) <= rows)
                s->made++;
            int held = held_by(net, layer, s, y);
            most = held > most ? held : most;
        }
    }
    free(sources);
    free(need);
    return most;
}
