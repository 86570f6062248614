// Pictures by gnuplot, from a script and its data, which stay beside them.
#pragma once
#include <stdbool.h>

struct err;

// Runs FOLDER/NAME.gp, in that folder, and keeps what it prints as FOLDER/NAME.svg. False, with
// err, when that file cannot be written. *drawn tells whether there is a picture; if there is none,
// *why is a sentence.
bool gnuplot_draw(const char *folder, const char *name, bool *drawn, struct err *why,
                  struct err *err);
