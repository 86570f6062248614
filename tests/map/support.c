#include "tests/map/support.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "base/catalog/catalog.h"
#include "sim/map/map.h"
#include "tests/close.h"

static const char *conv_text(const struct conv *conv, char text[512])
{
    int side = conv->side ? conv->side : 8;
    snprintf(text, 512,
             "name: t\n"
             "input: {channels: %d, height: %d, width: %d, bits: 1}\n"
             "encoder: raw\n"
             "layers: [{name: a, kind: conv, out: %d, kernel: %d, pad: same, groups: %d}]\n",
             conv->in, side, side, conv->out, conv->kernel, conv->groups ? conv->groups : 1);
    return text;
}

static const char *conv_form(const struct conv *conv)
{
    return conv->form ? conv->form : "binary";
}

struct setup map_conv(const char *chip, const struct conv *conv, const char *const sets[])
{
    char text[512];
    return setup_text(chip, conv_text(conv, text), conv_form(conv), sets);
}

static struct chip *load_chip(const char *name, const char *const sets[])
{
    struct err err = {0};
    struct catalog catalog = {0};
    struct chip *chip = NULL;
    struct conf *conf = catalog_open(&catalog, CATALOG_CHIP, name, &err);
    for (size_t i = 0; conf && sets && sets[i]; i++) {
        char key[128];
        const char *equals = strchr(sets[i], '=');
        snprintf(key, sizeof key, "%.*s", (int)(equals - sets[i]), sets[i]);
        if (!conf_set(conf, key, equals + 1, &err))
            fail_msg("%s", err.text);
    }
    if (!conf || !chip_load(conf, &chip, &err))
        fail_msg("%s", err.text);
    return chip;
}

// The net comes mapped on `ideal`, where everything fits.
static void refused(struct setup setup, const char *chip_name, const char *const sets[],
                    const char *want)
{
    struct err err = {0};
    struct mapping *map = NULL;
    struct chip *chip = load_chip(chip_name, sets);
    if (map_net(setup.net, chip, 1, &map, &err))
        fail_msg("mapped, instead of: %s", want);
    if (!strstr(err.text, want))
        fail_msg("'%s' does not hold '%s'", err.text, want);
    chip_destroy(chip);
    setup_free(&setup);
}

void conv_refused(const char *chip, const struct conv *conv, const char *const sets[],
                  const char *want)
{
    refused(map_conv("ideal", conv, NULL), chip, sets, want);
}

void net_refused(const char *chip, const char *net, const char *const sets[], const char *want)
{
    refused(setup_make("ideal", net, NULL, NULL, NULL), chip, sets, want);
}

int layer_index(const struct setup *setup, const char *name)
{
    for (size_t i = 0; i < setup->net->n; i++)
        if (!strcmp(setup->net->layers[i].name, name))
            return (int)i;
    fail_msg("no layer %s", name);
    return -1;
}
