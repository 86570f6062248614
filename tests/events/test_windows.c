// Windows of any shape in time: what an output waits for and lets go of against the taps of its
// window, and whole runs, which must end.
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
#include "sim/dataflow/dataflow.h"
#include "sim/events/sim_state.h"
#include "sim/run/run.h"
#include "sim/run/result.h"
#include "tests/support/setup.h"
#include "tests/support/windows.h"

static struct setup conv_of(const struct window_spec *w)
{
    char text[600];
    snprintf(text, sizeof text,
             "{name: t, input: {channels: %d, height: %d, width: %d},\n"
             "layers: [{name: a, kind: conv, %s}]}",
             w->in_c, w->in_h, w->in_w, w->keys);
    return setup_text("hawis", text, "int8", NULL);
}

// The first and one past the last pixel that window (y, x) reads, in the order in which they come.
static void pixels_of(const struct window_spec *w, int y, int x, int *first, int *end)
{
    *first = w->in_h * w->in_w;
    *end = 0;
    for (int ky = 0; ky < w->kernel[0]; ky++)
        for (int kx = 0; kx < w->kernel[1]; kx++) {
            int row = y * w->stride[0] + ky * w->dilation[0] - w->pad[0];
            int column = x * w->stride[1] + kx * w->dilation[1] - w->pad[1];
            if (row < 0 || row >= w->in_h || column < 0 || column >= w->in_w)
                continue;
            int at = row * w->in_w + column;
            *first = at < *first ? at : *first;
            *end = at + 1 > *end ? at + 1 : *end;
        }
}

// Pixels come one by one, rows from the top; nothing that a later window reads may be let go.
static void windows_wait_for_their_taps(void **state)
{
    (void)state;
    uint32_t seed = 1;
    int exact = 0;
    for (int i = 0; i < 300; i++) {
        struct window_spec w = windows_random(&seed, false);
        struct setup s = conv_of(&w);
        int *rank = malloc(((size_t)w.in_h + 1) * sizeof *rank);
        for (int row = 0; row <= w.in_h; row++)
            rank[row] = row;
        struct dataflow_channel flow = {.kind = CHANNEL_INPUT, .consumer = 1, .rank = rank};
        flow.per_row = w.in_w;
        struct run run = {.net = s.net, .windows = true};
        struct channel channel = {.is = &flow, .per_image = (int64_t)w.in_h * w.in_w};
        int64_t let_go = INT64_MAX; // by the windows from here on
        for (int at = w.out_h * w.out_w - 1; at >= 0; at--) {
            int y = at / w.out_w, x = at % w.out_w, first, end;
            pixels_of(&w, y, x, &first, &end);
            let_go = first < let_go ? first : let_go;
            int64_t needs = window_needs(&run, &channel, y, x);
            assert_true(needs >= end && needs <= channel.per_image);
            assert_true(window_done(&run, &channel, y, x) <= let_go || let_go == channel.per_image);
            exact += needs == end;
        }
        assert_int_equal(window_done(&run, &channel, w.out_h, 0), channel.per_image);
        free(rank);
        setup_free(&s);
    }
    assert_true(exact > 300);
}

// A net with windows by chance, a pool, two convs and a shortcut that steps per side.
static void run_net(const struct window_spec *w, const char *chip, const char *const sets[])
{
    char text[1200];
    snprintf(text, sizeof text,
             "name: t\ninput: {channels: %d, height: %d, width: %d}\nlayers:\n"
             "  - {name: a, kind: conv, %s}\n"
             "  - {name: p, kind: pool, kernel: [3, 2], stride: [2, 1], pad: same}\n"
             "  - {name: b, kind: conv, out: 6, kernel: [2, 3], dilation: [2, 1], pad: same}\n"
             "  - {name: c, kind: conv, out: %d, kernel: 3, stride: %s, pad: same, dilation: %s}\n"
             "  - {name: s, kind: add, shortcut: p}\n"
             "  - {name: d, kind: linear, out: 3}\n",
             w->in_c, w->in_h, w->in_w, w->keys, w->out_c, w->out_h % 4 == 0 ? "[2, 1]" : "1",
             w->out_h % 4 == 0 ? "1" : "[1, 2]");
    struct setup s = setup_text(chip, text, "int8", sets);
    const struct layer *last = &s.net->layers[4];
    for (int tokens = 0; tokens < 2; tokens++) {
        struct result *r = setup_run(
            &s, &(struct run_params){.images = 2, .tokens = tokens ? TOKENS_WINDOWS : TOKENS_ROWS});
        assert_true(r->latency_s > 0 && r->energy_j > 0);
        result_destroy(r);
    }
    assert_true(last->out_c == w->out_c);
    setup_free(&s);
}

static void runs_end(void **state)
{
    (void)state;
    static const struct {
        const char *chip, *sets[3];
    } cases[] = {
        {"hawis", {"adc.count=128"}},
        {"hawis", {"mapping.replicate=true", "mapping.policy=dense"}},
        {"isaac-ce", {NULL}},
    };
    uint32_t x = 2;
    for (int i = 0; i < 120; i++) {
        struct window_spec w = windows_random(&x, false);
        run_net(&w, cases[i % 3].chip, cases[i % 3].sets);
    }
}

// Input buffers that hold just the rows that lie between the first and the last tap of a window.
static void runs_end_with_the_smallest_buffers(void **state)
{
    (void)state;
    uint32_t x = 3;
    for (int i = 0; i < 120; i++) {
        char rows[40];
        const char *sets[] = {rows, NULL, NULL};
        struct window_spec w = windows_random(&x, false);
        int extent = (w.kernel[0] - 1) * w.dilation[0] + 1;
        snprintf(rows, sizeof rows, "tile.input_rows=%d", extent);
        sets[1] = i % 2 ? "mapping.replicate=true" : NULL;
        char text[600];
        snprintf(text, sizeof text,
                 "{name: t, input: {channels: %d, height: %d, width: %d},\n"
                 "layers: [{name: i, kind: conv, out: %d, kernel: 1}, {name: a, kind: conv, %s}]}",
                 w.in_c, w.in_h, w.in_w, w.in_c, w.keys);
        struct setup s = setup_text("hawis", text, "int8", sets);
        for (int tokens = 0; tokens < 2; tokens++)
            result_destroy(
                setup_run(&s, &(struct run_params){
                                  .images = 2, .tokens = tokens ? TOKENS_WINDOWS : TOKENS_ROWS}));
        setup_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_wait_for_their_taps),
        cmocka_unit_test(runs_end),
        cmocka_unit_test(runs_end_with_the_smallest_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
