// What sweep, search and train share: one JOB, a folder that can be gone on with, and an end that a
// signal may ask for.
#pragma once
#include <signal.h>
#include <stdbool.h>

#include "base/err.h"
#include "tools/study/inputs.h"

struct argp_state;

enum { OPTION_OUT = 1, OPTION_RESUME, OPTION_JOBS, OPTION_JSON, OPTION_OWN }; // OWN: the first free

struct job_args {
    struct inputs inputs; // its sets are the job's
    const char *job, *out;
    bool resume, json;
    int jobs;                          // 0: not given
    const volatile sig_atomic_t *stop; // a signal that asked for the end; NULL: not caught
    struct err err;
};

// An argp_parser's work for --set, --out, --resume, --jobs, --json and JOB; false if it is none of
// them.
bool job_option(struct job_args *args, int key, char *arg, struct argp_state *state);
// A whole number in the words of option --name; 0 and a word in err if it is none, or out of range.
long job_number(const char *name, const char *text, long least, long most, struct err *err);

// From now on SIGINT and SIGTERM ask for the end, at args->stop, and a pipe whose reader is gone is
// an error like others, not the end of this process.
void job_catch_signals(struct job_args *args);
// The exit code of work that a signal has left off.
int job_left_off(const struct job_args *args);
