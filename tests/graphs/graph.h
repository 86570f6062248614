// A random network as plain data. The expected side of the tests knows networks only in this form:
// it shares no code with nets/, so an error there cannot hide itself here.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GRAPH_PARTS = 4,   // inputs of a node, at most
    GRAPH_NODES = 40,  // at most, the input included
    GRAPH_TEXT = 8192, // bytes of its net file
    GRAPH_NAME = 16,
};

enum node_kind {
    NODE_INPUT,
    NODE_CONV,
    NODE_LINEAR,
    NODE_POOL,
    NODE_ADD,
    NODE_HEAD,
    NODE_CONCAT,
    NODE_MULTIPLY
};
enum node_act { ACTS_NOT, ACTS_RELU, ACTS_THRESHOLD };
enum graph_encoder { GRAPH_RAW, GRAPH_THERMOMETER, GRAPH_BIT_PLANES, GRAPH_SIGN };
enum graph_normalise { GRAPH_UNIT, GRAPH_IMAGENET, GRAPH_MNIST };

// Per output channel; NULL where the layer has none.
struct node_values {
    float *w;     // (out, in / groups, kernel_h, kernel_w), of linear layers (out, in)
    float *scale; // of binary weights; NULL: mean |w|
    float *bias;
    float *gamma, *beta, *mean, *var;
};

struct node {
    int id; // keeps its value when nodes are reordered or removed; gives the name and the values
    enum node_kind kind;
    int from[GRAPH_PARTS]; // nodes that are read, -1: none; [1] of an add: the shortcut, of a
                           // multiply: the other factors; all parts of a concat
    int out;               // channels or features, as the net file says
    int kernel[2], stride[2], dilation[2];
    int pad[4]; // top, left, bottom, right
    bool same;  // the pads are TensorFlow's "same", set by graph_shape()
    int groups;
    bool tokens;   // conv: written as a linear layer of every pixel
    bool global;   // pool: its window is the map
    bool average;  // of a pool
    int count_pad; // of an average pool: the key: 0 or 1; -1: not written
    bool bn;
    int bias;    // of conv and linear: the key: 0 or 1; -1: not written
    int relu;    // of conv, linear and add: the key: 0 or 1; -1: not written
    int c, h, w; // of the output
    // Set by graph_flatten() only.
    enum node_act act;
    bool biased;
    int norm; // node whose batch-norm is applied to this one's output; -1: none
};

struct graph {
    uint64_t seed; // of values and images
    bool binary;   // the form; else int8 or int16
    bool int16;
    int weight_bits, activation_bits; // of the integer forms; 0: as the form has them
    enum graph_encoder encoder;
    int levels;
    enum graph_normalise normalise;
    int raw_bits;
    bool weights_by_layer; // one scale for all channels
    bool add_before_bn, pad_both, flatten, pool_to_stride;
    int residual_bits, residual_frac; // of the binary form
    bool plus_minus_one;              // binary form: activations of -1 and +1
    int planes;    // binary form: the key: 0: zero_one, 1: plus_minus_one; -1: not written
    int pad_value; // binary form: -1, 0, +1: what stands around maps of -1 and +1
    double bn_eps;
    int n;
    struct node nodes[GRAPH_NODES]; // [0] is the image; the last one is the output
    struct node_values values[GRAPH_NODES];
};

// --- Random numbers: a sequence that depends on the seed alone ---

struct prng {
    uint64_t state;
};
uint64_t prng_next(struct prng *prng);
int prng_int(struct prng *prng, int low, int high); // both included
bool prng_percent(struct prng *prng, int percent);
double prng_uniform(struct prng *prng, double low, double high);

// --- Graphs ---

// The same graph for the same seed. Has no values yet.
void graph_generate(uint64_t seed, struct graph *graph);
// Sizes of a node's output from those of the nodes that it reads. False if there is no such layer.
bool graph_shape(struct graph *graph, int node);
// How often the output of `node` is read.
int graph_readers(const struct graph *graph, int node);
// The first of the nodes whose maps have the same steps as this one's in the integer forms: parts
// of a concat, and a max-pool and what it reads; or the node itself.
int graph_format(const struct graph *flat, int node);
// By how many elements an average pool divides at (y, x).
int graph_divisor(const struct graph *graph, int node, int y, int x);
// The same graph with its nodes in another order, every one behind the nodes that it reads.
void graph_reorder(const struct graph *graph, uint64_t seed, struct graph *out);
// The layers that the graph's form really has: pools that became strides and heads that became
// nothing are gone, activations and batch-norms stand where the form puts them.
void graph_flatten(const struct graph *graph, struct graph *out);
// Removes one node; what read it reads its input [side]. False if the rest is no network.
bool graph_without(const struct graph *graph, int node, int side, struct graph *out);

// Whether a node of a flattened graph leaves a map with a sign in the integer forms: images that
// are centred around 0, what no ReLU follows, and pools of these.
bool graph_signed(const struct graph *flat, int node);

// Whether the two values of a node's map, as layers read it, are -1 and +1; else they are 0 and 1.
bool graph_bipolar(const struct graph *flat, int node);
// Planes that the encoder makes of a channel.
int graph_planes(const struct graph *graph);

// "conv3": the node's name in the net file.
const char *graph_name(const struct node *node, char name[GRAPH_NAME]);
// The net file. Keys that have their default value, and `from` where it names the layer above, are
// left out or not, as `style` has it.
void graph_text(const struct graph *graph, uint64_t style, char text[GRAPH_TEXT]);

// Random weights of a flattened graph; a node's values depend on the graph's seed, its id and its
// shape.
void graph_fill(struct graph *flat);
void graph_free_values(struct graph *flat);
size_t graph_weights(const struct graph *flat, int node); // 0 of nodes without
size_t graph_inputs(const struct graph *flat, int node);  // weights of one output
size_t node_size(const struct node *node);                // elements of its output
// n random images of `bytes` bytes, values below 2^raw_bits; some are all zeros or all ones.
void graph_images(const struct graph *graph, size_t n, size_t bytes, uint8_t *images);
