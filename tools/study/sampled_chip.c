#include "tools/study/sampled_chip.h"

#include "nets/int_net.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/evaluate.h"
#include "sim/crossbar/mitigation.h"
#include "sim/crossbar/spare.h"
#include "tools/study/accuracy.h"

void sampled_chip_fini(struct sampled_chip *drawn)
{
    level_model_destroy(drawn->arrays);
    conductance_model_destroy(drawn->analog);
    spares_destroy(drawn->spares);
    int_net_destroy(drawn->integer);
}

static bool sample_chip(const struct model *model, const struct chip_sample *sample,
                        enum cpu_level cpu, struct sampled_chip *drawn, struct trial *out,
                        struct err *err)
{
    const struct int_net *integer = drawn->integer ? drawn->integer : model->integer;
    struct chip_sample moved = *sample;
    moved.ranges = model->ranges;
    if (model->mend.spares) {
        drawn->spares = spares_create(model->map, integer, sample);
        out->spares = *spares_report(drawn->spares);
        moved.spares = drawn->spares;
    }
    bool levels = !defects_need_conductances(&sample->defects, model->chip);
    if (levels)
        drawn->arrays = level_model_create_some(model->map, integer, &moved, cpu, err);
    if (levels && !drawn->arrays)
        return false;
    if (levels && level_model_cover_all(drawn->arrays)) {
        out->faults = level_model_faults(drawn->arrays);
        return true;
    }
    drawn->analog = levels ? conductance_model_create_beside(drawn->arrays, &moved, cpu, err)
                           : conductance_model_create(model->map, integer, &moved, cpu, err);
    if (!drawn->analog)
        return false;
    out->faults = conductance_model_faults(drawn->analog);
    out->cut = conductance_model_cut(drawn->analog);
    out->dropped = conductance_model_dropped(drawn->analog);
    return true;
}

// Training images on a sampled chip; their noise, and the batches for which variation is sampled
// again, differ from those of test images.
struct training {
    const struct sampled_chip *drawn;
    struct array_worker *levels;
    struct conductance_model_worker *currents;
    struct conductance_model *redrawn;
    uint32_t batch;
};
enum { TRAINING_BATCH = 1 << 30 };

static void training_begin(void *context, size_t image)
{
    struct training *t = context;
    int each = t->drawn->analog ? conductance_model_redraw(t->drawn->analog) : 0;
    uint32_t batch = each ? TRAINING_BATCH + (uint32_t)(image / (size_t)each) : 0;
    if (t->drawn->analog && (!t->currents || batch != t->batch)) {
        conductance_model_worker_destroy(t->currents);
        conductance_model_destroy(t->redrawn);
        t->redrawn = each ? conductance_model_redrawn(t->drawn->analog, batch) : NULL;
        t->currents = conductance_model_worker_create(each ? t->redrawn : t->drawn->analog);
        t->batch = batch;
    }
    if (t->currents)
        conductance_model_worker_image(t->currents, TRAINING_BATCH + image);
}

static void training_matrix(void *context, int layer, const int32_t *in, int64_t *acc)
{
    struct training *t = context;
    if (t->levels)
        level_model_matrix(t->levels, layer, in, acc);
    else
        conductance_model_matrix(t->currents, layer, in, acc);
}

static bool mitigation_sums(const struct model *model, const struct chip_sample *sample,
                            struct sampled_chip *drawn, struct trial *out, struct err *err)
{
    if (model->mend.gain)
        mitigation_refold(drawn->integer, model->weights, mitigation_gain(&sample->defects));
    if (!model->mend.bn)
        return true;
    struct training t = {.drawn = drawn};
    t.levels = drawn->analog ? NULL : array_worker_create(drawn->arrays);
    struct mitigation_pass pass = {training_matrix, &t, training_begin, model->train,
                                   model->mend.images};
    bool ok = mitigation_norms(drawn->integer, model->weights, &pass, &out->channels, err);
    array_worker_destroy(t.levels);
    conductance_model_worker_destroy(t.currents);
    conductance_model_destroy(t.redrawn);
    return ok;
}

// The arrays borrow the net that they are made of, so a changed net is created before them.
bool sampled_chip_make(const struct model *model, const struct chip_sample *sample,
                       enum cpu_level cpu, struct sampled_chip *drawn, struct trial *out,
                       struct err *err)
{
    bool folded = model->mend.bn || model->mend.gain;
    if (folded)
        drawn->integer = int_net_create(model->net, model->weights, model->map_ranges, err);
    return (!folded || drawn->integer) && sample_chip(model, sample, cpu, drawn, out, err) &&
           mitigation_sums(model, sample, drawn, out, err);
}

struct evaluation sampled_chip_evaluation(const struct sampled_chip *drawn,
                                          const struct model *model)
{
    return (struct evaluation){model->net,
                               model->weights,
                               drawn->integer ? drawn->integer : model->integer,
                               drawn->analog ? NULL : drawn->arrays, // else owned by drawn->analog
                               drawn->analog,
                               model->data};
}
