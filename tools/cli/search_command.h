// What `bitline search` and bitline-mpi share: options, stages, what is printed; all but where the
// evaluations run.
#pragma once

struct err;
struct search;
struct workers;
struct workers_params;

struct search_command {
    const char *doc; // of --help
    // 0: processes of this machine judge, as many as --jobs and the job say; else --jobs is
    // refused.
    int workers;
    // As in struct search_params.
    struct workers *(*start_workers)(void *context, const struct search *search,
                                     const struct workers_params *params, struct err *err);
    void *context;
};

// Parses, searches, prints; the exit code. Ends the program on bad options, as argp does.
int search_command(int argc, char **argv, const struct search_command *command);
// The same search as the first one's, ready to judge candidates, for the life of the program;
// prints nothing. The options are those that it took. What training leaves is there already.
struct search *search_command_open(int argc, char **argv, const struct search_command *command,
                                   struct err *err);
