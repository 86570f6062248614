#include "sim/crossbar/mitigation.h"

#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/portable_math.h"
#include "sim/chip/chip.h"

bool mitigation_parse(const char *words, struct mitigation_params *out, struct err *err)
{
    const struct {
        const char *name;
        bool *on;
    } switches[] = {{"bn", &out->bn}, {"gain", &out->gain}, {"spares", &out->spares}};
    out->bn = out->gain = out->spares = false;
    if (!strcmp(words, "none"))
        return true;
    for (const char *at = words;; at++) {
        size_t n = strcspn(at, ","), found = 0;
        for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
            if (strlen(switches[i].name) == n && !memcmp(at, switches[i].name, n)) {
                *switches[i].on = true;
                found = 1;
            }
        if (!found)
            return err_set(
                err,
                "unknown mitigation '%.*s'; use any of bn, gain and spares, separated by "
                "commas, or none",
                n < 40 ? (int)n : 40, at);
        at += n;
        if (!*at)
            return true;
    }
}

static bool has_comparators(const struct chip *chip)
{
    const struct layer_override *items = chip->overrides.items;
    bool any = chip->adc.bits == 1;
    for (size_t i = 0; i < chip->overrides.n; i++)
        any = any || items[i].adc.bits == 1;
    return any;
}

bool mitigation_check(const struct mitigation_params *params, const struct chip *chip,
                      struct err *err)
{
    const struct crossbar_params *x = &chip->crossbar;
    const struct conf_node *at = conf_find(chip->conf->root, "crossbar");
    if (params->spares && x->spare_rows + x->spare_columns == 0)
        return conf_fail(at, err,
                         "the chip has no spare lines; set crossbar.spare_rows or "
                         "crossbar.spare_columns");
    if (params->bn && has_comparators(chip))
        return conf_fail(conf_find(chip->conf->root, "adc"), err,
                         "batch-norm statistics are measured on sums, which one-bit read-outs do "
                         "not provide; drop bn, or set adc.bits to 2 or more");
    // The gain does not apply to the term that a single array's digital side or offset column
    // subtracts.
    return !params->gain || x->polarity == POLARITY_DIFFERENTIAL ||
           conf_fail(at, err,
                     "only differential sums can be corrected for the gain of varying cells; set "
                     "crossbar.polarity=differential, or use bn");
}

// The mean of a log-normal variable.
double mitigation_gain(const struct defect_params *defects)
{
    double age = defects->drift_s > 1 ? num_log(defects->drift_s) : 0;
    double spread = defects->drift_spread * age;
    double variance = defects->sigma * defects->sigma + spread * spread;
    return num_exp(variance / 2 - defects->drift_exponent * age);
}

void mitigation_refold(struct int_net *integer, const struct weights *weights, double gain)
{
    const struct net *net = integer->net;
    integer->gain = gain;
    for (size_t i = 1; i < net->n; i++)
        if (layer_has_weights(&net->layers[i]))
            int_net_refold(integer, weights, (int)i);
}
