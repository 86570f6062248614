// Pictures by gnuplot, from scripts and data, which stay beside them.
#pragma once
#include <signal.h>
#include <stdbool.h>

struct err;

struct gnuplot_job {
    const char *folder;
    const char *const *names;          // NULL-terminated, one at least
    double timeout_s;                  // of a picture; 0: a minute
    const volatile sig_atomic_t *stop; // set by a signal: gnuplot is killed; NULL: none is
};

// Runs FOLDER/NAME.gp, in that folder, for each of the names, and keeps the picture that it prints
// as FOLDER/NAME.svg. A picture is there whole or not at all; an older one stays. *drawn tells
// whether all are there; if not, *why is a sentence that names those that are missing, with the
// reason of the first and what to do. False, with err, when the file of a picture cannot be
// written.
bool gnuplot_draw(const struct gnuplot_job *job, bool *drawn, struct err *why, struct err *err);
