#include "models/defect.h"

#include <stddef.h>

#include "sim/base/err.h"

#define AT(member) .offset = offsetof(struct defect_params, member)
const struct conf_field defect_fields[] = {
    {"stuck_lrs", CONF_NUM, AT(stuck_lrs), .min = 0, .max = 1, .fallback = "0",
     .help = "share of cells stuck at low resistance (HAWIS's SA0)"},
    {"stuck_hrs", CONF_NUM, AT(stuck_hrs), .min = 0, .max = 1, .fallback = "0",
     .help = "share of cells stuck at high resistance (HAWIS's SA1)"},
    {"word_lines", CONF_NUM, AT(word_lines), .min = 0, .max = 1, .fallback = "0",
     .help = "share of word lines that are open: in that array their row drives nothing"},
    {"bit_lines", CONF_NUM, AT(bit_lines), .min = 0, .max = 1, .fallback = "0",
     .help = "share of bit lines that are open: in that array their column reads no current"},
    {"drivers", CONF_NUM, AT(drivers), .min = 0, .max = 1, .fallback = "0",
     .help = "share of word-line drivers stuck on: their row, in both arrays of a pair, is at full "
             "scale in every read of its group"},
    {"adcs", CONF_NUM, AT(adcs), .min = 0, .max = 1, .fallback = "0",
     .help = "share of ADCs stuck at one code, drawn evenly from their range"},
    {"adc_offset", CONF_NUM, AT(adc_offset), .min = 0, .max = 1e6, .fallback = "0",
     .help = "standard deviation of the constant offset of every ADC, in codes"},
    {"read_noise", CONF_NUM, AT(read_noise), .min = 0, .max = 1e6, .fallback = "0",
     .help = "standard deviation of the noise of every single read-out, in currents of one cell at "
             "low resistance and the lowest input"},
    {"sigma", CONF_NUM, AT(sigma), .min = 0, .max = 10, .fallback = "0",
     .help = "log-normal spread of every cell's resistance, R = R0 * exp(normal(0, sigma))"},
    {0},
};

bool defect_check(const struct defect_params *defects, const struct conf_node *at, struct err *err)
{
    return defects->stuck_lrs + defects->stuck_hrs <= 1 ||
           conf_fail(at, err,
                     "stuck_lrs %g and stuck_hrs %g (SA0 and SA1) together are above 1; lower one",
                     defects->stuck_lrs, defects->stuck_hrs);
}
