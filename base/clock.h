// Elapsed time, for rates and reports; results never depend on it.
#pragma once
#include <time.h>

// Seconds since an arbitrary point in time; never decreases.
static inline double clock_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
