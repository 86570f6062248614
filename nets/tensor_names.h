// The tensors that a net wants: what each is called, its shape, where its values go. For the files
// of this folder only.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;
struct layer_weights;
struct net;
struct safetensors;
struct stored_tensor;

enum weight_part {
    PART_WEIGHT,
    PART_SCALE, // of binary weights: one, or one for every output channel
    PART_BIAS,
    PART_GAMMA,
    PART_BETA,
    PART_MEAN,
    PART_VAR
};

struct tensor_name {
    const char *name; // "layer1.0.bn1.running_mean"
    size_t layer;     // whose struct layer_weights has the values
    enum weight_part part;
    bool optional; // a file need not have it
    int rank;
    int64_t shape[4];
    int64_t count;
    int block;           // of a name "layerS.B.": which block of the net, over all stages; else -1
    size_t block_length; // of that prefix
};

struct tensor_names {
    size_t n;
    struct tensor_name *items; // in the net's order
    size_t *first;             // of each layer: its first slot, the weights if it has any
};

enum { TENSOR_ALIASES = 8 };
#define BN_EPS 1e-5 // PyTorch's default

// Names and shapes only; false when two tensors would bear one name, or one that no file can hold.
bool tensor_names_create(const struct net *net, struct arena *mem, struct tensor_names *slots,
                         struct err *err);
// Other names that files have for it. Returns how many.
int tensor_name_aliases(const struct net *net, const struct tensor_name *slot, struct arena *mem,
                        const char *aliases[TENSOR_ALIASES]);
float **tensor_name_place(struct layer_weights *layer, enum weight_part part);
const float *tensor_name_values(const struct layer_weights *layer, enum weight_part part);
// Whether all are finite, and no variance negative; `path` stands in the message.
bool tensor_name_check(const struct tensor_name *slot, const float *values, const char *path,
                       struct err *err);

// A file beside a net.
struct match {
    const char *path;
    const struct net *net;
    struct safetensors *file;
    struct tensor_names slots;
    const struct stored_tensor **found; // of each slot; NULL: the file has none
    bool *used;                         // of each tensor of the file
    struct arena *mem;
};

// shape_hint.c: what the file would fit, as half a sentence with a remedy: "; it fits --width 1x".
const char *match_advice(const struct match *match);
