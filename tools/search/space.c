#include "tools/search/space.h"

#include <math.h>
#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"

#define AT(member) .offset = offsetof(struct space_bound, member)
#define HAS(member) .present = offsetof(struct space_bound, member)
static const struct conf_field bound_fields[] = {
    {"layer", CONF_STR, AT(layer), .help = "name of a scalable layer"},
    {"least", CONF_NUM, AT(least), .min = 0.01, .max = 1000, .optional = true, HAS(has_least),
     .help = "its smallest expansion ratio"},
    {"most", CONF_NUM, AT(most), .min = 0.01, .max = 1000, .optional = true, HAS(has_most),
     .help = "its largest expansion ratio"},
    {0},
};
#undef AT
#undef HAS

#define AT(member) .offset = offsetof(struct space_knob, member)
static const struct conf_field knob_fields[] = {
    {"path", CONF_STR, AT(path), .help = "a key of the chip, such as adc.bits"},
    {"values", CONF_NODE, AT(list), .word = "a list of values",
     .help = "in their natural order, each in the syntax of --set"},
    {0},
};
#undef AT

static const char *const fit_names[] = {"none", "crossbar", NULL};

#define AT(member) .offset = offsetof(struct space_params, member)
const struct conf_field space_fields[] = {
    {"least", CONF_NUM, AT(least), .min = 0.01, .max = 1000, .fallback = "1",
     .help = "r_min: smallest expansion ratio of a layer"},
    {"most", CONF_NUM, AT(most), .min = 0.01, .max = 1000, .fallback = "5",
     .help = "r_max: largest expansion ratio of a layer"},
    {"step", CONF_INT, AT(step), .min = 1, .max = 1 << 20, .fallback = "4",
     .help = "d: channels are multiples of it"},
    {"fit", CONF_ENUM, AT(fit), .names = fit_names, .fallback = "none",
     .help = "crossbar: steps are the channels that fill a crossbar of the layer's reader"},
    {"layers", CONF_SECTIONS, AT(layers), .fields = bound_fields,
     .size = sizeof(struct space_bound), .optional = true, .help = "bounds of single layers"},
    {"knobs", CONF_SECTIONS, AT(knobs), .fields = knob_fields, .size = sizeof(struct space_knob),
     .optional = true, .help = "chip settings to search"},
    {0},
};
#undef AT

// --- Bounds ---

// The channels that fill the rows of one crossbar of the layer that reads this one (floor(rows /
// k^2), the rule of kernel-aligned mapping); without one such reader, those of 1x1 kernels.
static int crossbar_step(const struct net *net, const struct chip *chip, int layer)
{
    int reader = net_consumer(net, layer);
    while (reader >= 0 && net->layers[reader].kind != LAYER_CONV &&
           net->layers[reader].kind != LAYER_LINEAR)
        reader = net_consumer(net, reader);
    int taps = 1;
    if (reader >= 0 && net->layers[reader].kind == LAYER_CONV)
        taps = net->layers[reader].kernel_h * net->layers[reader].kernel_w;
    int step = chip->crossbar.rows / taps;
    return step > 0 ? step : 1;
}

static bool set_bounds(struct space_layer *l, const struct conf_node *at, struct err *err)
{
    if (l->least > l->most)
        return conf_fail(at, err, "layer '%s': the smallest ratio %g is above the largest, %g",
                         l->name, l->least, l->most);
    l->low = (int)ceil(l->base * l->least / l->step - 1e-9) * l->step;
    l->high = (int)floor(l->base * l->most / l->step + 1e-9) * l->step;
    if (l->low < l->step)
        l->low = l->step;
    if (l->low > l->high)
        return conf_fail(at, err,
                         "layer '%s': no multiple of %d channels lies between %g and %g times %d; "
                         "widen the bounds, or lower step",
                         l->name, l->step, l->least, l->most, l->base);
    return true;
}

static struct space_layer *find_layer(struct space *s, const char *name)
{
    for (size_t i = 0; i < s->n_layers; i++)
        if (!strcmp(s->layers[i].name, name))
            return &s->layers[i];
    return NULL;
}

static bool take_bounds(struct space *s, const struct space_params *params, struct err *err)
{
    const struct space_bound *bounds = params->layers.items;
    for (size_t i = 0; i < params->layers.n; i++) {
        const struct conf_node *node = params->layers.nodes[i];
        struct space_layer *l = find_layer(s, bounds[i].layer);
        if (!l)
            return conf_fail(node, err,
                             "'%.60s' is not a scalable layer of %s; 'bitline show net' "
                             "lists them",
                             bounds[i].layer, s->net->name);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(bounds[i].layer, bounds[j].layer))
                return conf_fail(node, err, "layer '%s' is bounded twice; keep one", l->name);
        if (bounds[i].has_least)
            l->least = bounds[i].least;
        if (bounds[i].has_most)
            l->most = bounds[i].most;
        if (!set_bounds(l, node, err))
            return false;
    }
    return true;
}

static bool take_layers(struct space *s, const struct space_params *params,
                        const struct conf_node *at, const struct chip *chip, struct err *err)
{
    const struct net *net = s->net;
    s->layers = arena_alloc(s->mem, net->n, sizeof *s->layers);
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        if (!l->scalable)
            continue;
        int step = params->fit == FIT_CROSSBAR ? crossbar_step(net, chip, (int)i) : params->step;
        struct space_layer *to = &s->layers[s->n_layers++];
        *to = (struct space_layer){.name = l->name,
                                   .layer = (int)i,
                                   .base = l->out_c,
                                   .least = params->least,
                                   .most = params->most,
                                   .step = step};
        bool bounded_apart = false;
        for (size_t b = 0; b < params->layers.n; b++)
            bounded_apart |=
                !strcmp(((const struct space_bound *)params->layers.items)[b].layer, l->name);
        if (!bounded_apart && !set_bounds(to, at, err))
            return false;
    }
    if (!s->n_layers)
        return conf_fail(at, err, "net '%s' has no scalable layer", net->name);
    return take_bounds(s, params, err);
}

// --- Knobs ---

static bool take_knob(struct space *s, const struct space_knob *knob, const struct conf_node *at,
                      struct err *err)
{
    const struct conf_node *list = knob->list;
    if (!*knob->path || strpbrk(knob->path, "= \t\n") || !strncmp(knob->path, "net.", 4))
        return conf_fail(at, err, "expected a key of the chip such as adc.bits");
    for (size_t i = 0; i < s->n_knobs; i++)
        if (!strcmp(s->knobs[i].path, knob->path))
            return conf_fail(at, err, "%.60s is there twice; keep one", knob->path);
    if (list->kind != CONF_SEQ || list->n < 2)
        return conf_fail(list, err, "expected a list of two values or more");
    const char **values = arena_alloc(s->mem, list->n, sizeof *values);
    for (size_t i = 0; i < list->n; i++) {
        if (list->children[i]->kind != CONF_SCALAR)
            return conf_fail(list->children[i], err, "expected a single value");
        values[i] = list->children[i]->text;
        for (size_t j = 0; j < i; j++)
            if (!strcmp(values[i], values[j]))
                return conf_fail(list->children[i], err, "%.60s is there twice; keep one",
                                 values[i]);
    }
    s->knobs[s->n_knobs++] = (struct space_choice){knob->path, list->n, values};
    return true;
}

static bool take_knobs(struct space *s, const struct space_params *params,
                       const struct conf_node *at, struct err *err)
{
    if (params->knobs.n > SPACE_MOST_KNOBS)
        return conf_fail(at, err, "%zu knobs; %d are allowed", params->knobs.n, SPACE_MOST_KNOBS);
    s->knobs = arena_alloc(s->mem, SPACE_MOST_KNOBS, sizeof *s->knobs);
    for (size_t i = 0; i < params->knobs.n; i++)
        if (!take_knob(s, (const struct space_knob *)params->knobs.items + i,
                       params->knobs.nodes[i], err))
            return false;
    return true;
}

// --- States ---

// Blocks are counted by the shortcut adds passed.
static int blocks_before(const struct net *net, int layer)
{
    int blocks = 0;
    for (int i = 1; i < layer; i++)
        blocks += net->layers[i].kind == LAYER_ADD;
    return blocks;
}

static void fill_features(struct space *s)
{
    enum { COLUMNS = 8 };
    double most[COLUMNS] = {0};
    s->n = s->n_layers + s->n_knobs;
    s->features = arena_alloc(s->mem, s->n, sizeof *s->features);
    for (size_t k = 0; k < s->n_layers; k++) {
        int i = s->layers[k].layer;
        const struct layer *l = &s->net->layers[i];
        const double f[COLUMNS] = {(double)k,
                                   blocks_before(s->net, i),
                                   l->in_c,
                                   l->out_c,
                                   sqrt((double)l->kernel_h * l->kernel_w),
                                   sqrt((double)l->stride_h * l->stride_w),
                                   (double)l->params,
                                   (double)l->out_h * l->out_w};
        memcpy(s->features[k], f, sizeof f);
    }
    for (size_t k = s->n_layers; k < s->n; k++)
        s->features[k][0] = (double)k; // a knob is known by its place
    for (size_t k = 0; k < s->n; k++)
        for (int c = 0; c < COLUMNS; c++)
            most[c] = fmax(most[c], s->features[k][c]);
    for (size_t k = 0; k < s->n; k++)
        for (int c = 0; c < COLUMNS; c++)
            s->features[k][c] = most[c] > 0 ? s->features[k][c] / most[c] : 0;
}

bool space_create(const struct space_params *params, const struct conf_node *at,
                  const struct net *net, const struct chip *chip, struct space **out,
                  struct err *err)
{
    struct arena *mem = arena_create();
    struct space *s = arena_alloc(mem, 1, sizeof *s);
    *s = (struct space){.net = net, .mem = mem};
    if (!take_layers(s, params, at, chip, err) || !take_knobs(s, params, at, err)) {
        arena_destroy(mem);
        return false;
    }
    if (s->n_layers + s->n_knobs > MOST_DECISIONS) {
        conf_fail(at, err, "net '%s' has %zu scalable layers and %zu settings; %d are allowed",
                  net->name, s->n_layers, s->n_knobs, MOST_DECISIONS);
        arena_destroy(mem);
        return false;
    }
    fill_features(s);
    *out = s;
    return true;
}

void space_destroy(struct space *space)
{
    if (space)
        arena_destroy(space->mem);
}

// --- Meaning ---

static double clamp01(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static int width_of(const struct space_layer *l, double x)
{
    double ratio = clamp01(x) * (l->most - l->least) + l->least;       // Eq. 7
    int width = (int)floor(l->base * ratio / l->step + 0.5) * l->step; // Eq. 8
    return width < l->low ? l->low : width > l->high ? l->high : width;
}

static size_t choice_of(const struct space_choice *knob, double x)
{
    size_t i = (size_t)(clamp01(x) * (double)knob->n);
    return i < knob->n ? i : knob->n - 1;
}

void space_decode(const struct space *space, const double *x, int *widths, size_t *choices)
{
    for (size_t k = 0; k < space->n_layers; k++)
        widths[k] = width_of(&space->layers[k], x[k]);
    for (size_t k = 0; k < space->n_knobs; k++)
        choices[k] = choice_of(&space->knobs[k], x[space->n_layers + k]);
}

static double middle_of(const struct space_layer *l, int width)
{
    int in = width < l->low ? l->low : width > l->high ? l->high : width;
    if (l->most <= l->least)
        return 0.5;
    return clamp01(((double)in / l->base - l->least) / (l->most - l->least));
}

void space_encode(const struct space *space, const int *widths, const size_t *choices, double *x)
{
    for (size_t k = 0; k < space->n_layers; k++)
        x[k] = middle_of(&space->layers[k], widths[k]);
    for (size_t k = 0; k < space->n_knobs; k++)
        x[space->n_layers + k] = ((double)choices[k] + 0.5) / (double)space->knobs[k].n;
}

void space_snap(void *context, double *x)
{
    const struct space *s = context;
    for (size_t k = 0; k < s->n_layers; k++)
        x[k] = middle_of(&s->layers[k], width_of(&s->layers[k], x[k]));
    for (size_t k = 0; k < s->n_knobs; k++)
        x[s->n_layers + k] =
            ((double)choice_of(&s->knobs[k], x[s->n_layers + k]) + 0.5) / (double)s->knobs[k].n;
}

void space_state(void *context, const double *x, int k, double s[AGENT_STATE])
{
    const struct space *space = context;
    memcpy(s, space->features[k], AGENT_STATE * sizeof *s);
    s[8] = k > 0 ? x[k - 1] : 0;
    s[9] = 0;
    if (k > 0 && (size_t)k <= space->n_layers) {
        const struct space_layer *l = &space->layers[k - 1];
        int widest = 1;
        for (size_t i = 0; i < space->n_layers; i++)
            widest = space->layers[i].high > widest ? space->layers[i].high : widest;
        s[9] = (double)width_of(l, x[k - 1]) / widest;
    }
}
