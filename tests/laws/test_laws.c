// Does the model obey its own formulas? Everything here is computed a second time, from the chip's
// numbers, or compared with itself under a change whose effect is known.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "sim/energy/charge.h"
#include "sim/dataflow/dataflow.h"
#include "sim/run/run.h"
#include "sim/events/simulate.h"
#include "sim/map/map.h"
#include "sim/run/result.h"
#include "tests/close.h"
#include "tests/support/setup.h"
#include "traces/trace.h"

static struct result *run(const struct setup *s, enum tokens tokens, enum noc_backend noc,
                          int images)
{
    return setup_run(s, &(struct run_params){.tokens = tokens, .backend = noc, .images = images});
}

static double latency(const char *chip, const char *net, const char *width,
                      const char *const sets[], enum tokens tokens, enum noc_backend noc)
{
    struct setup s = setup_make(chip, net, NULL, width, sets);
    struct result *r = run(&s, tokens, noc, 1);
    double latency_s = r->latency_s;
    result_destroy(r);
    setup_free(&s);
    return latency_s;
}

static const char *const cases[][3] = {{"hawis", "resnet20", "1x"},
                                       {"hawis", "resnet32", "3x"},
                                       {"hawis-sa", "lenet5", "1x"},
                                       {"isaac-ce", "lenet5", "1x"},
                                       {"hawis", "resnet18", "1x"}};
enum { N_CASES = sizeof cases / sizeof *cases };

static void parts_sum_to_totals(void **state)
{
    (void)state;
    for (int c = 0; c < N_CASES; c++) {
        struct setup s = setup_make(cases[c][0], cases[c][1], NULL, cases[c][2], NULL);
        struct result *r = run(&s, TOKENS_ROWS, BACKEND_CALENDAR, 2);
        double total = r->shared_j, without = r->shared_j - r->shared.energy_j[PART_LEAKAGE];
        for (size_t i = 0; i < r->n_layers; i++) {
            const struct layer_result *l = &r->layers[i];
            double sum = 0;
            for (int p = 0; p < PARTS; p++)
                sum += l->ledger.energy_j[p];
            assert_true(sum == l->energy_j); // exactly
            assert_close(l->compute_s + l->wait_s + l->transfer_s, l->latency_s, 1e-12);
            total += l->energy_j;
            without += l->energy_j - l->ledger.energy_j[PART_LEAKAGE];
        }
        assert_close(total, r->energy_j, 1e-14);
        assert_close(without, r->energy_without_leakage_j, 1e-12);
        double area = 0;
        for (size_t i = 0; i < r->n_areas; i++)
            area += r->areas[i].area_m2;
        assert_close(area, r->area_m2, 1e-12);
        result_destroy(r);
        setup_free(&s);
    }
}

static void spans_sum_to_the_energy(void **state)
{
    (void)state;
    struct setup s = setup_make("hawis", "resnet20", NULL, NULL, NULL);
    for (int tokens = 0; tokens < 2; tokens++) {
        struct trace *trace = trace_create();
        struct result *r = setup_run(
            &s, &(struct run_params){.tokens = (enum tokens)tokens, .images = 2, .trace = trace});
        const struct span *spans;
        size_t n = trace_spans(trace, &spans);
        double sum = 0;
        double *layers = calloc(r->n_layers + 1, sizeof *layers);
        for (size_t i = 0; i < n; i++) {
            assert_true(spans[i].end_s >= spans[i].start_s);
            sum += spans[i].energy_j;
            layers[spans[i].layer] += spans[i].energy_j;
        }
        assert_close(sum, 2 * r->energy_without_leakage_j, 1e-9);
        for (size_t l = 0; l < r->n_layers; l++)
            assert_close(layers[l + 1], 2 * ledger_no_leakage(&r->layers[l].ledger), 1e-9);
        free(layers);
        trace_destroy(trace);
        result_destroy(r);
    }
    setup_free(&s);
}

// One binary linear layer, 200 features in, 10 out, in one crossbar of `hawis`: all of it by hand.
static void one_linear_layer_is_the_closed_form(void **state)
{
    (void)state;
    static const char text[] = "name: one\ninput: {channels: 200, height: 1, width: 1, bits: 1}\n"
                               "classes: 10\nencoder: raw\ndefault_form: binary\n"
                               "layers:\n  - {name: fc, kind: linear, out: 10}\n";
    struct setup s = setup_text("hawis", text, NULL, NULL);
    struct result *r = run(&s, TOKENS_ROWS, BACKEND_CALENDAR, 1);
    const struct layer *fc = &s.net->layers[1];
    int words_in = (200 + 63) / 64, bits_out = 10 * fc->out_bits;
    int words_out = (bits_out + 63) / 64, groups = 2; // 128 DACs for 200 rows
    // Image in; bus (head) and buffer port overlap; read, two groups of rows, sums written;
    // read out of the tile's buffer; result out.
    double ns = 200 / 204.8 + words_in * 20.0 + words_in * 20.0 + groups * (3.0 + 3.16 + 10 / 1.1) +
                1 * 2.0 /* 20 shift-adds on 4 x 128 */ + words_out * 20.0 + words_out * 20.0 +
                bits_out / 204.8;
    assert_close(r->latency_s, ns * 1e-9, 1e-9);
    double v2 = 0.1 * 0.25, siemens = 0.67 / 3e6 + 0.33 / 3e3;
    double cells = 200 * 10 * 2 * v2 * siemens * 3.16e-9;
    double fc_j = cells + 200 * 0.0039e-3 * 3e-9 + groups * 10 * 4e-3 * (10 / 1.1e9) +
                  groups * 10 * 1.62e-15 + words_in * (7.5695e-12 + 13.1361e-12) +
                  words_out * (7.5695e-12 + 13.1361e-12) +
                  ((bits_out + 31) / 32) * 2.59e-12 /* one router */;
    assert_close(ledger_no_leakage(&r->layers[0].ledger), fc_j, 1e-9);
    double shared = 200 * 0.0295e-12 + (200 + bits_out) * 0.203e-12 + 7 * 2.59e-12;
    assert_close(ledger_no_leakage(&r->shared), shared, 1e-9);
    // Five SRAMs leak in the one occupied tile.
    assert_close(r->energy_j - r->energy_without_leakage_j, 5 * 1.006428e-3 * ns * 1e-9, 1e-9);
    result_destroy(r);
    setup_free(&s);
}

// A 3x3 layer whose input is there long before it is needed: rows of windows one after the other.
static void one_conv_layer_is_the_closed_form(void **state)
{
    (void)state;
    static const char text[] = "name: one\ninput: {channels: 8, height: 6, width: 6, bits: 1}\n"
                               "classes: 10\nencoder: raw\ndefault_form: binary\nlayers:\n"
                               "  - {name: conv, kind: conv, out: 12, kernel: 3, pad: 1}\n";
    static const char *const fast[] = {"offchip.rate=1000 Tb/s",
                                       "tile.bus.rate=1000 Tb/s",
                                       "pe.buffer.time=0 ns",
                                       "noc.link_rate=1000 Tb/s",
                                       "tile.buffer.time=5 ns",
                                       "tile.input_rows=6",
                                       NULL};
    struct setup s = setup_text("hawis", text, NULL, fast);
    struct result *r = run(&s, TOKENS_ROWS, BACKEND_CALENDAR, 1);
    const struct layer *conv = &s.net->layers[1];
    double out_words = ceil(12 * conv->out_bits / 64.0); // the logits of a net without a classifier
    double output_ns = conv->act == ACT_NONE ? 0 : 2;
    double window_ns = 3.0 + 3.16 + 10 / 1.1 + output_ns + out_words * 5;
    double row_words = ceil(6 * 12 * conv->out_bits / 64.0);
    double ns = 36 * window_ns + row_words * 5;
    assert_close(r->latency_s, ns * 1e-9, 1e-6); // links are fast, not infinitely
    assert_int_equal(r->layers[0].ledger.count[METER_CONVERSIONS], 36 * 12);
    assert_int_equal(r->layers[0].ledger.count[METER_ROW_DRIVES], 36 * 72);
    assert_int_equal(r->layers[0].ledger.count[METER_CELL_READS], 36 * 72 * 12 * 2);
    // 72 bits at each row's start, 24 for the five windows after it.
    assert_int_equal(r->layers[0].ledger.count[METER_PE_READS], 6 * (2 + 5 * 1));
    result_destroy(r);
    setup_free(&s);
}

static void events_count_what_the_closed_form_counts(void **state)
{
    (void)state;
    static const char *const copies[] = {"mapping.replicate=true", "mapping.tiles=300", NULL};
    static const char *const dense[] = {"mapping.policy=dense", NULL};
    const char *const *const sets[] = {NULL, copies, dense};
    for (int c = 0; c < N_CASES; c++)
        for (int v = 0; v < 3; v++) {
            if (!strcmp(cases[c][0], "isaac-ce") && v == 1)
                continue; // has 168 tiles
            struct setup s = setup_make(cases[c][0], cases[c][1], NULL, cases[c][2], sets[v]);
            struct result *r = run(&s, TOKENS_ROWS, BACKEND_CALENDAR, 3);
            struct dataflow *flow = dataflow_create(s.map, TOKENS_ROWS);
            struct ledger *layers = calloc(s.net->n, sizeof *layers), shared = {0};
            charge_closed_form(flow, layers, &shared);
            for (size_t i = 0; i < r->n_layers; i++)
                assert_memory_equal(layers[i + 1].count, r->layers[i].ledger.count,
                                    sizeof layers->count);
            assert_memory_equal(shared.count, r->shared.count, sizeof shared.count);
            free(layers);
            dataflow_destroy(flow);
            result_destroy(r);
            setup_free(&s);
        }
}

static void faster_parts_never_slow_it_down(void **state)
{
    (void)state;
    static const char *const keys[][5] = {
        {"noc.link_rate=0.5 Gb/s", "noc.link_rate=2 Gb/s", "noc.link_rate=8 Gb/s",
         "noc.link_rate=32 Gb/s", "noc.link_rate=1000 Gb/s"},
        {"adc.count=1", "adc.count=4", "adc.count=16", "adc.count=64", "adc.count=256"},
        {"dac.count=8", "dac.count=32", "dac.count=64", "dac.count=128", "dac.count=256"},
        {"tile.buffer.time=80 ns", "tile.buffer.time=40 ns", "tile.buffer.time=20 ns",
         "tile.buffer.time=10 ns", "tile.buffer.time=1 ns"}};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        double last = 1e300;
        for (int i = 0; i < 5; i++) {
            const char *const sets[] = {keys[k][i], NULL};
            double now = latency("hawis", "resnet20", NULL, sets, TOKENS_ROWS, BACKEND_CALENDAR);
            if (now > last)
                fail_msg("%s takes %.17g s, longer than %.17g s before", keys[k][i], now, last);
            last = now;
        }
    }
}

// Nobody waits on the way of an ideal network, so it has no order of waiting that could be worse.
static void ideal_network_is_never_slower(void **state)
{
    (void)state;
    for (int c = 0; c < N_CASES; c++)
        for (int tokens = 0; tokens < 2; tokens++) {
            enum tokens t = (enum tokens)tokens;
            double calendar =
                latency(cases[c][0], cases[c][1], cases[c][2], NULL, t, BACKEND_CALENDAR);
            double ideal = latency(cases[c][0], cases[c][1], cases[c][2], NULL, t, BACKEND_IDEAL);
            assert_true(ideal <= calendar);
        }
}

// Rows delay every stage by what is left of a row when its first window could have gone on: at most
// one row of every stage, computed and sent. Single windows in turn lose to whole words and flits
// what rows fill up; buffers that take no time and flits of one bit leave that out.
static void rows_stay_near_windows(void **state)
{
    (void)state;
    static const char *const fine[] = {"tile.buffer.time=0 s", "noc.flit=1", NULL, NULL};
    static const char *const finer[] = {"tile.buffer.time=0 s", "noc.flit=1", "pe.buffer.time=0 s",
                                        NULL};
    for (int c = 0; c < N_CASES; c++) {
        const char *const *sets = strcmp(cases[c][0], "isaac-ce") ? finer : fine;
        struct setup s = setup_make(cases[c][0], cases[c][1], NULL, cases[c][2], sets);
        struct result *rows = run(&s, TOKENS_ROWS, BACKEND_IDEAL, 1);
        struct result *windows = run(&s, TOKENS_WINDOWS, BACKEND_IDEAL, 1);
        double bound = 0;
        for (size_t i = 0; i < rows->n_layers; i++)
            bound += (rows->layers[i].busy_s + windows->layers[i].transfer_s) /
                     s.net->layers[i + 1].out_h;
        double far = fabs(rows->latency_s - windows->latency_s);
        if (far > bound)
            fail_msg("%s on %s: rows %.6g s, windows %.6g s, more than %.6g s apart", cases[c][1],
                     cases[c][0], rows->latency_s, windows->latency_s, bound);
        result_destroy(rows);
        result_destroy(windows);
        setup_free(&s);
    }
}

// Many images: the stage that is busy longest sets the pace, and nothing is faster than it.
static void throughput_meets_the_slowest_stage(void **state)
{
    (void)state;
    struct setup s = setup_make("hawis", "resnet20", NULL, NULL, NULL);
    struct result *one = run(&s, TOKENS_ROWS, BACKEND_CALENDAR, 1);
    struct result *many = run(&s, TOKENS_ROWS, BACKEND_CALENDAR, 20);
    assert_true(one->throughput_estimated && !many->throughput_estimated);
    assert_true(many->throughput_ips <= one->throughput_ips * (1 + 1e-9));
    assert_close(many->throughput_ips, one->throughput_ips, 0.02);
    assert_close(one->latency_s, many->latency_s, 1e-9);
    result_destroy(one);
    result_destroy(many);
    setup_free(&s);
}

static void gating_switches_empty_tiles_off(void **state)
{
    (void)state;
    static const char *const on[] = {"power_gating=false", "noc.columns=8", "noc.rows=8", NULL};
    static const char *const off[] = {"power_gating=true", "noc.columns=8", "noc.rows=8", NULL};
    struct setup a = setup_make("hawis", "resnet20", NULL, NULL, on);
    struct setup b = setup_make("hawis", "resnet20", NULL, NULL, off);
    struct result *x = run(&a, TOKENS_ROWS, BACKEND_CALENDAR, 1);
    struct result *y = run(&b, TOKENS_ROWS, BACKEND_CALENDAR, 1);
    assert_true(x->energy_without_leakage_j == y->energy_without_leakage_j);
    double leak_on = x->energy_j - x->energy_without_leakage_j;
    double leak_off = y->energy_j - y->energy_without_leakage_j;
    assert_close(leak_on / leak_off, 64.0 / x->tiles, 1e-9); // 64 tiles leak instead of the used
    result_destroy(x);
    result_destroy(y);
    setup_free(&a);
    setup_free(&b);
}

// ISAAC: conversions = MACs x (weight bits / cell bits) x (input bits / DAC bits) / rows, and the
// unit column on top: 129/128 per 16-bit MAC when arrays are full.
static void isaac_converts_once_per_mac(void **state)
{
    (void)state;
    static const char text[] = "name: full\ninput: {channels: 128, height: 4, width: 4, bits: 16}\n"
                               "classes: 10\nencoder: raw\ndefault_form: int16\nlayers:\n"
                               "  - {name: conv, kind: conv, out: 64, kernel: 1}\n";
    struct setup s = setup_text("isaac-ce", text, "int16", NULL);
    struct result *r = run(&s, TOKENS_ROWS, BACKEND_CALENDAR, 1);
    double per_mac = (double)r->layers[0].ledger.count[METER_CONVERSIONS] / (double)r->macs;
    assert_close(per_mac, 129.0 / 128, 1e-12);
    result_destroy(r);
    setup_free(&s);
}

// A policy changes what is charged, never the events.
static void policies_share_the_events(void **state)
{
    (void)state;
    struct setup s = setup_make("hawis", "resnet20", NULL, NULL, NULL);
    struct result *exact = run(&s, TOKENS_ROWS, BACKEND_CALENDAR, 1);
    struct result *mnsim = setup_run(&s, &(struct run_params){.policy = POLICY_MNSIM});
    assert_true(exact->latency_s == mnsim->latency_s);
    assert_true(exact->throughput_ips == mnsim->throughput_ips);
    assert_true(exact->energy_j > 1.2 * mnsim->energy_j ||
                exact->energy_j < 0.8 * mnsim->energy_j || exact->area_m2 != mnsim->area_m2);
    result_destroy(exact);
    result_destroy(mnsim);
    setup_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_sum_to_totals),
        cmocka_unit_test(spans_sum_to_the_energy),
        cmocka_unit_test(one_linear_layer_is_the_closed_form),
        cmocka_unit_test(one_conv_layer_is_the_closed_form),
        cmocka_unit_test(events_count_what_the_closed_form_counts),
        cmocka_unit_test(faster_parts_never_slow_it_down),
        cmocka_unit_test(ideal_network_is_never_slower),
        cmocka_unit_test(rows_stay_near_windows),
        cmocka_unit_test(throughput_meets_the_slowest_stage),
        cmocka_unit_test(gating_switches_empty_tiles_off),
        cmocka_unit_test(isaac_converts_once_per_mac),
        cmocka_unit_test(policies_share_the_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
