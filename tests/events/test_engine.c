// Is the clock exact, and is a standstill noticed? And does SimGrid's network take the time that a
// link should: 32 bytes over 20 Gb/s and 1 ns are 13.8 ns.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "sim/events/engine.h"
#include "tests/close.h"

static const struct engine_mesh mesh = {4, 4, false, 20e9};

struct shared {
    int64_t times[16];
    int n;
    struct engine_task *sleeper;
    bool woken, gave_up;
};

static void wait_two_steps(void *arg)
{
    struct shared *s = arg;
    engine_wait(engine_ticks(1.5e-9));
    s->times[s->n++] = engine_now();
    engine_wait(engine_ticks(2.25e-9));
    s->times[s->n++] = engine_now();
}

static void wait_one_step(void *arg)
{
    struct shared *s = arg;
    engine_wait(engine_ticks(2e-9));
    s->times[s->n++] = engine_now();
}

static void runs_in_order_of_time(void **state)
{
    (void)state;
    for (int repeat = 0; repeat < 3; repeat++) {
        struct shared s = {0};
        struct err err = {0};
        engine_spawn(wait_two_steps, &s);
        engine_spawn(wait_one_step, &s);
        assert_true(engine_run(&err));
        assert_int_equal(s.n, 3);
        assert_int_equal(s.times[0], 3 << 23); // 1.5 ns in ticks of 2^-24 ns
        assert_int_equal(s.times[1], 2 << 24);
        assert_int_equal(s.times[2], 15 << 22);
    }
}

static void sleep_until_woken(void *arg)
{
    struct shared *s = arg;
    s->woken = engine_block(engine_self());
    s->times[s->n++] = engine_now();
}

static void wake_later(void *arg)
{
    struct shared *s = arg;
    engine_wait(engine_ticks(5e-9));
    engine_wake(s->sleeper);
    engine_wake(s->sleeper); // the second has no effect
}

static void wakes_who_is_blocked(void **state)
{
    (void)state;
    struct shared s = {0};
    struct err err = {0};
    s.sleeper = engine_spawn(sleep_until_woken, &s);
    engine_spawn(wake_later, &s);
    assert_true(engine_run(&err));
    assert_true(s.woken);
    assert_int_equal(s.times[0], engine_ticks(5e-9));
}

static void give_up(void *arg)
{
    struct shared *s = arg;
    s->gave_up = !engine_block(engine_self());
}

static void end_at_once(void *arg)
{
    (void)arg;
}

static void says_when_all_are_blocked(void **state)
{
    (void)state;
    struct shared a = {0}, b = {0};
    struct err err = {0};
    engine_spawn(give_up, &a);
    engine_spawn(give_up, &b);
    assert_false(engine_run(&err));
    assert_true(a.gave_up && b.gave_up);
    a.gave_up = false;
    err = (struct err){0};
    engine_spawn(give_up, &a); // the other one ends and leaves it blocked
    engine_spawn(end_at_once, NULL);
    assert_false(engine_run(&err));
    assert_true(a.gave_up);
    runs_in_order_of_time(NULL); // and the engine can be used again
}

static void move_32_bytes(void *arg)
{
    struct shared *s = arg;
    engine_wait(engine_ticks(1e-9)); // the link's latency
    engine_transfer(0, 0, 1, 0, 256);
    s->times[s->n++] = engine_now();
}

static void a_link_takes_13_8_ns(void **state)
{
    (void)state;
    struct shared s = {0};
    struct err err = {0};
    engine_spawn(move_32_bytes, &s);
    assert_true(engine_run(&err));
    assert_close(engine_seconds(s.times[0]), 13.8e-9, 1e-8);
    s = (struct shared){0};
    engine_spawn(move_32_bytes, &s); // two at once share it: 25.6 ns and the latency
    engine_spawn(move_32_bytes, &s);
    assert_true(engine_run(&err));
    assert_close(engine_seconds(s.times[0]), 26.6e-9, 1e-8);
    assert_close(engine_seconds(s.times[1]), 26.6e-9, 1e-8);
}

static void refuses_another_network(void **state)
{
    (void)state;
    struct err err = {0};
    struct engine_mesh larger = {8, 8, false, 20e9}, smaller = {2, 2, false, 20e9};
    assert_false(engine_start(&larger, &err));
    assert_true(err.text[0]);
    err = (struct err){0};
    assert_true(engine_start(&smaller, &err));
    assert_true(engine_start(NULL, &err));
}

static int start(void **state)
{
    (void)state;
    struct err err = {0};
    return engine_start(&mesh, &err) ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_in_order_of_time),     cmocka_unit_test(wakes_who_is_blocked),
        cmocka_unit_test(says_when_all_are_blocked), cmocka_unit_test(a_link_takes_13_8_ns),
        cmocka_unit_test(refuses_another_network),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
