// Is the generated set the same for every caller, balanced, and as hard as workloads/README.md
// says: too hard for a linear classifier, but not for one that compares pictures?
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "tests/workloads/fixture.h"

enum { CLASSES = 10 };

static void has_the_stated_shapes(void **state)
{
    (void)state;
    struct dataset *set = fixture_open("synth", DATASET_TEST, 0);
    assert_int_equal(set->n, 10000);
    assert_int_equal(dataset_image_bytes(set), 28 * 28);
    assert_int_equal(set->classes, CLASSES);
    size_t count[CLASSES] = {0};
    for (size_t i = 0; i < set->n; i++) {
        assert_in_range(set->labels[i], 0, CLASSES - 1);
        count[set->labels[i]]++;
        // Every class once in ten images.
        for (int k = 0; i % 10 == 9 && k < CLASSES; k++)
            assert_int_equal(count[k], i / 10 + 1);
    }
    dataset_close(set);
    set = fixture_open("synth32", DATASET_TRAIN, 20);
    assert_int_equal(set->n, 20);
    assert_int_equal(set->channels, 3);
    assert_int_equal(set->height, 32);
    assert_int_equal(set->width, 32);
    dataset_close(set);
}

static void depends_on_nothing_else(void **state)
{
    (void)state;
    for (int colour = 0; colour < 2; colour++) {
        const char *spec = colour ? "synth32" : "synth";
        struct dataset *few = fixture_open(spec, DATASET_TEST, 15);
        struct dataset *many = fixture_open(spec, DATASET_TEST, 500);
        struct dataset *train = fixture_open(spec, DATASET_TRAIN, 500);
        size_t bytes = dataset_image_bytes(few);
        assert_memory_equal(few->images, many->images, 15 * bytes);
        assert_memory_equal(few->labels, many->labels, 15);
        assert_memory_not_equal(many->labels, train->labels, 500);
        // No picture twice, neither within a part nor across.
        for (size_t i = 0; i < 500; i++)
            for (size_t j = 0; j < 500; j++) {
                assert_memory_not_equal(dataset_image(many, i), dataset_image(train, j), bytes);
                if (j < i)
                    assert_memory_not_equal(dataset_image(many, i), dataset_image(many, j), bytes);
            }
        dataset_close(few);
        dataset_close(many);
        dataset_close(train);
    }
}

// The bytes are part of every result got from them: a change here is one for the changelog. They
// must be the same for every compiler and every level of optimisation.
static void is_the_same_everywhere(void **state)
{
    (void)state;
    const struct {
        const char *spec;
        uint64_t hash;
    } cases[] = {{"synth", UINT64_C(0x9fef7f9c373aa0c0)},
                 {"synth32", UINT64_C(0x1b72ab59c4360853)}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dataset *set = fixture_open(cases[i].spec, DATASET_TRAIN, 1000);
        uint64_t hash = hash_bytes(HASH_START, set->images, set->n * dataset_image_bytes(set));
        hash = hash_bytes(hash, set->labels, set->n);
        if (hash != cases[i].hash)
            fail_msg("%s has the hash 0x%016jx", cases[i].spec, (uintmax_t)hash);
        dataset_close(set);
    }
}

// How strong the edges of the image are at each pixel, all channels together: what is left of a
// picture without its colours, which way the pen differs from the ground and the slope of the
// light.
static void edges(const struct dataset *set, const uint8_t *image, float *to)
{
    size_t w = (size_t)set->width, h = (size_t)set->height;
    for (size_t c = 0; c < (size_t)set->channels; c++)
        for (size_t y = 1; y + 1 < h; y++)
            for (size_t x = 1; x + 1 < w; x++) {
                const uint8_t *at = image + (c * h + y) * w + x;
                float dx = (float)(at[1] - at[-1]), dy = (float)(at[w] - *(at - w));
                to[y * w + x] += dx * dx + dy * dy;
            }
}

// A matrix of n images of edges, smoothed over 3 x 3 pixels, norm 1 each.
static float *normalised(const struct dataset *set)
{
    size_t w = (size_t)set->width, pixels = (size_t)set->height * w;
    float *all = mem_alloc(set->n * pixels, sizeof *all), *sharp = mem_alloc(pixels, sizeof *sharp);
    for (size_t i = 0; i < set->n; i++) {
        float *x = all + i * pixels, norm = 0;
        memset(sharp, 0, pixels * sizeof *sharp);
        edges(set, dataset_image(set, i), sharp);
        for (size_t j = w + 1; j + w + 1 < pixels; j++) {
            for (size_t k = j - 1; k <= j + 1; k++)
                x[j] += sharp[k - w] + sharp[k] + sharp[k + w];
            x[j] = sqrtf(x[j]);
            norm += x[j] * x[j];
        }
        for (size_t j = 0; j < pixels; j++)
            x[j] /= sqrtf(norm + 1);
    }
    free(sharp);
    return all;
}

static float dot(const float *a, const float *b, size_t n)
{
    float sum[8] = {0};
    for (size_t i = 0; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            sum[j] += a[i + j] * b[i + j];
    return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

// Softmax regression on pixels in -1..1, by stochastic gradient descent.
struct linear {
    float *w; // (CLASSES, n)
    float bias[CLASSES];
    float *x; // the image at hand
    size_t n;
};

static void scores(struct linear *model, const uint8_t *image, float *z)
{
    for (size_t j = 0; j < model->n; j++)
        model->x[j] = (float)image[j] / 127.5f - 1;
    for (size_t k = 0; k < CLASSES; k++)
        z[k] = dot(model->w + k * model->n, model->x, model->n) + model->bias[k];
}

static void learn(struct linear *model, const uint8_t *image, int label, float rate)
{
    float z[CLASSES], sum = 0;
    scores(model, image, z);
    for (int k = 0; k < CLASSES; k++)
        sum += expf(z[k]);
    for (int k = 0; k < CLASSES; k++) {
        float step = rate * (expf(z[k]) / sum - (float)(k == label));
        for (size_t j = 0; j < model->n; j++)
            model->w[(size_t)k * model->n + j] -= step * model->x[j];
        model->bias[k] -= step;
    }
}

static double linear_accuracy(const struct dataset *train, const struct dataset *test, int epochs)
{
    size_t n = dataset_image_bytes(train), right = 0;
    struct linear model = {.n = n};
    model.w = mem_alloc(CLASSES * n, sizeof *model.w);
    model.x = mem_alloc(n, sizeof *model.x);
    for (int e = 0; e < epochs; e++)
        for (size_t i = 0; i < train->n; i++)
            learn(&model, dataset_image(train, i), train->labels[i],
                  0.004f * (float)(epochs - e) / (float)epochs);
    for (size_t i = 0; i < test->n; i++) {
        float z[CLASSES];
        int best = 0;
        scores(&model, dataset_image(test, i), z);
        for (int k = 1; k < CLASSES; k++)
            best = z[k] > z[best] ? k : best;
        right += best == test->labels[i];
    }
    free(model.w);
    free(model.x);
    return (double)right / (double)test->n;
}

static double neighbour_accuracy(const struct dataset *train, const struct dataset *test)
{
    size_t pixels = (size_t)train->height * (size_t)train->width, right = 0;
    float *known = normalised(train), *asked = normalised(test);
    for (size_t i = 0; i < test->n; i++) {
        float best = -2;
        int label = 0;
        for (size_t j = 0; j < train->n; j++) {
            float like = dot(asked + i * pixels, known + j * pixels, pixels);
            if (like > best) {
                best = like;
                label = train->labels[j];
            }
        }
        right += label == test->labels[i];
    }
    free(known);
    free(asked);
    return (double)right / (double)test->n;
}

static void is_hard_for_lines_only(void **state)
{
    (void)state;
    for (int colour = 0; colour < 2; colour++) {
        const char *spec = colour ? "synth32" : "synth";
        struct dataset *train = fixture_open(spec, DATASET_TRAIN, 3000);
        struct dataset *test = fixture_open(spec, DATASET_TEST, 300);
        double linear = linear_accuracy(train, test, 4);
        double neighbour = neighbour_accuracy(train, test);
        print_message("# %s: linear %.3f, nearest neighbour %.3f\n", spec, linear, neighbour);
        assert_true(linear < 0.9 && neighbour < 0.999);
        assert_true(linear > 0.3); // three times chance: something to learn is there
        assert_true(neighbour > linear + 0.1);
        dataset_close(train);
        dataset_close(test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_stated_shapes),
        cmocka_unit_test(depends_on_nothing_else),
        cmocka_unit_test(is_the_same_everywhere),
        cmocka_unit_test(is_hard_for_lines_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
