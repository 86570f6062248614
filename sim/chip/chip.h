// A chip: chip > tile > PE > crossbar > cell, as read from YAML, checked and immutable.
// Per-owner counts: DACs per crossbar, ADCs per crossbar or PE, the other units per tile or PE.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "models/adc.h"
#include "models/buffer.h"
#include "models/cell.h"
#include "models/dac.h"
#include "models/defect.h"
#include "models/noc.h"
#include "models/unit.h"
#include "base/conf/conf.h"

struct err;

enum polarity {
    POLARITY_SINGLE,       // one array
    POLARITY_DIFFERENTIAL, // a pair of arrays, G+ and G-
    POLARITY_OFFSET,       // one array and one more column that measures the offset
};
enum encoding {
    ENCODING_PLAIN,
    ENCODING_FLIP, // columns whose levels are high are stored complemented (ISAAC)
};
enum slice_layout {
    SLICES_IN_COLUMNS, // the cells of one weight stand side by side in one array (ISAAC)
    SLICES_IN_ARRAYS,  // each slice of the weights has a crossbar of its own (MNSIM)
};
enum overlap {
    OVERLAP_NONE,   // a tile finishes a window before it starts the next (MNSIM's inner layer)
    OVERLAP_WINDOW, // windows overlap; the slowest step sets the pace (ISAAC)
};
enum { CHIP_MAX_PES = 4096 };                            // in a tile
enum { CHIP_MAX_LINES = 65536, CHIP_MAX_SPARES = 1024 }; // of an array, spare ones included
enum map_policy { MAP_KERNEL_ALIGNED, MAP_DENSE };
// How crossbars hold the groups of grouped convolutions (sim/map/groups.h).
enum map_groups { GROUPS_AUTO, GROUPS_PACKED, GROUPS_APART };
enum map_placement { PLACE_ROW_MAJOR, PLACE_SNAKE, PLACE_ZIGZAG, PLACE_RANDOM };
extern const char *const map_policy_names[];

struct crossbar_params {
    int rows, columns;             // of usable cells; the offset column comes on top
    int spare_rows, spare_columns; // additional lines that replace faulty ones
    int polarity;
    int encoding;            // enum encoding
    int subtract_after;      // 0: plus and minus columns are subtracted before the ADC, 1: after
    int slices;              // enum slice_layout
    int rows_active;         // maximum driven at once; -1: one per DAC
    double wire_ohm;         // of a word or bit line, from one cell to the next
    double driver_area_m2;   // per word line of one array
    double overhead_area_m2; // of one array besides cells and drivers
};

struct pe_params {
    int crossbars; // groups: crossbars (or pairs) of one PE
    bool has_buffer;
    struct buffer_params buffer;        // input activations
    struct unit_params input_register;  // one bit latched for one row
    struct unit_params output_register; // one conversion stored
    struct unit_params sample_hold;     // one column sampled; per crossbar
    bool has_sample_hold;
    struct unit_params shift_add; // one conversion added in
};

struct bus_params {
    double rate_bps; // 0: no bus, no waiting
    double energy_j; // one bit
    double area_m2, leakage_w;
    double technology_m; // node of these numbers; -1: not stated
};

struct tile_params {
    int pes;
    int overlap;
    struct buffer_params buffer; // outputs and residual rows; inputs too where PEs have no buffer
    struct bus_params bus;       // from the tile's buffer to its PEs
    struct unit_params adder;    // two partial sums added
    struct unit_params output;   // batch-norm threshold or activation of one element
    struct unit_params output_register; // one output element
    struct unit_params residual_adder;  // one element of the residual stream
    struct unit_params multiplier;      // one product of two elements
    bool has_multiplier;
    struct unit_params pool;       // one element read by a pooling window
    int input_rows, residual_rows; // buffer depths in tokens of rows; -1: from the bytes
    int psum_rows;
};

struct offchip_params {
    double rate_bps, latency_s;
    double energy_j; // one bit
    double area_m2;
    double power_w;      // constant, whether used or not
    double technology_m; // node of these numbers; -1: not stated
};

struct mapping_params {
    int policy;
    int groups; // enum map_groups
    bool replicate;
    int tiles; // budget; -1: the whole chip
    int placement;
};

enum { CHIP_FORMS = 3 }; // binary, int8, int16: the forms that run on hardware

// The net and chip parameters of MNSIM 2.0's energy model.
struct mnsim_params {
    struct mnsim_bits {
        int weight, input, output; // charged bits
    } bits[CHIP_FORMS];            // weight 0: this form is not charged
    int polarity;                  // 1 or 2 arrays per weight
    int groups;                    // Group_Num
    int pes;                       // PEs in a tile
    int dacs, adcs;                // DAC_Num, ADC_Num of a PE
    double digital_hz;             // Digital_Frequency
    double joint_technology_m;     // of the adder tree
    int buffer_width;
    int buffer_technology; // kind as in buffer_params
    double driver_area_m2;
};

struct layer_override {
    const char *layer;
    struct adc_params adc;
};

// What the net is computed with: the chip's parts, or (form float) exact arithmetic that bypasses
// all parts.
enum chip_arithmetic { ARITHMETIC_PARTS, ARITHMETIC_EXACT };

struct chip {
    const char *name, *description;
    double technology_m; // default node of the parts; -1: not stated
    int arithmetic;      // enum chip_arithmetic
    struct activity_params activity;
    struct cell_params cell;
    struct crossbar_params crossbar;
    struct dac_params dac;
    struct adc_params adc;
    struct conf_list overrides; // of struct layer_override
    struct pe_params pe;
    struct tile_params tile;
    struct noc_params noc;
    struct offchip_params offchip;
    struct unit_params encoder; // one bit of the first layer's input planes
    bool gating;                // unoccupied tiles are switched off
    struct defect_params defects;
    struct mapping_params mapping;
    bool has_mnsim;
    struct mnsim_params mnsim;
    uint64_t hash;
    struct conf *conf; // owns everything above; nodes for messages
};

extern const struct conf_field chip_fields[];

// Reads and checks a chip. Takes ownership of conf_take, on failure too.
bool chip_load(struct conf *conf_take, struct chip **out, struct err *err);
void chip_destroy(struct chip *chip); // NULL is fine
// The ADC of a layer: its override or the chip's.
const struct adc_params *chip_adc(const struct chip *chip, const char *layer);
int chip_tiles(const struct chip *chip);
int chip_rows_active(const struct chip *chip); // word lines driven at once
int chip_arrays(const struct chip *chip);      // physical arrays of one crossbar position

// Peak power and area of the parts of one tile and of the chip, ordered PE, tile, chip. Buffers
// sized for a net count with `pe_buffer` and `tile_buffer`, which may be NULL for given sizes.
struct chip_part {
    const char *name;
    const char *owner;       // "PE", "tile", "chip"
    double count;            // in one tile, or in the chip
    double power_w, area_m2; // of all of them in one tile, or in the chip
};
enum { CHIP_MAX_PARTS = 24 };
struct chip_sum {
    struct chip_part parts[CHIP_MAX_PARTS];
    int n, n_tile; // parts [0, n_tile) belong to the tile
    double tile_w, tile_m2, chip_w, chip_m2;
    double adc_w, adc_m2;  // of one tile
    double leakage_tile_w; // of one tile, routers included
};
// The number of converters of this kind in one tile.
double chip_adcs_in_tile(const struct chip *chip, const struct adc_params *adc);
struct chip_sum chip_add_up(const struct chip *chip, const struct buffer_params *pe_buffer,
                            const struct buffer_params *tile_buffer);
