// What the tests of this folder share.
#pragma once
#include <stdbool.h>

struct conf;
struct conf_field;
struct conf_node;

// Parses text that must be good; its name is "t.yaml".
struct conf *parse_good(const char *text);
// Parses text that must be bad with this message.
void parse_bad(const char *text, const char *want);
// The tree as conf_print writes it; free() it.
char *printed(const struct conf_node *root, const struct conf_field *fields, bool comments);
void assert_prints(const struct conf_node *root, const char *want);
// Makes a file in the working folder, with its folders.
void write_file(const char *path, const char *text);
