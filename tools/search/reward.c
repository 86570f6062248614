#include "tools/search/reward.h"

#include <math.h>
#include <stddef.h>

#include "base/err.h"

const char *const cost_metric_names[] = {"energy", "latency", "area", NULL};
static const char *const form_names[] = {"hawis", "limits", "weighted", NULL};

#define AT(member) .offset = offsetof(struct reward_params, member)
static const struct conf_field limit_fields[] = {
    {"energy", CONF_QTY, .offset = COST_ENERGY * sizeof(double), .min = 0, .max = 1e6, .unit = "J",
     .fallback = "0 J", .help = "of one image, at most; 0: no limit"},
    {"latency", CONF_QTY, .offset = COST_LATENCY * sizeof(double), .min = 0, .max = 1e6,
     .unit = "s", .fallback = "0 s", .help = "of the first image, at most; 0: no limit"},
    {"area", CONF_QTY, .offset = COST_AREA * sizeof(double), .min = 0, .max = 1e6, .unit = "m2",
     .fallback = "0 m2", .help = "of the occupied tiles, at most; 0: no limit"},
    {0},
};
static const struct conf_field weight_fields[] = {
    {"energy", CONF_NUM, .offset = COST_ENERGY * sizeof(double), .min = 0, .max = 1e6,
     .fallback = "0", .help = "accuracy that a factor e of it is worth"},
    {"latency", CONF_NUM, .offset = COST_LATENCY * sizeof(double), .min = 0, .max = 1e6,
     .fallback = "0", .help = "accuracy that a factor e of it is worth"},
    {"area", CONF_NUM, .offset = COST_AREA * sizeof(double), .min = 0, .max = 1e6, .fallback = "0",
     .help = "accuracy that a factor e of it is worth"},
    {0},
};
const struct conf_field reward_fields[] = {
    {"form", CONF_ENUM, AT(form), .names = form_names, .fallback = "hawis",
     .help = "hawis: Eq. 5, -gap * log((Q / lambda) / Q_base); limits: accuracy, less a penalty "
             "beyond the limits; weighted: accuracy - sum of weight * log(cost / base)"},
    {"cost", CONF_ENUM, AT(cost), .names = cost_metric_names, .fallback = "energy",
     .help = "Q, and the second axis of the front"},
    {"target", CONF_NUM, AT(target), .min = 0, .max = 2, .fallback = "1",
     .help = "target accuracy of the gap of Eq. 5"},
    {"lambda", CONF_NUM, AT(lambda), .min = 1e-9, .max = 1e9, .fallback = "1",
     .help = "of Eq. 5: the larger, the less energy counts; below lambda times the cost of the net "
             "at ratio 1 it does not count at all"},
    {"least_gap", CONF_NUM, AT(least_gap), .min = 1e-9, .max = 1, .fallback = "0.001",
     .help = "minimum gap of Eq. 5, which keeps its sign"},
    {"limits", CONF_SECTION, AT(limits), .fields = limit_fields,
     .help = "cost limits of the form limits; also the violations of nsga2"},
    {"weights", CONF_SECTION, AT(weights), .fields = weight_fields, .help = "of the form weighted"},
    {"penalty", CONF_NUM, AT(penalty), .min = 0, .max = 1e6, .fallback = "1",
     .help = "of the form limits: accuracy lost per relative excess of 1 over a limit"},
    {0},
};
#undef AT

bool reward_limited(const struct reward_params *params)
{
    for (int m = 0; m < COST_METRICS; m++)
        if (params->limits[m] > 0)
            return true;
    return false;
}

bool reward_check(const struct reward_params *params, const struct conf_node *at, struct err *err)
{
    double weights = 0;
    for (int m = 0; m < COST_METRICS; m++)
        weights += params->weights[m];
    if (params->form == REWARD_LIMITS && !reward_limited(params))
        return conf_fail(at, err,
                         "the form limits needs a limit, such as limits: {energy: 400 uJ}");
    if (params->form == REWARD_WEIGHTED && weights <= 0)
        return conf_fail(at, err,
                         "the form weighted needs a weight, such as weights: {energy: "
                         "0.02}");
    return true;
}

static double violation_of(const struct reward_params *params, const struct cost *cost)
{
    double sum = 0;
    for (int m = 0; m < COST_METRICS; m++)
        if (params->limits[m] > 0 && cost->of[m] > params->limits[m])
            sum += cost->of[m] / params->limits[m] - 1;
    return sum;
}

struct judged reward_judge(const struct reward_params *params, const struct cost *base,
                           double accuracy, const struct cost *cost)
{
    const double least_q = 1.01;
    double ratio = cost->of[params->cost] / base->of[params->cost];
    struct judged j = {0, {1 - accuracy, ratio}, violation_of(params, cost)};
    if (params->form == REWARD_HAWIS) {
        double gap = fmax(params->target - accuracy, params->least_gap);
        j.reward = -gap * log(fmax(ratio / params->lambda, least_q));
    } else if (params->form == REWARD_LIMITS) {
        j.reward = accuracy - params->penalty * j.violation;
    } else {
        j.reward = accuracy;
        for (int m = 0; m < COST_METRICS; m++)
            if (params->weights[m] > 0)
                j.reward -= params->weights[m] * log(cost->of[m] / base->of[m]);
    }
    return j;
}
