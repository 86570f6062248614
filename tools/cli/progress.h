// Lines of progress on a terminal.
#pragma once
#include <stddef.h>

// Prints ", 1:02:03 left" on stderr.
void progress_left(double seconds);
// After each of the chips and nets that a job makes: how many are checked. Shows nothing where
// stderr is no terminal, or when there are few.
void progress_checked(size_t done, size_t all);
