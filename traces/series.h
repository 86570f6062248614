// Energy of every layer over time, in equal bins. Power is a bin's energy over its width.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { SERIES_MAX_BINS = 200 };

struct trace;
struct trace_head;

struct series {
    size_t n_layers, n_bins;
    int64_t bin_ps;   // whole picoseconds, so that the times in a file are exact
    double *energy_j; // (n_layers, n_bins)
};

// Every span's energy is spread evenly over its duration; one without duration falls in one bin.
struct series *series_create(const struct trace *trace, const struct trace_head *head);
void series_destroy(struct series *series); // NULL is fine
double series_power_w(const struct series *series, size_t layer, size_t bin);
