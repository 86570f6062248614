// Overlay, --set and take.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/conf/conf.h"
#include "tests/conf/support.h"

static void maps_merge_and_the_rest_replaces(void **state)
{
    (void)state;
    struct conf *base = parse_good("name: base\n"
                                   "adc: {bits: 8, time: 1 ns}\n"
                                   "list: [1, 2, 3]\n"
                                   "dac: {bits: 1}\n"
                                   "kind: mesh\n");
    static const char text[] = "list: [9]\n"
                               "kind: {a: 1}\n"
                               "dac: none\n"
                               "new: {x: {y: 2}}\n"
                               "adc:\n"
                               "  bits: 6\n";
    struct conf *over = conf_parse("over.yaml", text, sizeof text - 1, NULL);
    assert_non_null(over);
    conf_overlay(base, over);
    conf_close(over); // base keeps nothing of it
    assert_prints(base->root, "name: base\n"
                              "adc:\n"
                              "  bits: 6\n"
                              "  time: 1 ns\n"
                              "list: [9]\n"
                              "dac: none\n"
                              "kind:\n"
                              "  a: 1\n"
                              "new:\n"
                              "  x:\n"
                              "    y: 2\n");
    struct err err = {0};
    conf_fail(conf_find(base->root, "adc.bits"), &err, "x");
    assert_string_equal(err.text, "over.yaml:6:9: adc.bits: x");
    err.text[0] = 0;
    conf_fail(conf_find(base->root, "adc"), &err, "x");
    assert_string_equal(err.text, "over.yaml:6:3: adc: x");
    err.text[0] = 0;
    conf_fail(conf_find(base->root, "adc.time"), &err, "x");
    assert_string_equal(err.text, "t.yaml:2:22: adc.time: x");
    err.text[0] = 0;
    conf_fail(conf_find(base->root, "new.x.y"), &err, "x");
    assert_string_equal(err.text, "over.yaml:4:14: new.x.y: x");
    err.text[0] = 0;
    conf_fail(conf_find(base->root, "kind.a"), &err, "x");
    assert_string_equal(err.text, "over.yaml:2:11: kind.a: x");
    conf_close(base);
}

static void set_puts_values(void **state)
{
    (void)state;
    static const struct {
        const char *path, *value, *want;
    } cases[] = {
        {"a.b", "3", "a:\n  b: 3\nl:\n  - c: 2\n  - 7\n"},
        {"a", "[1, 2]", "a: [1, 2]\nl:\n  - c: 2\n  - 7\n"},
        {"a", "{x: 1}", "a:\n  x: 1\nl:\n  - c: 2\n  - 7\n"},
        {"l.0.c", "4 mW", "a:\n  b: 1\nl:\n  - c: 4 mW\n  - 7\n"},
        {"l.1", "8", "a:\n  b: 1\nl:\n  - c: 2\n  - 8\n"},
        {"l.0.d.e", "\"\"", "a:\n  b: 1\nl:\n  - c: 2\n    d:\n      e: \"\"\n  - 7\n"},
        {"x.y.z", "a, b", "a:\n  b: 1\nl:\n  - c: 2\n  - 7\nx:\n  y:\n    z: \"a, b\"\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct conf *conf = parse_good("a: {b: 1}\nl: [{c: 2}, 7]\n");
        if (!conf_set(conf, cases[i].path, cases[i].value, &err))
            fail_msg("%s", err.text);
        assert_prints(conf->root, cases[i].want);
        conf_close(conf);
    }
}

static void bad_sets_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *path, *value, *want;
    } cases[] = {
        {"", "3", "--set : a part of the path is empty; write it like a.b.c"},
        {"a..b", "3", "--set a..b: a part of the path is empty; write it like a.b.c"},
        {".a", "3", "--set .a: a part of the path is empty; write it like a.b.c"},
        {"a.", "3", "--set a.: a part of the path is empty; write it like a.b.c"},
        {"a.b.c", "3", "--set a.b.c: 'c' cannot be found in the value '1'; only maps have keys"},
        {"l.2", "3", "--set l.2: the list has no item '2'; its items are 0..1"},
        {"l.x.y", "3", "--set l.x.y: the list has no item 'x'; its items are 0..1"},
        {"e.0", "3", "--set e.0: the list before '0' is empty; set the list itself"},
        {"a.b", "", "--set a.b: '' is empty; write '\"\"' for an empty string"},
        {"a.b", "# note", "--set a.b: '# note' is empty; write '\"\"' for an empty string"},
        {"a.b", "x: y",
         "--set a.b: 'x: y' is not a single value; put it in quotes, or in [...] or {...}"},
        {"a.b", "[1",
         "--set a.b: '[1' is not valid YAML: while parsing a flow sequence, did not find "
         "expected ',' or ']'"},
        {"a.b", "{x: 1, x: 2}", "--set a.b: '{x: 1, x: 2}' has the duplicate key 'x'; keep one"},
        {"a.b", "*x",
         "--set a.b: '*x' the alias '*x' is not allowed; write out the value wherever it "
         "is needed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct conf *conf = parse_good("a: {b: 1}\nl: [2, 7]\ne: []\n");
        if (conf_set(conf, cases[i].path, cases[i].value, &err))
            fail_msg("--set %s=%s passed", cases[i].path, cases[i].value);
        assert_string_equal(err.text, cases[i].want);
        assert_prints(conf->root, "a:\n  b: 1\nl: [2, 7]\ne: []\n");
        conf_close(conf);
    }
}

static void set_is_bounded_in_depth(void **state)
{
    (void)state;
    struct err err = {0};
    struct conf *conf = parse_good("a: 1\n");
    char path[] = "b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b";
    assert_true(conf_set(conf, path, "1", &err)); // 32 levels
    assert_false(conf_set(conf, path, "[1]", &err));
    assert_string_equal(err.text, "--set: more than 32 levels deep; shorten the path");
    conf_close(conf);
}

static void set_values_are_blamed_without_line(void **state)
{
    (void)state;
    struct err err = {0};
    struct conf *conf = parse_good("a: {b: 1}\n");
    assert_true(conf_set(conf, "a.b", "x", &err));
    assert_true(conf_set(conf, "c", "{d: [5]}", &err));
    conf_fail(conf_find(conf->root, "a.b"), &err, "is bad");
    assert_string_equal(err.text, "--set a.b: is bad");
    err.text[0] = 0;
    conf_fail(conf_find(conf->root, "c.d.0"), &err, "is bad");
    assert_string_equal(err.text, "--set c: c.d.0: is bad");
    conf_close(conf);
}

static void take_takes_scalars(void **state)
{
    (void)state;
    struct conf *conf = parse_good("a: 1\nextends: base\nb: [2]\n");
    assert_string_equal(conf_take(conf, "extends")->text, "base");
    assert_null(conf_take(conf, "extends"));
    assert_null(conf_take(conf, "b"));
    assert_prints(conf->root, "a: 1\nb: [2]\n");
    conf_close(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_merge_and_the_rest_replaces),
        cmocka_unit_test(set_puts_values),
        cmocka_unit_test(bad_sets_are_told),
        cmocka_unit_test(set_is_bounded_in_depth),
        cmocka_unit_test(set_values_are_blamed_without_line),
        cmocka_unit_test(take_takes_scalars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
