#include "tools/search/search_loop.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/chip/plausible_chip.h"
#include "tools/search/agents/agent.h"
#include "tools/search/batch.h"
#include "tools/search/local_workers.h"
#include "tools/search/job.h"
#include "tools/search/history.h"
#include "tools/search/space.h"
#include "tools/search/supernet_accuracy.h"
#include "tools/study/store.h"
#include "tools/study/workers.h"

enum { MOST_WHOLE_REFERENCES = 16 };
static const double stop_grace_s = 5;

// --- Creation ---

static void init_episode(struct search *s, struct search_episode *e)
{
    e->widths = arena_alloc(s->mem, s->space->n_layers, sizeof *e->widths);
    e->choices = arena_alloc(s->mem, s->space->n_knobs + 1, sizeof *e->choices);
}

static void add_reference(struct search *s, double ratio)
{
    for (size_t i = 0; i < s->n_references; i++)
        if (fabs(s->references[i].ratio - ratio) < 1e-9)
            return;
    struct search_episode *e = &s->references[s->n_references++];
    init_episode(s, e);
    e->ratio = ratio;
    for (size_t k = 0; k < s->space->n_layers; k++) {
        int width = (int)floor(s->space->layers[k].base * ratio + 0.5);
        e->widths[k] = width < 1 ? 1 : width;
    }
}

// The baseline of Eq. 5, and uniform nets over the range for comparison: both ends, integer ratios,
// and last those that stage C requests, so that more can be added later.
static void plan_references(struct search *s)
{
    const struct space_params *space = &s->job->space;
    const struct conf_nums *asked = &s->job->final.uniform;
    size_t most = 3 + MOST_WHOLE_REFERENCES + asked->n;
    s->references = arena_alloc(s->mem, most, sizeof *s->references);
    add_reference(s, 1);
    add_reference(s, space->least);
    double first = ceil(space->least);
    for (double r = first; r <= space->most && r < first + (double)MOST_WHOLE_REFERENCES; r++)
        add_reference(s, r);
    add_reference(s, space->most);
    for (size_t i = 0; i < asked->n; i++)
        if (asked->v[i] >= space->least && asked->v[i] <= space->most)
            add_reference(s, asked->v[i]);
}

static void plan_episodes(struct search *s)
{
    size_t n = (size_t)s->job->episodes;
    s->episodes = arena_alloc(s->mem, n, sizeof *s->episodes);
    for (size_t e = 0; e < n; e++)
        init_episode(s, &s->episodes[e]);
    for (s->index_size = 64; s->index_size < 4 * n; s->index_size *= 2)
        ;
    s->index = arena_alloc(s->mem, s->index_size, sizeof *s->index);
    memset(s->index, -1, s->index_size * sizeof *s->index);
}

static void start_agent(struct search *s)
{
    const struct search_job *job = s->job;
    struct problem problem = {.n = (int)s->space->n,
                              .state = space_state,
                              .snap = space_snap,
                              .context = s->space,
                              .episodes = job->episodes,
                              .round = job->round};
    double *start = arena_alloc(s->mem, s->space->n, sizeof *start);
    if (job->start > 0) {
        int *widths = arena_alloc(s->mem, s->space->n_layers, sizeof *widths);
        size_t choices[SPACE_MOST_KNOBS] = {0};
        for (size_t k = 0; k < s->space->n_layers; k++)
            widths[k] = (int)floor(s->space->layers[k].base * job->start + 0.5);
        space_encode(s->space, widths, choices, start);
        problem.start = start;
    }
    s->agent = job->agent->create(&problem, job->agent_params, (uint64_t)job->seed);
}

static bool open_stages(struct search *s, struct err *err)
{
    const struct search_accuracy *a = &s->job->accuracy;
    const struct conf_node *at = conf_find(s->job->conf->root, "accuracy.supernet.train");
    return a->source != SOURCE_SUPERNET ||
           (supernet_accuracy_open(&a->supernet, at, s->net, s->space, s->job->episodes, &s->stages,
                                   err) &&
            evaluate_check(s->job, s->stages, err));
}

bool search_assumes(const struct search *s)
{
    return s->job->accuracy.source == SOURCE_FORMULA;
}

static void add_warnings(struct search *s)
{
    plausible_chip(s->chip, NULL, NULL, &s->warnings);
    net_warn(s->net, &s->warnings);
    if (search_assumes(s))
        warn_add(&s->warnings, "assumed-accuracy",
                 "accuracies are assumed, nothing is trained: ceiling - loss * sum of share * "
                 "ratio^-power, fitted to uniform widths of binary ResNet-20 on CIFAR-10 (HAWIS, "
                 "Table II) or stated by the job; use accuracy.source command or supernet to "
                 "measure them");
}

bool search_create(const struct search_job *job, struct search **out, struct err *err)
{
    struct arena *mem = arena_create();
    struct search *s = arena_alloc(mem, 1, sizeof *s);
    const struct conf_node *at = conf_find(job->conf->root, "space");
    *s = (struct search){.job = job, .mem = mem};
    if (!evaluate_load(job, &s->chip, &s->net, err) ||
        (search_assumes(s) && !formula_check(job->conf->root, s->net, err)) ||
        !space_create(&job->space, at ? at : job->conf->root, s->net, s->chip, &s->space, err) ||
        !evaluate_knobs(job, s->space, err) || !open_stages(s, err)) {
        search_destroy(s);
        return false;
    }
    plan_references(s);
    if (!retrain_check(s, err)) {
        search_destroy(s);
        return false;
    }
    plan_episodes(s);
    start_agent(s);
    add_warnings(s);
    *out = s;
    return true;
}

void search_destroy(struct search *s)
{
    if (!s)
        return;
    if (s->agent)
        s->job->agent->destroy(s->agent);
    supernet_accuracy_close(s->stages);
    space_destroy(s->space);
    net_destroy(s->net);
    chip_destroy(s->chip);
    warnings_fini(&s->warnings);
    arena_destroy(s->mem);
}

// --- Tasks and answers ---

static bool take(struct search *s, const struct search_task *task,
                 const struct search_answer *answer, struct err *err)
{
    struct search_episode *e = history_episode(s, task->episode);
    if (answer->broken)
        return err_wrap(err, &answer->err, "%s", answer->err.text);
    e->failed = answer->failed;
    e->why = answer->failed ? arena_strdup(s->mem, answer->err.text) : "";
    e->cost = answer->cost;
    e->accuracy = answer->accuracy;
    e->clean_accuracy = answer->clean_accuracy;
    e->chip_hash = answer->chip_hash;
    e->net_hash = answer->net_hash;
    // Its accuracy may be unknown: it may be narrower than the super-net.
    if (task->episode == -1 && !(answer->cost.of[COST_ENERGY] > 0))
        return err_wrap(err, &answer->err, "the net at ratio 1, the baseline of all costs: %s",
                        answer->err.text);
    if (s->references[0].done || task->episode == -1)
        history_judge(s, e);
    if (!history_keep(s, task->episode, answer->seconds, err))
        return false;
    history_note(s, task->episode);
    // If the store had lost the baseline, finished episodes could not be rewarded before.
    if (task->episode == -1)
        history_judge_all(s);
    return true;
}

static bool tunes(const struct search *s)
{
    return s->stages && s->job->accuracy.supernet.tune_epochs > 0;
}

static bool receive(struct search *s, struct batch *b, struct search_task *task,
                    const struct search_answer *answer, struct err *err)
{
    if (answer->unjudged && !answer->broken)
        return batch_put_off(b, task, answer, err);
    b->unjudged = 0;
    return take(s, task, answer, err);
}

struct clock {
    double start_s, told_s;
    size_t done_at_start;
};

static void tell_user(const struct search *s, const struct search_params *params,
                      struct clock *clock)
{
    double now = clock_now_s();
    bool last = s->done == (size_t)s->job->episodes;
    if (!params->progress || (now - clock->told_s < 0.5 && !last))
        return;
    clock->told_s = now;
    params->progress(params->context, s, now - clock->start_s, s->done - clock->done_at_start);
}

static bool run_tasks(struct search *s, const struct search_params *params, struct workers *workers,
                      struct batch *b, struct clock *clock, struct err *err)
{
    struct search_task task;
    struct search_answer answer;
    enum workers_event event;
    double stopped_s = 0;
    bool here = !params->start_workers || tunes(s); // mpirun ends ranks
    for (;;) {
        while (!*params->stop && workers_idle(workers) && batch_next(b, s, &task))
            if (!workers_give(workers, &task, err))
                return false;
        if (!workers_busy(workers))
            return true;
        if (!workers_wait(workers, 200, &event, &task, &answer, err))
            return false;
        if (event == WORKERS_ANSWER && !receive(s, b, &task, &answer, err))
            return false;
        if (event == WORKERS_DIED && !batch_retry(b, &task, err))
            return false;
        tell_user(s, params, clock);
        // A stop must not wait for an hour of training.
        if (*params->stop && stopped_s == 0)
            stopped_s = clock_now_s();
        if (*params->stop && here && clock_now_s() - stopped_s > stop_grace_s)
            return true;
    }
}

static bool run_batch(struct search *s, const struct search_params *params, struct workers *workers,
                      int64_t first, int64_t n, struct clock *clock, struct err *err)
{
    struct batch batch;
    batch_init(&batch, first, n, params->jobs);
    bool ok = run_tasks(s, params, workers, &batch, clock, err);
    batch_fini(&batch);
    return ok;
}

// --- Rounds ---

static void decode(struct search *s, const double *x, int *widths, unsigned short *choices)
{
    size_t values[SPACE_MOST_KNOBS];
    space_decode(s->space, x, widths, values);
    for (size_t k = 0; k < s->space->n_knobs; k++)
        choices[k] = (unsigned short)values[k];
}

// Stored episodes are proposed again to restore the agent's state; the proposals must be equal.
static bool propose(struct search *s, int64_t number, double *x, struct err *err)
{
    struct search_episode *e = &s->episodes[number], fresh = {0};
    s->job->agent->propose(s->agent, (int)number, x);
    if (!e->done) {
        decode(s, x, e->widths, e->choices);
        return true;
    }
    init_episode(s, &fresh);
    decode(s, x, fresh.widths, fresh.choices);
    return history_same(s, e, &fresh) ||
           err_set(err,
                   "episode %lld of the store differs from the proposal of this program; it was "
                   "written by "
                   "another version or on another kind of machine: choose another --out",
                   (long long)number);
}

static void encode(const struct search *s, const struct search_episode *e, double *x)
{
    size_t values[SPACE_MOST_KNOBS];
    for (size_t k = 0; k < s->space->n_knobs; k++)
        values[k] = e->choices[k];
    space_encode(s->space, e->widths, values, x);
}

static void tell_agent(struct search *s, int64_t number, double *x)
{
    const struct search_episode *e = &s->episodes[number];
    encode(s, e, x);
    struct told told = {
        .x = x, .failed = e->failed, .reward = e->judged.reward, .violation = e->judged.violation};
    memcpy(told.objectives, e->judged.objectives, sizeof told.objectives);
    s->job->agent->tell(s->agent, (int)number, &told);
    s->told = (size_t)number + 1;
}

static bool all_done(struct search *s, int64_t first, int64_t end)
{
    for (int64_t e = first; e < end; e++)
        if (!s->episodes[e].done)
            return false;
    return true;
}

// The accuracy of a net changes as the super-net is tuned.
static bool check_references(const struct search *s, struct err *err)
{
    for (size_t r = 0; r < s->n_references && s->done > 0; r++)
        if (!s->references[r].done && tunes(s))
            return err_set(
                err,
                "the uniform net of ratio %g was added too late: the super-net is already tuned by "
                "%zu episodes; choose another --out",
                s->references[r].ratio, s->done);
    return true;
}

static bool run_rounds(struct search *s, const struct search_params *params,
                       struct workers *workers, struct err *err)
{
    struct clock clock = {clock_now_s(), 0, s->done};
    double *x = arena_alloc(s->mem, s->space->n, sizeof *x);
    int64_t others = (int64_t)s->n_references - 1;
    if (!check_references(s, err) || !run_batch(s, params, workers, -1, 1, &clock, err) ||
        (!*params->stop && !run_batch(s, params, workers, -2, others, &clock, err)))
        return false;
    int64_t n = s->job->episodes, round = s->job->round;
    for (int64_t first = 0; first < n && !*params->stop; first += round) {
        int64_t end = first + round < n ? first + round : n;
        for (int64_t e = first; e < end; e++)
            if (!propose(s, e, x, err))
                return false;
        if (!run_batch(s, params, workers, first, end - first, &clock, err))
            return false;
        if (!all_done(s, first, end))
            return true; // stopped
        for (int64_t e = first; e < end; e++)
            tell_agent(s, e, x);
    }
    return true;
}

bool search_run(struct search *s, const struct search_params *params, struct err *err)
{
    struct worker_state bench;
    struct workers_params how = local_workers(&bench, s, tunes(s) ? 1 : params->jobs);
    struct workers *workers = params->start_workers && !tunes(s)
                                  ? params->start_workers(params->context, s, &how, err)
                                  : workers_create(&how, err);
    bool ok = workers && run_rounds(s, params, workers, err);
    workers_destroy(workers);
    return ok;
}

bool search_done(const struct search *s)
{
    bool done = s->done == (size_t)s->job->episodes;
    for (size_t r = 0; done && r < s->n_references; r++)
        done = s->references[r].done;
    return done;
}

// Limits come first, as in told_better() of agents; below lambda Eq. 5 does not distinguish costs.
static bool is_better(const struct judged *a, const struct judged *b)
{
    if (a->violation != b->violation)
        return a->violation < b->violation;
    if (a->reward != b->reward)
        return a->reward > b->reward;
    return a->objectives[1] < b->objectives[1];
}

const struct search_episode *search_best(const struct search *s)
{
    const struct search_episode *best = NULL;
    for (int e = 0; e < s->job->episodes; e++) {
        const struct search_episode *one = &s->episodes[e];
        if (one->done && !one->failed && (!best || is_better(&one->judged, &best->judged)))
            best = one;
    }
    return best;
}

size_t search_failed(const struct search *s, const char **why)
{
    size_t failed = 0;
    *why = "";
    for (int e = s->job->episodes - 1; e >= 0; e--)
        if (s->episodes[e].done && s->episodes[e].failed) {
            failed++;
            *why = s->episodes[e].why;
        }
    return failed;
}
