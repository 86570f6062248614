#include "tests/graphs/graph.h"

#include <stdio.h>
#include <string.h>

// SplitMix64 (Steele, Lea and Flood, 2014).
uint64_t prng_next(struct prng *prng)
{
    uint64_t z = prng->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int prng_int(struct prng *prng, int low, int high)
{
    return low + (int)(prng_next(prng) % (uint64_t)(high - low + 1));
}

bool prng_percent(struct prng *prng, int percent)
{
    return prng_int(prng, 0, 99) < percent;
}

double prng_uniform(struct prng *prng, double low, double high)
{
    return low + (high - low) * ((double)(prng_next(prng) >> 11) * 0x1p-53);
}

size_t node_size(const struct node *node)
{
    return (size_t)node->c * (size_t)node->h * (size_t)node->w;
}

const char *graph_name(const struct node *node, char name[GRAPH_NAME])
{
    static const char *const kinds[] = {"input", "conv", "linear", "pool",
                                        "add",   "head", "concat", "multiply"};
    if (node->kind == NODE_INPUT)
        snprintf(name, GRAPH_NAME, "input");
    else
        snprintf(name, GRAPH_NAME, "%s%d", kinds[node->kind], node->id);
    return name;
}

int graph_readers(const struct graph *graph, int node)
{
    int readers = 0;
    for (int i = 1; i < graph->n; i++)
        for (int k = 0; k < GRAPH_PARTS; k++)
            readers += graph->nodes[i].from[k] == node;
    return readers;
}

int graph_planes(const struct graph *graph)
{
    return graph->encoder == GRAPH_THERMOMETER  ? graph->levels
           : graph->encoder == GRAPH_BIT_PLANES ? graph->raw_bits
                                                : 1;
}

// --- Shapes ---

static int windows(int size, int before, int after, int kernel, int dilation, int stride)
{
    int extent = dilation * (kernel - 1) + 1, padded = size + before + after;
    return extent > padded ? 0 : (padded - extent) / stride + 1;
}

// ceil(size / stride) outputs; the smaller half of the padding lies before the map.
static void pad_same(int size, int side, struct node *node)
{
    int outs = (size + node->stride[side] - 1) / node->stride[side];
    int extent = node->dilation[side] * (node->kernel[side] - 1) + 1;
    int total = (outs - 1) * node->stride[side] + extent - size;
    node->pad[side] = total > 0 ? total / 2 : 0;
    node->pad[side + 2] = total > 0 ? total - total / 2 : 0;
}

// Taps of a window that lie on the map, along one side.
static int taps(const struct node *node, int size, int side, int output)
{
    int n = 0;
    for (int k = 0; k < node->kernel[side]; k++) {
        int at = output * node->stride[side] + k * node->dilation[side] - node->pad[side];
        n += at >= 0 && at < size;
    }
    return n;
}

int graph_divisor(const struct graph *graph, int i, int y, int x)
{
    const struct node *node = &graph->nodes[i], *from = &graph->nodes[node->from[0]];
    if (node->kind == NODE_HEAD)
        return from->h * from->w;
    bool all = node->count_pad >= 0 ? node->count_pad : !node->same;
    return all ? node->kernel[0] * node->kernel[1]
               : taps(node, from->h, 0, y) * taps(node, from->w, 1, x);
}

static bool slide(const struct node *from, struct node *node)
{
    if (node->same) {
        pad_same(from->h, 0, node);
        pad_same(from->w, 1, node);
    }

    node->h = windows(from->h, node->pad[0], node->pad[2], node->kernel[0], node->dilation[0],
                      node->stride[0]);
    node->w = windows(from->w, node->pad[1], node->pad[3], node->kernel[1], node->dilation[1],
                      node->stride[1]);
    return node->h > 0 && node->w > 0;
}

// A max-pool that became the stride of the convolution that it reads.
static bool shape_strided(const struct graph *graph, struct node *pool)
{
    struct node conv = graph->nodes[pool->from[0]];
    if (conv.kind != NODE_CONV)
        return false;
    for (int side = 0; side < 2; side++)
        conv.stride[side] *= pool->stride[side];
    bool ok = slide(&graph->nodes[conv.from[0]], &conv);
    pool->h = conv.h;
    pool->w = conv.w;
    return ok;
}

// A pool has no value where its window lies beside the map.
static bool shape_pool(const struct node *from, struct node *pool)
{
    bool ok = slide(from, pool);
    for (int y = 0; y < pool->h && ok; y++)
        ok = taps(pool, from->h, 0, y) > 0;
    for (int x = 0; x < pool->w && ok; x++)
        ok = taps(pool, from->w, 1, x) > 0;
    return ok;
}

static bool shape_add(const struct graph *graph, const struct node *add)
{
    const struct node *shortcut = &graph->nodes[add->from[1]];
    return shortcut->h % add->h == 0 && shortcut->w % add->w == 0;
}

static bool shape_concat(const struct graph *graph, struct node *concat)
{
    concat->c = 0;
    for (int k = 0; k < GRAPH_PARTS && concat->from[k] >= 0; k++) {
        const struct node *part = &graph->nodes[concat->from[k]];
        concat->c += part->c;
        if (part->h != concat->h || part->w != concat->w)
            return false;
    }
    return true;
}

// Element by element, or one factor for every channel.
static bool shape_multiply(const struct graph *graph, const struct node *multiply)
{
    const struct node *by = &graph->nodes[multiply->from[1]];
    bool same = by->h == multiply->h && by->w == multiply->w;
    return by->c == multiply->c && (same || (by->h == 1 && by->w == 1));
}

static void shape_global(const struct node *from, struct node *pool)
{
    pool->kernel[0] = pool->stride[0] = from->h;
    pool->kernel[1] = pool->stride[1] = from->w;
}

bool graph_shape(struct graph *graph, int i)
{
    struct node *node = &graph->nodes[i];
    if (node->kind == NODE_INPUT)
        return true;
    const struct node *from = &graph->nodes[node->from[0]];
    node->c = from->c;
    node->h = from->h;
    node->w = from->w;
    switch (node->kind) {
    case NODE_CONV:
        node->c = node->out;
        return from->c % node->groups == 0 && node->out % node->groups == 0 && slide(from, node);
    case NODE_LINEAR:
        node->c = node->out;
        node->h = node->w = 1;
        return true;
    case NODE_POOL:
        if (node->global)
            shape_global(from, node);
        if (graph->pool_to_stride && !node->average)
            return shape_strided(graph, node);
        return shape_pool(from, node);
    case NODE_ADD:
        return shape_add(graph, node);
    case NODE_CONCAT:
        return shape_concat(graph, node);
    case NODE_MULTIPLY:
        return shape_multiply(graph, node);
    default:
        if (!graph->flatten)
            node->h = node->w = 1;
        return true;
    }
}

// --- Other graphs from a graph ---

void graph_reorder(const struct graph *graph, uint64_t seed, struct graph *out)
{
    struct prng prng = {seed};
    int place[GRAPH_NODES]; // of each node in the new order; -1: not yet
    *out = *graph;
    for (int i = 0; i < graph->n; i++)
        place[i] = i ? -1 : 0;
    for (int next = 1; next < graph->n; next++) {
        int ready[GRAPH_NODES] = {0}, n = 0;
        for (int i = 1; i < graph->n; i++) {
            const struct node *node = &graph->nodes[i];
            bool inputs = true;
            for (int k = 0; k < GRAPH_PARTS; k++)
                inputs = inputs && (node->from[k] < 0 || place[node->from[k]] >= 0);
            bool last = i == graph->n - 1 && next < i; // the last layer is the output
            if (place[i] < 0 && inputs && !last)
                ready[n++] = i;
        }
        int i = ready[prng_int(&prng, 0, n - 1)];
        place[i] = next;
        out->nodes[next] = graph->nodes[i];
    }
    for (int i = 1; i < out->n; i++)
        for (int side = 0; side < GRAPH_PARTS; side++)
            if (out->nodes[i].from[side] >= 0)
                out->nodes[i].from[side] = place[out->nodes[i].from[side]];
}

bool graph_without(const struct graph *graph, int gone, int side, struct graph *out)
{
    int instead = graph->nodes[gone].from[side];
    if (gone < 1 || graph->n < 3 || instead < 0)
        return false;
    *out = *graph;
    out->n = 1;
    int place[GRAPH_NODES] = {0};
    for (int i = 1; i < graph->n; i++) {
        if (i == gone) {
            place[i] = place[instead];
            continue;
        }
        struct node *node = &out->nodes[out->n];
        *node = graph->nodes[i];
        for (int k = 0; k < GRAPH_PARTS; k++)
            if (node->from[k] >= 0)
                node->from[k] = place[node->from[k]];
        place[i] = out->n++;
        if (!graph_shape(out, place[i]))
            return false;
    }
    for (int i = 1; i + 1 < out->n; i++)
        if (!graph_readers(out, i))
            return false;
    const struct node *last = &out->nodes[out->n - 1];
    bool joins = last->kind == NODE_CONCAT || last->kind == NODE_MULTIPLY;
    return last->h == 1 && last->w == 1 && !joins;
}
