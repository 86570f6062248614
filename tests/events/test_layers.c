// Layers that join or multiply maps, and all others, in time: no deadlock, the counts that formulas
// give, and buffers as deep as the paths beside them.
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
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/energy/charge.h"
#include "sim/dataflow/dataflow.h"
#include "sim/run/run.h"
#include "sim/map/map.h"
#include "sim/run/result.h"
#include "tests/close.h"
#include "tests/support/layer_nets.h"
#include "tests/support/setup.h"

#define MULTIPLIER "tile.multiplier={time: 1 ns, energy: 0.2 pJ, area: 282 um2}"
#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char *text_of(const char *name)
{
    for (size_t n = 0; n < n_layer_nets; n++)
        if (!strcmp(layer_nets[n].name, name))
            return layer_nets[n].yaml;
    fail_msg("no net '%s'", name);
    return NULL;
}

static int index_of(const struct net *net, const char *name)
{
    for (size_t i = 0; i < net->n; i++)
        if (!strcmp(net->layers[i].name, name))
            return (int)i;
    fail_msg("no layer '%s'", name);
    return -1;
}

// What the events did is what the closed form says, to the last count.
static void expect_counts(const struct setup *s, const struct result *r, enum tokens tokens)
{
    struct dataflow *flow = dataflow_create(s->map, tokens);
    struct ledger *layers = mem_alloc(s->net->n, sizeof *layers), shared = {0};
    charge_closed_form(flow, layers, &shared);
    for (size_t i = 1; i < s->net->n; i++)
        for (int m = 0; m < METERS; m++)
            assert_int_equal(layers[i].count[m], r->layers[i - 1].ledger.count[m]);
    free(layers);
    dataflow_destroy(flow);
}

static void events_follow_the_closed_form(void **state)
{
    (void)state;
    const struct {
        const char *chip;
        const char *const *sets;
    } chips[] = {{"hawis-q8", SETS(MULTIPLIER)},
                 {"hawis", SETS(MULTIPLIER, "mapping.replicate=true", "mapping.tiles=90")},
                 {"hawis", SETS(MULTIPLIER, "crossbar.rows=16", "crossbar.columns=4",
                                "dac.count=16", "mapping.policy=dense")},
                 {"isaac-ce", SETS(MULTIPLIER)}};
    for (size_t n = 0; n < n_layer_nets; n++)
        for (size_t c = 0; c < sizeof chips / sizeof *chips; c++)
            for (int tokens = 0; tokens < 2; tokens++) {
                struct setup s =
                    setup_text(chips[c].chip, layer_nets[n].yaml, "int8", chips[c].sets);
                struct run_params params = {.images = 3, .tokens = (enum tokens)tokens};
                struct result *r = setup_run(&s, &params);
                expect_counts(&s, r, (enum tokens)tokens);
                result_destroy(r);
                setup_free(&s);
            }
}

// Bits that a layer receives as its main input and as its second one.
static int64_t bits_into(const struct dataflow *flow, int layer, enum channel_kind kind)
{
    int64_t bits = 0;
    for (int i = 0; i < flow->n_channels; i++) {
        const struct dataflow_channel *c = &flow->channels[i];
        if (c->consumer == layer && c->kind == kind)
            bits += c->bits * c->rank[flow->mapping->net->layers[c->layer].out_h] * c->per_row;
    }
    return bits;
}

// Its readers take each channel from where it is made: 4 + 5 + 3 + 6 channels of 8 x 8 elements of
// 8 bits, and nothing is done on the way.
static void a_concat_costs_nothing(void **state)
{
    (void)state;
    struct setup s = setup_text("hawis-q8", text_of("branches of Inception"), "int8", NULL);
    int cat = index_of(s.net, "cat"), reader = index_of(s.net, "c"), b1 = index_of(s.net, "b1");
    for (int tokens = 0; tokens < 2; tokens++) {
        struct dataflow *flow = dataflow_create(s.map, (enum tokens)tokens);
        assert_int_equal(dataflow_stage_of(flow, cat), -1);
        assert_int_equal(bits_into(flow, reader, CHANNEL_INPUT), 18 * 64 * 8);
        dataflow_destroy(flow);
    }
    struct result *r = setup_run(&s, &(struct run_params){.images = 1});
    const struct layer_result *l = &r->layers[cat - 1];
    assert_true(l->energy_j == 0 && l->latency_s == 0 && l->tiles == 0);
    // b1 has row y when a has y + 1 rows, b5.1 when it has y + 5. Row y of `c` reads rows up to y +
    // 1, so that b1 makes y + 6 rows by then, of which y - 1 are done with: 7, and one that comes.
    assert_int_equal(s.map->layers[reader].ahead_rows, 8);
    assert_int_equal(s.map->layers[b1].ahead_rows, 0);
    result_destroy(r);
    setup_free(&s);
}

// Five channels to a crossbar, and one crossbar to a tile: each gets its own from the parts that
// they belong to. The parts are the channels 0..3, 4..8, 9..11 and 12..17.
static void channels_come_from_their_parts(void **state)
{
    (void)state;
    static const char *const parts[] = {"b1", "b3.1", "b5.1", "bp"};
    static const int first[] = {0, 4, 9, 12, 18};
    struct setup s = setup_text("hawis-q8", text_of("branches of Inception"), "int8",
                                SETS("crossbar.rows=45", "dac.count=45", "tile.pes=1",
                                     "pe.crossbars=1", "noc.columns=64", "noc.rows=64"));
    struct dataflow *flow = dataflow_create(s.map, TOKENS_ROWS);
    int reader = index_of(s.net, "c"), seen = 0;
    const struct dataflow_stage *stage = &flow->stages[dataflow_stage_of(flow, reader)];
    for (int n = stage->node0; n < stage->node0 + stage->nodes; n++) {
        const struct map_tile *tile = &s.map->tiles[flow->nodes[n].tile];
        const struct slice *slice = &s.map->slices[tile->slice0];
        assert_int_equal(tile->slices, 1);
        for (int k = 0; k < 4; k++) {
            int low = slice->chan0 > first[k] ? slice->chan0 : first[k];
            int end = slice->chan0 + slice->chans;
            int high = end < first[k + 1] ? end : first[k + 1];
            int64_t bits = 0;
            for (int i = 0; i < flow->n_channels; i++)
                if (flow->channels[i].to == n &&
                    flow->channels[i].layer == index_of(s.net, parts[k]))
                    bits += flow->channels[i].bits; // of a row of 8 pixels
            assert_int_equal(bits, high > low ? (high - low) * 8 * 8 : 0);
            seen += bits > 0;
        }
    }
    assert_true(seen > 4);
    dataflow_destroy(flow);
    setup_free(&s);
}

// 6 x 8 x 8 products; the gate sends one element for each channel, once; the map waits for it
// whole.
static void a_multiply_is_counted_and_buffered(void **state)
{
    (void)state;
    const char *text = text_of("squeeze and excitation");
    struct setup s = setup_text("hawis-q8", text, "int8", SETS(MULTIPLIER));
    int scale = index_of(s.net, "se.scale");
    struct dataflow *flow = dataflow_create(s.map, TOKENS_ROWS);
    assert_int_equal(bits_into(flow, scale, CHANNEL_INPUT), 6 * 64 * 8);
    assert_int_equal(bits_into(flow, scale, CHANNEL_SHORTCUT), 6 * 8);
    dataflow_destroy(flow);
    assert_int_equal(s.map->layers[scale].main_rows, 8 + 2);
    assert_int_equal(s.net->layers[scale].products, 6 * 64);
    assert_int_equal(net_ops(s.net).element_products, 6 * 64);
    struct result *r = setup_run(&s, &(struct run_params){.images = 2});
    const struct ledger *l = &r->layers[scale - 1].ledger;
    assert_int_equal(l->count[METER_PRODUCTS], 6 * 64);
    assert_close(l->energy_j[PART_MULTIPLIER], 6 * 64 * 0.2e-12, 1e-12);
    // 384 products of 1 ns each on one multiplier are in the layer's time.
    assert_true(r->layers[scale - 1].busy_s >= 384e-9);
    struct result *plain = NULL;
    struct setup without = setup_text("hawis-q8", text, "int8", NULL);
    struct err err = {0};
    assert_false(run_mapping(without.map, &(struct run_params){.images = 1}, &plain, &err));
    assert_non_null(strstr(err.text, "layer 'se.scale' multiplies elements, and chip 'hawis-q8'"));
    setup_free(&without);
    result_destroy(r);
    setup_free(&s);
}

// The buffer of the tile holds both factors: too few bytes are refused.
static void a_small_buffer_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct setup s = setup_text("isaac-ce", text_of("squeeze and excitation"), "int8", NULL);
    struct mapping *map = NULL;
    s.chip->tile.buffer.bytes = 400; // 10 rows of 8 pixels of 6 channels are 480
    assert_false(map_net(s.net, s.chip, 1, &map, &err));
    assert_non_null(strstr(err.text, "layer 'a' keeps "));
    setup_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_follow_the_closed_form),
        cmocka_unit_test(a_concat_costs_nothing),
        cmocka_unit_test(channels_come_from_their_parts),
        cmocka_unit_test(a_multiply_is_counted_and_buffered),
        cmocka_unit_test(a_small_buffer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
