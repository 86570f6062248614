// Memory that a run will need, refused before any of it is allocated.
#pragma once
#include <stdbool.h>

struct err;

// Whether `bytes`, an estimate of what this process needs at least, are within the memory of the
// machine and the limit of the process (ulimit -v). If not, err says "WHAT needs at least 12.4 GiB
// of memory, this machine has 7.5 GiB; REMEDY".
bool mem_fits(double bytes, const char *what, const char *remedy, struct err *err);
// The same of several processes together, which share the machine's memory alone.
bool mem_fits_machine(double bytes, const char *what, const char *remedy, struct err *err);
