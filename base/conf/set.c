// Sets one value of a tree from the command line: --set PATH=VALUE.
#include "base/conf/tree.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

// Counts the parts; 0 and a sentence if one is empty or too long.
static size_t count_parts(const char *path, struct err *err)
{
    char shown[80];
    size_t parts = 0;
    for (const char *at = path;; at++) {
        size_t n = strcspn(at, ".");
        tree_show(shown, sizeof shown, path);
        if (n == 0)
            err_set(err, "--set %s: a part of the path is empty; write it like a.b.c", shown);
        else if (n > CONF_MAX_KEY)
            err_set(err, "--set %s: a key has %zu bytes; at most %d are allowed", shown, n,
                    CONF_MAX_KEY);
        if (n == 0 || n > CONF_MAX_KEY)
            return 0;
        parts++;
        at += n;
        if (!*at)
            return parts;
    }
}

static size_t depth_of(const struct conf_node *node)
{
    size_t deepest = 0;
    for (size_t i = 0; i < node->n; i++) {
        size_t depth = depth_of(node->children[i]);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + (node->kind != CONF_SCALAR);
}

// Reports why the part of n characters cannot be found in `at`.
static bool refuse_step(const struct conf_node *at, const char *origin, const char *part, size_t n,
                        struct err *err)
{
    char shown[48];
    if (at->kind == CONF_SEQ && at->n == 0)
        return err_set(err, "%s: the list before '%.*s' is empty; set the list itself", origin,
                       (int)n, part);
    if (at->kind == CONF_SEQ)
        return err_set(err, "%s: the list has no item '%.*s'; its items are 0..%zu", origin, (int)n,
                       part, at->n - 1);
    return err_set(err, "%s: '%.*s' cannot be found in the value '%s'; only maps have keys", origin,
                   (int)n, part, tree_show(shown, sizeof shown, at->text));
}

// Follows the path as far as it exists; *rest is the remainder. False if the path is invalid.
static bool walk(struct conf_node **at, const char **rest, const char *origin, struct err *err)
{
    while (**rest) {
        size_t n = strcspn(*rest, ".");
        struct conf_node *next = tree_child(*at, *rest, n);
        if (!next && (*at)->kind == CONF_MAP)
            return true;
        if (!next)
            return refuse_step(*at, origin, *rest, n, err);
        *at = next;
        *rest += n;
        *rest += **rest == '.';
    }
    return true;
}

// Adds the value below `at`, in new maps for the rest of the path.
static void grow(const struct conf *conf, struct conf_node *at, const char *rest,
                 struct conf_node *value)
{
    for (;;) {
        size_t n = strcspn(rest, ".");
        bool last = !rest[n];
        struct conf_node map = {.kind = CONF_MAP, .origin = value->origin};
        struct conf_node *child = last ? value : tree_new(conf, map);
        child->key = arena_strndup(conf->mem, rest, n);
        tree_put(conf, at, child);
        if (last)
            return;
        at = child;
        rest += n + 1;
    }
}

static void replace(const struct conf *conf, struct conf_node *old, const struct conf_node *value)
{
    const char *key = old->key;
    const struct conf_node *parent = old->parent;
    const struct conf_node *replaced = old->kind == CONF_SCALAR ? tree_new(conf, *old) : NULL;
    *old = *value;
    old->replaced = replaced;
    old->key = key;
    old->parent = parent;
    for (size_t i = 0; i < old->n; i++)
        old->children[i]->parent = old;
}

bool conf_set(struct conf *conf, const char *path, const char *value, struct err *err)
{
    struct err why = {0};
    char shown[80];
    size_t parts = count_parts(path, err);
    if (!parts)
        return false;
    const char *origin = arena_printf(conf->mem, "--set %s", path);
    struct conf_node *node = tree_value(conf, origin, value, &why);
    if (!node)
        return err_set(err, "--set %s: '%s' %s", path, tree_show(shown, sizeof shown, value),
                       why.text);
    if (parts + depth_of(node) > CONF_MAX_DEPTH)
        return err_set(err, "--set: more than %d levels deep; shorten the path", CONF_MAX_DEPTH);
    struct conf_node *at = conf->root;
    if (!walk(&at, &path, origin, err))
        return false;
    if (*path)
        grow(conf, at, path, node);
    else
        replace(conf, at, node);
    return true;
}
