#include "tools/study/drawn.h"

#include "nets/integer.h"
#include "sim/crossbar/analog.h"
#include "sim/crossbar/array.h"
#include "sim/crossbar/evaluate.h"
#include "sim/crossbar/mend.h"
#include "sim/crossbar/spare.h"
#include "tools/study/accuracy.h"

void drawn_fini(struct drawn *drawn)
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
    moved.ranges = model->ranges;
    if (model->mend.spares) {
        drawn->spares = spares_create(model->map, integer, draw);
        out->spares = *spares_report(drawn->spares);
        moved.spares = drawn->spares;
    }
    bool levels = !defects_need_conductances(&draw->defects, model->chip);
    if (levels)
        drawn->arrays = arrays_create_some(model->map, integer, &moved, cpu, err);
    if (levels && !drawn->arrays)
        return false;
    if (levels && arrays_cover_all(drawn->arrays)) {
        out->faults = arrays_faults(drawn->arrays);
        return true;
    }
    drawn->analog = levels ? analog_create_beside(drawn->arrays, &moved, cpu, err)
                           : analog_create(model->map, integer, &moved, cpu, err);
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
        mend_refold(drawn->integer, model->weights, mend_gain(&draw->defects));
    if (!model->mend.bn)
        return true;
    struct training t = {.drawn = drawn};
    t.levels = drawn->analog ? NULL : array_worker_create(drawn->arrays);
    struct mend_pass pass = {training_matrix, &t, training_begin, model->train, model->mend.images};
    bool ok = mend_norms(drawn->integer, model->weights, &pass, &out->channels, err);
    array_worker_destroy(t.levels);
    analog_worker_destroy(t.currents);
    analog_destroy(t.redrawn);
    return ok;
}

// The arrays lend the net that they were made of, so one that is to change is made before them.
bool drawn_make(const struct model *model, const struct draw *draw, enum cpu_level cpu,
                struct drawn *drawn, struct trial *out, struct err *err)
{
    bool folded = model->mend.bn || model->mend.gain;
    if (folded)
        drawn->integer = integer_create(model->net, model->weights, model->map_ranges, err);
    return (!folded || drawn->integer) && draw_chip(model, draw, cpu, drawn, out, err) &&
           mend_sums(model, draw, drawn, out, err);
}

struct evaluation drawn_evaluation(const struct drawn *drawn, const struct model *model)
{
    return (struct evaluation){model->net,
                               model->weights,
                               drawn->integer ? drawn->integer : model->integer,
                               drawn->analog ? NULL : drawn->arrays, // else inside of it
                               drawn->analog,
                               model->data};
}
