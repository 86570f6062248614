// Is what a trace file says what was recorded?
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "tests/close.h"
#include "tests/traces/fixture.h"

static const char *sample_path; // from the command line

struct place {
    char folder[64], path[128];
};

static void place_init(struct place *place, const char *name)
{
    fixture_folder(place->folder, sizeof place->folder);
    fixture_path(place->path, sizeof place->path, place->folder, name);
}

static void write_or_fail(const struct fixture *f, const char *path)
{
    struct err err = {""};
    if (!trace_write(f->trace, &f->head, path, &err))
        fail_msg("%s", err.text);
}

// `tolerance` is that of times, relative.
static void check_sums(const struct fixture *f, const struct trace_summary *s, double tolerance)
{
    double total_j = 0;
    assert_int_equal(s->n_layers, FIXTURE_LAYERS);
    for (int i = 0; i < FIXTURE_LAYERS; i++) {
        const struct trace_layer_sum *layer = &s->layers[i];
        assert_string_equal(layer->name, f->head.layers[i]);
        assert_close(layer->energy_j, f->energy_j[i], 1e-12);
        assert_close(layer->compute_s, f->layer_s[i][SPAN_COMPUTE], tolerance);
        assert_close(layer->wait_s, f->layer_s[i][SPAN_WAIT], tolerance);
        assert_close(layer->transfer_s, f->layer_s[i][SPAN_TRANSFER], tolerance);
        assert_close(layer->last_s, f->last_s[i], tolerance);
        assert_true(fabs(layer->first_s - f->first_s[i]) <= 1e-12);
        assert_int_equal(layer->tiles, f->tiles[i]);
        total_j += layer->energy_j;
    }
    assert_true(s->energy_j == total_j);
    assert_int_equal(s->n_tiles, FIXTURE_TILES + 1);
    for (size_t i = 0; i < s->n_tiles; i++) {
        size_t at = 0;
        while (at < FIXTURE_TILES && strcmp(s->tiles[i].name, f->head.tiles[at]) != 0)
            at++;
        if (at == FIXTURE_TILES)
            assert_string_equal(s->tiles[i].name, "off chip");
        assert_close(s->tiles[i].compute_s, f->tile_s[at][SPAN_COMPUTE], tolerance);
        assert_close(s->tiles[i].wait_s, f->tile_s[at][SPAN_WAIT], tolerance);
        assert_close(s->tiles[i].transfer_s, f->tile_s[at][SPAN_TRANSFER], tolerance);
    }
}

static void check_round_trip(const char *name, double tolerance)
{
    struct fixture f;
    struct place place;
    struct trace_summary s;
    struct err err = {""};
    fixture_init(&f, 1000);
    place_init(&place, name);
    write_or_fail(&f, place.path);
    if (!trace_read(place.path, &s, &err))
        fail_msg("%s", err.text);
    check_sums(&f, &s, tolerance);
    assert_int_equal(s.n_spans, 1000);
    assert_true(s.end_s == f.head.end_s);
    assert_int_equal(s.n_parts, 2);
    assert_string_equal(s.parts[0].name, "tile 0 bus");
    assert_string_equal(s.parts[1].name, "adc group, \"first\"");
    assert_true(s.parts[0].busy_s == 1.5e-7 && s.parts[0].wait_s == 2.5e-8);
    assert_string_equal(s.head, "bitline 1.2.3, chip hawis, net mlp, policy exact, seed "
                                "18446744073709551615: bitline run hawis mlp --trace t.json");
    trace_summary_fini(&s);
    fixture_folder_remove(place.folder);
    fixture_fini(&f);
}

// Times in the file are whole picoseconds: half of one is lost at either end of a span, out of
// 12 ns on average.
static void json_holds_what_was_recorded(void **state)
{
    (void)state;
    check_round_trip("t.json", 1e-4);
}

static void csv_holds_what_was_recorded(void **state)
{
    (void)state;
    check_round_trip("t.csv", 1e-12);
}

static json_t *load_events(const char *path, json_t **root)
{
    json_error_t error;
    *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!*root)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    return json_object_get(*root, "traceEvents");
}

static const char *text_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text ? text : "";
}

static double number_of(const json_t *event, const char *key)
{
    const json_t *number = json_object_get(event, key);
    assert_true(json_is_number(number));
    return json_number_value(number);
}

// The integral of a counter that holds between its samples, and its last sample.
static size_t integrate(const json_t *events, const char *track, double *integral, double *last)
{
    size_t n = 0;
    double at_us = 0;
    *integral = *last = 0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        if (strcmp(text_of(event, "ph"), "C") != 0 || strcmp(text_of(event, "name"), track) != 0)
            continue;
        double ts_us = number_of(event, "ts");
        assert_true(ts_us > at_us || (n == 0 && ts_us == 0));
        *integral += *last * (ts_us - at_us) * 1e-6;
        at_us = ts_us;
        *last = number_of(json_object_get(event, "args"), "value");
        n++;
    }
    return n;
}

static void power_integrates_to_energy(void **state)
{
    (void)state;
    struct fixture f;
    struct place place;
    json_t *root;
    fixture_init(&f, 1000);
    place_init(&place, "t.json");
    write_or_fail(&f, place.path);
    const json_t *events = load_events(place.path, &root);
    for (int i = 0; i < FIXTURE_LAYERS; i++) {
        char track[64];
        double integral, last;
        snprintf(track, sizeof track, "%s power (mW)", f.head.layers[i]);
        size_t n = integrate(events, track, &integral, &last);
        assert_in_range(n, 2, 201);
        assert_close(integral * 1e-3, f.energy_j[i], 1e-9);
        assert_true(last == 0);
        snprintf(track, sizeof track, "%s energy (nJ)", f.head.layers[i]);
        n = integrate(events, track, &integral, &last);
        assert_in_range(n, 2, 201);
        assert_close(last * 1e-9, f.energy_j[i], 1e-9);
    }
    json_decref(root);
    fixture_folder_remove(place.folder);
    fixture_fini(&f);
}

// One span over half of the run, nothing else: a power that is known.
static void power_is_energy_over_time(void **state)
{
    (void)state;
    static const char *const names[] = {"only"};
    struct place place;
    struct trace *trace = trace_create();
    struct trace_head head = {"1",
                              "c",
                              "n",
                              "exact",
                              "x",
                              .n_layers = 1,
                              .n_tiles = 1,
                              .layers = names,
                              .tiles = names,
                              .end_s = 200e-9};
    trace_span(trace, &(struct span){50e-9, 150e-9, 1e-9, 0, 0, 0, 0, SPAN_COMPUTE});
    place_init(&place, "t.json");
    assert_true(trace_write(trace, &head, place.path, NULL));
    json_t *root, *events = load_events(place.path, &root);
    size_t seen = 0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        if (strcmp(text_of(event, "name"), "only power (mW)") != 0)
            continue;
        double ns = number_of(event, "ts") * 1e3;
        double mw = number_of(json_object_get(event, "args"), "value");
        if (ns > 50.5 && ns < 149.5)
            assert_close(mw, 10, 1e-9); // 1 nJ in 100 ns
        else if (ns < 49.5 || ns > 150.5)
            assert_close(mw, 0, 0);
        seen++;
    }
    assert_true(seen >= 3);
    json_decref(root);
    fixture_folder_remove(place.folder);
    trace_destroy(trace);
}

// Viewers nest or drop spans that overlap on one thread.
static void spans_of_a_thread_do_not_overlap(void **state)
{
    (void)state;
    enum { THREADS = 512 };
    double end_us[THREADS] = {0};
    struct fixture f;
    struct place place;
    json_t *root;
    size_t n = 0;
    fixture_init(&f, 1000);
    place_init(&place, "t.json");
    write_or_fail(&f, place.path);
    const json_t *events = load_events(place.path, &root);
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        if (strcmp(text_of(event, "ph"), "X") != 0)
            continue;
        size_t thread = (size_t)number_of(event, "tid");
        double ts_us = number_of(event, "ts");
        assert_in_range(thread, 1, THREADS - 1);
        assert_true(ts_us >= end_us[thread] - 1e-9);
        end_us[thread] = ts_us + number_of(event, "dur");
        n++;
    }
    assert_int_equal(n, 1000);
    json_decref(root);
    fixture_folder_remove(place.folder);
    fixture_fini(&f);
}

static void strange_names_survive(void **state)
{
    (void)state;
    static const char *const layers[] = {"a \"quoted\", \\ name", "caf\xc3\xa9", ""};
    static const char *const tiles[] = {"tile, \"0\""};
    static const char *const files[] = {"t.json", "t.csv"};
    struct trace_head head = {"1",
                              "c\n\x1b[31m",
                              "n",
                              "exact",
                              "x \xff\xfe",
                              .n_layers = 3,
                              .layers = layers,
                              .tiles = tiles,
                              .n_tiles = 1};
    struct trace *trace = trace_create();
    trace_span(trace, &(struct span){0, 0, 2e-9, 0, 0, -1, -1, SPAN_COMPUTE});
    for (int i = 0; i < 2; i++) {
        struct place place;
        struct trace_summary s;
        struct err err = {""};
        place_init(&place, files[i]);
        assert_true(trace_write(trace, &head, place.path, &err));
        if (!trace_read(place.path, &s, &err))
            fail_msg("%s", err.text);
        assert_int_equal(s.n_layers, 3);
        for (int j = 0; j < 3; j++)
            assert_string_equal(s.layers[j].name, layers[j]);
        assert_string_equal(s.tiles[0].name, tiles[0]);
        assert_true(s.energy_j == 2e-9);
        assert_null(strpbrk(s.head, "\n\x1b"));
        trace_summary_fini(&s);
        fixture_folder_remove(place.folder);
    }
    trace_destroy(trace);
}

// pj_dump's own words: "State, CONTAINER, TYPE, START, END, DURATION, IMBRICATION, VALUE, ..."
static void paje_reads_the_same(void **state)
{
    (void)state;
    char command[256], line[1024];
    struct fixture f;
    struct place place;
    double sums_s[SPAN_KINDS] = {0}, want_s[SPAN_KINDS] = {0};
    fixture_init(&f, 1000);
    place_init(&place, "t.paje");
    write_or_fail(&f, place.path);
    snprintf(command, sizeof command, "pj_dump -l 15 %s 2>&1", place.path);
    FILE *dump = popen(command, "r");
    assert_non_null(dump);
    while (fgets(line, sizeof line, dump)) {
        double duration_s;
        char kind[16];
        const char *type = strncmp(line, "State,", 6) ? NULL : strstr(line, ", span, ");
        if (!type || sscanf(type, ", span, %*f, %*f, %lf, %*f, %15[a-z]", &duration_s, kind) != 2)
            continue;
        for (int i = 0; i < SPAN_KINDS; i++)
            sums_s[i] += strcmp(kind, span_kind_names[i]) ? 0 : duration_s;
    }
    assert_int_equal(pclose(dump), 0);
    for (int i = 0; i < SPAN_KINDS; i++) {
        for (int j = 0; j < FIXTURE_LAYERS; j++)
            want_s[i] += f.layer_s[j][i];
        assert_close(sums_s[i], want_s[i], 1e-4);
    }
    fixture_folder_remove(place.folder);
    fixture_fini(&f);
}

// An order of records that would depend on chance would show here.
static void same_trace_same_bytes(void **state)
{
    (void)state;
    static const char *const names[] = {"t.json", "t.csv", "t.paje"};
    for (int i = 0; i < 3; i++) {
        char *bytes[2];
        size_t n[2];
        for (int j = 0; j < 2; j++) {
            struct fixture f;
            struct place place;
            fixture_init(&f, 300);
            place_init(&place, names[i]);
            write_or_fail(&f, place.path);
            bytes[j] = file_read(place.path, 10000000, &n[j], NULL);
            fixture_folder_remove(place.folder);
            fixture_fini(&f);
        }
        assert_int_equal(n[0], n[1]);
        assert_memory_equal(bytes[0], bytes[1], n[0]);
        free(bytes[0]);
        free(bytes[1]);
    }
}

// What samples/README.md tells of: a row of the second layer waits for two rows of the first, which
// stalls after each for a credit.
static void record_sample(struct trace *trace)
{
    enum { ROWS = 3 };
    const double ns = 1e-9;
    for (int row = 0; row < 2 * ROWS; row++) {
        struct span span = {.start_s = 100 * ns * row, .token = row};
        span.end_s = (100 * row + 50) * ns;
        span.energy_j = 2e-9;
        trace_span(trace, &span);
        span.kind = SPAN_WAIT;
        span.start_s = span.end_s;
        span.end_s = 100 * ns * (row + 1);
        span.energy_j = 0;
        trace_span(trace, &span);
    }
    for (int row = 0; row < ROWS; row++) {
        double read_ns = 200 * (row + 1), free_ns = row ? read_ns - 180 : 0;
        struct span span = {.layer = 1, .tile = 1, .token = row};
        span.kind = SPAN_WAIT;
        span.start_s = free_ns * ns;
        span.end_s = read_ns * ns;
        trace_span(trace, &span);
        span.kind = SPAN_TRANSFER;
        span.start_s = span.end_s;
        span.end_s = (read_ns + 4) * ns;
        trace_span(trace, &span);
        span.kind = SPAN_COMPUTE;
        span.start_s = span.end_s;
        span.end_s = (read_ns + 20) * ns;
        span.energy_j = 1e-9;
        trace_span(trace, &span);
    }
    trace_part(trace, &(struct trace_part){"tile 0 adc group 0", 270 * ns, 0});
    trace_part(trace, &(struct trace_part){"link (0,0)-(1,0)", 12 * ns, 3 * ns});
}

static void sample_is_as_written_now(void **state)
{
    (void)state;
    static const char *const layers[] = {"conv1", "fc"};
    static const char *const tiles[] = {"tile 0 (0,0)", "tile 1 (1,0)"};
    struct place place;
    struct err err = {""};
    struct trace_head head = {"0.1.0",
                              "sample",
                              "two_layers",
                              "exact",
                              "bitline run sample two_layers",
                              .seed = 1,
                              .n_layers = 2,
                              .n_tiles = 2,
                              .layers = layers,
                              .tiles = tiles,
                              .end_s = 620e-9};
    struct trace *trace = trace_create();
    record_sample(trace);
    place_init(&place, "two_layers.json");
    assert_true(trace_write(trace, &head, place.path, &err));
    size_t n_now, n_sample;
    char *now = file_read(place.path, 1000000, &n_now, &err);
    char *sample = file_read(sample_path, 1000000, &n_sample, &err);
    if (!now || !sample)
        fail_msg("%s", err.text);
    if (n_now != n_sample || memcmp(now, sample, n_now) != 0)
        fail_msg("the sample differs; if that is meant, cp %s %s", place.path, sample_path);
    free(now);
    free(sample);
    fixture_folder_remove(place.folder);
    trace_destroy(trace);
}

static void no_trace_records_nothing(void **state)
{
    (void)state;
    const struct span *spans;
    trace_span(NULL, &(struct span){0});
    trace_part(NULL, &(struct trace_part){.name = "x"});
    assert_int_equal(trace_spans(NULL, &spans), 0);
    trace_destroy(NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_holds_what_was_recorded),
        cmocka_unit_test(csv_holds_what_was_recorded),
        cmocka_unit_test(power_integrates_to_energy),
        cmocka_unit_test(power_is_energy_over_time),
        cmocka_unit_test(spans_of_a_thread_do_not_overlap),
        cmocka_unit_test(strange_names_survive),
        cmocka_unit_test(same_trace_same_bytes),
        cmocka_unit_test(sample_is_as_written_now),
        cmocka_unit_test(no_trace_records_nothing),
    };
    const struct CMUnitTest others[] = {cmocka_unit_test(paje_reads_the_same)};
    if (argc != 2) {
        fprintf(stderr, "usage: test_traces SAMPLE.json | pj_dump\n");
        return 2;
    }
    sample_path = argv[1];
    if (!strcmp(argv[1], "pj_dump") && system("command -v pj_dump >/dev/null 2>&1") != 0) {
        puts("1..0 # SKIP there is no pj_dump");
        return 0;
    }
    if (!strcmp(argv[1], "pj_dump"))
        return cmocka_run_group_tests_name("pj_dump", others, NULL, NULL);
    return cmocka_run_group_tests_name("traces", tests, NULL, NULL);
}
