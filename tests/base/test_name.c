#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/name.h"

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void names_are_accepted(void **state)
{
    static const char *const names[] = {"a",
                                        "7",
                                        "_x",
                                        "conv1",
                                        "layer1.0.conv1",
                                        "resnet18@int8",
                                        "/layer1/Conv_2:0",
                                        "a b",
                                        "f(x)",
                                        "x-y+z",
                                        "h\xc3\xa4wis",
                                        "\xe6\xbc\xa2\xe5\xad\x97",
                                        "\xf0\x9f\x98\x80",
                                        HUNDRED};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char buf[64];
        assert_null(name_fault(names[i], buf, sizeof buf));
    }
}

static void others_are_refused(void **state)
{
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"", "is empty"},
        {"a'b", "has '''"},
        {"a\"b", "has '\"'"},
        {"a\\b", "has '\\'"},
        {"a`b", "has '`'"},
        {"a,b", "has ','"},
        {"a;b", "has ';'"},
        {"a$b", "has '$'"},
        {"a<b", "has '<'"},
        {"=1", "begins with '='"},
        {"-a", "begins with '-'"},
        {"+a", "begins with '+'"},
        {"@a", "begins with '@'"},
        {".a", "begins with '.'"},
        {" a", "begins with ' '"},
        {"a ", "ends with a blank"},
        {"a\nb", "has '\\n'"},
        {"a\tb", "has '\\t'"},
        {"\x1b[31m", "begins with '\\x1b'"},
        {"a\x7f", "has '\\x7f'"},
        {"a\xc2\x9b", "has '\\x9b'"},       // C1
        {"a\xe2\x80\xae", "has '\\u202e'"}, // right to left
        {"a\xc2\xa0", "has '\xc2\xa0'"},    // a blank that does not look like one
        {"a\xff", "is not UTF-8"},
        {"a\xed\xa0\x80", "is not UTF-8"}, // half of a pair
        {HUNDRED "1", "has 101 bytes"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char buf[64];
        const char *fault = name_fault(cases[i].text, buf, sizeof buf);
        assert_non_null(fault);
        assert_string_equal(fault, cases[i].fault);
    }
}

static void names_are_made(void **state)
{
    static const struct {
        const char *text, *name;
    } cases[] = {
        {"", "_"},
        {"vgg8", "vgg8"},
        {"my'net", "my_net"},
        {"-x", "_x"},
        {"a\n ", "a_"},
        {"a\xff\xc3\xa4", "a_\xc3\xa4"},
        {HUNDRED "1", HUNDRED},
        {TEN TEN TEN TEN TEN TEN TEN TEN TEN "012345678\xc3\xa4",
         TEN TEN TEN TEN TEN TEN TEN TEN TEN "012345678"},
    };
    (void)state;
    struct arena *mem = arena_create();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char buf[64];
        const char *name = name_from(mem, cases[i].text);
        assert_string_equal(name, cases[i].name);
        assert_null(name_fault(name, buf, sizeof buf));
    }
    arena_destroy(mem);
}

static void free_text_has_lines(void **state)
{
    (void)state;
    assert_true(name_is_text(""));
    assert_true(name_is_text("two\nlines,\ttabs, 'quotes', \"\\`$<=\xc3\xa4"));
    assert_false(name_is_text("a\x1b[0m"));
    assert_false(name_is_text("a\r\n"));
    assert_false(name_is_text("\x7f"));
    assert_false(name_is_text("\xc2\x9b"));
    assert_false(name_is_text("\xff"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_accepted),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(names_are_made),
        cmocka_unit_test(free_text_has_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
