// The convolutions of a training step of binary ResNet-20, direction by direction, on one thread,
// by every backend. Asserts nothing: a machine is as fast as it is.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "nets/backend/backend.h"

enum { IMAGES = 16, FORWARD = 0, DATA, WEIGHTS, DIRECTIONS };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Layers of one shape; channels at width 1x. The encoder makes 96 planes, which need no gradient.
struct layers {
    int count, in_c, in_size, out_c, stride;
    bool encoded;
};

static const struct layers resnet20[] = {
    {1, 96, 32, 16, 1, true},  {6, 16, 32, 16, 1, false}, {1, 16, 32, 32, 2, false},
    {5, 32, 16, 32, 1, false}, {1, 32, 16, 64, 2, false}, {5, 64, 8, 64, 1, false},
};
enum { SHAPES = sizeof resnet20 / sizeof *resnet20 };

static struct conv_shape shape_of(const struct layers *l, int width)
{
    int out = l->in_size / l->stride;
    return (struct conv_shape){.images = IMAGES,
                               .in_c = l->encoded ? l->in_c : l->in_c * width,
                               .in_h = l->in_size,
                               .in_w = l->in_size,
                               .out_c = l->out_c * width,
                               .out_h = out,
                               .out_w = out,
                               .kernel_h = 3,
                               .kernel_w = 3,
                               .stride_h = l->stride,
                               .stride_w = l->stride,
                               .dilation_h = 1,
                               .dilation_w = 1,
                               .pad_top = 1,
                               .pad_left = 1,
                               .pad_bottom = 1,
                               .pad_right = 1,
                               .groups = 1};
}

// Operands -1, 0, 1 in a pattern without a short period.
static void *operands(enum operand operand, size_t n)
{
    static const float values[] = {1, 0, -1};
    char *v = calloc(n, operand_size(operand));
    for (size_t i = 0; i < n; i++) {
        float value = values[i * i % 7 % 3];
        if (operand == OPERAND_BF16)
            ((uint16_t *)(void *)v)[i] = bf16_of(value);
        else
            ((float *)(void *)v)[i] = value;
    }
    return v;
}

struct tensors {
    void *x, *dy;
    float *y, *dx, *w;
};

static void run(const struct backend *b, struct conv *conv, const struct tensors *t, int direction)
{
    if (direction == FORWARD)
        b->forward(conv, t->x, t->y);
    else if (direction == DATA)
        b->backward_data(conv, t->dy, t->dx);
    else
        b->backward_weights(conv, t->x, t->dy, t->w);
}

// The best of five. The first, which warms up, counts for nothing.
static double time_best(const struct backend *b, struct conv *conv, const struct tensors *t,
                        int direction)
{
    double best = 1e9;
    run(b, conv, t, direction);
    for (int i = 0; i < 5; i++) {
        double start = now_s();
        run(b, conv, t, direction);
        double took = now_s() - start;
        best = took < best ? took : best;
    }
    return best;
}

// Seconds and operations of all layers of a kind; false: declined.
static bool add(const struct backend *b, enum operand operand, const struct layers *l, int width,
                double seconds[DIRECTIONS], double ops[DIRECTIONS])
{
    struct conv_shape s = shape_of(l, width);
    struct conv *conv = b->create(&s, operand, !l->encoded);
    if (!conv)
        return false;
    size_t pixels = (size_t)s.images * s.out_h * s.out_w, weights = (size_t)s.out_c * s.in_c * 9;
    size_t inputs = (size_t)s.images * s.in_h * s.in_w * s.in_c;
    struct tensors t = {.x = operands(operand, inputs),
                        .dy = operands(operand, pixels * s.out_c),
                        .y = calloc(pixels * s.out_c, sizeof(float)),
                        .dx = calloc(inputs, sizeof(float)),
                        .w = operands(OPERAND_F32, weights)};
    b->set_weights(conv, t.w);
    for (int d = 0; d < DIRECTIONS; d++) {
        if (d == DATA && l->encoded)
            continue;
        seconds[d] += l->count * time_best(b, conv, &t, d);
        ops[d] += 2 * l->count * (double)pixels * (double)weights;
    }
    b->destroy(conv);
    free(t.x);
    free(t.dy);
    free(t.y);
    free(t.dx);
    free(t.w);
    return true;
}

// Returns the seconds of all three; 0: declined.
static double bench(const struct backend *b, enum operand operand, int width, double reference)
{
    double seconds[DIRECTIONS] = {0}, ops[DIRECTIONS] = {0};
    for (int i = 0; i < SHAPES; i++)
        if (!add(b, operand, &resnet20[i], width, seconds, ops)) {
            printf("U-%dx  %-10s %-5s declined\n", width, b->name, operand_names[operand]);
            return 0;
        }
    double all_s = 0, all_ops = 0;
    printf("U-%dx  %-10s %-5s", width, b->name, operand_names[operand]);
    for (int d = 0; d < DIRECTIONS; d++) {
        printf(" %8.1f", ops[d] / seconds[d] * 1e-9);
        all_s += seconds[d];
        all_ops += ops[d];
    }
    printf(" %8.1f %9.1fx %9.0f s\n", all_ops / all_s * 1e-9, reference > 0 ? reference / all_s : 1,
           all_s / (double)IMAGES * 50000);
    fflush(stdout);
    return all_s;
}

int main(void)
{
    static const int widths[] = {1, 5};
    for (size_t i = 0; backend_list()[i]; i++)
        printf("%s: %s\n", backend_list()[i]->name, backend_list()[i]->version());
    printf("%d images a call, one thread, GF/s\n", IMAGES);
    printf("%-5s %-10s %-5s %8s %8s %8s %8s %10s %11s\n", "net", "backend", "", "forward", "data",
           "weights", "all", "of ref f32", "50k images");
    for (int w = 0; w < 2; w++) {
        double reference = 0;
        for (size_t i = 0; backend_list()[i]; i++)
            for (int o = OPERAND_F32; o <= OPERAND_BF16; o++) {
                double s = bench(backend_list()[i], (enum operand)o, widths[w], reference);
                reference = reference > 0 ? reference : s;
            }
    }
    return 0;
}
