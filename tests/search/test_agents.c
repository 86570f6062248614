// Do the agents keep their contract, all of them?
#include <string.h>

#include "tests/close.h"
#include "tests/search/problems.h"

enum { LAYERS = 19 };

static const struct test_problem quadratic = {.n = LAYERS, .value = value_quadratic};
static const struct test_problem coarse = {.n = LAYERS, .grid = 10, .value = value_staircase};

static void in_the_box(const struct history *h)
{
    for (int i = 0; i < h->episodes * h->n; i++)
        assert_true(h->xs[i] >= 0 && h->xs[i] <= 1);
}

// A second agent is told what the first one was told, without asking, and asks for a round
// backwards and twice; then it goes on alone.
static void told_again_is_going_on(void **state)
{
    (void)state;
    enum { WHOLE = 40, PART = 28, ROUND = 4 }; // beyond the warm-up of both
    for (const struct agent_kind *const *k = agent_kinds(); *k; k++) {
        struct search first, again;
        search_begin(&first, (*k)->name, &coarse, 3, WHOLE, ROUND);
        search_begin(&again, (*k)->name, &coarse, 3, WHOLE, ROUND);
        search_run(&first, WHOLE);
        for (int e = 0; e < PART; e++)
            (*k)->tell(again.agent, e, &first.history.tolds[e]);
        for (int i = 0; i < 2 * ROUND; i++) {
            double x[LAYERS];
            int e = PART + (2 * ROUND - 1 - i) % ROUND;
            (*k)->propose(again.agent, e, x);
            assert_memory_equal(x, first.history.xs + e * LAYERS, sizeof x);
        }
        again.history.episodes = PART;
        search_run(&again, WHOLE);
        size_t at = PART * LAYERS, n = (WHOLE - PART) * LAYERS;
        assert_memory_equal(again.history.xs + at, first.history.xs + at, n * sizeof(double));
        in_the_box(&first.history);
        search_end(&first);
        search_end(&again);
    }
}

static void seeds_differ(void **state)
{
    (void)state;
    enum { EPISODES = 24 };
    for (const struct agent_kind *const *k = agent_kinds(); *k; k++) {
        struct search a, b;
        search_begin(&a, (*k)->name, &quadratic, 1, EPISODES, 1);
        search_begin(&b, (*k)->name, &quadratic, 2, EPISODES, 1);
        search_run(&a, EPISODES);
        search_run(&b, EPISODES);
        int same = !memcmp(a.history.xs, b.history.xs, EPISODES * LAYERS * sizeof(double));
        // Greedy draws nothing unless a round has room left.
        assert_int_equal(same, !strcmp((*k)->name, "greedy"));
        search_end(&a);
        search_end(&b);
    }
}

static void value_hopeless(const double *x, int n, struct told *told)
{
    (void)x;
    (void)n;
    told->failed = true;
}

static void everything_may_fail(void **state)
{
    (void)state;
    const struct test_problem test = {.n = LAYERS, .value = value_hopeless};
    for (const struct agent_kind *const *k = agent_kinds(); *k; k++) {
        struct search s;
        search_begin(&s, (*k)->name, &test, 1, 100, 8);
        search_run(&s, 100);
        in_the_box(&s.history);
        if ((*k)->describe) {
            char text[80];
            (*k)->describe(s.agent, text, sizeof text);
            assert_true(strlen(text) > 0);
        }
        search_end(&s);
    }
}

// One decision, many, a few episodes, rounds longer than the search.
static void odd_sizes(void **state)
{
    (void)state;
    static const int sizes[] = {1, 2, PROBLEM_MOST};
    for (const struct agent_kind *const *k = agent_kinds(); *k; k++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            const struct test_problem test = {.n = sizes[i], .grid = 3, .value = value_quadratic};
            struct search s;
            search_begin(&s, (*k)->name, &test, 1, 30, i == 0 ? 64 : 7);
            search_run(&s, 30);
            in_the_box(&s.history);
            search_end(&s);
        }
}

static void the_start_comes_first(void **state)
{
    (void)state;
    double start[LAYERS];
    for (int i = 0; i < LAYERS; i++)
        start[i] = 0.3;
    const struct test_problem test = {.n = LAYERS, .value = value_quadratic, .start = start};
    static const char *const names[] = {"evolution", "nsga2"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct search s;
        search_begin(&s, names[i], &test, 1, 10, 1);
        search_run(&s, 1);
        assert_memory_equal(s.history.xs, start, sizeof start);
        search_end(&s);
    }
}

static void told_are_compared(void **state)
{
    (void)state;
    const struct told good = {.reward = 2}, bad = {.reward = 1}, lost = {.failed = true};
    const struct told over = {.reward = 9, .violation = 1}, more = {.reward = 10, .violation = 2};
    const struct told wrong = {.reward = (double)NAN};
    assert_true(told_better(&good, &bad) && !told_better(&bad, &good));
    assert_true(told_better(&bad, &over) && !told_better(&over, &bad));
    assert_true(told_better(&over, &more) && !told_better(&more, &over));
    assert_true(told_better(&more, &lost) && !told_better(&lost, &more));
    assert_true(told_failed(&wrong) && !told_better(&wrong, &bad) && !told_better(&lost, &wrong));
    assert_null(agent_kind("annealing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_are_compared), cmocka_unit_test(told_again_is_going_on),
        cmocka_unit_test(seeds_differ),      cmocka_unit_test(everything_may_fail),
        cmocka_unit_test(odd_sizes),         cmocka_unit_test(the_start_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
