// The integer net, layer by layer: with the program's own maps as inputs, every stored number is
// the real number that the rules at the top of nets/int_net.h give, rounded once.
#include "tests/graphs/trial.h"

#include <math.h>
#include <stdlib.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"

struct steps {
    const struct trial *trial;
    struct int_net_run *run;
    const int64_t *logits;
    int32_t *w[GRAPH_NODES];   // rounded weights
    double *step[GRAPH_NODES]; // real value of one step of them, per output channel
    double loss[GRAPH_NODES];  // per node: what rounding its factors may cost, see find_loss()
    size_t image;
    struct report *report;
};

// --- Weights ---

static void round_weights(struct steps *s, int i)
{
    const struct graph *flat = &s->trial->flat;
    size_t n = graph_weights(flat, i), each = n ? graph_inputs(flat, i) : 0;
    int bits = flat->binary ? 1 : s->trial->net->layers[s->trial->layer[i]].weight_bits;
    const float *w = flat->values[i].w;
    s->w[i] = mem_alloc(n + 1, sizeof *s->w[i]);
    s->step[i] = mem_alloc((size_t)flat->nodes[i].c, sizeof(double));
    for (int c = 0; c < flat->nodes[i].c && n; c++) {
        double most = plain_largest(flat, i, c);
        s->step[i][c] = bits == 1 ? plain_scale(flat, i, c) : most / ((1 << (bits - 1)) - 1);
        for (size_t k = c * each; k < (c + 1) * each; k++)
            s->w[i][k] = bits == 1  ? w[k] >= 0 ? 1 : -1
                         : most > 0 ? (int32_t)lrint((double)w[k] / s->step[i][c])
                                    : 0;
    }
}

// --- Real values from stored numbers ---

struct gather {
    const int32_t *w, *map;
    bool bipolar; // its bits stand for -1 and +1
    int pad;      // what stands around it
    int64_t sum, most;
    int n;
};

static void gather(void *context, size_t weight, size_t input)
{
    struct gather *g = context;
    int64_t x = input == PLAIN_OUTSIDE ? g->pad : g->map[input];
    if (g->bipolar && input != PLAIN_OUTSIDE)
        x = 2 * x - 1;
    g->sum += g->w ? g->w[weight] * x : x;
    g->most = g->n++ && g->most > x ? g->most : x;
}

static const int32_t *map_of(const struct steps *s, int node)
{
    return int_net_run_map(s->run, s->trial->layer[node]);
}

static double unit_of(const struct steps *s, int node)
{
    return s->trial->integer->scale[s->trial->layer[node]];
}

// An element as an add reads it, and its real value.
static int32_t element(const struct steps *s, int node, size_t at)
{
    return int_net_run_stream(s->run, s->trial->layer[node])[at];
}

static double stream_at(const struct steps *s, int node, size_t at)
{
    int32_t stored = element(s, node, at);
    return s->trial->flat.binary ? ldexp(stored, -s->trial->net->residual_frac)
                                 : stored * unit_of(s, node);
}

// A layer's sum with bias and batch-norm, if its batch-norm is not applied behind an add. What is
// multiplied with factors is added up in `factors`.
static double layer_value(const struct steps *s, int i, int c, int y, int x, double *factors)
{
    const struct graph *flat = &s->trial->flat;
    int from = flat->nodes[i].from[0];
    struct gather g = {.w = s->w[i],
                       .map = map_of(s, from),
                       .bipolar = graph_bipolar(flat, from),
                       .pad = flat->pad_value};
    plain_window(flat, i, c, y, x, gather, &g);
    const float *bias = flat->values[i].bias;
    double shift, scale = plain_norm(flat, i, c, &shift);
    double value = s->step[i][c] * unit_of(s, from) * (double)g.sum;
    *factors += fabs((double)g.sum) + 1;
    return (value + (bias ? (double)bias[c] : 0)) * scale + shift;
}

static double pool_value(const struct steps *s, int i, int c, int y, int x)
{
    const struct graph *flat = &s->trial->flat;
    const struct node *node = &flat->nodes[i];
    struct gather g = {.map = map_of(s, node->from[0])};
    plain_window(flat, i, c, y, x, gather, &g);
    bool head = node->kind == NODE_HEAD;
    if (flat->binary) // the largest bit
        return graph_bipolar(flat, i) ? 2.0 * (double)g.most - 1 : (double)g.most;
    int taps = graph_divisor(flat, i, y, x);
    return unit_of(s, node->from[0]) *
           (head || node->average ? (double)g.sum / taps : (double)g.most);
}

static bool fused(const struct steps *s, int add)
{
    int main = s->trial->layer[s->trial->flat.nodes[add].from[0]];
    return s->trial->integer->layers[main].add == s->trial->layer[add];
}

static double add_value(const struct steps *s, int i, int c, int y, int x, double *factors)
{
    const struct graph *flat = &s->trial->flat;
    const struct node *node = &flat->nodes[i];
    size_t at = ((size_t)c * node->h + y) * node->w + x;
    double main = fused(s, i) ? layer_value(s, node->from[0], c, y, x, factors)
                              : stream_at(s, node->from[0], at);
    ptrdiff_t shortcut = plain_shortcut(flat, i, c, y, x);
    double shift, scale = plain_norm(flat, i, c, &shift);
    double sum = main + (shortcut >= 0 ? stream_at(s, node->from[1], (size_t)shortcut) : 0);
    *factors += fused(s, i) ? 1 : 1 + fabs((double)element(s, node->from[0], at));
    *factors += shortcut >= 0 ? fabs((double)element(s, node->from[1], (size_t)shortcut)) : 0;
    return sum * scale + shift;
}

static double concat_value(const struct steps *s, int i, int c, int y, int x)
{
    size_t at;
    int part = plain_part(&s->trial->flat, i, c, y, x, &at);
    int32_t stored = map_of(s, part)[at];
    if (s->trial->flat.binary)
        return graph_bipolar(&s->trial->flat, i) ? 2.0 * stored - 1 : stored;
    return stored * unit_of(s, part);
}

static double product_value(const struct steps *s, int i, int c, int y, int x, double *factors)
{
    const struct node *node = &s->trial->flat.nodes[i];
    size_t at = ((size_t)c * node->h + y) * node->w + x;
    double a = map_of(s, node->from[0])[at];
    double b = map_of(s, node->from[1])[plain_factor(&s->trial->flat, i, c, y, x)];
    *factors += fabs(a * b) + 1;
    return a * unit_of(s, node->from[0]) * b * unit_of(s, node->from[1]);
}

static double value_of(const struct steps *s, int i, int c, int y, int x, double *factors)
{
    const struct node *node = &s->trial->flat.nodes[i];
    if (graph_weights(&s->trial->flat, i))
        return layer_value(s, i, c, y, x, factors);
    if (node->kind == NODE_CONCAT)
        return concat_value(s, i, c, y, x);
    if (node->kind == NODE_MULTIPLY)
        return product_value(s, i, c, y, x, factors);
    return node->kind == NODE_ADD ? add_value(s, i, c, y, x, factors) : pool_value(s, i, c, y, x);
}

// --- Comparison ---

// The largest sum that the weights of a channel can make.
static double largest_sum(const struct steps *s, int i, int c)
{
    size_t each = graph_inputs(&s->trial->flat, i);
    double sum = 0;
    for (size_t k = 0; k < each; k++)
        sum += abs(s->w[i][(size_t)c * each + k]);
    return sum * ldexp(1, s->trial->net->layers[s->trial->layer[i]].in_bits[0]);
}

// The integer net has one power of two for all factors of a layer, by which values are scaled to
// some 60 bits, and factors to 40 at most (in the binary form 30). A result is off by what rounding
// a factor takes times the sum or element that is multiplied with it; 8 times that is allowed.
static void find_loss(struct steps *s, int i)
{
    const struct graph *flat = &s->trial->flat;
    const struct node *node = &flat->nodes[i];
    bool add = node->kind == NODE_ADD;
    int layer = add && fused(s, i) ? node->from[0] : i;
    double largest = 0, value = 0;
    for (int c = 0; c < node->c; c++) {
        double unused, m = plain_norm(flat, i, c, &unused), r = add ? m : 0, sum = 0x1p31;
        if (layer != i)
            m *= plain_norm(flat, layer, c, &unused);
        if (graph_weights(flat, layer)) {
            m *= s->step[layer][c];
            sum = largest_sum(s, layer, c);
        }
        m *= unit_of(s, flat->nodes[layer].from[0]);
        if (node->kind == NODE_MULTIPLY)
            m *= unit_of(s, node->from[1]);
        if (add)
            r *= flat->binary ? ldexp(1, -s->trial->net->residual_frac) : unit_of(s, node->from[1]);
        largest = fmax(largest, fmax(fabs(m), fabs(r)));
        value = fmax(value, fabs(m) * sum + fabs(r) * (flat->binary ? 0x1p31 : 0x1p16));
    }
    double unit = flat->binary       ? ldexp(1, -s->trial->net->residual_frac)
                  : i == flat->n - 1 ? 0x1p-16
                                     : unit_of(s, i);
    s->loss[i] = 8 * fmax(value * 0x1p-60, flat->binary ? largest * 0x1p-30 : unit * 0x1p-41);
}

static enum outcome wrong(const struct steps *s, int i, size_t at, const char *what, double got,
                          double want)
{
    char name[GRAPH_NAME];
    return differs(s->report, "%s[%zu] of image %zu: %s %.9g, not %.9g",
                   graph_name(&s->trial->flat.nodes[i], name), at, s->image, what, got, want);
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

// loss: beyond half a step, in steps.
static bool rounded(double stored, double exact, double loss)
{
    return fabs(stored - exact) <= 0.5 + 1e-6 + loss;
}

static enum outcome compare_integer(const struct steps *s, int i, size_t at, double value,
                                    double loss)
{
    const struct graph *flat = &s->trial->flat;
    const struct layer *l = &s->trial->net->layers[s->trial->layer[i]];
    bool is_signed = graph_signed(flat, i);
    double high = ldexp(1, l->out_bits - is_signed) - 1;
    double low = is_signed && flat->nodes[i].act != ACTS_RELU ? -high - 1 : 0;
    double exact = clamp(value / unit_of(s, i), low, high), stored = map_of(s, i)[at];
    return rounded(stored, exact, loss / unit_of(s, i)) ? SAME
                                                        : wrong(s, i, at, "stored", stored, exact);
}

static bool added(const struct graph *flat, int i)
{
    for (int j = 1; j < flat->n; j++)
        if (flat->nodes[j].kind == NODE_ADD &&
            (flat->nodes[j].from[0] == i || flat->nodes[j].from[1] == i))
            return true;
    return false;
}

static enum outcome compare_binary(const struct steps *s, int i, size_t at, double value,
                                   double loss)
{
    const struct graph *flat = &s->trial->flat;
    const struct net *net = s->trial->net;
    int32_t bit = map_of(s, i)[at];
    double half = graph_bipolar(flat, i) ? 0 : 0.5;
    bool bare = graph_weights(flat, i) && flat->nodes[i].norm < 0 && !flat->nodes[i].biased;
    bool exact_zero = flat->plus_minus_one && bare && value == 0; // whose sign is +1
    bool decided = exact_zero || fabs(value - half) > 1e-6 + loss;
    bool bits = flat->nodes[i].kind == NODE_POOL || flat->nodes[i].kind == NODE_CONCAT;
    if ((flat->nodes[i].act == ACTS_THRESHOLD || bits) && decided &&
        bit != (exact_zero || value > half))
        return wrong(s, i, at, "a bit of", bit, value);
    if (!added(flat, i))
        return SAME;
    double high = ldexp(1, net->residual_bits - 1) - 1;
    double exact = clamp(ldexp(value, net->residual_frac), -high - 1, high);
    double stored = int_net_run_stream(s->run, s->trial->layer[i])[at];
    return rounded(stored, exact, ldexp(loss, net->residual_frac))
               ? SAME
               : wrong(s, i, at, "stream", stored, exact);
}

static enum outcome compare_logit(const struct steps *s, int i, size_t at, double value,
                                  double loss)
{
    const struct node *node = &s->trial->flat.nodes[i];
    const struct int_net *net = s->trial->integer;
    int layer = s->trial->layer[i];
    if (node->kind == NODE_POOL || node->kind == NODE_HEAD) // in steps of its map
        return compare_integer(s, i, at, value, loss);
    int stage = node->kind == NODE_ADD && fused(s, i) ? s->trial->layer[node->from[0]] : layer;
    double got = (double)s->logits[at] / net->layers[stage].unit;
    bool near = fabs(got - value) <= 1e-6 + loss;
    return near ? SAME : wrong(s, i, at, "logit", got, value);
}

static enum outcome compare_node(const struct steps *s, int i)
{
    const struct graph *flat = &s->trial->flat;
    const struct node *node = &flat->nodes[i];
    bool alone = graph_readers(flat, i) == 1;
    for (int j = 1; j < flat->n; j++) // a layer that is fused with an add stores nothing
        if (alone && flat->nodes[j].kind == NODE_ADD && flat->nodes[j].from[0] == i && fused(s, j))
            return SAME;
    size_t at = 0;
    for (int c = 0; c < node->c; c++)
        for (int y = 0; y < node->h; y++)
            for (int x = 0; x < node->w; x++, at++) {
                double factors = 0, value = value_of(s, i, c, y, x, &factors);
                double loss = s->loss[i] * factors;
                enum outcome outcome = i == flat->n - 1 ? compare_logit(s, i, at, value, loss)
                                       : flat->binary   ? compare_binary(s, i, at, value, loss)
                                                        : compare_integer(s, i, at, value, loss);
                if (outcome != SAME)
                    return outcome;
            }
    return SAME;
}

static enum outcome compare_image(const struct steps *s)
{
    const struct graph *flat = &s->trial->flat;
    const uint8_t *image = dataset_image(&s->trial->images, s->image);
    size_t n = node_size(&flat->nodes[0]);
    for (size_t k = 0; k < n; k++) {
        double exact = plain_pixel(flat, image, k) / unit_of(s, 0), stored = map_of(s, 0)[k];
        if (graph_bipolar(flat, 0))
            stored = 2 * stored - 1;
        if (fabs(stored - exact) > (flat->encoder == GRAPH_RAW ? 0.501 : 0))
            return wrong(s, 0, k, "stored", stored, exact);
    }
    return SAME;
}

// What one step of a map is worth: its range over the steps that its bits have.
static enum outcome compare_scales(const struct steps *s)
{
    const struct graph *flat = &s->trial->flat;
    int bits = flat->activation_bits ? flat->activation_bits : flat->int16 ? 16 : 8;
    for (int i = 1; i + 1 < flat->n && !flat->binary; i++) {
        int format = graph_format(flat, i);
        int own = graph_signed(flat, i) ? (bits < 2 ? 2 : bits) - 1 : bits;
        double range = 0;
        for (int j = 0; j < flat->n; j++)
            if (graph_format(flat, j) == format)
                range = fmax(range, s->trial->ranges[s->trial->layer[j]]);
        double want = (range > 0 ? range : 1) / (ldexp(1, own) - 1); // zeros: of 1
        if (format == 0)
            want = unit_of(s, 0);
        if (fabs(unit_of(s, i) / want - 1) > 1e-9)
            return wrong(s, i, 0, "a step of", unit_of(s, i), want);
    }
    return SAME;
}

enum outcome check_steps(const struct trial *trial, struct report *report)
{
    const struct graph *flat = &trial->flat;
    struct steps s = {.trial = trial, .report = report};
    struct int_net copy = *trial->integer; // the reference's context is not const
    s.run = int_net_run_create(trial->integer);
    for (int i = 1; i < flat->n; i++)
        if (graph_weights(flat, i))
            round_weights(&s, i);
    for (int i = 1; i < flat->n; i++)
        find_loss(&s, i);
    enum outcome outcome = compare_scales(&s);
    for (s.image = 0; s.image < TRIAL_IMAGES && outcome == SAME; s.image++) {
        s.logits = int_net_run_image(s.run, dataset_image(&trial->images, s.image),
                                     int_net_matrix_reference, &copy);
        outcome = compare_image(&s);
        for (int i = 1; i < flat->n && outcome == SAME; i++)
            outcome = compare_node(&s, i);
    }
    for (int i = 1; i < flat->n; i++) {
        free(s.w[i]);
        free(s.step[i]);
    }
    int_net_run_destroy(s.run);
    return outcome;
}
