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
#include "base/catalog/catalog.h"
#include "tests/conf/support.h"

static const char *const files[] = {"lib/top.yaml",
                                    "lib/chips/base.yaml",
                                    "lib/chips/mid.yaml",
                                    "lib/chips/loop-a.yaml",
                                    "lib/chips/loop-b.yaml",
                                    "lib/chips/self.yaml",
                                    "lib/chips/bad name.yaml",
                                    "lib/chips/lost.yaml",
                                    "lib/chips/list.yaml",
                                    "lib/chips/wrong.yaml",
                                    "lib/zoo/a-net.yaml",
                                    "second/chips/base.yaml",
                                    "mine/own.yaml",
                                    "mine/more/parent.yaml",
                                    "mine/orphan.yaml",
                                    "lib/chips/twice.yaml",
                                    "second/twice.yaml",
                                    "lib/chips/hawis.yaml"};
static const char *const texts[] = {
    "description: |\n  on top\n  of all\n",
    "name: base\nadc: {bits: 8, time: 1 ns}\n",
    "extends: base\nadc: {bits: 6}\n",
    "extends: loop-b\n",
    "extends: ../chips/loop-a.yaml\n",
    "x: 1\nextends: self\n",
    "name: bad\n",
    "extends: basee\n",
    "extends: [a, b]\n",
    "extends: base\nadc: [\n",
    "name: net\n",
    "name: second\n",
    "extends: more/parent.yaml\nname: own\n",
    "extends: mid\nadc: {time: 2 ns}\n",
    "extends: no/such.yaml\n",
    "extends: twice\nname: first\n",
    "name: second\nadc: {bits: 3}\n",
    "extends: hawis\nname: mine\n",
};
static const char *const folders[] = {"lib", "second", "missing", NULL};
static const struct catalog catalog = {.folders = folders};

static int enter(void **state)
{
    char *name = malloc(64);
    snprintf(name, 64, "test_library.XXXXXX");
    *state = name;
    if (!mkdtemp(name) || chdir(name) != 0)
        return -1;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        write_file(files[i], texts[i]);
    return 0;
}

static int leave(void **state)
{
    static const char *const made[] = {"lib/chips", "lib/zoo",   "lib", "second/chips",
                                       "second",    "mine/more", "mine"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(files[i]);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        rmdir(made[i]);
    int bad = chdir("..") != 0 || rmdir(*state) != 0;
    free(*state);
    return bad;
}

static void assert_opens(const char *what, const char *want)
{
    struct err err = {0};
    struct conf *conf = catalog_open(&catalog, CATALOG_CHIP, what, &err);
    if (!conf)
        fail_msg("%s: %s", what, err.text);
    assert_prints(conf->root, want);
    conf_close(conf);
}

static void names_and_files_open(void **state)
{
    (void)state;
    assert_opens("base", "name: base\nadc:\n  bits: 8\n  time: 1 ns\n"); // the first folder wins
    assert_opens("second/chips/base.yaml", "name: second\n");
    assert_opens("mid", "name: base\nadc:\n  bits: 6\n  time: 1 ns\n");
    assert_opens("mine/own.yaml", "name: own\nadc:\n  bits: 6\n  time: 2 ns\n");
}

// Of a later folder, or of those that ship.
static void files_extend_others_of_their_name(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    static const struct catalog ships = {.folders = none};
    struct err err = {0};
    assert_opens("twice", "name: first\nadc:\n  bits: 3\n");
    struct conf *mine = catalog_open(&catalog, CATALOG_CHIP, "hawis", &err);
    struct conf *theirs = catalog_open(&ships, CATALOG_CHIP, "hawis", &err);
    if (!mine || !theirs)
        fail_msg("%s", err.text);
    assert_string_equal(conf_find(mine->root, "name")->text, "mine");
    assert_string_equal(conf_find(mine->root, "crossbar.rows")->text,
                        conf_find(theirs->root, "crossbar.rows")->text);
    conf_close(mine);
    conf_close(theirs);
}

static void origins_survive_extends(void **state)
{
    (void)state;
    struct err err = {0};
    struct conf *conf = catalog_open(&catalog, CATALOG_CHIP, "mine/own.yaml", &err);
    conf_fail(conf_find(conf->root, "adc.bits"), &err, "x");
    assert_string_equal(err.text, "lib/chips/mid.yaml:2:13: adc.bits: x");
    err.text[0] = 0;
    conf_fail(conf_find(conf->root, "adc.time"), &err, "x");
    assert_string_equal(err.text, "mine/more/parent.yaml:2:13: adc.time: x");
    conf_close(conf);
}

static void bad_names_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *what, *want;
    } cases[] = {
        {"loop-a", "lib/chips/loop-b.yaml:1:10: extends: circular reference: "
                   "lib/chips/loop-a.yaml extends "
                   "lib/chips/loop-b.yaml extends lib/chips/../chips/loop-a.yaml; remove one "
                   "'extends'"},
        {"self",
         "lib/chips/self.yaml:2:10: extends: circular reference: lib/chips/self.yaml extends "
         "lib/chips/self.yaml; remove one 'extends'"},
        {"loop-b",
         "lib/chips/../chips/loop-a.yaml:1:10: extends: circular reference: "
         "lib/chips/loop-b.yaml "
         "extends lib/chips/../chips/loop-a.yaml extends lib/chips/loop-b.yaml; remove one "
         "'extends'"},
        {"lost", "lib/chips/lost.yaml:1:10: extends: there is no chip 'basee'; did you mean "
                 "'base'? There are: "},
        {"list", "lib/chips/list.yaml:1:10: extends: is empty; write the name of one chip or "
                 "a file"},
        {"wrong", "lib/chips/wrong.yaml:3:1: is not valid YAML: "},
        {"mine/orphan.yaml", "mine/orphan.yaml:1:10: extends: there is no file 'no/such.yaml'; "
                             "check the name"},
        {"bad name", "'bad name' is not a valid chip name: letters, digits, '.', '_' and '-' only"},
        {"", "'' is not a valid chip name: "},
        {"..", "'..' is not a valid chip name: "},
        {"bsae", "there is no chip 'bsae'; did you mean 'base'? There are: "},
        {"qqqqqqqq", "there is no chip 'qqqqqqqq'; there are: "},
        {"a-net", "there is no chip 'a-net'"},
        {"nowhere.yaml", "nowhere.yaml: there is no such file; check the name"},
        {"lib/chips", "lib/chips: is a folder; name a file in it"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        if (catalog_open(&catalog, CATALOG_CHIP, cases[i].what, &err))
            fail_msg("'%s' passed", cases[i].what);
        if (strncmp(err.text, cases[i].want, strlen(cases[i].want)) != 0)
            fail_msg("'%s' is not '%s'", err.text, cases[i].want);
    }
}

struct listed {
    char names[2000];
};

static void note(const char *name, const char *description, void *arg)
{
    struct listed *listed = arg;
    strncat(listed->names, name, 100);
    strncat(listed->names, " ", 2);
    if (strcmp(name, "top") == 0)
        assert_string_equal(description, "on top");
    if (strcmp(name, "wrong") == 0)
        assert_string_equal(description, "(cannot be read)");
}

static void list_is_sorted_and_unique(void **state)
{
    (void)state;
    struct listed listed = {0};
    catalog_list(&catalog, CATALOG_CHIP, note, &listed);
    char *save = NULL, *last = NULL;
    int bases = 0, tops = 0;
    for (char *name = strtok_r(listed.names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
        if (last)
            assert_true(strcmp(last, name) < 0);
        bases += strcmp(name, "base") == 0;
        tops += strcmp(name, "top") == 0;
        assert_string_not_equal(name, "a-net");
        last = name;
    }
    assert_int_equal(bases, 1);
    assert_int_equal(tops, 1);
}

// Whatever ships must open and say what it is.
static void embedded_open(void **state)
{
    (void)state;
    for (int kind = 0; kind < CATALOG_KINDS; kind++)
        for (size_t i = 0; i < catalog_embedded[kind].n; i++) {
            const struct catalog_entry *entry = &catalog_embedded[kind].entries[i];
            struct err err = {0};
            assert_int_equal(strlen(entry->text), entry->n);
            struct conf *conf = catalog_open(NULL, (enum catalog_kind)kind, entry->name, &err);
            if (!conf)
                fail_msg("%s", err.text);
            assert_null(conf_find(conf->root, "extends"));
            conf_close(conf);
        }
    assert_true(catalog_embedded[CATALOG_NET].n > 0);
    assert_true(catalog_weights.n > 0);
    for (size_t i = 0; i < catalog_weights.n; i++) { // each by the job of its name
        struct err err = {0};
        struct conf *job =
            catalog_open(NULL, CATALOG_WORKLOAD, catalog_weights.entries[i].name, &err);
        if (!job)
            fail_msg("%s", err.text);
        conf_close(job);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_files_open),
        cmocka_unit_test(files_extend_others_of_their_name),
        cmocka_unit_test(origins_survive_extends),
        cmocka_unit_test(bad_names_are_told),
        cmocka_unit_test(list_is_sorted_and_unique),
        cmocka_unit_test(embedded_open),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
