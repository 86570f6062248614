#include "models/defect.h"

#include <stddef.h>

#include "base/err.h"

#define AT(member) .offset = offsetof(struct defect_params, member)
const struct conf_field defect_fields[] = {
    {"stuck_lrs", CONF_NUM, AT(stuck_lrs), .min = 0, .max = 1, .fallback = "0",
     .help = "share of cells stuck at low resistance (HAWIS's SA0)"},
    {"stuck_hrs", CONF_NUM, AT(stuck_hrs), .min = 0, .max = 1, .fallback = "0",
     .help = "share of cells stuck at high resistance (HAWIS's SA1)"},
    {"word_lines", CONF_NUM, AT(word_lines), .min = 0, .max = 1, .fallback = "0",
     .help = "share of word lines that are open: in that array their row is not driven"},
    {"bit_lines", CONF_NUM, AT(bit_lines), .min = 0, .max = 1, .fallback = "0",
     .help = "share of bit lines that are open: in that array their column carries no current"},
    {"drivers", CONF_NUM, AT(drivers), .min = 0, .max = 1, .fallback = "0",
     .help = "share of word-line drivers stuck on: their row, in both arrays of a pair, is at full "
             "scale in every read of its group"},
    {"adcs", CONF_NUM, AT(adcs), .min = 0, .max = 1, .fallback = "0",
     .help = "share of ADCs stuck at one code, uniform over their range"},
    {"adc_offset", CONF_NUM, AT(adc_offset), .min = 0, .max = 1e6, .fallback = "0",
     .help = "standard deviation of the constant offset of every ADC, in codes"},
    {"read_noise", CONF_NUM, AT(read_noise), .min = 0, .max = 1e6, .fallback = "0",
     .help = "standard deviation of the noise of one read-out, in units of the current of one cell "
             "at low resistance and the lowest input"},
    {"sigma", CONF_NUM, AT(sigma), .min = 0, .max = 10, .fallback = "0",
     .help = "log-normal spread of every cell's resistance, R = R0 * exp(normal(0, sigma))"},
    {"redraw", CONF_INT, AT(redraw), .min = 1, .max = 1e9, .word = "once", .fallback = "once",
     .help = "images between new samples of the spread (temporal noise); once: fixed for a chip"},
    {"drift_time", CONF_QTY, AT(drift_s), .min = 0, .max = 1e10, .unit = "s", .fallback = "0 s",
     .help = "since writing: conductances are G0 * (t / 1 s)^-nu; no drift up to 1 s"},
    {"drift_exponent", CONF_NUM, AT(drift_exponent), .min = 0, .max = 1, .fallback = "0",
     .help = "nu, the mean over all cells"},
    {"drift_spread", CONF_NUM, AT(drift_spread), .min = 0, .max = 1, .fallback = "0",
     .help = "standard deviation of nu from cell to cell"},
    {0},
};

bool defect_varies(const struct defect_params *defects)
{
    bool drifts =
        defects->drift_s > 1 && (defects->drift_exponent > 0 || defects->drift_spread > 0);
    return defects->sigma > 0 || drifts;
}

bool defect_any(const struct defect_params *defects)
{
    const struct defect_params *d = defects;
    bool parts = d->word_lines > 0 || d->bit_lines > 0 || d->drivers > 0 || d->adcs > 0;
    bool reads = d->adc_offset > 0 || d->read_noise > 0;
    return d->stuck_lrs > 0 || d->stuck_hrs > 0 || parts || reads || defect_varies(d);
}

bool defect_check(const struct defect_params *defects, const struct conf_node *at, struct err *err)
{
    return defects->stuck_lrs + defects->stuck_hrs <= 1 ||
           conf_fail(at, err,
                     "stuck_lrs %g and stuck_hrs %g (SA0 and SA1) together are above 1; lower one",
                     defects->stuck_lrs, defects->stuck_hrs);
}
