#include "base/conf/tree.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/escape.h"
#include "base/mem.h"

enum { MAX_PATH = 160, MAX_ORIGIN = 200 };

void conf_close(struct conf *conf)
{
    if (!conf)
        return;
    arena_destroy(conf->mem);
    free(conf);
}

struct conf_node *tree_new(const struct conf *conf, struct conf_node like)
{
    struct conf_node *node = arena_alloc(conf->mem, 1, sizeof *node);
    *node = like;
    return node;
}

// The number written by n digits; SIZE_MAX if they are not all digits.
static size_t read_index(const char *text, size_t n)
{
    size_t index = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9' || i > 8)
            return SIZE_MAX;
        index = index * 10 + (size_t)(text[i] - '0');
    }
    return n ? index : SIZE_MAX;
}

struct conf_node *tree_child(const struct conf_node *at, const char *key, size_t n)
{
    if (at->kind == CONF_SEQ) {
        size_t index = read_index(key, n);
        return index < at->n ? at->children[index] : NULL;
    }
    for (size_t i = 0; i < at->n; i++)
        if (strncmp(at->children[i]->key, key, n) == 0 && !at->children[i]->key[n])
            return at->children[i];
    return NULL;
}

const struct conf_node *conf_find(const struct conf_node *at, const char *path)
{
    while (at && *path) {
        size_t n = strcspn(path, ".");
        at = tree_child(at, path, n);
        path += n;
        path += *path == '.';
    }
    return at;
}

const struct conf_node *conf_take(struct conf *conf, const char *key)
{
    struct conf_node *root = conf->root;
    for (size_t i = 0; i < root->n; i++) {
        struct conf_node *node = root->children[i];
        if (strcmp(node->key, key) != 0)
            continue;
        if (node->kind != CONF_SCALAR)
            return NULL;
        root->n--;
        memmove(root->children + i, root->children + i + 1, (root->n - i) * sizeof *root->children);
        return node;
    }
    return NULL;
}

static void append(const struct conf *conf, struct conf_node *parent, struct conf_node *child)
{
    struct conf_node **grown = arena_alloc(conf->mem, parent->n + 1, sizeof(struct conf_node *));
    if (parent->n)
        memcpy(grown, parent->children, parent->n * sizeof(struct conf_node *));
    grown[parent->n++] = child;
    parent->children = grown;
}

void tree_put(const struct conf *conf, struct conf_node *parent, struct conf_node *child)
{
    child->parent = parent;
    for (size_t i = 0; i < parent->n; i++)
        if (strcmp(parent->children[i]->key, child->key) == 0) {
            parent->children[i] = child;
            return;
        }
    append(conf, parent, child);
}

// Copies from one tree to another. All nodes of a file share one origin, so the last copy is kept.
struct copier {
    struct conf *to;
    const char *seen, *copy;
};

static const char *copy_origin(struct copier *copier, const char *origin)
{
    if (origin != copier->seen) {
        copier->seen = origin;
        copier->copy = origin ? arena_strdup(copier->to->mem, origin) : NULL;
    }
    return copier->copy;
}

static struct conf_node *copy_node(struct copier *copier, const struct conf_node *from,
                                   const struct conf_node *parent)
{
    struct arena *mem = copier->to->mem;
    struct conf_node *node = tree_new(copier->to, *from);
    node->parent = parent;
    node->replaced = NULL; // would point into the other tree's memory
    node->key = from->key ? arena_strdup(mem, from->key) : NULL;
    node->text = from->text ? arena_strdup(mem, from->text) : NULL;
    node->origin = copy_origin(copier, from->origin);
    node->children = from->n ? arena_alloc(mem, from->n, sizeof(struct conf_node *)) : NULL;
    for (size_t i = 0; i < from->n; i++)
        node->children[i] = copy_node(copier, from->children[i], node);
    return node;
}

static int compare_keys(const void *a, const void *b)
{
    const struct conf_node *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

static void overlay_map(struct copier *copier, struct conf_node *base,
                        const struct conf_node *over);

// Merges a key that base has too. The node keeps its position in base's order.
static void overlay_child(struct copier *copier, struct conf_node *base,
                          const struct conf_node *over)
{
    if (base->kind == CONF_MAP && over->kind == CONF_MAP) {
        overlay_map(copier, base, over);
    } else {
        struct conf_node *old = base->kind == CONF_SCALAR ? tree_new(copier->to, *base) : NULL;
        *base = *copy_node(copier, over, base->parent);
        base->replaced = old;
    }
    for (size_t i = 0; i < base->n; i++)
        base->children[i]->parent = base;
}

// Keys are found by binary search, because both maps may be large.
static void overlay_map(struct copier *copier, struct conf_node *base, const struct conf_node *over)
{
    size_t n = base->n;
    struct conf_node **sorted = mem_alloc(n + 1, sizeof(struct conf_node *));
    struct conf_node **merged =
        arena_alloc(copier->to->mem, n + over->n, sizeof(struct conf_node *));
    if (n) {
        memcpy(sorted, base->children, n * sizeof(struct conf_node *));
        memcpy(merged, base->children, n * sizeof(struct conf_node *));
        qsort(sorted, n, sizeof(struct conf_node *), compare_keys);
    }
    base->children = merged;
    for (size_t i = 0; i < over->n; i++) {
        const struct conf_node *child = over->children[i];
        struct conf_node **same =
            bsearch(&child, sorted, n, sizeof(struct conf_node *), compare_keys);
        if (same)
            overlay_child(copier, *same, child);
        else
            merged[base->n++] = copy_node(copier, child, base);
    }
    free(sorted);
    base->origin = copy_origin(copier, over->origin);
    base->line = over->line;
    base->column = over->column;
    base->key_line = over->key_line;
    base->key_column = over->key_column;
}

void conf_overlay(struct conf *base, const struct conf *over)
{
    struct copier copier = {.to = base};
    overlay_map(&copier, base->root, over->root);
}

char *tree_show(char *buf, size_t n, const char *text)
{
    return escape_line_to(buf, n, text);
}

void line_add(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line->buf + line->used, line->n - line->used, format, args);
    va_end(args);
    if (n > 0)
        line->used += (size_t)n;
    if (line->used >= line->n) {
        memcpy(line->buf + line->n - 4, "...", 4);
        line->used = line->n - 1;
    }
}

// Writes "tile.adc.bits" from the end; the start of a long path is cut.
static const char *key_path(char *buf, size_t n, const struct conf_node *at)
{
    size_t used = n - 1;
    if (!at || !at->parent)
        return "";
    buf[used] = 0;
    for (; at && at->parent; at = at->parent) {
        char number[24];
        size_t index = 0;
        while (!at->key && index < at->parent->n && at->parent->children[index] != at)
            index++;
        snprintf(number, sizeof number, "%zu", index);
        const char *part = at->key ? at->key : number;
        size_t length = strlen(part);
        if (used < length + 5) {
            memcpy(buf + used - 3, "...", 3);
            return buf + used - 3;
        }
        if (buf[used])
            buf[--used] = '.';
        used -= length;
        memcpy(buf + used, part, length);
    }
    return buf + used;
}

// Keeps the class of the sentence.
static bool fail_at(const struct conf_node *at, int line, int column, struct err *err,
                    const struct err *why)
{
    char buf[MAX_PATH], name[MAX_ORIGIN], path[MAX_PATH];
    const char *sentence = why->text;
    tree_show(path, sizeof path, key_path(buf, sizeof buf, at));
    tree_show(name, sizeof name, at->origin ? at->origin : "");
    const char *colon = *path ? ": " : "";
    if (line > 0)
        return err_wrap(err, why, "%s:%d:%d: %s%s%s", name, line, column, path, colon, sentence);
    size_t said = strlen(name), length = strlen(path);
    if (length && said > length && name[said - length - 1] == ' ' &&
        strcmp(name + said - length, path) == 0)
        return err_wrap(err, why, "%s: %s", name, sentence);
    return err_wrap(err, why, "%s: %s%s%s", name, path, colon, sentence);
}

static bool fail_node(const struct conf_node *at, struct err *err, const struct err *why)
{
    return at ? fail_at(at, at->line, at->column, err, why) : err_wrap(err, why, "%s", why->text);
}

bool conf_fail(const struct conf_node *at, struct err *err, const char *format, ...)
{
    struct err sentence = {0};
    va_list args;
    va_start(args, format);
    err_setv(&sentence, ERR_INPUT, format, args);
    va_end(args);
    return fail_node(at, err, &sentence);
}

bool conf_wrap(const struct conf_node *at, struct err *err, const struct err *why,
               const char *format, ...)
{
    struct err sentence = {0};
    va_list args;
    va_start(args, format);
    err_setv(&sentence, why->class, format, args);
    va_end(args);
    return fail_node(at, err, &sentence);
}

bool tree_fail_key(const struct conf_node *at, struct err *err, const char *format, ...)
{
    struct err sentence = {0};
    va_list args;
    va_start(args, format);
    err_setv(&sentence, ERR_INPUT, format, args);
    va_end(args);
    bool known = at->key_line > 0;
    return fail_at(at, known ? at->key_line : at->line, known ? at->key_column : at->column, err,
                   &sentence);
}
