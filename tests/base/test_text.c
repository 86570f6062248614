#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/text.h"

// What a stream of open_memstream was given.
struct sink {
    char *text;
    size_t n;
    FILE *out;
};

static void sink_open(struct sink *sink)
{
    sink->out = open_memstream(&sink->text, &sink->n);
    assert_non_null(sink->out);
}

static void sink_check(struct sink *sink, const char *want)
{
    fclose(sink->out);
    assert_string_equal(sink->text, want);
    free(sink->text);
}

static void doubles_read_back(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(text_double(text, sizeof text, 0.1), "0.1");
    assert_string_equal(text_double(text, sizeof text, 3), "3");
    assert_string_equal(text_double(text, sizeof text, 0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(text_double(text, sizeof text, 5e-324), "5e-324");
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t bits = rng_u64(2, RNG_PLACEMENT, i);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value) && strtod(text_double(text, sizeof text, value), NULL) != value)
            fail_msg("%.17g became %s", value, text);
    }
    assert_true(strtod(text_double(text, sizeof text, DBL_MAX), NULL) == DBL_MAX);
}

static void table_is_aligned(void **state)
{
    (void)state;
    static const char *const headers[] = {"<layer", ">energy", "<note", NULL};
    struct sink sink;
    sink_open(&sink);
    struct table *table = table_create(headers);
    table_cell(table, "conv1");
    table_cell(table, "%.1f uJ", 33.7);
    table_cell(table, "%s", "");
    table_cell(table, "größe"); // five code points, seven bytes
    table_cell(table, "1 µJ");
    table_cell(table, "slow");
    table_rule(table);
    table_cell(table, "all");
    table_cell(table, "1");
    table_print(table, sink.out);
    table_destroy(table);
    table_destroy(NULL);
    sink_check(&sink, "layer   energy  note\n"
                      "-----  -------  ----\n"
                      "conv1  33.7 uJ\n"
                      "größe     1 µJ  slow\n"
                      "-----  -------  ----\n"
                      "all          1\n");
}

static void table_without_rows_prints_its_head(void **state)
{
    (void)state;
    static const char *const headers[] = {">n", NULL};
    struct sink sink;
    sink_open(&sink);
    struct table *table = table_create(headers);
    table_print(table, sink.out);
    table_csv(table, sink.out);
    table_destroy(table);
    sink_check(&sink, "n\n-\nn\n");
}

static void table_is_csv_too(void **state)
{
    (void)state;
    static const char *const headers[] = {"<name", ">n, all", NULL};
    struct sink sink;
    sink_open(&sink);
    struct table *table = table_create(headers);
    table_cell(table, "a \"b\"");
    table_cell(table, "1");
    table_rule(table);
    table_cell(table, "c");
    table_csv(table, sink.out);
    table_destroy(table);
    sink_check(&sink, "name,\"n, all\"\n\"a \"\"b\"\"\",1\nc,\n");
}

static void csv_quotes_what_needs_it(void **state)
{
    (void)state;
    static const char *const plain[] = {"", "abc", "a b", "1;2", "it's"};
    struct sink sink;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        sink_open(&sink);
        csv_field(sink.out, plain[i]);
        sink_check(&sink, plain[i]);
    }
    sink_open(&sink);
    csv_field(sink.out, "a,b");
    fputc(',', sink.out);
    csv_field(sink.out, "two\nlines");
    fputc(',', sink.out);
    csv_field(sink.out, "say \"x\"");
    fputc(',', sink.out);
    csv_field(sink.out, " edge");
    sink_check(&sink, "\"a,b\",two\\nlines,\"say \"\"x\"\"\",\" edge\"");
}

static void fill_json(struct jsonw *w)
{
    jsonw_object(w, NULL);
    jsonw_string(w, "name", "hawis");
    jsonw_array(w, "tiles");
    jsonw_int(w, NULL, INT64_MIN);
    jsonw_object(w, NULL);
    jsonw_end(w);
    jsonw_array(w, NULL);
    jsonw_end(w);
    jsonw_end(w);
    jsonw_number(w, "energy_j", 3.369e-5);
    jsonw_number(w, "nothing", (double)NAN);
    jsonw_number(w, "all", -(double)INFINITY);
    jsonw_bool(w, "ok", true);
    jsonw_string(w, "none", NULL);
    jsonw_end(w);
}

static void json_in_one_line(void **state)
{
    (void)state;
    struct sink sink;
    sink_open(&sink);
    struct jsonw *w = jsonw_create(sink.out, 0);
    fill_json(w);
    jsonw_int(w, NULL, 7);
    jsonw_destroy(w);
    jsonw_destroy(NULL);
    sink_check(&sink, "{\"name\":\"hawis\",\"tiles\":[-9223372036854775808,{},[]],"
                      "\"energy_j\":3.369e-05,\"nothing\":null,\"all\":null,\"ok\":true,"
                      "\"none\":null}\n7\n");
}

static void json_indented(void **state)
{
    (void)state;
    struct sink sink;
    sink_open(&sink);
    struct jsonw *w = jsonw_create(sink.out, 2);
    jsonw_object(w, NULL);
    jsonw_array(w, "widths");
    jsonw_int(w, NULL, 64);
    jsonw_int(w, NULL, 80);
    jsonw_end(w);
    jsonw_object(w, "empty");
    jsonw_end(w);
    jsonw_end(w);
    jsonw_destroy(w);
    sink_check(&sink, "{\n  \"widths\": [\n    64,\n    80\n  ],\n  \"empty\": {}\n}\n");
}

static void json_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"say \"x\" \\ /", "\"say \\\"x\\\" \\\\ /\"\n"},
        {"a\nb\tc\x01\x7f", "\"a\\nb\\tc\\u0001\\u007f\"\n"},
        {"größe \xf0\x9f\x98\x80", "\"größe \xf0\x9f\x98\x80\"\n"},
        {"bad \xff.", "\"bad \\ufffd.\"\n"},
        {"cut \xc3", "\"cut \\ufffd\"\n"},
        {"overlong \xc0\xaf", "\"overlong \\ufffd\\ufffd\"\n"},
        {"half \xed\xa0\x80", "\"half \\ufffd\\ufffd\\ufffd\"\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sink sink;
        sink_open(&sink);
        struct jsonw *w = jsonw_create(sink.out, 0);
        jsonw_string(w, NULL, cases[i].text);
        jsonw_destroy(w);
        sink_check(&sink, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_read_back),
        cmocka_unit_test(table_is_aligned),
        cmocka_unit_test(table_without_rows_prints_its_head),
        cmocka_unit_test(table_is_csv_too),
        cmocka_unit_test(csv_quotes_what_needs_it),
        cmocka_unit_test(json_in_one_line),
        cmocka_unit_test(json_indented),
        cmocka_unit_test(json_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
