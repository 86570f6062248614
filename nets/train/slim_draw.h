// Widths of the sub-nets that a super-net trains: random, a function of (seed, turn).
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf/conf.h"

struct arena;
struct err;
struct net;

enum slim_sample { SLIM_SANDWICH, SLIM_HAWIS, SLIM_UNIFORM };

// The section `supernet` of a training job.
struct slim_plan {
    double least, most; // expansion ratios; most: the job's own width
    int step;           // channels that widths are multiples of
    int sample;         // enum slim_sample
    int sub_nets;       // per step
    bool distill;       // sandwich only: the widest is the teacher of all others
    int period;         // steps with the same widths; -1: an epoch
    int bn_batches;     // batches to estimate a sub-net's statistics
};

extern const struct conf_field slim_fields[];

// Bounds per scalable layer of the wide net.
struct slim_space {
    size_t n;
    double least, most;
    int step;
    int *low, *high; // channels
    double *base;    // channels at ratio 1
};

// Refuses a net that is not at the ratio `most`, and nets that cannot be shared (slim.h).
bool slim_space(const struct slim_plan *plan, const struct net *wide, struct arena *mem,
                struct slim_space *out, struct err *err);

// The widths of all sub-nets of a turn: (sub_nets, n). Ratios are log-uniform between least and
// most. Sample hawis uses `candidate` (n), unless it is NULL, as the first sub-net.
void slim_draw(const struct slim_space *space, const struct slim_plan *plan, uint64_t seed,
               uint64_t turn, const int *candidate, int *widths);
