// Seconds of a search whose candidates cost nothing: what the agents themselves take. Asserts
// nothing: a machine is as fast as it is.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/search/problems.h"

enum { EPISODES = 600 };

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(void)
{
    const struct test_problem test = {.n = 19, .value = value_staircase};
    printf("%d episodes of 19 decisions, processor time:\n", EPISODES);
    for (const struct agent_kind *const *k = agent_kinds(); *k; k++) {
        double begin = cpu_s();
        double best = search_best((*k)->name, &test, 1, EPISODES, 1);
        printf("%-10s %8.2f s   best reward %.5f\n", (*k)->name, cpu_s() - begin, best);
        fflush(stdout);
    }
    return 0;
}
