// A mapped net's weights as stored in the crossbars: every cell at its physical address, faulty
// cells included; and matrix products computed with them as the chip does: per bit cycle, per group
// of rows, through its ADCs.
//
// Weights: a differential pair holds |w| in the array of its sign. A single array holds w + 2^(bits
// - 1) (binary: (w + 1) / 2); the offset column or the digital side subtracts that term. Slices of
// cell.bits each, least significant first. A cell stuck at LRS reads the highest level, one stuck
// at HRS the lowest. Cells on open lines also hold the lowest level; the leakage of the other array
// of a pair beside them is below the resolution of levels, and only conductance_model.h counts it.
//
// ADC, range `full`: the largest sum R of one conversion (simultaneously driven rows x highest
// level x highest input) fills the ADC; a code is worth max(1, R / 2^(bits - 1)) with signs
// (differential, subtracted before the ADC), max(1, R / 2^bits) without. Range `calibrated`: R is
// the largest sum that the layer produced on training images (calibrate.h); larger sums are
// clipped. An ADC whose code is worth 1 is lossless if it covers the range of sums that the
// programmed cells can produce (bound.h).
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "nets/kernels/kernels.h"
#include "sim/crossbar/fault.h"

struct err;
struct int_net;
struct mapping;
struct sum_bound;

struct level_model;

// Fails for what is not modelled: read-outs of one bit, and lossy ADCs for anything but binary
// differential sums subtracted before the ADC; err names a sufficient ADC. Keeps pointers to
// mapping and integer.
struct level_model *level_model_create(const struct mapping *mapping, const struct int_net *integer,
                                       const struct chip_sample *sample, enum cpu_level level,
                                       struct err *err);
// The same, but leaves out layers with such ADCs; conductance_model_create_beside() computes them.
struct level_model *level_model_create_some(const struct mapping *mapping,
                                            const struct int_net *integer,
                                            const struct chip_sample *sample, enum cpu_level level,
                                            struct err *err);
bool level_model_cover(const struct level_model *arrays, int layer);
bool level_model_cover_all(const struct level_model *arrays);
// The range of the sums that a layer's conversions can see, over all replicas; also valid for a
// layer that is left out.
struct sum_bound level_model_bound(const struct level_model *arrays, int layer);
// Fault-free, with lossless ADCs whatever the chip's: the integer net itself, at the speed of the
// level model.
struct level_model *level_model_create_exact(const struct mapping *mapping,
                                             const struct int_net *integer, enum cpu_level level);
void level_model_destroy(struct level_model *arrays); // NULL is fine
struct fault_counts level_model_faults(const struct level_model *arrays);
// The effective weight that the cells hold: a faulty pair may hold 0, or the opposite of +-1.
int32_t level_model_weight(const struct level_model *arrays, int layer, int out, int row);

// level_model_matrix is an int_net_matrix; its context is the struct array_worker of one worker.
struct array_worker;
struct array_worker *array_worker_create(const struct level_model *arrays);
void array_worker_destroy(struct array_worker *worker); // NULL is fine
// Starts counting the conversions that ADCs clip or round; counts: one per layer.
struct adc_count;
void array_worker_count(struct array_worker *worker, struct adc_count *counts);
void level_model_matrix(void *context, int layer, const int32_t *in, int64_t *acc);
