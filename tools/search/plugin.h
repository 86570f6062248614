// A program that judges candidates: one line of JSON in, {"id", "net", "widths", "seed"}, one line
// out, {"id", "accuracy"}. One process per worker, started when it is first needed and anew after
// it was late, died or talked nonsense.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct plugin_question {
    int64_t id;
    const char *net;   // as the job names it
    const int *widths; // of its scalable layers
    size_t n_widths;
    const char *knobs; // "adc.bits=6 ..."; "" without
    int64_t seed;
};

struct plugin;

// Words of the command, NULL-terminated; lent. Nothing is started yet.
struct plugin *plugin_create(char *const *words, double timeout_s);
void plugin_destroy(struct plugin *plugin); // ends the program; NULL is fine
// False, with err, when no sound answer came in time: that costs the candidate, not the search.
bool plugin_ask(struct plugin *plugin, const struct plugin_question *question, double *accuracy,
                struct err *err);
