// Prints a tree as YAML that reads back to the same tree.
#include "base/conf/tree.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text_stream.h"

enum { COMMENT_COLUMN = 40 };

struct print {
    FILE *out;
    bool comments;
    bool lean;  // quotes only where needed
    char *line; // the current line, without its end
    size_t n, capacity;
};

static void add_n(struct print *p, const char *text, size_t n)
{
    p->line = mem_grow(p->line, &p->capacity, p->n + n + 1, 1);
    memcpy(p->line + p->n, text, n);
    p->n += n;
}

static void add(struct print *p, const char *text)
{
    add_n(p, text, strlen(text));
}

// Ends the line; `from` is the origin of its value, NULL: a default.
static void end_line(struct print *p, const struct conf_node *from)
{
    fwrite(p->line, 1, p->n, p->out);
    if (p->comments) {
        char origin[200];
        size_t blanks = p->n + 2 < COMMENT_COLUMN ? COMMENT_COLUMN - p->n : 2;
        tree_show(origin, sizeof origin, from && from->origin ? from->origin : "default");
        fprintf(p->out, "%*s# %s", (int)blanks, "", origin);
        if (from && from->line > 0)
            fprintf(p->out, ":%d", from->line);
    }
    fputc('\n', p->out);
    p->n = 0;
}

static void add_indent(struct print *p, int indent)
{
    for (int i = 0; i < indent; i++)
        add(p, " ");
}

// Whether the text means the same without quotes, in block and flow style. The rule is narrow, so
// that this code needs no knowledge of YAML's special cases.
static bool is_plain(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./ +-()=%^;*$";
    size_t n = strlen(text);
    if (n == 0 || strspn(text, allowed) != n || text[n - 1] == ' ')
        return false;
    if (*text == '+' || *text == '-')
        return text[1] && strchr("0123456789.", text[1]);
    return !strchr(" ()=%^;*$", *text) && strncmp(text, "...", 3) != 0;
}

static void add_quoted(struct print *p, const char *text)
{
    struct arena *mem = arena_create();
    add(p, escape_yaml_quoted(mem, text));
    arena_destroy(mem);
}

static void add_scalar(struct print *p, const char *text, bool quoted)
{
    bool keep = quoted && (!p->lean || !*text);
    if (!keep && (is_plain(text) || !*text)) // a key without a value stays so
        add(p, text);
    else
        add_quoted(p, text);
}

static bool holds_map(const struct conf_node *node)
{
    if (node->kind == CONF_MAP)
        return true;
    for (size_t i = 0; i < node->n; i++)
        if (holds_map(node->children[i]))
            return true;
    return false;
}

// Scalars and lists of lists of scalars fit in one line. There an empty item needs quotes.
static void add_flow(struct print *p, const struct conf_node *node)
{
    if (node->kind == CONF_MAP) {
        add(p, "{}"); // a map with keys is printed in lines
        return;
    }
    if (node->kind == CONF_SCALAR) {
        add_scalar(p, node->text, node->quoted);
        return;
    }
    add(p, "[");
    for (size_t i = 0; i < node->n; i++) {
        const struct conf_node *item = node->children[i];
        bool nothing = item->kind == CONF_SCALAR && !*item->text;
        add(p, i ? ", " : "");
        if (nothing)
            add_quoted(p, "");
        else
            add_flow(p, item);
    }
    add(p, "]");
}

// Whether a section that is absent from the tree, or empty, would print any line.
static bool has_defaults(const struct conf_field *fields)
{
    for (; fields && fields->key; fields++)
        if (fields->fallback ||
            (fields->kind == CONF_SECTION && !fields->optional && has_defaults(fields->fields)))
            return true;
    return false;
}

static void print_map(struct print *p, const struct conf_node *map, const struct conf_field *fields,
                      int indent);
static void print_items(struct print *p, const struct conf_node *seq,
                        const struct conf_field *fields, int indent);

// Completes a line that begins with "key:" or "-": with the node itself, or with lines below it.
static void print_value(struct print *p, const struct conf_node *node,
                        const struct conf_field *fields, int indent)
{
    bool block = node->n > 0 && holds_map(node);
    if (!block) {
        size_t before = p->n;
        add(p, " ");
        add_flow(p, node);
        if (p->n == before + 1)
            p->n = before;
        end_line(p, node);
        return;
    }
    end_line(p, node);
    if (node->kind == CONF_MAP)
        print_map(p, node, fields, indent + 2);
    else
        print_items(p, node, fields, indent + 2);
}

// The first key of a map follows the '-'.
static void print_items(struct print *p, const struct conf_node *seq,
                        const struct conf_field *fields, int indent)
{
    for (size_t i = 0; i < seq->n; i++) {
        const struct conf_node *item = seq->children[i];
        add_indent(p, indent);
        add(p, "-");
        if (item->kind == CONF_MAP && (item->n > 0 || has_defaults(fields))) {
            add(p, " ");
            print_map(p, item, fields, indent + 2);
        } else {
            print_value(p, item, fields, indent);
        }
    }
}

// Begins the line of a key; the first key of an item follows "- ".
static void begin_key(struct print *p, const char *key, int indent)
{
    if (!p->n)
        add_indent(p, indent);
    if (is_plain(key))
        add(p, key);
    else
        add_quoted(p, key);
    add(p, ":");
}

static void print_default(struct print *p, const struct conf_field *field, int indent)
{
    static const struct conf_node none = {.kind = CONF_MAP};
    if (field->fallback) {
        begin_key(p, field->key, indent);
        add(p, " ");
        if (schema_is_list(field))
            add(p, field->fallback); // YAML already
        else
            add_scalar(p, field->fallback, !*field->fallback);
        end_line(p, NULL);
    } else if (field->kind == CONF_SECTION && !field->optional && has_defaults(field->fields)) {
        begin_key(p, field->key, indent);
        end_line(p, NULL);
        print_map(p, &none, field->fields, indent + 2);
    }
}

static const struct conf_field *find_field(const struct conf_field *fields, const char *key)
{
    for (; fields && fields->key; fields++)
        if (strcmp(fields->key, key) == 0)
            return fields;
    return NULL;
}

static void print_child(struct print *p, const struct conf_node *child,
                        const struct conf_field *field, int indent)
{
    static const struct conf_node none = {.kind = CONF_MAP};
    const struct conf_field *fields = field ? field->fields : NULL;
    begin_key(p, child->key, indent);
    if (child->kind == CONF_MAP && child->n == 0 && has_defaults(fields)) {
        end_line(p, child);
        print_map(p, &none, fields, indent + 2);
    } else {
        print_value(p, child, fields, indent);
    }
}

static void print_map(struct print *p, const struct conf_node *map, const struct conf_field *fields,
                      int indent)
{
    for (const struct conf_field *field = fields; field && field->key; field++) {
        const struct conf_node *child = tree_child(map, field->key, strlen(field->key));
        if (child)
            print_child(p, child, field, indent);
        else
            print_default(p, field, indent);
    }
    for (size_t i = 0; i < map->n; i++)
        if (!find_field(fields, map->children[i]->key))
            print_child(p, map->children[i], NULL, indent);
}

static void print_root(struct print *p, const struct conf_node *root,
                       const struct conf_field *fields)
{
    if (root->kind == CONF_MAP && (root->n > 0 || has_defaults(fields))) {
        print_map(p, root, fields, 0);
    } else if (root->kind == CONF_SEQ && root->n > 0) {
        print_items(p, root, fields, 0);
    } else {
        add_flow(p, root);
        end_line(p, root);
    }
    free(p->line);
}

void conf_print(const struct conf_node *root, const struct conf_field *fields, bool comments,
                FILE *out)
{
    struct print p = {.out = out, .comments = comments};
    print_root(&p, root, fields);
}

uint64_t conf_hash(const struct conf_node *root, const struct conf_field *fields)
{
    size_t n;
    struct text_stream *stream = text_stream_create();
    struct print p = {.out = text_stream_file(stream), .lean = true};
    print_root(&p, root, fields);
    char *text = text_stream_finish(stream, &n);
    uint64_t hash = hash_bytes(HASH_START, text, n);
    free(text);
    return hash;
}
