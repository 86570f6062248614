#include "nets/train/schedule.h"

#include <math.h>

const char *const schedule_names[] = {"constant", "step", "cosine", "linear", NULL};

#define AT(member) .offset = offsetof(struct schedule, member)
const struct conf_field schedule_fields[] = {
    {"kind", CONF_ENUM, AT(kind), .names = schedule_names, .fallback = "constant",
     .help = "how the learning rate falls"},
    {"warm_up", CONF_NUM, AT(warm_up), .min = 0, .max = 1000, .fallback = "0",
     .help = "epochs over which it first rises"},
    {"at", CONF_INTS, AT(at), .min = 1, .max = 1000000, .optional = true,
     .help = "step: epochs, counted from 0, at whose beginning it falls"},
    {"factor", CONF_NUM, AT(factor), .min = 1e-6, .max = 1, .fallback = "0.1",
     .help = "step: what it is multiplied by"},
    {"end", CONF_NUM, AT(end), .min = 0, .max = 1, .fallback = "0",
     .help = "cosine, linear: final share of the rate"},
    {0},
};
#undef AT

static double falls(const struct schedule *schedule, uint64_t epoch)
{
    double share = 1;
    for (size_t i = 0; i < schedule->at.n; i++)
        if (epoch >= (uint64_t)schedule->at.v[i])
            share *= schedule->factor;
    return share;
}

double schedule_share(const struct schedule *schedule, uint64_t step, uint64_t steps,
                      uint64_t epoch_steps)
{
    static const double pi = 3.14159265358979323846;
    double warm = floor(schedule->warm_up * (double)epoch_steps + 0.5), all = (double)steps;
    double rise = (double)step + 1 < warm ? ((double)step + 1) / warm : 1;
    double from = warm > 0 ? warm - 1 : 0; // the first step at the full rate
    double done = (double)step > from ? ((double)step - from) / (all - from) : 0;
    switch ((enum schedule_kind)schedule->kind) {
    case SCHEDULE_STEP:
        return rise * falls(schedule, step / epoch_steps);
    case SCHEDULE_COSINE:
        return rise * (schedule->end + (1 - schedule->end) * 0.5 * (1 + cos(pi * done)));
    case SCHEDULE_LINEAR:
        return rise * (schedule->end + (1 - schedule->end) * (1 - done));
    case SCHEDULE_CONSTANT:
        break;
    }
    return rise;
}
