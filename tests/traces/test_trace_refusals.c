// Does the reader refuse what is no trace, and say where and why? Does the writer leave nothing
// behind when it cannot write?
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/traces/fixture.h"

static bool read_bytes(const char *bytes, size_t n, struct err *err)
{
    struct trace_summary summary;
    char *copy = mem_alloc(n + 1, 1);
    memcpy(copy, bytes, n);
    FILE *in = n ? fmemopen(copy, n, "rb") : fopen("/dev/null", "rb");
    assert_non_null(in);
    bool ok = trace_read_stream(in, "t", &summary, err);
    fclose(in);
    free(copy);
    if (ok)
        trace_summary_fini(&summary);
    return ok;
}

static void refuses(const char *text, const char *expected)
{
    struct err err = {""};
    assert_false(read_bytes(text, strlen(text), &err));
    if (!strstr(err.text, expected))
        fail_msg("'%s' does not say '%s'", err.text, expected);
}

#define OPEN "{\"traceEvents\":[\n"
#define LAYER "{\"ph\":\"M\",\"name\":\"layer\",\"args\":{\"name\":\"y1\"}},\n"
#define TILE                                                                                       \
    "{\"ph\":\"M\",\"tid\":1,\"name\":\"thread_name\",\"args\":{\"name\":\"t\",\"tile\":\"t\"}},"  \
    "\n"
#define SPAN(TID, TS, DUR, CAT, NAME, ENERGY)                                                      \
    "{\"ph\":\"X\",\"tid\":" TID ",\"ts\":" TS ",\"dur\":" DUR ",\"cat\":" CAT                     \
    ",\"args\":{\"layer\":" NAME ",\"energy_j\":" ENERGY "}}\n"
#define GOOD SPAN("1", "0", "1.5", "\"wait\"", "\"y1\"", "1e-9")
#define ABOUT(END, SPANS)                                                                          \
    "],\n\"displayTimeUnit\":\"ns\",\"otherData\":{\"version\":\"1\",\"chip\":\"c\",\"net\":"      \
    "\"n\","                                                                                       \
    "\"policy\":\"p\",\"command\":\"x\",\"seed\":\"1\",\"end_s\":" END ",\"spans\":" SPANS "}}\n"

static void refuses_bad_json(void **state)
{
    (void)state;
    struct err err = {""};
    const char good[] = OPEN LAYER TILE GOOD ABOUT("1", "1");
    if (!read_bytes(good, strlen(good), &err))
        fail_msg("%s", err.text);
    refuses("", "t:1: the file is empty");
    refuses("hello\n", "t:1: begins like no trace");
    refuses(OPEN, "the file ends within its records");
    refuses(OPEN "{\"ph\":\n", "t:2: is no JSON");
    refuses(OPEN "[]\n", "t:2: is no JSON object");
    refuses(OPEN "{}\n", "t:2: ph is missing");
    refuses(OPEN "{\"ph\":1}\n", "t:2: ph is of another type");
    refuses(OPEN "{\"ph\":\"B\"}\n", "t:2: ph is 'B'");
    refuses(OPEN "{\"ph\":\"X\"}\n", "t:2: args is missing");
    refuses(OPEN "{\"ph\":\"\\u001b[31m\"}\n", "ph is '?[31m'");
    refuses(OPEN LAYER LAYER, "t:3: layer 'y1' is named twice");
    refuses(OPEN TILE TILE, "t:3: thread 1 has a name already");
    refuses(OPEN TILE GOOD, "t:3: layer 'y1' was not named");
    refuses(OPEN LAYER GOOD, "t:3: thread 1 has no name");
    refuses(OPEN LAYER TILE GOOD "]\n", "t:5:");
    refuses(OPEN LAYER TILE GOOD "],\n", "before otherData");
    refuses(OPEN LAYER TILE GOOD "],\n\"displayTimeUnit\":\"ns\"}\n", "otherData is missing");
    refuses(OPEN LAYER TILE GOOD ABOUT("1", "2"), "holds 1 spans but says 2");
    refuses(OPEN LAYER TILE GOOD ABOUT("-1", "1"), "end_s is -1");
    refuses(OPEN LAYER TILE GOOD ABOUT("1", "1") "more", "t:7: text behind the end");
}

static void refuses_bad_spans(void **state)
{
    (void)state;
#define TRY(...) OPEN LAYER TILE SPAN(__VA_ARGS__)
    refuses(TRY("1", "0", "-3", "\"wait\"", "\"y1\"", "0"), "t:4: dur is -3");
    refuses(TRY("1", "-1", "3", "\"wait\"", "\"y1\"", "0"), "t:4: ts is -1");
    refuses(TRY("1", "0", "NaN", "\"wait\"", "\"y1\"", "0"), "t:4: is no JSON");
    refuses(TRY("1", "0", "1e999", "\"wait\"", "\"y1\"", "0"), "t:4: is no JSON");
    refuses(TRY("1", "0", "1e300", "\"wait\"", "\"y1\"", "0"), "more than any run has");
    refuses(TRY("1", "0", "\"3\"", "\"wait\"", "\"y1\"", "0"), "t:4: dur is of another type");
    refuses(TRY("1", "0", "3", "\"idle\"", "\"y1\"", "0"), "'idle' is no kind of span");
    refuses(TRY("1", "0", "3", "\"wait\"", "17", "0"), "t:4: layer is of another type");
    refuses(TRY("1", "0", "3", "\"wait\"", "\"y2\"", "0"), "layer 'y2' was not named");
    refuses(TRY("1", "0", "3", "\"wait\"", "\"y1\"", "-1"), "t:4: energy_j is -1");
    refuses(TRY("1.5", "0", "3", "\"wait\"", "\"y1\"", "0"), "t:4: tid is missing or no integer");
    refuses(TRY("9", "0", "3", "\"wait\"", "\"y1\"", "0"), "t:4: thread 9 has no name");
}

#define NOTES "# bitline trace\n# end_s: 1\n# spans: 1\n# layer: y1\n"
#define HEADER "kind,layer,tile,image,token,start_s,end_s,energy_j\n"

static void refuses_bad_csv(void **state)
{
    (void)state;
    struct err err = {""};
    const char good[] = NOTES HEADER "wait,y1,\"a \"\"tile\"\"\",0,0,0,1e-9,2e-12\n";
    if (!read_bytes(good, strlen(good), &err))
        fail_msg("%s", err.text);
    refuses(NOTES, "the file ends before its header row");
    refuses(NOTES "kind,layer\n", "t:5: the columns must be kind,layer,tile");
    refuses(NOTES "# layer: y1\n", "t:5: layer 'y1' is named twice");
    refuses(NOTES "# part: bus,1\n", "t:5: has 2 fields; it must have 3");
    refuses(NOTES "# part: bus,1,x\n", "wait_s is 'x'");
    refuses(NOTES HEADER, "holds 0 spans but says 1");
    refuses(NOTES HEADER "wait,y1\n", "t:6: has 2 fields; it must have 8");
    refuses(NOTES HEADER "wait,y1,\"t,0,0,0,1,1\n", "t:6: field 3 has quotes");
    refuses(NOTES HEADER "idle,y1,t,0,0,0,1,1\n", "'idle' is no kind");
    refuses(NOTES HEADER "wait,y2,t,0,0,0,1,1\n", "layer 'y2' was not named");
    refuses(NOTES HEADER "wait,y1,t,0,0,2,1,1\n", "end_s 1 is before start_s 2");
    refuses(NOTES HEADER "wait,y1,t,0,0,0,nan,1\n", "end_s is 'nan'");
    refuses(NOTES HEADER "wait,y1,t,0,0,0,,1\n", "end_s is ''");
    refuses(NOTES HEADER "wait,y1,t,0,0,0,1,-1\n", "energy_j is -1");
    refuses(NOTES HEADER "wait,y1,t,0,0,0,1,1e-1", "the last line has no end");
    refuses("# bitline trace\n" HEADER, "does not say when the run ended");
}

static void refuses_long_lines(void **state)
{
    (void)state;
    struct err err = {""};
    enum { LONG = 70000 };
    char *text = mem_alloc(LONG, 1);
    memset(text, 'x', LONG);
    memcpy(text, OPEN, strlen(OPEN));
    assert_false(read_bytes(text, LONG, &err));
    assert_non_null(strstr(err.text, "t:2: the line is longer than 65536 bytes"));
    free(text);
}

static char *write_small(const char *name, size_t *n)
{
    struct fixture f;
    char folder[64], path[128];
    fixture_init(&f, 12);
    fixture_folder(folder, sizeof folder);
    fixture_path(path, sizeof path, folder, name);
    assert_true(trace_write(f.trace, &f.head, path, NULL));
    char *bytes = file_read(path, 1000000, n, NULL);
    fixture_folder_remove(folder);
    fixture_fini(&f);
    assert_non_null(bytes);
    return bytes;
}

static void refuses_every_cut(void **state)
{
    (void)state;
    static const char *const names[] = {"t.csv", "t.json"};
    for (int i = 0; i < 2; i++) {
        size_t n;
        char *bytes = write_small(names[i], &n);
        assert_true(read_bytes(bytes, n, NULL));
        // The last line end of JSON may go; its braces are all there.
        for (size_t cut = 0; cut < n - 1; cut += cut + 400 < n ? 97 : 1) {
            struct err err = {""};
            assert_false(read_bytes(bytes, cut, &err));
            assert_true(err.text[0] != 0);
        }
        free(bytes);
    }
}

// Nothing is asserted but that it comes back, with a sentence if it refuses.
static void survives_damage(void **state)
{
    (void)state;
    static const char *const names[] = {"t.csv", "t.json"};
    unsigned long long random = 1;
    for (int i = 0; i < 2; i++) {
        size_t n;
        char *bytes = write_small(names[i], &n);
        for (int round = 0; round < 500; round++) {
            struct err err = {""};
            random = random * 6364136223846793005ULL + 1442695040888963407ULL;
            size_t at = (size_t)(random >> 33) % (n < 4000 ? n : 4000);
            char was = bytes[at];
            bytes[at] = (char)(random >> 20);
            assert_true(read_bytes(bytes, n, &err) == !err.text[0]);
            bytes[at] = was;
        }
        free(bytes);
    }
}

static void refuses_files_that_are_none(void **state)
{
    (void)state;
    struct trace_summary summary;
    struct err missing = {""}, folder = {""};
    assert_false(trace_read("/nowhere/t.json", &summary, &missing));
    assert_non_null(strstr(missing.text, "/nowhere/t.json: there is no such file"));
    assert_false(trace_read("/tmp", &summary, &folder));
    assert_non_null(strstr(folder.text, "/tmp: is a folder"));
}

static void unknown_endings_name_the_known(void **state)
{
    (void)state;
    static const char *const paths[] = {"t.txt", "t", "a.json/t", ".", "t.json "};
    struct fixture f;
    fixture_init(&f, 1);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct err err = {""};
        assert_false(trace_write(f.trace, &f.head, paths[i], &err));
        assert_non_null(strstr(err.text, paths[i]));
        assert_non_null(strstr(err.text, ".json"));
        assert_non_null(strstr(err.text, ".csv"));
        assert_non_null(strstr(err.text, ".paje"));
    }
    fixture_fini(&f);
}

// The place of the file is taken by a folder: everything can be written but not put there.
static void failed_writes_leave_nothing(void **state)
{
    (void)state;
    struct fixture f;
    char folder[64], path[128], below[160];
    struct err err = {""}, again = {""};
    fixture_init(&f, 100);
    fixture_folder(folder, sizeof folder);
    fixture_path(path, sizeof path, folder, "t.json");
    assert_true(file_make_folder(path, NULL));
    assert_false(trace_write(f.trace, &f.head, path, &err));
    assert_non_null(strstr(err.text, path));
    assert_int_equal(fixture_folder_count(folder), 1);
    fixture_path(below, sizeof below, path, "missing/t.csv");
    assert_false(trace_write(f.trace, &f.head, below, &again));
    assert_non_null(strstr(again.text, below));
    assert_int_equal(fixture_folder_count(path), 0);
    fixture_folder_remove(path);
    fixture_folder_remove(folder);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_bad_json),
        cmocka_unit_test(refuses_bad_spans),
        cmocka_unit_test(refuses_bad_csv),
        cmocka_unit_test(refuses_long_lines),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(survives_damage),
        cmocka_unit_test(refuses_files_that_are_none),
        cmocka_unit_test(unknown_endings_name_the_known),
        cmocka_unit_test(failed_writes_leave_nothing),
    };
    return cmocka_run_group_tests_name("trace_refusals", tests, NULL, NULL);
}
