// Plots made by gnuplot from scripts and data files, which are kept beside them.
#pragma once
#include <signal.h>
#include <stdbool.h>

struct err;

struct gnuplot_job {
    const char *folder;
    const char *const *names;          // NULL-terminated, at least one
    double timeout_s;                  // per plot; 0: a minute
    const volatile sig_atomic_t *stop; // set by a signal: gnuplot is killed; may be NULL
};

// Runs FOLDER/NAME.gp, in that folder, for each of the names, and saves its output as
// FOLDER/NAME.svg. Plots are replaced atomically; on failure an older one stays. *drawn: all were
// made; if not, *why is a sentence that names the missing plots, the reason of the first and what
// to do. False, with err, if the file of a plot cannot be written.
bool gnuplot_draw(const struct gnuplot_job *job, bool *drawn, struct err *why, struct err *err);
