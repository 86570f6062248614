// Lines of progress on a terminal.
#pragma once
#include <stddef.h>

// Prints ", 1:02:03 left" on stderr.
void progress_left(double seconds);
// Shows how many of a job's chips and nets are checked, after each. Shows nothing if stderr is not
// a terminal, or if there are few.
void progress_checked(size_t done, size_t all);
