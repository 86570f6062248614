// The points of a sweep: every combination of swept values, the first path varying slowest, each
// with its chip and net. Points that differ only in fault rates share a variant.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/warn.h"
#include "sim/crossbar/fault.h"
#include "tools/study/store.h"

struct arena;
struct dataset;
struct err;
struct job;
struct model;

struct plan_point {
    const char *const *values; // one string per axis
    const char *label;         // "sa0=0.01, adc.bits=6"
    size_t variant;
    size_t next; // the next point of the variant; n_points: none
};

struct plan_variant {
    const char *const *values; // per axis; those of defects have no meaning
    size_t first;              // its first point
    uint64_t chip_hash, net_hash, weights_hash;
    struct defect_params defects; // of the chip
};

struct plan {
    const struct job *job; // borrowed
    size_t n_points, n_variants, n_keys;
    struct plan_point *points;
    struct plan_variant *variants;
    struct store_key *keys;                    // everything the results depend on
    char hash[17];                             // of the keys
    struct dataset *data;                      // test images, the same for all points
    const char *chip, *net, *form, *data_name; // of the first point
    const char *weight_scale;                  // of the first point, from weights_scale_kind()
    size_t images;
    double worker_bytes;      // minimum memory of a worker, for the largest variant
    struct warnings warnings; // of all points; the first of each code
    struct arena *mem;
};

// Loads every variant once, so that invalid ones are refused before any work is done, and computes
// the hashes of everything the results depend on. Refuses variants with the same chip and net.
// progress: called after each variant; may be NULL.
bool plan_create(const struct job *job, void (*progress)(size_t done, size_t all),
                 struct plan **out, struct err *err);
void plan_destroy(struct plan *plan); // NULL is fine
// Loads a variant's model, on the plan's images. The caller zeroes `out`, and unloads it also on
// failure.
bool plan_load(const struct plan *plan, size_t variant, struct model *out, struct err *err);
// The chip of a trial. A trial samples the same chip at every point, so fault maps are nested as
// rates increase.
struct chip_sample plan_sample(const struct plan *plan, size_t point, size_t trial);
