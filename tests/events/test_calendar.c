// Do reservations keep their order, fill gaps and blame the right one?
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/events/calendar.h"

static void waits_behind_what_is_there(void **state)
{
    (void)state;
    struct calendar c = {0};
    assert_int_equal(calendar_take(&c, 0, 10, 5, 1), 10);
    assert_int_equal(calendar_take(&c, 0, 12, 5, 2), 15);
    assert_int_equal(c.wait, 3);
    assert_int_equal(c.busy, 10);
    assert_int_equal(c.uses, 2);
    const struct blame *worst = calendar_worst(&c);
    assert_non_null(worst);
    assert_int_equal(worst->blocker, 1);
    assert_int_equal(worst->blocked, 2);
    assert_int_equal(worst->ticks, 3);
    calendar_fini(&c);
}

static void fills_a_gap_that_is_long_enough(void **state)
{
    (void)state;
    struct calendar c = {0};
    calendar_take(&c, 0, 0, 10, 1);
    calendar_take(&c, 0, 20, 10, 1);
    assert_int_equal(calendar_take(&c, 0, 5, 10, 2), 10); // exactly fits [10, 20)
    assert_int_equal(calendar_take(&c, 0, 5, 1, 3), 30);  // no room before 30 now
    calendar_fini(&c);
    c = (struct calendar){0};
    calendar_take(&c, 0, 0, 10, 1);
    calendar_take(&c, 0, 20, 10, 1);
    assert_int_equal(calendar_take(&c, 0, 0, 11, 2), 30); // one tick too long for the gap
    assert_int_equal(calendar_take(&c, 0, 0, 4, 3), 10);
    calendar_fini(&c);
}

static void a_later_booking_does_not_block_an_earlier_one(void **state)
{
    (void)state;
    struct calendar c = {0};
    assert_int_equal(calendar_take(&c, 0, 1000, 50, 1), 1000);
    assert_int_equal(calendar_take(&c, 0, 0, 50, 2), 0);
    assert_int_equal(c.wait, 0);
    assert_null(calendar_worst(&c));
    calendar_fini(&c);
}

static void queues_of_one_owner_stay_small(void **state)
{
    (void)state;
    struct calendar c = {0};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(calendar_take(&c, 0, 0, 7, 1), 7 * i);
    assert_int_equal(c.n - c.first, 1);
    calendar_fini(&c);
}

// Against the obvious: a busy map of ticks.
static void agrees_with_a_map_of_ticks(void **state)
{
    (void)state;
    enum { TICKS = 4000 };
    static unsigned char busy[TICKS];
    struct calendar c = {0};
    uint32_t x = 12345;
    for (int i = 0; i < 300; i++) {
        x = x * 1664525 + 1013904223;
        int64_t now = i * 5, earliest = now + (x >> 24) % 60, length = 1 + (x >> 16) % 9;
        int64_t want = earliest;
        for (int64_t t = want; t < want + length; t++)
            if (busy[t])
                want = t + 1;
        for (int64_t t = want; t < want + length; t++)
            busy[t] = 1;
        assert_int_equal(calendar_take(&c, now, earliest, length, (int)(x % 3)), want);
    }
    calendar_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_behind_what_is_there),
        cmocka_unit_test(fills_a_gap_that_is_long_enough),
        cmocka_unit_test(a_later_booking_does_not_block_an_earlier_one),
        cmocka_unit_test(queues_of_one_owner_stay_small),
        cmocka_unit_test(agrees_with_a_map_of_ticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
