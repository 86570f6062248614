// Arrays whose cells have conductances, not levels: log-normal variation, a finite on/off ratio,
// and every read-out that arrays of levels (level_model.h) do not cover: ADCs that clip any sums,
// subtraction after the ADC, single arrays. Slower, and as exact: conductances are whole numbers of
// a unit, so currents are sums of integers.
//
// A cell of level L has G = Gmin + L / top * (Gmax - Gmin), Gmin / Gmax = r_lrs / r_hrs, and varies
// as G * exp(-theta), theta normal with mean 0 and the given sigma, drawn from seed, trial and
// physical address (R' = R * exp(theta): a fabricated chip), or anew for every batch of images. t
// seconds of drift add nu ln t, nu normal, per device. Broken cells do neither. The part Gmin *
// inputs of a single column's current is subtracted at its nominal value before the ADC; in a
// differential pair it cancels.
//
// Levels stand a power of two of units apart, so that a chip without variation computes whole
// numbers whatever its on/off ratio: 2^10 units in cells of one bit (a conductance, and the
// difference of a pair, is a number of 16 bits; what lies above 32 Gmax is cut there and counted),
// 2^(16 - bits) in others (cut above 64 Gmax). Rounding adds 0.3 units rms to a cell that varies:
// in binary cells 0.005 of a step to the sum of 256 of them. Without variation a binary cell's Gmin
// is 0 where the on/off ratio is above 2000.
//
// Lines: cells on open ones conduct nothing; the resistance of lines lessens what all cells conduct
// (models/wire.h), in whole units again. A stuck driver puts the highest digit on its row whenever
// the row's group is read, and the digital side does not know. Offsets and noise are added to the
// current before the ADC, plus and minus columns apart where they are converted apart.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nets/kernels/kernels.h"
#include "sim/crossbar/fault.h"

struct level_model;
struct chip;
struct err;
struct int_net;
struct mapping;
struct sum_bound;

struct conductance_model;

// Refuses on/off ratios below 1.033 (cell.bits: 1) or 1.016, signed inputs where a DAC of several
// bits needs several cycles, and one-bit read-outs that comparator_check() does not cover.
struct conductance_model *conductance_model_create(const struct mapping *mapping,
                                                   const struct int_net *integer,
                                                   const struct chip_sample *sample,
                                                   enum cpu_level level, struct err *err);
// The same, but layers that `arrays` covers are computed by it. Only where levels say all that
// cells do (defects_need_conductances). Lends arrays, which were made of the same draw.
struct conductance_model *conductance_model_create_beside(const struct level_model *arrays,
                                                          const struct chip_sample *sample,
                                                          enum cpu_level level, struct err *err);
// After how many images the variation is drawn anew, 0: never; and the same chip with that of one
// batch. Batch 0 is what conductance_model_create draws.
int conductance_model_redraw(const struct conductance_model *analog);
struct conductance_model *conductance_model_redrawn(const struct conductance_model *analog,
                                                    uint32_t batch);
void conductance_model_destroy(struct conductance_model *analog); // NULL is fine
struct fault_counts conductance_model_faults(const struct conductance_model *analog);
int64_t
conductance_model_cut(const struct conductance_model *analog); // conductances above the range
// What the conversions of a layer can meet, in steps, of all replicas; noise and offsets come on
// top.
struct sum_bound conductance_model_bound(const struct conductance_model *analog, int layer);
// The largest share of a cell's current that the resistance of wires takes.
double conductance_model_dropped(const struct conductance_model *analog);
// What cells conduct, in units.
struct conductances {
    double lowest; // of level 0, not rounded
    double step;   // from level to level
    double most;   // cut here
};
struct conductances conductance_model_conductances(const struct chip *chip);
int32_t conductance_model_conductance(const struct conductances *states, int level, double theta);

// An int_net_matrix; its context is a struct conductance_model_worker of one worker.
struct conductance_model_worker;
struct conductance_model_worker *
conductance_model_worker_create(const struct conductance_model *analog);
void conductance_model_worker_destroy(struct conductance_model_worker *worker); // NULL is fine
// Tells which image comes next: noise is drawn for each by itself. 0 unless told.
void conductance_model_worker_image(struct conductance_model_worker *worker, size_t image);
// Counts from now on, by layer, what ADCs clip and round.
struct adc_count;
void conductance_model_worker_count(struct conductance_model_worker *worker,
                                    struct adc_count *counts);
void conductance_model_matrix(void *context, int layer, const int32_t *in, int64_t *acc);
