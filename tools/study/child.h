// Child processes: what everything that forks needs, and other programs run to their end.
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// --- Parts ---

// A pipe, read end first. No program that is started later inherits its ends, and neither of them
// is standard input, output or error. False: there is none, and errno says why.
bool child_pipe(int ends[2]);
// fork() with all output flushed before it. Where the system has no process to give for the moment
// (EAGAIN), it tries again for a second. -1, with errno, when there is none then.
pid_t child_fork(void);
// In a child that becomes another program: default actions for all signals, none of them blocked.
void child_default_signals(void);
// In a child: it is killed when `parent`, which forked it, ends. It ends at once if that has ended.
void child_die_with(pid_t parent);
// Waits for the end of a child, whatever signals arrive; its status as of waitpid(), -1: no child.
int child_wait(pid_t pid);

enum child_line { CHILD_FIRST_LINE, CHILD_LAST_LINE };
// A line of what a program printed, for a message: the first or the last that is not blank, as
// escape_line() shows it, cut to the size of `out`, above 4. Empty when there is none.
void child_quote(const char *text, size_t n, enum child_line which, char *out, size_t size);

// --- A program run to its end ---

struct child_spec {
    char *const *words; // NULL-terminated; the first is looked up in PATH
    const char *folder; // to run it in; NULL: this one
    bool c_locale;      // LC_ALL=C: its output does not depend on the user's language
    double timeout_s;
    size_t most;                       // bytes of standard output
    const volatile sig_atomic_t *stop; // set by a signal: the program is killed; NULL: none is
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
    int status;       // as of waitpid(), where the program ran
    int error;        // errno, where it did not
    char *output;     // its standard output, n bytes; NULL unless CHILD_DONE
    size_t n;         // of `output`
    char said[2048];  // the beginning of its standard error
    size_t said_size; // bytes of it
};

// Runs a program with /dev/null as standard input, in a process group of its own, which is killed
// as a whole: at the time limit, when *stop is set, and when the program has ended. It is killed
// also when this process is. Nothing of it is left when this returns. free() result->output.
void child_run(const struct child_spec *spec, struct child_result *result);
