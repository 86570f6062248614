#include "nets/train/optimise.h"

#include <assert.h>
#include <math.h>

#include "nets/train/tensors.h"
#include "base/mem.h"

const char *const optimiser_names[] = {"sgd", "adam", "adamw", NULL};

#define AT(member) .offset = offsetof(struct optimiser, member)
const struct conf_field optimiser_fields[] = {
    {"kind", CONF_ENUM, AT(kind), .names = optimiser_names, .fallback = "sgd",
     .help = "adam adds weight decay to the gradient, adamw takes it off the weights"},
    {"rate", CONF_NUM, AT(rate), .min = 1e-12, .max = 1000,
     .help = "the learning rate, before the schedule"},
    {"momentum", CONF_NUM, AT(momentum), .min = 0, .max = 0.999999, .fallback = "0",
     .help = "of sgd"},
    {"nesterov", CONF_BOOL, AT(nesterov), .fallback = "false", .help = "of sgd"},
    {"weight_decay", CONF_NUM, AT(weight_decay), .min = 0, .max = 1, .fallback = "0",
     .help = "on every parameter, batch-norm's too"},
    {"beta1", CONF_NUM, AT(beta1), .min = 0, .max = 0.999999, .fallback = "0.9",
     .help = "of adam and adamw"},
    {"beta2", CONF_NUM, AT(beta2), .min = 0, .max = 0.999999, .fallback = "0.999",
     .help = "of adam and adamw"},
    {"epsilon", CONF_NUM, AT(epsilon), .min = 1e-30, .max = 1, .fallback = "1e-8",
     .help = "of adam and adamw"},
    {0},
};
#undef AT

#define AT(member) .offset = offsetof(struct two_side, member)
const struct conf_field two_side_fields[] = {
    {"w0", CONF_NUM, AT(w0), .min = 0, .max = 100, .fallback = "0.01",
     .help = "the magnitude that weights are pulled to"},
    {"strength", CONF_NUM, AT(strength), .min = 0, .max = 1000, .fallback = "1e-4",
     .help = "of strength * (|w| - w0)^2 in the loss"},
    {0},
};
#undef AT

struct optimiser_state optimiser_state(const struct optimiser *optimiser,
                                       const struct tensors *params, struct arena *mem)
{
    struct optimiser_state state = {0};
    for (size_t i = 0; i < params->n; i++)
        if (params->items[i].kind < TENSOR_MEAN)
            state.n += params->items[i].n;
    if (optimiser->kind != OPTIMISER_SGD || optimiser->momentum > 0)
        state.first = arena_alloc(mem, state.n, sizeof *state.first);
    if (optimiser->kind != OPTIMISER_SGD)
        state.second = arena_alloc(mem, state.n, sizeof *state.second);
    return state;
}

void two_side_add(const struct two_side *two_side, const struct tensors *params,
                  const struct tensors *grads)
{
    float w0 = (float)two_side->w0, factor = (float)(2 * two_side->strength);
    for (size_t t = 0; t < params->n; t++) {
        const float *w = params->items[t].values;
        float *g = grads->items[t].values;
        for (size_t i = 0; params->items[t].kind == TENSOR_WEIGHT && i < params->items[t].n; i++)
            g[i] += factor * (w[i] < 0 ? w[i] + w0 : w[i] - w0);
    }
}

double clip_gradients(const struct tensors *grads, double most)
{
    double squares = 0;
    for (size_t t = 0; t < grads->n; t++)
        for (size_t i = 0; grads->items[t].kind < TENSOR_MEAN && i < grads->items[t].n; i++)
            squares += (double)grads->items[t].values[i] * (double)grads->items[t].values[i];
    double norm = sqrt(squares);
    if (!(norm > most))
        return norm;
    float scale = (float)(most / norm);
    for (size_t t = 0; t < grads->n; t++)
        for (size_t i = 0; grads->items[t].kind < TENSOR_MEAN && i < grads->items[t].n; i++)
            grads->items[t].values[i] *= scale;
    return norm;
}

// first: this tensor's momentum, NULL without.
static void sgd(const struct optimiser *o, float rate, size_t n, float *w, const float *grads,
                float *first)
{
    float decay = (float)o->weight_decay, momentum = (float)o->momentum;
    for (size_t i = 0; i < n; i++) {
        float g = grads[i] + decay * w[i];
        if (first) {
            first[i] = momentum * first[i] + g;
            g = o->nesterov ? g + momentum * first[i] : first[i];
        }
        w[i] -= rate * g;
    }
}

// Kingma and Ba, 2015; the bias corrections belong to step + 1 steps.
static void adam(const struct optimiser *o, double rate, uint64_t step, size_t n, float *w,
                 const float *grads, float *first, float *second)
{
    assert(first && second);
    double steps = (double)step + 1;
    float beta1 = (float)o->beta1, beta2 = (float)o->beta2, epsilon = (float)o->epsilon;
    float size = (float)(rate / (1 - pow(o->beta1, steps)));
    float root = (float)sqrt(1 - pow(o->beta2, steps));
    float added = o->kind == OPTIMISER_ADAM ? (float)o->weight_decay : 0;
    float kept = o->kind == OPTIMISER_ADAMW ? (float)(1 - rate * o->weight_decay) : 1;
    for (size_t i = 0; i < n; i++) {
        float g = grads[i] + added * w[i];
        first[i] = beta1 * first[i] + (1 - beta1) * g;
        second[i] = beta2 * second[i] + (1 - beta2) * g * g;
        w[i] = kept * w[i] - size * first[i] / (sqrtf(second[i]) / root + epsilon);
    }
}

void optimiser_step(const struct optimiser *optimiser, double rate, uint64_t step,
                    const struct tensors *params, const struct tensors *grads,
                    struct optimiser_state *state)
{
    size_t at = 0;
    for (size_t t = 0; t < params->n; t++) {
        const struct tensor *p = &params->items[t];
        if (p->kind >= TENSOR_MEAN)
            continue;
        float *first = state->first ? state->first + at : NULL;
        const float *g = grads->items[t].values;
        if (optimiser->kind == OPTIMISER_SGD)
            sgd(optimiser, (float)rate, p->n, p->values, g, first);
        else
            adam(optimiser, rate, step, p->n, p->values, g, first, state->second + at);
        at += p->n;
    }
}
