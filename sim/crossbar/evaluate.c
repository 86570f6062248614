#include "sim/crossbar/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/encode.h"
#include "nets/float_net.h"
#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/packed.h"
#include "workloads/dataset.h"

static int largest(const float *logits, int n)
{
    int best = 0;
    for (int c = 1; c < n; c++)
        best = logits[c] > logits[best] ? c : best;
    return best;
}

static void evaluate_float(const struct evaluation *e, size_t images, size_t first, size_t step,
                           int32_t *classes)
{
    struct float_net *forward = float_net_create(e->net, e->weights);
    for (size_t i = first; i < images; i += step)
        classes[i] = largest(float_net_run(forward, dataset_image(e->data, i)), e->net->classes);
    float_net_destroy(forward);
}

static void evaluate_packed(const struct evaluation *e, const struct packed *packed, size_t images,
                            size_t first, size_t step, int32_t *classes)
{
    struct packed_run *run = packed_run_create(packed);
    for (size_t i = first; i < images; i += step)
        classes[i] =
            int_net_class(packed_run_image(run, dataset_image(e->data, i)), e->net->classes);
    packed_run_destroy(run);
}

static void evaluate_integer(const struct evaluation *e, size_t images, size_t first, size_t step,
                             int32_t *classes)
{
    struct int_net_run *run = int_net_run_create(e->integer);
    struct array_worker *levels = e->arrays ? array_worker_create(e->arrays) : NULL;
    struct conductance_model_worker *currents =
        e->analog ? conductance_model_worker_create(e->analog) : NULL;
    struct int_net copy = *e->integer; // the reference's context is not const
    int_net_matrix *matrix = currents ? conductance_model_matrix
                             : levels ? level_model_matrix
                                      : int_net_matrix_reference;
    void *context = currents ? (void *)currents : levels ? (void *)levels : &copy;
    for (size_t i = first; i < images; i += step) {
        if (currents)
            conductance_model_worker_image(currents, i);
        const int64_t *logits = int_net_run_image(run, dataset_image(e->data, i), matrix, context);
        classes[i] = int_net_class(logits, e->net->classes);
    }
    array_worker_destroy(levels);
    conductance_model_worker_destroy(currents);
    int_net_run_destroy(run);
}

static void evaluate_batch(void *classes, const struct evaluation *what, size_t images,
                           size_t first, size_t step)
{
    struct packed *packed = !what->integer ? NULL
                            : what->arrays ? packed_create(what->arrays)
                            : what->analog ? packed_create_analog(what->analog)
                                           : NULL;
    if (packed)
        evaluate_packed(what, packed, images, first, step, classes);
    else if (what->integer)
        evaluate_integer(what, images, first, step, classes);
    else
        evaluate_float(what, images, first, step, classes);
    packed_destroy(packed);
}

void evaluate_batches(const struct evaluation *what, size_t images, size_t first, size_t step,
                      evaluate_step *batch, void *context)
{
    size_t each = what->analog ? (size_t)conductance_model_redraw(what->analog) : 0;
    if (!each) {
        batch(context, what, images, first, step);
        return;
    }
    // The batch of an image follows from its index alone, whichever worker evaluates it.
    while (first < images) {
        size_t number = first / each, end = (number + 1) * each;
        end = end < images ? end : images;
        struct conductance_model *redrawn =
            conductance_model_redrawn(what->analog, (uint32_t)number);
        struct evaluation one = *what;
        one.analog = redrawn;
        batch(context, &one, end, first, step);
        conductance_model_destroy(redrawn);
        first += (end - first + step - 1) / step * step;
    }
}

void evaluate(const struct evaluation *what, size_t images, size_t first, size_t step,
              int32_t *classes)
{
    evaluate_batches(what, images, first, step, evaluate_batch, classes);
}

void evaluate_ranges(const struct net *net, const struct weights *weights,
                     const struct dataset *data, size_t images, double *ranges)
{
    struct float_net *forward = float_net_create(net, weights);
    for (size_t l = 0; l < net->n; l++)
        ranges[l] = 0;
    for (size_t i = 0; i < images && i < data->n; i++) {
        float_net_run(forward, dataset_image(data, i));
        for (size_t l = 1; l < net->n; l++) {
            const struct layer *layer = &net->layers[l];
            size_t n = (size_t)layer->out_c * layer->out_h * layer->out_w;
            const float *map = float_net_map(forward, (int)l);
            for (size_t j = 0; j < n; j++)
                ranges[l] = fmax(ranges[l], fabs((double)map[j]));
        }
    }
    ranges[0] = encode_range(net);
    float_net_destroy(forward);
}
