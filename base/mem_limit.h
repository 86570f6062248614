// Checks the memory that a run will need before any of it is allocated.
#pragma once
#include <stdbool.h>

struct err;

// Whether `bytes`, a lower estimate of what this process needs, fit the memory of the machine and
// the limit of the process (ulimit -v). If not, err says "WHAT needs at least 12.4 GiB of memory,
// this machine has 7.5 GiB; REMEDY".
bool mem_fits(double bytes, const char *what, const char *remedy, struct err *err);
// The same for the sum of several processes, which share only the machine's memory.
bool mem_fits_machine(double bytes, const char *what, const char *remedy, struct err *err);
