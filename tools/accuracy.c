#include "tools/accuracy.h"

#include <stdlib.h>
#include <string.h>

#include "nets/integer.h"
#include "nets/weights.h"
#include "sim/base/err.h"
#include "sim/base/mem.h"
#include "sim/chip/chip.h"
#include "sim/infer/analog.h"
#include "sim/infer/array.h"
#include "sim/infer/calibrate.h"
#include "sim/infer/evaluate.h"
#include "sim/map/map.h"
#include "tools/pool.h"
#include "workloads/dataset.h"

static const char *data_spec(const struct model_params *params, const struct net *net)
{
    return params->data ? params->data : net->raw_c == 3 ? "synth32" : "synth";
}

static bool load_data(const struct model_params *params, const struct dataset *data,
                      struct model *m, struct err *err)
{
    const struct net *net = m->net;
    if (!data &&
        !dataset_open(data_spec(params, net), DATASET_TEST, params->images, &m->own_data, err))
        return false;
    const struct dataset *d = m->data = data ? data : m->own_data;
    if (d->channels != net->raw_c || d->height != net->raw_h || d->width != net->raw_w)
        return err_set(err, "net '%s' reads images of %dx%dx%d, the set '%s' has %dx%dx%d",
                       net->name, net->raw_c, net->raw_h, net->raw_w, d->name, d->channels,
                       d->height, d->width);
    if (d->classes > net->classes)
        return err_set(err, "net '%s' tells %d classes apart, the set '%s' has %d", net->name,
                       net->classes, d->name, d->classes);
    m->images = d->n;
    return true;
}

static bool check_form(const struct model *m, struct err *err)
{
    if (m->net->form != FORM_FLOAT)
        return true;
    if (strcmp(m->chip->name, "ideal") != 0)
        return err_set(err, "the form float has no hardware; it runs on the chip ideal alone");
    if (m->chip->crossbar.wire_ohm > 0 || defect_any(&m->chip->defects))
        return err_set(err, "the form float has no cells or lines that could be broken; take the "
                            "defects away, or another form");
    return true;
}

// Ranges of the k-bit forms come from training images, never from the test.
static bool make_integer(const struct model_params *params, struct model *m, struct err *err)
{
    enum { CALIBRATION = 256 };
    double *ranges = NULL;
    if (m->net->form == FORM_FLOAT)
        return true;
    if (m->net->form != FORM_BINARY) {
        struct dataset *train = NULL;
        if (!dataset_open(data_spec(params, m->net), DATASET_TRAIN, CALIBRATION, &train, err))
            return false;
        ranges = mem_alloc(m->net->n, sizeof *ranges);
        evaluate_ranges(m->net, m->weights, train, CALIBRATION, ranges);
        dataset_close(train);
    }
    m->integer = integer_create(m->net, m->weights, ranges, err);
    free(ranges);
    return m->integer && map_net(m->net, m->chip, params->seed, &m->map, err);
}

static bool calibrate_adcs(const struct model_params *params, struct model *m, struct err *err)
{
    int images = m->map ? calibration_images(m->map) : 0;
    struct dataset *train = NULL;
    if (!images)
        return true;
    if (!dataset_open(data_spec(params, m->net), DATASET_TRAIN, (size_t)images, &train, err))
        return false;
    m->ranges = mem_alloc(m->net->n, sizeof *m->ranges);
    calibrate(m->map, m->integer, train, CPU_AVX512, m->ranges);
    dataset_close(train);
    return true;
}

bool model_load(const struct model_params *params, const struct dataset *data, struct model *out,
                struct err *err)
{
    return inputs_chip(&params->inputs, params->chip, &out->chip, err) &&
           inputs_net(&params->inputs, params->net, &out->net, err) && check_form(out, err) &&
           load_data(params, data, out, err) &&
           weights_load(params->weights, out->net, &out->weights, err) &&
           make_integer(params, out, err) && calibrate_adcs(params, out, err);
}

void model_unload(struct model *model)
{
    integer_destroy(model->integer);
    dataset_close(model->own_data);
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
static bool predict(const struct evaluation *what, size_t images, int jobs, uint8_t *classes,
                    struct err *err)
{
    struct share share = {what, images};
    uint8_t *all = mem_alloc(images * (size_t)jobs, 1);
    bool ok = pool_run(jobs, images, evaluate_share, &share, all, err);
    for (size_t i = 0; i < images && ok; i++)
        classes[i] = all[i % (size_t)jobs * images + i];
    free(all);
    return ok;
}

bool model_compare(struct model *model, enum reference reference, enum cpu_level cpu, int jobs,
                   struct err *err)
{
    bool whole = reference == REFERENCE_INTEGER && model->integer;
    struct arrays *exact = whole ? arrays_create_exact(model->map, model->integer, cpu) : NULL;
    struct evaluation what = {.net = model->net,
                              .weights = model->weights,
                              .integer = whole ? model->integer : NULL,
                              .arrays = exact,
                              .data = model->data};
    uint8_t *classes = mem_alloc(model->images, 1);
    bool ok = predict(&what, model->images, jobs, classes, err);
    arrays_destroy(exact);
    free(model->reference);
    model->reference = ok ? classes : NULL;
    if (!ok)
        free(classes);
    return ok;
}

// A chip as drawn: cells as levels where that says all, else as conductances.
struct drawn {
    struct arrays *arrays;
    struct analog *analog;
};

static bool draw_chip(const struct model *model, const struct draw *draw, enum cpu_level cpu,
                      struct drawn *drawn, struct trial *out, struct err *err)
{
    struct draw with = *draw;
    with.ranges = model->ranges;
    if (!defects_need_conductances(&draw->defects, model->chip))
        drawn->arrays = arrays_create(model->map, model->integer, &with, cpu, NULL);
    if (drawn->arrays) {
        out->faults = arrays_faults(drawn->arrays);
        return true;
    }
    drawn->analog = analog_create(model->map, model->integer, &with, cpu, err);
    if (!drawn->analog)
        return false;
    out->faults = analog_faults(drawn->analog);
    out->cut = analog_cut(drawn->analog);
    out->dropped = analog_dropped(drawn->analog);
    return true;
}

bool model_check(const struct model *model, const struct draw *draw, struct err *err)
{
    struct drawn drawn = {0};
    struct trial trial;
    bool ok = !model->integer || draw_chip(model, draw, CPU_AVX512, &drawn, &trial, err);
    arrays_destroy(drawn.arrays);
    analog_destroy(drawn.analog);
    return ok;
}

bool model_trial(const struct model *model, const struct draw *draw, enum cpu_level cpu, int jobs,
                 struct trial *out, struct err *err)
{
    struct drawn drawn = {0};
    *out = (struct trial){0};
    if (model->integer && !draw_chip(model, draw, cpu, &drawn, out, err))
        return false;
    struct evaluation what = {model->net,   model->weights, model->integer,
                              drawn.arrays, drawn.analog,   model->data};
    uint8_t *classes = mem_alloc(model->images, 1);
    bool ok = predict(&what, model->images, jobs, classes, err);
    for (size_t i = 0; i < model->images; i++)
        out->right += classes[i] == model->data->labels[i];
    for (size_t i = 0; i < model->images && model->reference; i++)
        out->differ += classes[i] != model->reference[i];
    free(classes);
    arrays_destroy(drawn.arrays);
    analog_destroy(drawn.analog);
    return ok;
}
