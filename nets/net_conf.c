// A YAML file becomes a net.
#include "nets/spec.h"

#include "base/mem.h"

const char *const spec_kind_names[] = {"conv", "linear", "pool",     "add",
                                       "head", "concat", "multiply", NULL};
static const char *const pool_names[] = {"max", "average", NULL};
static const char *const kernel_words[] = {"global", NULL};
static const char *const pad_words[] = {"same", "valid", NULL};
static const char *const encoder_names[] = {"auto", "thermometer", "bit_planes",
                                            "raw",  "sign",        NULL};
static const char *const planes_names[] = {"auto", "zero_one", "plus_minus_one", NULL};
static const char *const add_names[] = {"auto", "before_bn", "after_bn", NULL};
static const char *const pad_names[] = {"auto", "end", "both", NULL};
static const char *const head_names[] = {"auto", "flatten", "avgpool", NULL};
static const char *const max_pool_names[] = {"auto", "stride", "keep", NULL};

#define AT(member) .offset = offsetof(struct layer_spec, member)
#define HAS(member) .optional = true, .present = offsetof(struct layer_spec, member)
static const struct conf_field layer_fields[] = {
    {"name", CONF_NAME, AT(name), .help = "unique; PyTorch style, like layer1.0.conv1"},
    {"kind", CONF_ENUM, AT(kind), .names = spec_kind_names,
     .help = "head: global average pool, or nothing where head is flatten"},
    {"from", CONF_STRS, AT(from), .optional = true,
     .help =
         "layer that is read; the previous one; concat: the list of those whose channels it joins"},
    {"out", CONF_INT, AT(out), .min = 1, .max = MAX_CHANNELS, .optional = true,
     .help = "conv, linear: outputs at width 1x"},
    {"same_as", CONF_STR, AT(same_as), .optional = true,
     .help = "conv, linear: instead of out, as many outputs as this layer has"},
    {"kernel", CONF_INTS, AT(kernel), .min = 1, .max = MAX_MAP, .names = kernel_words,
     .optional = true, .help = "conv, pool: side, or [height, width]; pool: global, the whole map"},
    {"stride", CONF_INTS, AT(stride), .min = 1, .max = MAX_MAP, .optional = true,
     .help = "conv, pool: one number, or [height, width]; conv: 1, pool: the kernel"},
    {"pad", CONF_INTS, AT(pad), .min = 0, .max = MAX_MAP, .names = pad_words, .fallback = "valid",
     .help =
         "conv, pool: zeros on every side, [height, width] or [top, left, bottom, right]; same: "
         "outputs = inputs / stride, rounded up, as in TensorFlow; valid: 0"},
    {"dilation", CONF_INTS, AT(dilation), .min = 1, .max = MAX_MAP, .optional = true,
     .help = "conv, pool: distance of taps, one number, or [height, width]; 1"},
    {"groups", CONF_INT, AT(groups), .min = 1, .max = MAX_CHANNELS, .fallback = "1",
     .word = "depthwise",
     .help = "conv; depthwise: one for every input channel, also where widths change"},
    {"tokens", CONF_BOOL, AT(tokens), .fallback = "false",
     .help =
         "linear: the same matrix at every pixel of the map, which keeps its size; else the map "
         "is flattened"},
    {"pool", CONF_ENUM, AT(pool), .names = pool_names, .fallback = "max", .help = "pool: its kind"},
    {"count_pad", CONF_BOOL, AT(count_pad), HAS(has_count_pad),
     .help = "pool: average: padding counts as elements; true, with pad: same false"},
    {"shortcut", CONF_STR, AT(shortcut), .optional = true, .help = "add: the layer that is added"},
    {"by", CONF_STR, AT(by), .optional = true,
     .help = "multiply: the layer whose elements are the other factors: as many, or one for each "
             "channel, as a gate of squeeze-and-excitation has"},
    {"scale", CONF_BOOL, AT(scale), HAS(has_scale),
     .help = "conv, linear: widths change out; true but for the last linear layer"},
    {"bn", CONF_BOOL, AT(bn), HAS(has_bn),
     .help =
         "conv: true, linear: false; in the binary form every threshold holds one, but where "
         "activations are plus_minus_one and this is false; the last layer has one if it is true"},
    {"bias", CONF_BOOL, AT(bias), HAS(has_bias),
     .help = "conv, linear: true without bn, else false; in the binary form false"},
    {"relu", CONF_BOOL, AT(relu), HAS(has_relu),
     .help =
         "conv, linear, add, multiply in integer and float forms: whether a ReLU follows; true but "
         "for "
         "the last layer, sums that only adds read and multiplies; maps without one are signed"},
    {"forms", CONF_STR, AT(forms), .optional = true,
     .help = "forms that have the layer, like 'int8 float'; others hand on its input"},
    {0},
};
#undef AT

#define AT(member) .offset = offsetof(struct input_spec, member)
static const struct conf_field input_fields[] = {
    {"channels", CONF_INT, AT(channels), .min = 1, .max = MAX_CHANNELS},
    {"height", CONF_INT, AT(height), .min = 1, .max = MAX_MAP},
    {"width", CONF_INT, AT(width), .min = 1, .max = MAX_MAP},
    {"bits", CONF_INT, AT(bits), .min = 1, .max = 16, .fallback = "8"},
    {"normalise", CONF_ENUM, AT(normalise), .names = net_normalise_names, .fallback = "unit",
     .help = "what the net was trained on where it has no encoder: pixels in 0..1, or those "
             "centred and scaled"},
    {0},
};
#undef AT

#define AT(member) .offset = offsetof(struct quantise_spec, member)
static const struct conf_field quantise_fields[] = {
    {"weights", CONF_ENUM, AT(weights), .names = weight_scale_names, .fallback = "channel",
     .help = "one scale for every output channel, or one for the layer (HAWIS, MNSIM, NeuroSim); "
             "binary weights have one for the layer, or those of the file"},
    {0},
};
#undef AT

#define AT(member) .offset = offsetof(struct net_spec, member)
const struct conf_field net_fields[] = {
    {"name", CONF_NAME, AT(name)},
    {"description", CONF_TEXT, AT(description), .fallback = "", .help = "one line"},
    {"input", CONF_SECTION, AT(input), .fields = input_fields, .help = "the image as it comes"},
    {"classes", CONF_INT, AT(classes), .min = 1, .max = MAX_CHANNELS, .optional = true,
     .help = "outputs of the last linear layer"},
    {"default_form", CONF_ENUM, AT(default_form), .names = net_form_names, .fallback = "int8"},
    {"activations", CONF_ENUM, AT(activations), .names = net_activations_names,
     .fallback = "zero_one",
     .help = "binary form: 1 where x > 1/2, else 0 (DoReFa); or +1 where x >= 0, else -1"},
    {"pad_value", CONF_ENUM, AT(pad_value), .names = net_pad_value_names, .fallback = "zero",
     .help = "binary form: what stands around maps of -1 and +1; zero is PyTorch's padding"},
    {"encoder", CONF_ENUM, AT(encoder), .names = encoder_names, .fallback = "auto",
     .help = "auto: binary thermometer, else raw; sign: one plane per channel, pixel >= half"},
    {"planes", CONF_ENUM, AT(planes), .names = planes_names, .fallback = "auto",
     .help = "binary form: the two values of the encoder's planes; auto: as activations"},
    {"levels", CONF_INT, AT(levels), .min = 1, .max = MAX_LEVELS, .fallback = "32",
     .help = "of the thermometer, per channel"},
    {"add", CONF_ENUM, AT(add), .names = add_names, .fallback = "auto",
     .help = "auto: binary before_bn, else after_bn"},
    {"shortcut_pad", CONF_ENUM, AT(shortcut_pad), .names = pad_names, .fallback = "auto",
     .help = "auto: binary end, else both"},
    {"head", CONF_ENUM, AT(head), .names = head_names, .fallback = "auto",
     .help = "auto: binary flatten, else avgpool"},
    {"max_pool", CONF_ENUM, AT(max_pool), .names = max_pool_names, .fallback = "auto",
     .help = "auto: binary stride (of the conv before it), else keep"},
    {"residual_bits", CONF_INT, AT(residual_bits), .min = 2, .max = 32, .word = "auto",
     .fallback = "auto", .help = "binary form: of the fixed-point residual stream; auto: 8"},
    {"residual_frac", CONF_INT, AT(residual_frac), .min = 0, .max = 30, .word = "auto",
     .fallback = "auto", .help = "bits of it behind the point; auto: residual_bits - 4"},
    {"weight_bits", CONF_INT, AT(weight_bits), .min = 1, .max = 32, .word = "auto",
     .fallback = "auto", .help = "auto: 1, 8, 16 or 32, as the form says"},
    {"activation_bits", CONF_INT, AT(activation_bits), .min = 1, .max = 32, .word = "auto",
     .fallback = "auto", .help = "auto: 1, 8, 16 or 32, as the form says"},
    {"quantise", CONF_SECTION, AT(quantise), .fields = quantise_fields,
     .help = "of the forms int8 and int16"},
    {"layers", CONF_SECTIONS, AT(layers), .fields = layer_fields,
     .size = sizeof(struct layer_spec)},
    {0},
};
#undef AT

static bool start(struct build *b, enum net_form form)
{
    const struct net_spec *spec = b->spec;
    const struct input_spec *in = &spec->input;
    size_t n = spec->layers.n + 1;
    if (!form_choose(b->root, spec, form, &b->rules, b->err))
        return false;
    if (n > MAX_LAYERS + 1)
        return conf_fail(conf_find(b->root, "layers"), b->err, "%zu layers, above the %d allowed",
                         spec->layers.n, MAX_LAYERS);
    b->layers = arena_alloc(b->mem, n, sizeof *b->layers);
    b->specs = arena_alloc(b->scratch, n, sizeof *b->specs);
    b->nodes = arena_alloc(b->scratch, n, sizeof *b->nodes);
    b->same_as = arena_alloc(b->scratch, n, sizeof *b->same_as);
    b->readers = arena_alloc(b->scratch, n, sizeof *b->readers);
    b->stream_readers = arena_alloc(b->scratch, n, sizeof *b->stream_readers);
    const int planes[] = {[ENCODER_THERMOMETER] = spec->levels,
                          [ENCODER_BIT_PLANES] = in->bits,
                          [ENCODER_RAW] = 1,
                          [ENCODER_SIGN] = 1};
    int64_t out_c = (int64_t)in->channels * planes[b->rules.encoder];
    if (out_c > MAX_CHANNELS)
        return conf_fail(conf_find(b->root, "input"), b->err,
                         "%lld planes, above %d; lower channels or levels", (long long)out_c,
                         MAX_CHANNELS);
    // Pixels in 0..1 have no sign; those centred around 0 do.
    bool is_signed =
        b->rules.encoder == ENCODER_RAW && form != FORM_FLOAT && in->normalise != NORMALISE_UNIT;
    static const int no_input[] = {-1, -1};
    b->layers[0] = (struct layer){
        .name = "input",
        .kind = LAYER_INPUT,
        .input = no_input,
        .in_c = in->channels,
        .in_h = in->height,
        .in_w = in->width,
        .out_c = (int)out_c,
        .out_h = in->height,
        .out_w = in->width,
        .kernel_h = 1,
        .kernel_w = 1,
        .stride_h = 1,
        .stride_w = 1,
        .dilation_h = 1,
        .dilation_w = 1,
        .groups = 1,
        .is_signed = is_signed,
        .bipolar = b->rules.planes_plus_minus_one,
        .in_bits = {in->bits, 0},
        .out_bits = b->rules.encoder != ENCODER_RAW ? 1
                    : form == FORM_FLOAT            ? 32
                    : is_signed                     ? signed_bits(in->bits)
                                                    : in->bits,
    };
    b->nodes[0] = b->root;
    b->n = 1;
    return true;
}

// Behind a batch-norm the stream stays within a few units: four bits hold sign and -8..8.
static int residual_frac(const struct net_spec *spec, const struct form_rules *rules)
{
    int most = rules->residual_bits - 1;
    int frac = spec->residual_frac >= 0 ? spec->residual_frac : rules->residual_bits - 4;
    return frac < 0 ? 0 : frac > most ? most : frac;
}

static struct net *finish(const struct build *b, const char *width)
{
    const struct net_spec *spec = b->spec;
    const struct input_spec *in = &spec->input;
    struct net *net = arena_alloc(b->mem, 1, sizeof *net);
    bool stream = false;
    for (size_t i = 1; i < b->n; i++)
        stream = stream || b->layers[i].kind == LAYER_ADD;
    *net = (struct net){
        .name = arena_strdup(b->mem, spec->name),
        .description = arena_strdup(b->mem, spec->description),
        .width = width,
        .form = b->rules.form,
        .classes = spec->classes ? spec->classes : b->layers[b->n - 1].out_c,
        .raw_c = in->channels,
        .raw_h = in->height,
        .raw_w = in->width,
        .raw_bits = in->bits,
        .encoder = b->rules.encoder,
        .levels = b->rules.levels,
        .pad_both = b->rules.pad_both,
        .normalise = (enum net_normalise)in->normalise,
        .activations = (enum net_activations)spec->activations,
        .pad_value = (enum net_pad_value)spec->pad_value,
        .weight_scale = (enum weight_scale)spec->quantise.weights,
        .residual_bits = stream ? b->rules.residual_bits : 0,
        .residual_frac = stream ? residual_frac(spec, &b->rules) : 0,
        .changes = b->changes,
        .n = b->n,
        .layers = b->layers,
        .mem = b->mem,
    };
    net->hash = net_hash(net);
    return net;
}

bool net_load(const struct conf *conf, const struct net_options *options, struct net **out,
              struct err *err)
{
    static const struct net_options none = {0};
    struct net_spec spec = {0};
    if (!conf_bind(conf, conf->root, net_fields, &spec, err))
        return false;
    struct build b = {
        .root = conf->root,
        .spec = &spec,
        .options = options ? options : &none,
        .mem = arena_create(),
        .scratch = arena_create(),
        .err = err,
    };
    enum net_form form = b.options->has_form ? b.options->form : (enum net_form)spec.default_form;
    const char *width = NULL;
    bool ok = start(&b, form) && link_layers(&b) && (width = widths_apply(&b)) &&
              shape_layers(&b) && form_check(&b);
    ok = ok && form_apply(&b) && count_layers(&b);
    if (ok)
        *out = finish(&b, width);
    else
        arena_destroy(b.mem);
    arena_destroy(b.scratch);
    return ok;
}
