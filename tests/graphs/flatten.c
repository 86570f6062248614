// What the forms make of a graph, written down a second time from nets/net.h, the help texts of the
// keys and the design page: which layers there are, where batch-norms and activations stand.
#include "tests/graphs/graph.h"

static bool vanishes(const struct graph *graph, const struct node *node)
{
    return (node->kind == NODE_HEAD && graph->flatten) ||
           (node->kind == NODE_POOL && !node->average && graph->pool_to_stride);
}

static void drop_nodes(const struct graph *graph, struct graph *out)
{
    int place[GRAPH_NODES] = {0};
    *out = *graph;
    out->n = 1;
    for (int i = 1; i < graph->n; i++) {
        const struct node *node = &graph->nodes[i];
        if (vanishes(graph, node)) {
            struct node *stays = &out->nodes[place[node->from[0]]];
            place[i] = place[node->from[0]];
            if (node->kind == NODE_POOL)
                for (int side = 0; side < 2; side++)
                    stays->stride[side] *= node->stride[side];
            graph_shape(out, place[i]);
            continue;
        }
        struct node *to = &out->nodes[out->n];
        *to = *node;
        for (int side = 0; side < GRAPH_PARTS; side++)
            if (to->from[side] >= 0)
                to->from[side] = place[to->from[side]];
        place[i] = out->n++;
        graph_shape(out, place[i]);
        to->same = false; // its pads stay, also if its stride changes
        to->count_pad = node->count_pad >= 0 ? node->count_pad : !node->same;
    }
}

static bool has_weights(const struct node *node)
{
    return node->kind == NODE_CONV || node->kind == NODE_LINEAR;
}

static int adds_that_read(const struct graph *flat, int i)
{
    int adds = 0;
    for (int j = 1; j < flat->n; j++)
        if (flat->nodes[j].kind == NODE_ADD)
            adds += (flat->nodes[j].from[0] == i) + (flat->nodes[j].from[1] == i);
    return adds;
}

// Values that only adds read stay as they are; so does the output.
static enum node_act act_of(const struct graph *flat, int i)
{
    const struct node *node = &flat->nodes[i];
    bool last = i == flat->n - 1, to_adds = adds_that_read(flat, i) == graph_readers(flat, i);
    bool pool = node->kind == NODE_POOL || node->kind == NODE_HEAD;
    if (last || pool || node->kind == NODE_INPUT || node->kind == NODE_CONCAT)
        return ACTS_NOT;
    if (!flat->binary && node->relu >= 0)
        return node->relu ? ACTS_RELU : ACTS_NOT;
    if (node->kind == NODE_MULTIPLY)
        return ACTS_NOT;
    if (to_adds && (flat->binary || node->kind != NODE_ADD))
        return ACTS_NOT;
    return flat->binary ? ACTS_THRESHOLD : ACTS_RELU;
}

// `add: before_bn`: where an add alone reads a layer, as its main input and without an activation,
// the layer's batch-norm follows the addition.
static void place_norms(struct graph *flat)
{
    for (int i = 1; i < flat->n; i++) {
        struct node *node = &flat->nodes[i];
        node->norm = -1;
        if (!has_weights(node))
            continue;
        node->biased = node->bias >= 0 ? node->bias : !node->bn && !flat->binary;
        if (flat->binary && !flat->plus_minus_one && i < flat->n - 1)
            node->bn = true; // a comparator at one half has one
        node->norm = node->bn ? i : -1;
    }
    for (int i = 1; i < flat->n && flat->add_before_bn; i++) {
        struct node *add = &flat->nodes[i], *main = &flat->nodes[add->from[0]];
        if (add->kind != NODE_ADD || !has_weights(main) || main->act != ACTS_NOT ||
            graph_readers(flat, add->from[0]) != 1)
            continue;
        add->norm = main->norm;
        main->norm = -1;
    }
}

void graph_flatten(const struct graph *graph, struct graph *out)
{
    drop_nodes(graph, out);
    for (int i = 0; i < out->n; i++)
        out->nodes[i].act = act_of(out, i);
    place_norms(out);
}

bool graph_bipolar(const struct graph *flat, int i)
{
    bool planes = flat->planes >= 0 ? flat->planes : flat->plus_minus_one;
    if (!flat->binary || (i == 0 && flat->encoder == GRAPH_RAW))
        return false;
    if (flat->nodes[i].kind == NODE_POOL || flat->nodes[i].kind == NODE_CONCAT)
        return graph_bipolar(flat, flat->nodes[i].from[0]);
    return i == 0 ? planes : flat->plus_minus_one;
}

int graph_format(const struct graph *flat, int node)
{
    int of[GRAPH_NODES];
    for (int i = 0; i < flat->n; i++)
        of[i] = i;
    for (int changes = 1; changes;) {
        changes = 0;
        for (int i = 1; i < flat->n; i++) {
            const struct node *n = &flat->nodes[i];
            bool shares = n->kind == NODE_CONCAT || (n->kind == NODE_POOL && !n->average);
            for (int k = 0; k < GRAPH_PARTS && shares && n->from[k] >= 0; k++) {
                int *a = &of[i], *b = &of[n->from[k]], first = *a < *b ? *a : *b;
                changes += *a != first || *b != first;
                *a = *b = first;
            }
        }
    }
    return of[node];
}

// Whether its values may be negative.
static bool own_sign(const struct graph *flat, int i)
{
    const struct node *node = &flat->nodes[i];
    bool any = false;
    if (node->kind == NODE_INPUT)
        return flat->encoder == GRAPH_RAW && flat->normalise != GRAPH_UNIT;
    if (node->kind == NODE_CONV || node->kind == NODE_LINEAR || node->kind == NODE_ADD ||
        node->act == ACTS_RELU)
        return node->act == ACTS_NOT;
    for (int k = 0; k < GRAPH_PARTS && node->from[k] >= 0; k++)
        any = any || own_sign(flat, node->from[k]);
    return any;
}

bool graph_signed(const struct graph *flat, int i)
{
    int format = graph_format(flat, i);
    for (int j = 0; j < flat->n; j++)
        if (graph_format(flat, j) == format && own_sign(flat, j))
            return true;
    return false;
}
