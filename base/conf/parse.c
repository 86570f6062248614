// YAML text to a tree, from libyaml's events, which carry marks, do not follow aliases and let this
// file limit the depth.
#include "base/conf/tree.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

struct parse {
    yaml_parser_t yaml;
    const struct conf *conf;
    const char *origin;
    const char *text; // the input, to find the character that an error points to
    size_t n;
    bool bare; // not from a file: marks mean nothing to the user
    size_t nodes;
    struct conf_node **pending; // children of the open containers
    size_t pending_n, pending_capacity;
    struct err *err;
};

static bool fail(const struct parse *p, yaml_mark_t mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(const struct parse *p, yaml_mark_t mark, const char *format, ...)
{
    struct err sentence = {0};
    char name[200];
    va_list args;
    va_start(args, format);
    err_setv(&sentence, ERR_INPUT, format, args);
    va_end(args);
    if (p->bare)
        return err_set(p->err, "%s", sentence.text);
    return err_set(p->err, "%s:%zu:%zu: %s", tree_show(name, sizeof name, p->origin), mark.line + 1,
                   mark.column + 1, sentence.text);
}

// The reader reports only the offset of the invalid byte.
static yaml_mark_t mark_of_byte(const struct parse *p, size_t offset)
{
    yaml_mark_t mark = {.index = offset};
    for (size_t i = 0; i < offset && i < p->n; i++) {
        if (p->text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (((unsigned char)p->text[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

// The character a mark points to; libyaml counts characters, not bytes.
static char char_at(const struct parse *p, yaml_mark_t mark)
{
    const char *at = p->text, *end = p->text + p->n;
    for (size_t line = 0; line < mark.line && at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    for (size_t column = 0; column < mark.column && at < end; column++)
        for (at++; at < end && ((unsigned char)*at & 0xc0) == 0x80;)
            at++;
    if (at == end)
        return 0;
    return *at;
}

static bool fail_yaml(const struct parse *p)
{
    const yaml_parser_t *yaml = &p->yaml;
    if (yaml->error == YAML_MEMORY_ERROR)
        mem_fail(0);
    const char *problem = yaml->problem ? yaml->problem : "cannot be read";
    if (yaml->error == YAML_READER_ERROR)
        return fail(p, mark_of_byte(p, yaml->problem_offset),
                    "is not YAML text: %s (0x%x); save the file as UTF-8", problem,
                    yaml->problem_value < 0 ? 0 : (unsigned)yaml->problem_value);
    if (char_at(p, yaml->problem_mark) == '\t')
        return fail(p, yaml->problem_mark, "a tab is not allowed here; use blanks");
    return fail(p, yaml->problem_mark, "is not valid YAML: %s%s%s",
                yaml->context ? yaml->context : "", yaml->context ? ", " : "", problem);
}

static bool next_event(struct parse *p, yaml_event_t *event)
{
    return yaml_parser_parse(&p->yaml, event) || fail_yaml(p);
}

static bool check_properties(const struct parse *p, const yaml_event_t *event, const char *anchor,
                             const char *tag)
{
    if (anchor)
        return fail(p, event->start_mark,
                    "the anchor '&%.40s' is not allowed; write out the value wherever it is needed",
                    anchor);
    if (tag)
        return fail(p, event->start_mark,
                    "the tag '%.40s' is not allowed; the key determines the type", tag);
    return true;
}

static bool check_event(const struct parse *p, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return fail(p, event->start_mark,
                    "the alias '*%.40s' is not allowed; write out the value wherever it is needed",
                    (const char *)event->data.alias.anchor);
    case YAML_SCALAR_EVENT:
        if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
            return fail(p, event->start_mark, "the text contains a 0 byte; remove it");
        return check_properties(p, event, (const char *)event->data.scalar.anchor,
                                (const char *)event->data.scalar.tag);
    case YAML_SEQUENCE_START_EVENT:
        return check_properties(p, event, (const char *)event->data.sequence_start.anchor,
                                (const char *)event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return check_properties(p, event, (const char *)event->data.mapping_start.anchor,
                                (const char *)event->data.mapping_start.tag);
    default:
        return true;
    }
}

static struct conf_node *new_node(struct parse *p, const yaml_event_t *event)
{
    if (++p->nodes > CONF_MAX_NODES) {
        fail(p, event->start_mark,
             "more than %d values; split the file, or check that it is the right one",
             CONF_MAX_NODES);
        return NULL;
    }
    struct conf_node node = {.kind = CONF_SCALAR, .origin = p->origin};
    if (!p->bare) {
        node.line = (int)event->start_mark.line + 1;
        node.column = (int)event->start_mark.column + 1;
    }
    if (event->type == YAML_SCALAR_EVENT) {
        node.text = arena_strndup(p->conf->mem, (const char *)event->data.scalar.value,
                                  event->data.scalar.length);
        node.quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    } else {
        node.kind = event->type == YAML_MAPPING_START_EVENT ? CONF_MAP : CONF_SEQ;
    }
    return tree_new(p->conf, node);
}

static bool check_key(const struct parse *p, const yaml_event_t *event)
{
    if (event->type != YAML_SCALAR_EVENT && event->type != YAML_ALIAS_EVENT)
        return fail(p, event->start_mark, "a list or a map cannot be a key");
    if (!check_event(p, event))
        return false;
    const char *key = (const char *)event->data.scalar.value;
    if (!*key)
        return fail(p, event->start_mark, "the key is empty; write its name before the ':'");
    if (event->data.scalar.length > CONF_MAX_KEY)
        return fail(p, event->start_mark, "the key has %zu bytes; at most %d are allowed",
                    event->data.scalar.length, CONF_MAX_KEY);
    if (strcmp(key, "<<") == 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return fail(p, event->start_mark,
                    "the merge key '<<' is not allowed; write the keys out, or use extends");
    return true;
}

static struct conf_node *read_node(struct parse *p, yaml_event_t *event, struct conf_node *parent,
                                   const struct conf_node *key, int depth);

// Reads the next event and the node that it starts; false also at the container's end, with *end
// set.
static bool read_child(struct parse *p, struct conf_node *parent, int depth, bool *end)
{
    yaml_event_t event;
    struct conf_node key = {0};
    if (!next_event(p, &event))
        return false;
    *end = event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
    bool ok = !*end;
    if (ok && parent->kind == CONF_MAP) {
        ok = check_key(p, &event);
        if (ok) {
            key.key = arena_strndup(p->conf->mem, (const char *)event.data.scalar.value,
                                    event.data.scalar.length);
            key.key_line = (int)event.start_mark.line + 1;
            key.key_column = (int)event.start_mark.column + 1;
        }
        yaml_event_delete(&event);
        if (!ok || !next_event(p, &event))
            return false;
    }
    struct conf_node *child = ok ? read_node(p, &event, parent, &key, depth) : NULL;
    yaml_event_delete(&event);
    if (!child)
        return false;
    p->pending =
        mem_grow(p->pending, &p->pending_capacity, p->pending_n + 1, sizeof(struct conf_node *));
    p->pending[p->pending_n++] = child;
    return true;
}

static bool read_children(struct parse *p, struct conf_node *node, int depth)
{
    size_t start = p->pending_n;
    bool end = false;
    while (read_child(p, node, depth, &end))
        continue;
    if (!end)
        return false;
    node->n = p->pending_n - start;
    node->children = arena_alloc(p->conf->mem, node->n, sizeof(struct conf_node *));
    if (node->n)
        memcpy(node->children, p->pending + start, node->n * sizeof(struct conf_node *));
    p->pending_n = start;
    return true;
}

// The caller keeps the event; `key` holds the new node's key and its place.
static struct conf_node *read_node(struct parse *p, yaml_event_t *event, struct conf_node *parent,
                                   const struct conf_node *key, int depth)
{
    struct conf_node *node = check_event(p, event) ? new_node(p, event) : NULL;
    if (!node)
        return NULL;
    node->parent = parent;
    node->key = key->key;
    node->key_line = p->bare ? 0 : key->key_line;
    node->key_column = p->bare ? 0 : key->key_column;
    if (node->kind == CONF_SCALAR)
        return node;
    if (depth >= CONF_MAX_DEPTH) {
        fail(p, event->start_mark, "nested more than %d levels deep; flatten it", CONF_MAX_DEPTH);
        return NULL;
    }
    return read_children(p, node, depth + 1) ? node : NULL;
}

static bool is_block(const yaml_event_t *event)
{
    return (event->type == YAML_MAPPING_START_EVENT &&
            event->data.mapping_start.style != YAML_FLOW_MAPPING_STYLE) ||
           (event->type == YAML_SEQUENCE_START_EVENT &&
            event->data.sequence_start.style != YAML_FLOW_SEQUENCE_STYLE);
}

// The root of an empty document is an empty plain scalar.
static bool is_nothing(const yaml_event_t *event)
{
    return event->type == YAML_STREAM_END_EVENT ||
           (event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
            event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
}

static bool check_root(const struct parse *p, const yaml_event_t *event)
{
    if (is_nothing(event) && p->bare)
        return err_set(p->err, "is empty; write '\"\"' for an empty string");
    if (is_nothing(event))
        return err_set(p->err, "%s: is empty; it must contain lines of 'key: value'", p->origin);
    if (!p->bare && event->type != YAML_MAPPING_START_EVENT && event->type != YAML_ALIAS_EVENT)
        return fail(p, event->start_mark, "found %s, expected lines of 'key: value'",
                    event->type == YAML_SCALAR_EVENT ? "a single value" : "a list");
    if (p->bare && is_block(event))
        return err_set(p->err, "is not a single value; put it in quotes, or in [...] or {...}");
    return true;
}

// Skips events without content, up to the root or the end of the stream.
static bool next_root(struct parse *p, yaml_event_t *event)
{
    for (;;) {
        if (!next_event(p, event))
            return false;
        if (event->type != YAML_STREAM_START_EVENT && event->type != YAML_DOCUMENT_START_EVENT &&
            event->type != YAML_DOCUMENT_END_EVENT)
            return true;
        yaml_event_delete(event);
    }
}

static struct conf_node *read_document(struct parse *p)
{
    yaml_event_t event;
    const struct conf_node no_key = {0};
    if (!next_root(p, &event))
        return NULL;
    struct conf_node *root = check_root(p, &event) ? read_node(p, &event, NULL, &no_key, 0) : NULL;
    yaml_event_delete(&event);
    if (!root || !next_root(p, &event))
        return NULL;
    bool last = event.type == YAML_STREAM_END_EVENT;
    if (!last)
        fail(p, event.start_mark,
             "found a second document; only one is allowed, put it in another file");
    yaml_event_delete(&event);
    return last ? root : NULL;
}

static struct conf_node *parse(struct parse *p)
{
    struct conf_node *root = NULL;
    if (!yaml_parser_initialize(&p->yaml))
        mem_fail(0);
    yaml_parser_set_encoding(&p->yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p->yaml, (const unsigned char *)p->text, p->n);
    root = read_document(p);
    if (root && !tree_check_repeats(root, p->err))
        root = NULL;
    yaml_parser_delete(&p->yaml);
    free(p->pending);
    return root;
}

struct conf *conf_parse(const char *name, const char *text, size_t n, struct err *err)
{
    if (n > CONF_MAX_BYTES) {
        err_set(err, "%s: has %zu bytes, above the limit of %d; check that it is the right file",
                name, n, CONF_MAX_BYTES);
        return NULL;
    }
    struct conf *conf = mem_alloc(1, sizeof *conf);
    conf->mem = arena_create();
    size_t mark = file_mark(text, n);
    struct parse p = {.conf = conf, .text = text + mark, .n = n - mark, .err = err};
    p.origin = arena_strdup(conf->mem, name);
    conf->root = parse(&p);
    if (conf->root)
        return conf;
    conf_close(conf);
    return NULL;
}

struct conf *conf_open(const char *path, struct err *err)
{
    size_t n;
    char *text = file_read(path, CONF_MAX_BYTES, &n, err);
    struct conf *conf = text ? conf_parse(path, text, n, err) : NULL;
    free(text);
    return conf;
}

struct conf_node *tree_value(const struct conf *conf, const char *origin, const char *text,
                             struct err *err)
{
    struct parse p = {
        .conf = conf, .origin = origin, .text = text, .n = strlen(text), .bare = true, .err = err};
    if (p.n > CONF_MAX_BYTES) {
        err_set(err, "is longer than %d bytes, the limit", CONF_MAX_BYTES);
        return NULL;
    }
    return parse(&p);
}
