#include "tools/cli/options.h"
#include "tools/cli/job_args.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "base/visible.h"

long job_number(const char *name, const char *text, long min, long max, struct err *err)
{
    int64_t n = 0;
    if (integer_parse(text, min, max, &n))
        return (long)n;
    err_set(err, "--%s %s: expected an integer from %ld to %ld", name, text, min, max);
    return 0;
}

bool job_option(struct job_args *args, int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case OPTION_SET:
        options_parse(&args->inputs, key, arg, &args->err);
        return true;
    case OPTION_OUT:
        args->out = arg;
        return true;
    case OPTION_RESUME:
        args->resume = true;
        return true;
    case OPTION_JOBS:
        args->jobs = (int)job_number("jobs", arg, 1, 256, &args->err);
        return true;
    case OPTION_JSON:
        args->json = true;
        return true;
    case ARGP_KEY_ARG:
        if (state->arg_num)
            argp_error(state, "unexpected argument '%s': expected one JOB", visible(arg));
        args->job = arg;
        return true;
    case ARGP_KEY_END:
        if (!args->job)
            argp_error(state, "JOB is required: a file, or a name from 'bitline list workloads'");
        return true;
    default:
        return false;
    }
}

static volatile sig_atomic_t stopped; // the signal that requested a stop

static void note_signal(int number)
{
    stopped = number;
}

void job_catch_signals(struct job_args *args)
{
    struct sigaction note = {.sa_handler = note_signal}, old;
    sigaction(SIGINT, &note, NULL);
    sigaction(SIGTERM, &note, NULL);
    // Under nohup the work continues when its terminal is closed.
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &note, NULL);
    args->stop = &stopped;
}

int job_left_off(const struct job_args *args)
{
    return 128 + (int)*args->stop;
}
