// NSGA-II (Deb et al., IEEE TEC 2002): the whole front of the two objectives in one run. Section
// numbers are the paper's. A generation is a whole number of rounds, so that parents are known when
// children are asked for.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/portable_math.h"
#include "tools/search/agents/search_rng.h"
#include "tools/search/agents/kinds.h"

struct params {
    int population;
    double crossover, crossover_index, mutation, mutation_index;
};

#define AT(member) .offset = offsetof(struct params, member)
static const struct conf_field fields[] = {
    {"population", CONF_INT, AT(population), .min = 4, .max = 10000, .fallback = "40",
     .help = "of a generation; made a multiple of the candidates of a round"},
    // Section IV-A.
    {"crossover", CONF_NUM, AT(crossover), .min = 0, .max = 1, .fallback = "0.9",
     .help = "share of pairs that are crossed"},
    {"crossover_index", CONF_NUM, AT(crossover_index), .min = 0, .max = 1000, .fallback = "15",
     .help = "of SBX: the larger, the closer children are to their parents"},
    {"mutation", CONF_NUM, AT(mutation), .min = 0, .max = 1, .word = "auto", .fallback = "auto",
     .help = "share of decisions that change; auto: one of them all"},
    {"mutation_index", CONF_NUM, AT(mutation_index), .min = 0, .max = 1000, .fallback = "20",
     .help = "of polynomial mutation: the larger, the smaller its changes"},
    {0},
};
#undef AT

struct member {
    struct told told; // failed: none
    int rank;         // of its front, 0 is the best
    double crowding;
};

struct agent {
    struct arena *mem;
    struct problem problem;
    struct params params;
    uint64_t seed;
    double *start; // NULL: none
    // The parents, then the children told so far; xs (2 population, n).
    struct member *members, *sorted;
    double *xs, *sorted_xs;
    int *order;
    int told; // of this generation
    int generation;
};

static struct agent *create(const struct problem *problem, const void *params, uint64_t seed)
{
    struct arena *mem = arena_create();
    struct agent *a = arena_alloc(mem, 1, sizeof *a);
    *a = (struct agent){.mem = mem, .problem = *problem, .seed = seed};
    a->params = *(const struct params *)params;
    int round = problem->round;
    a->params.population = (a->params.population + round - 1) / round * round;
    if (a->params.mutation < 0)
        a->params.mutation = 1.0 / problem->n;
    size_t n = (size_t)problem->n, both = 2 * (size_t)a->params.population;
    a->members = arena_alloc(mem, both, sizeof *a->members);
    a->sorted = arena_alloc(mem, both, sizeof *a->sorted);
    a->xs = arena_alloc(mem, both * n, sizeof *a->xs);
    a->sorted_xs = arena_alloc(mem, both * n, sizeof *a->xs);
    a->order = arena_alloc(mem, both, sizeof *a->order);
    for (size_t i = 0; i < both; i++)
        a->members[i].told.failed = true;
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

// Section VI, definition 1: constraint domination. Failures are dominated by all that is none.
static bool dominates(const struct told *a, const struct told *b)
{
    if (a->failed || b->failed)
        return !a->failed && b->failed;
    if (a->violation > 0 || b->violation > 0)
        return a->violation < b->violation;
    bool better = false;
    for (int i = 0; i < AGENT_OBJECTIVES; i++) {
        if (a->objectives[i] > b->objectives[i])
            return false;
        better |= a->objectives[i] < b->objectives[i];
    }
    return better;
}

// Section III-A: peels fronts off; `order` becomes the members, front after front.
static void sort_fronts(struct agent *a, int n)
{
    int placed = 0;
    for (int i = 0; i < n; i++)
        a->members[i].rank = -1;
    for (int rank = 0; placed < n; rank++) {
        for (int i = 0; i < n; i++) {
            bool free = a->members[i].rank < 0;
            for (int j = 0; j < n && free; j++) {
                // Still there: unranked, or ranked just now.
                bool there = a->members[j].rank < 0 || a->members[j].rank == rank;
                free = !(there && dominates(&a->members[j].told, &a->members[i].told));
            }
            if (free) {
                a->members[i].rank = rank;
                a->order[placed++] = i;
            }
        }
    }
}

// Orders part of `order` by an objective; ties keep their order.
static void sort_by(const struct agent *a, int *order, int n, int objective)
{
    for (int i = 1; i < n; i++) {
        int moved = order[i], j = i;
        double value = a->members[moved].told.objectives[objective];
        for (; j > 0 && a->members[order[j - 1]].told.objectives[objective] > value; j--)
            order[j] = order[j - 1];
        order[j] = moved;
    }
}

// Section III-B: crowding distances of one front.
static void crowd(struct agent *a, int *order, int n)
{
    for (int i = 0; i < n; i++)
        a->members[order[i]].crowding = 0;
    for (int o = 0; o < AGENT_OBJECTIVES && !a->members[order[0]].told.failed; o++) {
        sort_by(a, order, n, o);
        double first = a->members[order[0]].told.objectives[o];
        double range = a->members[order[n - 1]].told.objectives[o] - first;
        a->members[order[0]].crowding = a->members[order[n - 1]].crowding = (double)INFINITY;
        for (int i = 1; i + 1 < n && range > 0; i++)
            a->members[order[i]].crowding += (a->members[order[i + 1]].told.objectives[o] -
                                              a->members[order[i - 1]].told.objectives[o]) /
                                             range;
    }
}

// The crowded-comparison operator.
static bool before(const struct member *a, const struct member *b)
{
    return a->rank < b->rank || (a->rank == b->rank && a->crowding > b->crowding);
}

// The better half of parents and children become the parents.
static void select_parents(struct agent *a)
{
    int both = 2 * a->params.population;
    size_t n = (size_t)a->problem.n;
    sort_fronts(a, both);
    for (int i = 0, end; i < both; i = end) {
        int rank = a->members[a->order[i]].rank;
        for (end = i; end < both && a->members[a->order[end]].rank == rank;)
            end++;
        crowd(a, a->order + i, end - i);
    }
    for (int i = 1; i < both; i++) { // stable
        int moved = a->order[i], j = i;
        for (; j > 0 && before(&a->members[moved], &a->members[a->order[j - 1]]); j--)
            a->order[j] = a->order[j - 1];
        a->order[j] = moved;
    }
    for (int i = 0; i < both; i++) {
        a->sorted[i] = a->members[a->order[i]];
        memcpy(a->sorted_xs + (size_t)i * n, a->xs + (size_t)a->order[i] * n, n * sizeof *a->xs);
    }
    memcpy(a->members, a->sorted, (size_t)both * sizeof *a->members);
    memcpy(a->xs, a->sorted_xs, (size_t)both * n * sizeof *a->xs);
    for (int i = a->params.population; i < both; i++)
        a->members[i].told.failed = true;
}

static int tournament(const struct agent *a, struct search_rng *chance)
{
    int i = search_rng_below(chance, a->params.population);
    int j = search_rng_below(chance, a->params.population);
    return before(&a->members[j], &a->members[i]) ? j : i;
}

static double power(double base, double exponent)
{
    return base > 0 ? num_exp(num_log(base) * exponent) : 0;
}

// Simulated binary crossover within [0, 1] (Deb and Agrawal 1995, bounded as in the authors'
// code): the spread of one pair of decisions, as seen from the bound that is `room` away from the
// nearer parent.
static double spread(double u, double room, double apart, double index)
{
    double beta = 1 + 2 * room / apart, alpha = 2 - power(beta, -(index + 1));
    double base = u <= 1 / alpha ? u * alpha : 1 / (2 - u * alpha);
    return power(base, 1 / (index + 1));
}

// One of the two children of a pair; both are drawn from the same chances.
static void cross(const struct agent *a, struct search_rng *chance, const double *p,
                  const double *q, bool second, double *x)
{
    bool crossed = search_rng_uniform(chance) <= a->params.crossover;
    for (int i = 0; i < a->problem.n; i++) {
        double half = search_rng_uniform(chance), u = search_rng_uniform(chance);
        bool swap = search_rng_uniform(chance) < 0.5;
        double low = fmin(p[i], q[i]), high = fmax(p[i], q[i]), apart = high - low;
        x[i] = second ? q[i] : p[i];
        if (!crossed || half > 0.5 || apart < 1e-14)
            continue;
        double index = a->params.crossover_index;
        double left = (low + high - spread(u, low, apart, index) * apart) / 2;
        double right = (low + high + spread(u, 1 - high, apart, index) * apart) / 2;
        x[i] = fmin(fmax(second == swap ? left : right, 0), 1);
    }
}

// Polynomial mutation, bounded as in the authors' code.
static void mutate(const struct agent *a, struct search_rng *chance, double *x)
{
    double index = a->params.mutation_index;
    for (int i = 0; i < a->problem.n; i++) {
        if (search_rng_uniform(chance) > a->params.mutation)
            continue;
        double u = search_rng_uniform(chance), step;
        if (u < 0.5)
            step = power(2 * u + (1 - 2 * u) * power(1 - x[i], index + 1), 1 / (index + 1)) - 1;
        else
            step = 1 - power(2 * (1 - u) + (2 * u - 1) * power(x[i], index + 1), 1 / (index + 1));
        x[i] = fmin(fmax(x[i] + step, 0), 1);
    }
}

static void propose(struct agent *a, int episode, double *x)
{
    size_t n = (size_t)a->problem.n;
    struct search_rng own = search_rng_begin(a->seed, CHANCE_PROPOSAL, (uint32_t)episode);
    if (episode == 0 && a->start) {
        memcpy(x, a->start, n * sizeof *x);
    } else if (a->generation == 0) {
        for (size_t i = 0; i < n; i++)
            x[i] = search_rng_uniform(&own);
    } else {
        struct search_rng pair = search_rng_begin(a->seed, CHANCE_FIRST, (uint32_t)episode / 2);
        int p = tournament(a, &pair), q = tournament(a, &pair);
        cross(a, &pair, a->xs + (size_t)p * n, a->xs + (size_t)q * n, episode % 2, x);
        mutate(a, &own, x);
    }
    a->problem.snap(a->problem.context, x);
}

static void tell(struct agent *a, int episode, const struct told *told)
{
    size_t n = (size_t)a->problem.n, at = (size_t)a->params.population + a->told;
    if (!told_failed(told)) {
        a->members[at].told = *told;
        memcpy(a->xs + at * n, told->x, n * sizeof *a->xs);
    } else { // should it become a parent for want of others, it is a new one
        struct search_rng chance = search_rng_begin(a->seed, CHANCE_FIRST, ~(uint32_t)episode);
        for (size_t i = 0; i < n; i++)
            a->xs[at * n + i] = search_rng_uniform(&chance);
    }
    if (++a->told < a->params.population)
        return;
    select_parents(a);
    a->told = 0;
    a->generation++;
}

static void describe(const struct agent *a, char *text, size_t size)
{
    int first = 0;
    for (int i = 0; i < a->params.population && a->generation > 0; i++)
        first += a->members[i].rank == 0 && !a->members[i].told.failed;
    snprintf(text, size, "generation %d, %d on its front", a->generation, first);
}

const struct agent_kind agent_nsga2 = {.name = "nsga2",
                                       .starts = true,
                                       .fields = fields,
                                       .size = sizeof(struct params),
                                       .create = create,
                                       .destroy = destroy,
                                       .propose = propose,
                                       .tell = tell,
                                       .describe = describe};
