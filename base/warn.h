// Warnings: sentences for a person that go along with a result and say why it may not be what it
// seems. Code that computes adds them; the command line prints them on stderr and puts them into
// JSON.
#pragma once
#include <stddef.h>

struct jsonw;

struct warning {
    char code[40];  // for programs: "chance-level", "adc-clips"; stable from version to version
    char text[600]; // one sentence, with the remedy
};

// Zero-initialised: empty.
struct warnings {
    size_t n, capacity;
    struct warning *items; // in the order in which they were added
};

// Adds a warning unless the same code and text are there already. warnings may be NULL: ignored.
void warn_add(struct warnings *warnings, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(2, 3)));
void warnings_fini(struct warnings *warnings); // leaves it empty
// Writes them as an array "warnings" of objects {code, text} in the JSON object that is open, also
// when there are none.
void warnings_json(const struct warnings *warnings, struct jsonw *w);
