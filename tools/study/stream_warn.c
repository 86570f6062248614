// Whether the fixed-point residual stream of a binary net can represent the values its additions
// read.
#include <math.h>
#include <stdlib.h>

#include "nets/float_net.h"
#include "nets/net.h"
#include "base/mem.h"
#include "base/warn.h"
#include "tools/study/accuracy.h"
#include "tools/study/model_warn.h"
#include "workloads/dataset.h"

// The values of one layer that additions read, in floating point.
struct stream {
    double elements, beyond, sum, largest; // sum and largest of |x|
};

// Batch-norm and comparator read the sum before it is stored; only values that an addition reads
// later have residual_bits.
static bool is_stored(const struct net *net, int layer)
{
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        bool fused = net_fused_add(net, layer) == (int)i;
        if (l->kind == LAYER_ADD && (l->input[1] == layer || (l->input[0] == layer && !fused)))
            return true;
    }
    return false;
}

static void add_map(const struct net *net, int layer, const float *map, struct stream *s)
{
    const struct layer *l = &net->layers[layer];
    size_t n = (size_t)l->out_c * l->out_h * l->out_w;
    double step = ldexp(1, -net->residual_frac), top = ldexp(step, net->residual_bits - 1);
    for (size_t i = 0; i < n; i++) {
        double x = fabs((double)map[i]);
        s->beyond += x > top;
        s->sum += x;
        s->largest = fmax(s->largest, x);
    }
    s->elements += (double)n;
}

// As many images as take about a second.
static size_t images_of(const struct model *m)
{
    const double most = 16;
    double fits = floor(5e8 / (double)(net_ops(m->net).macs + 1));
    size_t n = (size_t)fmin(fmax(fits, 1), most);
    return n < m->images ? n : m->images;
}

// One for each layer of the net; `elements` stays 0 if the layer stores nothing.
static struct stream *measure(const struct model *m, size_t images)
{
    const struct net *net = m->net;
    struct stream *streams = mem_alloc(net->n, sizeof *streams);
    struct float_net *forward = float_net_create(net, m->weights);
    for (size_t i = 0; i < images; i++) {
        float_net_run(forward, dataset_image(m->data, i));
        for (size_t l = 1; l < net->n; l++)
            if (is_stored(net, (int)l))
                add_map(net, (int)l, float_net_map(forward, (int)l), &streams[l]);
    }
    float_net_destroy(forward);
    return streams;
}

// The layer with the largest share of values beyond the range; the layer with the smallest values.
static void pick(const struct stream *streams, size_t n, size_t *clips, size_t *coarse)
{
    *clips = *coarse = 0;
    for (size_t i = 1; i < n; i++) {
        const struct stream *s = &streams[i], *c = &streams[*clips], *f = &streams[*coarse];
        if (s->elements > 0 && (!*clips || s->beyond * c->elements > c->beyond * s->elements))
            *clips = i;
        if (s->elements > 0 && (!*coarse || s->sum * f->elements < f->sum * s->elements))
            *coarse = i;
    }
}

void stream_warn(const struct model *m, struct warnings *warnings)
{
    const struct net *net = m->net;
    if (net->form != FORM_BINARY || !net->residual_bits)
        return;
    size_t images = images_of(m), clips, coarse;
    struct stream *streams = measure(m, images);
    double step = ldexp(1, -net->residual_frac), top = ldexp(step, net->residual_bits - 1);
    pick(streams, net->n, &clips, &coarse);
    const struct stream *c = &streams[clips], *f = &streams[coarse];
    if (c->beyond > 0.01 * c->elements)
        warn_add(warnings, "residual-clips",
                 "residual stream: %.3g %% of the values of '%.60s' exceed %g, the limit of "
                 "residual_bits %d with residual_frac %d, and are clipped (up to %.4g; first %zu "
                 "image%s); raise residual_bits, or lower residual_frac",
                 100 * c->beyond / c->elements, net->layers[clips].name, top, net->residual_bits,
                 net->residual_frac, c->largest, images, images == 1 ? "" : "s");
    if (f->sum > 0 && f->sum < step * f->elements)
        warn_add(
            warnings, "residual-coarse",
            "residual stream: the values of '%.60s' are %.3g on average, less than the step of "
            "%g that residual_frac %d gives (first %zu image%s); raise residual_bits and "
            "residual_frac",
            net->layers[coarse].name, f->sum / f->elements, step, net->residual_frac, images,
            images == 1 ? "" : "s");
    free(streams);
}
