#include "sim/dataflow/ledger.h"

const char *const meter_names[] = {"cell_reads",
                                   "row_drives",
                                   "conversions",
                                   "samples",
                                   "shift_adds",
                                   "input_bits",
                                   "pe_results",
                                   "merge_adds",
                                   "outputs",
                                   "output_elements",
                                   "residual_adds",
                                   "products",
                                   "pool_reads",
                                   "encoded_bits",
                                   "pe_reads",
                                   "pe_writes",
                                   "tile_reads",
                                   "tile_writes",
                                   "bus_bits",
                                   "router_flits",
                                   "link_flits",
                                   "offchip_bits",
                                   0};

const char *const part_names[] = {"crossbar",    "dac",          "adc",   "sample_hold",
                                  "shift_add",   "register",     "adder", "output",
                                  "residual",    "multiplier",   "pool",  "encoder",
                                  "buffer_read", "buffer_write", "bus",   "noc",
                                  "offchip",     "leakage",      0};

double ledger_energy(const struct ledger *ledger)
{
    double sum = 0;
    for (int p = 0; p < PARTS; p++)
        sum += ledger->energy_j[p];
    return sum;
}

double ledger_no_leakage(const struct ledger *ledger)
{
    double sum = 0;
    for (int p = 0; p < PARTS; p++)
        sum += p == PART_LEAKAGE ? 0 : ledger->energy_j[p];
    return sum;
}
