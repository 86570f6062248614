// Whole steps of training: images a second, by net, backend, operand and workers.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nets/backend/backend.h"
#include "nets/net.h"
#include "nets/train/graph.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/conf/conf.h"

enum { BATCH = 64, SHARD = 16, STEPS = 10, REFERENCE_STEPS = 2 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct net *load(const char *path, double width)
{
    struct err err = {0};
    struct net *net = NULL;
    struct conf *conf = conf_open(path, &err);
    if (!conf || !net_load(conf, &(struct net_options){.width = width}, &net, &err))
        fprintf(stderr, "%s\n", err.text);
    conf_close(conf);
    return net;
}

static struct weights *fill(const struct net *net)
{
    struct weights *w = weights_create(net);
    uint32_t x = 1;
    for (size_t i = 0; i < net->n; i++) {
        for (int64_t k = 0; k < net->layers[i].weights; k++) {
            x = x * 1664525 + 1013904223;
            w->layers[i].w[k] = (float)(x >> 8) / 8388608 - 1;
        }
        for (int c = 0; w->layers[i].beta && c < net->layers[i].out_c; c++)
            w->layers[i].beta[c] = 0.5F;
    }
    return w;
}

static void bench(const struct net *net, const struct backend *backend, enum operand operand,
                  int workers)
{
    struct err err = {0};
    struct graph *graph;
    const struct graph_options options = {backend, operand, BATCH, SHARD, workers, NULL};
    if (!graph_create(net, &options, &graph, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return;
    }
    size_t size = (size_t)net->raw_c * net->raw_h * net->raw_w;
    uint8_t *pixels = mem_alloc(BATCH * size, 1);
    float *targets = mem_alloc((size_t)BATCH * net->classes, sizeof *targets);
    const uint8_t *images[BATCH];
    for (size_t i = 0; i < BATCH * size; i++)
        pixels[i] = (uint8_t)(i * 2654435761U >> 24);
    for (int i = 0; i < BATCH; i++) {
        images[i] = pixels + (size_t)i * size;
        targets[i * net->classes + i % net->classes] = 1;
    }
    const struct graph_batch batch = {BATCH, images, targets};
    struct weights *params = fill(net), *grads = weights_create(net);
    double train_s = 1e9, forward_s = 1e9;
    int steps = backend == &backend_reference ? REFERENCE_STEPS : STEPS;
    for (int i = 0; i < steps; i++) {
        double start = now();
        graph_train(graph, params, 0, &batch, grads, NULL);
        double middle = now();
        graph_forward(graph, params, 0, &batch, NULL, NULL);
        double end = now();
        train_s = middle - start < train_s ? middle - start : train_s;
        forward_s = end - middle < forward_s ? end - middle : forward_s;
    }
    printf("%-10s %-5s %8d %12.0f %12.0f %8zu MB\n", backend->name, operand_names[operand], workers,
           (double)BATCH / train_s, (double)BATCH / forward_s, graph_bytes(graph) >> 20);
    fflush(stdout);
    weights_destroy(params);
    weights_destroy(grads);
    free(pixels);
    free(targets);
    graph_destroy(graph);
}

int main(int argc, char **argv)
{
    struct net *net = load(argc > 1 ? argv[1] : ZOO "/resnet20.yaml", argc > 2 ? atof(argv[2]) : 1);
    if (!net)
        return EXIT_FAILURE;
    printf("%s, batch %d, images a second of the fastest step\n", net->name, BATCH);
    printf("%-10s %-5s %8s %12s %12s\n", "backend", "", "workers", "training", "forward");
    for (int workers = 1; workers <= 2; workers++)
        for (size_t i = 0; backend_list()[i]; i++)
            for (int o = OPERAND_F32; o <= OPERAND_BF16; o++)
                bench(net, backend_list()[i], (enum operand)o, workers);
    net_destroy(net);
    return EXIT_SUCCESS;
}
