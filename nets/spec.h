// A net file as it is written, before a form and widths are chosen; and the net while it is being
// built from it. For the files of this folder only.
#pragma once
#include "nets/net.h"
#include "base/conf/conf.h"

struct arena;

enum {
    MAX_LAYERS = 4096,
    MAX_CHANNELS = 1 << 20,
    MAX_FEATURES = 1 << 24, // of a flattened map, or of a convolution's window: rows of a matrix
    MAX_MAP = 1 << 14,      // height and width
    MAX_PADDING = 1 << 27,  // elements of zeros around a map
    MAX_LEVELS = 4096,
};

enum spec_kind {
    SPEC_CONV,
    SPEC_LINEAR,
    SPEC_POOL,
    SPEC_ADD,
    SPEC_HEAD,
    SPEC_CONCAT,
    SPEC_MULTIPLY
};
extern const char *const spec_kind_names[];
// Words for a pad, in the order of their names in net_conf.c.
enum { GROUPS_DEPTHWISE = -1 };
enum { PAD_SAME = -1, PAD_VALID = -2 };
enum { KERNEL_GLOBAL = -1 }; // the whole map

struct layer_spec {
    const char *name;
    int kind;
    struct conf_strs from; // none: the previous layer; several: of a concat
    int out;               // 0: not said
    const char *same_as;
    struct conf_ints kernel, stride, dilation; // n 0: not said
    struct conf_ints pad;                      // one value: PAD_SAME, PAD_VALID or zeros per side
    int groups; // GROUPS_DEPTHWISE: as many as there are input channels
    int pool;
    bool count_pad, has_count_pad;
    const char *shortcut;
    const char *by;
    bool tokens;
    bool scale, has_scale;
    bool bn, has_bn;
    bool bias, has_bias;
    bool relu, has_relu;
    const char *forms; // NULL: all
};

struct quantise_spec {
    int weights; // enum weight_scale
};

struct input_spec {
    int channels, height, width, bits, normalise;
};

// Of the enumerated keys, 0 is "auto": as the form has it.
enum spec_encoder { AUTO_ENCODER, SPEC_THERMOMETER, SPEC_BIT_PLANES, SPEC_RAW, SPEC_SIGN };
enum spec_planes { AUTO_PLANES, PLANES_ZERO_ONE, PLANES_PLUS_MINUS_ONE };
enum spec_add { AUTO_ADD, ADD_BEFORE_BN, ADD_AFTER_BN };
enum spec_pad { AUTO_PAD, PAD_END, PAD_BOTH };
enum spec_head { AUTO_HEAD, HEAD_FLATTEN, HEAD_AVGPOOL };
enum spec_max_pool { AUTO_MAX_POOL, MAX_POOL_STRIDE, MAX_POOL_KEEP };
enum { AUTO_BITS = -1 };

struct net_spec {
    const char *name, *description;
    struct input_spec input;
    int classes; // 0: not said
    int default_form;
    int activations, pad_value, planes; // of the binary form
    int encoder, levels, add, shortcut_pad, head, max_pool;
    int residual_bits, residual_frac, weight_bits, activation_bits;
    struct quantise_spec quantise;
    struct conf_list layers; // of layer_spec
};

// What a form makes of the keys that say "auto".
struct form_rules {
    enum net_form form;
    enum net_encoder encoder;
    int levels;
    bool plus_minus_one, planes_plus_minus_one; // activations; planes of the encoder
    bool add_before_bn, pad_both, flatten, pool_to_stride;
    int residual_bits, weight_bits, activation_bits;
};

struct build {
    const struct conf_node *root;
    const struct net_spec *spec;
    struct form_rules rules;
    const struct net_options *options;
    struct arena *mem;     // the net's
    struct arena *scratch; // gone when the net stands
    struct net_changes changes;
    size_t n; // layers so far
    struct layer *layers;
    const struct layer_spec **specs; // of each layer; NULL for the input
    const struct conf_node **nodes;  // of each layer, to blame
    int *same_as;                    // of each layer: the layer whose out_c it takes; -1
    int *readers;                    // of each layer's output
    int *stream_readers;             // those of them that take it unquantised
    struct err *err;
};

// net.c: the hash of a finished net.
uint64_t net_hash(const struct net *net);

// forms.c: the rules of the forms.
bool form_choose(const struct conf_node *root, const struct net_spec *spec, enum net_form form,
                 struct form_rules *rules, struct err *err);
// Bit FORM_x of the mask is set for every form that the text names ("int8 int16"; NULL: all).
bool form_mask(const struct conf_node *at, const char *text, unsigned *mask, struct err *err);
// Whether the layer reads that input as it is before the quantiser of ordinary consumers.
bool reads_stream(const struct build *b, const struct layer *layer, int edge);
// Whether a conv or linear layer of the net as written is followed by batch-norm, else it has a
// bias.
bool has_bn(const struct layer_spec *spec);
// Whether the layer has a bias in that form.
bool has_bias(const struct layer_spec *spec, enum net_form form);
// Whether the layer's window is its whole input map, whatever its size.
bool is_global(const struct layer_spec *spec);
// Bits of a map in two's complement that has so many without a sign: 1 bit would hold -1 and 0.
int signed_bits(int bits);
// Refuses keys that no form can follow.
bool form_check(const struct build *b);
// Activations, batch-norm and bits of all layers, once their inputs and shapes are known. Fails on
// concats whose parts cannot be stored alike.
bool form_apply(struct build *b);

// link.c: which layers there are in this form and what each reads.
bool link_layers(struct build *b);
const struct conf_node *blame(const struct build *b, size_t layer, const char *key);

// widths.c: out_c of conv and linear layers. Returns the text for net->width, NULL on failure.
const char *widths_apply(struct build *b);

// shape.c: sizes of all layers, and what they cost.
bool shape_layers(struct build *b);
bool count_layers(struct build *b);
