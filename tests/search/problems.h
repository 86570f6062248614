// Problems of known optimum, and a search as the driver runs it: rounds of proposals, told in
// order.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/search/agents/agent.h"

enum { PROBLEM_MOST = 40 };

// What a candidate is worth; x is snapped.
typedef void (*problem_value)(const double *x, int n, struct told *told);

struct test_problem {
    int n;
    int grid; // values of a decision less one; 0: all of [0, 1]
    problem_value value;
    const double *start;
};

// Everything that was told, in order; x (episodes, n).
struct history {
    int n, episodes;
    double *xs;
    struct told *tolds;
};

// A running search.
struct search {
    const struct test_problem *test;
    const struct agent_kind *kind;
    struct agent *agent;
    struct problem problem;
    struct history history;
};

// Of an agent with its default parameters.
void search_begin(struct search *s, const char *agent, const struct test_problem *test,
                  uint64_t seed, int episodes, int round);
// Proposes, values and tells until `until` episodes are done.
void search_run(struct search *s, int until);
void search_end(struct search *s);
// The best reward of a whole search among candidates without violation.
double search_best(const char *agent, const struct test_problem *test, uint64_t seed, int episodes,
                   int round);

// Separable: 1 - mean of (x - target)^2, targets rough from layer to layer.
void value_quadratic(const double *x, int n, struct told *told);
double quadratic_target(int i);
// Errors that fall with widths, energy in whole crossbars: Eq. 5 of HAWIS with a guarded gap.
void value_staircase(const double *x, int n, struct told *told);
// The quadratic with the mean of x at most 0.4 as a constraint; the reward falls with it.
void value_constrained(const double *x, int n, struct told *told);
