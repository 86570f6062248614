// The result of a run: plain data. All energies are joules per image, all times seconds.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/dataflow/ledger.h"
#include "sim/events/transport.h"

struct arena;

struct layer_result {
    const char *name, *kind;
    int64_t macs;
    int crossbars, tiles, replicas;
    int packed;                     // maximum of groups that share a crossbar; 0: no crossbars
    double rows_used, columns_used; // mean share in its crossbars
    struct ledger ledger;           // per image
    double energy_j;                // sum of the ledger's parts
    // Of the first image; latency = compute + wait + transfer. Layers without arrays that are
    // computed in another layer's tiles (adds) share that layer's times and report only their own
    // compute time.
    double start_s, end_s, latency_s, compute_s, wait_s, transfer_s;
    double busy_s;       // of its busiest tile, per image
    const char *slowest; // the step with the largest share of it: "conversion", "array", ...
};

// A shared resource: its busy time and the total wait for it, over the run.
struct shared_part {
    const char *name;
    enum shared_kind kind;
    double busy_s, wait_s;
    int64_t uses;
    const char *blocker, *blocked; // the pair of layers with the longest wait; NULL: no waits
};

struct area_part {
    const char *name;
    double area_m2;
};

struct result {
    // Provenance.
    const char *version, *chip, *net, *form, *width, *policy, *noc, *tokens, *mapping, *command;
    uint64_t chip_hash, net_hash, seed;
    int images;
    // Size.
    int64_t macs, binary_ops, params;
    int crossbars, arrays, tiles;
    double use_rows, use_columns, use_cells, use_crossbars, use_tiles;
    double pe_buffer_bytes, tile_buffer_bytes;
    // Energy, per image.
    size_t n_layers;
    struct layer_result *layers;
    struct ledger shared;
    double shared_j, energy_j, energy_without_leakage_j;
    bool measured;               // activity is measured, not assumed by the chip file
    double energy_assumed_j;     // energy at the assumed activity, if measured
    double program_j, program_s; // writing the weights, once
    // Time.
    double latency_s, throughput_ips, run_s;
    bool throughput_estimated; // from the slowest stage, not measured
    const char *bottleneck;    // a sentence
    size_t n_shared;
    struct shared_part *parts;
    // Power and figures of merit. 1 MAC = 2 operations.
    double edp_js, average_w, peak_w, tops, tops_per_w, tops_per_mm2;
    // Area.
    double area_m2, chip_area_m2;
    size_t n_areas;
    struct area_part *areas;
    struct arena *mem; // owns all of it
};
void result_destroy(struct result *result); // NULL is fine
