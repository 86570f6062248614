// Names of nets, layers, chips and jobs: they end up in tensor names, tables, traces and pictures.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct arena;

enum { NAME_MAX_BYTES = 100 };

// The rule, for messages and references.
#define NAME_RULE                                                                                  \
    "at most 100 bytes of letters and digits (any language), inner blanks and _ - . + : / ( ) @, " \
    "with a letter, a digit, '_' or '/' first"

// Why the text is no name, such as "is empty" or "has '\"'"; NULL: it is one. The answer is in buf
// or constant.
const char *name_fault(const char *text, char *buf, size_t n);
// A name as close to the text as the rule allows: what it forbids becomes '_'.
const char *name_from(struct arena *mem, const char *text);

// Descriptions and other free text: whether it is UTF-8 without control characters but line breaks
// and tabs.
bool name_is_text(const char *text);
