// Arrays with cells modelled as conductances: log-normal variation, a finite on/off ratio, and
// every read-out that level_model.h does not cover (ADCs that clip any sums, subtraction after the
// ADC, single arrays). Slower than level_model and equally exact: conductances are integer
// multiples of a unit, so currents are sums of integers.
//
// A cell of level L has G = Gmin + L / top * (Gmax - Gmin), Gmin / Gmax = r_lrs / r_hrs. It varies
// as G * exp(-theta); theta is normal with mean 0 and the given sigma, sampled from seed, trial and
// physical address (R' = R * exp(theta): a fabricated chip), or resampled for every batch of
// images. t seconds of drift add nu ln t to theta, nu normal, per device. Faulty cells neither vary
// nor drift. The contribution Gmin * inputs to a single column's current is subtracted at its
// nominal value before the ADC; in a differential pair it cancels.
//
// Adjacent levels differ by a power of two of units, so a chip without variation computes integers
// for any on/off ratio. Cells of one bit: 2^10 units; a conductance, and the difference of a pair,
// fits 16 bits; conductances above 32 Gmax are clipped and counted. Other cells: 2^(16 - bits)
// units, clipped above 64 Gmax. Rounding adds 0.3 units rms to a cell that varies: in binary cells
// 0.005 of a step to the sum of 256 of them. Without variation, Gmin of a binary cell is 0 if the
// on/off ratio is above 2000.
//
// Cells on open lines conduct nothing. Line resistance reduces the current of all cells
// (models/wire.h), again in integer units. A stuck driver applies the highest digit to its row
// whenever the row's group is read; the digital side cannot see it. Offsets and noise are added to
// the current before the ADC, to plus and minus columns separately if these are converted
// separately.
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

// Fails for on/off ratios below 1.033 (cell.bits: 1) or 1.016, for signed inputs where a DAC of
// several bits needs several cycles, and for one-bit read-outs that comparator_check() does not
// cover. Keeps pointers to mapping and integer.
struct conductance_model *conductance_model_create(const struct mapping *mapping,
                                                   const struct int_net *integer,
                                                   const struct chip_sample *sample,
                                                   enum cpu_level level, struct err *err);
// The same, but `arrays` computes the layers that it covers. Only valid if levels describe all
// cells completely (!defects_need_conductances). Keeps a pointer to arrays, which must come from
// the same sampled chip.
struct conductance_model *conductance_model_create_beside(const struct level_model *arrays,
                                                          const struct chip_sample *sample,
                                                          enum cpu_level level, struct err *err);
// conductance_model_redraw: the number of images after which the variation is resampled; 0: never.
// conductance_model_redrawn: the same chip with the variation of one batch. Batch 0 is what
// conductance_model_create samples.
int conductance_model_redraw(const struct conductance_model *analog);
struct conductance_model *conductance_model_redrawn(const struct conductance_model *analog,
                                                    uint32_t batch);
void conductance_model_destroy(struct conductance_model *analog); // NULL is fine
struct fault_counts conductance_model_faults(const struct conductance_model *analog);
int64_t
conductance_model_cut(const struct conductance_model *analog); // number of clipped conductances
// The range of the sums that a layer's conversions can see, over all replicas, in steps, without
// noise and offsets.
struct sum_bound conductance_model_bound(const struct conductance_model *analog, int layer);
// The largest share of a cell's current that is lost to wire resistance.
double conductance_model_dropped(const struct conductance_model *analog);
// Conductances of cells, in units.
struct conductances {
    double lowest; // conductance of level 0, not rounded
    double step;   // between adjacent levels
    double most;   // upper limit; larger conductances are clipped
};
struct conductances conductance_model_conductances(const struct chip *chip);
int32_t conductance_model_conductance(const struct conductances *states, int level, double theta);

// conductance_model_matrix is an int_net_matrix; its context is the struct conductance_model_worker
// of one worker.
struct conductance_model_worker;
struct conductance_model_worker *
conductance_model_worker_create(const struct conductance_model *analog);
void conductance_model_worker_destroy(struct conductance_model_worker *worker); // NULL is fine
// Sets the index of the next image, which seeds its noise. Initially 0.
void conductance_model_worker_image(struct conductance_model_worker *worker, size_t image);
// Starts counting the conversions that ADCs clip or round; counts: one per layer.
struct adc_count;
void conductance_model_worker_count(struct conductance_model_worker *worker,
                                    struct adc_count *counts);
void conductance_model_matrix(void *context, int layer, const int32_t *in, int64_t *acc);
