#include "models/cell.h"

#include <stddef.h>

#include "models/technology.h"
#include "base/conf/conf.h"

#define AT(member) .offset = offsetof(struct cell_params, member)
const struct conf_field cell_fields[] = {
    {"bits", CONF_INT, AT(bits), .min = 1, .max = 16, .fallback = "1",
     .help = "bits stored per cell; levels = 2^bits"},
    {"r_lrs", CONF_QTY, AT(r_lrs_ohm), .min = 1, .max = 1e12, .unit = "ohm",
     .help = "resistance of the low-resistance state"},
    {"r_hrs", CONF_QTY, AT(r_hrs_ohm), .min = 1, .max = 1e15, .unit = "ohm", .word = "inf",
     .help = "resistance of the high-resistance state, above r_lrs; inf: the cell carries no "
             "current (no leakage)"},
    {"read_voltage", CONF_QTY, AT(read_v), .min = 0, .max = 100, .unit = "V",
     .help = "on a driven word line"},
    {"read_time", CONF_QTY, AT(read_s), .min = 0, .max = 1, .unit = "s",
     .help = "one read of an array"},
    {"read_energy", CONF_QTY, AT(read_j), .min = 0, .max = 1, .unit = "J", .fallback = "auto",
     .word = "auto", .help = "one cell, one read; auto: V^2 / R * read_time at the activity"},
    {"write_voltage", CONF_QTY, AT(write_v), .min = 0, .max = 100, .unit = "V", .fallback = "2 V",
     .help = "while programming"},
    {"write_time", CONF_QTY, AT(write_s), .min = 0, .max = 1, .unit = "s", .fallback = "10 ns",
     .help = "one programming pulse (a row at a time)"},
    {"write_energy", CONF_QTY, AT(write_j), .min = 0, .max = 1, .unit = "J", .fallback = "auto",
     .word = "auto", .help = "one cell; auto: write_voltage^2 / r_lrs * write_time"},
    {"area", CONF_QTY, AT(area_m2), .min = 0, .max = 1e-6, .unit = "m2", .help = "one cell"},
    TECHNOLOGY_FIELD(struct cell_params, technology_m),
    {0},
};

#define ACTIVITY(member) .offset = offsetof(struct activity_params, member)
const struct conf_field activity_fields[] = {
    {"inputs_on", CONF_NUM, ACTIVITY(inputs_on), .min = 0, .max = 1, .fallback = "0.5",
     .help = "assumed share of word lines that are driven"},
    {"cells_lrs", CONF_NUM, ACTIVITY(cells_lrs), .min = 0, .max = 1, .fallback = "0.5",
     .help = "assumed share of cells in the low-resistance state"},
    {0},
};

double cell_read_power(const struct cell_params *cell, const struct activity_params *activity)
{
    double v2 = activity->inputs_on * cell->read_v * cell->read_v;
    double siemens =
        (1 - activity->cells_lrs) / cell->r_hrs_ohm + activity->cells_lrs / cell->r_lrs_ohm;
    return v2 * siemens;
}

double cell_read_energy(const struct cell_params *cell, const struct activity_params *activity)
{
    if (cell->read_j >= 0)
        return cell->read_j;
    return cell_read_power(cell, activity) * cell->read_s;
}

double cell_write_energy(const struct cell_params *cell)
{
    if (cell->write_j >= 0)
        return cell->write_j;
    return cell->write_v * cell->write_v / cell->r_lrs_ohm * cell->write_s;
}
