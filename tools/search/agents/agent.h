// Agents propose candidates. A candidate is a vector x of n decisions in [0, 1], one per layer (and
// chip knob); the space defines their meaning. Agents are told the results of their proposals and
// know nothing else. Every agent is a pure function of its parameters, its seed and the results it
// was told, in order: a search is resumed by telling them again, and asking does not change the
// state.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf/conf.h"

struct err;

enum { AGENT_STATE = 10, AGENT_OBJECTIVES = 2 };

// state: for agents that decide one layer after the other, the state s of decision k, numbers in
// [0, 1], given the decisions before it. A pure function.
struct problem {
    int n;
    void (*state)(void *context, const double *x, int k, double s[AGENT_STATE]);
    // Moves x to the candidate that is built for it, so that agents learn from that and not from
    // their raw proposal. Acts on every decision independently.
    void (*snap)(void *context, double *x);
    void *context; // borrowed for the agent's lifetime
    int episodes;  // planned total, for schedules
    int round;     // proposals requested before the first of them is told; at least 1
    // A known candidate to start from, e.g. the uniform net; NULL: none.
    const double *start;
};

// One finished proposal. Failed ones have only `failed` set; a number that is not finite is a
// failure too.
struct told {
    const double *x; // snapped
    bool failed;
    double reward;                       // larger is better
    double objectives[AGENT_OBJECTIVES]; // smaller is better: error, cost
    double violation; // of constraints; 0: none. Agents that compare candidates prefer those
                      // without violation; ddpg uses the reward only.
};

bool told_failed(const struct told *told);
// By reward, after Deb's rules (2000): no violation before any, then the smaller violation.
// Failures last.
bool told_better(const struct told *a, const struct told *b);

struct agent;

struct agent_kind {
    const char *name;
    const struct conf_field *fields; // of its parameters; NULL: none
    size_t size;                     // of the struct that they are read into
    bool starts;                     // whether it uses problem.start
    // Copies problem and params; start is borrowed for the call.
    struct agent *(*create)(const struct problem *problem, const void *params, uint64_t seed);
    void (*destroy)(struct agent *agent); // NULL is fine
    // Proposal number `episode` (from 0), snapped; called when all earlier rounds are told and
    // nothing of its own.
    void (*propose)(struct agent *agent, int episode, double *x);
    // The result of episode `episode`; in the order of episodes.
    void (*tell)(struct agent *agent, int episode, const struct told *told);
    // State for display: exploration noise, population and so on; may be NULL.
    void (*describe)(const struct agent *agent, char *text, size_t size);
};

// NULL-terminated: ddpg, ddpg-haq, random, evolution, nsga2, cmaes, greedy.
const struct agent_kind *const *agent_kinds(void);
const struct agent_kind *agent_kind(const char *name); // NULL: unknown
