// Time as it passes, for rates and reports; results never depend on it.
#pragma once
#include <time.h>

// Seconds since some moment, never backwards.
static inline double clock_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
