// The floor that every agent must beat: uniform and independent (Li and Talwalkar, UAI 2019).
#include <stdlib.h>

#include "base/mem.h"
#include "tools/search/agents/search_rng.h"
#include "tools/search/agents/kinds.h"

struct agent {
    struct problem problem;
    uint64_t seed;
};

static struct agent *create(const struct problem *problem, const void *params, uint64_t seed)
{
    (void)params;
    struct agent *a = mem_alloc(1, sizeof *a);
    *a = (struct agent){*problem, seed};
    return a;
}

static void destroy(struct agent *a)
{
    free(a);
}

static void propose(struct agent *a, int episode, double *x)
{
    struct search_rng chance = search_rng_begin(a->seed, CHANCE_PROPOSAL, (uint32_t)episode);
    for (int i = 0; i < a->problem.n; i++)
        x[i] = search_rng_uniform(&chance);
    a->problem.snap(a->problem.context, x);
}

static void tell(struct agent *a, int episode, const struct told *told)
{
    (void)a;
    (void)episode;
    (void)told;
}

const struct agent_kind agent_random = {
    .name = "random", .create = create, .destroy = destroy, .propose = propose, .tell = tell};
