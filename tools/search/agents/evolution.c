// Regularised evolution (Real et al., AAAI 2019): a tournament among the last candidates picks the
// parents, the oldest dies. Half of the children cross two parents, as in MetaPruning (ICCV 2019).
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tools/search/agents/search_rng.h"
#include "tools/search/agents/kinds.h"

struct params {
    int population, tournament;
    double mutation, sigma, crossover;
};

#define AT(member) .offset = offsetof(struct params, member)
static const struct conf_field fields[] = {
    // MetaPruning has 50 a generation; Real et al. a quarter of the population in a tournament.
    {"population", CONF_INT, AT(population), .min = 2, .max = 10000, .fallback = "50",
     .help = "candidates that may become parents, the last ones"},
    {"tournament", CONF_INT, AT(tournament), .min = 1, .max = 10000, .fallback = "12",
     .help = "of them drawn for a parent; the best becomes it"},
    {"mutation", CONF_NUM, AT(mutation), .min = 0, .max = 1, .fallback = "0.1",
     .help = "share of decisions that change, at least one (MetaPruning: 0.1)"},
    {"sigma", CONF_NUM, AT(sigma), .min = 1e-3, .max = 1, .fallback = "0.2",
     .help = "deviation of a change"},
    {"crossover", CONF_NUM, AT(crossover), .min = 0, .max = 1, .fallback = "0.5",
     .help = "share of children with two parents (MetaPruning: half)"},
    {0},
};
#undef AT

struct agent {
    struct arena *mem;
    struct problem problem;
    struct params params;
    uint64_t seed;
    double *start;      // NULL: none
    struct told *tolds; // the last that did not fail, a ring of params.population
    double *xs;         // theirs, (population, n)
    long long count;    // of all that went in
};

static struct agent *create(const struct problem *problem, const void *params, uint64_t seed)
{
    struct arena *mem = arena_create();
    struct agent *a = arena_alloc(mem, 1, sizeof *a);
    size_t n = (size_t)problem->n;
    *a = (struct agent){.mem = mem, .problem = *problem, .seed = seed};
    a->params = *(const struct params *)params;
    a->tolds = arena_alloc(mem, (size_t)a->params.population, sizeof *a->tolds);
    a->xs = arena_alloc(mem, (size_t)a->params.population * n, sizeof *a->xs);
    if (problem->start) {
        a->start = arena_alloc(mem, n, sizeof *a->start);
        memcpy(a->start, problem->start, n * sizeof *a->start);
    }
    return a;
}

static void destroy(struct agent *a)
{
    if (a)
        arena_destroy(a->mem);
}

static const double *pick(const struct agent *a, struct search_rng *chance)
{
    const struct told *best = &a->tolds[search_rng_below(chance, a->params.population)];
    for (int i = 1; i < a->params.tournament; i++) {
        const struct told *t = &a->tolds[search_rng_below(chance, a->params.population)];
        best = told_better(t, best) ? t : best;
    }
    return best->x;
}

static double inside(double v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static void mutate(const struct agent *a, struct search_rng *chance, double *x)
{
    int n = a->problem.n, sure = search_rng_below(chance, n);
    for (int i = 0; i < n; i++)
        if (search_rng_uniform(chance) < a->params.mutation || i == sure)
            x[i] = inside(x[i] + a->params.sigma * search_rng_normal(chance));
    a->problem.snap(a->problem.context, x);
}

static void breed(const struct agent *a, struct search_rng *chance, double *x)
{
    enum { TRIES = 8 }; // on a coarse grid a change may round to nothing
    size_t bytes = (size_t)a->problem.n * sizeof *x;
    const double *mother = pick(a, chance);
    memcpy(x, mother, bytes);
    if (search_rng_uniform(chance) < a->params.crossover) {
        const double *father = pick(a, chance);
        for (int i = 0; i < a->problem.n; i++)
            x[i] = search_rng_uniform(chance) < 0.5 ? x[i] : father[i];
    }
    mutate(a, chance, x);
    for (int i = 1; i < TRIES && !memcmp(x, mother, bytes); i++)
        mutate(a, chance, x);
}

static void propose(struct agent *a, int episode, double *x)
{
    struct search_rng chance = search_rng_begin(a->seed, CHANCE_PROPOSAL, (uint32_t)episode);
    if (episode == 0 && a->start) {
        memcpy(x, a->start, (size_t)a->problem.n * sizeof *x);
    } else if (a->count >= a->params.population) {
        breed(a, &chance, x);
        return;
    } else {
        for (int i = 0; i < a->problem.n; i++)
            x[i] = search_rng_uniform(&chance);
    }
    a->problem.snap(a->problem.context, x);
}

static void tell(struct agent *a, int episode, const struct told *told)
{
    (void)episode;
    if (told_failed(told))
        return;
    size_t n = (size_t)a->problem.n, at = (size_t)(a->count++ % a->params.population);
    memcpy(a->xs + at * n, told->x, n * sizeof *told->x);
    a->tolds[at] = *told;
    a->tolds[at].x = a->xs + at * n;
}

static void describe(const struct agent *a, char *text, size_t size)
{
    long long most = a->params.population;
    snprintf(text, size, "population %lld", a->count < most ? a->count : most);
}

const struct agent_kind agent_evolution = {.name = "evolution",
                                           .starts = true,
                                           .fields = fields,
                                           .size = sizeof(struct params),
                                           .create = create,
                                           .destroy = destroy,
                                           .propose = propose,
                                           .tell = tell,
                                           .describe = describe};
