// A set of names, numbered from 0 as they come.
#pragma once
#include <stddef.h>

struct names;

struct names *names_create(void);
void names_destroy(struct names *names);                        // NULL is fine
size_t names_find(const struct names *names, const char *text); // SIZE_MAX: not there
size_t names_add(struct names *names, const char *text);        // copies; must not be there yet
size_t names_count(const struct names *names);
const char *names_text(const struct names *names, size_t index);
