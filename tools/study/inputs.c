#include "tools/study/inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/number.h"
#include "sim/chip/chip.h"
#include "tools/study/file_kind.h"

const struct catalog *inputs_catalog(void)
{
    static struct catalog catalog;
    static const char *folders[64];
    static char *copy; // the folders point into it
    if (catalog.folders)
        return &catalog;
    const char *path = getenv("BITLINE_PATH");
    copy = path ? strcpy(mem_alloc(strlen(path) + 1, 1), path) : NULL;
    size_t n = 0;
    for (char *at = copy ? strtok(copy, ":") : NULL; at && n < 63; at = strtok(NULL, ":"))
        folders[n++] = at;
    catalog.folders = folders;
    return &catalog;
}

static bool apply_sets(const struct inputs *inputs, struct conf *conf, bool net, struct err *err)
{
    for (size_t i = 0; i < inputs->n_sets; i++) {
        const char *set = inputs->sets[i], *equals = strchr(set, '=');
        bool for_net = !strncmp(set, "net.", 4);
        if (for_net != net)
            continue;
        const char *path = for_net ? set + 4 : !strncmp(set, "chip.", 5) ? set + 5 : set;
        char key[256];
        size_t length = (size_t)(equals - path);
        if (length == 0 || length >= sizeof key)
            return err_set(err, "--set %s: the path before '=' must have 1 to %zu characters", set,
                           sizeof key - 1);
        memcpy(key, path, length);
        key[length] = 0;
        if (!conf_set(conf, key, equals + 1, err))
            return false;
    }
    return true;
}

bool inputs_chip(const struct inputs *inputs, const char *what, struct chip **out, struct err *err)
{
    struct conf *conf = catalog_open(inputs_catalog(), CATALOG_CHIP, what, err);
    if (!conf)
        return false;
    if (!file_kind_expect(conf, FILE_CHIP, err) || !apply_sets(inputs, conf, false, err)) {
        conf_close(conf);
        return false;
    }
    return chip_load(conf, out, err);
}

static bool parse_form(const char *text, struct net_options *options, struct err *err)
{
    for (int f = 0; net_form_names[f]; f++)
        if (!strcmp(text, net_form_names[f])) {
            options->has_form = true;
            options->form = (enum net_form)f;
            return true;
        }
    return err_set(err, "--form %s: unknown; take binary, int8, int16 or float", text);
}

static bool parse_width(const char *text, struct net_options *options, struct err *err)
{
    char number[40];
    size_t n = strlen(text);
    n -= n > 0 && text[n - 1] == 'x';
    snprintf(number, sizeof number, "%.*s", (int)(n < sizeof number ? n : 0), text);
    if (!number_parse(number, 0, 1000, &options->width) || !(options->width > 0))
        return err_set(err, "--width %s: expected a ratio above 0 and at most 1000, such as 3x",
                       text);
    return true;
}

static bool parse_widths(const char *text, int *widths, size_t most, struct net_options *options,
                         struct err *err)
{
    options->widths = widths;
    for (const char *at = text;; at++) {
        char number[20];
        int64_t value = 0;
        size_t n = strcspn(at, ",");
        snprintf(number, sizeof number, "%.*s", (int)(n < sizeof number ? n : 0), at);
        if (!integer_parse(number, 1, 1 << 20, &value))
            return err_set(err,
                           "--widths %s: whole numbers from 1 to %d, split by commas, are "
                           "wanted; '%.20s' is none",
                           text, 1 << 20, at);
        if (options->n_widths == most)
            return err_set(err, "--widths: more than %zu widths", most);
        widths[options->n_widths++] = (int)value;
        at += n;
        if (!*at)
            return true;
    }
}

static bool net_options(const struct inputs *inputs, int *widths, size_t most,
                        struct net_options *options, struct err *err)
{
    if (inputs->form && !parse_form(inputs->form, options, err))
        return false;
    if (inputs->width && inputs->widths)
        return err_set(err, "give --width or --widths, not both");
    if (inputs->width && !parse_width(inputs->width, options, err))
        return false;
    return !inputs->widths || parse_widths(inputs->widths, widths, most, options, err);
}

// Paths in a net's tree do not have the prefix "net." that the user typed.
static bool blame_net(const struct err *why, struct err *err)
{
    static const char set[] = "--set ";
    size_t n = sizeof set - 1;
    if (!strncmp(why->text, set, n) && strncmp(why->text + n, "net.", 4))
        return err_wrap(err, why, "%snet.%s", set, why->text + n);
    return err_wrap(err, why, "%s", why->text);
}

bool inputs_net(const struct inputs *inputs, const char *what, struct net **out, struct err *err)
{
    int widths[4096];
    struct net_options options = {0};
    if (!net_options(inputs, widths, sizeof widths / sizeof *widths, &options, err))
        return false;
    size_t length = strlen(what);
    if (length > 4 && !strcmp(what + length - 4, ".csv")) {
        for (size_t i = 0; i < inputs->n_sets; i++)
            if (!strncmp(inputs->sets[i], "net.", 4))
                return err_set(err, "--set %s: a layer CSV has no keys; write a YAML net",
                               inputs->sets[i]);
        return net_load_csv(what, &options, out, err);
    }
    struct err why = {0};
    struct conf *conf = catalog_open(inputs_catalog(), CATALOG_NET, what, &why);
    bool ok = conf && file_kind_expect(conf, FILE_NET, &why) &&
              apply_sets(inputs, conf, true, &why) && net_load(conf, &options, out, &why);
    conf_close(conf);
    return ok || blame_net(&why, err);
}
