#include "tests/nets/stored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct stored stored_file(const char *header, const void *values, size_t n)
{
    size_t length = strlen(header);
    struct stored stored = {.bytes = mem_alloc(8 + length + n, 1), .n = 8 + length + n};
    for (int i = 0; i < 8; i++)
        stored.bytes[i] = (unsigned char)((uint64_t)length >> 8 * i);
    memcpy(stored.bytes + 8, header, length);
    if (values && n)
        memcpy(stored.bytes + 8 + length, values, n);
    return stored;
}

struct stored stored_weights(const struct net *net, const struct weights *weights)
{
    struct err err = {0};
    char *bytes = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&bytes, &n);
    if (!out || !weights_write(out, "memory", net, weights, &err) || fclose(out) != 0)
        fail_msg("%s", err.text);
    return (struct stored){.bytes = (unsigned char *)bytes, .n = n};
}

static void fill(float *values, int64_t n, size_t layer, float least)
{
    for (int64_t i = 0; values && i < n; i++)
        values[i] = (float)((layer * 7919 + (size_t)i * 104729) % 2001) / 1000.0f + least;
}

void fill_weights(const struct net *net, struct weights *weights)
{
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *layer = &net->layers[i];
        struct layer_weights *w = &weights->layers[i];
        fill(w->w, layer->weights, i, -1);
        fill(w->bias, layer->out_c, i + 1, -1);
        fill(w->gamma, layer->out_c, i + 2, -1);
        fill(w->beta, layer->out_c, i + 3, -1);
        fill(w->mean, layer->out_c, i + 4, -1);
        fill(w->var, layer->out_c, i + 5, 0);
    }
}

struct weights *load_stored(const struct stored *stored, const struct net *net)
{
    struct err err = {0};
    struct weights *weights = NULL;
    if (!weights_parse("w.safetensors", stored->bytes, stored->n, net, &weights, &err))
        fail_msg("%s", err.text);
    return weights;
}

void expect_no_weights(const struct stored *stored, const struct net *net, const char *part)
{
    struct err err = {0};
    struct weights *weights = NULL;
    if (weights_parse("w.safetensors", stored->bytes, stored->n, net, &weights, &err))
        fail_msg("loaded, instead of: %s", part);
    if (!strstr(err.text, part))
        fail_msg("'%s' does not hold '%s'", err.text, part);
    if (strncmp(err.text, "w.safetensors: ", 15) != 0)
        fail_msg("'%s' does not name the file", err.text);
}
