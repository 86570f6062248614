#include "tools/train/chip.h"

#include <inttypes.h>
#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/fault.h"
#include "sim/crossbar/perturb.h"
#include "sim/map/map.h"
#include "tools/study/inputs.h"
#include "tools/study/jobfile.h"
#include "tools/train/job.h"

static bool check(const struct train_job *job, struct err *err)
{
    const struct recipe *r = &job->recipe;
    const struct conf_node *root = job->conf->root;
    if (!r->has_perturb)
        return (!r->chip ||
                conf_fail(conf_find(root, "chip"), err,
                          "has no effect without `perturb`; add perturb: {stuck: true}")) &&
               (!r->chip_set || conf_fail(r->chip_set, err, "requires chip and perturb; add both"));
    if (!r->chip)
        return conf_fail(conf_find(root, "perturb"), err, "requires a chip; add chip: hawis");
    if (!r->perturb.variation && !r->perturb.stuck && !r->perturb.adc)
        return conf_fail(conf_find(root, "perturb"), err,
                         "has no effect; set variation, stuck or adc, or remove it");
    return job->net->form != FORM_FLOAT ||
           conf_fail(conf_find(root, "perturb"), err,
                     "the form float has no cells; use binary, int8 or int16");
}

static bool load(struct train_job *job, struct err *err)
{
    const struct recipe *r = &job->recipe;
    struct jobfile_sets sets = {0};
    struct inputs inputs = {0};
    if (r->chip_set && !jobfile_sets(job->conf, r->chip_set, &sets, err))
        return false;
    for (size_t i = 0; i < sets.n; i++) {
        if (strncmp(sets.items[i], "net.", 4) == 0)
            return conf_fail(r->chip_set, err, "'%.60s' is not a key of the chip; use `set`",
                             sets.items[i]);
        inputs.sets[inputs.n_sets++] = sets.items[i];
    }
    if (!inputs_chip(&inputs, r->chip, &job->chip, err))
        return false;
    job->chip_text =
        arena_printf(job->conf->mem, "%s [%016" PRIx64 "]", job->chip->name, job->chip->hash);
    return map_net(job->net, job->chip, (uint64_t)r->seed, &job->map, err);
}

bool job_load_chip(struct train_job *job, struct err *err)
{
    const struct recipe_perturb *felt = &job->recipe.perturb;
    if (!check(job, err))
        return false;
    if (!job->recipe.has_perturb)
        return true;
    if (!load(job, err))
        return false;
    const struct chip_sample sample = {.defects = job->chip->defects,
                                       .seed = (uint64_t)job->recipe.seed};
    const struct perturb_params params = {felt->variation, felt->stuck, felt->adc};
    job->perturbation = perturb_create(job->map, &sample, &params, CPU_AVX512, err);
    return job->perturbation != NULL;
}

void job_unload_chip(struct train_job *job)
{
    perturb_destroy(job->perturbation);
    map_destroy(job->map);
    chip_destroy(job->chip);
}
