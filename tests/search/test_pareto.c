// Fronts and hyper-volumes against brute force on points of small integers.
#include "base/rng.h"
#include "tests/close.h"
#include "tools/search/agents/pareto.h"

enum { MOST = 30, LIMIT = 12 };

static size_t draw_points(struct point *points, uint64_t seed)
{
    size_t n = (size_t)(rng_u64(seed, RNG_SYNTH, 0) % MOST) + 1;
    for (size_t i = 0; i < n; i++) // some beyond the limit
        points[i] = (struct point){(double)(rng_u64(seed, RNG_SYNTH, 2 * i + 1) % 15),
                                   (double)(rng_u64(seed, RNG_SYNTH, 2 * i + 2) % 15)};
    return n;
}

static int dominates(struct point a, struct point b)
{
    return a.x <= b.x && a.y <= b.y && (a.x < b.x || a.y < b.y);
}

static void fronts(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct point points[MOST];
        size_t front[MOST], n = draw_points(points, seed), want = 0, at;
        size_t m = pareto_front(points, n, front);
        for (size_t i = 0; i < n; i++) {
            int free = 1;
            for (size_t j = 0; j < n; j++) {
                int same = points[j].x == points[i].x && points[j].y == points[i].y;
                free &= !dominates(points[j], points[i]) && !(same && j < i);
            }
            want += (size_t)free;
            for (at = 0; at < m && front[at] != i;)
                at++;
            assert_int_equal(at < m, free);
        }
        assert_int_equal(m, want);
        for (size_t i = 1; i < m; i++)
            assert_true(points[front[i - 1]].x < points[front[i]].x);
    }
}

static void volumes(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct point points[MOST];
        size_t n = draw_points(points, seed);
        int cells = 0; // unit squares that some point dominates
        for (int x = 0; x < LIMIT; x++)
            for (int y = 0; y < LIMIT; y++) {
                int in = 0;
                for (size_t i = 0; i < n; i++)
                    in |= points[i].x <= x && points[i].y <= y;
                cells += in;
            }
        double got = pareto_hypervolume(points, n, (struct point){LIMIT, LIMIT});
        assert_true(got == (double)cells);
    }
}

static void nothing_dominates_nothing(void **state)
{
    (void)state;
    assert_true(pareto_hypervolume(NULL, 0, (struct point){1, 1}) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fronts),
        cmocka_unit_test(volumes),
        cmocka_unit_test(nothing_dominates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
