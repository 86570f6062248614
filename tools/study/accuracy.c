#include "tools/study/accuracy.h"

#include <stdlib.h>
#include <string.h>

#include "nets/encode.h"
#include "nets/int_net.h"
#include "nets/weights.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/calibrate.h"
#include "sim/crossbar/evaluate.h"
#include "sim/map/map.h"
#include "tools/study/sampled_chip.h"
#include "tools/study/pool.h"
#include "workloads/dataset.h"

static const char *data_spec(const struct model_params *params, const struct net *net)
{
    return params->data ? params->data : net->raw_c == 3 ? "synth32" : "synth";
}

static bool set_data(struct model *m, const struct dataset *d, struct err *err)
{
    const struct net *net = m->net;
    m->data = d;
    if (!net_check_classes(net, err))
        return false;
    if (d->channels != net->raw_c || d->height != net->raw_h || d->width != net->raw_w)
        return err_set(err, "net '%s' reads images of %dx%dx%d, the set '%s' has %dx%dx%d",
                       net->name, net->raw_c, net->raw_h, net->raw_w, d->name, d->channels,
                       d->height, d->width);
    if (d->classes > net->classes)
        return err_set(err, "net '%s' has %d classes, the set '%s' has %d", net->name, net->classes,
                       d->name, d->classes);
    m->images = d->n;
    return encode_check(net, d->name, err);
}

static bool load_data(const struct model_params *params, const struct dataset *data,
                      struct model *m, struct err *err)
{
    if (!data &&
        !dataset_open(data_spec(params, m->net), DATASET_TEST, params->images, &m->own_data, err))
        return false;
    return set_data(m, data ? data : m->own_data, err);
}

static bool check_form(const struct model *m, struct err *err)
{
    if (m->net->form != FORM_FLOAT)
        return true;
    if (m->chip->arithmetic != ARITHMETIC_EXACT)
        return conf_fail(conf_find(m->chip->conf->root, "name"), err,
                         "the form float has no hardware; it runs on chips of 'arithmetic: exact' "
                         "alone, such as ideal");
    if (m->chip->crossbar.wire_ohm > 0 || defect_any(&m->chip->defects))
        return err_set(err, "the form float has no cells or lines that can be faulty; remove the "
                            "defects, or use another form");
    return true;
}

// Training images: those of the caller, or opened here.
static bool training(const struct model_params *params, const struct dataset *lent, size_t images,
                     const struct model *m, struct dataset **own, const struct dataset **out,
                     struct err *err)
{
    if (!lent && !dataset_open(data_spec(params, m->net), DATASET_TRAIN, images, own, err))
        return false;
    *out = lent ? lent : *own;
    return true;
}

// Ranges of the k-bit forms come from training images, never from the test.
static bool make_integer(const struct model_params *params, const struct dataset *lent,
                         struct model *m, struct err *err)
{
    enum { CALIBRATION = 256 };
    if (m->net->form == FORM_FLOAT)
        return true;
    if (m->net->form != FORM_BINARY) {
        struct dataset *own = NULL;
        const struct dataset *train;
        if (!training(params, lent, CALIBRATION, m, &own, &train, err))
            return false;
        m->map_ranges = mem_alloc(m->net->n, sizeof *m->map_ranges);
        evaluate_ranges(m->net, m->weights, train, CALIBRATION, m->map_ranges);
        dataset_close(own);
    }
    m->integer = int_net_create(m->net, m->weights, m->map_ranges, err);
    return m->integer && map_net(m->net, m->chip, params->seed, &m->map, err);
}

static bool calibrate_adcs(const struct model_params *params, const struct dataset *lent,
                           struct model *m, struct err *err)
{
    int images = m->map ? calibration_images(m->map) : 0;
    struct dataset *own = NULL;
    const struct dataset *train;
    if (!images)
        return true;
    if (!training(params, lent, (size_t)images, m, &own, &train, err))
        return false;
    m->ranges = mem_alloc(m->net->n, sizeof *m->ranges);
    calibrate(m->map, m->integer, train, CPU_AVX512, m->ranges);
    dataset_close(own);
    return true;
}

static bool prepare_mitigation(const struct model_params *params, struct model *m, struct err *err)
{
    m->mend = params->mend;
    if (!mitigation_any(&m->mend))
        return true;
    if (!m->integer)
        return err_set(
            err, "mitigation needs cells, which the form float does not have; use another form");
    if (!mitigation_check(&m->mend, m->chip, err))
        return false;
    if (!m->mend.bn)
        return true;
    if (!dataset_open(data_spec(params, m->net), DATASET_TRAIN, m->mend.images, &m->train, err))
        return false;
    return m->mend.images <= m->train->n ||
           err_set(err, "mitigation with %zu images: the set '%s' has %zu training images",
                   m->mend.images, m->train->name, m->train->n);
}

bool model_load(const struct model_params *params, const struct dataset *data, struct model *out,
                struct err *err)
{
    return inputs_chip(&params->inputs, params->chip, &out->chip, err) &&
           inputs_net(&params->inputs, params->net, &out->net, err) && check_form(out, err) &&
           evaluate_fits(out->net, params->workers > 0 ? params->workers : 1, err) &&
           load_data(params, data, out, err) &&
           inputs_weights(params->weights, out->net, &out->weights, err) &&
           make_integer(params, NULL, out, err) && calibrate_adcs(params, NULL, out, err) &&
           prepare_mitigation(params, out, err);
}

bool model_assemble(const struct model_parts *parts, struct model *out, struct err *err)
{
    struct model_params params = {.seed = parts->seed};
    out->chip = parts->chip_take;
    out->net = parts->net_take;
    out->weights = parts->weights_take;
    return check_form(out, err) && evaluate_fits(out->net, 1, err) &&
           set_data(out, parts->data, err) && make_integer(&params, parts->train, out, err) &&
           calibrate_adcs(&params, parts->train, out, err);
}

void model_unload(struct model *model)
{
    int_net_destroy(model->integer);
    dataset_close(model->own_data);
    dataset_close(model->train);
    free(model->map_ranges);
    weights_destroy(model->weights);
    free(model->ranges);
    free(model->reference);
    map_destroy(model->map);
    net_destroy(model->net);
    chip_destroy(model->chip);
    *model = (struct model){0};
}

struct share {
    const struct evaluation *what;
    size_t images;
};

static void evaluate_share(void *context, int j, int jobs, void *result)
{
    const struct share *share = context;
    evaluate(share->what, share->images, (size_t)j, (size_t)jobs, result);
}

// Predictions of all images; workers send theirs at every jobs-th place.
static bool predict(const struct evaluation *what, size_t images, int jobs, int32_t *classes,
                    struct err *err)
{
    struct share share = {what, images};
    int32_t *all = mem_alloc(images * (size_t)jobs, sizeof *all);
    bool ok = pool_run(jobs, images * sizeof *all, evaluate_share, &share, all, err);
    for (size_t i = 0; i < images && ok; i++)
        classes[i] = all[i % (size_t)jobs * images + i];
    free(all);
    return ok;
}

bool model_compare(struct model *model, enum reference reference, enum cpu_level cpu, int jobs,
                   struct err *err)
{
    bool whole = reference == REFERENCE_INTEGER && model->integer;
    struct level_model *exact =
        whole ? level_model_create_exact(model->map, model->integer, cpu) : NULL;
    struct evaluation what = {.net = model->net,
                              .weights = model->weights,
                              .integer = whole ? model->integer : NULL,
                              .arrays = exact,
                              .data = model->data};
    int32_t *classes = mem_alloc(model->images, sizeof *classes);
    bool ok = predict(&what, model->images, jobs, classes, err);
    level_model_destroy(exact);
    free(model->reference);
    model->reference = ok ? classes : NULL;
    if (!ok)
        free(classes);
    return ok;
}

bool model_check(const struct model *model, const struct chip_sample *sample, struct err *err)
{
    struct sampled_chip drawn = {0};
    struct trial trial = {0};
    struct model unfolded = *model; // the sampled chip can be computed with any batch-norms
    unfolded.mend.bn = unfolded.mend.gain = false;
    bool ok =
        !model->integer || sampled_chip_make(&unfolded, sample, CPU_AVX512, &drawn, &trial, err);
    sampled_chip_fini(&drawn);
    return ok;
}

// Range that the ADCs of one chip need, and what they lose; no loss if every possible sum has a
// code.
static void count_losses(const struct model *model, const struct chip_sample *sample,
                         const struct sampled_chip *drawn, struct adc_loss *adc, struct trial *out)
{
    const struct mapping *map = model->map;
    struct chip_sample with_ranges = *sample;
    with_ranges.ranges = model->ranges;
    const struct int_net *net = drawn->integer ? drawn->integer : model->integer;
    bool lossy = false;
    for (size_t i = 0; i < model->net->n; i++) {
        adc[i].need =
            loss_need_of_cells(map, drawn->arrays, drawn->analog, net, &with_ranges, (int)i);
        lossy = lossy || (adc[i].need.bits && !adc[i].need.lossless);
    }
    if (!lossy)
        return;
    double start = clock_now_s();
    struct evaluation what = sampled_chip_evaluation(drawn, model);
    struct adc_count *counts = mem_alloc(model->net->n, sizeof *counts);
    out->adc_images = loss_images(map, model->images);
    loss_count(map, &what, out->adc_images, counts);
    for (size_t i = 0; i < model->net->n; i++)
        adc[i].count = counts[i];
    free(counts);
    out->adc_seconds = clock_now_s() - start;
}

bool model_trial(const struct model *model, const struct chip_sample *sample, enum cpu_level cpu,
                 int jobs, struct adc_loss *adc, struct trial *out, struct err *err)
{
    struct sampled_chip drawn = {0};
    *out = (struct trial){0};
    bool ok = !model->integer || sampled_chip_make(model, sample, cpu, &drawn, out, err);
    struct evaluation what = sampled_chip_evaluation(&drawn, model);
    int32_t *classes = mem_alloc(model->images, sizeof *classes);
    ok = ok && predict(&what, model->images, jobs, classes, err);
    for (size_t i = 0; i < model->images && ok; i++)
        out->right += classes[i] == model->data->labels[i];
    for (size_t i = 0; i < model->images && ok && model->reference; i++)
        out->differ += classes[i] != model->reference[i];
    free(classes);
    if (ok && adc && model->integer)
        count_losses(model, sample, &drawn, adc, out);
    sampled_chip_fini(&drawn);
    return ok;
}

struct probing {
    const struct activity *activity;
    const struct evaluation *what;
    size_t images;
};

static void measure_share(void *context, int j, int jobs, void *result)
{
    const struct probing *p = context;
    activity_measure(p->activity, p->what, p->images, (size_t)j, (size_t)jobs, result);
}

// Counts of all images; those of the workers are stored one after the other.
static bool measure(const struct probing *probing, size_t layers, int jobs,
                    struct activity_count *counts, struct err *err)
{
    struct probing p = *probing;
    size_t size = layers * sizeof *counts;
    if (!pool_run(jobs, size, measure_share, &p, counts, err))
        return false;
    for (size_t i = layers; i < layers * (size_t)jobs; i++)
        activity_add(&counts[i % layers], &counts[i]);
    return true;
}

bool model_activity(const struct model *model, const struct chip_sample *sample, enum cpu_level cpu,
                    int jobs, struct activity_shares *layers, struct err *err)
{
    struct sampled_chip drawn = {0};
    struct trial trial = {0};
    if (!model->integer)
        return err_set(err, "the form float has no arrays whose activity can be measured; use "
                            "another form");
    bool ok = sampled_chip_make(model, sample, cpu, &drawn, &trial, err);
    struct evaluation what = sampled_chip_evaluation(&drawn, model);
    struct activity *activity = NULL;
    struct activity_count *counts = mem_alloc(model->net->n * (size_t)jobs, sizeof *counts);
    if (ok) {
        struct chip_sample moved = *sample;
        moved.ranges = model->ranges;
        moved.spares = drawn.spares;
        activity = activity_create(model->map, what.integer, &moved);
        struct probing probing = {activity, &what, model->images};
        ok = measure(&probing, model->net->n, jobs, counts, err);
    }
    for (size_t i = 0; i < model->net->n && ok; i++)
        layers[i] = activity_shares(activity, (int)i, &counts[i]);
    free(counts);
    activity_destroy(activity);
    sampled_chip_fini(&drawn);
    return ok;
}
