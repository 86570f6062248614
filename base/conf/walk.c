// Visits the values of a tree one by one, including defaults from the table.
#include <stdio.h>
#include <string.h>

#include "base/conf/tree.h"

enum { PATH_SIZE = 256 };

struct walk {
    conf_visit *each;
    void *context;
    char path[PATH_SIZE];
};

static void walk_node(struct walk *w, size_t used, const struct conf_node *node,
                      const struct conf_field *fields);

// Appends ".key" for the duration of a visit; a path that is too long is cut.
static size_t extend(struct walk *w, size_t used, const char *key)
{
    int n = snprintf(w->path + used, sizeof w->path - used, "%s%s", used ? "." : "", key);
    size_t end = used + (n > 0 ? (size_t)n : 0);
    return end < sizeof w->path ? end : sizeof w->path - 1;
}

static const struct conf_field *find_field(const struct conf_field *fields, const char *key)
{
    for (; fields && fields->key; fields++)
        if (!strcmp(fields->key, key))
            return fields;
    return NULL;
}

static void walk_map(struct walk *w, size_t used, const struct conf_node *map,
                     const struct conf_field *fields)
{
    for (const struct conf_field *field = fields; field && field->key; field++) {
        static const struct conf_node none = {.kind = CONF_MAP};
        const struct conf_node *child = tree_child(map, field->key, strlen(field->key));
        size_t end = extend(w, used, field->key);
        if (child)
            walk_node(w, end, child, field->fields);
        else if (field->fallback)
            w->each(w->context, w->path, field->fallback, NULL);
        else if (field->kind == CONF_SECTION && !field->optional)
            walk_map(w, end, &none, field->fields);
        w->path[used] = 0;
    }
    for (size_t i = 0; i < map->n; i++)
        if (!find_field(fields, map->children[i]->key)) {
            walk_node(w, extend(w, used, map->children[i]->key), map->children[i], NULL);
            w->path[used] = 0;
        }
}

static void walk_node(struct walk *w, size_t used, const struct conf_node *node,
                      const struct conf_field *fields)
{
    char number[24];
    if (node->kind == CONF_SCALAR)
        w->each(w->context, w->path, node->text, node);
    else if (node->kind == CONF_MAP)
        walk_map(w, used, node, fields);
    for (size_t i = 0; node->kind == CONF_SEQ && i < node->n; i++) {
        snprintf(number, sizeof number, "%zu", i);
        walk_node(w, extend(w, used, number), node->children[i], fields);
        w->path[used] = 0;
    }
}

void conf_walk(const struct conf_node *root, const struct conf_field *fields, conf_visit *each,
               void *context)
{
    struct walk w = {.each = each, .context = context};
    walk_map(&w, 0, root, fields);
}
