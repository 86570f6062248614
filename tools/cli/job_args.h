// What sweep, search and train share: one JOB, an output folder that can be resumed, and a stop on
// signals.
#pragma once
#include <signal.h>
#include <stdbool.h>

#include "base/err.h"
#include "tools/study/inputs.h"

struct argp_state;

enum { OPTION_OUT = 1, OPTION_RESUME, OPTION_JOBS, OPTION_JSON, OPTION_OWN }; // OWN: the first free

struct job_args {
    struct inputs inputs; // its settings are those of the job
    const char *job, *out;
    bool resume, json;
    int jobs;                          // 0: not given
    const volatile sig_atomic_t *stop; // the signal that requested a stop; NULL: not caught
    struct err err;
};

// Parses --set, --out, --resume, --jobs, --json and JOB for an argp parser; false for any other
// key.
bool job_option(struct job_args *args, int key, char *arg, struct argp_state *state);
// Parses the value of option --name as an integer from min to max; 0 with err set if it is not.
long job_number(const char *name, const char *text, long min, long max, struct err *err);

// From now on SIGINT, SIGTERM and SIGHUP set args->stop, and writing to a closed pipe is an error
// instead of ending the process.
void job_catch_signals(struct job_args *args);
// The exit code of work that a signal has stopped.
int job_left_off(const struct job_args *args);
