#include "tools/search/evaluate.h"

#include <stdio.h>
#include <string.h>

#include "nets/net.h"
#include "nets/train/supernet.h"
#include "nets/train/trainer.h"
#include "nets/weights.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/energy/charge.h"
#include "sim/run/run.h"
#include "sim/map/map.h"
#include "sim/run/result.h"
#include "tools/study/accuracy.h"
#include "tools/study/inputs.h"
#include "tools/search/formula.h"
#include "tools/search/job.h"
#include "tools/search/plugin.h"
#include "tools/search/supernet_accuracy.h"

void evaluate_widths_text(const struct space *space, const int *widths, char *text, size_t size)
{
    size_t used = 0;
    *text = 0;
    for (size_t k = 0; k < space->n_layers && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, "%s%d", k ? "," : "", widths[k]);
}

void evaluate_knobs_text(const struct space *space, const unsigned short *choices, char *text,
                         size_t size)
{
    size_t used = 0;
    *text = 0;
    for (size_t k = 0; k < space->n_knobs && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, "%s%s=%s", k ? " " : "",
                                 space->knobs[k].path, space->knobs[k].values[choices[k]]);
}

static void base_inputs(const struct search_job *job, struct inputs *inputs)
{
    *inputs = (struct inputs){.form = job->has_form ? net_form_names[job->form] : NULL};
    for (size_t i = 0; i < job->sets.n; i++)
        inputs->sets[inputs->n_sets++] = job->sets.items[i];
}

bool evaluate_load(const struct search_job *job, struct chip **chip, struct net **net,
                   struct err *err)
{
    struct inputs inputs;
    base_inputs(job, &inputs);
    return inputs_chip(&inputs, job->chip, chip, err) && inputs_net(&inputs, job->net, net, err);
}

bool evaluate_faults(const struct search_job *job, const char *section,
                     const struct faults_params *faults, const struct dataset *images,
                     struct err *err)
{
    struct model_parts parts = {.data = images, .train = images, .seed = (uint64_t)job->seed};
    if (!evaluate_load(job, &parts.chip_take, &parts.net_take, err)) {
        chip_destroy(parts.chip_take);
        net_destroy(parts.net_take);
        return false;
    }
    parts.weights_take = weights_create(parts.net_take);
    trainer_init(parts.net_take, 0, parts.weights_take);
    return faults_check(faults, conf_find(job->conf->root, section), &parts, err);
}

bool evaluate_check(const struct search_job *job, const struct supernet_accuracy *stages,
                    struct err *err)
{
    static const char section[] = "accuracy.faults";
    const struct faults_params *faults = &job->accuracy.faults;
    return !job->accuracy.has_faults ||
           (faults_enough(faults, conf_find(job->conf->root, section),
                          supernet_accuracy_n_held_out(stages), "images held out", err) &&
            evaluate_faults(job, section, faults, supernet_accuracy_images(stages), err));
}

bool evaluate_chip(const struct search_job *job, const struct space *space,
                   const unsigned short *choices, struct chip **chip, struct err *err)
{
    enum { KNOB_ROOM = 512 };
    char knobs[SPACE_MOST_KNOBS][KNOB_ROOM];
    struct inputs inputs;
    base_inputs(job, &inputs);
    for (size_t k = 0; choices && k < space->n_knobs; k++) {
        const struct space_choice *knob = &space->knobs[k];
        snprintf(knobs[k], sizeof knobs[k], "%s=%s", knob->path, knob->values[choices[k]]);
        inputs.sets[inputs.n_sets++] = knobs[k];
    }
    return inputs_chip(&inputs, job->chip, chip, err);
}

bool evaluate_knobs(const struct search_job *job, const struct space *space, struct err *err)
{
    for (size_t k = 0; k < space->n_knobs; k++) {
        struct err first = {0};
        bool fits = false;
        for (size_t v = 0; v < space->knobs[k].n && !fits; v++) {
            struct err why = {0};
            struct chip *chip = NULL;
            struct inputs inputs;
            struct arena *mem = arena_create();
            base_inputs(job, &inputs);
            inputs.sets[inputs.n_sets++] =
                arena_printf(mem, "%s=%s", space->knobs[k].path, space->knobs[k].values[v]);
            fits = inputs_chip(&inputs, job->chip, &chip, &why);
            if (v == 0)
                first = why;
            chip_destroy(chip);
            arena_destroy(mem);
        }
        if (!fits)
            return conf_wrap(conf_find(job->conf->root, "space.knobs"), err, &first,
                             "no value of %.60s gives a chip: %s", space->knobs[k].path,
                             first.text);
    }
    return true;
}

static bool simulate(struct evaluator *ev, const struct mapping *map, struct cost *cost,
                     struct err *err)
{
    const struct search_job *job = ev->job;
    if (!job->cost.events && job->cost.policy == POLICY_EXACT) {
        if (!charge_check(map, err))
            return false;
        struct dataflow *flow = dataflow_create(map, TOKENS_ROWS);
        struct charged total = charge_total(flow);
        cost->of[COST_ENERGY] = total.energy_j;
        cost->of[COST_AREA] = total.area_m2;
        dataflow_destroy(flow);
        return true;
    }
    struct run_params run = {.policy = (enum policy)job->cost.policy, .images = 1};
    struct result *r = NULL;
    if (!run_mapping(map, &run, &r, err))
        return false;
    ev->simulated_s += r->run_s;
    cost->of[COST_ENERGY] = r->energy_j;
    cost->of[COST_LATENCY] = r->latency_s;
    cost->of[COST_AREA] = r->area_m2;
    result_destroy(r);
    return true;
}

static bool chip_of(const struct evaluator *ev, const struct search_task *task, struct chip **chip,
                    struct err *err)
{
    return evaluate_chip(ev->job, ev->space, task->episode < 0 ? NULL : task->choices, chip, err);
}

// Errors here count as a failure of the candidate: it may be too large for the chip.
static bool cost_of(struct evaluator *ev, const struct search_task *task,
                    struct search_answer *answer)
{
    char widths[MOST_DECISIONS * 8];
    struct inputs inputs;
    struct chip *chip = NULL;
    struct net *net = NULL;
    struct mapping *map = NULL;
    base_inputs(ev->job, &inputs);
    evaluate_widths_text(ev->space, task->widths, widths, sizeof widths);
    inputs.widths = widths;
    bool ok = chip_of(ev, task, &chip, &answer->err) &&
              inputs_net(&inputs, ev->job->net, &net, &answer->err) &&
              map_net(net, chip, (uint64_t)ev->job->seed, &map, &answer->err) &&
              simulate(ev, map, &answer->cost, &answer->err);
    if (ok) {
        answer->chip_hash = chip->hash;
        answer->net_hash = net->hash;
        answer->cost.binary_ops = net_ops(net).binary_ops;
    }
    map_destroy(map);
    net_destroy(net);
    chip_destroy(chip);
    answer->broken =
        !ok && answer->err.class == ERR_WORK; // failure of this machine, not of the candidate
    return ok;
}

static bool ask_formula(const struct evaluator *ev, const struct search_task *task,
                        double *accuracy)
{
    double ratios[MOST_DECISIONS];
    for (size_t k = 0; k < ev->space->n_layers; k++)
        ratios[k] = (double)task->widths[k] / ev->space->layers[k].base;
    *accuracy = formula_accuracy(&ev->job->accuracy.formula, ratios, ev->space->n_layers);
    return true;
}

static bool ask_plugin(struct evaluator *ev, const struct search_task *task,
                       struct search_answer *answer)
{
    char knobs[1024] = "";
    if (!ev->plugin)
        ev->plugin = plugin_create(ev->job->words, ev->job->accuracy.timeout_s);
    if (task->episode >= 0)
        evaluate_knobs_text(ev->space, task->choices, knobs, sizeof knobs);
    struct plugin_question question = {task->episode,       ev->job->net, task->widths,
                                       ev->space->n_layers, knobs,        ev->job->seed};
    enum plugin_end end = plugin_ask(ev->plugin, &question, &answer->accuracy, &answer->err);
    answer->unjudged = end == PLUGIN_FAILED;
    return end == PLUGIN_JUDGED;
}

// If faults are stated, evaluates the weights in the crossbars of the candidate's own chip.
static bool ask_supernet(struct evaluator *ev, const struct search_task *task,
                         struct search_answer *answer)
{
    const struct search_accuracy *a = &ev->job->accuracy;
    const struct faults_params *faults = &a->faults;
    struct supernet_net net = {0};
    if (!supernet_accuracy_ask(ev->stages, task->episode, task->widths, a->has_faults, &net,
                               &answer->broken, &answer->err))
        return false;
    answer->accuracy = net.accuracy;
    if (!a->has_faults)
        return true;
    answer->clean_accuracy = net.accuracy;
    struct model_parts parts = {
        .net_take = net.net,
        .weights_take = net.weights,
        .data =
            supernet_accuracy_held_out(ev->stages, faults->images < 0 ? 0 : (size_t)faults->images),
        .train = supernet_accuracy_images(ev->stages),
        .seed = (uint64_t)ev->job->seed,
    };
    if (!chip_of(ev, task, &parts.chip_take, &answer->err)) {
        net_destroy(net.net);
        weights_destroy(net.weights);
        return false;
    }
    bool ok = fault_accuracy_mean(faults, &parts, &answer->accuracy, &answer->err);
    answer->broken = !ok && answer->err.class == ERR_WORK;
    return ok;
}

static bool ask(struct evaluator *ev, const struct search_task *task, struct search_answer *answer)
{
    switch ((enum accuracy_source)ev->job->accuracy.source) {
    case SOURCE_COMMAND:
        return ask_plugin(ev, task, answer);
    case SOURCE_SUPERNET:
        return ask_supernet(ev, task, answer);
    case SOURCE_FORMULA:
        break;
    }
    return ask_formula(ev, task, &answer->accuracy);
}

// Later candidates depend on a super-net that is tuned with all earlier ones.
static void tune_all_the_same(struct evaluator *ev, const struct search_task *task,
                              struct search_answer *answer)
{
    struct err why = {0};
    answer->broken = !supernet_accuracy_tune(ev->stages, task->episode, task->widths, &why);
    if (answer->broken)
        answer->err = why;
}

void evaluate_task(struct evaluator *ev, const struct search_task *task,
                   struct search_answer *answer)
{
    double start = clock_now_s();
    *answer = (struct search_answer){
        .cost = task->cost, .chip_hash = task->chip_hash, .net_hash = task->net_hash};
    bool ok = task->costed || cost_of(ev, task, answer);
    if (ok)
        ok = ask(ev, task, answer);
    else if (ev->stages)
        tune_all_the_same(ev, task, answer);
    answer->failed = !ok && !answer->unjudged;
    // For example an I/O error: it does not depend on the candidate, so it is not a result.
    if (answer->failed && answer->err.class == ERR_WORK)
        answer->broken = true;
    answer->seconds = clock_now_s() - start;
}

bool evaluator_spent(const struct evaluator *ev)
{
    return ev->simulated_s > 0.1; // 1e8 ns; the engine is exact up to 2^29 ns
}

void evaluator_fini(struct evaluator *ev)
{
    plugin_destroy(ev->plugin);
    ev->plugin = NULL;
    if (ev->stages)
        supernet_accuracy_leave(ev->stages);
}
