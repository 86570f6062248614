// Event counts and the energies that they cost: plain data.
#pragma once
#include <stdint.h>

// The counted events. Every meter is an integer.
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
    METER_PRODUCTS, // element products in multiply layers
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

// The parts that energy is charged to.
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
double ledger_energy(const struct ledger *ledger); // sum of the parts in enum order
double ledger_no_leakage(const struct ledger *ledger);
