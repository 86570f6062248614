// Buffers: which rows a window needs, how large buffers come out, which given ones are refused.
#include "sim/map/size.h"

#include <stdio.h>
#include <string.h>

#include "nets/net.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"
#include "tests/close.h"
#include "tests/map/support.h"
#include "tests/support/windows.h"

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

// Rows of the input that output row y reads, by looking at every tap of the kernel.
static void taps(const struct layer *l, int y, int *first, int *last)
{
    *first = l->in_h;
    *last = -1;
    for (int tap = 0; tap < l->kernel_h; tap++) {
        int row = y * l->stride_h - l->pad_top + tap;
        if (row < 0 || row >= l->in_h)
            continue;
        *first = row < *first ? row : *first;
        *last = row > *last ? row : *last;
    }
}

static void windows_need_what_their_taps_read(void **state)
{
    (void)state;
    for (int kernel = 1; kernel <= 5; kernel++)
        for (int stride = 1; stride <= 3; stride++)
            for (int pad = 0; pad < kernel; pad++) {
                char text[256];
                snprintf(
                    text, sizeof text,
                    "{name: t, input: {channels: 1, height: 9, width: 9},\n"
                    "layers: [{name: a, kind: conv, out: 1, kernel: %d, stride: %d, pad: %d}]}",
                    kernel, stride, pad);
                struct setup s = setup_text("hawis", text, "int8", NULL);
                const struct layer *l = &s.net->layers[1];
                for (int y = 0; y < l->out_h; y++) {
                    int first, last;
                    taps(l, y, &first, &last);
                    if (last < 0)
                        continue; // the window lies in the padding
                    assert_int_equal(map_rows_needed(s.net, 1, y), last + 1);
                    assert_true(map_rows_free(s.net, 1, y) <= first);
                    if (y * stride >= pad)
                        assert_int_equal(map_rows_free(s.net, 1, y), first);
                }
                assert_int_equal(map_rows_free(s.net, 1, l->out_h), 9);
                setup_free(&s);
            }
}

// Windows by chance, row by row: what is kept holds all that is still to be read; nothing else is
// waited for, but that a dilated window which hangs over the map's end waits for the last row.
static void any_windows_get_their_rows(void **state)
{
    (void)state;
    uint32_t x = 1;
    for (int i = 0; i < 300; i++) {
        char text[600];
        struct window_spec w = windows_random(&x, i % 2);
        snprintf(text, sizeof text,
                 "{name: t, input: {channels: %d, height: %d, width: %d},\n"
                 "layers: [{name: a, kind: %s, %s}, {name: b, kind: conv, out: 1, kernel: 1}]}",
                 w.in_c, w.in_h, w.in_w, i % 2 ? "pool" : "conv", w.keys);
        struct setup s = setup_text("hawis", text, "int8", NULL);
        int needed = 0, free = 0, kept = 0;
        for (int y = 0; y < w.out_h; y++) {
            int last = -1;
            assert_true(map_rows_needed(s.net, 1, y) >= needed &&
                        map_rows_free(s.net, 1, y) >= free);
            needed = map_rows_needed(s.net, 1, y);
            free = map_rows_free(s.net, 1, y);
            assert_true(needed >= 1 && needed <= w.in_h && free >= 0);
            for (int row = 0; row < w.in_h; row++) {
                bool reads = false;
                for (int k = 0; k < w.kernel[0]; k++)
                    reads |= row == y * w.stride[0] + k * w.dilation[0] - w.pad[0];
                assert_int_equal(map_reads_row(s.net, 1, y, row), reads);
                assert_true(!reads || (row >= free && row < needed));
                last = reads ? row : last;
            }
            if (last >= 0 && w.dilation[0] == 1)
                assert_int_equal(needed, last + 1);
            kept = needed - free > kept ? needed - free : kept;
        }
        assert_int_equal(map_rows_free(s.net, 1, w.out_h), w.in_h);
        assert_int_equal(size_window_rows(s.map, 1), kept > 1 ? kept : 1);
        setup_free(&s);
    }
}

static void other_layers_need_their_rows(void **state)
{
    (void)state;
    struct setup s = setup_make("hawis", "resnet20", NULL, NULL, NULL);
    int add = layer_index(&s, "layer1.0.add"), linear = layer_index(&s, "linear");
    assert_int_equal(map_rows_needed(s.net, add, 7), 8);
    assert_int_equal(map_rows_free(s.net, add, 7), 7);
    assert_int_equal(map_rows_needed(s.net, linear, 0), 8); // the whole map of 8 rows
    assert_int_equal(map_rows_free(s.net, linear, 0), 0);
    assert_int_equal(map_rows_free(s.net, linear, 1), 8);
    assert_int_equal(size_window_rows(s.map, layer_index(&s, "conv1")), 3);
    assert_int_equal(size_window_rows(s.map, layer_index(&s, "layer2.0.conv1")), 3);
    assert_int_equal(size_window_rows(s.map, linear), 8);
    setup_free(&s);
}

// 28 channels of 32 bits a row are 112 B; a window has 3 rows, and one comes in meanwhile: 448 B.
// 16 outputs of 9 bits (252 products of +1 or -1 and the sign), two rows: 1152 B.
static void buffers_hold_what_they_must(void **state)
{
    (void)state;
    static const struct conv conv = {.in = 28, .out = 16, .kernel = 3, .side = 32};
    struct setup s = map_conv("hawis", &conv, NULL);
    assert_int_equal(size_pe_row_bits(s.map, 0, 0), 28 * 32);
    assert_int_equal(size_pe_row_bits(s.map, 0, 1), 0);
    assert_int_equal(size_tile_row_bits(s.map, 0), 28 * 32);
    assert_true(s.map->pe_buffer.bytes == 512);
    assert_true(s.map->tile_buffer.bytes == 2048);
    assert_int_equal(size_input_rows(s.map, 0), 4); // 512 / 112
    // Costs are those of the size.
    assert_close(s.map->pe_buffer.read_j, 7.5695e-12, 1e-9);
    assert_close(s.map->tile_buffer.leakage_w, 1.006428e-3, 1e-9);
    setup_free(&s);
}

// Column blocks of one row block read the same channels; row blocks read others.
static void channels_are_kept_once(void **state)
{
    (void)state;
    static const struct conv conv = {.in = 56, .out = 512, .kernel = 3, .side = 32};
    struct setup s = map_conv("hawis", &conv, SETS("pe.crossbars=2"));
    assert_int_equal(s.map->n_slices, 4); // column block 0: both row blocks, then column block 1
    assert_int_equal(size_pe_row_bits(s.map, 0, 0), 56 * 32);
    assert_int_equal(size_tile_row_bits(s.map, 0), 56 * 32);
    setup_free(&s);
}

// ResNet-20: 96 planes come in blocks of 28, the largest input of a PE (448 B). The tile of an
// add's conv keeps two rows of 16 x 32 sums of 9 bits and five of 8-bit residuals (3712 B), the
// deeper ones 16 x 32 -> 32 x 16 -> 64 x 8 elements of one and two bits more.
static void resnet20_buffers(void **state)
{
    (void)state;
    struct setup s = setup_make("hawis", "resnet20", NULL, NULL, NULL);
    assert_true(s.map->pe_buffer.bytes == 512);
    assert_true(s.map->tile_buffer.bytes == 4096);
    setup_free(&s);
}

// Two 3x3 convolutions read one row ahead each: row y of the add is made of source rows to y + 2,
// three of them beside it, and two to keep moving. At stride 2 the shortcut passes every other
// row: y + 1, two.
static void residual_rows_follow_the_path_beside(void **state)
{
    (void)state;
    struct setup s = setup_make("hawis", "resnet20", NULL, NULL, NULL);
    assert_int_equal(s.map->layers[layer_index(&s, "layer1.0.add")].residual_rows, 3 + 2);
    assert_int_equal(s.map->layers[layer_index(&s, "layer2.0.add")].residual_rows, 2 + 2);
    assert_int_equal(s.map->layers[layer_index(&s, "layer3.2.add")].residual_rows, 3 + 2);
    setup_free(&s);
    s = setup_make("hawis", "resnet20", NULL, NULL, SETS("tile.residual_rows=9"));
    assert_int_equal(s.map->layers[layer_index(&s, "layer2.0.add")].residual_rows, 9);
    setup_free(&s);
}

static void too_small_ones_are_refused(void **state)
{
    (void)state;
    static const struct conv conv = {.in = 28, .out = 16, .kernel = 3, .side = 32};
    conv_refused("hawis", &conv, SETS("pe.buffer.bytes=256 B"),
                 "pe.buffer: 256 B, but layer 'a' keeps 336 B of input in one PE "
                 "(3 rows); set pe.buffer.bytes to 512 B or more, or auto with an SRAM kind");
    conv_refused("hawis", &conv, SETS("tile.buffer.bytes=1151 B"),
                 "tile.buffer: 1151 B, but layer 'a' keeps 1152 B in one tile; "
                 "set tile.buffer.bytes to 2048 B or more, or auto with an SRAM kind");
    conv_refused("hawis", &conv, SETS("tile.input_rows=2"),
                 "--set tile.input_rows: 2 rows, but layer 'a' reads 3 rows at once; set 3 or "
                 "more");
    // Without buffers at the PEs the tile's keeps the input too: 3 rows of 14 x 32 bits, and two
    // of 16 x 32 sums of 23 bits (126 products of a 16-bit weight).
    conv_refused("isaac-ce",
                 &(struct conv){.in = 14, .out = 16, .kernel = 3, .side = 32, .form = "int16"},
                 SETS("tile.buffer.bytes=1 KB"), "1024 B, but layer 'a' keeps 3112 B in one tile");
}

static void large_enough_ones_are_taken(void **state)
{
    (void)state;
    static const struct conv conv = {.in = 28, .out = 16, .kernel = 3, .side = 32};
    static const struct {
        const char *set;
        int rows;
    } cases[] = {
        {"pe.buffer.bytes=336 B", 3},    {"pe.buffer.bytes=447 B", 3}, {"pe.buffer.bytes=1 KB", 9},
        {"tile.buffer.bytes=1152 B", 4}, {"tile.input_rows=3", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct setup s = map_conv("hawis", &conv, SETS(cases[i].set));
        assert_int_equal(size_input_rows(s.map, 0), cases[i].rows);
        setup_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_need_what_their_taps_read),
        cmocka_unit_test(any_windows_get_their_rows),
        cmocka_unit_test(other_layers_need_their_rows),
        cmocka_unit_test(buffers_hold_what_they_must),
        cmocka_unit_test(channels_are_kept_once),
        cmocka_unit_test(resnet20_buffers),
        cmocka_unit_test(residual_rows_follow_the_path_beside),
        cmocka_unit_test(too_small_ones_are_refused),
        cmocka_unit_test(large_enough_ones_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
