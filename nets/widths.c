// Output widths: the file's own, times a ratio, or given one by one for the scalable layers.
#include "nets/spec.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"

enum { NAMES_ROOM = 460 }; // of a message's text

static bool is_scalable(const struct build *b, size_t i)
{
    const struct layer_spec *spec = b->specs[i];
    if (spec->has_scale)
        return spec->scale;
    // The last linear layer's outputs are the classes.
    return !spec->same_as && (spec->kind == SPEC_CONV || i + 1 < b->n);
}

static bool wrong_count(const struct build *b, size_t scalable)
{
    char names[NAMES_ROOM] = "";
    size_t used = 0;
    for (size_t i = 1; i < b->n; i++) {
        if (!b->layers[i].scalable)
            continue;
        size_t room = sizeof names - used;
        int n = snprintf(names + used, room, "%s%s", used ? "," : "", b->layers[i].name);
        if (n < 0 || (size_t)n >= room) {
            snprintf(names + (used < sizeof names - 4 ? used : sizeof names - 4), 4, "...");
            break;
        }
        used += (size_t)n;
    }
    return err_set(b->err, "--widths: %zu given, %.60s (%s) has %zu scalable layers: %s",
                   b->options->n_widths, b->spec->name, net_form_names[b->rules.form], scalable,
                   names);
}

static bool check_options(const struct build *b, size_t scalable)
{
    const struct net_options *options = b->options;
    if (options->widths && options->width != 0)
        return err_set(b->err, "--width and --widths exclude each other; give one");
    if (!(options->width >= 0 && options->width <= (double)MAX_CHANNELS))
        return err_set(b->err, "--width: %g is no expansion ratio; write for example 3x",
                       options->width);
    if (options->widths && options->n_widths != scalable)
        return wrong_count(b, scalable);
    return true;
}

static bool scaled(const struct build *b, size_t i, int base, int *out)
{
    double width = round(base * b->options->width);
    if (width > (double)MAX_CHANNELS)
        return conf_fail(blame(b, i, "out"), b->err,
                         "%d x %g is above the %d outputs a layer can have; lower --width", base,
                         b->options->width, MAX_CHANNELS);
    *out = width < 1 ? 1 : (int)width;
    return true;
}

static bool base_width(const struct build *b, size_t i, int *out)
{
    const struct layer_spec *spec = b->specs[i];
    if (spec->out && spec->same_as)
        return conf_fail(blame(b, i, "same_as"), b->err, "and out exclude each other; keep one");
    if (!spec->out && !spec->same_as)
        return conf_fail(b->nodes[i], b->err,
                         "out is missing: say how many outputs '%.80s' has, or same_as: NAME",
                         b->layers[i].name);
    if (spec->same_as && spec->has_scale && spec->scale)
        return conf_fail(blame(b, i, "scale"), b->err,
                         "a layer with same_as follows the other's width; take one out");
    *out = spec->out;
    return true;
}

static bool set_width(struct build *b, size_t i, size_t *given)
{
    struct layer *layer = &b->layers[i];
    if (!base_width(b, i, &layer->out_c))
        return false;
    if (!layer->scalable)
        return true;
    if (b->options->widths) {
        int width = b->options->widths[(*given)++];
        if (width < 1 || width > (double)MAX_CHANNELS)
            return err_set(b->err, "--widths: %d for %.80s; widths are from 1 to %d", width,
                           layer->name, MAX_CHANNELS);
        layer->out_c = width;
        return true;
    }
    return b->options->width == 0 || scaled(b, i, layer->out_c, &layer->out_c);
}

static const char *describe(const struct build *b)
{
    const struct net_options *options = b->options;
    if (!options->widths)
        return arena_printf(b->mem, "%gx", options->width == 0 ? 1 : options->width);
    size_t room = options->n_widths * 8 + 1, used = 0; // "1048576,"
    char *text = arena_alloc(b->mem, room, 1);
    for (size_t i = 0; i < options->n_widths; i++)
        used +=
            (size_t)snprintf(text + used, room - used, "%s%d", i ? "," : "", options->widths[i]);
    return text;
}

const char *widths_apply(struct build *b)
{
    size_t scalable = 0, given = 0;
    for (size_t i = 1; i < b->n; i++) {
        b->layers[i].scalable = layer_has_weights(&b->layers[i]) && is_scalable(b, i);
        scalable += b->layers[i].scalable;
    }
    if (!check_options(b, scalable))
        return NULL;
    for (size_t i = 1; i < b->n; i++)
        if (layer_has_weights(&b->layers[i]) && !set_width(b, i, &given))
            return NULL;
    return describe(b);
}
