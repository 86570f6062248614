// Threads that meet: everyone runs, nobody passes a meeting early.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "nets/train/team.h"
#include "base/err.h"

enum { MOST = 5, MEETINGS = 500 };

struct rounds {
    struct team *team;
    int workers;
    int at[MOST]; // meetings that each has come to, written before it
    int early;
};

static void go_round(void *context, int worker)
{
    struct rounds *r = context;
    int early = 0;
    for (int i = 1; i <= MEETINGS; i++) {
        r->at[worker] = i;
        team_wait(r->team);
        for (int w = 0; w < r->workers; w++)
            early += r->at[w] != i;
        team_wait(r->team);
    }
    if (worker == r->workers - 1)
        r->early = early;
}

static void test_meetings(void **state)
{
    (void)state;
    for (int workers = 1; workers <= MOST; workers++) {
        struct err err = {0};
        struct rounds r = {.workers = workers};
        assert_true(team_create(workers, &r.team, &err));
        for (int run = 0; run < 3; run++) {
            r.early = -1;
            team_run(r.team, go_round, &r);
            assert_int_equal(r.early, 0);
        }
        team_destroy(r.team);
    }
    team_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_meetings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
