// CMA-ES with rank-one and rank-mu updates and cumulative step-size control (Hansen, The CMA
// Evolution Strategy: A Tutorial, arXiv 1604.00772; equation numbers are its). The box is folded:
// the search space is unbounded and mirrored at 0 and 1, so ranks need no penalty. A generation is
// a whole number of rounds; when it has converged the next one starts elsewhere, twice as large
// (IPOP, Auger and Hansen 2005).
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/portable_math.h"
#include "tools/search/agents/search_rng.h"
#include "tools/search/agents/eigen.h"
#include "tools/search/agents/kinds.h"

struct params {
    int population;
    double sigma, tolerance;
};

#define AT(member) .offset = offsetof(struct params, member)
static const struct conf_field fields[] = {
    {"population", CONF_INT, AT(population), .min = 4, .max = 10000, .word = "auto",
     .fallback = "auto",
     .help = "of a generation; auto: 4 + 3 ln n; made a multiple of the candidates of a round"},
    {"sigma", CONF_NUM, AT(sigma), .min = 1e-3, .max = 1, .fallback = "0.3",
     .help = "first deviation of a decision (the tutorial: 0.3 of the range)"},
    {"tolerance", CONF_NUM, AT(tolerance), .min = 1e-12, .max = 0.1, .fallback = "1e-6",
     .help = "deviation of all decisions below which the search starts elsewhere"},
    {0},
};
#undef AT

// Table 1 of the tutorial, with positive weights only.
struct strategy {
    int lambda, mu;
    double mu_eff, c_c, c_sigma, c_1, c_mu, damping, chi;
};

struct agent {
    struct arena *mem;
    struct problem problem;
    struct params params;
    uint64_t seed;
    struct strategy s;
    double *weights; // of the mu best
    double *mean, *path_c, *path_sigma;
    double *c, *basis, *scale; // covariance, its eigenvectors and the roots of its eigenvalues
    double sigma;
    int generation;     // since the last start
    int told, restarts; // told: of this generation
    int begin;          // its first episode
    struct told *tolds; // its candidates, without their x
    int *order;
    double *work; // (n, n)
    double *z, *y, *y_w, *z_w;
};

static struct strategy plan(int n, int lambda, double *weights)
{
    struct strategy s = {.lambda = lambda, .mu = lambda / 2};
    double sum = 0, squares = 0, d = n;
    for (int i = 0; i < s.mu; i++) { // Eqs. 49 to 53
        weights[i] = num_log((lambda + 1) / 2.0) - num_log(i + 1.0);
        sum += weights[i];
        squares += weights[i] * weights[i];
    }
    for (int i = 0; i < s.mu; i++)
        weights[i] /= sum;
    double m = s.mu_eff = sum * sum / squares;
    s.c_c = (4 + m / d) / (d + 4 + 2 * m / d);
    s.c_sigma = (m + 2) / (d + m + 5);
    s.c_1 = 2 / ((d + 1.3) * (d + 1.3) + m);
    s.c_mu = fmin(1 - s.c_1, 2 * (m - 2 + 1 / m) / ((d + 2) * (d + 2) + m));
    s.damping = 1 + 2 * fmax(0, sqrt((m - 1) / (d + 1)) - 1) + s.c_sigma;
    s.chi = sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d));
    return s;
}

static void restart(struct agent *a, int lambda)
{
    int n = a->problem.n;
    a->s = plan(n, lambda, a->weights);
    a->sigma = a->params.sigma;
    a->generation = 0;
    for (int i = 0; i < n; i++) {
        a->path_c[i] = a->path_sigma[i] = 0;
        a->scale[i] = 1;
        for (int j = 0; j < n; j++)
            a->c[i * n + j] = a->basis[i * n + j] = i == j;
    }
}

static int first_population(const struct problem *problem, int wanted)
{
    int lambda = wanted > 0 ? wanted : 4 + (int)(3 * num_log(problem->n));
    return (lambda + problem->round - 1) / problem->round * problem->round;
}

static struct agent *create(const struct problem *problem, const void *params, uint64_t seed)
{
    struct arena *mem = arena_create();
    struct agent *a = arena_alloc(mem, 1, sizeof *a);
    *a = (struct agent){.mem = mem, .problem = *problem, .seed = seed};
    a->params = *(const struct params *)params;
    size_t n = (size_t)problem->n;
    int lambda = first_population(problem, a->params.population);
    // Generations grow no further than what is left to do.
    size_t most = (size_t)lambda + (size_t)problem->episodes;
    double **vectors[] = {&a->mean, &a->path_c, &a->path_sigma, &a->scale,
                          &a->z,    &a->y,      &a->y_w,        &a->z_w};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        *vectors[i] = arena_alloc(mem, n, sizeof(double));
    double **matrices[] = {&a->c, &a->basis, &a->work};
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        *matrices[i] = arena_alloc(mem, n * n, sizeof(double));
    a->weights = arena_alloc(mem, most, sizeof *a->weights);
    a->tolds = arena_alloc(mem, most, sizeof *a->tolds);
    a->order = arena_alloc(mem, most, sizeof *a->order);
    for (size_t i = 0; i < n; i++)
        a->mean[i] = problem->start ? problem->start[i] : 0.5;
    restart(a, lambda);
    return a;
}

static void destroy(struct agent *a)
{
    if (a)
        arena_destroy(a->mem);
}

// z ~ N(0, I) of an episode and y = B D z.
static void sample(const struct agent *a, int episode, double *z, double *y)
{
    int n = a->problem.n;
    struct search_rng chance = search_rng_begin(a->seed, CHANCE_PROPOSAL, (uint32_t)episode);
    for (int i = 0; i < n; i++) {
        z[i] = search_rng_normal(&chance);
        y[i] = 0;
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            y[i] += a->basis[i * n + j] * a->scale[j] * z[j];
}

// The mirrored box: 1.2 is 0.8, -0.3 is 0.3, 2.1 is 0.1.
static double fold(double v)
{
    double rest = fabs(v) - 2 * floor(fabs(v) / 2);
    return rest > 1 ? 2 - rest : rest;
}

static void propose(struct agent *a, int episode, double *x)
{
    sample(a, episode, a->z, a->y);
    for (int i = 0; i < a->problem.n; i++)
        x[i] = fold(a->mean[i] + a->sigma * a->y[i]);
    a->problem.snap(a->problem.context, x);
}

// The indices of the generation, best first; ties in the order of episodes.
static void rank(struct agent *a)
{
    for (int i = 0; i < a->s.lambda; i++) {
        int j = i;
        for (; j > 0 && told_better(&a->tolds[i], &a->tolds[a->order[j - 1]]); j--)
            a->order[j] = a->order[j - 1];
        a->order[j] = i;
    }
}

// The sums over the mu best of weights times y and z; the rank-mu matrix goes to work.
static void recombine(struct agent *a)
{
    int n = a->problem.n;
    memset(a->work, 0, sizeof(double) * (size_t)n * n);
    memset(a->y_w, 0, sizeof(double) * (size_t)n);
    memset(a->z_w, 0, sizeof(double) * (size_t)n);
    for (int k = 0; k < a->s.mu; k++) {
        double w = a->weights[k];
        sample(a, a->begin + a->order[k], a->z, a->y);
        for (int i = 0; i < n; i++) {
            a->y_w[i] += w * a->y[i];
            a->z_w[i] += w * a->z[i];
            for (int j = 0; j < n; j++)
                a->work[i * n + j] += w * a->y[i] * a->y[j];
        }
    }
}

// Eqs. 43 to 47.
static void adapt(struct agent *a)
{
    const struct strategy *s = &a->s;
    int n = a->problem.n;
    double length = 0, keep_sigma = sqrt(s->c_sigma * (2 - s->c_sigma) * s->mu_eff);
    for (int i = 0; i < n; i++) { // C^(-1/2) y_w = B z_w
        double turned = 0;
        for (int j = 0; j < n; j++)
            turned += a->basis[i * n + j] * a->z_w[j];
        a->path_sigma[i] = (1 - s->c_sigma) * a->path_sigma[i] + keep_sigma * turned;
        length += a->path_sigma[i] * a->path_sigma[i];
    }
    length = sqrt(length);
    double begun = 1 - num_exp(2 * (a->generation + 1) * num_log(1 - s->c_sigma));
    bool steady = length / sqrt(begun) < (1.4 + 2 / (n + 1.0)) * s->chi;
    double keep_c = steady ? sqrt(s->c_c * (2 - s->c_c) * s->mu_eff) : 0;
    double forget = 1 - s->c_1 - s->c_mu + (steady ? 0 : s->c_1 * s->c_c * (2 - s->c_c));
    for (int i = 0; i < n; i++) {
        a->mean[i] += a->sigma * a->y_w[i];
        a->path_c[i] = (1 - s->c_c) * a->path_c[i] + keep_c * a->y_w[i];
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            a->c[i * n + j] = forget * a->c[i * n + j] + s->c_1 * a->path_c[i] * a->path_c[j] +
                              s->c_mu * a->work[i * n + j];
    a->sigma *= num_exp(fmin(1, s->c_sigma / s->damping * (length / s->chi - 1)));
}

// Eigenvectors of the covariance; false if it has degenerated.
static bool decompose(struct agent *a)
{
    int n = a->problem.n;
    memcpy(a->work, a->c, sizeof(double) * (size_t)n * n);
    eigen_symmetric(a->work, n, a->scale, a->basis);
    double least = a->scale[0], most = least;
    for (int i = 0; i < n; i++) {
        least = fmin(least, a->scale[i]);
        most = fmax(most, a->scale[i]);
        a->scale[i] = sqrt(fmax(a->scale[i], 0));
    }
    return least > most * 1e-14;
}

static bool converged(const struct agent *a)
{
    double widest = 0;
    for (int i = 0; i < a->problem.n; i++)
        widest = fmax(widest, sqrt(a->c[i * a->problem.n + i]));
    return a->sigma * widest < a->params.tolerance;
}

static void elsewhere(struct agent *a, int episode)
{
    struct search_rng chance = search_rng_begin(a->seed, CHANCE_FIRST, (uint32_t)episode);
    for (int i = 0; i < a->problem.n; i++)
        a->mean[i] = search_rng_uniform(&chance);
    int left = a->problem.episodes - episode;
    restart(a, 2 * a->s.lambda <= left ? 2 * a->s.lambda : a->s.lambda);
    a->restarts++;
}

static void tell(struct agent *a, int episode, const struct told *told)
{
    a->tolds[a->told] = *told;
    a->tolds[a->told].x = NULL;
    a->tolds[a->told].failed = told_failed(told);
    if (++a->told < a->s.lambda)
        return;
    rank(a);
    const struct told *best = &a->tolds[a->order[0]];
    // On a plateau (appendix B.3): wider, or coarse grids would end the search.
    bool flat = !told_better(best, &a->tolds[a->order[(7 * a->s.lambda - 1) / 10]]);
    if (!best->failed) {
        recombine(a);
        adapt(a);
        if (flat)
            a->sigma *= num_exp(0.2 + a->s.c_sigma / a->s.damping);
        a->sigma = fmin(a->sigma, 1); // wider than the box means nothing
    }
    a->generation++;
    a->told = 0;
    a->begin = episode + 1;
    if (!decompose(a) || converged(a))
        elsewhere(a, episode + 1);
}

static void describe(const struct agent *a, char *text, size_t size)
{
    snprintf(text, size, "generation %d of start %d, sigma %.3g", a->generation, a->restarts,
             a->sigma);
}

const struct agent_kind agent_cmaes = {.name = "cmaes",
                                       .starts = true,
                                       .fields = fields,
                                       .size = sizeof(struct params),
                                       .create = create,
                                       .destroy = destroy,
                                       .propose = propose,
                                       .tell = tell,
                                       .describe = describe};
