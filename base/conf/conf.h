// Reads YAML files into structs, by tables of fields. A file becomes a tree of nodes that record
// their origin; trees are merged (extends, --set); a table of fields reads the tree into a struct
// and refuses unknown keys with a message path:line:column: key: found, allowed. This is the only
// user of libyaml.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct arena;
struct err;

enum { CONF_MAX_BYTES = 4 << 20, CONF_MAX_DEPTH = 32, CONF_MAX_NODES = 200000 };

enum conf_node_kind { CONF_SCALAR, CONF_MAP, CONF_SEQ };

struct conf_node {
    enum conf_node_kind kind;
    const char *key;          // in a map, else NULL
    const char *text;         // of a scalar
    bool quoted;              // the scalar was quoted
    const char *origin;       // file name as given, embedded name ("chip hawis"), or "--set PATH"
    int line, column;         // of the value, from 1; 0 for --set
    int key_line, key_column; // of the key; 0 where there is none
    size_t n;                 // children
    struct conf_node **children;
    const struct conf_node *parent;
    // The scalar that this one replaced through conf_overlay or conf_set, which may itself have
    // replaced another one; NULL: none.
    const struct conf_node *replaced;
};

struct conf {
    struct arena *mem;
    struct conf_node *root; // always a map
};

// Reads one YAML document. Refuses anchors, aliases, tags and merge keys, tabs where YAML forbids
// them, several documents, keys that are not short scalars, repeated keys, a root that is not a
// map, empty files, more than CONF_MAX_*. `name` is used in messages.
struct conf *conf_parse(const char *name, const char *text, size_t n, struct err *err);
struct conf *conf_open(const char *path, struct err *err);
void conf_close(struct conf *conf); // NULL is fine

// Merges `over` into `base`: maps merge by key, anything else replaces. Nodes are copied into base
// and keep their origins; errors in a map that both contain are reported at its place in `over`.
// Keys such as `name` in `over` win like any other.
void conf_overlay(struct conf *base, const struct conf *over);
// Sets the value (a scalar, "[1, 2]" or "{a: 1}") at the dotted path, replacing the current one;
// creates missing maps. A number in the path selects an item of a sequence, the first is 0.
bool conf_set(struct conf *conf, const char *path, const char *value, struct err *err);
// Removes the scalar at a top-level key and returns it; NULL, and no change, if there is none.
const struct conf_node *conf_take(struct conf *conf, const char *key);

// The node at a dotted path below `at`, NULL if absent.
const struct conf_node *conf_find(const struct conf_node *at, const char *path);
// Sets err to "ORIGIN:LINE:COLUMN: KEYPATH: sentence" and returns false. For --set the numbers are
// left out, and so is the path where it would appear twice. Without a node, only the sentence.
bool conf_fail(const struct conf_node *at, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(3)));
// The same, with the class of `why`: for a sentence that extends another one (err_wrap).
bool conf_wrap(const struct conf_node *at, struct err *err, const struct err *why,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

enum conf_kind {
    CONF_BOOL,     // bool
    CONF_INT,      // int
    CONF_NUM,      // double without unit
    CONF_QTY,      // double in base units of .unit
    CONF_ENUM,     // int, index into .names
    CONF_STR,      // const char *
    CONF_NAME,     // const char *: a name by the rule of base/name.h
    CONF_TEXT,     // const char *: free text; the only control characters are line breaks and tabs
    CONF_INTS,     // struct conf_ints; a single number is a list of one
    CONF_NUMS,     // struct conf_nums; the same for numbers without unit
    CONF_STRS,     // struct conf_strs; a single string is a list of one
    CONF_SECTION,  // an embedded struct, read by .fields
    CONF_SECTIONS, // struct conf_list: a sequence of maps, each read by .fields
    CONF_NODE,     // const struct conf_node *: any value, read by its owner
};

struct conf_ints {
    size_t n;
    int *v;
};
struct conf_nums {
    size_t n;
    double *v;
};
struct conf_strs {
    size_t n;
    const char **v;
};
struct conf_list {
    size_t n, size; // size: of one item, from .size of the field
    void *items;
    const struct conf_node **nodes; // n, for later messages
};

struct conf_field {
    const char *key; // NULL ends a table
    enum conf_kind kind;
    size_t offset;
    double min, max;          // inclusive; for numbers and quantities (both 0: any finite number)
    const char *unit;         // QTY
    const char *const *names; // ENUM, NULL-terminated; INTS: words that may replace the list: the
                              // first reads as a list of -1, the second of -2 ...
    const struct conf_field *fields; // SECTION, SECTIONS
    size_t size;                     // SECTIONS: bytes of one item
    const char *fallback; // text of the value when the key is absent; NULL: the key is required
    bool optional;        // SECTION(S): may be absent; others: absent leaves zero
    size_t present;       // offset of a bool that is set if the key is present; 0: none
    const char *word;     // INT, NUM, QTY: this word is also allowed and reads as -1;
                          // NODE: what is allowed, for the reference
    const char *help;     // one line for the reference
};

// Reads the map `at` into `out` (zeroed by the caller). Strings and lists are owned by conf->mem.
// A SECTION that is absent and not optional is read as if it were present and empty.
bool conf_bind(const struct conf *conf, const struct conf_node *at, const struct conf_field *fields,
               void *out, struct err *err);

// Prints the reference of a table: key, kind, range, unit, default, help; sections follow, indented
// by two blanks per level. Every line begins with `indent` blanks.
void conf_print_schema(const struct conf_field *fields, int indent, FILE *out);
// Prints the tree as YAML that conf_parse reads back; with comments, every line states its origin
// ("# hawis.yaml:12", "# default"). Keys of `fields` that the tree lacks are written with their
// defaults, in the table's order; unknown keys follow. fields may be NULL.
void conf_print(const struct conf_node *root, const struct conf_field *fields, bool comments,
                FILE *out);
// Visits every scalar of a map, and the default of every key of `fields` that the map lacks, in the
// order of conf_print; node is NULL for a default. path: "tile.adder.energy", with list items by
// number. path and text are valid during the call only.
typedef void conf_visit(void *context, const char *path, const char *text,
                        const struct conf_node *node);
void conf_walk(const struct conf_node *root, const struct conf_field *fields, conf_visit *each,
               void *context);
// Hash of the printed tree without comments and unnecessary quotes: equal resolved contents have
// equal hashes.
uint64_t conf_hash(const struct conf_node *root, const struct conf_field *fields);
