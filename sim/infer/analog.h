// Arrays whose cells have conductances, not levels: log-normal variation, a finite on/off ratio,
// and every read-out that arrays of levels (array.h) do not cover: ADCs that clip any sums,
// subtraction after the ADC, single arrays. Slower, and as exact: conductances are whole numbers of
// 2^-16 of the low-resistance state's, so currents are sums of integers.
//
// A cell of level L has G = Gmin + L / top * (Gmax - Gmin), Gmin / Gmax = r_lrs / r_hrs, and varies
// as G * exp(-theta), theta normal with mean 0 and the given sigma, drawn from seed, trial and
// physical address (R' = R * exp(theta): a fabricated chip). Broken cells do not vary. What lies
// above 64 Gmax is cut there and counted. The part Gmin * inputs of a single column's current is
// subtracted at its nominal value before the ADC; in a differential pair it cancels.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/infer/fault.h"

struct err;
struct integer;
struct mapping;

struct analog;

// Refuses one-bit read-outs, and signed images where a DAC of several bits needs several cycles.
struct analog *analog_create(const struct mapping *mapping, const struct integer *integer,
                             const struct draw *draw, struct err *err);
void analog_destroy(struct analog *analog); // NULL is fine
struct fault_counts analog_faults(const struct analog *analog);
int64_t analog_cut(const struct analog *analog); // conductances above the range
// The largest share of a cell's current that the resistance of wires takes.
double analog_dropped(const struct analog *analog);
// The conductance of one cell in units of 2^-16 Gmax; for tests.
int32_t analog_conductance(double gmin, int level, int top, double theta);

// An integer_matrix; its context is a struct analog_worker of one worker.
struct analog_worker;
struct analog_worker *analog_worker_create(const struct analog *analog);
void analog_worker_destroy(struct analog_worker *worker); // NULL is fine
// Tells which image comes next: noise is drawn for each by itself. 0 unless told.
void analog_worker_image(struct analog_worker *worker, size_t image);
void analog_matrix(void *context, int layer, const int32_t *in, int64_t *acc);
