#include "tests/train/support.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "tests/nets/support.h"

const char *const lesson_part_names[] = {"w", "bias", "gamma", "beta", "mean", "var"};

static uint32_t draw(uint32_t *x)
{
    *x = *x * 1664525 + 1013904223;
    return *x >> 8;
}

static float uniform(uint32_t *x, double low, double high)
{
    return (float)(low + (high - low) * draw(x) / 16777216.0);
}

float *lesson_part(const struct net *net, const struct weights *weights, size_t layer, int part,
                   size_t *n)
{
    const struct layer_weights *w = &weights->layers[layer];
    float *parts[LESSON_PARTS] = {w->w, w->bias, w->gamma, w->beta, w->mean, w->var};
    *n = part ? (size_t)net->layers[layer].out_c : (size_t)net->layers[layer].weights;
    return parts[part];
}

static void fill(struct lesson *l)
{
    static const double low[] = {-1, -0.5, 0.5, -0.2, -0.5, 0.5};
    static const double high[] = {1, 0.5, 1.5, 0.8, 0.5, 2};
    uint32_t x = 5;
    for (size_t i = 1; i < l->net->n; i++)
        for (int part = 0; part < LESSON_PARTS; part++) {
            size_t n;
            float *to = lesson_part(l->net, l->params, i, part, &n);
            for (size_t k = 0; to && k < n; k++)
                to[k] = uniform(&x, low[part], high[part]);
        }
    size_t size = (size_t)l->net->raw_c * l->net->raw_h * l->net->raw_w;
    l->pixels = mem_alloc(LESSON_IMAGES * size, 1);
    l->targets = mem_alloc((size_t)LESSON_IMAGES * l->net->classes, sizeof *l->targets);
    for (size_t k = 0; k < LESSON_IMAGES * size; k++)
        l->pixels[k] = (uint8_t)draw(&x);
    for (int i = 0; i < LESSON_IMAGES; i++) {
        float *t = l->targets + (size_t)i * l->net->classes, sum = 0;
        l->images[i] = l->pixels + (size_t)i * size;
        for (int c = 0; c < l->net->classes; c++)
            sum += t[c] = uniform(&x, 0, 1);
        for (int c = 0; c < l->net->classes; c++)
            t[c] /= sum;
    }
}

struct lesson lesson_make(const char *head, const char *layers)
{
    char text[4096];
    snprintf(text, sizeof text, "name: lesson\n%s\nlayers:\n%s", head, layers);
    struct net *net = text_net(text, &(struct net_options){0});
    struct lesson l = {.net = net, .params = weights_create(net), .grads = weights_create(net)};
    fill(&l);
    l.batch = (struct graph_batch){LESSON_IMAGES, NULL, l.targets};
    return l;
}

void lesson_free(struct lesson *lesson)
{
    weights_destroy(lesson->params);
    weights_destroy(lesson->grads);
    net_destroy(lesson->net);
    free(lesson->pixels);
    free(lesson->targets);
}

struct graph *lesson_graph(const struct lesson *lesson, const struct backend *backend,
                           enum operand operand, int workers, const struct perturb *perturb)
{
    struct err err = {0};
    struct graph *graph = NULL;
    const struct graph_options options = {backend, operand, LESSON_IMAGES, 3, workers, perturb};
    if (!graph_create(lesson->net, &options, &graph, &err))
        fail_msg("%s", err.text);
    return graph;
}

void assert_weights_close(const struct net *net, const struct weights *got,
                          const struct weights *want, double part)
{
    for (size_t i = 1; i < net->n; i++)
        for (int k = 0; k < LESSON_PARTS; k++) {
            size_t n;
            const float *a = lesson_part(net, got, i, k, &n);
            const float *b = lesson_part(net, want, i, k, &n);
            double most = 1e-3;
            for (size_t j = 0; a && j < n; j++)
                most = fmax(most, fabs((double)b[j]));
            for (size_t j = 0; a && j < n; j++)
                if (!(fabs((double)a[j] - (double)b[j]) <= part * most))
                    fail_msg("%s %s[%zu] is %g, not %g (largest %g)", net->layers[i].name,
                             lesson_part_names[k], j, (double)a[j], (double)b[j], most);
        }
}
