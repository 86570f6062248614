// What the forms of one net differ in. The binary form is the re-factoring of HAWIS: all layers
// 1 bit, no ReLU but a comparator, max-pooling turned into the stride of the convolution before it,
// a flattened head, and batch-norm behind the residual addition.
#include "nets/spec.h"

#include <string.h>

const char *const net_form_names[] = {"binary", "int8", "int16", "float", NULL};

// The residual stream of a binary net is fixed point, not 1 bit; 8 bits hold s * acc + x.
enum { RESIDUAL_BITS = 8, FLOAT_BITS = 32, MAX_INTEGER_BITS = 16 };

static bool choose_bits(const struct conf_node *root, const char *key, int asked, int normal,
                        enum net_form form, int *bits, struct err *err)
{
    *bits = asked == AUTO_BITS ? normal : asked;
    const struct conf_node *at = conf_find(root, key);
    if (!at)
        at = root;
    if ((form == FORM_BINARY || form == FORM_FLOAT) && *bits != normal)
        return conf_fail(at, err,
                         "%d bits, but the %s form has %d; write auto, or choose another form",
                         *bits, net_form_names[form], normal);
    if (form != FORM_FLOAT && *bits > MAX_INTEGER_BITS)
        return conf_fail(at, err, "%d bits, but the %s form allows 1..%d", *bits,
                         net_form_names[form], MAX_INTEGER_BITS);
    return true;
}

// Keys of the binary form that the others leave without a meaning.
static bool check_binary_keys(const struct conf_node *root, const struct net_spec *spec,
                              const struct form_rules *rules, struct err *err)
{
    bool plus_minus_one =
        spec->activations == ACTIVATIONS_PLUS_MINUS_ONE || spec->planes == PLANES_PLUS_MINUS_ONE;
    if (spec->pad_value != PAD_VALUE_ZERO && !plus_minus_one)
        return conf_fail(conf_find(root, "pad_value"), err,
                         "maps of 0 and 1 are padded with 0; take the key out, or set activations: "
                         "plus_minus_one");
    if (spec->planes == PLANES_PLUS_MINUS_ONE && rules->encoder == ENCODER_RAW &&
        rules->form == FORM_BINARY)
        return conf_fail(conf_find(root, "planes"), err,
                         "the encoder raw makes no planes; take the key out, or choose another "
                         "encoder");
    return true;
}

bool form_choose(const struct conf_node *root, const struct net_spec *spec, enum net_form form,
                 struct form_rules *rules, struct err *err)
{
    static const int bits[FORM_COUNT] = {
        [FORM_BINARY] = 1, [FORM_INT8] = 8, [FORM_INT16] = 16, [FORM_FLOAT] = FLOAT_BITS};
    static const enum net_encoder encoders[] = {[SPEC_THERMOMETER] = ENCODER_THERMOMETER,
                                                [SPEC_BIT_PLANES] = ENCODER_BIT_PLANES,
                                                [SPEC_RAW] = ENCODER_RAW,
                                                [SPEC_SIGN] = ENCODER_SIGN};
    bool binary = form == FORM_BINARY;
    int encoder = spec->encoder ? spec->encoder : binary ? SPEC_THERMOMETER : SPEC_RAW;
    *rules = (struct form_rules){
        .form = form,
        .encoder = encoders[encoder],
        .levels = spec->levels,
        .add_before_bn = spec->add ? spec->add == ADD_BEFORE_BN : binary,
        .pad_both = spec->shortcut_pad ? spec->shortcut_pad == PAD_BOTH : !binary,
        .flatten = spec->head ? spec->head == HEAD_FLATTEN : binary,
        .pool_to_stride = spec->max_pool ? spec->max_pool == MAX_POOL_STRIDE : binary,
    };
    rules->plus_minus_one = binary && spec->activations == ACTIVATIONS_PLUS_MINUS_ONE;
    rules->planes_plus_minus_one =
        binary && rules->encoder != ENCODER_RAW &&
        (spec->planes ? spec->planes == PLANES_PLUS_MINUS_ONE : rules->plus_minus_one);
    if (!check_binary_keys(root, spec, rules, err))
        return false;
    if (binary)
        rules->residual_bits =
            spec->residual_bits == AUTO_BITS ? RESIDUAL_BITS : spec->residual_bits;
    return choose_bits(root, "weight_bits", spec->weight_bits, bits[form], form,
                       &rules->weight_bits, err) &&
           choose_bits(root, "activation_bits", spec->activation_bits, bits[form], form,
                       &rules->activation_bits, err);
}

bool form_mask(const struct conf_node *at, const char *text, unsigned *mask, struct err *err)
{
    static const char blanks[] = " ,";
    *mask = 0;
    if (!text) {
        *mask = (1u << FORM_COUNT) - 1;
        return true;
    }
    for (text += strspn(text, blanks); *text; text += strspn(text, blanks)) {
        size_t n = strcspn(text, blanks);
        int form = 0;
        while (form < FORM_COUNT &&
               (strlen(net_form_names[form]) != n || strncmp(net_form_names[form], text, n) != 0))
            form++;
        if (form == FORM_COUNT)
            return conf_fail(at, err, "'%.*s' is no form; the forms are binary, int8, int16, float",
                             (int)(n < 40 ? n : 40), text);
        *mask |= 1u << form;
        text += n;
    }
    if (!*mask)
        return conf_fail(at, err, "names no form; write for example 'int8 float', or leave it out");
    return true;
}

// Bits of the longest sum of `n` products, sign included: what a layer without an activation hands
// on. A 1-bit weight is +1 or -1.
static int sum_bits(int64_t n, int weight_bits, int in_bits)
{
    int64_t weight = weight_bits == 1 ? 1 : INT64_C(1) << (weight_bits - 1);
    int64_t in = (INT64_C(1) << in_bits) - 1;
    int bits = 1;
    while (bits < FLOAT_BITS && n > ((INT64_C(1) << (bits - 1)) - 1) / weight / in)
        bits++;
    return bits;
}

bool reads_stream(const struct build *b, const struct layer *layer, int edge)
{
    if (layer->kind == LAYER_ADD)
        return true;
    return b->rules.form == FORM_BINARY && layer->kind == LAYER_POOL &&
           layer->pool == POOL_AVERAGE && b->layers[layer->input[edge]].kind == LAYER_ADD;
}

static int edge_bits(const struct build *b, const struct layer *layer, int edge)
{
    if (layer->input[edge] < 0)
        return 0;
    if (b->rules.form == FORM_BINARY && reads_stream(b, layer, edge))
        return b->rules.residual_bits;
    return b->layers[layer->input[edge]].out_bits;
}

bool has_bn(const struct layer_spec *spec)
{
    return spec->has_bn ? spec->bn : spec->kind == SPEC_CONV;
}

bool has_bias(const struct layer_spec *spec, enum net_form form)
{
    if (spec->kind != SPEC_CONV && spec->kind != SPEC_LINEAR)
        return false;
    return spec->has_bias ? spec->bias : !has_bn(spec) && form != FORM_BINARY;
}

int signed_bits(int bits)
{
    return bits < 2 ? 2 : bits;
}

// What follows layer i, where the file does not say it and `none` tells whether nothing would.
static enum layer_act activation(const struct build *b, size_t i, bool none)
{
    if (b->rules.form == FORM_BINARY)
        return none ? ACT_NONE : ACT_THRESHOLD;
    bool relu = b->specs[i]->has_relu ? b->specs[i]->relu : !none;
    return relu ? ACT_RELU : ACT_NONE;
}

// A k-bit map that no ReLU follows keeps its negative half.
static void apply_sign(const struct build *b, struct layer *layer, bool is_signed)
{
    if (b->rules.form == FORM_BINARY || b->rules.form == FORM_FLOAT || !is_signed)
        return;
    layer->is_signed = true;
    layer->out_bits = signed_bits(layer->out_bits);
}

static int main_reader(const struct build *b, size_t i)
{
    for (size_t j = i + 1; j < b->n; j++)
        if (b->layers[j].input[0] == (int)i)
            return (int)j;
    return -1; // read as a shortcut only
}

// A comparator's threshold is a batch-norm's, whatever the net had: DoReFa's 1/2 wants one. Behind
// it, signs need none.
static bool binary_bn(const struct build *b, size_t i)
{
    const struct layer_spec *spec = b->specs[i];
    bool last = i + 1 == b->n;
    if (spec->has_bn && (spec->bn || last || b->rules.plus_minus_one))
        return spec->bn;
    return !last;
}

static void apply_weights(struct build *b, size_t i)
{
    const struct form_rules *rules = &b->rules;
    struct layer *layer = &b->layers[i];
    bool last = i + 1 == b->n;
    bool to_add = !last && b->readers[i] == b->stream_readers[i];
    int64_t terms = (int64_t)layer->kernel_h * layer->kernel_w * (layer->in_c / layer->groups);
    layer->weight_bits = rules->weight_bits;
    layer->act = activation(b, i, last || to_add);
    layer->bn = has_bn(b->specs[i]);
    layer->bias = has_bias(b->specs[i], rules->form);
    if (rules->form == FORM_BINARY)
        layer->bn = binary_bn(b, i);
    // Block of HAWIS: bn2(conv2 + x).
    bool as_it_is = to_add && layer->act == ACT_NONE;
    int add = as_it_is && rules->add_before_bn && b->readers[i] == 1 ? main_reader(b, i) : -1;
    if (add >= 0) {
        b->layers[add].bn = layer->bn;
        layer->bn = false;
    }
    if (rules->form == FORM_FLOAT)
        layer->out_bits = FLOAT_BITS;
    else if (last)
        layer->out_bits = sum_bits(terms, layer->weight_bits, layer->in_bits[0]);
    else if (to_add && rules->form == FORM_BINARY)
        layer->out_bits = rules->residual_bits;
    else
        layer->out_bits = rules->activation_bits;
    apply_sign(b, layer, layer->act == ACT_NONE && !last);
}

static void apply_add(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    bool last = i + 1 == b->n;
    bool binary = b->rules.form == FORM_BINARY;
    bool stream_only = last || (binary && b->readers[i] == b->stream_readers[i]);
    layer->act = activation(b, i, stream_only);
    layer->out_bits = stream_only && binary ? b->rules.residual_bits : b->rules.activation_bits;
    apply_sign(b, layer, layer->act == ACT_NONE && !last);
}

static void apply_pool(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    bool binary = b->rules.form == FORM_BINARY;
    const struct layer *from = &b->layers[layer->input[0]];
    layer->out_bits = layer->in_bits[0];
    if (layer->pool == POOL_MAX) {
        apply_sign(b, layer, from->is_signed);
        return;
    }
    layer->bn = binary && i + 1 < b->n; // the head's, in the authors' code
    layer->act = layer->bn ? ACT_THRESHOLD : ACT_NONE;
    if (layer->bn || !binary)
        layer->out_bits = b->rules.activation_bits;
    apply_sign(b, layer, from->is_signed);
}

static void apply_concat(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    bool is_signed = false;
    for (int k = 0; k < layer->n_inputs; k++)
        is_signed |= b->layers[layer->input[k]].is_signed;
    layer->out_bits = b->rules.activation_bits;
    apply_sign(b, layer, is_signed);
}

static void apply_multiply(struct build *b, size_t i)
{
    struct layer *layer = &b->layers[i];
    const struct layer *x = &b->layers[layer->input[0]], *by = &b->layers[layer->input[1]];
    layer->act = b->specs[i]->has_relu && b->specs[i]->relu ? ACT_RELU : ACT_NONE;
    layer->out_bits = b->rules.activation_bits;
    apply_sign(b, layer, layer->act == ACT_NONE && (x->is_signed || by->is_signed));
}

// --- Maps that are stored alike ---

static int format_root(const struct build *b, int i)
{
    while (b->layers[i].format_of != i)
        i = b->layers[i].format_of;
    return i;
}

static void join_formats(struct build *b, int x, int y)
{
    x = format_root(b, x);
    y = format_root(b, y);
    b->layers[x > y ? x : y].format_of = x > y ? y : x;
}

// In the k-bit forms a concat's parts have one scale, as in TensorFlow Lite's quantisation
// specification (concatenation), so that joining them changes no value; a max pool has the scale of
// what it reads.
static void find_formats(struct build *b)
{
    for (size_t i = 0; i < b->n; i++)
        b->layers[i].format_of = (int)i;
    for (size_t i = 1; i < b->n; i++) {
        const struct layer *l = &b->layers[i];
        if (l->kind == LAYER_POOL && l->pool == POOL_MAX)
            join_formats(b, (int)i, l->input[0]);
        for (int k = 0; k < l->n_inputs && l->kind == LAYER_CONCAT; k++)
            join_formats(b, (int)i, l->input[k]);
    }
    for (size_t i = 0; i < b->n; i++)
        b->layers[i].format_of = format_root(b, (int)i);
}

static bool check_parts(const struct build *b, size_t i)
{
    const struct layer *concat = &b->layers[i];
    bool k_bit = b->rules.form == FORM_INT8 || b->rules.form == FORM_INT16;
    for (int k = 0; k < concat->n_inputs; k++) {
        const struct layer *part = &b->layers[concat->input[k]];
        if (part->out_bits != concat->out_bits)
            return conf_fail(blame(b, i, "from"), b->err,
                             "'%.80s' has elements of %d bits, the parts of this concat have %d in "
                             "the %s form; put a layer between, or choose widths that agree",
                             part->name, part->out_bits, concat->out_bits,
                             net_form_names[b->rules.form]);
        if (part->bipolar != concat->bipolar)
            return conf_fail(blame(b, i, "from"), b->err,
                             "'%.80s' holds bits of %s, other parts of this concat bits of %s; say "
                             "planes: %s, or put a layer between",
                             part->name, part->bipolar ? "-1 and +1" : "0 and 1",
                             part->bipolar ? "0 and 1" : "-1 and +1",
                             part->bipolar ? "zero_one" : "plus_minus_one");
        if (k_bit && b->rules.encoder != ENCODER_RAW && part->format_of == 0)
            return conf_fail(blame(b, i, "from"), b->err,
                             "the image's bits, which are worth 1 each, cannot take the scale of "
                             "other parts; put a layer between");
    }
    return true;
}

// One signed map of a group makes all of them signed; bits follow.
static bool share_formats(struct build *b)
{
    find_formats(b);
    for (size_t i = 0; i < b->n; i++)
        b->layers[b->layers[i].format_of].is_signed |= b->layers[i].is_signed;
    for (size_t i = 0; i < b->n; i++) {
        struct layer *layer = &b->layers[i];
        apply_sign(b, layer, b->layers[layer->format_of].is_signed);
    }
    for (size_t i = 1; i < b->n; i++)
        if (b->layers[i].kind == LAYER_CONCAT && !check_parts(b, i))
            return false;
    return true;
}

// What stands in the way of layers that are not sums of products.
static bool check_kind(const struct build *b, size_t i)
{
    const struct layer *l = &b->layers[i];
    bool binary = b->rules.form == FORM_BINARY;
    bool joins = l->kind == LAYER_CONCAT || l->kind == LAYER_MULTIPLY;
    if (joins && i + 1 == b->n)
        return conf_fail(b->nodes[i], b->err,
                         "the net ends with a %s; put a linear layer, conv or pool behind it",
                         layer_kind_names[l->kind]);
    if (binary && l->kind == LAYER_MULTIPLY)
        return conf_fail(b->nodes[i], b->err,
                         "the product of two bits is their AND, which no binary net is trained "
                         "with; use --form int8, or give the layer forms: 'int8 int16 float'");
    for (int edge = 0; edge < l->n_inputs && binary && l->kind == LAYER_ADD; edge++)
        if (b->layers[l->input[edge]].kind == LAYER_CONCAT)
            return conf_fail(b->nodes[i], b->err,
                             "an add of the binary form reads the residual stream, but '%.80s' "
                             "joins bits; put a conv between",
                             b->layers[l->input[edge]].name);
    return true;
}

bool form_check(const struct build *b)
{
    for (size_t i = 1; i < b->n; i++)
        if (!check_kind(b, i))
            return false;
    const struct layer_spec *last = b->specs[b->n - 1];
    if (!last->has_relu || !last->relu || b->rules.form == FORM_BINARY)
        return true;
    return conf_fail(
        blame(b, b->n - 1, "relu"), b->err,
        "the last layer's sums are the logits, which keep their sign; take the key out");
}

static void read_bits(struct build *b)
{
    for (size_t i = 1; i < b->n; i++)
        for (int edge = 0; edge < 2; edge++)
            b->layers[i].in_bits[edge] = edge_bits(b, &b->layers[i], edge);
}

bool form_apply(struct build *b)
{
    for (size_t i = 1; i < b->n; i++) {
        struct layer *layer = &b->layers[i];
        for (int edge = 0; edge < 2; edge++)
            layer->in_bits[edge] = edge_bits(b, layer, edge);
        if (layer->kind == LAYER_ADD)
            apply_add(b, i);
        else if (layer->kind == LAYER_POOL)
            apply_pool(b, i);
        else if (layer->kind == LAYER_CONCAT)
            apply_concat(b, i);
        else if (layer->kind == LAYER_MULTIPLY)
            apply_multiply(b, i);
        else
            apply_weights(b, i);
        bool hands_on =
            layer->kind == LAYER_CONCAT || (layer->kind == LAYER_POOL && layer->pool == POOL_MAX);
        layer->bipolar = hands_on ? b->layers[layer->input[0]].bipolar
                                  : b->rules.plus_minus_one && layer->act == ACT_THRESHOLD;
        layer->pad_one = b->layers[layer->input[0]].bipolar && layer->kind == LAYER_CONV &&
                         b->spec->pad_value == PAD_VALUE_PLUS_ONE;
    }
    if (!share_formats(b))
        return false;
    read_bits(b);
    struct layer *last = &b->layers[b->n - 1];
    if (last->weight_bits) // its sums may have become wider
        apply_weights(b, b->n - 1);
    return true;
}
