#include <math.h>
#include <string.h>

#include "tools/search/agents/kinds.h"

const struct agent_kind *const *agent_kinds(void)
{
    static const struct agent_kind *const kinds[] = {
        &agent_ddpg,  &agent_ddpg_haq, &agent_random, &agent_evolution,
        &agent_nsga2, &agent_cmaes,    &agent_greedy, NULL};
    return kinds;
}

const struct agent_kind *agent_kind(const char *name)
{
    for (const struct agent_kind *const *k = agent_kinds(); *k; k++)
        if (!strcmp((*k)->name, name))
            return *k;
    return NULL;
}

bool told_failed(const struct told *t)
{
    if (t->failed || !isfinite(t->reward) || !isfinite(t->violation))
        return true;
    for (int i = 0; i < AGENT_OBJECTIVES; i++)
        if (!isfinite(t->objectives[i]))
            return true;
    return false;
}

bool told_better(const struct told *a, const struct told *b)
{
    if (told_failed(a) || told_failed(b))
        return !told_failed(a);
    if (a->violation > 0 || b->violation > 0)
        return a->violation < b->violation;
    return a->reward > b->reward;
}
