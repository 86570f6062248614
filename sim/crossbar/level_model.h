// A mapped net's weights as they stand in the crossbars: every cell at its physical address, broken
// cells included; and matrices computed with them as the chip does, bit cycle by bit cycle, group
// of rows by group of rows, through its ADCs.
//
// Weights: a differential pair holds |w| in the array of its sign; a single array holds
// w + 2^(bits - 1) (binary: (w + 1) / 2), the offset column or the digital side takes that off
// again. Slices of cell.bits each, least significant first. A cell stuck at LRS reads the highest
// level, one stuck at HRS the lowest. Cells on open lines hold the lowest, too; what the other
// array of a pair leaks beside them is below what levels tell apart, and conductance_model.h alone
// counts it.
//
// ADC, range `full`: the largest sum R that one conversion can meet (rows driven at once x highest
// level x highest input) fills it; a code is worth max(1, R / 2^(bits - 1)) with signs
// (differential, subtracted before the ADC), max(1, R / 2^bits) without. Range `calibrated`: R is
// the largest sum that the layer met in training images (calibrate.h); what goes beyond is clipped.
// An ADC whose code is worth 1 loses nothing where it reaches the sums that the programmed cells
// can make at all (bound.h).
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

// Refuses what is not modelled: read-outs of one bit, and ADCs that lose something of other than
// binary differential sums subtracted before them; says which ADC would do.
struct level_model *level_model_create(const struct mapping *mapping, const struct int_net *integer,
                                       const struct chip_sample *sample, enum cpu_level level,
                                       struct err *err);
// The same, but layers with such ADCs are left out; conductance_model_create_beside() computes
// them.
struct level_model *level_model_create_some(const struct mapping *mapping,
                                            const struct int_net *integer,
                                            const struct chip_sample *sample, enum cpu_level level,
                                            struct err *err);
bool level_model_cover(const struct level_model *arrays, int layer);
bool level_model_cover_all(const struct level_model *arrays);
// What the conversions of a layer can meet, of all replicas; also of one that is left out.
struct sum_bound level_model_bound(const struct level_model *arrays, int layer);
// Unbroken and behind ADCs that lose nothing, whatever the chip's: the whole-number net itself, at
// the speed of arrays.
struct level_model *level_model_create_exact(const struct mapping *mapping,
                                             const struct int_net *integer, enum cpu_level level);
void level_model_destroy(struct level_model *arrays); // NULL is fine
struct fault_counts level_model_faults(const struct level_model *arrays);
// The net with the weights that the arrays have in effect: a broken pair may hold 0, or +-1
// flipped.
int32_t level_model_weight(const struct level_model *arrays, int layer, int out, int row);

// An int_net_matrix; its context is a struct array_worker of one worker.
struct array_worker;
struct array_worker *array_worker_create(const struct level_model *arrays);
void array_worker_destroy(struct array_worker *worker); // NULL is fine
// Counts from now on, by layer, what ADCs clip and round.
struct adc_count;
void array_worker_count(struct array_worker *worker, struct adc_count *counts);
void level_model_matrix(void *context, int layer, const int32_t *in, int64_t *acc);
