// Who proposes candidates. A candidate is a vector x of n decisions in [0, 1], one per layer (and
// chip knob); what they mean is the space's affair. Agents are told what became of their proposals
// and know nothing else. Every agent is a pure function of its parameters, its seed and what it was
// told, in order: a search is resumed by telling it again, and asking changes nothing.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf/conf.h"

struct err;

enum { AGENT_STATE = 10, AGENT_OBJECTIVES = 2 };

// What a decision is about, for agents that decide one after the other: the state s of decision k,
// numbers in [0, 1], given the decisions before it. A pure function.
struct problem {
    int n;
    void (*state)(void *context, const double *x, int k, double s[AGENT_STATE]);
    // The nearest x that means the same candidate: agents learn from what was built, not from what
    // they asked for. Every decision by itself, whatever the others are.
    void (*snap)(void *context, double *x);
    void *context; // lent for as long as the agent lives
    int episodes;  // planned in all, for schedules
    int round;     // proposals that are asked for before any of them is told; at least 1
    // A known candidate to start from, e.g. the uniform net; NULL: none.
    const double *start;
};

// One finished proposal. Failed ones have failed set and nothing else; a number that is not finite
// is a failure too.
struct told {
    const double *x; // snapped
    bool failed;
    double reward;                       // larger is better
    double objectives[AGENT_OBJECTIVES]; // smaller is better: error, cost
    double violation; // of constraints; 0: none. Agents that compare put candidates without any
                      // before all others; ddpg knows the reward only.
};

bool told_failed(const struct told *told);
// By reward, after Deb's rules (2000): without violation first, of two with one the smaller.
// Failures last.
bool told_better(const struct told *a, const struct told *b);

struct agent;

struct agent_kind {
    const char *name;
    const struct conf_field *fields; // of its parameters; NULL: none
    size_t size;                     // of the struct that they are read into
    bool starts;                     // whether it takes problem.start
    // Copies problem and params; start is lent for the call.
    struct agent *(*create)(const struct problem *problem, const void *params, uint64_t seed);
    void (*destroy)(struct agent *agent); // NULL is fine
    // Proposal number `episode` (from 0), snapped, when all rounds before its own are told and
    // nothing of its own is.
    void (*propose)(struct agent *agent, int episode, double *x);
    // Of episode `episode`; in the order of episodes.
    void (*tell)(struct agent *agent, int episode, const struct told *told);
    // Of the episode: exploration noise, population, whatever helps to see; NULL: nothing to say.
    void (*describe)(const struct agent *agent, char *text, size_t size);
};

// NULL-terminated: ddpg, ddpg-haq, random, evolution, nsga2, cmaes, greedy.
const struct agent_kind *const *agent_kinds(void);
const struct agent_kind *agent_kind(const char *name); // NULL: unknown
