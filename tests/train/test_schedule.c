// Is the rate of a step what the formula says?
#include "tests/close.h"

#include "nets/train/schedule.h"

static double share(const struct schedule *s, uint64_t step)
{
    return schedule_share(s, step, 100, 10);
}

static void falls_in_steps(void **state)
{
    (void)state;
    int at[] = {2, 5};
    struct schedule s = {.kind = SCHEDULE_STEP, .at = {2, at}, .factor = 0.1};
    assert_close(share(&s, 0), 1, 0);
    assert_close(share(&s, 19), 1, 0);
    assert_close(share(&s, 20), 0.1, 1e-12);
    assert_close(share(&s, 49), 0.1, 1e-12);
    assert_close(share(&s, 50), 0.01, 1e-12);
    assert_close(share(&s, 99), 0.01, 1e-12);
}

// cos 60 degrees is a half, cos 90 is 0.
static void falls_along_a_cosine(void **state)
{
    (void)state;
    struct schedule s = {.kind = SCHEDULE_COSINE};
    assert_close(share(&s, 0), 1, 0);
    assert_close(share(&s, 50), 0.5, 1e-12);
    assert_close(schedule_share(&s, 100, 300, 10), 0.75, 1e-12);
    assert_true(share(&s, 99) > 0 && share(&s, 99) < 0.001);
    s.end = 0.2;
    assert_close(share(&s, 50), 0.6, 1e-12);
}

static void falls_evenly(void **state)
{
    (void)state;
    struct schedule s = {.kind = SCHEDULE_LINEAR};
    assert_close(share(&s, 25), 0.75, 1e-12);
    assert_close(share(&s, 99), 0.01, 1e-12);
    s.end = 0.5;
    assert_close(share(&s, 50), 0.75, 1e-12);
}

static void warms_up_step_by_step(void **state)
{
    (void)state;
    struct schedule s = {.kind = SCHEDULE_CONSTANT, .warm_up = 0.5}; // 5 steps
    for (uint64_t step = 0; step < 5; step++)
        assert_close(share(&s, step), 0.2 * (double)(step + 1), 1e-12);
    assert_close(share(&s, 5), 1, 0);
    s.kind = SCHEDULE_LINEAR; // 96 more steps from the one at the full rate to none
    assert_close(share(&s, 4), 1, 0);
    assert_close(share(&s, 52), 0.5, 1e-12);
    s.warm_up = 20; // longer than all
    assert_close(share(&s, 99), 0.5, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(falls_in_steps),
        cmocka_unit_test(falls_along_a_cosine),
        cmocka_unit_test(falls_evenly),
        cmocka_unit_test(warms_up_step_by_step),
    };
    return cmocka_run_group_tests_name("schedules", tests, NULL, NULL);
}
