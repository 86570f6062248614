// A graph as a net file.
#include "tests/graphs/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct writer {
    char *text;
    size_t n;
    struct prng prng;
};

static void put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct writer *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->text + w->n, GRAPH_TEXT - w->n, format, args);
    va_end(args);
    w->n += n > 0 ? (size_t)n : 0;
    if (w->n >= GRAPH_TEXT)
        w->n = GRAPH_TEXT - 1;
}

// Whether a key is written that would have that value anyway.
static bool written(struct writer *w, bool is_default)
{
    return !is_default || prng_percent(&w->prng, 50);
}

static void put_pair(struct writer *w, const char *key, const int *v)
{
    if (v[0] == v[1])
        put(w, ", %s: %d", key, v[0]);
    else
        put(w, ", %s: [%d, %d]", key, v[0], v[1]);
}

static void put_pad(struct writer *w, const struct node *node)
{
    const int *pad = node->pad;
    if (node->same) {
        put(w, ", pad: same");
        return;
    }
    if (pad[0] == pad[2] && pad[1] == pad[3] && prng_percent(&w->prng, 50)) {
        put(w, ", pad: [%d, %d]", pad[0], pad[1]);
        return;
    }
    bool same = pad[0] == pad[1] && pad[0] == pad[2] && pad[0] == pad[3];
    if (same && written(w, pad[0] == 0))
        put(w, ", pad: %d", pad[0]);
    else if (!same)
        put(w, ", pad: [%d, %d, %d, %d]", pad[0], pad[1], pad[2], pad[3]);
}

static void put_window(struct writer *w, const struct node *node)
{
    bool pool = node->kind == NODE_POOL;
    bool normal = node->stride[0] == (pool ? node->kernel[0] : 1) &&
                  node->stride[1] == (pool ? node->kernel[1] : 1);
    if (node->global)
        put(w, ", kernel: global");
    else
        put_pair(w, "kernel", node->kernel);
    if (!node->global && written(w, normal))
        put_pair(w, "stride", node->stride);
    if (!node->global)
        put_pad(w, node);
    if (node->dilation[0] != 1 || node->dilation[1] != 1)
        put_pair(w, "dilation", node->dilation);
    if (!pool && written(w, node->groups == 1))
        put(w, ", groups: %d", node->groups);
    if (pool && written(w, !node->average))
        put(w, ", pool: %s", node->average ? "average" : "max");
    if (pool && node->average && node->count_pad >= 0)
        put(w, ", count_pad: %s", node->count_pad ? "true" : "false");
}

static void put_parts(struct writer *w, const struct graph *graph, const struct node *concat)
{
    char name[GRAPH_NAME];
    for (int k = 0; k < GRAPH_PARTS && concat->from[k] >= 0; k++)
        put(w, "%s%s", k ? ", " : ", from: [", graph_name(&graph->nodes[concat->from[k]], name));
    put(w, "]");
}

static void put_node(struct writer *w, const struct graph *graph, int i)
{
    static const char *const kinds[] = {"",    "conv", "linear", "pool",
                                        "add", "head", "concat", "multiply"};
    const struct node *node = &graph->nodes[i];
    char name[GRAPH_NAME];
    put(w, "  - {name: %s, kind: %s", graph_name(node, name),
        kinds[node->tokens ? NODE_LINEAR : node->kind]);
    if (node->kind == NODE_CONCAT)
        put_parts(w, graph, node);
    else if (written(w, node->from[0] == i - 1))
        put(w, ", from: %s", graph_name(&graph->nodes[node->from[0]], name));
    if (node->kind == NODE_CONV || node->kind == NODE_LINEAR)
        put(w, ", out: %d", node->out);
    if (node->tokens)
        put(w, ", tokens: true");
    else if (node->kind == NODE_CONV || node->kind == NODE_POOL)
        put_window(w, node);
    if (node->kind == NODE_ADD)
        put(w, ", shortcut: %s", graph_name(&graph->nodes[node->from[1]], name));
    if (node->kind == NODE_MULTIPLY)
        put(w, ", by: %s", graph_name(&graph->nodes[node->from[1]], name));
    bool conv = node->kind == NODE_CONV && !node->tokens;
    bool linear = node->kind == NODE_LINEAR || node->tokens;
    bool normal = !graph->binary && node->bn == conv; // the binary form has a default of its own
    if ((conv || linear) && written(w, normal))
        put(w, ", bn: %s", node->bn ? "true" : "false");
    if ((conv || linear) && node->bias >= 0)
        put(w, ", bias: %s", node->bias ? "true" : "false");
    if (node->relu >= 0)
        put(w, ", relu: %s", node->relu ? "true" : "false");
    put(w, "}\n");
}

static void put_keys(struct writer *w, const struct graph *graph)
{
    static const char *const encoders[] = {"raw", "thermometer", "bit_planes", "sign"};
    static const char *const normalise[] = {"unit", "imagenet", "mnist"};
    const struct node *in = &graph->nodes[0];
    bool binary = graph->binary;
    put(w, "name: random\ndefault_form: %s\n", binary ? "binary" : graph->int16 ? "int16" : "int8");
    put(w, "input: {channels: %d, height: %d, width: %d, bits: %d, normalise: %s}\n",
        in->c / graph_planes(graph), in->h, in->w, graph->raw_bits, normalise[graph->normalise]);
    put(w, "encoder: %s\nlevels: %d\n", encoders[graph->encoder], graph->levels);
    if (written(w, graph->add_before_bn == binary))
        put(w, "add: %s\n", graph->add_before_bn ? "before_bn" : "after_bn");
    if (written(w, graph->pad_both == !binary))
        put(w, "shortcut_pad: %s\n", graph->pad_both ? "both" : "end");
    if (written(w, graph->flatten == binary))
        put(w, "head: %s\n", graph->flatten ? "flatten" : "avgpool");
    if (written(w, graph->pool_to_stride == binary))
        put(w, "max_pool: %s\n", graph->pool_to_stride ? "stride" : "keep");
    if (binary)
        put(w, "residual_bits: %d\nresidual_frac: %d\n", graph->residual_bits,
            graph->residual_frac);
    if (written(w, !graph->plus_minus_one))
        put(w, "activations: %s\n", graph->plus_minus_one ? "plus_minus_one" : "zero_one");
    if (graph->planes >= 0)
        put(w, "planes: %s\n", graph->planes ? "plus_minus_one" : "zero_one");
    static const char *const pads[] = {"minus_one", "zero", "plus_one"};
    if (graph->pad_value)
        put(w, "pad_value: %s\n", pads[graph->pad_value + 1]);
    if (written(w, !graph->weights_by_layer))
        put(w, "quantise: {weights: %s}\n", graph->weights_by_layer ? "layer" : "channel");
    if (graph->weight_bits && !binary)
        put(w, "weight_bits: %d\n", graph->weight_bits);
    if (graph->activation_bits && !binary)
        put(w, "activation_bits: %d\n", graph->activation_bits);
}

void graph_text(const struct graph *graph, uint64_t style, char text[GRAPH_TEXT])
{
    struct writer w = {.text = text, .prng = {style}};
    put_keys(&w, graph);
    put(&w, "layers:\n");
    for (int i = 1; i < graph->n; i++)
        put_node(&w, graph, i);
}
