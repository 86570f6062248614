// All agents: one file each, and a line here and in agents.c.
#pragma once
#include "tools/search/agents/agent.h"

extern const struct agent_kind agent_ddpg, agent_ddpg_haq, agent_random, agent_evolution,
    agent_nsga2, agent_cmaes, agent_greedy;
