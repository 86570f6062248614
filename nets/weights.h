// The values of a net: weights, biases, batch-norm; in and out as safetensors files under the names
// that PyTorch gives them. One arena owns them.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct arena;
struct err;
struct net;
struct warnings;

struct layer_weights {
    float *w;     // conv: (out, in/groups, kernel_h, kernel_w); linear: (out, in); else NULL
    float *scale; // (out); binary form: weights act as sign(w) * scale; NULL: sign(w) * mean |w|
    float *bias;  // (out); NULL where the layer has none
    // Batch-norm, (out) each, all NULL without: gamma * (x - mean) / sqrt(var + bn_eps) + beta.
    // That of an add (a binary block's second one) stands at the conv that the add sums up.
    float *gamma, *beta, *mean, *var;
    double bn_eps; // a file holds one for all layers
};

struct weights {
    size_t n;                     // layers of the net
    struct layer_weights *layers; // in the net's order; [0], the input, has none
    // Which images they were trained on, and which of these were held out, as trainer_split() says;
    // NULL: nobody knows. Whoever judges them by held-out images asks.
    const char *split;
    const char *trained_on; // the data set's name; NULL: nobody knows
    const char *form;       // that they were made for, as the file says; NULL: it does not
    struct arena *mem;
};

// Room for all that the net has: zeros, but for batch-norms that change nothing (gamma = var = 1).
// To be filled by who trains, or constructs, a net.
struct weights *weights_create(const struct net *net);
// The same values, in weights of their own.
struct weights *weights_copy(const struct net *net, const struct weights *weights);
void weights_destroy(struct weights *weights); // NULL is fine
// Whether training can take them on; false, saying why, where a layer has a scale. `name` stands in
// the message.
bool weights_trainable(const struct net *net, const struct weights *weights, const char *name,
                       struct err *err);
// What the weights of a layer are worth in the binary form, per output channel: the layer's scale,
// or its mean |w| (DoReFa). They act as +1 where w >= 0, else -1, times this.
void weights_scales(const struct layer_weights *weights, int64_t n, int out_c, double *scales);

// A tensor that a weights file of the net holds.
struct tensor_info {
    const char *name; // as weights_save writes it
    int rank;
    int64_t shape[4];
    bool optional;
    const char *what; // "weights", "variance"
};
// Calls `each` for all of them in the order of weights_save. Fails where two would have one name.
bool weights_list(const struct net *net,
                  void (*each)(void *context, const struct tensor_info *info), void *context,
                  struct err *err);

// As net_weight_scale(), but "channel" for binary weights whose scales differ within a layer.
const char *weights_scale_kind(const struct net *net, const struct weights *weights);
// Warns of binary weights of -1 and +1 without a scale where the answer depends on one (no-scale).
void weights_warn(const struct net *net, const struct weights *weights, struct warnings *warnings);

// Reads a file for the net. Its tensors may bear the names that weights_save gives, or number the
// blocks over all stages (layers.3.conv1 for layer2.0.conv1), call the classifier linear, fc or
// classifier, and have "module." before all names. Binary weights may have a scale beside them,
// NAME.weight_scale, NAME.scale or NAME.alpha: one value, or one for every output channel. Types
// F32, F16, BF16, F64, I8, U8, I32, I64. Missing, unknown (but num_batches_tracked) and misshapen
// tensors and values that are not finite are refused, with what the file would fit; so are files
// above 4 GB, headers above 16 MB and tensors above 2^31 elements.
bool weights_load(const char *path, const struct net *net, struct weights **out, struct err *err);
// The same from n bytes; `name` stands in messages.
bool weights_parse(const char *name, const void *bytes, size_t n, const struct net *net,
                   struct weights **out, struct err *err);

// Whether weights_save can keep this net's weights: the names of its tensors, the size of the file.
// For a refusal before the net is trained.
bool weights_writable(const struct net *net, struct err *err);
// Writes F32 tensors in the net's order under PyTorch's names: layer1.0.conv1.weight, its
// batch-norm layer1.0.bn1.{weight,bias,running_mean,running_var}, linear.weight. The same weights
// give the same bytes; the file is there whole or not at all.
bool weights_save(const char *path, const struct net *net, const struct weights *weights,
                  struct err *err);
// The same to a stream, whose errors its owner checks.
bool weights_write(FILE *out, const char *name, const struct net *net,
                   const struct weights *weights, struct err *err);

// Of all values, in the net's order: whatever their file called them and stored them as.
uint64_t weights_hash(const struct net *net, const struct weights *weights);
