// A program that judges candidates: one line of JSON in, {"id", "net", "widths", "seed"}, one line
// out, {"id", "accuracy"} or {"id", "error"}. One process per worker, started when it is first
// needed and again after it failed.
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

enum plugin_end {
    PLUGIN_JUDGED,
    PLUGIN_REFUSED, // the program says that it cannot judge this candidate: a result; err says why
    PLUGIN_FAILED,  // the program itself failed, each time: no result; err says how the last time
};
enum { PLUGIN_TRIES = 3 };

// A program that dies, is late, answers nonsense or cannot be started is started again and asked
// again, PLUGIN_TRIES times in all. What it says on standard error is passed on.
enum plugin_end plugin_ask(struct plugin *plugin, const struct plugin_question *question,
                           double *accuracy, struct err *err);
