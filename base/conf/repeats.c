// Refuses duplicate keys in a map.
#include "base/conf/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static int compare_places(const struct conf_node *x, const struct conf_node *y)
{
    if (x->key_line != y->key_line)
        return x->key_line < y->key_line ? -1 : 1;
    return (x->key_column > y->key_column) - (x->key_column < y->key_column);
}

static int compare_keys(const void *a, const void *b)
{
    const struct conf_node *const *x = a, *const *y = b;
    int order = strcmp((*x)->key, (*y)->key);
    return order ? order : compare_places(*x, *y);
}

// Sorts, because a map may have a large number of keys.
static bool check_map(const struct conf_node *map, struct err *err)
{
    const struct conf_node *first = NULL, *second = NULL;
    struct conf_node **sorted = mem_alloc(map->n + 1, sizeof(struct conf_node *));
    if (map->n)
        memcpy(sorted, map->children, map->n * sizeof(struct conf_node *));
    qsort(sorted, map->n, sizeof(struct conf_node *), compare_keys);
    for (size_t i = 1; i < map->n; i++)
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0 &&
            (!second || compare_places(sorted[i], second) < 0)) {
            first = sorted[i - 1];
            second = sorted[i];
        }
    free(sorted);
    if (!second)
        return true;
    if (second->key_line == 0)
        return err_set(err, "has the duplicate key '%s'; keep one", second->key);
    return tree_fail_key(second, err, "duplicate key, first in line %d; keep one", first->key_line);
}

bool tree_check_repeats(const struct conf_node *node, struct err *err)
{
    if (node->kind == CONF_MAP && !check_map(node, err))
        return false;
    for (size_t i = 0; i < node->n; i++)
        if (!tree_check_repeats(node->children[i], err))
            return false;
    return true;
}
