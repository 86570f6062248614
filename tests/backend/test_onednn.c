// oneDNN against the reference; passes, saying so, where it is not built in.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "tests/backend/naive.h"

static const struct backend *onednn(void)
{
    const struct backend *backend = backend_find("onednn");
    if (!backend)
        print_message("# oneDNN is not built in: nothing to test\n");
    return backend;
}

// What it is good for: floats with AVX2, bf16 with AVX-512. Elsewhere it may decline.
static bool must_do(enum operand operand)
{
    return cpu_best(CPU_AVX512) >= (operand == OPERAND_BF16 ? CPU_AVX512 : CPU_AVX2);
}

static bool has(enum operand operand)
{
    struct conv_shape s = square(2, 16, 8, 16, 3, 1, 1, 1);
    struct conv *conv = onednn()->create(&s, operand, true);
    onednn()->destroy(conv);
    if (!conv && must_do(operand))
        fail_msg("oneDNN declines %s on a processor that has the instructions",
                 operand_names[operand]);
    if (!conv)
        print_message("# oneDNN does no %s on this processor\n", operand_names[operand]);
    return conv != NULL;
}

static double *widened(const float *v, size_t n)
{
    double *wide = calloc(n, sizeof *wide);
    for (size_t i = 0; i < n; i++)
        wide[i] = (double)v[i];
    return wide;
}

static void compare(const float *got, const float *want, size_t n, double bound, const char *what,
                    const struct conv_shape *s)
{
    double *wide = widened(want, n);
    expect_near(got, wide, n, bound, what, s);
    free(wide);
}

// False: declined. Whole numbers must come out exactly, in any order of sums.
static bool agrees(const struct conv_shape *s, enum operand operand, enum values values)
{
    double bound = values == WHOLE ? 0 : 1e-4;
    struct trial got = trial_make(s, operand, values), want = trial_make(s, operand, values);
    bool done = trial_run(&got, onednn());
    if (done) {
        assert_true(trial_run(&want, &backend_reference));
        compare(got.y, want.y, size_y(s), bound, "y", s);
        compare(got.dx, want.dx, size_x(s), bound, "dx", s);
        compare(got.dw, want.dw, size_w(s), bound, "dw", s);
    }
    trial_free(&got);
    trial_free(&want);
    return done;
}

static void must_agree(struct conv_shape s, enum operand operand)
{
    if (!agrees(&s, operand, WHOLE) || !agrees(&s, operand, REAL))
        fail_msg("oneDNN declines %s, %d -> %d channels on %dx%d, kernel %d, stride %d",
                 operand_names[operand], s.in_c, s.out_c, s.in_h, s.in_w, s.kernel_h, s.stride_h);
}

// Convolutions of ResNets with even and odd widths, both kinds of shortcut, linear layers.
static void shapes_of_nets(enum operand operand)
{
    static const int widths[] = {16, 28, 84};
    for (int i = 0; i < 3; i++) {
        int w = widths[i];
        must_agree(square(4, 96, 32, w, 3, 1, 1, 1), operand);
        must_agree(square(4, w, 32, w, 3, 1, 1, 1), operand);
        must_agree(square(4, w, 16, 2 * w, 3, 2, 1, 1), operand);
        must_agree(square(4, w, 8, 2 * w, 1, 2, 0, 1), operand);
        must_agree(square(16, 4 * w, 1, 10, 1, 1, 0, 1), operand);
    }
    must_agree(square(2, 3, 33, 64, 7, 2, 3, 1), operand);
    must_agree(square(2, 16, 14, 6, 5, 1, 0, 1), operand);
}

static void nets_in_f32(void **state)
{
    (void)state;
    if (onednn() && has(OPERAND_F32))
        shapes_of_nets(OPERAND_F32);
}

static void nets_in_bf16(void **state)
{
    (void)state;
    if (onednn() && has(OPERAND_BF16))
        shapes_of_nets(OPERAND_BF16);
}

// Declined or right, but never wrong.
static void odd_shapes_are_right_or_declined(void **state)
{
    (void)state;
    static const int widths[] = {1, 3, 7, 28};
    if (!onednn())
        return;
    int done = 0, all = 0;
    for (int w = 0; w < 4; w++)
        for (int kernel = 1; kernel <= 7; kernel += 2)
            for (int stride = 1; stride <= 2; stride++)
                for (int pad = 0; pad <= 2; pad++)
                    for (int operand = OPERAND_F32; operand <= OPERAND_BF16; operand++) {
                        int out = widths[(w + kernel + pad) % 4];
                        struct conv_shape s = square(2, widths[w], 9, out, kernel, stride, pad, 1);
                        done += agrees(&s, (enum operand)operand, REAL);
                        all++;
                    }
    for (int groups = 2; groups <= 24; groups += groups) {
        struct conv_shape s = square(2, 48, 9, 96, 3, 1, 1, groups);
        done += agrees(&s, OPERAND_F32, REAL) + agrees(&s, OPERAND_BF16, REAL);
        all += 2;
    }
    struct conv_shape depthwise = square(2, 32, 9, 32, 3, 2, 1, 32);
    done += agrees(&depthwise, OPERAND_F32, REAL) + agrees(&depthwise, OPERAND_BF16, REAL);
    print_message("# %d of %d shapes done, the others declined\n", done, all + 2);
}

// Dilation and padding per side, with channels as oneDNN's fast convolutions want them.
static void windows_of_any_shape(void **state)
{
    (void)state;
    if (!onednn() || !has(OPERAND_F32))
        return;
    uint32_t x = 1;
    int dilated = 0, uneven = 0;
    for (int i = 0; i < 200; i++) {
        struct conv_shape s = random_shape(2, &x);
        if (s.groups == 1) {
            s.in_c = 16;
            s.out_c = 32;
        }
        bool done = agrees(&s, OPERAND_F32, WHOLE);
        dilated += done && s.kernel_h > 1 && s.dilation_h > 1 && s.dilation_h != s.dilation_w;
        uneven += done && s.pad_top != s.pad_bottom && s.pad_left != s.pad_right;
    }
    assert_true(dilated > 5 && uneven > 5);
}

// The first layer: no backward_data, and the weights of the last call count.
static void weights_can_change(void **state)
{
    (void)state;
    struct conv_shape s = square(2, 28, 8, 20, 3, 1, 1, 1);
    if (!onednn() || !has(OPERAND_F32))
        return;
    struct trial t = trial_make(&s, OPERAND_F32, WHOLE);
    struct conv *conv = onednn()->create(&s, OPERAND_F32, false);
    assert_non_null(conv);
    float *other = calloc(size_w(&s), sizeof *other);
    onednn()->set_weights(conv, t.w_in);
    onednn()->set_weights(conv, other);
    onednn()->forward(conv, t.x_in, t.y);
    for (size_t i = 0; i < size_y(&s); i++)
        assert_true(t.y[i] == 0);
    onednn()->set_weights(conv, t.w_in);
    onednn()->forward(conv, t.x_in, t.y);
    onednn()->backward_weights(conv, t.x_in, t.dy_in, t.dw);
    onednn()->destroy(conv);
    free(other);
    struct trial want = trial_make(&s, OPERAND_F32, WHOLE);
    assert_true(trial_run(&want, &backend_reference));
    compare(t.y, want.y, size_y(&s), 0, "y", &s);
    compare(t.dw, want.dw, size_w(&s), 0, "dw", &s);
    trial_free(&t);
    trial_free(&want);
}

static void *run_some(void *trial)
{
    for (int i = 0; i < 8; i++)
        if (!trial_run(trial, onednn()))
            return NULL;
    return trial;
}

static void expect_same(const struct trial *a, const struct trial *b)
{
    assert_memory_equal(a->y, b->y, size_y(&a->shape) * sizeof *a->y);
    assert_memory_equal(a->dx, b->dx, size_x(&a->shape) * sizeof *a->dx);
    assert_memory_equal(a->dw, b->dw, size_w(&a->shape) * sizeof *a->dw);
}

// Two convolutions planned and run at once, beside one alone.
static void threads_give_the_same_bytes(void **state)
{
    (void)state;
    for (int operand = OPERAND_F32; operand <= OPERAND_BF16; operand++) {
        if (!onednn() || !has((enum operand)operand))
            continue;
        struct conv_shape s = square(8, 28, 16, 28, 3, 1, 1, 1);
        struct trial t[3];
        for (int i = 0; i < 3; i++)
            t[i] = trial_make(&s, (enum operand)operand, REAL);
        assert_true(trial_run(&t[2], onednn()));
        pthread_t threads[2];
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, run_some, &t[i]), 0);
        for (int i = 0; i < 2; i++) {
            void *done;
            assert_int_equal(pthread_join(threads[i], &done), 0);
            assert_non_null(done);
            expect_same(&t[i], &t[2]);
        }
        for (int i = 0; i < 3; i++)
            trial_free(&t[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nets_in_f32),
        cmocka_unit_test(nets_in_bf16),
        cmocka_unit_test(odd_shapes_are_right_or_declined),
        cmocka_unit_test(windows_of_any_shape),
        cmocka_unit_test(weights_can_change),
        cmocka_unit_test(threads_give_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
