// Random networks of every structure that a net file can say: chains, identity and projection
// shortcuts, sums of several branches, branches from any earlier layer, several readers of any
// layer. Only what is legal by the rules of graph_shape() comes out.
#include "tests/graphs/graph.h"

#include <string.h>

struct builder {
    struct graph *graph;
    struct prng prng;
    bool sealed[GRAPH_NODES]; // nobody else may read it
    int next_id;
};

enum { LARGEST = 600 }; // elements of a map that may grow no more

static int chance(struct builder *b, int percent)
{
    return prng_percent(&b->prng, percent);
}

static int between(struct builder *b, int low, int high)
{
    return prng_int(&b->prng, low, high);
}

// Returns the new node's index, or -1 if it is not legal.
static int append(struct builder *b, struct node node)
{
    struct graph *g = b->graph;
    if (g->n == GRAPH_NODES)
        return -1;
    int i = g->n++;
    if ((node.kind == NODE_CONV || node.kind == NODE_LINEAR) && chance(b, 15))
        node.bias = chance(b, 50);
    node.id = b->next_id++;
    if (node.kind != NODE_POOL && node.kind != NODE_HEAD && node.kind != NODE_CONCAT &&
        !g->binary && chance(b, 15))
        node.relu = chance(b, 50);
    g->nodes[i] = node;
    b->sealed[i] = false;
    if (graph_shape(g, i))
        return i;
    g->n--;
    return -1;
}

static struct node make_node(enum node_kind kind, int from)
{
    return (struct node){.kind = kind,
                         .from = {from, -1, -1, -1},
                         .kernel = {1, 1},
                         .stride = {1, 1},
                         .dilation = {1, 1},
                         .groups = 1,
                         .count_pad = -1,
                         .bias = -1,
                         .relu = -1};
}

// A node to read: often the latest one, else any.
static int pick(struct builder *b)
{
    int n = b->graph->n, i = chance(b, 55) ? n - 1 : between(b, 0, n - 1);
    for (int tries = 0; tries < n && b->sealed[i]; tries++)
        i = (i + n - 1) % n;
    return i;
}

// --- Single layers ---

// Padding per side, dilation, strides that differ.
static void pad_window(struct builder *b, struct node *node)
{
    int pad = chance(b, 70) ? node->kernel[0] / 2 : between(b, 0, 3);
    for (int i = 0; i < 4; i++)
        node->pad[i] = chance(b, 75) ? pad : between(b, 0, 3);
    if (chance(b, 50))
        for (int i = 1; i < 4; i++)
            node->pad[i] = pad;
    node->same = chance(b, 20);
    for (int side = 0; side < 2; side++) {
        if (chance(b, 10))
            node->dilation[side] = between(b, 1, 3);
        if (chance(b, 10))
            node->stride[side] = between(b, 1, 3);
    }
}

static int add_conv(struct builder *b, int from, int stride, int out)
{
    struct node node = make_node(NODE_CONV, from);
    const struct node *in = &b->graph->nodes[from];
    int side = between(b, 1, 3), other = chance(b, 80) ? side : between(b, 1, 4);
    node.kernel[0] = side;
    node.kernel[1] = other;
    node.stride[0] = node.stride[1] = stride;
    pad_window(b, &node);
    node.out = out;
    node.bn = chance(b, 75);
    int both = in->c < out ? in->c : out;
    for (int tries = 0; tries < 4 && chance(b, 30); tries++) {
        int groups = between(b, 2, both < 2 ? 2 : both);
        if (in->c % groups == 0 && out % groups == 0)
            node.groups = groups;
    }
    if (chance(b, 5) && in->c <= 6) { // depthwise
        node.groups = in->c;
        node.out = in->c * between(b, 1, 2);
    }
    return append(b, node);
}

static int channels(struct builder *b)
{
    return between(b, 1, 6);
}

static int add_linear(struct builder *b, int from, int out)
{
    struct node node = make_node(NODE_LINEAR, from);
    node.out = out;
    node.bn = chance(b, 25);
    return append(b, node);
}

static int add_projection(struct builder *b, int from, int stride, int out)
{
    struct node node = make_node(NODE_CONV, from);
    node.stride[0] = node.stride[1] = stride;
    node.out = out;
    node.bn = chance(b, 60);
    return append(b, node);
}

static int add_add(struct builder *b, int main, int shortcut)
{
    struct node node = make_node(NODE_ADD, main);
    node.from[1] = shortcut;
    return append(b, node);
}

// A linear layer of every pixel.
static int add_tokens(struct builder *b, int from)
{
    struct node node = make_node(NODE_CONV, from);
    node.tokens = true;
    node.out = channels(b);
    node.bn = chance(b, 25);
    return append(b, node);
}

static int add_head(struct builder *b, int from)
{
    return append(b, make_node(NODE_HEAD, from));
}

static int add_pool(struct builder *b, int from)
{
    struct node node = make_node(NODE_POOL, from);
    int side = between(b, 1, 3), stride = between(b, 1, 3);
    node.kernel[0] = side;
    node.kernel[1] = chance(b, 80) ? side : between(b, 1, 3);
    node.stride[0] = chance(b, 50) ? node.kernel[0] : stride;
    node.stride[1] = chance(b, 50) ? node.kernel[1] : stride;
    node.average = !b->graph->binary && chance(b, 50); // the binary form has pools of bits alone
    bool strided = b->graph->pool_to_stride && !node.average;
    if (!strided && chance(b, 40))
        pad_window(b, &node);
    if (!strided && chance(b, 12)) {
        struct node global = make_node(NODE_POOL, from);
        global.average = node.average;
        global.global = true;
        return append(b, global);
    }
    if (node.average && chance(b, 30))
        node.count_pad = chance(b, 50);
    return append(b, node);
}

// A convolution whose max-pool becomes its stride: nobody may read it but the pool.
static int add_conv_pool(struct builder *b, int from)
{
    int conv = add_conv(b, from, 1, channels(b));
    if (conv < 0)
        return -1;
    struct node node = make_node(NODE_POOL, conv);
    node.kernel[0] = node.kernel[1] = 2;
    node.stride[0] = between(b, 1, 3);
    node.stride[1] = chance(b, 70) ? node.stride[0] : between(b, 1, 3);
    int pool = append(b, node);
    b->sealed[conv] = pool >= 0;
    return pool;
}

// --- Structures ---

static bool fits(const struct graph *g, int main, int shortcut)
{
    const struct node *m = &g->nodes[main], *s = &g->nodes[shortcut];
    return s->h % m->h == 0 && s->w % m->w == 0;
}

// Binary nets add to the sums of a layer that nobody else reads, mostly.
static int branch_of_add(struct builder *b, int i)
{
    const struct node *node = &b->graph->nodes[i];
    bool layer = node->kind == NODE_CONV || node->kind == NODE_LINEAR;
    if (!b->graph->binary || chance(b, 5))
        return i;
    if (layer && !graph_readers(b->graph, i))
        return i;
    return add_projection(b, i, 1, node->c);
}

static int add_sum(struct builder *b, int main, int shortcut)
{
    main = branch_of_add(b, main);
    if (main < 0 || !fits(b->graph, main, shortcut))
        return -1;
    int sum = add_add(b, main, shortcut);
    if (sum >= 0 && b->graph->binary)
        b->sealed[main] = true;
    return sum;
}

// conv (conv) + identity or projection of what the first one reads.
static void add_block(struct builder *b, bool project)
{
    int x = pick(b), stride = between(b, 1, 2), y = x;
    for (int convs = between(b, 1, 2); convs > 0 && y >= 0; convs--) {
        struct node node = make_node(NODE_CONV, y);
        int side = chance(b, 60) ? 3 : 1;
        node.kernel[0] = node.kernel[1] = side;
        node.stride[0] = node.stride[1] = stride;
        for (int i = 0; i < 4; i++)
            node.pad[i] = side / 2;
        node.out = chance(b, 40) ? b->graph->nodes[x].c : channels(b);
        node.bn = chance(b, 75);
        y = append(b, node);
        stride = 1;
    }
    if (y < 0)
        return;
    int s = x;
    if (project) {
        int same = b->graph->nodes[x].h / b->graph->nodes[y].h;
        s = add_projection(b, x, same < 1 ? 1 : same, b->graph->nodes[y].c);
    }
    if (s >= 0 && fits(b->graph, y, s))
        add_sum(b, y, s);
    else if (s >= 0 && s != x && fits(b->graph, s, y))
        add_sum(b, s, y);
}

// Two to four branches from anywhere that end in one sum of sums.
static void add_branches(struct builder *b)
{
    int x = pick(b), sum = add_conv(b, x, 1, channels(b));
    for (int n = between(b, 1, 3); n > 0 && sum >= 0; n--) {
        int y = chance(b, 60) ? add_projection(b, x, 1, channels(b)) : pick(b);
        if (y >= 0 && y != sum && fits(b->graph, sum, y)) {
            int next = add_sum(b, sum, y);
            sum = next >= 0 ? next : sum;
        }
    }
}

// Whether a map can share its steps with others: not that of the image, or of a max-pool of it.
static bool joins(const struct graph *g, int i)
{
    const struct node *node = &g->nodes[i];
    if (node->kind == NODE_POOL && !node->average)
        return joins(g, node->from[0]);
    return i > 0;
}

static void add_concat(struct builder *b)
{
    int first = pick(b), n = between(b, 2, GRAPH_PARTS), parts = 1;
    struct node node = make_node(NODE_CONCAT, first);
    const struct graph *g = b->graph;
    for (int tries = 0; tries < 12 && parts < n; tries++) {
        int i = chance(b, 40) ? add_projection(b, first, 1, channels(b)) : between(b, 1, g->n - 1);
        if (i >= 1 && i < g->n && !b->sealed[i] && joins(g, i) &&
            g->nodes[i].h == g->nodes[first].h && g->nodes[i].w == g->nodes[first].w)
            node.from[parts++] = i;
    }
    if (parts > 1 && joins(g, first))
        append(b, node);
}

// Element by element, or by a gate as in squeeze-and-excitation.
static void add_multiply(struct builder *b)
{
    int x = pick(b), by = -1;
    if (chance(b, 50)) {
        by = add_head(b, x);
        by = by >= 0 ? add_linear(b, by, b->graph->nodes[x].c) : by;
    } else {
        by = add_projection(b, x, 1, b->graph->nodes[x].c);
    }
    struct node node = make_node(NODE_MULTIPLY, x);
    node.from[1] = by;
    if (by >= 0)
        append(b, node);
}

static void grow(struct builder *b)
{
    struct graph *g = b->graph;
    int what = between(b, 0, 99), from = pick(b);
    bool strided = g->pool_to_stride;
    if (g->n > 2 && chance(b, 6))
        add_concat(b);
    else if (chance(b, 6) && !g->binary)
        add_multiply(b);
    else if (chance(b, 5))
        add_tokens(b, from);
    else if (what < 30)
        add_conv(b, from, chance(b, 75) ? 1 : between(b, 1, 3), channels(b));
    else if (what < 48)
        add_block(b, false);
    else if (what < 64)
        add_block(b, true);
    else if (what < 72)
        add_branches(b);
    else if (what < 80 && fits(g, from, pick(b)))
        add_sum(b, from, pick(b));
    else if (what < 92 && strided && chance(b, 60))
        add_conv_pool(b, from);
    else if (what < 92 && !strided && (!g->binary || from > 0 || g->encoder != GRAPH_RAW))
        add_pool(b, from);
    else if (what < 94)
        add_linear(b, from, between(b, 1, 8));
}

// --- The end ---

static int unread(const struct builder *b, int found[2])
{
    int n = 0;
    for (int i = 1; i < b->graph->n; i++)
        if (!graph_readers(b->graph, i)) {
            found[n < 2 ? n : 1] = i;
            n++;
        }
    return n;
}

// One of the branches that nobody reads becomes one less.
static bool merge(struct builder *b, const int ends[2])
{
    const struct graph *g = b->graph;
    if (fits(g, ends[0], ends[1]))
        return add_sum(b, ends[0], ends[1]) >= 0;
    if (fits(g, ends[1], ends[0]))
        return add_sum(b, ends[1], ends[0]) >= 0;
    bool pool = !g->binary && !g->flatten && chance(b, 50);
    int joined[2];
    for (int i = 0; i < 2; i++) {
        joined[i] = pool ? add_head(b, ends[i]) : add_linear(b, ends[i], between(b, 1, 6));
        if (joined[i] < 0)
            return false;
    }
    return add_sum(b, joined[0], joined[1]) >= 0;
}

static bool finish(struct builder *b)
{
    struct graph *g = b->graph;
    int ends[2] = {0, 0}, n;
    while ((n = unread(b, ends)) > 1)
        if (!merge(b, ends))
            return false;
    int last = n ? ends[0] : 0;
    const struct node *node = &g->nodes[last];
    bool vector = last && node->h == 1 && node->w == 1 && node->kind != NODE_HEAD &&
                  node->kind != NODE_CONCAT && node->kind != NODE_MULTIPLY;
    if (vector && node->kind != NODE_POOL && node->relu != 1 && chance(b, 30))
        return last == g->n - 1;
    if (chance(b, 40))
        last = add_head(b, last);
    if (last < 0)
        return false;
    if (g->nodes[last].kind == NODE_HEAD && !g->flatten && chance(b, 15))
        return last == g->n - 1; // global average pooling is the output
    for (int layers = chance(b, 75) ? 1 : between(b, 2, 3); layers > 0 && last >= 0; layers--)
        last = add_linear(b, last, between(b, 1, 10));
    g->nodes[g->n - 1].relu = -1; // logits have a sign
    return last == g->n - 1;
}

static int bits(struct builder *b, int normal)
{
    return chance(b, 15) ? 0 : chance(b, 25) ? normal : between(b, 1, 16);
}

static void choose_keys(struct builder *b)
{
    struct graph *g = b->graph;
    g->binary = chance(b, 25);
    g->int16 = chance(b, 30);
    g->weight_bits = bits(b, g->int16 ? 16 : 8);
    g->activation_bits = bits(b, g->int16 ? 16 : 8);
    g->raw_bits = chance(b, 70) ? 8 : between(b, 1, 8);
    g->weights_by_layer = chance(b, 20);
    int encoder = between(b, 0, 99);
    bool raw = encoder < (g->binary ? 10 : 80);
    g->encoder = raw            ? GRAPH_RAW
                 : encoder < 90 ? GRAPH_THERMOMETER
                 : encoder < 95 ? GRAPH_BIT_PLANES
                                : GRAPH_SIGN;
    g->levels = between(b, 1, 4);
    g->normalise = (enum graph_normalise)between(b, 0, 2);
    g->add_before_bn = chance(b, g->binary ? 75 : 20);
    g->pad_both = chance(b, g->binary ? 25 : 75);
    g->flatten = g->binary || chance(b, 15);
    g->pool_to_stride = chance(b, g->binary ? 60 : 15);
    g->residual_bits = between(b, 2, 32);
    g->residual_frac = between(b, 0, g->residual_bits < 31 ? g->residual_bits - 1 : 30);
    g->plus_minus_one = g->binary && chance(b, 50);
    g->planes = !g->binary || raw || chance(b, 70) ? -1 : chance(b, 50);
    if (g->plus_minus_one || (g->planes > 0 && g->binary))
        g->pad_value = between(b, -1, 1);
    g->bn_eps = chance(b, 60) ? 1e-5 : 1e-3;
    struct node *in = &g->nodes[0];
    *in = make_node(NODE_INPUT, -1);
    in->c = between(b, 1, 3) * graph_planes(g);
    in->h = between(b, 3, 9);
    in->w = chance(b, 50) ? in->h : between(b, 3, 9);
    if (chance(b, 40)) // halves again and again
        in->h = in->w = chance(b, 50) ? 4 : 8;
    g->n = 1;
}

static bool too_large(const struct graph *g)
{
    for (int i = 1; i < g->n; i++)
        if (node_size(&g->nodes[i]) > LARGEST)
            return true;
    return false;
}

void graph_generate(uint64_t seed, struct graph *graph)
{
    struct builder b = {.graph = graph, .prng = {seed}};
    bool ok = false;
    while (!ok) {
        memset(graph, 0, sizeof *graph);
        memset(b.sealed, 0, sizeof b.sealed);
        b.next_id = 1;
        graph->seed = seed;
        choose_keys(&b);
        int layers = between(&b, 2, 12);
        while (graph->n < layers)
            grow(&b);
        ok = graph->n > 1 && finish(&b) && !too_large(graph);
    }
}
