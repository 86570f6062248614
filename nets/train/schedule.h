// The learning rate of a step, as a share of the first: a pure function of the step.
#pragma once
#include <stdint.h>

#include "base/conf/conf.h"

enum schedule_kind { SCHEDULE_CONSTANT, SCHEDULE_STEP, SCHEDULE_COSINE, SCHEDULE_LINEAR };
extern const char *const schedule_names[]; // NULL-terminated

struct schedule {
    int kind;            // of schedule_names
    double warm_up;      // epochs of linear warm-up to the full rate
    struct conf_ints at; // step: at the start of these epochs...
    double factor;       // ...the rate is multiplied by this
    double end;          // cosine and linear: final share of the rate
};

extern const struct conf_field schedule_fields[];

// For step `step` (from 0) of `steps`, with `epoch_steps` per epoch. The last warm-up step has the
// full rate; cosine and linear decay from there to `end`, which the step after the last would have.
double schedule_share(const struct schedule *schedule, uint64_t step, uint64_t steps,
                      uint64_t epoch_steps);
