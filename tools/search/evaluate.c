#include "tools/search/evaluate.h"

#include <stdio.h>
#include <string.h>

#include "nets/net.h"
#include "sim/base/clock.h"
#include "sim/chip/chip.h"
#include "sim/cost/charge.h"
#include "sim/des/run.h"
#include "sim/map/map.h"
#include "sim/result/result.h"
#include "tools/inputs.h"
#include "tools/search/formula.h"
#include "tools/search/job.h"
#include "tools/search/plugin.h"
#include "tools/search/stages.h"

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

static bool simulate(struct evaluator *ev, const struct mapping *map, struct cost *cost,
                     struct err *err)
{
    const struct search_job *job = ev->job;
    if (!job->cost.events && job->cost.policy == POLICY_EXACT) {
        struct flow *flow = flow_create(map, TOKENS_ROWS);
        struct charged total = charge_total(flow);
        cost->of[COST_ENERGY] = total.energy_j;
        cost->of[COST_AREA] = total.area_m2;
        flow_destroy(flow);
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

// What is wrong with a candidate is the candidate's fault: it may be too large for the chip.
static bool cost_of(struct evaluator *ev, const struct search_task *task,
                    struct search_answer *answer)
{
    enum { KNOB_ROOM = 512 };
    char widths[MOST_DECISIONS * 8], knobs[SPACE_MOST_KNOBS][KNOB_ROOM];
    struct inputs inputs;
    struct chip *chip = NULL;
    struct net *net = NULL;
    struct mapping *map = NULL;
    base_inputs(ev->job, &inputs);
    evaluate_widths_text(ev->space, task->widths, widths, sizeof widths);
    inputs.widths = widths;
    // References stand on the chip as it is.
    for (size_t k = 0; task->episode >= 0 && k < ev->space->n_knobs; k++) {
        const struct space_choice *knob = &ev->space->knobs[k];
        snprintf(knobs[k], sizeof knobs[k], "%s=%s", knob->path, knob->values[task->choices[k]]);
        inputs.sets[inputs.n_sets++] = knobs[k];
    }
    bool ok = inputs_chip(&inputs, ev->job->chip, &chip, &answer->err) &&
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

static bool ask_plugin(struct evaluator *ev, const struct search_task *task, double *accuracy,
                       struct err *err)
{
    char knobs[1024] = "";
    if (!ev->plugin)
        ev->plugin = plugin_create(ev->job->words, ev->job->accuracy.timeout_s);
    if (task->episode >= 0)
        evaluate_knobs_text(ev->space, task->choices, knobs, sizeof knobs);
    struct plugin_question question = {task->episode,       ev->job->net, task->widths,
                                       ev->space->n_layers, knobs,        ev->job->seed};
    return plugin_ask(ev->plugin, &question, accuracy, err);
}

static bool ask(struct evaluator *ev, const struct search_task *task, struct search_answer *answer)
{
    switch ((enum accuracy_source)ev->job->accuracy.source) {
    case SOURCE_COMMAND:
        return ask_plugin(ev, task, &answer->accuracy, &answer->err);
    case SOURCE_SUPERNET:
        return stages_ask(ev->stages, task->episode, task->widths, &answer->accuracy,
                          &answer->broken, &answer->err);
    case SOURCE_FORMULA:
        break;
    }
    return ask_formula(ev, task, &answer->accuracy);
}

// The candidates after it find the super-net tuned with all before them.
static void tune_all_the_same(struct evaluator *ev, const struct search_task *task,
                              struct search_answer *answer)
{
    struct err why = {0};
    answer->broken = !stages_tune(ev->stages, task->episode, task->widths, &why);
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
    answer->failed = !ok;
    answer->seconds = clock_now_s() - start;
}

bool evaluator_spent(const struct evaluator *ev)
{
    return ev->simulated_s > 0.1; // 1e8 of the 2^29 ns that the engine keeps exact
}

void evaluator_fini(struct evaluator *ev)
{
    plugin_destroy(ev->plugin);
    ev->plugin = NULL;
    if (ev->stages)
        stages_leave(ev->stages);
}
