// Which images does a step take, and what is done to them?
#include "tests/close.h"

#include <stdlib.h>
#include <string.h>

#include "nets/train/augment.h"
#include "nets/train/targets.h"

enum { H = 5, W = 6, BYTES = 2 * H * W, IMAGES = 1000 };
static const struct image_shape shape = {2, H, W};

// No byte is 0, none is there twice.
static void fill(uint8_t *image)
{
    for (int i = 0; i < BYTES; i++)
        image[i] = (uint8_t)(i + 1);
}

// The formula, pixel by pixel: pad, cut at (x, y), mirror.
static uint8_t pixel(const uint8_t *from, int crop, struct augment_draw d, int c, int y, int x)
{
    int sx = (d.flip ? W - 1 - x : x) + d.x - crop, sy = y + d.y - crop;
    return sx < 0 || sy < 0 || sx >= W || sy >= H ? 0 : from[(c * H + sy) * W + sx];
}

static void cuts_and_flips(void **state)
{
    (void)state;
    uint8_t from[BYTES], to[BYTES];
    fill(from);
    for (int crop = 0; crop <= 8; crop += 2) // 8: sometimes nothing of the image is left
        for (int y = 0; y <= 2 * crop; y++)
            for (int x = 0; x <= 2 * crop; x++)
                for (int flip = 0; flip < 2; flip++) {
                    struct augment a = {.crop = crop};
                    struct augment_draw d = {x, y, flip};
                    augment_apply(&a, d, shape, from, to);
                    for (int i = 0; i < BYTES; i++)
                        assert_int_equal(to[i],
                                         pixel(from, crop, d, i / (H * W), i / W % H, i % W));
                }
}

static void two_flips_are_none(void **state)
{
    (void)state;
    uint8_t from[BYTES], once[BYTES], twice[BYTES];
    struct augment a = {.flip = true};
    struct augment_draw flip = {.flip = true};
    fill(from);
    augment_apply(&a, flip, shape, from, once);
    augment_apply(&a, flip, shape, once, twice);
    assert_memory_not_equal(once, from, BYTES);
    assert_memory_equal(twice, from, BYTES);
}

// Every place within the range, each about as often; flips about every second time; another epoch
// or seed draws anew.
static void draws_evenly(void **state)
{
    (void)state;
    enum { CROP = 2, PLACES = 2 * CROP + 1, DRAWS = 10000 };
    struct augment a = {.flip = true, .crop = CROP};
    int count_x[PLACES] = {0}, count_y[PLACES] = {0}, flips = 0, same = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct augment_draw d = augment_draw(&a, 7, 3, i), next = augment_draw(&a, 7, 4, i);
        assert_in_range(d.x, 0, 2 * CROP);
        assert_in_range(d.y, 0, 2 * CROP);
        count_x[d.x]++;
        count_y[d.y]++;
        flips += d.flip;
        same += d.x == next.x && d.y == next.y && d.flip == next.flip;
    }
    for (int i = 0; i < PLACES; i++) { // five standard deviations of 40
        assert_in_range(count_x[i], DRAWS / PLACES - 200, DRAWS / PLACES + 200);
        assert_in_range(count_y[i], DRAWS / PLACES - 200, DRAWS / PLACES + 200);
    }
    assert_in_range(flips, DRAWS / 2 - 250, DRAWS / 2 + 250);
    assert_in_range(same, DRAWS / 50 - 70, DRAWS / 50 + 70);
    a = (struct augment){0};
    struct augment_draw none = augment_draw(&a, 7, 3, 12);
    assert_true(none.x == 0 && none.y == 0 && !none.flip);
}

static void splits_once_and_for_all(void **state)
{
    (void)state;
    static uint32_t first[IMAGES], again[IMAGES], other[IMAGES];
    static const double shares[] = {0, 0.0004, 0.1, 0.9};
    static const size_t held_out[] = {0, 0, 100, 900};
    for (size_t k = 0; k < 4; k++) {
        bool seen[IMAGES] = {false};
        assert_int_equal(split_images(1, shares[k], IMAGES, first), held_out[k]);
        split_images(1, shares[k], IMAGES, again);
        assert_memory_equal(first, again, sizeof first);
        for (size_t i = 0; i < IMAGES; i++) { // so the two parts share none and miss none
            assert_true(first[i] < IMAGES && !seen[first[i]]);
            seen[first[i]] = true;
        }
    }
    split_images(2, 0.1, IMAGES, other);
    size_t both = 0; // of 100 among 1000, a second draw has 10; 5 standard deviations are 15
    for (size_t i = 0; i < 100; i++)
        for (size_t j = 0; j < 100; j++)
            both += first[i] == other[j];
    assert_in_range(both, 0, 25);
}

static void orders_every_epoch_anew(void **state)
{
    (void)state;
    static uint32_t images[IMAGES], one[IMAGES], two[IMAGES], again[IMAGES];
    bool seen[3 * IMAGES] = {false};
    for (uint32_t i = 0; i < IMAGES; i++)
        images[i] = 3 * i;
    order_images(1, 0, IMAGES, images, one);
    order_images(1, 1, IMAGES, images, two);
    order_images(1, 0, IMAGES, images, again);
    assert_memory_equal(one, again, sizeof one);
    assert_memory_not_equal(one, two, sizeof one);
    size_t stayed = 0, shared = 0; // each is 1 on average
    for (size_t i = 0; i < IMAGES; i++) {
        assert_true(one[i] % 3 == 0 && !seen[one[i]]);
        seen[one[i]] = true;
        stayed += one[i] == images[i];
        shared += one[i] == two[i];
    }
    assert_in_range(stayed, 0, 8);
    assert_in_range(shared, 0, 8);
}

static void smooths_and_mixes_targets(void **state)
{
    (void)state;
    enum { N = 2, CLASSES = 4 };
    static const uint8_t labels[N] = {2, 0};
    // Differences of log 3 and log 9: with a temperature of 2, ratios of sqrt 3 and 3.
    const float logits[N * CLASSES] = {1, 1, 1, 1, 0, logf(9), 0, 0};
    float t[N * CLASSES];
    targets_labels(N, CLASSES, labels, 0, t);
    for (int i = 0; i < N * CLASSES; i++)
        assert_true(t[i] == (i == 2 || i == 4 ? 1.0f : 0.0f));
    targets_labels(N, CLASSES, labels, 0.2, t);
    assert_close((double)t[2], 0.85, 1e-6);
    assert_close((double)t[1], 0.05, 1e-6);
    targets_labels(N, CLASSES, labels, 0, t);
    targets_teacher(N, CLASSES, logits, 0.4, 2, t);
    assert_close((double)t[0], 0.4 * 0.25, 1e-6);
    assert_close((double)t[2], 0.6 + 0.4 * 0.25, 1e-6);
    assert_close((double)t[4], 0.6 + 0.4 / 6, 1e-6); // 1 of 1 + 3 + 1 + 1
    assert_close((double)t[5], 0.4 * 0.5, 1e-6);
    assert_int_equal(targets_right(N, CLASSES, logits, (const uint8_t[]){0, 1}), 2);
    assert_int_equal(targets_right(N, CLASSES, logits, (const uint8_t[]){1, 1}), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_and_flips),
        cmocka_unit_test(two_flips_are_none),
        cmocka_unit_test(draws_evenly),
        cmocka_unit_test(splits_once_and_for_all),
        cmocka_unit_test(orders_every_epoch_anew),
        cmocka_unit_test(smooths_and_mixes_targets),
    };
    return cmocka_run_group_tests_name("augmentation", tests, NULL, NULL);
}
