// Warnings: sentences for the user that accompany a result and say why it may be misleading. The
// code that computes adds them; the command line prints them on stderr and writes them to JSON.
#pragma once
#include <stddef.h>

struct jsonw;

struct warning {
    char code[40];  // for programs: "chance-level", "adc-clips"; stable across versions
    char text[600]; // one sentence, with the remedy
};

// Zero-initialised: empty.
struct warnings {
    size_t n, capacity;
    struct warning *items; // in the order in which they were added
};

// Adds a warning unless the same code and text were already added. NULL warnings: does nothing.
void warn_add(struct warnings *warnings, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(2, 3)));
void warnings_fini(struct warnings *warnings); // leaves it empty
// Writes them as an array "warnings" of objects {code, text}, empty if there are none, into the
// open JSON object.
void warnings_json(const struct warnings *warnings, struct jsonw *w);
