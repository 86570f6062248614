#include "sim/run/plausible_run.h"

#include "base/units.h"
#include "base/warn.h"
#include "sim/chip/plausible_chip.h"
#include "sim/run/result.h"

// 75 W is what a card draws from a PCI Express slot without a cable of its own (PCI Express Card
// Electromechanical Specification); no charge pump on a chip delivers as much.
static void check_programming(const struct result *r, struct warnings *warnings)
{
    double power_w = r->program_s > 0 ? r->program_j / r->program_s : 0;
    char energy[48], time[48], more[48];
    if (power_w > PLAUSIBLE_MAX_PROGRAM_W)
        warn_add(
            warnings, "programming-power",
            "programming power %s / %s = %.4g W is above %g W: one row of each of %d arrays is "
            "written at once; read the programming time as %s or more, or lower "
            "cell.write_energy or cell.write_voltage",
            units_format(energy, sizeof energy, r->program_j, "J"),
            units_format(time, sizeof time, r->program_s, "s"), power_w, PLAUSIBLE_MAX_PROGRAM_W,
            r->arrays,
            units_format(more, sizeof more, r->program_j / PLAUSIBLE_MAX_PROGRAM_W, "s"));
}

static void check_area(const struct result *r, struct warnings *warnings)
{
    if (r->area_m2 > PLAUSIBLE_MAX_DIE_M2)
        warn_add(
            warnings, "occupied-area",
            "the %d tiles that this net occupies take %.6g mm2, above the reticle limit, 26 mm "
            "x 33 mm = %g mm2; choose fewer bits, narrower layers or smaller parts, or read it "
            "as several dies",
            r->tiles, r->area_m2 * 1e6, PLAUSIBLE_MAX_DIE_M2 * 1e6);
}

static void check_density(const struct result *r, struct warnings *warnings)
{
    double density = r->area_m2 > 0 ? r->average_w / r->area_m2 : 0;
    char power[48];
    if (density > PLAUSIBLE_MAX_DENSITY_W_M2)
        warn_add(
            warnings, "power-density",
            "average power density %s / %.6g mm2 = %.4g W/mm2 over the occupied tiles is above "
            "%g W/mm2 (100 W/cm2, air cooling); check the energies, times and areas of "
            "'bitline show chip --parts'",
            units_format(power, sizeof power, r->average_w, "W"), r->area_m2 * 1e6, density * 1e-6,
            PLAUSIBLE_MAX_DENSITY_W_M2 * 1e-6);
}

void plausible_run(const struct result *result, struct warnings *warnings)
{
    check_programming(result, warnings);
    check_area(result, warnings);
    check_density(result, warnings);
}
