// An external program that evaluates candidates: one line of JSON in, {"id", "net", "widths",
// "seed"}, one line
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

// Words of the command, NULL-terminated; borrowed. Nothing is started yet.
struct plugin *plugin_create(char *const *words, double timeout_s);
void plugin_destroy(struct plugin *plugin); // ends the program; NULL is fine

enum plugin_end {
    PLUGIN_JUDGED,
    PLUGIN_REFUSED, // the program cannot evaluate this candidate: a result; err has its reason
    PLUGIN_FAILED,  // the program itself failed in every try: no result; err: the last failure
};
enum { PLUGIN_TRIES = 3 };

// A program that dies, times out, gives an invalid answer or cannot be started is restarted and
// asked again, PLUGIN_TRIES times in total. Its standard error is passed on.
enum plugin_end plugin_ask(struct plugin *plugin, const struct plugin_question *question,
                           double *accuracy, struct err *err);
