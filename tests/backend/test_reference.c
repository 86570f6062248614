// The reference against convolutions by their definition.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/backend/product.h"
#include "tests/backend/naive.h"

static void check(const struct conv_shape *shape, enum operand operand, enum values values,
                  double bound)
{
    struct trial t = trial_make(shape, operand, values);
    size_t nx = size_x(shape), ny = size_y(shape), nw = size_w(shape);
    double *y = calloc(ny, sizeof *y), *dx = calloc(nx, sizeof *dx), *dw = calloc(nw, sizeof *dw);
    naive_forward(shape, t.x, t.w, y);
    naive_backward_data(shape, t.w, t.dy, dx);
    naive_backward_weights(shape, t.x, t.dy, dw);
    assert_true(trial_run(&t, &backend_reference));
    expect_near(t.y, y, ny, bound, "y", shape);
    expect_near(t.dx, dx, nx, bound, "dx", shape);
    expect_near(t.dw, dw, nw, bound, "dw", shape);
    free(y);
    free(dx);
    free(dw);
    trial_free(&t);
}

// Whole numbers leave nothing to rounding; real ones tell how operands are rounded.
static void check_both(const struct conv_shape *shape)
{
    for (int operand = OPERAND_F32; operand <= OPERAND_BF16; operand++) {
        check(shape, (enum operand)operand, WHOLE, 0);
        check(shape, (enum operand)operand, REAL, 2e-6);
    }
}

static void any_shape_is_right(void **state)
{
    (void)state;
    static const int widths[] = {1, 3, 7, 28, 84};
    for (int w = 0; w < 5; w++)
        for (int kernel = 1; kernel <= 7; kernel += 2)
            for (int stride = 1; stride <= 2; stride++)
                for (int pad = 0; pad <= 2; pad++) {
                    int in = widths[w], out = widths[(w + kernel + pad) % 5];
                    struct conv_shape s = square(2, in, 7, out, kernel, stride, pad, 1);
                    check_both(&s);
                }
}

static void maps_need_not_be_square(void **state)
{
    (void)state;
    struct conv_shape s = square(3, 5, 9, 6, 3, 2, 1, 1);
    s.in_w = 4;
    s.out_w = 3; // (4 + 2 - 2) / 2 + 1
    s.kernel_w = 2;
    check_both(&s);
}

static void windows_of_any_shape(void **state)
{
    (void)state;
    uint32_t x = 1;
    for (int i = 0; i < 200; i++) {
        struct conv_shape s = random_shape(2, &x);
        assert_true(conv_shape_valid(&s));
        check_both(&s);
    }
}

static void groups_keep_to_themselves(void **state)
{
    (void)state;
    static const int groups[] = {2, 3, 6, 12};
    for (int i = 0; i < 4; i++) {
        struct conv_shape s = square(2, 12, 6, 24, 3, 1 + i % 2, 1, groups[i]);
        check_both(&s);
    }
    struct conv_shape depthwise = square(2, 28, 8, 28, 3, 1, 1, 28);
    check_both(&depthwise);
}

static void linear_layers_are_convolutions(void **state)
{
    (void)state;
    struct conv_shape s = square(16, 640, 1, 10, 1, 1, 0, 1);
    check_both(&s);
}

// <conv(x, w), dy> = <x, backward_data> = <w, backward_weights>, all from the backend's outputs.
static void directions_are_adjoint(void **state)
{
    (void)state;
    struct conv_shape s = square(4, 28, 9, 84, 3, 2, 1, 7);
    struct trial t = trial_make(&s, OPERAND_F32, REAL);
    assert_true(trial_run(&t, &backend_reference));
    double by_y = 0, by_x = 0, by_w = 0;
    for (size_t i = 0; i < size_y(&s); i++)
        by_y += (double)t.y[i] * t.dy[i];
    for (size_t i = 0; i < size_x(&s); i++)
        by_x += (double)t.dx[i] * t.x[i];
    for (size_t i = 0; i < size_w(&s); i++)
        by_w += (double)t.dw[i] * t.w[i];
    assert_true(fabs(by_y) > 1);
    assert_true(fabs(by_y - by_x) < 1e-4 * fabs(by_y));
    assert_true(fabs(by_y - by_w) < 1e-4 * fabs(by_y));
    trial_free(&t);
}

static void levels_give_the_same_bits(void **state)
{
    (void)state;
    enum { ROWS = 11, TERMS = 600, COLUMNS = 70 };
    struct conv_shape s = square(1, TERMS, 1, ROWS + COLUMNS, 1, 1, 0, 1);
    struct trial t = trial_make(&s, OPERAND_F32, REAL);
    const float *a = t.w_in, *b = t.w_in + (size_t)ROWS * TERMS;
    for (int level = 0; level < CPU_LEVELS; level++) {
        float c[ROWS][COLUMNS] = {{0}};
        struct product p = {ROWS, TERMS, COLUMNS, a, TERMS, 1, b, COLUMNS, c[0], COLUMNS};
        product_for(cpu_best((enum cpu_level)level))(&p);
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < COLUMNS; j++) {
                float sum = 0;
                for (int k = 0; k < TERMS; k++)
                    sum += a[i * TERMS + k] * b[k * COLUMNS + j];
                assert_memory_equal(&c[i][j], &sum, sizeof sum);
            }
    }
    trial_free(&t);
}

static void bf16_rounds_to_even(void **state)
{
    (void)state;
    assert_int_equal(bf16_of(1), 0x3f80);
    assert_int_equal(bf16_of(1 + 0x1p-8f), 0x3f80); // half way, down to even
    assert_int_equal(bf16_of(1 + 0x3p-8f), 0x3f82); // half way, up to even
    assert_int_equal(bf16_of(1 + 0x1.1p-8f), 0x3f81);
    assert_int_equal(bf16_of(-0.0F), 0x8000);
    assert_int_equal(bf16_of(INFINITY), 0x7f80);
    assert_int_equal(bf16_of(0x1.ffp127F), 0x7f80); // beyond the largest
    assert_true(isnan(float_of_bf16(bf16_of(nanf("")))));
}

static void backends_have_names(void **state)
{
    (void)state;
    assert_ptr_equal(backend_list()[0], &backend_reference);
    assert_ptr_equal(backend_find("reference"), &backend_reference);
    assert_non_null(backend_find("auto"));
    assert_null(backend_find("none such"));
    for (size_t i = 0; backend_list()[i]; i++) {
        assert_ptr_equal(backend_find(backend_list()[i]->name), backend_list()[i]);
        assert_true(strlen(backend_list()[i]->version()) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_shape_is_right),
        cmocka_unit_test(maps_need_not_be_square),
        cmocka_unit_test(windows_of_any_shape),
        cmocka_unit_test(groups_keep_to_themselves),
        cmocka_unit_test(linear_layers_are_convolutions),
        cmocka_unit_test(directions_are_adjoint),
        cmocka_unit_test(levels_give_the_same_bits),
        cmocka_unit_test(bf16_rounds_to_even),
        cmocka_unit_test(backends_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
