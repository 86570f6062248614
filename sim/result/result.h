// What every run produces: plain data. All energies are joules per image, all times seconds.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

// What is counted. Every meter is an integer number of events.
enum meter {
    METER_CELL_READS,  // cells of driven rows in used columns, per bit cycle and array
    METER_ROW_DRIVES,  // DAC uses
    METER_CONVERSIONS, // ADC or comparator decisions
    METER_SAMPLES,     // columns sampled and held
    METER_SHIFT_ADDS,
    METER_INPUT_BITS,      // latched in PE input registers
    METER_PE_RESULTS,      // stored in PE output registers
    METER_MERGE_ADDS,      // partial sums added
    METER_OUTPUTS,         // thresholds or activations
    METER_OUTPUT_ELEMENTS, // through the tile's output register
    METER_RESIDUAL_ADDS,
    METER_PRODUCTS, // of elements, in multiply layers
    METER_POOL_READS,
    METER_ENCODED_BITS,
    METER_PE_READS,
    METER_PE_WRITES, // words of PE buffers
    METER_TILE_READS,
    METER_TILE_WRITES, // words of tile buffers
    METER_BUS_BITS,
    METER_ROUTER_FLITS,
    METER_LINK_FLITS,
    METER_OFFCHIP_BITS,
    METERS
};
extern const char *const meter_names[]; // "cell_reads", ...

// Where energy goes.
enum part {
    PART_CROSSBAR,
    PART_DAC,
    PART_ADC,
    PART_SAMPLE_HOLD,
    PART_SHIFT_ADD,
    PART_REGISTER,
    PART_ADDER,
    PART_OUTPUT,
    PART_RESIDUAL,
    PART_MULTIPLIER,
    PART_POOL,
    PART_ENCODER,
    PART_BUFFER_READ,
    PART_BUFFER_WRITE,
    PART_BUS,
    PART_NOC,
    PART_OFFCHIP,
    PART_LEAKAGE,
    PARTS
};
extern const char *const part_names[]; // "crossbar", ...

struct ledger {
    int64_t count[METERS];
    double energy_j[PARTS];
};
double ledger_energy(const struct ledger *ledger); // the parts in their order
double ledger_no_leakage(const struct ledger *ledger);

struct layer_result {
    const char *name, *kind;
    int64_t macs;
    int crossbars, tiles, replicas;
    int packed;                     // groups that share a crossbar, at most; 0: no crossbars
    double rows_used, columns_used; // mean share in its crossbars
    struct ledger ledger;           // per image
    double energy_j;                // sum of the ledger's parts
    // Of the first image; latency = compute + wait + transfer. Layers without arrays that work in
    // the tiles of another (adds) share that layer's times and report their own compute only.
    double start_s, end_s, latency_s, compute_s, wait_s, transfer_s;
    double busy_s;       // of its busiest tile, per image
    const char *slowest; // what takes most of that: "conversion", "array", ...
};

enum shared_kind {
    SHARED_ADC,
    SHARED_BUS,
    SHARED_PORT,
    SHARED_BUFFER,
    SHARED_LINK,
    SHARED_OFFCHIP
};
extern const char *const shared_kind_names[];

// A part with several users: how long it worked and how long somebody waited for it, in the run.
struct shared_part {
    const char *name;
    enum shared_kind kind;
    double busy_s, wait_s;
    int64_t uses;
    const char *blocker, *blocked; // layers: who held it longest while whom; NULL: nobody waited
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
    bool measured;               // the activity was, in place of what the chip file assumes
    double energy_assumed_j;     // with which it would be this
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
