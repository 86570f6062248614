#include "tools/sweep/plan.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/chip/plausible_chip.h"
#include "sim/crossbar/evaluate.h"
#include "sim/map/map.h"
#include "tools/study/accuracy.h"
#include "tools/study/jobfile.h"
#include "tools/study/model_warn.h"
#include "tools/sweep/job.h"
#include "workloads/dataset.h"

// The position of a point on every axis determines its values, rates and variant.
static void place_point(struct plan *plan, size_t p)
{
    const struct job *job = plan->job;
    struct plan_point *point = &plan->points[p];
    const char **values = arena_alloc(plan->mem, job->sweep.n, sizeof *values);
    const char *label = "";
    size_t rest = p, period = plan->n_points;
    for (size_t a = 0; a < job->sweep.n; a++) {
        const struct job_axis *axis = job_axis(job, a);
        period /= axis->n;
        size_t at = rest / period;
        rest %= period;
        values[a] = axis->values[at];
        label = arena_printf(plan->mem, "%s%s%s=%s", label, a ? ", " : "", axis->path, values[a]);
        if (axis->kind == AXIS_SET)
            point->variant = point->variant * axis->n + at;
    }
    point->values = values;
    point->label = label;
    plan->variants[point->variant].values = values;
}

// In reverse, so that each variant's points are listed in order.
static void link_points(struct plan *plan)
{
    for (size_t v = 0; v < plan->n_variants; v++)
        plan->variants[v].first = plan->n_points;
    for (size_t p = plan->n_points; p-- > 0;) {
        struct plan_variant *variant = &plan->variants[plan->points[p].variant];
        plan->points[p].next = variant->first;
        variant->first = p;
    }
}

bool plan_load(const struct plan *plan, size_t variant, struct model *out, struct err *err)
{
    const struct job *job = plan->job;
    struct arena *mem = arena_create();
    struct model_params params = {
        .inputs = {.form = job->has_form ? net_form_names[job->form] : NULL,
                   .width = job->width,
                   .widths = jobfile_widths(&job->widths, mem)},
        .chip = job->chip,
        .net = job->net,
        .weights = job->weights,
        .data = job->data,
        .images = job->images < 0 ? 0 : (size_t)job->images,
        .seed = (uint64_t)job->seed,
        .mend = job->mend,
    };
    for (size_t i = 0; i < job->sets.n; i++)
        params.inputs.sets[params.inputs.n_sets++] = job->sets.items[i];
    for (size_t a = 0; a < job->sweep.n; a++)
        if (job_axis(job, a)->kind == AXIS_SET)
            params.inputs.sets[params.inputs.n_sets++] = arena_printf(
                mem, "%s=%s", job_axis(job, a)->path, plan->variants[variant].values[a]);
    bool ok = model_load(&params, plan->data, out, err);
    arena_destroy(mem);
    return ok;
}

struct chip_sample plan_sample(const struct plan *plan, size_t point, size_t trial)
{
    const struct job *job = plan->job;
    const struct plan_point *at = &plan->points[point];
    struct chip_sample sample = {plan->variants[at->variant].defects, (uint64_t)job->seed,
                                 (uint32_t)trial, 0, NULL};
    if (job->sa0 > 0)
        sample.defects.stuck_lrs = job->sa0;
    if (job->sa1 > 0)
        sample.defects.stuck_hrs = job->sa1;
    for (size_t a = 0; a < job->sweep.n; a++) {
        const struct conf_field *defect = job_axis(job, a)->defect;
        if (defect)
            *(double *)((char *)&sample.defects + defect->offset) = strtod(at->values[a], NULL);
    }
    return sample;
}

static bool check_images(const struct plan *plan, const struct model *m, struct err *err)
{
    const struct job *job = plan->job;
    return job->images < 0 || (size_t)job->images <= m->images ||
           conf_fail(conf_find(job->conf->root, "images"), err, "the set '%s' has %zu test images",
                     m->data->name, m->images);
}

// Refuses defects that the arrays do not model, and inconsistent rates, before any work is done.
static bool check_points(const struct plan *plan, size_t variant, const struct model *m,
                         struct err *err)
{
    size_t first = plan->variants[variant].first;
    for (size_t p = first; p < plan->n_points; p = plan->points[p].next) {
        struct chip_sample sample = plan_sample(plan, p, 0);
        struct err why = {0};
        if (!defect_check(&sample.defects, NULL, &why))
            return err_wrap(err, &why, "point %zu (%s): %s", p + 1, plan->points[p].label,
                            why.text);
        if (!m->integer && defect_any(&sample.defects))
            return err_set(err, "the form float has no cells that can be stuck or vary; remove the "
                                "defects, or use another form");
    }
    struct chip_sample sample = plan_sample(plan, first, 0);
    return model_check(m, &sample, err);
}

// The first variant opens the data for all of them.
static void keep_first(struct plan *plan, struct model *m)
{
    if (!plan->data) {
        plan->data = m->own_data;
        m->own_data = NULL;
        plan->images = m->images;
        plan->data_name = arena_strdup(plan->mem, m->data->name);
        plan->chip = arena_strdup(plan->mem, m->chip->name);
        plan->net = arena_strdup(plan->mem, m->net->name);
        plan->form = net_form_names[m->net->form];
        plan->weight_scale = weights_scale_kind(m->net, m->weights);
    }
}

static void keep_warning(struct plan *plan, const struct warning *warning)
{
    for (size_t i = 0; i < plan->warnings.n; i++)
        if (!strcmp(plan->warnings.items[i].code, warning->code))
            return;
    warn_add(&plan->warnings, warning->code, "%s", warning->text);
}

static void warn_variant(struct plan *plan, size_t v, const struct model *m)
{
    struct warnings found = {0};
    plausible_chip(m->chip, m->map ? &m->map->pe_buffer : NULL,
                   m->map ? &m->map->tile_buffer : NULL, &found);
    for (size_t p = plan->variants[v].first; p < plan->n_points; p = plan->points[p].next)
        plausible_variation(plan_sample(plan, p, 0).defects.sigma, &found);
    model_warn(m, plan->job->weights, plan->job->data != NULL, &found);
    for (size_t i = 0; i < found.n; i++)
        keep_warning(plan, &found.items[i]);
    warnings_fini(&found);
}

static bool survey(struct plan *plan, size_t v, struct err *err)
{
    struct err why = {0};
    struct model m = {0};
    struct plan_variant *variant = &plan->variants[v];
    bool ok = plan_load(plan, v, &m, &why) && check_images(plan, &m, &why);
    if (ok) {
        variant->defects = m.chip->defects;
        variant->chip_hash = m.chip->hash;
        variant->net_hash = m.net->hash;
        variant->weights_hash = weights_hash(m.net, m.weights);
        keep_first(plan, &m);
        struct evaluate_need need = evaluate_need(m.net);
        plan->worker_bytes = fmax(plan->worker_bytes, need.shared + need.worker);
    }
    ok = ok && check_points(plan, v, &m, &why);
    if (ok)
        warn_variant(plan, v, &m);
    model_unload(&m);
    if (!ok && plan->n_variants > 1) {
        size_t p = variant->first;
        return err_wrap(err, &why, "point %zu (%s): %s", p + 1, plan->points[p].label, why.text);
    }
    return ok || err_wrap(err, &why, "%s", why.text);
}

static int by_content(const void *a, const void *b)
{
    const struct plan_variant *l = *(const struct plan_variant *const *)a;
    const struct plan_variant *r = *(const struct plan_variant *const *)b;
    const uint64_t left[] = {l->chip_hash, l->net_hash, l->weights_hash, l->first};
    const uint64_t right[] = {r->chip_hash, r->net_hash, r->weights_hash, r->first};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return 0;
}

// Different spellings may denote the same value, and a key may have no effect.
static bool check_same(const struct plan *plan, struct err *err)
{
    size_t n = plan->n_variants;
    const struct plan_variant **order = mem_alloc(n, sizeof *order);
    bool ok = true;
    for (size_t v = 0; v < n; v++)
        order[v] = &plan->variants[v];
    qsort(order, n, sizeof *order, by_content);
    for (size_t v = 1; ok && v < n; v++) {
        const struct plan_variant *a = order[v - 1], *b = order[v];
        if (a->chip_hash == b->chip_hash && a->net_hash == b->net_hash &&
            a->weights_hash == b->weights_hash)
            ok =
                err_set(err,
                        "points %zu (%s) and %zu (%s) are the same chip and net; sweep values that "
                        "differ",
                        a->first + 1, plan->points[a->first].label, b->first + 1,
                        plan->points[b->first].label);
    }
    free(order);
    return ok;
}

static void add_key(struct plan *plan, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_key(struct plan *plan, const char *key, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    plan->keys[plan->n_keys++] = (struct store_key){key, arena_strdup(plan->mem, text)};
}

// Hash over one member of all variants, in their order.
static uint64_t hash_variants(const struct plan *plan, size_t member)
{
    uint64_t hash = HASH_START;
    for (size_t v = 0; v < plan->n_variants; v++)
        hash = hash_bytes(hash, (const char *)&plan->variants[v] + member, sizeof(uint64_t));
    return hash;
}

static void add_axis(struct plan *plan, size_t a)
{
    const struct job_axis *axis = job_axis(plan->job, a);
    char shown[200] = "";
    size_t used = 0;
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < axis->n; i++) {
        hash = hash_bytes(hash, axis->values[i], strlen(axis->values[i]) + 1);
        if (used < sizeof shown - 1)
            used += (size_t)snprintf(shown + used, sizeof shown - used, "%s%s", i ? " " : "",
                                     axis->values[i]);
    }
    add_key(plan, arena_printf(plan->mem, "sweep.%zu", a), "%s %s", axis->path, shown);
    add_key(plan, arena_printf(plan->mem, "sweep.%zu hash", a), "%016" PRIx64, hash);
}

// Keys in the order in which differences to another job are reported. File contents count, not file
// names.
static void identify(struct plan *plan)
{
    const struct job *job = plan->job;
    const struct dataset *data = plan->data;
    assert(data && "survey kept the first variant's");
    uint64_t images = hash_bytes(HASH_START, data->images, data->n * dataset_image_bytes(data));
    images = hash_bytes(images, data->labels, data->n);
    plan->keys = arena_alloc(plan->mem, 13 + 2 * job->sweep.n, sizeof *plan->keys);
    add_key(plan, "name", "%s", job->name);
    for (size_t a = 0; a < job->sweep.n; a++)
        add_axis(plan, a);
    add_key(plan, "trials", "%d", job->trials);
    add_key(plan, "seed", "%d", job->seed);
    add_key(plan, "images", "%zu", plan->images);
    add_key(plan, "sa0", "%.17g", job->sa0);
    add_key(plan, "sa1", "%.17g", job->sa1);
    if (mitigation_any(
            &job->mend)) // without it, the hash equals that of versions before mitigation
        add_key(plan, "mend", "%s%s%s, %zu images", job->mend.bn ? "bn " : "",
                job->mend.gain ? "gain " : "", job->mend.spares ? "spares" : "", job->mend.images);
    if (job->has_stop)
        add_key(plan, "stop", "interval %.17g, least %d", job->stop.interval, job->stop.least);
    else
        add_key(plan, "stop", "never");
    add_key(plan, "chip", "%s [%016" PRIx64 "]", plan->chip,
            hash_variants(plan, offsetof(struct plan_variant, chip_hash)));
    add_key(plan, "net", "%s [%016" PRIx64 "]", plan->net,
            hash_variants(plan, offsetof(struct plan_variant, net_hash)));
    add_key(plan, "weights", "[%016" PRIx64 "]",
            hash_variants(plan, offsetof(struct plan_variant, weights_hash)));
    add_key(plan, "data", "%s [%016" PRIx64 "]", plan->data_name, images);
    add_key(plan, "model version", "%d", ACCURACY_MODEL_VERSION);
    uint64_t hash = HASH_START;
    for (size_t k = 0; k < plan->n_keys; k++) {
        hash = hash_bytes(hash, plan->keys[k].key, strlen(plan->keys[k].key) + 1);
        hash = hash_bytes(hash, plan->keys[k].value, strlen(plan->keys[k].value) + 1);
    }
    snprintf(plan->hash, sizeof plan->hash, "%016" PRIx64, hash);
}

static bool survey_all(struct plan *plan, void (*progress)(size_t done, size_t all),
                       struct err *err)
{
    for (size_t v = 0; v < plan->n_variants; v++) {
        if (!survey(plan, v, err))
            return false;
        if (progress)
            progress(v + 1, plan->n_variants);
    }
    return check_same(plan, err);
}

bool plan_create(const struct job *job, void (*progress)(size_t done, size_t all),
                 struct plan **out, struct err *err)
{
    struct arena *mem = arena_create();
    struct plan *plan = arena_alloc(mem, 1, sizeof *plan);
    *plan = (struct plan){.job = job, .mem = mem, .n_points = job->n_points, .n_variants = 1};
    for (size_t a = 0; a < job->sweep.n; a++)
        if (job_axis(job, a)->kind == AXIS_SET)
            plan->n_variants *= job_axis(job, a)->n;
    plan->points = arena_alloc(mem, plan->n_points, sizeof *plan->points);
    plan->variants = arena_alloc(mem, plan->n_variants, sizeof *plan->variants);
    for (size_t p = 0; p < plan->n_points; p++)
        place_point(plan, p);
    link_points(plan);
    if (survey_all(plan, progress, err)) {
        identify(plan);
        *out = plan;
        return true;
    }
    plan_destroy(plan);
    return false;
}

void plan_destroy(struct plan *plan)
{
    if (!plan)
        return;
    dataset_close(plan->data);
    warnings_fini(&plan->warnings);
    arena_destroy(plan->mem);
}
