// Names of nets, layers, chips and jobs, as used in tensor names, tables, traces and plots.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct arena;

enum { NAME_MAX_BYTES = 100 };

// The rule, for messages and references.
#define NAME_RULE                                                                                  \
    "at most 100 bytes of letters and digits (any language), inner blanks and _ - . + : / ( ) @, " \
    "with a letter, a digit, '_' or '/' first"

// Why the text is not a valid name, such as "is empty" or "has '\"'"; NULL if it is valid. The
// result is in buf or constant.
const char *name_fault(const char *text, char *buf, size_t n);
// The text as a valid name: characters that the rule forbids become '_'.
const char *name_from(struct arena *mem, const char *text);

// Whether free text, such as a description, is UTF-8 without control characters other than line
// breaks and tabs.
bool name_is_text(const char *text);
