#include "tests/graphs/chips.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "sim/chip/chip.h"
#include "base/catalog/catalog.h"
#include "tests/graphs/trial.h"

void chip_put(struct chip_sets *sets, const char *key, const char *value)
{
    assert(sets->n < CHIP_SETS);
    snprintf(sets->of[sets->n++], CHIP_SET_ROOM, "%s=%s", key, value);
}

void chip_put_int(struct chip_sets *sets, const char *key, int value)
{
    assert(sets->n < CHIP_SETS);
    snprintf(sets->of[sets->n++], CHIP_SET_ROOM, "%s=%d", key, value);
}

void chip_random(struct chip_sets *sets, struct prng *prng)
{
    static const char *const polarities[] = {"differential", "single", "offset_column"};
    static const int cells[] = {1, 1, 2, 4, 7}, dacs[] = {1, 1, 1, 2, 4, 8, 16};
    int polarity = prng_int(prng, 0, 2), rows = prng_percent(prng, 60) ? 16 : prng_int(prng, 9, 80);
    chip_put(sets, "crossbar.polarity", polarities[polarity]);
    chip_put_int(sets, "cell.bits", cells[prng_int(prng, 0, 4)]);
    char dac[CHIP_SET_ROOM / 2 + 30];
    snprintf(dac, sizeof dac,
             "{preset: none, bits: %d, count: %d, time: 1 ns, energy: 1 pJ, area: 1 um2}",
             dacs[prng_int(prng, 0, 6)], rows);
    chip_put(sets, "dac", dac);
    chip_put_int(sets, "crossbar.rows", rows);
    chip_put_int(sets, "crossbar.columns", prng_percent(prng, 60) ? 16 : prng_int(prng, 16, 80));
    chip_put(sets, "crossbar.slices", prng_percent(prng, 50) ? "columns" : "arrays");
    chip_put(sets, "mapping.policy", prng_percent(prng, 50) ? "dense" : "kernel-aligned");
    chip_put(sets, "mapping.replicate", prng_percent(prng, 30) ? "true" : "false");
    if (prng_percent(prng, 40))
        chip_put_int(sets, "crossbar.rows_active", prng_int(prng, 1, rows));
    if (polarity == 0 && prng_percent(prng, 40))
        chip_put(sets, "crossbar.subtract", "after_adc");
    if (prng_percent(prng, 30)) {
        chip_put(sets, "cell.r_lrs", "1 kohm");
        chip_put(sets, "cell.r_hrs", prng_percent(prng, 50) ? "7 kohm" : "100 kohm");
    }
    bool flip = polarity > 0 && prng_percent(prng, 40);
    chip_put(sets, "crossbar.encoding", flip ? "flip" : "plain");
    chip_put(sets, "mapping.placement", prng_percent(prng, 50) ? "random" : "snake");
}

struct chip *chip_make(const struct chip_sets *sets, struct report *report)
{
    struct err err = {0};
    struct catalog catalog = {0};
    struct chip *chip = NULL;
    struct conf *conf = catalog_open(&catalog, CATALOG_CHIP, sets->base, &err);
    bool ok = conf != NULL;
    for (int i = 0; i < sets->n && ok; i++) {
        char key[CHIP_SET_ROOM];
        const char *equals = strchr(sets->of[i], '=');
        snprintf(key, sizeof key, "%.*s", (int)(equals - sets->of[i]), sets->of[i]);
        ok = conf_set(conf, key, equals + 1, &err);
    }
    if (!ok) {
        conf_close(conf);
        conf = NULL;
    }
    if (!conf || !chip_load(conf, &chip, &err))
        differs(report, "no chip: %s", err.text);
    return chip;
}

void chip_report(const struct chip_sets *sets, struct report *report)
{
    char why[sizeof report->text];
    size_t n = (size_t)snprintf(why, sizeof why, "%.400s\non %s with", report->text, sets->base);
    for (int i = 0; i < sets->n && n < sizeof why; i++)
        n += (size_t)snprintf(why + n, sizeof why - n, " %s", sets->of[i]);
    differs(report, "%s", why);
}
