// Batch-norm statistics from the sums that a chip produces.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/crossbar/mitigation.h"
#include "workloads/dataset.h"

// One layer's maps of all images, kept while later layers read them.
struct kept {
    int32_t *map, *stream; // (images, elements); stream: only if it differs from the map
    bool streams;          // a shortcut reads it
    int reader;            // the last layer that reads it
};

struct moments { // of v, relative to the first value
    double first, sum, squares;
    int64_t n;
};

struct norms {
    struct int_net *integer;
    const struct mitigation_pass *pass;
    struct weights weights; // not owned, except mean and var
    struct int_net_run *run;
    struct kept *kept; // per layer
    int64_t *sums;     // (images, elements) of the current layer
    int64_t *values;
    struct moments *moments; // per channel
    int last;                // layer that runs the stage of the last batch-norm
    struct arena *mem;
};

static size_t elements(const struct layer *l)
{
    return (size_t)l->out_c * l->out_h * l->out_w;
}

// The layer that runs a layer's stage: its add, if it has one.
static int runs_at(const struct norms *s, int layer)
{
    int add = s->integer->layers[layer].add;
    return add >= 0 ? add : layer;
}

static void read_by(struct norms *s, int layer, int reader)
{
    struct kept *k = &s->kept[layer];
    k->reader = reader > k->reader ? reader : k->reader;
}

static void find_readers(struct norms *s)
{
    const struct net *net = s->integer->net;
    bool apart = net->form == FORM_BINARY;
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        read_by(s, l->input[0], runs_at(s, (int)i));
        for (int edge = 1; edge < l->n_inputs; edge++)
            read_by(s, l->input[edge], (int)i);
        if (l->kind != LAYER_ADD)
            continue;
        s->kept[l->input[1]].streams = apart;
        s->kept[l->input[0]].streams = apart;
    }
}

// The maximum of bytes kept at the same time.
static double most_bytes(const struct norms *s)
{
    const struct net *net = s->integer->net;
    double most = 0;
    for (size_t i = 1; i <= (size_t)s->last; i++) {
        double bytes = 8 * (double)elements(&net->layers[i]);
        for (size_t j = 1; j <= i; j++)
            if (s->kept[j].reader >= (int)i || j == i)
                bytes += (s->kept[j].streams ? 8 : 4) * (double)elements(&net->layers[j]);
        most = fmax(most, bytes);
    }
    return most * (double)s->pass->images;
}

static bool check_memory(const struct norms *s, struct err *err)
{
    const double limit = 4e9;
    double bytes = most_bytes(s);
    if (bytes <= limit)
        return true;
    size_t fits = (size_t)((double)s->pass->images * limit / bytes);
    return err_set(err,
                   "the maps of %zu images between layers take %.1f GB, above %.0f GB; use %zu "
                   "images or fewer for bn",
                   s->pass->images, bytes * 1e-9, limit * 1e-9, fits ? fits : 1);
}

// Stores one image's map of a layer where the next step reads it.
static void restore(struct norms *s, int layer, size_t image)
{
    if (layer == 0) {
        int_net_run_load(s->run, dataset_image(s->pass->data, image));
        return;
    }
    const struct kept *k = &s->kept[layer];
    size_t n = elements(&s->integer->net->layers[layer]);
    memcpy(int_net_run_map(s->run, layer), k->map + image * n, n * sizeof *k->map);
    if (k->stream)
        memcpy(int_net_run_stream(s->run, layer), k->stream + image * n, n * sizeof *k->stream);
}

static void keep(struct norms *s, int layer, size_t image)
{
    struct kept *k = &s->kept[layer];
    size_t n = elements(&s->integer->net->layers[layer]);
    if (!k->map)
        k->map = mem_alloc(s->pass->images * n, sizeof *k->map);
    if (!k->stream && k->streams)
        k->stream = mem_alloc(s->pass->images * n, sizeof *k->stream);
    memcpy(k->map + image * n, int_net_run_map(s->run, layer), n * sizeof *k->map);
    if (k->stream)
        memcpy(k->stream + image * n, int_net_run_stream(s->run, layer), n * sizeof *k->stream);
}

static void release(struct norms *s, int read_by)
{
    for (int i = 1; i <= read_by; i++)
        if (s->kept[i].reader <= read_by) {
            free(s->kept[i].map);
            free(s->kept[i].stream);
            s->kept[i].map = s->kept[i].stream = NULL;
        }
}

static void restore_shortcut(struct norms *s, int layer, size_t image)
{
    int add = s->integer->layers[layer].add;
    if (add >= 0)
        restore(s, s->integer->net->layers[add].input[1], image);
}

// A pool, a concat, or a separate add or multiply.
static void run_plain(struct norms *s, int layer)
{
    const struct layer *l = &s->integer->net->layers[layer];
    for (size_t i = 0; i < s->pass->images; i++) {
        for (int edge = 0; edge < l->n_inputs; edge++)
            restore(s, l->input[edge], i);
        int_net_run_finish(s->run, layer);
        keep(s, layer, i);
    }
}

static void restore_sums(struct norms *s, int layer, size_t image)
{
    size_t n = elements(&s->integer->net->layers[layer]);
    memcpy(int_net_run_sums(s->run), s->sums + image * n, n * sizeof *s->sums);
    restore_shortcut(s, layer, image);
}

// Adds an image's values. A batch-norm after an add sees the shortcut too.
static void measure(struct norms *s, int layer)
{
    const struct net *net = s->integer->net;
    const struct layer *l = &net->layers[layer];
    int add = s->integer->layers[layer].add;
    bool behind = add >= 0 && net->layers[add].bn;
    int64_t *v = s->values;
    int_net_run_values(s->run, layer, behind, v);
    size_t each = (size_t)l->out_h * l->out_w;
    for (int c = 0; c < l->out_c; c++, v += each) {
        struct moments *m = &s->moments[c];
        if (m->n == 0)
            m->first = (double)v[0];
        for (size_t i = 0; i < each; i++) {
            double d = (double)v[i] - m->first;
            m->sum += d;
            m->squares += d * d;
        }
        m->n += (int64_t)each;
    }
}

// Solves v / unit = gamma * (x - mean) / sqrt(var + eps) + beta for x, whose mean and variance are
// the new ones. A channel with gamma 0 does not depend on them.
static void take_statistics(struct norms *s, int layer)
{
    const struct layer *l = &s->integer->net->layers[layer];
    struct layer_weights *w = &s->weights.layers[layer];
    double unit = s->integer->layers[layer].unit;
    for (int c = 0; c < l->out_c; c++) {
        const struct moments *m = &s->moments[c];
        double gamma = (double)w->gamma[c], n = (double)m->n;
        if (!(gamma > 0 || gamma < 0))
            continue;
        double step = sqrt((double)w->var[c] + w->bn_eps) / gamma;
        double mean = (m->first + m->sum / n) / unit;
        double squares = fmax(m->squares - m->sum * m->sum / n, 0) / (unit * unit);
        w->mean[c] += (float)((mean - (double)w->beta[c]) * step);
        w->var[c] = (float)(squares / fmax(n - 1, 1) * step * step);
    }
}

static void run_matrix(struct norms *s, int layer)
{
    const struct mitigation_pass *p = s->pass;
    const struct layer *l = &s->integer->net->layers[layer];
    int last = runs_at(s, layer);
    size_t n = elements(l);
    s->sums = mem_alloc(p->images * n, sizeof *s->sums);
    for (size_t i = 0; i < p->images; i++) {
        restore(s, l->input[0], i);
        p->begin(p->context, i);
        int_net_run_multiply(s->run, layer, p->matrix, p->context);
        memcpy(s->sums + i * n, int_net_run_sums(s->run), n * sizeof *s->sums);
    }
    if (s->weights.layers[layer].gamma) {
        int_net_refold(s->integer, &s->weights, layer); // it may have been re-estimated before
        memset(s->moments, 0, (size_t)l->out_c * sizeof *s->moments);
        for (size_t i = 0; i < p->images; i++) {
            restore_sums(s, layer, i);
            measure(s, layer);
        }
        take_statistics(s, layer);
        int_net_refold(s->integer, &s->weights, layer);
    }
    for (size_t i = 0; i < p->images; i++) {
        restore_sums(s, layer, i);
        int_net_run_finish(s->run, layer);
        keep(s, last, i);
    }
    free(s->sums);
}

static float *copy(struct arena *mem, const float *from, int n)
{
    float *to = arena_alloc(mem, (size_t)n, sizeof *to);
    memcpy(to, from, (size_t)n * sizeof *to);
    return to;
}

static int64_t prepare(struct norms *s, const struct weights *weights)
{
    const struct net *net = s->integer->net;
    int64_t channels = 0;
    size_t most = 1, widest = 1;
    s->kept = arena_alloc(s->mem, net->n, sizeof *s->kept);
    s->weights = *weights;
    s->weights.layers = arena_alloc(s->mem, net->n, sizeof *s->weights.layers);
    memcpy(s->weights.layers, weights->layers, net->n * sizeof *weights->layers);
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        struct layer_weights *w = &s->weights.layers[i];
        if (!layer_has_weights(l))
            continue;
        most = elements(l) > most ? elements(l) : most;
        widest = (size_t)l->out_c > widest ? (size_t)l->out_c : widest;
        if (!w->gamma)
            continue;
        w->mean = copy(s->mem, w->mean, l->out_c);
        w->var = copy(s->mem, w->var, l->out_c);
        channels += l->out_c;
        s->last = runs_at(s, (int)i) > s->last ? runs_at(s, (int)i) : s->last;
    }
    s->values = arena_alloc(s->mem, most, sizeof *s->values);
    s->moments = arena_alloc(s->mem, widest, sizeof *s->moments);
    find_readers(s);
    return channels;
}

bool mitigation_norms(struct int_net *integer, const struct weights *weights,
                      const struct mitigation_pass *pass, int64_t *channels, struct err *err)
{
    struct norms s = {.integer = integer, .pass = pass, .mem = arena_create()};
    const struct net *net = integer->net;
    *channels = prepare(&s, weights);
    bool ok = *channels > 0 ||
              err_set(err, "net '%s' has no batch-norm to re-estimate; drop bn", net->name);
    ok = ok && check_memory(&s, err);
    s.run = ok ? int_net_run_create(integer) : NULL;
    for (int i = 0; i < integer->n_stages && ok; i++) {
        int layer = integer->stages[i], last = runs_at(&s, layer);
        if (last > s.last)
            break;
        if (layer_has_weights(&net->layers[layer]))
            run_matrix(&s, layer);
        else
            run_plain(&s, layer);
        release(&s, last);
    }
    release(&s, (int)net->n - 1);
    int_net_run_destroy(s.run);
    arena_destroy(s.mem);
    return ok;
}
