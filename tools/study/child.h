// Child processes: helpers for code that forks, and running other programs to completion.
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// --- Parts ---

// A pipe, read end first. Both ends are closed on exec, and neither is standard input, output or
// error. False, with errno, on failure.
bool child_pipe(int ends[2]);
// fork() after flushing all output. Retries for a second on EAGAIN. -1, with errno, on failure.
pid_t child_fork(void);
// In a child before exec: default actions for all signals, none blocked.
void child_default_signals(void);
// In a child: it is killed when `parent`, which forked it, ends; ends at once if the parent has
// ended already.
void child_die_with(pid_t parent);
// Waits for the end of a child, whatever signals arrive; its status as of waitpid(), -1: no child.
int child_wait(pid_t pid);

enum child_line { CHILD_FIRST_LINE, CHILD_LAST_LINE };
// A line of a program's output, for a message: the first or last non-blank line, escaped by
// escape_line(), truncated to the size of `out` (above 4). Empty if there is none.
void child_quote(const char *text, size_t n, enum child_line which, char *out, size_t size);

// --- A program run to its end ---

struct child_spec {
    char *const *words; // NULL-terminated; the first is searched in PATH
    const char *folder; // working directory; NULL: the current one
    bool c_locale;      // LC_ALL=C: its output does not depend on the user's language
    double timeout_s;
    size_t most;                       // bytes of standard output
    const volatile sig_atomic_t *stop; // set by a signal: the program is killed; may be NULL
};

enum child_end {
    CHILD_DONE,        // exit status 0
    CHILD_FAILED,      // another status, or a signal: `status`
    CHILD_MISSING,     // there is no such program
    CHILD_NOT_STARTED, // `error` says why
    CHILD_LATE,        // killed at the time limit
    CHILD_TOO_LONG,    // killed: it printed more than allowed
    CHILD_STOPPED,     // killed: *stop was set
};

struct child_result {
    enum child_end end;
    int status;       // from waitpid(), if the program ran
    int error;        // errno, if it did not
    char *output;     // its standard output, n bytes; NULL unless CHILD_DONE
    size_t n;         // of `output`
    char said[2048];  // the beginning of its standard error
    size_t said_size; // bytes of it
};

// Runs a program with /dev/null as standard input, in its own process group. The whole group is
// killed at the time limit, when *stop is set, when the program ends, and when this process is
// killed, so no process of it remains on return. The caller frees result->output.
void child_run(const struct child_spec *spec, struct child_result *result);
