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
    if (m->net->form == FORM_FLOAT)
        return true;
    if (m->net->form != FORM_BINARY) {
        struct dataset *train = NULL;
        if (!dataset_open(data_spec(params, m->net), DATASET_TRAIN, CALIBRATION, &train, err))
            return false;
        m->ranges = mem_alloc(m->net->n, sizeof *m->ranges);
        evaluate_ranges(m->net, m->weights, train, CALIBRATION, m->ranges);
        dataset_close(train);
    }
    m->integer = integer_create(m->net, m->weights, m->ranges, err);
    return m->integer && map_net(m->net, m->chip, params->seed, &m->map, err);
}

static bool prepare_mending(const struct model_params *params, struct model *m, struct err *err)
{
    m->mend = params->mend;
    if (!mend_any(&m->mend))
        return true;
    if (!m->integer)
        return err_set(err, "the form float has no cells to mend; take another form");
    if (!mend_check(&m->mend, m->chip, err))
        return false;
    if (!m->mend.bn)
        return true;
    if (!dataset_open(data_spec(params, m->net), DATASET_TRAIN, m->mend.images, &m->train, err))
        return false;
    return m->mend.images <= m->train->n ||
           err_set(err, "mending with %zu images: the set '%s' has %zu training images",
                   m->mend.images, m->train->name, m->train->n);
}

bool model_load(const struct model_params *params, const struct dataset *data, struct model *out,
                struct err *err)
{
    return inputs_chip(&params->inputs, params->chip, &out->chip, err) &&
           inputs_net(&params->inputs, params->net, &out->net, err) && check_form(out, err) &&
           load_data(params, data, out, err) &&
           weights_load(params->weights, out->net, &out->weights, err) &&
           make_integer(params, out, err) && prepare_mending(params, out, err);
}

void model_unload(struct model *model)
{
    integer_destroy(model->integer);
    dataset_close(model->own_data);
    dataset_close(model->train);
    free(model->ranges);
    weights_destroy(model->weights);
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

// A chip as drawn: cells as levels where that says all, else as conductances; and mended.
struct drawn {
    struct arrays *arrays;
    struct analog *analog;
    struct spares *spares;
    struct integer *integer; // folded for this chip; NULL: the model's
};

static void drawn_fini(struct drawn *drawn)
{
    arrays_destroy(drawn->arrays);
    analog_destroy(drawn->analog);
    spares_destroy(drawn->spares);
    integer_destroy(drawn->integer);
}

static bool draw_chip(const struct model *model, const struct draw *draw, enum cpu_level cpu,
                      struct drawn *drawn, struct trial *out, struct err *err)
{
    const struct integer *integer = drawn->integer ? drawn->integer : model->integer;
    struct draw moved = *draw;
    if (model->mend.spares) {
        drawn->spares = spares_create(model->map, integer, draw);
        out->spares = *spares_report(drawn->spares);
        moved.spares = drawn->spares;
    }
    if (!defects_need_conductances(&draw->defects, model->chip))
        drawn->arrays = arrays_create(model->map, integer, &moved, cpu, NULL);
    if (drawn->arrays) {
        out->faults = arrays_faults(drawn->arrays);
        return true;
    }
    drawn->analog = analog_create(model->map, integer, &moved, cpu, err);
    if (!drawn->analog)
        return false;
    out->faults = analog_faults(drawn->analog);
    out->cut = analog_cut(drawn->analog);
    out->dropped = analog_dropped(drawn->analog);
    return true;
}

// Training images through a drawn chip; their noise, and the batches for which the variation is
// drawn anew, are not those of test images.
struct training {
    const struct drawn *drawn;
    struct array_worker *levels;
    struct analog_worker *currents;
    struct analog *redrawn;
    uint32_t batch;
};
enum { TRAINING_BATCH = 1 << 30 };

static void training_begin(void *context, size_t image)
{
    struct training *t = context;
    int each = t->drawn->analog ? analog_redraw(t->drawn->analog) : 0;
    uint32_t batch = each ? TRAINING_BATCH + (uint32_t)(image / (size_t)each) : 0;
    if (t->drawn->analog && (!t->currents || batch != t->batch)) {
        analog_worker_destroy(t->currents);
        analog_destroy(t->redrawn);
        t->redrawn = each ? analog_redrawn(t->drawn->analog, batch) : NULL;
        t->currents = analog_worker_create(each ? t->redrawn : t->drawn->analog);
        t->batch = batch;
    }
    if (t->currents)
        analog_worker_image(t->currents, TRAINING_BATCH + image);
}

static void training_matrix(void *context, int layer, const int32_t *in, int64_t *acc)
{
    struct training *t = context;
    if (t->levels)
        arrays_matrix(t->levels, layer, in, acc);
    else
        analog_matrix(t->currents, layer, in, acc);
}

static bool mend_sums(const struct model *model, const struct draw *draw, struct drawn *drawn,
                      struct trial *out, struct err *err)
{
    if (model->mend.gain)
        mend_refold(drawn->integer, model->weights, mend_gain(draw->defects.sigma));
    if (!model->mend.bn)
        return true;
    struct training t = {.drawn = drawn};
    t.levels = drawn->arrays ? array_worker_create(drawn->arrays) : NULL;
    struct mend_pass pass = {training_matrix, &t, training_begin, model->train, model->mend.images};
    bool ok = mend_norms(drawn->integer, model->weights, &pass, &out->channels, err);
    array_worker_destroy(t.levels);
    analog_worker_destroy(t.currents);
    analog_destroy(t.redrawn);
    return ok;
}

// The arrays lend the net that they were made of, so one that is to change is made before them.
static bool make_chip(const struct model *model, const struct draw *draw, enum cpu_level cpu,
                      struct drawn *drawn, struct trial *out, struct err *err)
{
    bool folded = model->mend.bn || model->mend.gain;
    if (folded)
        drawn->integer = integer_create(model->net, model->weights, model->ranges, err);
    return (!folded || drawn->integer) && draw_chip(model, draw, cpu, drawn, out, err) &&
           mend_sums(model, draw, drawn, out, err);
}

bool model_check(const struct model *model, const struct draw *draw, struct err *err)
{
    struct drawn drawn = {0};
    struct trial trial;
    bool ok = !model->integer || draw_chip(model, draw, CPU_AVX512, &drawn, &trial, err);
    drawn_fini(&drawn);
    return ok;
}

bool model_trial(const struct model *model, const struct draw *draw, enum cpu_level cpu, int jobs,
                 struct trial *out, struct err *err)
{
    struct drawn drawn = {0};
    *out = (struct trial){0};
    bool ok = !model->integer || make_chip(model, draw, cpu, &drawn, out, err);
    struct evaluation what = {
        model->net,   model->weights, drawn.integer ? drawn.integer : model->integer,
        drawn.arrays, drawn.analog,   model->data};
    uint8_t *classes = mem_alloc(model->images, 1);
    ok = ok && predict(&what, model->images, jobs, classes, err);
    for (size_t i = 0; i < model->images && ok; i++)
        out->right += classes[i] == model->data->labels[i];
    free(classes);
    drawn_fini(&drawn);
    return ok;
}
