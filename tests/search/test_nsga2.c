// Does NSGA-II find whole fronts? Against analytic ones: ZDT1, and CONSTR with its constraints
// (both in Deb et al. 2002).
#include <stdlib.h>

#include "tests/close.h"
#include "tests/search/problems.h"
#include "tools/search/agents/pareto.h"

static double volume(const struct history *h, struct point limit)
{
    struct point *points = calloc((size_t)h->episodes, sizeof *points);
    size_t n = 0;
    for (int e = 0; e < h->episodes; e++) {
        const struct told *t = &h->tolds[e];
        if (!told_failed(t) && !(t->violation > 0))
            points[n++] = (struct point){t->objectives[0], t->objectives[1]};
    }
    double area = pareto_hypervolume(points, n, limit);
    free(points);
    return area;
}

static double volume_of(const char *agent, const struct test_problem *test, uint64_t seed,
                        int episodes, struct point limit)
{
    struct search s;
    search_begin(&s, agent, test, seed, episodes, 1);
    search_run(&s, episodes);
    double area = volume(&s.history, limit);
    search_end(&s);
    return area;
}

static void value_zdt1(const double *x, int n, struct told *told)
{
    double g = 1;
    for (int i = 1; i < n; i++)
        g += 9 * x[i] / (n - 1);
    told->objectives[0] = x[0];
    told->objectives[1] = g * (1 - sqrt(x[0] / g));
}

// The front is 1 - sqrt(x): 1/3 of the unit square lies below it. 25000 evaluations as in the
// paper.
static void zdt1(void **state)
{
    (void)state;
    const struct test_problem test = {.n = 30, .value = value_zdt1};
    double whole = 1.1 * 1.1 - 1.0 / 3;
    double area = volume_of("nsga2", &test, 1, 25000, (struct point){1.1, 1.1});
    assert_true(area < whole);
    assert_true(area > 0.98 * whole);
}

static void value_constr(const double *x, int n, struct told *told)
{
    (void)n;
    double a = 0.1 + 0.9 * x[0], b = 5 * x[1];
    told->objectives[0] = a;
    told->objectives[1] = (1 + b) / a;
    told->violation = fmax(0, 6 - b - 9 * a) + fmax(0, 1 + b - 9 * a);
}

// The front is (7 - 9 a) / a from 7/18 to 2/3, then 1 / a.
static void constr(void **state)
{
    (void)state;
    const struct test_problem test = {.n = 2, .value = value_constr};
    double whole = 9 * 11 / 18.0 - (7 * log(12.0 / 7) - 2.5 + log(1.5));
    double area = volume_of("nsga2", &test, 1, 4000, (struct point){1, 9});
    assert_true(area < whole);
    assert_true(area > 0.98 * whole);
}

// A third of all candidates fails, whatever they are worth.
static void value_failing(const double *x, int n, struct told *told)
{
    value_quadratic(x, n, told);
    told->failed = (int)(x[0] * 1e6 + x[n / 2] * 1e5) % 3 == 0;
}

// Error against cost of the 19 decisions, in the budget of a search. What can be reached is what
// 20000 episodes find.
static void expect_more_than_random(problem_value value)
{
    const struct test_problem test = {.n = 19, .value = value};
    struct point limit = {0.35, 1};
    double most = volume_of("nsga2", &test, 99, 20000, limit);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        double got = volume_of("nsga2", &test, seed, 600, limit);
        double chance = volume_of("random", &test, seed, 600, limit);
        print_message("# hyper-volume %.4f, at random %.4f, at most %.4f\n", got, chance, most);
        assert_true(most - got < 0.7 * (most - chance));
    }
}

static void more_than_random(void **state)
{
    (void)state;
    expect_more_than_random(value_quadratic);
    expect_more_than_random(value_failing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zdt1),
        cmocka_unit_test(constr),
        cmocka_unit_test(more_than_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
