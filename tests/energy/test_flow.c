// Who sends what to whom, and what the events make of it, on nets small enough to count by hand.
#include "sim/dataflow/dataflow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "base/catalog/catalog.h"
#include "sim/energy/charge.h"
#include "sim/run/run.h"
#include "sim/map/map.h"
#include "sim/map/size.h"
#include "sim/run/result.h"
#include "tests/close.h"
#include "tests/support/setup.h"

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

// Dense: the 49 rows of a 7x7 kernel over one channel lie in four crossbars of 16 rows, which all
// read the same channel: it comes, and is kept, once.
static void a_channel_cut_into_blocks_is_read_once(void **state)
{
    (void)state;
    static const char text[] =
        "{name: t, input: {channels: 1, height: 8, width: 8, bits: 8}, encoder: raw,\n"
        "layers: [{name: a, kind: conv, out: 2, kernel: 7, pad: 3}]}";
    struct setup s = setup_text("isaac-ce", text, "int8",
                                SETS("mapping.policy=dense", "crossbar.rows=16", "dac.count=16"));
    assert_int_equal(s.map->layers[1].row_blocks, 4);
    assert_int_equal(s.map->n_tiles, 1);
    assert_int_equal(size_channels(s.map, 0, 4, 0, INT64_MAX), 1);
    assert_int_equal(size_rows(s.map, 0, 4), 49);
    assert_int_equal(size_tile_row_bits(s.map, 0), 8 * 8);
    struct dataflow *flow = dataflow_create(s.map, TOKENS_ROWS);
    assert_int_equal(flow->channels[flow->from_offchip[0]].bits, 8 * 8);
    dataflow_destroy(flow);
    setup_free(&s);
}

// Any run of slices against a count of every row and channel.
static void runs_of_slices_reach_what_they_hold(void **state)
{
    (void)state;
    static const char text[] =
        "{name: t, input: {channels: 12, height: 4, width: 4, bits: 8}, encoder: raw,\n"
        "layers: [{name: a, kind: conv, out: 12, kernel: 3, pad: 1, groups: 2}]}";
    struct setup s = setup_text("hawis", text, "int8",
                                SETS("mapping.policy=dense", "crossbar.rows=20", "dac.count=20",
                                     "crossbar.columns=4", "tile.pes=200"));
    int n = s.map->n_slices;
    assert_true(n > 50);
    for (int from = 0; from < n; from += 3)
        for (int to = from + 1; to <= n; to++) {
            bool rows[2][54] = {{0}}, channels[12] = {0};
            int n_rows = 0, n_channels = 0;
            for (int i = from; i < to; i++) {
                const struct slice *p = &s.map->slices[i];
                for (int r = p->row0; r < p->row0 + p->rows; r++) {
                    n_rows += !rows[p->group][r];
                    rows[p->group][r] = true;
                    int c = p->group * 6 + r / 9;
                    n_channels += !channels[c] && c >= 2 && c < 9;
                    channels[c] = true;
                }
            }
            assert_int_equal(size_rows(s.map, from, to), n_rows);
            assert_int_equal(size_channels(s.map, from, to, 2, 9), n_channels);
        }
    setup_free(&s);
}

// The same with matrices of up to three groups, in crossbars of two tiles.
static void runs_of_packed_slices_reach_what_they_hold(void **state)
{
    (void)state;
    static const char text[] =
        "{name: t, input: {channels: 16, height: 4, width: 4, bits: 8}, encoder: raw,\n"
        "layers: [{name: a, kind: conv, out: 8, kernel: 3, pad: 1, groups: 8}]}";
    struct setup s =
        setup_text("hawis", text, "int8", SETS("crossbar.rows=60", "dac.count=60", "tile.pes=15"));
    int n = s.map->n_slices; // 3 + 3 + 2 groups of 18 rows, 7 slices each
    assert_int_equal(s.map->layers[1].packed, 3);
    assert_int_equal(n, 3 * 7);
    assert_int_equal(s.map->n_tiles, 2);
    for (int from = 0; from < n; from++)
        for (int to = from + 1; to <= n; to++) {
            int first = from / 7, last = (to - 1) / 7; // matrices
            int channels = 6 * (last + 1) < 16 ? 6 * (last + 1) : 16;
            channels -= 6 * first;
            assert_int_equal(size_rows(s.map, from, to), channels * 9);
            assert_int_equal(size_channels(s.map, from, to, 0, INT64_MAX), channels);
        }
    // Tile 0 holds the first two matrices and a slice of the third.
    struct dataflow *flow = dataflow_create(s.map, TOKENS_ROWS);
    assert_int_equal(flow->n_from_offchip, 2);
    assert_int_equal(flow->channels[flow->from_offchip[0]].bits, 16 * 4 * 8);
    assert_int_equal(flow->channels[flow->from_offchip[1]].bits, 4 * 4 * 8);
    assert_int_equal(flow->nodes[0].outs, 8);
    assert_int_equal(flow->nodes[1].outs, 0); // it adds its slices to the third matrix's sums
    dataflow_destroy(flow);
    setup_free(&s);
}

// Nothing to lay on crossbars is said, not tried.
static void a_net_without_matrices_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{name: t, input: {channels: 3, height: 8, width: 8}, encoder: raw,\n"
        "layers: [{name: p, kind: pool, kernel: 2}]}";
    struct err err = {0};
    struct catalog catalog = {0};
    struct chip *chip = NULL;
    struct net *net = NULL;
    struct mapping *map = NULL;
    assert_true(chip_load(catalog_open(&catalog, CATALOG_CHIP, "hawis", &err), &chip, &err));
    struct conf *conf = conf_parse("net", text, strlen(text), &err);
    assert_true(net_load(conf, &(struct net_options){0}, &net, &err));
    assert_false(map_net(net, chip, 1, &map, &err));
    assert_non_null(strstr(err.text, "no convolution or linear layer"));
    net_destroy(net);
    conf_close(conf);
    chip_destroy(chip);
}

// 2^26 windows of 65536 x 65536 weights in 16 slices and 16 cycles: 2^66 cells read.
static void counts_beyond_64_bits_are_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{name: t, input: {channels: 65536, height: 8192, width: 8192, bits: 16}, encoder: raw,\n"
        "layers: [{name: big, kind: conv, out: 65536, kernel: 1}]}";
    struct setup s = setup_text("ideal", text, "int16", SETS("cell.bits=1", "dac.bits=1"));
    struct dataflow *flow = dataflow_create(s.map, TOKENS_ROWS);
    struct err err = {0};
    assert_false(charge_fits(flow, 1, &err));
    assert_non_null(strstr(err.text, "layer 'big'"));
    dataflow_destroy(flow);
    setup_free(&s);
}

// A classifier needs all 17 rows of its input. One PE keeps 16 of the one-bit features, 1 bit of
// every row, in a buffer of the 16 B that the convolution needs (4 rows of 4 pixels of 8 bits).
static void rows_share_bytes(void **state)
{
    (void)state;
    static const char text[] =
        "{name: t, input: {channels: 4, height: 17, width: 4}, encoder: raw,\n"
        "layers: [{name: a, kind: conv, out: 12, kernel: 3, pad: 1},\n"
        "         {name: fc, kind: linear, out: 10}]}";
    struct setup s =
        setup_text("hawis", text, "binary", SETS("crossbar.rows=16", "dac.count=16", "tile.pes=2"));
    const struct map_layer *fc = &s.map->layers[2];
    assert_close(s.map->pe_buffer.bytes, 16, 1e-12);
    for (int t = fc->tile0; t < fc->tile0 + fc->tiles; t++)
        assert_true(size_input_rows(s.map, t) >= 17);
    struct result *r = setup_run(&s, &(struct run_params){0});
    assert_true(r->latency_s > 0);
    result_destroy(r);
    setup_free(&s);
}

// Two row blocks by three column blocks on tiles of three crossbars: the second tile begins with a
// later row block, but only the convolution sends partial sums, not the pool in the same tiles.
static void pools_have_no_partial_sums(void **state)
{
    (void)state;
    static const char text[] =
        "{name: t, input: {channels: 32, height: 4, width: 4, bits: 8}, encoder: raw,\n"
        "layers: [{name: a, kind: conv, out: 24, kernel: 1}, {name: p, kind: pool, kernel: 2}]}";
    struct setup s = setup_text("hawis", text, "binary",
                                SETS("crossbar.rows=16", "crossbar.columns=8", "dac.count=16",
                                     "tile.pes=3", "pe.crossbars=1"));
    assert_int_equal(s.map->n_tiles, 2); // 2 x 3 crossbars
    struct dataflow *flow = dataflow_create(s.map, TOKENS_ROWS);
    int psums = 0;
    for (int i = 0; i < flow->n_channels; i++)
        if (flow->channels[i].kind == CHANNEL_PSUM) {
            psums++;
            assert_int_equal(flow->channels[i].layer, 1);
        }
    assert_int_equal(psums, 1);
    dataflow_destroy(flow);
    setup_free(&s);
}

// The link's latency comes once with the image and once with the result; rows follow each other.
static void offchip_latency_is_paid_once_each_way(void **state)
{
    (void)state;
    static const char text[] =
        "{name: t, input: {channels: 3, height: 16, width: 16}, encoder: raw,\n"
        "layers: [{name: a, kind: conv, out: 4, kernel: 1}]}";
    double latency_s[2];
    for (int i = 0; i < 2; i++) {
        struct setup s = setup_text("hawis", text, "int8",
                                    SETS(i ? "offchip.latency=1 us" : "offchip.latency=0 s"));
        struct result *r = setup_run(&s, &(struct run_params){0});
        latency_s[i] = r->latency_s;
        result_destroy(r);
        setup_free(&s);
    }
    assert_close(latency_s[1] - latency_s[0], 2e-6, 1e-6);
}

// A 1x1 kernel with stride 3 leaves the last two of six rows unread; the tile before makes them
// all the same, and the run lasts until it has.
static void unread_rows_are_work_too(void **state)
{
    (void)state;
    static const char text[] =
        "{name: t, input: {channels: 3, height: 6, width: 6}, encoder: raw,\n"
        "layers: [{name: a, kind: conv, out: 4, kernel: 3, pad: 1},\n"
        "         {name: b, kind: conv, out: 4, kernel: 1, stride: 3}]}";
    struct setup s = setup_text("hawis", text, "int8", SETS("adc.count=1"));
    struct result *r = setup_run(&s, &(struct run_params){0});
    assert_true(r->layers[0].busy_s > r->latency_s);
    assert_true(r->run_s >= r->layers[0].end_s);
    result_destroy(r);
    setup_free(&s);
}

// The image goes to 39 tiles over one slow link: whoever sends later never goes back in time to
// where others have already been, so no part works longer than the run.
static void no_part_works_longer_than_the_run(void **state)
{
    (void)state;
    static const char text[] =
        "{name: t, input: {channels: 8, height: 4, width: 4, bits: 8}, encoder: raw,\n"
        "layers: [{name: c, kind: conv, out: 24, kernel: 5, stride: 2, pad: 2},\n"
        "         {name: fc, kind: linear, out: 10}]}";
    struct setup s =
        setup_text("mnsim-default", text, "int16",
                   SETS("crossbar.rows=16", "crossbar.columns=64", "dac.count=16", "adc.count=8",
                        "adc.per=crossbar", "crossbar.slices=columns", "tile.pes=2",
                        "noc.link_rate=2 Gb/s", "noc.flit=8", "mapping.policy=dense"));
    assert_true(s.map->layers[1].tiles == 39);
    struct result *r = setup_run(&s, &(struct run_params){.images = 20});
    for (size_t i = 0; i < r->n_shared; i++)
        if (r->parts[i].kind != SHARED_BUFFER && r->parts[i].busy_s > r->run_s)
            fail_msg("%s: %g s of %g s", r->parts[i].name, r->parts[i].busy_s, r->run_s);
    result_destroy(r);
    setup_free(&s);
}

// A single port of the tile's buffer makes reads wait for writes, PE buffers or not.
static void one_port_is_slower_than_two(void **state)
{
    (void)state;
    double latency_s[2];
    for (int i = 0; i < 2; i++) {
        struct setup s = setup_make(
            "hawis", "resnet20", NULL, "2x",
            SETS(i ? "tile.buffer.ports=1" : "tile.buffer.ports=2", "tile.buffer.time=200 ns"));
        struct result *r = setup_run(&s, &(struct run_params){0});
        latency_s[i] = r->latency_s;
        result_destroy(r);
        setup_free(&s);
    }
    assert_true(latency_s[1] > latency_s[0] * 1.001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_cut_into_blocks_is_read_once),
        cmocka_unit_test(runs_of_slices_reach_what_they_hold),
        cmocka_unit_test(runs_of_packed_slices_reach_what_they_hold),
        cmocka_unit_test(a_net_without_matrices_is_refused),
        cmocka_unit_test(counts_beyond_64_bits_are_refused),
        cmocka_unit_test(rows_share_bytes),
        cmocka_unit_test(pools_have_no_partial_sums),
        cmocka_unit_test(offchip_latency_is_paid_once_each_way),
        cmocka_unit_test(unread_rows_are_work_too),
        cmocka_unit_test(no_part_works_longer_than_the_run),
        cmocka_unit_test(one_port_is_slower_than_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
