#include "tests/support/setup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "base/catalog/catalog.h"
#include "sim/run/run.h"
#include "sim/map/map.h"
#include "sim/run/result.h"

static void must(bool ok, const struct err *err)
{
    if (!ok)
        fail_msg("%s", err->text);
}

static void apply(struct conf *conf, const char *const sets[], bool net)
{
    struct err err = {0};
    for (size_t i = 0; sets && sets[i]; i++) {
        bool for_net = !strncmp(sets[i], "net.", 4);
        if (for_net != net)
            continue;
        char key[128];
        const char *from = for_net ? sets[i] + 4 : sets[i], *equals = strchr(from, '=');
        snprintf(key, sizeof key, "%.*s", (int)(equals - from), from);
        must(conf_set(conf, key, equals + 1, &err), &err);
    }
}

static void options_of(const char *form, const char *widths, int *list, struct net_options *out)
{
    for (int f = 0; form && net_form_names[f]; f++)
        if (!strcmp(form, net_form_names[f])) {
            out->has_form = true;
            out->form = (enum net_form)f;
        }
    if (widths && strchr(widths, 'x')) {
        out->width = atof(widths);
        return;
    }
    char *end = NULL;
    for (const char *at = widths; at && *at; at = end) {
        list[out->n_widths++] = (int)strtol(at, &end, 10);
        while (*end == ' ')
            end++;
    }
    out->widths = out->n_widths ? list : NULL;
}

static struct setup build(const char *chip, struct conf *net, const char *form, const char *widths,
                          const char *const sets[])
{
    struct err err = {0};
    struct setup s = {0};
    struct catalog catalog = {0};
    struct conf *conf = catalog_open(&catalog, CATALOG_CHIP, chip, &err);
    must(conf != NULL, &err);
    apply(conf, sets, false);
    must(chip_load(conf, &s.chip, &err), &err);
    int list[64];
    struct net_options options = {0};
    options_of(form, widths, list, &options);
    apply(net, sets, true);
    must(net_load(net, &options, &s.net, &err), &err);
    conf_close(net);
    must(map_net(s.net, s.chip, 1, &s.map, &err), &err);
    return s;
}

struct setup setup_make(const char *chip, const char *net, const char *form, const char *widths,
                        const char *const sets[])
{
    struct err err = {0};
    struct catalog catalog = {0};
    struct conf *conf = catalog_open(&catalog, CATALOG_NET, net, &err);
    must(conf != NULL, &err);
    return build(chip, conf, form, widths, sets);
}

struct setup setup_text(const char *chip, const char *net_text, const char *form,
                        const char *const sets[])
{
    struct err err = {0};
    struct conf *conf = conf_parse("net", net_text, strlen(net_text), &err);
    must(conf != NULL, &err);
    return build(chip, conf, form, NULL, sets);
}

void setup_free(struct setup *setup)
{
    map_destroy(setup->map);
    net_destroy(setup->net);
    chip_destroy(setup->chip);
    *setup = (struct setup){0};
}

struct result *setup_run(const struct setup *setup, const struct run_params *params)
{
    struct err err = {0};
    struct result *result = NULL;
    must(run_mapping(setup->map, params, &result, &err), &err);
    return result;
}
