#include "nets/train/measure.h"

#include "nets/train/graph.h"
#include "nets/train/targets.h"
#include "workloads/dataset.h"

size_t measure_right(const struct measure *m, struct graph *graph, const struct weights *weights,
                     const uint32_t *numbers, size_t n)
{
    size_t right = 0;
    for (size_t at = 0; at < n; at += m->batch) {
        size_t here = n - at < m->batch ? n - at : m->batch;
        for (size_t i = 0; i < here; i++) {
            size_t image = numbers ? numbers[at + i] : at + i;
            m->pointers[i] = dataset_image(m->data, image);
            m->labels[i] = m->data->labels[image];
        }
        struct graph_batch batch = {.n = (int)here, .images = m->pointers};
        graph_forward(graph, weights, m->step, &batch, NULL, m->logits);
        right += targets_right(here, m->classes, m->logits, m->labels);
    }
    return right;
}

// After b of the batches, (b - 1) / b is what was.
void measure_statistics(const struct measure *m, struct graph *graph, const struct measured *net,
                        const uint32_t *numbers, size_t n)
{
    for (size_t b = 0; b < n; b++) {
        for (size_t i = 0; i < m->batch; i++)
            m->pointers[i] = dataset_image(m->data, numbers[b * m->batch + i]);
        struct graph_batch batch = {.n = (int)m->batch, .images = m->pointers};
        graph_forward(graph, net->weights, m->step, &batch, net->stats, m->logits);
        tensors_move_statistics(&net->values, &net->stats_values, (float)(1 / ((double)b + 1)));
    }
}
