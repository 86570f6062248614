// A network: a list of layers in an order in which every layer comes after its inputs. Plain data,
// immutable once loaded, owned by the net's arena. Knows no hardware.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf/conf.h"

struct err;
struct warnings;

enum net_form { FORM_BINARY, FORM_INT8, FORM_INT16, FORM_FLOAT, FORM_COUNT };
extern const char *const net_form_names[]; // NULL-terminated

enum layer_kind {
    LAYER_INPUT,
    LAYER_CONV,
    LAYER_LINEAR,
    LAYER_POOL,
    LAYER_ADD,
    LAYER_CONCAT,
    LAYER_MULTIPLY
};
extern const char *const layer_kind_names[];

enum pool_kind { POOL_MAX, POOL_AVERAGE };

// What happens to a layer's sums before they leave (after batch-norm, if any).
enum layer_act {
    ACT_NONE,      // handed on as they are (to an add, to a layer behind `relu: false`, or logits)
    ACT_THRESHOLD, // 1 bit: a comparator with batch-norm folded into its threshold
    ACT_RELU,      // and, in integer forms, quantised to out_bits
};

// How the image becomes the planes that the first layer reads.
enum net_encoder {
    ENCODER_THERMOMETER, // `levels` 1-bit planes per channel; plane level * channels + channel
    ENCODER_BIT_PLANES,  // one 1-bit plane per bit of a channel
    ENCODER_RAW,         // the channels as they come
    ENCODER_SIGN, // one 1-bit plane per channel: whether the pixel is at least half the range
};
extern const char *const net_encoder_names[];

// How raw pixels become the numbers that a net without encoder was trained on; x is pixel / max.
enum net_normalise {
    NORMALISE_UNIT,     // x
    NORMALISE_IMAGENET, // (x - mean) / std with mean .485 .456 .406, std .229 .224 .225
    NORMALISE_MNIST,    // (x - 0.1307) / 0.3081
};
extern const char *const net_normalise_names[];

// What one step of a k-bit weight is worth: a scale for every output channel, so that each one's
// largest weight takes all steps, or one for the whole layer (HAWIS, MNSIM, NeuroSim). Binary
// layers have one for the layer (DoReFa's mean |w|), or those that their file has.
enum weight_scale { WEIGHT_SCALE_CHANNEL, WEIGHT_SCALE_LAYER };
extern const char *const weight_scale_names[]; // "channel", "layer", NULL

// The two values of the binary form's activations, and where they begin: 1 where x > 1/2, else 0
// (DoReFa); or +1 where x >= 0, else -1. Maps and word lines carry bits b in both cases; of the
// second kind of map, the value is 2b - 1.
enum net_activations { ACTIVATIONS_ZERO_ONE, ACTIVATIONS_PLUS_MINUS_ONE };
extern const char *const net_activations_names[];

// What stands around a map of -1 and +1. Maps of 0 and 1 are padded with 0.
enum net_pad_value { PAD_VALUE_ZERO, PAD_VALUE_MINUS_ONE, PAD_VALUE_PLUS_ONE };
extern const char *const net_pad_value_names[];

struct layer {
    const char *name; // PyTorch style: "layer1.0.conv1"
    enum layer_kind kind;
    // Producing layers. An add reads its shortcut as [1]; a multiply its second factor, of the same
    // size or one element for each channel; a concat its parts, whose channels follow each other.
    // [0] and [1] are always there; -1: none.
    int n_inputs;
    const int *input;
    int in_c, in_h, in_w;    // of input[0]; of a linear layer: (features, 1, 1)
    int out_c, out_h, out_w; // of a linear layer: (features, 1, 1)
    // Conv and pool, see geometry.h; elsewhere 1 (pads: 0).
    int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, groups;
    int pad_top, pad_left, pad_bottom, pad_right; // rows and columns of zeros around the map
    enum pool_kind pool;
    bool count_pad; // an average pool divides by all taps, not by those on the map only
    bool tokens;    // conv with a 1x1 kernel that is a linear layer of every pixel (token)
    bool bn;
    bool bias; // conv, linear: added to the sums, before a batch-norm
    enum layer_act act;
    bool bipolar;    // binary form: the bits of its map stand for -1 and +1
    bool pad_one;    // conv: a bit of 1 stands around the map that it reads, else 0
    bool is_signed;  // integer forms: its map has negative values, stored in two's complement (raw
                     // images, and maps that no ReLU or comparator follows); false elsewhere
    bool scalable;   // its out_c follows --width and --widths
    int weight_bits; // conv, linear; 0 elsewhere; 32 in the float form
    int in_bits[2];  // bits of one element on each input edge, as stored and sent
                     // ([1] of a binary add: residual_bits; of a concat all parts are alike)
    int out_bits;    // bits of one output element as an ordinary consumer takes it
    int64_t macs;    // conv, linear: multiply-accumulates of one image
    int64_t params;  // weights, plus bias or batch-norm's two per channel as stored
    int64_t weights; // weights alone
    int format_of;   // integer forms: the first of the layers whose maps share bits, sign and scale
                     // with this one's (parts of a concat; a max pool and what it reads), or itself
    int64_t adds;    // add: element additions of one image
    int64_t pools;   // pool: elements read by the pooling windows of one image
    int64_t products; // multiply: element products of one image
};

// Layers of the file, by name, of which the form makes something else without the file saying so;
// NULL: none.
struct net_changes {
    const char *pools; // max-pools that become strides
    const char *heads; // average poolings that are left out
    const char *relus; // ReLUs that become comparators
    const char *norms; // convolutions and linear layers without batch-norm that get one
};

// Conv and linear layers: those with a matrix of weights.
static inline bool layer_has_weights(const struct layer *layer)
{
    return layer->kind == LAYER_CONV || layer->kind == LAYER_LINEAR;
}

// Inputs of one output of such a layer: at most 2^24.
static inline int layer_inputs(const struct layer *layer)
{
    return layer->in_c / layer->groups * layer->kernel_h * layer->kernel_w;
}

struct net {
    const char *name;
    const char *description;
    const char *width; // how the widths were chosen: "1x", "3x", "64,80,..."
    enum net_form form;
    int classes;
    int raw_c, raw_h, raw_w, raw_bits; // the image as it comes
    enum net_encoder encoder;
    int levels;    // of the thermometer
    bool pad_both; // shortcuts pad and cut channels on both sides, else at the end
    enum net_normalise normalise;
    enum net_activations activations; // of the binary form
    enum net_pad_value pad_value;     // of its maps of -1 and +1
    enum weight_scale weight_scale;   // of the integer forms' weights
    int residual_bits;                // binary form; 0: no fixed-point stream
    int residual_frac;                // of these, behind the point
    struct net_changes changes;
    size_t n;
    const struct layer *layers; // [0] is the input layer: the encoder's planes
    uint64_t hash;              // of all that describes it
    struct arena *mem;
};

struct net_options {
    bool has_form; // else the net's default_form
    enum net_form form;
    double width;      // uniform expansion ratio; 0: 1
    const int *widths; // out_c of every scalable layer in order; NULL: width is used
    size_t n_widths;
};

// Operations as the papers count them: one multiply-accumulate is one operation.
struct net_ops {
    int64_t macs;       // of all layers
    int64_t binary_ops; // MACs of layers with 1-bit weights and 1-bit inputs (HAWIS Tables III, IV)
    int64_t integer_ops; // MACs of layers with more bits
    int64_t float_ops;   // MACs of the float form
    int64_t params;
    int64_t weights;
    // Counted as nothing in those tables:
    int64_t residual_adds, pool_elements, thresholds, element_products;
};

extern const struct conf_field net_fields[];
// Builds the net that conf describes in the form and at the widths asked for.
bool net_load(const struct conf *conf, const struct net_options *options, struct net **out,
              struct err *err);
// NeuroSim's layer CSV (8 columns: IFM length, width, channels, kernel length, width, output
// channels, followed by a 2x2 max pool 0/1, stride). Convs pad kernel - 1 rows and columns, the
// smaller half above and to the left: at stride 1 maps keep their size.
bool net_load_csv(const char *path, const struct net_options *options, struct net **out,
                  struct err *err);
// The same from n bytes with a 0 behind them; `name` stands in messages and gives the net's.
bool net_parse_csv(const char *name, const char *text, size_t n, const struct net_options *options,
                   struct net **out, struct err *err);
// "conv", "linear" (token-wise ones too), ...: what the layer is called where people read it.
const char *layer_kind_name(const struct layer *layer);
// Whether the last layer gives one number for each of the net's classes, so that the largest is the
// answer.
bool net_check_classes(const struct net *net, struct err *err);
void net_destroy(struct net *net); // NULL is fine
// Adds the warning "form-changes-layer" if the form changes layers that the file lists.
void net_warn(const struct net *net, struct warnings *warnings);
// "channel" or "layer": what has one scale of the weights in this form; NULL in the float form.
const char *net_weight_scale(const struct net *net);
struct net_ops net_ops(const struct net *net);
// Whether the layer's products read -1 and +1 (as bits).
bool net_reads_bipolar(const struct net *net, int layer);
// The layer that reads this one's output as its main input (input[0], or a part of a concat); -1
// if none or several.
int net_consumer(const struct net *net, int layer);
// The add that takes a conv's or linear layer's sums as they are and is their only reader; -1:
// none.
int net_fused_add(const struct net *net, int layer);
// Where a layer's channels are made, concats resolved: parts[k] has the channels from first[k] on.
// Returns how many parts there are; parts NULL: only counts them.
struct net_part {
    int layer; // no concat
    int first; // of its channels, among those of the requested layer
};
int net_parts(const struct net *net, int layer, struct net_part *parts);
