#include "models/unit.h"

#include <stddef.h>

#include "models/technology.h"
#include "base/conf/conf.h"

#define AT(member) .offset = offsetof(struct unit_params, member)
const struct conf_field unit_fields[] = {
    {"count", CONF_INT, AT(count), .min = 0, .max = 1 << 20, .fallback = "1",
     .help = "instances per owner"},
    {"time", CONF_QTY, AT(time_s), .min = 0, .max = 1, .unit = "s", .fallback = "0 s",
     .help = "one operation"},
    {"energy", CONF_QTY, AT(energy_j), .min = 0, .max = 1, .unit = "J", .fallback = "0 J",
     .help = "one operation"},
    {"area", CONF_QTY, AT(area_m2), .min = 0, .max = 1, .unit = "m2", .fallback = "0 m2",
     .help = "one instance"},
    {"leakage", CONF_QTY, AT(leakage_w), .min = 0, .max = 1e6, .unit = "W", .fallback = "0 W",
     .help = "one instance, whenever its tile is on"},
    {"peak_power", CONF_QTY, AT(peak_w), .min = 0, .max = 1e6, .unit = "W", .fallback = "auto",
     .word = "auto", .help = "all instances, fully busy; auto: count * energy / time"},
    TECHNOLOGY_FIELD(struct unit_params, technology_m),
    {0},
};

double unit_time(const struct unit_params *unit, int64_t ops)
{
    if (ops <= 0 || unit->count <= 0)
        return 0;
    int64_t rounds = (ops + unit->count - 1) / unit->count;
    return (double)rounds * unit->time_s;
}

double unit_peak(const struct unit_params *unit)
{
    if (unit->peak_w >= 0)
        return unit->peak_w;
    return unit->time_s > 0 ? unit->count * unit->energy_j / unit->time_s : 0;
}

double unit_area(const struct unit_params *unit)
{
    return unit->count * unit->area_m2;
}

double unit_leakage(const struct unit_params *unit)
{
    return unit->count * unit->leakage_w;
}
