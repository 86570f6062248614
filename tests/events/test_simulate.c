// Is the order of events right, do buffers push back, and is the bottleneck named that is there?
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "sim/dataflow/dataflow.h"
#include "sim/events/engine.h"
#include "sim/run/run.h"
#include "sim/events/transport.h"
#include "sim/map/map.h"
#include "sim/run/result.h"
#include "tests/close.h"
#include "tests/support/setup.h"
#include "traces/trace.h"

// A fast layer before a slow one: 4 channels, then 200, on small maps.
static const char two_layers[] =
    "name: two\ninput: {channels: 4, height: 16, width: 16, bits: 1}\nclasses: 10\n"
    "encoder: raw\ndefault_form: binary\nlayers:\n"
    "  - {name: fast, kind: conv, out: 4, kernel: 3, pad: 1}\n"
    "  - {name: slow, kind: conv, out: 200, kernel: 3, pad: 1}\n"
    "  - {name: fc, kind: linear, out: 10}\n";

static struct result *run_sets(const char *const sets[], enum noc_backend noc)
{
    struct setup s = setup_text("hawis", two_layers, NULL, sets);
    struct result *r = setup_run(&s, &(struct run_params){.backend = noc});
    setup_free(&s);
    return r;
}

static const struct shared_part *find_part(const struct result *r, const char *name)
{
    for (size_t i = 0; i < r->n_shared; i++)
        if (strstr(r->parts[i].name, name))
            return &r->parts[i];
    fail_msg("no part '%s'", name);
    return &r->parts[0];
}

static void a_full_buffer_blocks_its_producer(void **state)
{
    (void)state;
    static const char *const shallow[] = {"tile.input_rows=3", "adc.count=8", NULL};
    static const char *const deep[] = {"tile.input_rows=16", "adc.count=8", NULL};
    struct result *a = run_sets(shallow, BACKEND_CALENDAR);
    struct result *b = run_sets(deep, BACKEND_CALENDAR);
    const struct shared_part *full = find_part(a, "input buffer of slow");
    const struct shared_part *roomy = find_part(b, "input buffer of slow");
    assert_true(full->wait_s > 0);
    assert_string_equal(full->blocked, "fast");
    assert_string_equal(full->blocker, "slow");
    assert_true(roomy->wait_s == 0); // 16 rows hold the whole map
    assert_true(a->layers[0].wait_s > b->layers[0].wait_s);
    assert_true(a->layers[0].end_s > b->layers[0].end_s);
    result_destroy(a);
    result_destroy(b);
}

// Residual buffers that are too shallow let the two paths of a block starve each other.
static void depth_changes_latency_and_bottleneck(void **state)
{
    (void)state;
    static const char *const shallow[] = {"tile.residual_rows=2", NULL};
    struct setup a = setup_make("hawis", "resnet20", NULL, NULL, shallow);
    struct setup b = setup_make("hawis", "resnet20", NULL, NULL, NULL);
    struct result *x = setup_run(&a, &(struct run_params){.images = 5});
    struct result *y = setup_run(&b, &(struct run_params){.images = 5});
    assert_true(x->latency_s > 1.5 * y->latency_s);
    assert_true(x->throughput_ips < 0.6 * y->throughput_ips);
    assert_non_null(
        strstr(x->bottleneck, "residual buffer of layer1.0.add in tile 2 from tile 0 is full"));
    assert_true(!strncmp(y->bottleneck, "conv1, busy", 11));
    result_destroy(x);
    result_destroy(y);
    setup_free(&a);
    setup_free(&b);
}

static void names_the_bottleneck(void **state)
{
    (void)state;
    static const char *const slow_adcs[] = {"adc.count=1", NULL};
    static const char *const slow_links[] = {"noc.link_rate=0.01 Gb/s", NULL};
    static const char *const slow_chip[] = {"offchip.rate=0.001 Gb/s", NULL};
    static const char *const slow_memory[] = {"tile.buffer.time=5 us", NULL};
    struct result *base = run_sets(NULL, BACKEND_CALENDAR);
    struct result *adcs = run_sets(slow_adcs, BACKEND_CALENDAR);
    struct result *links = run_sets(slow_links, BACKEND_CALENDAR);
    struct result *offchip = run_sets(slow_chip, BACKEND_CALENDAR);
    struct result *memory = run_sets(slow_memory, BACKEND_CALENDAR);
    assert_true(adcs->latency_s > base->latency_s && links->latency_s > base->latency_s);
    assert_non_null(strstr(adcs->bottleneck, "slow"));
    assert_non_null(strstr(adcs->bottleneck, "conversion"));
    assert_non_null(strstr(links->bottleneck, "link ("));
    assert_non_null(strstr(offchip->bottleneck, "off-chip link"));
    assert_non_null(strstr(memory->bottleneck, "write"));
    assert_string_not_equal(base->bottleneck, adcs->bottleneck);
    // The throughput is that of the busiest link.
    double busiest_s = 0;
    for (size_t i = 0; i < links->n_shared; i++)
        if (links->parts[i].kind == SHARED_LINK && links->parts[i].busy_s > busiest_s)
            busiest_s = links->parts[i].busy_s;
    assert_close(links->throughput_ips * busiest_s, 1, 1e-12);
    result_destroy(base);
    result_destroy(adcs);
    result_destroy(links);
    result_destroy(offchip);
    result_destroy(memory);
}

static void columns_queue_for_adcs(void **state)
{
    (void)state;
    static const char *const few[] = {"adc.count=50", NULL}, *const many[] = {"adc.count=200",
                                                                              NULL};
    struct result *a = run_sets(few, BACKEND_CALENDAR), *b = run_sets(many, BACKEND_CALENDAR);
    // 200 columns on 50 ADCs: four rounds; each of 256 windows converts for 4 times 10/1.1 ns, and
    // the last columns stand in line for three of them.
    struct shared_part adcs = {0};
    for (size_t i = 0; i < a->n_shared; i++)
        if (a->parts[i].kind == SHARED_ADC && a->parts[i].blocked &&
            !strcmp(a->parts[i].blocked, "slow"))
            adcs = a->parts[i];
    assert_close(adcs.busy_s, 256 * 4 * (10 / 1.1e9), 1e-12);
    assert_close(adcs.wait_s, 256 * 3 * (10 / 1.1e9), 1e-12);
    for (size_t i = 0; i < b->n_shared; i++)
        assert_true(b->parts[i].kind != SHARED_ADC || b->parts[i].wait_s == 0);
    result_destroy(a);
    result_destroy(b);
}

static void says_who_waits_for_whom(void **state)
{
    (void)state;
    static const char *const shallow[] = {"tile.residual_rows=1", NULL};
    struct setup s = setup_make("hawis", "resnet20", NULL, NULL, shallow);
    struct result *r = NULL;
    struct err err = {0};
    assert_false(run_mapping(s.map, &(struct run_params){.images = 1}, &r, &err));
    assert_non_null(strstr(err.text, "deadlock: "));
    assert_non_null(strstr(err.text, "conv1 (tile 0) waits for a free place for residual rows in "
                                     "layer1.0.conv2 (tile 2)"));
    assert_non_null(strstr(err.text, "tile.residual_rows"));
    setup_free(&s);
    s = setup_make("hawis", "resnet20", NULL, NULL, NULL); // and the next run works
    r = setup_run(&s, &(struct run_params){.images = 1});
    result_destroy(r);
    setup_free(&s);
}

static const struct span *first_span(const struct span *spans, size_t n, int layer, int token)
{
    for (size_t i = 0; i < n; i++)
        if (spans[i].kind == SPAN_COMPUTE && spans[i].layer == layer && spans[i].token == token)
            return &spans[i];
    fail_msg("no span of layer %d, token %d", layer, token);
    return &spans[0];
}

static void rows_flow_in_order(void **state)
{
    (void)state;
    struct setup s = setup_text("hawis", two_layers, NULL, NULL);
    struct trace *trace = trace_create();
    struct result *r = setup_run(&s, &(struct run_params){.trace = trace});
    const struct span *spans;
    size_t n = trace_spans(trace, &spans);
    for (int y = 0; y < 16; y++) {
        int last = y + 1 < 16 ? y + 1 : 15; // a 3x3 kernel needs one row more
        const struct span *slow = first_span(spans, n, 2, y);
        assert_true(slow->start_s >= first_span(spans, n, 1, last)->end_s);
        assert_true(first_span(spans, n, 1, y)->start_s >= first_span(spans, n, 0, last)->end_s);
        if (y)
            assert_true(slow->start_s >= first_span(spans, n, 2, y - 1)->end_s);
    }
    const struct span *fc = first_span(spans, n, 3, 0);
    assert_true(fc->start_s >= first_span(spans, n, 2, 15)->end_s);
    trace_destroy(trace);
    result_destroy(r);
    setup_free(&s);
}

// One packet over one link, with nothing else in the way.
static void a_packet_takes_its_time(void **state)
{
    (void)state;
    static const char text[] = "name: p\ninput: {channels: 256, height: 1, width: 1, bits: 1}\n"
                               "classes: 10\nencoder: raw\ndefault_form: binary\nlayers:\n"
                               "  - {name: a, kind: linear, out: 256}\n"
                               "  - {name: b, kind: linear, out: 10}\n";
    static const char *const sets[] = {"tile.buffer.time=0 s",    "pe.buffer.time=0 s",
                                       "noc.router_time=1 ns",    "noc.link_rate=20 Gb/s",
                                       "tile.bus.rate=1000 Tb/s", NULL};
    struct setup s = setup_text("hawis", text, NULL, sets);
    struct dataflow *flow = dataflow_create(s.map, TOKENS_ROWS);
    struct transport *t = transport_create(flow, BACKEND_CALENDAR);
    int found = 0;
    for (int c = 0; c < flow->n_channels; c++) {
        const struct dataflow_channel *channel = &flow->channels[c];
        if (channel->hops != 1 || channel->from < 0 || channel->to < 0)
            continue;
        assert_int_equal(channel->bits, 256); // 32 bytes
        int64_t there = transport_send(t, c, 0, 0);
        assert_close(engine_seconds(there), 13.8e-9, 1e-6);
        // The next one waits for the link: 12.8 ns later.
        assert_close(engine_seconds(transport_send(t, c, 0, 0)), 26.6e-9, 1e-6);
        found++;
    }
    assert_int_equal(found, 1);
    transport_destroy(t);
    dataflow_destroy(flow);
    setup_free(&s);
}

static void a_thousand_repeats_give_the_same_bits(void **state)
{
    (void)state;
    struct setup s = setup_make("hawis", "mlp", "binary", NULL, NULL);
    struct result *first = setup_run(&s, &(struct run_params){.images = 2});
    for (int i = 0; i < 1000; i++) {
        struct result *r = setup_run(&s, &(struct run_params){.images = 2});
        assert_memory_equal(&r->latency_s, &first->latency_s, sizeof r->latency_s);
        assert_memory_equal(&r->throughput_ips, &first->throughput_ips, sizeof r->latency_s);
        assert_memory_equal(&r->energy_j, &first->energy_j, sizeof r->energy_j);
        for (size_t l = 0; l < r->n_layers; l++)
            assert_memory_equal(&r->layers[l].wait_s, &first->layers[l].wait_s, sizeof(double));
        result_destroy(r);
    }
    result_destroy(first);
    setup_free(&s);
}

static int64_t sent, to_send;

static void note_progress(int64_t done, int64_t all)
{
    assert_true(done > sent && done <= all && (to_send == 0 || to_send == all));
    sent = done;
    to_send = all;
}

// Rows of two images, whose sum every channel states, are all counted.
static void progress_ends_with_all_tokens(void **state)
{
    (void)state;
    for (int noc = 0; noc < BACKEND_SIMGRID; noc++) { // that needs a process of its own
        sent = to_send = 0;
        struct setup s = setup_text("hawis", two_layers, NULL, NULL);
        result_destroy(setup_run(&s, &(struct run_params){.backend = (enum noc_backend)noc,
                                                          .images = 20,
                                                          .progress = note_progress}));
        assert_true(to_send > 20 * 16);
        assert_int_equal(sent, to_send);
        setup_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_buffer_blocks_its_producer),
        cmocka_unit_test(depth_changes_latency_and_bottleneck),
        cmocka_unit_test(names_the_bottleneck),
        cmocka_unit_test(columns_queue_for_adcs),
        cmocka_unit_test(says_who_waits_for_whom),
        cmocka_unit_test(rows_flow_in_order),
        cmocka_unit_test(a_packet_takes_its_time),
        cmocka_unit_test(progress_ends_with_all_tokens),
        cmocka_unit_test(a_thousand_repeats_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
