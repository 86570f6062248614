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

struct part {
    int bits, time;
    const char *note;
    struct conf_ints sizes;
};

#define AT(member) .offset = offsetof(struct part, member)
static const struct conf_field part_fields[] = {
    {"bits", CONF_INT, AT(bits), .min = 1, .max = 9},
    {"time", CONF_INT, AT(time), .min = 1, .max = 9, .fallback = "3"},
    {"note", CONF_STR, AT(note), .fallback = ""},
    {"sizes", CONF_INTS, AT(sizes), .fallback = "[1, 2]"},
    {0},
};
static const struct conf_field empty_fields[] = {
    {"bits", CONF_INT, AT(bits), .optional = true},
    {0},
};
#undef AT

struct whole {
    int first, last;
    struct part adc, dac, noc, gate;
    struct conf_list parts;
};

#define AT(member) .offset = offsetof(struct whole, member)
static const struct conf_field whole_fields[] = {
    {"first", CONF_INT, AT(first), .fallback = "1"},
    {"adc", CONF_SECTION, AT(adc), .fields = part_fields},
    {"dac", CONF_SECTION, AT(dac), .fields = part_fields},
    {"noc", CONF_SECTION, AT(noc), .fields = part_fields, .optional = true},
    {"gate", CONF_SECTION, AT(gate), .fields = empty_fields},
    {"parts", CONF_SECTIONS, AT(parts), .fields = part_fields, .size = sizeof(struct part)},
    {"last", CONF_INT, AT(last), .optional = true},
    {0},
};
#undef AT

static bool same_text(const char *a, const char *b)
{
    return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static bool same_tree(const struct conf_node *a, const struct conf_node *b)
{
    if (a->kind != b->kind || a->n != b->n || !same_text(a->key, b->key) ||
        !same_text(a->text, b->text) || (a->quoted && !b->quoted))
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!same_tree(a->children[i], b->children[i]))
            return false;
    return true;
}

static void assert_round_trip(const char *text)
{
    struct conf *conf = parse_good(text);
    char *plain = printed(conf->root, NULL, false), *comments = printed(conf->root, NULL, true);
    struct conf *again = parse_good(plain), *commented = parse_good(comments);
    if (!same_tree(conf->root, again->root) || !same_tree(conf->root, commented->root))
        fail_msg("'%s' became '%s' and '%s'", text, plain, comments);
    char *twice = printed(again->root, NULL, false);
    assert_string_equal(plain, twice);
    assert_true(conf_hash(conf->root, NULL) == conf_hash(again->root, NULL));
    free(twice);
    free(comments);
    free(plain);
    conf_close(commented);
    conf_close(again);
    conf_close(conf);
}

static void trees_read_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a: 1\n",
        "{}\n",
        "a: {}\nb: []\nc:\nd: ''\ne: \"\"\n",
        "a: 4 mW\nb: '4 mW'\nc: \"4 mW\"\n",
        "a: |\n  two\n  lines\nb: >-\n  folded\n  text\nc: \"tab\\t, quote \\\", back \\\\\"\n",
        "a: 'x: y'\nb: 'x #y'\nc: '#x'\nd: '- x'\ne: '[x'\nf: '*x'\ng: '&x'\nh: '!x'\n",
        "a: '%x'\nb: '@x'\nc: '`x'\nd: '?'\ne: ':'\nf: '|'\ng: '>'\nh: ','\ni: '~'\n",
        "a: ' lead'\nb: 'trail '\nc: '...'\nd: '---'\ne: '-'\nf: '+'\ng: '='\nh: '<<'\n",
        "a: -3\nb: +4\nc: -.5\nd: .5\ne: null\nf: ~\ng: true\nh: 1e-9\ni: ../x/y.yaml\n",
        "a: x,y\nb: [x y, 'x, y', \"]\", \"\", {c: d}]\n",
        "a: it's\nb: don\"t\nc: größe\nd: \"\\u2028\\x85\\ufeff\\u0001\\U0001f600\"\n",
        "'key: 1': 1\n",
        "\"a\\nb\": 1\n'#': 2\n'- x': 3\n'?': 4\n\"...\": 5\n'---': 6\n'a,b': 7\n",
        "a: [1, [2, [3, []]], [[4]]]\n",
        "a: [[{b: 1}, 2], [], {}, {c: [{d: 1}]}]\n",
        "a:\n-\n- 1\n-\n",
        "a:\n- b: 1\n  c: {d: 2}\n- - e: 1\n- f\n-\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_round_trip(texts[i]);
}

// Defaults are the texts without quotes that no file has passed.
static void any_default_reads_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",     " ",     " x",   "x ",           "x: y",         "x #y", "#",    "- x",
        "-",    "--- x", "...",  "? x",          ": x",          "[x",   "]",    "{x}",
        "x, y", "*x",    "&x",   "!x",           "%x",           "@x",   "`x",   "|",
        ">",    "'",     "'x'",  "\"",           "\"x\"",        "\\x",  "a\nb", "\n",
        "\t",   "a\tb",  "\x01", "\x7f",         "größe",        "x:",   "x\r",  "\xc2\x85",
        "=",    "~",     "null", "4 mW",         "-3",           "+x",   "-x",   "(x)",
        "$x",   ";x",    "^x",   "\xe2\x80\xa8", "\xef\xbb\xbf", "a  b",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct conf_field fields[] = {{"k", CONF_STR, .fallback = texts[i]}, {0}};
        struct conf *empty = parse_good("{}");
        char *text = printed(empty->root, fields, true);
        struct conf *conf = parse_good(text);
        assert_string_equal(conf_find(conf->root, "k")->text, texts[i]);
        free(text);
        conf_close(conf);
        conf_close(empty);
    }
}

static void layout_is_readable(void **state)
{
    (void)state;
    struct conf *conf = parse_good("tile: {pes: 4, adc: {bits: 8}, sizes: [1, 2]}\n"
                                   "layers: [{name: a, k: [3, 3]}, {name: b}]\n");
    assert_prints(conf->root, "tile:\n"
                              "  pes: 4\n"
                              "  adc:\n"
                              "    bits: 8\n"
                              "  sizes: [1, 2]\n"
                              "layers:\n"
                              "  - name: a\n"
                              "    k: [3, 3]\n"
                              "  - name: b\n");
    conf_close(conf);
}

static void defaults_and_origins_are_told(void **state)
{
    (void)state;
    struct conf *conf = parse_good("extra: 5\n"
                                   "parts: [{bits: 2}]\n"
                                   "adc:\n"
                                   "  time: 4\n");
    struct err err = {0};
    assert_true(conf_set(conf, "adc.bits", "7", &err));
    char *text = printed(conf->root, whole_fields, true);
    assert_string_equal(text, "first: 1                                # default\n"
                              "adc:                                    # t.yaml:4\n"
                              "  bits: 7                               # --set adc.bits\n"
                              "  time: 4                               # t.yaml:4\n"
                              "  note: \"\"                              # default\n"
                              "  sizes: [1, 2]                         # default\n"
                              "dac:                                    # default\n"
                              "  time: 3                               # default\n"
                              "  note: \"\"                              # default\n"
                              "  sizes: [1, 2]                         # default\n"
                              "parts:                                  # t.yaml:2\n"
                              "  - bits: 2                             # t.yaml:2\n"
                              "    time: 3                             # default\n"
                              "    note: \"\"                            # default\n"
                              "    sizes: [1, 2]                       # default\n"
                              "extra: 5                                # t.yaml:1\n");
    free(text);
    conf_close(conf);
}

static void hash_is_of_the_content(void **state)
{
    (void)state;
    struct conf *a = parse_good("adc: {bits: 7, time: 3}\ndac: {bits: 1}\n# note\nparts: []\n");
    struct conf *b = parse_good("parts: []\ndac: {bits: 1, sizes: [1,2], note: \"\"}\n"
                                "adc: {time: \"3\", bits: 7}\nfirst: 1\n");
    struct conf *c = parse_good("adc: {bits: 7, time: 4}\ndac: {bits: 1}\nparts: []\n");
    assert_true(conf_hash(a->root, whole_fields) == conf_hash(b->root, whole_fields));
    assert_true(conf_hash(a->root, whole_fields) != conf_hash(c->root, whole_fields));
    conf_close(a);
    conf_close(b);
    conf_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_read_back),        cmocka_unit_test(any_default_reads_back),
        cmocka_unit_test(layout_is_readable),     cmocka_unit_test(defaults_and_origins_are_told),
        cmocka_unit_test(hash_is_of_the_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
