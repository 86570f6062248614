// Crossbars that lose nothing compute the integer net, bit for bit, whatever the chip: sums of
// every layer for inputs of all sizes, logits of images, classes for several jobs.
#include "tests/graphs/chips.h"
#include "tests/graphs/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/evaluate.h"
#include "sim/crossbar/packed.h"
#include "sim/map/map.h"

enum { CHIPS = 3 };

// --- Sums of single layers ---

struct gather {
    const int32_t *w, *in;
    int outside; // the bit around a map of -1 and +1
    int64_t sum;
};

static void gather(void *context, size_t weight, size_t input)
{
    struct gather *g = context;
    g->sum += (int64_t)g->w[weight] * (input == PLAIN_OUTSIDE ? g->outside : g->in[input]);
}

// Every value that a map can hold, its ends often.
static void fill_inputs(const struct trial *trial, int i, struct prng *prng, int32_t *in)
{
    const struct graph *flat = &trial->flat;
    int from = flat->nodes[i].from[0];
    const struct layer *l = &trial->net->layers[trial->layer[i]];
    bool is_signed = !flat->binary || from == 0 ? graph_signed(flat, from) : false;
    int bits = l->in_bits[0], high = (1 << (bits - is_signed)) - 1, low = is_signed ? -high - 1 : 0;
    if (from == 0 && is_signed)
        low = -high;                 // images are symmetric
    int kind = prng_int(prng, 0, 3); // 0: all ends
    size_t n = node_size(&flat->nodes[from]);
    for (size_t k = 0; k < n; k++) {
        int end = prng_percent(prng, 70) ? high : low;
        in[k] = kind == 0 || prng_percent(prng, 20) ? end : prng_int(prng, low, high);
    }
}

static enum outcome compare_sums(const struct trial *trial, int i, const int32_t *in,
                                 const int64_t *acc, struct report *report)
{
    const struct node *node = &trial->flat.nodes[i];
    struct gather g = {.w = trial->integer->layers[trial->layer[i]].w,
                       .in = in,
                       .outside = trial->flat.pad_value > 0};
    size_t at = 0;
    for (int c = 0; c < node->c; c++)
        for (int y = 0; y < node->h; y++)
            for (int x = 0; x < node->w; x++, at++) {
                char name[GRAPH_NAME];
                g.sum = 0;
                plain_window(&trial->flat, i, c, y, x, gather, &g);
                if (acc[at] != g.sum)
                    return differs(report, "%s: sum %zu is %lld, not %lld", graph_name(node, name),
                                   at, (long long)acc[at], (long long)g.sum);
            }
    return SAME;
}

static enum outcome check_sums(const struct trial *trial, int_net_matrix *matrix, void *context,
                               struct report *report)
{
    const struct graph *flat = &trial->flat;
    struct prng prng = {flat->seed ^ 77};
    enum outcome outcome = SAME;
    for (int i = 1; i < flat->n && outcome == SAME; i++) {
        if (!graph_weights(flat, i))
            continue;
        int32_t *in = mem_alloc(node_size(&flat->nodes[flat->nodes[i].from[0]]), sizeof *in);
        int64_t *acc = mem_alloc(node_size(&flat->nodes[i]), sizeof *acc);
        for (int tries = 0; tries < 2 && outcome == SAME; tries++) {
            fill_inputs(trial, i, &prng, in);
            matrix(context, trial->layer[i], in, acc);
            outcome = compare_sums(trial, i, in, acc, report);
        }
        free(in);
        free(acc);
    }
    return outcome;
}

// --- Whole images ---

struct wanted {
    int64_t *logits; // of all images
    int32_t classes[TRIAL_IMAGES];
};

static struct wanted reference(const struct trial *trial)
{
    size_t classes = (size_t)trial->net->classes;
    struct wanted want = {.logits = mem_alloc(TRIAL_IMAGES * classes, sizeof *want.logits)};
    struct int_net copy = *trial->integer;
    struct int_net_run *run = int_net_run_create(trial->integer);
    for (size_t k = 0; k < TRIAL_IMAGES; k++) {
        const int64_t *logits = int_net_run_image(run, dataset_image(&trial->images, k),
                                                  int_net_matrix_reference, &copy);
        memcpy(want.logits + k * classes, logits, classes * sizeof *logits);
        want.classes[k] = int_net_class(logits, (int)classes);
    }
    int_net_run_destroy(run);
    return want;
}

static enum outcome check_images(const struct trial *trial, const struct wanted *want,
                                 int_net_matrix *matrix, void *context, struct report *report)
{
    size_t classes = (size_t)trial->net->classes;
    enum outcome outcome = check_sums(trial, matrix, context, report);
    struct int_net_run *run = int_net_run_create(trial->integer);
    for (size_t k = 0; k < TRIAL_IMAGES && outcome == SAME; k++) {
        const int64_t *logits =
            int_net_run_image(run, dataset_image(&trial->images, k), matrix, context);
        if (memcmp(logits, want->logits + k * classes, classes * sizeof *logits) != 0)
            outcome = differs(report, "other logits of image %zu", k);
    }
    int_net_run_destroy(run);
    return outcome;
}

static enum outcome check_packed(const struct trial *trial, const struct wanted *want,
                                 struct packed *packed_take, struct report *report)
{
    size_t classes = (size_t)trial->net->classes;
    enum outcome outcome = SAME;
    if (!packed_take)
        return SAME;
    struct packed_run *run = packed_run_create(packed_take);
    for (size_t k = 0; k < TRIAL_IMAGES && outcome == SAME; k++) {
        const int64_t *logits = packed_run_image(run, dataset_image(&trial->images, k));
        if (memcmp(logits, want->logits + k * classes, classes * sizeof *logits) != 0)
            outcome = differs(report, "bit-packed: other logits of image %zu", k);
    }
    packed_run_destroy(run);
    packed_destroy(packed_take);
    return outcome;
}

static enum outcome check_jobs_of(const struct trial *trial, const struct wanted *want,
                                  const struct level_model *arrays,
                                  const struct conductance_model *analog, struct report *report)
{
    const struct evaluation what = {.net = trial->net,
                                    .weights = trial->weights,
                                    .integer = trial->integer,
                                    .arrays = arrays,
                                    .analog = analog,
                                    .data = &trial->images};
    return compare_classes(&what, want->classes, report);
}

static enum outcome check_levels(const struct trial *trial, const struct wanted *want,
                                 const struct level_model *arrays, struct report *report)
{
    struct array_worker *worker = array_worker_create(arrays);
    enum outcome outcome = check_images(trial, want, level_model_matrix, worker, report);
    array_worker_destroy(worker);
    if (outcome == SAME)
        outcome = check_packed(trial, want, packed_create(arrays), report);
    return outcome == SAME ? check_jobs_of(trial, want, arrays, NULL, report) : outcome;
}

static enum outcome check_conductances(const struct trial *trial, const struct wanted *want,
                                       const struct conductance_model *analog,
                                       struct report *report)
{
    struct conductance_model_worker *worker = conductance_model_worker_create(analog);
    enum outcome outcome = check_images(trial, want, conductance_model_matrix, worker, report);
    conductance_model_worker_destroy(worker);
    if (outcome == SAME)
        outcome = check_packed(trial, want, packed_create_analog(analog), report);
    return outcome == SAME ? check_jobs_of(trial, want, NULL, analog, report) : outcome;
}

// --- Chips ---

static void count_refusal(struct report *report, const struct err *err)
{
    report->refused_chips++;
    snprintf(report->chip_refusal, sizeof report->chip_refusal, "%s", err->text);
}

static enum outcome check_mapping(const struct trial *trial, const struct wanted *want,
                                  const struct mapping *map, struct report *report)
{
    static const enum cpu_level levels[] = {CPU_SCALAR, CPU_AVX2, CPU_AVX512};
    enum cpu_level level = levels[trial->graph->seed % 3];
    struct chip_sample none = {.seed = 1};
    struct err err = {0};
    enum outcome outcome = SAME;
    struct level_model *arrays = level_model_create(map, trial->integer, &none, level, &err);
    if (arrays)
        outcome = check_levels(trial, want, arrays, report);
    else
        count_refusal(report, &err);
    level_model_destroy(arrays);
    if (outcome != SAME)
        return outcome;
    err = (struct err){0};
    struct conductance_model *analog =
        conductance_model_create(map, trial->integer, &none, level, &err);
    if (analog)
        outcome = check_conductances(trial, want, analog, report);
    else
        count_refusal(report, &err);
    conductance_model_destroy(analog);
    if (outcome == DIFFERENT) {
        char why[sizeof report->text];
        memcpy(why, report->text, sizeof why);
        differs(report, "conductances: %.800s", why);
    }
    return outcome;
}

static enum outcome check_chip(const struct trial *trial, const struct wanted *want,
                               struct prng *prng, struct report *report)
{
    struct chip_sets sets = {.base = "ideal"}; // whose ADCs have bits enough for anything
    struct err err = {0};
    struct mapping *map = NULL;
    chip_random(&sets, prng);
    struct chip *chip = chip_make(&sets, report);
    enum outcome outcome = chip ? SAME : DIFFERENT;
    report->chips += 2; // by levels and by conductances
    if (chip && !map_net(trial->net, chip, 1, &map, &err)) {
        count_refusal(report, &err);
        report->refused_chips++;
    }
    if (map)
        outcome = check_mapping(trial, want, map, report);
    if (outcome == DIFFERENT)
        chip_report(&sets, report);
    map_destroy(map);
    chip_destroy(chip);
    return outcome;
}

enum outcome check_arrays(const struct trial *trial, struct report *report)
{
    struct prng prng = {trial->graph->seed ^ 0x5eed};
    struct wanted want = reference(trial);
    enum outcome outcome = SAME;
    for (int i = 0; i < CHIPS && outcome == SAME; i++)
        outcome = check_chip(trial, &want, &prng, report);
    free(want.logits);
    return outcome;
}
