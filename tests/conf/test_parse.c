#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/conf/conf.h"
#include "tests/conf/support.h"

static void assert_place(const struct conf *conf, const char *path, int line, int column)
{
    const struct conf_node *at = conf_find(conf->root, path);
    assert_non_null(at);
    assert_int_equal(at->line, line);
    assert_int_equal(at->column, column);
}

static void marks_survive(void **state)
{
    (void)state;
    struct conf *conf = parse_good("# chip\n"
                                   "adc:\n"
                                   "  bits: 8   # resolution\n"
                                   "  'grün': \"x\"\n"
                                   "sizes: [1, 22, {a: b}]\n"
                                   "tiles:\n"
                                   "  - {pes: 4}\n"
                                   "  - pes: 5\n");
    assert_place(conf, "adc", 3, 3);
    assert_place(conf, "adc.bits", 3, 9);
    assert_place(conf, "adc.grün", 4, 11);
    assert_place(conf, "sizes.1", 5, 12);
    assert_place(conf, "sizes.2.a", 5, 20);
    assert_place(conf, "tiles.1.pes", 8, 10);
    const struct conf_node *bits = conf_find(conf->root, "adc.bits");
    assert_int_equal(bits->key_line, 3);
    assert_int_equal(bits->key_column, 3);
    assert_string_equal(bits->key, "bits");
    assert_string_equal(bits->text, "8");
    assert_string_equal(bits->origin, "t.yaml");
    assert_string_equal(bits->parent->key, "adc");
    assert_false(bits->quoted);
    assert_true(conf_find(conf->root, "adc.grün")->quoted);
    assert_null(conf_find(conf->root, "adc.b"));
    assert_null(conf_find(conf->root, "adc.bits.x"));
    assert_null(conf_find(conf->root, "sizes.3"));
    assert_null(conf_find(conf->root, "sizes.x"));
    conf_close(conf);
    conf_close(NULL);
}

static void json_is_read(void **state)
{
    (void)state;
    struct conf *conf = parse_good("{\"a\":{\"b\":[1,2.5e-3,null]},\n \"c\": \"x\\u00e9\"}\n");
    assert_string_equal(conf_find(conf->root, "a.b.1")->text, "2.5e-3");
    assert_string_equal(conf_find(conf->root, "c")->text, "xé");
    conf_close(conf);
}

static void same_key_at_other_depth_is_fine(void **state)
{
    (void)state;
    struct conf *conf = parse_good("a: {a: {a: 1}}\nb: {a: 2}\n");
    assert_string_equal(conf_find(conf->root, "a.a.a")->text, "1");
    conf_close(conf);
}

static void bad_texts_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "t.yaml: is empty; it must contain lines of 'key: value'"},
        {"\n  \n", "t.yaml: is empty; it must contain lines of 'key: value'"},
        {"# only\n# comments\n", "t.yaml: is empty; it must contain lines of 'key: value'"},
        {"---\n...\n", "t.yaml: is empty; it must contain lines of 'key: value'"},
        {"word", "t.yaml:1:1: found a single value, expected lines of 'key: value'"},
        {"\n- a\n", "t.yaml:2:1: found a list, expected lines of 'key: value'"},
        {"a: 1\nb:\n\tc: 2\n", "t.yaml:3:1: a tab is not allowed here; use blanks"},
        {"a: 1\nb: 2\na: 3\n", "t.yaml:3:1: a: duplicate key, first in line 1; keep one"},
        {"x: {b: 1, c: 2, b: 3}\n", "t.yaml:1:17: x.b: duplicate key, first in line 1; keep one"},
        {"b: 1\na: 1\na: 2\nb: 2\n", "t.yaml:3:1: a: duplicate key, first in line 2; keep one"},
        {"l:\n  - {a: 1}\n  - {a: 1, a: 2}\n",
         "t.yaml:3:12: l.1.a: duplicate key, first in line 3; keep one"},
        {"a: 1\n---\nb: 2\n",
         "t.yaml:3:1: found a second document; only one is allowed, put it in another file"},
        {"a: &x [*x]\n",
         "t.yaml:1:4: the anchor '&x' is not allowed; write out the value wherever it is needed"},
        {"a: &x 1\n",
         "t.yaml:1:4: the anchor '&x' is not allowed; write out the value wherever it is needed"},
        {"a: *x\n",
         "t.yaml:1:4: the alias '*x' is not allowed; write out the value wherever it is needed"},
        {"*x : 1\n",
         "t.yaml:1:1: the alias '*x' is not allowed; write out the value wherever it is needed"},
        {"a: !!int 3\n", "t.yaml:1:4: the tag 'tag:yaml.org,2002:int' is not allowed; the key "
                         "determines the type"},
        {"a: {<<: {b: 1}, b: 2}\n",
         "t.yaml:1:5: the merge key '<<' is not allowed; write the keys out, or use extends"},
        {"[a]: 1\n", "t.yaml:1:1: a list or a map cannot be a key"},
        {"? {a: 1}\n: 1\n", "t.yaml:1:3: a list or a map cannot be a key"},
        {"a: {'': 1}\n", "t.yaml:1:5: the key is empty; write its name before the ':'"},
        {"a: \"x\\0y\"\n", "t.yaml:1:4: the text contains a 0 byte; remove it"},
        {"a: [1, 2\nb: 3\n",
         "t.yaml:2:2: is not valid YAML: while parsing a flow sequence, did not find "
         "expected ',' or ']'"},
        {"a: 'x\n",
         "t.yaml:2:1: is not valid YAML: while scanning a quoted scalar, found unexpected end "
         "of stream"},
        {"a: 1\nb: x\x01y\n", "t.yaml:2:5: is not YAML text: control characters are not allowed "
                              "(0x1); save the file as UTF-8"},
        {"a: gr\xfcn\n",
         "t.yaml:1:6: is not YAML text: invalid leading UTF-8 octet (0xfc); save the "
         "file as UTF-8"},
        {"\x7f"
         "ELF\x02\x01\x01",
         "t.yaml:1:1: is not YAML text: control characters are not allowed (0x7f); save the file "
         "as "
         "UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        parse_bad(cases[i].text, cases[i].want);
}

// `depth` times `open`, and nothing to close them.
static void assert_deep_refused(const char *open, int depth, const char *want)
{
    size_t n = strlen(open);
    char *text = calloc((size_t)depth * n + 8, 1);
    strcpy(text, "a: ");
    for (int i = 0; i < depth; i++)
        memcpy(text + 3 + (size_t)i * n, open, n);
    parse_bad(text, want);
    free(text);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_deep_refused("[", 32, "t.yaml:1:35: nested more than 32 levels deep; flatten it");
    assert_deep_refused("[", 100000, "t.yaml:1:35: nested more than 32 levels deep; flatten it");
    assert_deep_refused("{a: ", 100000,
                        "t.yaml:1:128: nested more than 32 levels deep; flatten it");
}

static void size_is_bounded(void **state)
{
    (void)state;
    struct err err = {0};
    size_t n = CONF_MAX_BYTES + 1;
    char *text = malloc(n);
    memset(text, '\n', n);
    assert_null(conf_parse("t.yaml", text, n, &err));
    assert_string_equal(err.text, "t.yaml: has 4194305 bytes, above the limit of 4194304; check "
                                  "that it is the right file");
    memcpy(text, "a: [", 4);
    for (size_t i = 4; i < n; i++)
        text[i] = i % 2 ? ',' : '1';
    err.text[0] = 0;
    assert_null(conf_parse("t.yaml", text, n - 1, &err));
    assert_string_equal(err.text, "t.yaml:1:400001: more than 200000 values; split the file, or "
                                  "check that it is the right one");
    free(text);
}

// As many keys as are allowed, in one map: must not take the square of their number.
static void many_keys_are_quick(void **state)
{
    (void)state;
    enum { KEYS = 150000 };
    struct err err = {0};
    char *text = malloc(KEYS * 12), *at = text;
    for (int i = 0; i < KEYS; i++)
        at += sprintf(at, "k%d: 1\n", i);
    struct conf *conf = conf_parse("t.yaml", text, (size_t)(at - text), &err);
    assert_non_null(conf);
    struct conf *over = conf_parse("t.yaml", text, (size_t)(at - text), &err);
    conf_overlay(conf, over);
    assert_int_equal(conf->root->n, KEYS);
    conf_close(over);
    conf_close(conf);
    free(text);
}

static void long_keys_are_refused(void **state)
{
    (void)state;
    char text[200];
    memset(text, 'k', 129);
    memcpy(text + 129, ": 1\n", 5);
    parse_bad(text, "t.yaml:1:1: the key has 129 bytes; at most 128 are allowed");
}

static void bad_files_are_told(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(conf_open("no/such.yaml", &err));
    assert_string_equal(err.text, "no/such.yaml: there is no such file; check the name");
    err.text[0] = 0;
    assert_null(conf_open(".", &err));
    assert_string_equal(err.text, ".: is a folder; name a file in it");
    err.text[0] = 0;
    write_file("large.yaml", "");
    assert_int_equal(truncate("large.yaml", 100000000), 0);
    assert_null(conf_open("large.yaml", &err));
    assert_string_equal(err.text, "large.yaml: has 100000000 bytes, above the limit of 4194304; "
                                  "check that it is the right file");
    unlink("large.yaml");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_survive),
        cmocka_unit_test(json_is_read),
        cmocka_unit_test(same_key_at_other_depth_is_fine),
        cmocka_unit_test(bad_texts_are_told),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(many_keys_are_quick),
        cmocka_unit_test(long_keys_are_refused),
        cmocka_unit_test(bad_files_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
