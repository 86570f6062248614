// Reward of a candidate: accuracy and costs combined in one number (larger is better), and
// objectives and a constraint violation for multi-objective agents.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/conf/conf.h"
#include "tools/search/agents/agent.h"

struct err;

enum cost_metric { COST_ENERGY, COST_LATENCY, COST_AREA, COST_METRICS };
extern const char *const cost_metric_names[]; // NULL-terminated: energy, latency, area

struct cost {
    double of[COST_METRICS]; // J per image, s of the first image, m2 of the occupied tiles
    int64_t binary_ops;
};

enum reward_form {
    REWARD_HAWIS,    // -gap * log((Q / lambda) / Q_base), Eq. 5
    REWARD_LIMITS,   // accuracy, less a penalty for exceeding the limits
    REWARD_WEIGHTED, // accuracy - sum of weight * log(cost / base)
};

struct reward_params {
    int form;
    int cost;      // enum cost_metric: Q of Eq. 5 and the second objective
    double target; // accuracy, of Eq. 5's gap
    double lambda;
    double least_gap;
    double limits[COST_METRICS]; // 0: none
    double weights[COST_METRICS];
    double penalty; // of limits: accuracy lost per relative excess of 1 over a limit
};
extern const struct conf_field reward_fields[];

bool reward_check(const struct reward_params *params, const struct conf_node *at, struct err *err);

bool reward_limited(const struct reward_params *params); // whether it has limits

struct judged {
    double reward;
    double objectives[AGENT_OBJECTIVES]; // 1 - accuracy, cost over the baseline's
    double violation;                    // of the limits, relative; 0: none
};

// `base` is the cost of the net at ratio 1, Q(A_b).
//
// Eq. 5 is guarded against its sign traps: the gap is at least least_gap, so
// that meeting the target does not make energy a gain; and the ratio (Q / lambda) / Q_base is at
// least 1.01, so that below lambda more error is never a gain.
struct judged reward_judge(const struct reward_params *params, const struct cost *base,
                           double accuracy, const struct cost *cost);
