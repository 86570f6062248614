// Every weight has exactly one place: no slice missing, none twice, no crossbar shared.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"
#include "tests/close.h"
#include "tests/map/support.h"

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

// Of one group.
static int rows_of(const struct layer *l)
{
    return l->in_c / l->groups * l->kernel_h * l->kernel_w;
}

// The slice lies inside its matrix and its crossbar, and says what it touches.
static void assert_sound(const struct mapping *map, const struct slice *s)
{
    const struct layer *l = &map->net->layers[s->layer];
    const struct map_layer *m = &map->layers[s->layer];
    const struct chip *chip = map->chip;
    int kk = l->kernel_h * l->kernel_w, in = l->in_c / l->groups, out = l->out_c / l->groups;
    int offset = chip->crossbar.polarity == POLARITY_OFFSET;
    assert_true(s->rows > 0 && s->rows <= chip->crossbar.rows);
    assert_true(s->groups >= 1 && s->groups <= m->packed);
    assert_true(s->row0 >= 0 && s->row0 + s->rows <= s->groups * rows_of(l));
    assert_true(s->outs > 0 && s->out0 / out >= s->group);
    assert_true((s->out0 + s->outs - 1) / out < s->group + s->groups);
    assert_int_equal(s->columns, s->outs * m->column_slices + offset);
    assert_true(s->columns <= chip->crossbar.columns + offset);
    assert_int_equal(s->chan0, s->group * in + s->row0 / kk);
    assert_int_equal(s->chan0 + s->chans - 1, s->group * in + (s->row0 + s->rows - 1) / kk);
    assert_true(s->weight_slice >= 0 && s->weight_slice < m->weight_slices);
    if (chip->mapping.policy == MAP_KERNEL_ALIGNED)
        assert_true(s->row0 % kk == 0 && s->rows % kk == 0);
}

// The weights of replica r of a layer, each slice of them, once; between groups that share a matrix
// as many zeros as that matrix has room for.
static void assert_covered(const struct mapping *map, int layer, int r)
{
    const struct layer *l = &map->net->layers[layer];
    const struct map_layer *m = &map->layers[layer];
    size_t rows = (size_t)rows_of(l), outs = (size_t)l->out_c, zeros = 0, want = 0;
    int out_each = l->out_c / l->groups;
    for (int g = 0; g < l->groups; g += m->packed) {
        int groups = l->groups - g < m->packed ? l->groups - g : m->packed;
        want += (size_t)(groups * groups - groups) * rows * (size_t)(out_each * m->weight_slices);
    }
    size_t n = rows * outs * (size_t)m->weight_slices;
    unsigned char *seen = calloc(n, 1);
    int each = m->slices / m->replicas;
    for (int i = m->slice0 + r * each; i < m->slice0 + (r + 1) * each; i++) {
        const struct slice *s = &map->slices[i];
        assert_int_equal(s->layer, layer);
        assert_int_equal(s->replica, r);
        assert_sound(map, s);
        for (int row = s->row0; row < s->row0 + s->rows; row++)
            for (int out = s->out0; out < s->out0 + s->outs; out++) {
                size_t in_group = (size_t)row % rows;
                if (out / out_each == s->group + row / (int)rows)
                    seen[((size_t)s->weight_slice * rows + in_group) * outs + (size_t)out]++;
                else
                    zeros++;
            }
    }
    assert_int_equal(zeros, want);
    for (size_t i = 0; i < n; i++)
        if (seen[i] != 1)
            fail_msg("layer %s: weight %zu of replica %d lies in %d slices", l->name, i, r,
                     seen[i]);
    free(seen);
}

// Enough cells for the bits of a weight, none too many.
static void assert_bits_fit(const struct mapping *map, int layer)
{
    const struct map_layer *m = &map->layers[layer];
    int bits = map->net->layers[layer].weight_bits, cell = map->chip->cell.bits;
    if (map->chip->crossbar.polarity == POLARITY_DIFFERENTIAL && bits > 1)
        bits--;
    int cells = m->weight_slices * m->column_slices;
    assert_true(cells * cell >= bits && (cells - 1) * cell < bits);
}

// Crossbars hold one slice, tiles one replica of one layer; tiles are filled in order.
static void assert_addresses(const struct mapping *map)
{
    int pes = map->chip->tile.pes, crossbars = map->chip->pe.crossbars, slices = 0;
    unsigned char *taken = calloc((size_t)map->n_tiles * (size_t)(pes * crossbars), 1);
    for (int i = 0; i < map->n_slices; i++) {
        const struct slice *s = &map->slices[i];
        assert_in_range(s->tile, 0, map->n_tiles - 1);
        assert_in_range(s->pe, 0, pes - 1);
        assert_in_range(s->crossbar, 0, crossbars - 1);
        const struct map_tile *t = &map->tiles[s->tile];
        assert_true(i >= t->slice0 && i < t->slice0 + t->slices);
        assert_int_equal(t->layer, s->layer);
        assert_int_equal(t->replica, s->replica);
        assert_int_equal(taken[(s->tile * pes + s->pe) * crossbars + s->crossbar]++, 0);
    }
    for (int i = 0; i < map->n_tiles; i++) {
        assert_int_equal(map->tiles[i].slice0, slices);
        slices += map->tiles[i].slices;
    }
    assert_int_equal(slices, map->n_slices);
    free(taken);
}

static void assert_exact(const struct mapping *map)
{
    int tiles = 0, slices = 0;
    for (int i = 0; i < (int)map->net->n; i++) {
        const struct map_layer *m = &map->layers[i];
        enum layer_kind kind = map->net->layers[i].kind;
        bool matrix = kind == LAYER_CONV || kind == LAYER_LINEAR;
        assert_int_equal(m->slices > 0, matrix);
        assert_int_equal(m->slice0, slices);
        assert_int_equal(m->tile0, tiles);
        slices += m->slices;
        tiles += m->tiles;
        if (matrix)
            assert_bits_fit(map, i);
        for (int r = 0; matrix && r < m->replicas; r++)
            assert_covered(map, i, r);
    }
    assert_int_equal(slices, map->n_slices);
    assert_int_equal(tiles, map->n_tiles);
    assert_addresses(map);
}

static void nets_lie_in_one_place(void **state)
{
    (void)state;
    static const struct {
        const char *chip, *net, *form, *width, *sets[4];
    } cases[] = {
        {"hawis", "resnet20", "binary", "3x", {NULL}},
        {"hawis", "resnet20", "binary", "3x", {"mapping.policy=dense"}},
        {"hawis", "resnet20", "int8", "1x", {NULL}},
        {"hawis-q8", "lenet5", "int8", "1x", {NULL}},
        {"hawis-q8", "resnet20", "int8", "1x", {"pe.crossbars=3", "cell.bits=3"}},
        {"isaac-ce", "resnet20", "int16", "1x", {NULL}},
        {"isaac-ce", "lenet5", "int16", "1x", {"mapping.policy=dense", "crossbar.columns=44"}},
        {"mnsim-default", "mlp", "int8", "1x", {"crossbar.rows=130", "crossbar.columns=30"}},
        {"hawis", "resnet20", "binary", "1x", {"mapping.replicate=true", "mapping.tiles=100"}},
        {"hawis",
         "resnet20",
         "int8",
         "1x",
         {"mapping.replicate=true", "mapping.tiles=500", "mapping.policy=dense"}},
        {"ideal", "resnet20", "int16", "1x", {NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct setup s =
            setup_make(cases[i].chip, cases[i].net, cases[i].form, cases[i].width, cases[i].sets);
        assert_exact(s.map);
        setup_free(&s);
    }
}

static void groups_lie_in_one_place(void **state)
{
    (void)state;
    static const struct conv convs[] = {
        {.in = 64, .out = 64, .kernel = 3, .groups = 4},
        {.in = 32, .out = 32, .kernel = 3, .groups = 32},
        {.in = 90, .out = 600, .kernel = 5, .groups = 2},
        {.in = 16, .out = 40, .kernel = 3, .groups = 8, .form = "int8"},
        {.in = 300, .out = 300, .kernel = 1, .groups = 300, .form = "int8"},
    };
    for (size_t i = 0; i < sizeof convs / sizeof *convs; i++)
        for (int dense = 0; dense < 2; dense++) {
            const char *policy = dense ? "mapping.policy=dense" : "mapping.policy=kernel-aligned";
            struct setup s = map_conv("hawis", &convs[i], SETS(policy));
            assert_exact(s.map);
            setup_free(&s);
            s = map_conv("hawis", &convs[i], SETS(policy, "mapping.groups=apart"));
            assert_exact(s.map);
            assert_int_equal(s.map->layers[1].packed, 1);
            setup_free(&s);
            s = map_conv("isaac-ce", &convs[i], SETS(policy));
            assert_exact(s.map);
            setup_free(&s);
        }
}

// Any shape of groups on any crossbar.
static void any_groups_lie_in_one_place(void **state)
{
    (void)state;
    uint32_t x = 1;
    int packed = 0, apart = 0;
    for (int i = 0; i < 300; i++) {
        int v[8];
        for (int k = 0; k < 8; k++) {
            x = x * 1664525 + 1013904223;
            v[k] = (int)(x >> 16);
        }
        int groups = 1 + v[0] % 40;
        struct conv conv = {.in = groups * (1 + v[1] % 4),
                            .out = groups * (1 + v[2] % 6),
                            .kernel = 1 + 2 * (v[3] % 3),
                            .groups = groups,
                            .form = v[4] % 4 ? "int8" : "binary"};
        char rows[32], columns[32], bits[32];
        snprintf(rows, sizeof rows, "crossbar.rows=%d", 128 + v[5] % 200);
        snprintf(columns, sizeof columns, "crossbar.columns=%d", 16 + v[6] % 100);
        snprintf(bits, sizeof bits, "cell.bits=%d", 1 + v[7] % 3);
        static const char *const polarities[] = {"crossbar.polarity=single",
                                                 "crossbar.polarity=offset_column",
                                                 "crossbar.polarity=differential"};
        struct setup s =
            map_conv(v[4] % 2 ? "hawis" : "hawis-q8", &conv,
                     SETS(rows, columns, bits, polarities[v[7] % 7 % 3],
                          v[6] % 2 ? "crossbar.slices=columns" : "crossbar.slices=arrays",
                          v[5] % 2 ? "mapping.policy=dense" : "mapping.replicate=true"));
        assert_exact(s.map);
        packed += s.map->layers[1].packed > 1;
        apart += s.map->layers[1].packed == 1;
        setup_free(&s);
    }
    assert_true(packed > 100 && apart > 30);
}

// A depthwise layer has a crossbar for every group where they are kept apart.
static void groups_apart_do_not_share_crossbars(void **state)
{
    (void)state;
    struct setup s =
        map_conv("hawis", &(struct conv){.in = 32, .out = 64, .kernel = 3, .groups = 32},
                 SETS("mapping.groups=apart"));
    assert_int_equal(s.map->n_slices, 32);
    for (int i = 0; i < 32; i++) {
        assert_int_equal(s.map->slices[i].group, i);
        assert_int_equal(s.map->slices[i].chan0, i);
        assert_int_equal(s.map->slices[i].chans, 1);
        assert_int_equal(s.map->slices[i].rows, 9);
        assert_int_equal(s.map->slices[i].out0, 2 * i);
        assert_int_equal(s.map->slices[i].outs, 2);
    }
    setup_free(&s);
}

// Dense rows end where the crossbar ends, in the middle of a kernel: 256 = 28 x 9 + 4.
static void dense_splits_kernels(void **state)
{
    (void)state;
    struct setup s = map_conv("hawis", &(struct conv){.in = 57, .out = 8, .kernel = 3},
                              SETS("mapping.policy=dense"));
    const struct slice *second = &s.map->slices[1], *third = &s.map->slices[2];
    assert_int_equal(s.map->n_slices, 3);
    assert_int_equal(second->row0, 256);
    assert_int_equal(second->rows, 256);
    assert_int_equal(second->chan0, 28);
    assert_int_equal(second->chans, 29); // 28 to 56: the last row of it is 511 = 56 * 9 + 7
    assert_int_equal(third->row0, 512);
    assert_int_equal(third->rows, 1);
    assert_int_equal(third->chan0, 56);
    assert_int_equal(third->chans, 1);
    setup_free(&s);
}

static void the_same_input_gives_the_same_addresses(void **state)
{
    (void)state;
    struct setup s = setup_make("hawis", "resnet20", NULL, NULL, SETS("mapping.replicate=true"));
    struct mapping *again = NULL;
    assert_true(map_net(s.net, s.chip, 1, &again, NULL));
    assert_int_equal(again->n_slices, s.map->n_slices);
    assert_int_equal(again->n_tiles, s.map->n_tiles);
    assert_memory_equal(again->slices, s.map->slices,
                        (size_t)again->n_slices * sizeof *again->slices);
    assert_memory_equal(again->tiles, s.map->tiles, (size_t)again->n_tiles * sizeof *again->tiles);
    map_destroy(again);
    setup_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nets_lie_in_one_place),
        cmocka_unit_test(groups_lie_in_one_place),
        cmocka_unit_test(any_groups_lie_in_one_place),
        cmocka_unit_test(groups_apart_do_not_share_crossbars),
        cmocka_unit_test(dense_splits_kernels),
        cmocka_unit_test(the_same_input_gives_the_same_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
