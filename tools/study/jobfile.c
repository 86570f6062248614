#include "tools/study/jobfile.h"

#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/escape.h"
#include "base/mem.h"
#include "base/catalog/catalog.h"
#include "tools/study/inputs.h"

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool names_file(const char *text)
{
    return strchr(text, '/') || ends_in(text, ".yaml") || ends_in(text, ".csv");
}

// The folder that a node's file names are relative to, with a trailing '/': that of the file that
// contains it, or the working directory if it was typed or is embedded.
static const char *folder_of(struct arena *mem, const struct conf_node *node)
{
    char here[4096];
    const char *slash = node->line > 0 ? strrchr(node->origin, '/') : NULL;
    const char *folder =
        slash ? arena_strndup(mem, node->origin, (size_t)(slash + 1 - node->origin)) : "";
    if (*folder == '/')
        return folder;
    if (!getcwd(here, sizeof here))
        return folder;
    return arena_printf(mem, "%s/%s", here, folder);
}

bool jobfile_resolve(struct conf *conf, const char *path, enum jobfile_value value, struct err *err)
{
    const struct conf_node *node = conf_find(conf->root, path);
    if (!node || node->kind != CONF_SCALAR || !*node->text)
        return true;
    const char *colon = value == JOBFILE_DATA ? strchr(node->text, ':') : NULL;
    const char *name = colon ? colon + 1 : node->text;
    bool is_file =
        value == JOBFILE_WEIGHTS ? strpbrk(name, "./") != NULL : colon || names_file(name);
    if (!is_file || *name == '/' || !*name)
        return true;
    int prefix = colon ? (int)(name - node->text) : 0;
    const char *text =
        arena_printf(conf->mem, "%.*s%s%s", prefix, node->text, folder_of(conf->mem, node), name);
    return conf_set(conf, path, escape_yaml_quoted(conf->mem, text), err);
}

const char *jobfile_text(const struct conf *conf, const struct conf_node *node, struct err *err)
{
    if (node->kind == CONF_SCALAR)
        return node->text;
    if (node->kind == CONF_MAP) {
        conf_fail(
            node, err,
            "expected a scalar or a list; write a map as a quoted string, such as '{bits: 6}'");
        return NULL;
    }
    const char *text = "[";
    for (size_t i = 0; i < node->n; i++) {
        const char *item = jobfile_text(conf, node->children[i], err);
        if (!item)
            return NULL;
        text = arena_printf(conf->mem, "%s%s%s", text, i ? ", " : "", item);
    }
    return arena_printf(conf->mem, "%s]", text);
}

static bool add_sets(const struct conf *conf, const struct conf_node *node, const char *path,
                     struct jobfile_sets *out, struct err *err)
{
    enum { MOST = 128 };
    if (!out->items)
        out->items = arena_alloc(conf->mem, MOST, sizeof *out->items);
    if (node->kind != CONF_MAP)
        return conf_fail(node, err, "expected a map of PATH: VALUE, such as {adc.bits: 6}");
    for (size_t i = 0; i < node->n; i++) {
        const struct conf_node *item = node->children[i];
        const char *key = arena_printf(conf->mem, "%s%s%s", path, *path ? "." : "", item->key);
        if (item->kind == CONF_MAP) {
            if (!add_sets(conf, item, key, out, err))
                return false;
            continue;
        }
        const char *value = jobfile_text(conf, item, err);
        if (!value)
            return false;
        if (out->n == MOST)
            return conf_fail(item, err, "more than %d values; put them into a chip or net file",
                             MOST);
        out->items[out->n++] = arena_printf(conf->mem, "%s=%s", key, value);
    }
    return true;
}

bool jobfile_sets(const struct conf *conf, const struct conf_node *set, struct jobfile_sets *out,
                  struct err *err)
{
    return add_sets(conf, set, "", out, err);
}

bool jobfile_check_name(const struct conf *conf, const char *name, struct err *err)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(name);
    return (n > 0 && n <= 80 && strspn(name, allowed) == n && !strchr(".-", *name)) ||
           conf_fail(conf_find(conf->root, "name"), err,
                     "1 to 80 letters, digits, '.', '_' and '-' are wanted, a letter, digit or '_' "
                     "first");
}

const char *jobfile_widths(const struct conf_ints *widths, struct arena *mem)
{
    const char *text = "";
    for (size_t i = 0; i < widths->n; i++)
        text = arena_printf(mem, "%s%s%d", text, i ? "," : "", widths->v[i]);
    return *text ? text : NULL;
}

static bool apply_sets(struct conf *conf, const char *const *sets, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(sets[i], '=');
        char *key = arena_strndup(conf->mem, sets[i], (size_t)(equals - sets[i]));
        if (!conf_set(conf, key, equals + 1, err))
            return false;
    }
    return true;
}

struct conf *jobfile_open(const char *what, enum file_kind kind, const char *const *sets,
                          size_t n_sets, struct err *err)
{
    struct conf *conf = catalog_open(inputs_catalog(), CATALOG_WORKLOAD, what, err);
    if (conf && file_kind_expect(conf, kind, err) && apply_sets(conf, sets, n_sets, err))
        return conf;
    conf_close(conf);
    return NULL;
}
