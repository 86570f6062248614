#include "tools/search/fault_accuracy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "tools/study/accuracy.h"
#include "tools/search/subprocess.h"
#include "workloads/dataset.h"

#define AT(member) .offset = offsetof(struct faults_params, member)
const struct conf_field faults_fields[] = {
    {"stuck_lrs", CONF_NUM, AT(stuck_lrs), .min = 0, .max = 1, .word = "chip", .fallback = "chip",
     .help = "share of cells stuck at low resistance (HAWIS's SA0); chip: as the chip's defects "
             "say, which hold for all that is not stated here"},
    {"stuck_hrs", CONF_NUM, AT(stuck_hrs), .min = 0, .max = 1, .word = "chip", .fallback = "chip",
     .help = "share of cells stuck at high resistance (HAWIS's SA1)"},
    {"sigma", CONF_NUM, AT(sigma), .min = 0, .max = 10, .word = "chip", .fallback = "chip",
     .help = "log-normal spread of every cell's resistance"},
    {"trials", CONF_INT, AT(trials), .min = 1, .max = 100000, .fallback = "1",
     .help = "sampled chips, from the search's seed; the accuracy is their mean"},
    {"images", CONF_INT, AT(images), .min = 1, .max = 10000000, .word = "all", .fallback = "all",
     .help = "number of held-out images (final: test images), the first"},
    {0},
};
#undef AT

struct defect_params faults_defects(const struct faults_params *faults, const struct chip *chip)
{
    struct defect_params d = chip->defects;
    d.stuck_lrs = faults->stuck_lrs < 0 ? d.stuck_lrs : faults->stuck_lrs;
    d.stuck_hrs = faults->stuck_hrs < 0 ? d.stuck_hrs : faults->stuck_hrs;
    d.sigma = faults->sigma < 0 ? d.sigma : faults->sigma;
    return d;
}

static bool assemble(const struct faults_params *faults, const struct model_parts *parts,
                     struct model *out, struct err *err)
{
    if (!model_assemble(parts, out, err))
        return false;
    if (faults->images > 0 && (size_t)faults->images < out->images)
        out->images = (size_t)faults->images;
    return out->integer ||
           err_set(err, "the form float has no cells that can be faulty; use another form");
}

bool faults_check(const struct faults_params *faults, const struct conf_node *at,
                  const struct model_parts *parts, struct err *err)
{
    struct model model = {0};
    struct err why = {0};
    struct chip_sample sample = {.defects = faults_defects(faults, parts->chip_take),
                                 .seed = parts->seed};
    struct dataset few = *parts->train; // values do not matter
    few.n = 1;
    struct model_parts same = *parts;
    same.train = &few;
    bool ok = defect_check(&sample.defects, NULL, &why) && assemble(faults, &same, &model, &why) &&
              model_check(&model, &sample, &why);
    model_unload(&model);
    return ok || conf_wrap(at, err, &why, "%s", why.text);
}

bool faults_enough(const struct faults_params *faults, const struct conf_node *at, size_t there,
                   const char *what, struct err *err)
{
    return faults->images < 0 || (size_t)faults->images <= there ||
           conf_fail(conf_find(at, "images"), err, "%d requested, there are %zu %s", faults->images,
                     there, what);
}

static bool one_trial(const struct model *model, const struct defect_params *defects, uint64_t seed,
                      unsigned trial, int jobs, struct trial *out, struct err *err)
{
    struct chip_sample sample = {.defects = *defects, .seed = seed, .trial = trial};
    return model_trial(model, &sample, CPU_AVX512, jobs, NULL, out, err);
}

bool fault_accuracy_mean(const struct faults_params *faults, const struct model_parts *parts,
                         double *accuracy, struct err *err)
{
    struct model model = {0};
    struct defect_params defects = faults_defects(faults, parts->chip_take);
    bool ok = assemble(faults, parts, &model, err);
    double sum = 0;
    for (int t = 0; t < faults->trials && ok; t++) {
        struct trial one = {0};
        ok = one_trial(&model, &defects, parts->seed, (unsigned)t, 1, &one, err);
        sum += ok ? (double)one.right / (double)model.images : 0;
    }
    *accuracy = sum / faults->trials;
    model_unload(&model);
    return ok;
}

// --- In a process of its own ---

struct window_cost {
    const struct faults_params *faults;
    const struct model_parts *parts;
    const struct subprocess *how;
};

struct report {
    bool ok, done;
    struct err err;
    double whole;
    struct fault_counts cells;
    double accuracies[]; // (trials)
};

static bool run_trials(const struct window_cost *w, const struct model *model,
                       const struct defect_params *defects, struct report *r)
{
    struct defect_params none = {.redraw = -1};
    struct trial one = {0};
    if (!one_trial(model, &none, w->parts->seed, 0, w->how->threads, &one, &r->err))
        return false;
    r->whole = (double)one.right / (double)model->images;
    for (int t = 0; t < w->faults->trials && !*w->how->stop; t++) {
        if (!one_trial(model, defects, w->parts->seed, (unsigned)t, w->how->threads, &one, &r->err))
            return false;
        r->accuracies[t] = (double)one.right / (double)model->images;
        fault_add(&r->cells, &one.faults);
    }
    r->done = !*w->how->stop;
    return true;
}

static void run_apart(void *context, void *answer)
{
    const struct window_cost *w = context;
    struct report *r = answer;
    struct model model = {0};
    struct defect_params defects = faults_defects(w->faults, w->parts->chip_take);
    r->ok = assemble(w->faults, w->parts, &model, &r->err) && run_trials(w, &model, &defects, r);
    model_unload(&model);
}

bool fault_accuracy_apart(const struct faults_params *faults, const struct model_parts *parts,
                          const struct subprocess *how, struct fault_accuracy *out, struct err *err)
{
    size_t values = (size_t)faults->trials * sizeof *out->accuracies;
    struct report *r = mem_alloc(1, sizeof *r + values);
    struct window_cost work = {faults, parts, how};
    struct model taken = {parts->chip_take, parts->net_take, .weights = parts->weights_take};
    bool ok = subprocess_run(how, run_apart, &work, sizeof *r + values, r, err);
    if (ok && !r->ok) {
        *err = r->err;
        ok = false;
    }
    if (ok) {
        out->done = r->done;
        out->whole = r->whole;
        out->cells = r->cells;
        memcpy(out->accuracies, r->accuracies, values);
    }
    free(r);
    model_unload(&taken);
    return ok;
}

void fault_accuracy_spread(size_t n, const double *values, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (values[i] - *mean) * (values[i] - *mean);
    *deviation = n > 1 ? sqrt(squares / ((double)n - 1)) : 0;
}
