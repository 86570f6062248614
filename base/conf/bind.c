// Reads a map of the tree into a struct, by the struct's table of fields.
#include "base/conf/tree.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/name.h"
#include "base/units.h"

enum { SHOWN = 48 };

struct bind {
    const struct conf *conf;
    struct err *err;
};

static bool bind_map(struct bind *b, const struct conf_node *at, const struct conf_field *fields,
                     char *out);

// "'4 nm' is not a time in s; allowed: 1 ps..1 ms"; without a value if the node is not a scalar.
static bool refuse(const struct bind *b, const struct conf_node *at, const struct conf_field *field,
                   const char *what)
{
    char shown[SHOWN], allowed[300];
    schema_allowed(allowed, sizeof allowed, field);
    if (at->kind == CONF_MAP)
        return conf_fail(at, b->err, "found a map; allowed: %s", allowed);
    if (at->kind == CONF_SEQ)
        return conf_fail(at, b->err, "found a list; allowed: %s", allowed);
    if (!*at->text && !at->quoted)
        return conf_fail(at, b->err, "is empty; allowed: %s", allowed);
    tree_show(shown, sizeof shown, at->text);
    return conf_fail(at, b->err, "'%s' %s; allowed: %s", shown, what, allowed);
}

static bool in_range(const struct conf_field *field, double value)
{
    return (field->min == 0 && field->max == 0) || (value >= field->min && value <= field->max);
}

static bool is_word(const struct conf_node *at, const struct conf_field *field)
{
    return field->word && at->kind == CONF_SCALAR && strcmp(at->text, field->word) == 0;
}

// Digits only: no "0x10", "1_000", "1e3", and no "010", which some parsers read as eight.
static bool parse_int(const char *text, long long *value)
{
    const char *digits = text + (*text == '-' || *text == '+');
    size_t n = strspn(digits, "0123456789");
    if (n == 0 || digits[n] || (n > 1 && *digits == '0'))
        return false;
    *value = strtoll(text, NULL, 10); // saturates on overflow, so it is out of any int's range
    return true;
}

static bool bind_int(const struct bind *b, const struct conf_node *at,
                     const struct conf_field *field, int *out)
{
    long long value = 0;
    if (is_word(at, field)) {
        *out = -1;
        return true;
    }
    if (at->kind != CONF_SCALAR || (at->quoted && *at->text))
        return refuse(b, at, field, "is quoted; write the number without quotes");
    if (!parse_int(at->text, &value))
        return refuse(b, at, field, "is not an integer");
    if (value < INT_MIN || value > INT_MAX || !in_range(field, (double)value))
        return refuse(b, at, field, "is out of range");
    *out = (int)value;
    return true;
}

// A plain number is a quantity without a unit.
static bool bind_double(const struct bind *b, const struct conf_node *at,
                        const struct conf_field *field, double *out)
{
    struct err why = {0};
    if (is_word(at, field)) {
        *out = -1;
        return true;
    }
    bool plain = field->kind == CONF_NUM || field->kind == CONF_NUMS;
    if (at->kind != CONF_SCALAR || (plain && at->quoted && *at->text))
        return refuse(b, at, field, "is quoted; write the number without quotes");
    double value = 0;
    if (!units_parse(at->text, plain ? "" : field->unit, &value, &why))
        return refuse(b, at, field, why.text);
    if (!in_range(field, value))
        return refuse(b, at, field, "is out of range");
    *out = value;
    return true;
}

static bool bind_bool(const struct bind *b, const struct conf_node *at,
                      const struct conf_field *field, bool *out)
{
    bool yes = at->kind == CONF_SCALAR && strcmp(at->text, "true") == 0;
    bool no = at->kind == CONF_SCALAR && strcmp(at->text, "false") == 0;
    if (!yes && !no)
        return refuse(b, at, field, "is not a boolean");
    *out = yes;
    return true;
}

static bool bind_enum(const struct bind *b, const struct conf_node *at,
                      const struct conf_field *field, int *out)
{
    if (at->kind != CONF_SCALAR)
        return refuse(b, at, field, "");
    struct suggest near = {.word = at->text};
    for (int i = 0; field->names[i]; i++) {
        if (strcmp(field->names[i], at->text) == 0) {
            *out = i;
            return true;
        }
        suggest_offer(&near, field->names[i]);
    }
    char what[120];
    snprintf(what, sizeof what, near.best ? "is unknown (did you mean '%.80s'?)" : "is unknown",
             near.best);
    return refuse(b, at, field, what);
}

// The items of a list, n of them; a single value is a list of one.
static const struct conf_node *item(const struct conf_node *at, size_t i)
{
    return at->kind == CONF_SCALAR ? at : at->children[i];
}

static bool count_items(const struct bind *b, const struct conf_node *at,
                        const struct conf_field *field, size_t *n)
{
    *n = at->kind == CONF_SCALAR ? 1 : at->n;
    return at->kind != CONF_MAP || refuse(b, at, field, "");
}

static bool bind_ints(const struct bind *b, const struct conf_node *at,
                      const struct conf_field *field, struct conf_ints *out)
{
    bool ok = count_items(b, at, field, &out->n);
    out->v = arena_alloc(b->conf->mem, ok ? out->n : 0, sizeof *out->v);
    for (int i = 0; at->kind == CONF_SCALAR && field->names && field->names[i]; i++)
        if (strcmp(field->names[i], at->text) == 0) {
            out->v[0] = -1 - i;
            return true;
        }
    for (size_t i = 0; ok && i < out->n; i++)
        ok = bind_int(b, item(at, i), field, &out->v[i]);
    return ok;
}

static bool bind_strs(const struct bind *b, const struct conf_node *at,
                      const struct conf_field *field, struct conf_strs *out)
{
    bool ok = count_items(b, at, field, &out->n);
    out->v = arena_alloc(b->conf->mem, ok ? out->n : 0, sizeof *out->v);
    for (size_t i = 0; ok && i < out->n; i++) {
        if (item(at, i)->kind != CONF_SCALAR)
            return refuse(b, item(at, i), field, "");
        out->v[i] = item(at, i)->text;
    }
    return ok;
}

static bool bind_nums(const struct bind *b, const struct conf_node *at,
                      const struct conf_field *field, struct conf_nums *out)
{
    bool ok = count_items(b, at, field, &out->n);
    out->v = arena_alloc(b->conf->mem, ok ? out->n : 0, sizeof *out->v);
    for (size_t i = 0; ok && i < out->n; i++)
        ok = bind_double(b, item(at, i), field, &out->v[i]);
    return ok;
}

static bool bind_sections(struct bind *b, const struct conf_node *at,
                          const struct conf_field *field, struct conf_list *out)
{
    if (at->kind != CONF_SEQ)
        return refuse(b, at, field, "is a single value");
    out->n = at->n;
    out->size = field->size;
    out->items = arena_alloc(b->conf->mem, at->n, field->size);
    out->nodes = arena_alloc(b->conf->mem, at->n, sizeof *out->nodes);
    for (size_t i = 0; i < at->n; i++) {
        out->nodes[i] = at->children[i];
        if (!bind_map(b, at->children[i], field->fields, (char *)out->items + i * field->size))
            return false;
    }
    return true;
}

static bool bind_name(const struct bind *b, const struct conf_node *at,
                      const struct conf_field *field, const char **out)
{
    char buf[64];
    const char *fault = at->kind == CONF_SCALAR ? name_fault(at->text, buf, sizeof buf) : "";
    *out = at->text;
    return !fault || refuse(b, at, field, fault);
}

static bool bind_text(const struct bind *b, const struct conf_node *at,
                      const struct conf_field *field, const char **out)
{
    *out = at->text;
    return (at->kind == CONF_SCALAR && name_is_text(at->text)) ||
           refuse(b, at, field, "contains control characters");
}

static bool bind_value(struct bind *b, const struct conf_node *at, const struct conf_field *field,
                       char *out)
{
    void *to = out + field->offset;
    switch (field->kind) {
    case CONF_BOOL:
        return bind_bool(b, at, field, to);
    case CONF_INT:
        return bind_int(b, at, field, to);
    case CONF_NUM:
    case CONF_QTY:
        return bind_double(b, at, field, to);
    case CONF_ENUM:
        return bind_enum(b, at, field, to);
    case CONF_STR:
        if (at->kind != CONF_SCALAR)
            return refuse(b, at, field, "");
        *(const char **)to = at->text;
        return true;
    case CONF_NAME:
        return bind_name(b, at, field, to);
    case CONF_TEXT:
        return bind_text(b, at, field, to);
    case CONF_INTS:
        return bind_ints(b, at, field, to);
    case CONF_NUMS:
        return bind_nums(b, at, field, to);
    case CONF_STRS:
        return bind_strs(b, at, field, to);
    case CONF_SECTION:
        return bind_map(b, at, field->fields, to);
    case CONF_SECTIONS:
        return bind_sections(b, at, field, to);
    case CONF_NODE:
        *(const struct conf_node **)to = at;
        return true;
    }
    return false;
}

// A default is read like a value in a file, so a table cannot express anything that a file cannot.
static void bind_fallback(const struct bind *b, const struct conf_field *field, char *out)
{
    struct err why = {0};
    struct bind quiet = {.conf = b->conf, .err = &why};
    struct conf_node scalar = {.kind = CONF_SCALAR, .text = field->fallback, .origin = "default"};
    const struct conf_node *at = &scalar;
    if (schema_is_list(field))
        at = tree_value(b->conf, "default", field->fallback, &why);
    bool ok = at && bind_value(&quiet, at, field, out);
    assert(ok && "the table's fallback is invalid");
    (void)ok;
}

// A missing key has no place of its own, so the message names the place of the map.
static bool bind_absent(struct bind *b, const struct conf_node *at, const struct conf_field *field,
                        char *out)
{
    char allowed[300];
    struct conf_node like = *at;
    like.key = field->key;
    like.key_line = like.key_column = 0;
    like.n = 0;
    like.children = NULL;
    like.parent = at; // for the path in messages
    if (field->fallback) {
        bind_fallback(b, field, out);
        return true;
    }
    if (field->optional)
        return true;
    if (field->kind == CONF_SECTION)
        return bind_map(b, tree_new(b->conf, like), field->fields, out + field->offset);
    schema_allowed(allowed, sizeof allowed, field);
    return conf_fail(&like, b->err, "is missing; allowed: %s", allowed);
}

static const struct conf_field *find_field(const struct conf_field *fields, const char *key)
{
    for (; fields->key; fields++)
        if (strcmp(fields->key, key) == 0)
            return fields;
    return NULL;
}

static bool refuse_key(const struct bind *b, const struct conf_node *at,
                       const struct conf_field *fields)
{
    char known[360] = "";
    struct line line = {.buf = known, .n = sizeof known};
    struct suggest near = {.word = at->key};
    for (const struct conf_field *field = fields; field->key; field++) {
        suggest_offer(&near, field->key);
        line_add(&line, "%s%s", line.used ? ", " : "", field->key);
    }
    if (near.best)
        return tree_fail_key(at, b->err, "unknown key; did you mean '%s'? Known keys: %s",
                             near.best, known);
    return tree_fail_key(at, b->err, "unknown key; known keys: %s", known);
}

// Unknown keys are reported first: a misspelt key explains the missing one.
static bool bind_map(struct bind *b, const struct conf_node *at, const struct conf_field *fields,
                     char *out)
{
    if (at->kind != CONF_MAP) {
        const struct conf_field section = {.kind = CONF_SECTION, .fields = fields};
        return refuse(b, at, &section, "is a single value");
    }
    for (size_t i = 0; i < at->n; i++)
        if (!find_field(fields, at->children[i]->key))
            return refuse_key(b, at->children[i], fields);
    for (const struct conf_field *field = fields; field->key; field++) {
        const struct conf_node *child = tree_child(at, field->key, strlen(field->key));
        if (child && field->present)
            *(bool *)(out + field->present) = true;
        if (!(child ? bind_value(b, child, field, out) : bind_absent(b, at, field, out)))
            return false;
    }
    return true;
}

bool conf_bind(const struct conf *conf, const struct conf_node *at, const struct conf_field *fields,
               void *out, struct err *err)
{
    struct bind b = {.conf = conf, .err = err};
    return bind_map(&b, at, fields, out);
}
