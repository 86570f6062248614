#include "tools/search/agents/mlp.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "nets/kernels/kernels.h"
#include "base/mem.h"
#include "base/portable_math.h"
#include "tools/search/agents/search_rng.h"

// Rows of activations and columns of weights are padded to what the product takes; what is padded
// stays zero, and so do its gradients and steps.
struct layer {
    int in, out;      // that count
    int pad_in, wide; // elements of a row of inputs, of outputs
    size_t at;        // of its first weight: (in + 1, wide), the biases last
};

struct mlp {
    struct arena *mem;
    const struct kernels *kernels;
    struct mlp_shape shape;
    struct layer layers[MLP_LAYERS];
    size_t n;                                   // weights, biases, padding
    float *weights, *gradients, *mean, *square; // n each; the last two are Adam's
    float *turned;                              // one layer's weights, transposed
    float *x[MLP_LAYERS + 1], *dx[MLP_LAYERS + 1];
    int rows;              // of the last forward
    double decay1, decay2; // powers of Adam's
};

static int padded(int n)
{
    return (n + DENSE_LANES - 1) / DENSE_LANES * DENSE_LANES;
}

static struct mlp *allocate(const struct mlp_shape *shape)
{
    struct arena *mem = arena_create();
    struct mlp *net = arena_alloc(mem, 1, sizeof *net);
    size_t most = 0;
    net->mem = mem;
    net->kernels = kernels_for(cpu_best(CPU_LEVELS - 1));
    net->shape = *shape;
    net->decay1 = net->decay2 = 1;
    for (int i = 0; i <= shape->layers; i++) {
        size_t wide = (size_t)padded(shape->widths[i]);
        net->x[i] = arena_alloc(mem, (size_t)shape->batch * wide, sizeof(float));
        net->dx[i] = arena_alloc(mem, (size_t)shape->batch * wide, sizeof(float));
    }
    for (int i = 0; i < shape->layers; i++) {
        struct layer *l = &net->layers[i];
        *l = (struct layer){.in = shape->widths[i],
                            .out = shape->widths[i + 1],
                            .pad_in = padded(shape->widths[i]),
                            .wide = padded(shape->widths[i + 1]),
                            .at = net->n};
        net->n += (size_t)(l->in + 1) * l->wide;
        size_t turned = (size_t)l->out * l->pad_in;
        most = turned > most ? turned : most;
    }
    net->weights = arena_alloc(mem, net->n, sizeof(float));
    net->gradients = arena_alloc(mem, net->n, sizeof(float));
    net->mean = arena_alloc(mem, net->n, sizeof(float));
    net->square = arena_alloc(mem, net->n, sizeof(float));
    net->turned = arena_alloc(mem, most, sizeof(float));
    return net;
}

struct mlp *mlp_create(const struct mlp_shape *shape, struct search_rng *chance)
{
    struct mlp *net = allocate(shape);
    for (int i = 0; i < shape->layers; i++) {
        double most = 1 / sqrt(shape->widths[i]);
        for (int in = 0; in <= shape->widths[i]; in++)
            for (int out = 0; out < shape->widths[i + 1]; out++)
                *mlp_weight(net, i, in, out) = (float)(most * (2 * search_rng_uniform(chance) - 1));
    }
    return net;
}

struct mlp *mlp_clone(const struct mlp *net)
{
    struct mlp *clone = allocate(&net->shape);
    memcpy(clone->weights, net->weights, net->n * sizeof(float));
    return clone;
}

void mlp_destroy(struct mlp *net)
{
    if (net)
        arena_destroy(net->mem);
}

static size_t place(const struct mlp *net, int layer, int in, int out)
{
    const struct layer *l = &net->layers[layer];
    assert(layer < net->shape.layers && in <= l->in && out < l->out);
    return l->at + (size_t)in * l->wide + out;
}

float *mlp_weight(struct mlp *net, int layer, int in, int out)
{
    return &net->weights[place(net, layer, in, out)];
}

float mlp_gradient(const struct mlp *net, int layer, int in, int out)
{
    return net->gradients[place(net, layer, in, out)];
}

// To or from rows of `wide` elements.
static void copy_rows(float *to, int to_wide, const float *from, int from_wide, int rows, int n)
{
    for (int i = 0; i < rows; i++)
        memcpy(to + (size_t)i * to_wide, from + (size_t)i * from_wide, sizeof(float) * (size_t)n);
}

void mlp_forward(struct mlp *net, const float *x, int rows, float *y)
{
    assert(rows <= net->shape.batch);
    int last = net->shape.layers - 1;
    net->rows = rows;
    copy_rows(net->x[0], net->layers[0].pad_in, x, net->layers[0].in, rows, net->layers[0].in);
    for (int i = 0; i <= last; i++) {
        const struct layer *l = &net->layers[i];
        const float *w = net->weights + l->at, *bias = w + (size_t)l->in * l->wide;
        size_t n = (size_t)rows * l->wide;
        float *out = net->x[i + 1];
        copy_rows(out, l->wide, bias, 0, rows, l->wide);
        net->kernels->add_dense(
            &(struct dense){rows, l->in, l->wide, net->x[i], (size_t)l->pad_in, 1, w, out});
        for (size_t j = 0; j < n && i < last; j++)
            out[j] = out[j] > 0 ? out[j] : 0;
    }
    int outputs = net->layers[last].out, wide = net->layers[last].wide;
    copy_rows(y, outputs, net->x[last + 1], wide, rows, outputs);
    for (int j = 0; j < rows * outputs && net->shape.sigmoid; j++) {
        double z = (double)y[j];
        y[j] = (float)(1 / (1 + num_exp(z > 80 ? -80 : z < -80 ? 80 : -z)));
        net->x[last + 1][(size_t)(j / outputs) * wide + j % outputs] = y[j];
    }
}

// Weights' and biases' gradients of a layer, dy (rows, wide).
static void learn_layer(struct mlp *net, int layer, const float *dy)
{
    const struct layer *l = &net->layers[layer];
    float *w = net->gradients + l->at, *bias = w + (size_t)l->in * l->wide;
    memset(w, 0, sizeof(float) * (size_t)(l->in + 1) * l->wide);
    net->kernels->add_dense(
        &(struct dense){l->in, net->rows, l->wide, net->x[layer], 1, (size_t)l->pad_in, dy, w});
    for (int i = 0; i < net->rows; i++)
        for (int j = 0; j < l->wide; j++)
            bias[j] += dy[(size_t)i * l->wide + j];
}

// The gradients of a layer's inputs, dx (rows, pad_in).
static void pass_back(struct mlp *net, int layer, const float *dy, float *dx)
{
    const struct layer *l = &net->layers[layer];
    const float *w = net->weights + l->at;
    for (int out = 0; out < l->out; out++)
        for (int in = 0; in < l->in; in++)
            net->turned[(size_t)out * l->pad_in + in] = w[(size_t)in * l->wide + out];
    for (int out = 0; out < l->out; out++)
        memset(net->turned + (size_t)out * l->pad_in + l->in, 0,
               sizeof(float) * (size_t)(l->pad_in - l->in));
    memset(dx, 0, sizeof(float) * (size_t)net->rows * l->pad_in);
    net->kernels->add_dense(
        &(struct dense){net->rows, l->out, l->pad_in, dy, (size_t)l->wide, 1, net->turned, dx});
}

void mlp_backward(struct mlp *net, const float *dy, float *dx, bool learn)
{
    int last = net->shape.layers - 1, outputs = net->layers[last].out;
    int wide = net->layers[last].wide;
    copy_rows(net->dx[last + 1], wide, dy, outputs, net->rows, outputs);
    for (int j = 0; j < net->rows * outputs && net->shape.sigmoid; j++) {
        size_t at = (size_t)(j / outputs) * wide + j % outputs;
        float y = net->x[last + 1][at];
        net->dx[last + 1][at] *= y * (1 - y);
    }
    for (int i = last; i >= 0; i--) {
        const struct layer *l = &net->layers[i];
        if (learn)
            learn_layer(net, i, net->dx[i + 1]);
        if (i == 0 && !dx)
            break;
        pass_back(net, i, net->dx[i + 1], net->dx[i]);
        size_t n = (size_t)net->rows * l->pad_in;
        for (size_t j = 0; j < n && i > 0; j++)
            net->dx[i][j] = net->x[i][j] > 0 ? net->dx[i][j] : 0;
    }
    if (dx)
        copy_rows(dx, net->layers[0].in, net->dx[0], net->layers[0].pad_in, net->rows,
                  net->layers[0].in);
}

void mlp_step(struct mlp *net, double rate)
{
    const float beta1 = 0.9F, beta2 = 0.999F, epsilon = 1e-8F;
    net->decay1 *= 0.9;
    net->decay2 *= 0.999;
    float *restrict w = net->weights, *restrict m = net->mean, *restrict v = net->square;
    const float *restrict g = net->gradients;
    float step = (float)(rate / (1 - net->decay1)), scale = (float)(1 / (1 - net->decay2));
    for (size_t i = 0; i < net->n; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        w[i] -= step * m[i] / (sqrtf(v[i] * scale) + epsilon);
    }
}

void mlp_follow(struct mlp *net, const struct mlp *leader, float tau)
{
    float *restrict to = net->weights;
    const float *restrict from = leader->weights;
    for (size_t i = 0; i < net->n; i++)
        to[i] += tau * (from[i] - to[i]);
}
