// Shared by the files of this folder only.
#pragma once
#include "base/conf/conf.h"
#include "base/conf/suggest.h"

enum { CONF_MAX_KEY = 128 };

// A node without children in conf's arena, a copy of *like.
struct conf_node *tree_new(const struct conf *conf, struct conf_node like);
// Reads one value in flow style into a tree; every node has the origin `origin` and line 0. On
// failure NULL and a sentence without a place.
struct conf_node *tree_value(const struct conf *conf, const char *origin, const char *text,
                             struct err *err);
// Refuses a map with a duplicate key. Called when the tree is complete, so that the message can
// contain the path.
bool tree_check_repeats(const struct conf_node *node, struct err *err);
// Appends or replaces the child that has the key of `child`; sets its parent.
void tree_put(const struct conf *conf, struct conf_node *parent, struct conf_node *child);
// The child with the key of n characters (or, in a sequence, the number), NULL if absent.
struct conf_node *tree_child(const struct conf_node *at, const char *key, size_t n);
// Copies at most n - 1 bytes of text for a message, by escape_line_to. Returns buf.
char *tree_show(char *buf, size_t n, const char *text);
// As conf_fail, but reports the place of the key, not of the value.
bool tree_fail_key(const struct conf_node *at, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(3)));

// Text that grows in a buffer; text that does not fit ends in "...".
struct line {
    char *buf;
    size_t n, used;
};
void line_add(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));

// The allowed values of a field, as "1..128 or auto" or "sar, flash"; returns buf.
char *schema_allowed(char *buf, size_t n, const struct conf_field *field);
// Whether its value, and so its default, is a YAML sequence.
bool schema_is_list(const struct conf_field *field);
