#include "tools/sweep/sweep_loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/mem_limit.h"
#include "tools/study/accuracy.h"
#include "tools/study/store.h"
#include "tools/sweep/job.h"
#include "tools/sweep/plan.h"
#include "tools/sweep/stats.h"
#include "tools/study/workers.h"

struct task {
    size_t point, trial;
    int deaths; // workers that died while they ran it
};

struct answer {
    bool ok;
    struct trial trial;
    double seconds;
    struct err err;
};

// State of a worker.
struct worker_state {
    const struct plan *plan;
    const struct store *store;
    struct model model; // of the variant, kept from task to task
    size_t variant;
    bool loaded;
};

static void begin_bench(void *context)
{
    const struct worker_state *b = context;
    store_leave(b->store);
}

static void work(void *context, const void *task_bytes, void *answer_bytes)
{
    struct worker_state *b = context;
    const struct task *task = task_bytes;
    struct answer *answer = answer_bytes;
    size_t variant = b->plan->points[task->point].variant;
    double start = clock_now_s();
    if (!b->loaded || b->variant != variant) {
        model_unload(&b->model);
        b->variant = variant;
        b->loaded = plan_load(b->plan, variant, &b->model, &answer->err);
    }
    struct chip_sample sample = plan_sample(b->plan, task->point, task->trial);
    answer->ok = b->loaded &&
                 model_trial(&b->model, &sample, CPU_AVX512, 1, NULL, &answer->trial, &answer->err);
    answer->seconds = clock_now_s() - start;
}

// The stopping rule: a point ends with the smallest number of trials, in their order, that suffice.
// Later trials that are done already do not count and are deleted from the store, so that its
// contents do not depend on timing.
static size_t trials_enough(const struct plan *plan, struct sweep_loop_point *point)
{
    const struct job *job = plan->job;
    struct stats_sum *checked = &point->checked;
    size_t most = (size_t)job->trials;
    double wanted = job->stop.interval * (double)plan->images;
    while (checked->n < most && point->trials[checked->n].done) {
        stats_add(checked, point->trials[checked->n].right);
        if (job->has_stop && checked->n >= (size_t)job->stop.least &&
            stats_end(checked).interval <= wanted)
            return checked->n;
    }
    return checked->n == most ? most : 0;
}

static bool decide(struct sweep_loop *d, size_t p, struct err *err)
{
    struct sweep_loop_point *point = &d->points[p];
    size_t most = (size_t)d->plan->job->trials, later = 0;
    point->n = trials_enough(d->plan, point);
    if (!point->n)
        return true;
    for (size_t t = point->n; t < most; t++)
        later += point->trials[t].done;
    d->done -= later;
    d->all -= most - point->n;
    return !later || store_drop_trials(d->store, (int64_t)p, (int64_t)point->n, err);
}

// The store holds only the numbers of faults.
static struct fault_tally tally_of(struct store_parts parts)
{
    return (struct fault_tally){parts.used, parts.broken};
}

static struct store_parts parts_of(struct fault_tally tally)
{
    return (struct store_parts){tally.all, tally.hit};
}

static struct fault_counts faults_of(const struct store_trial *t)
{
    return (struct fault_counts){
        .cells = t->cells,
        .lrs = t->lrs,
        .hrs = t->hrs,
        .word_lines = tally_of(t->word_lines),
        .bit_lines = tally_of(t->bit_lines),
        .drivers = tally_of(t->drivers),
        .adcs = tally_of(t->adcs),
    };
}

static void note(struct sweep_loop *d, const struct store_trial *t)
{
    struct sweep_loop_trial *to = &d->points[t->point].trials[t->trial];
    *to = (struct sweep_loop_trial){true, (uint32_t)t->right, faults_of(t)};
    d->done++;
}

static bool read_back(void *context, const struct store_trial *t, struct err *err)
{
    struct sweep_loop *d = context;
    if (t->point >= (int64_t)d->plan->n_points || t->trial >= d->plan->job->trials)
        return store_damaged(d->store, err,
                             "table trial has trial %" PRId64 " of point %" PRId64
                             ", which the job does not have",
                             t->trial, t->point);
    if (t->images != (int64_t)d->plan->images)
        return store_damaged(d->store, err,
                             "table trial, point %" PRId64 ", trial %" PRId64 ": images is %" PRId64
                             ", the job has %zu",
                             t->point, t->trial, t->images, d->plan->images);
    if (d->points[t->point].trials[t->trial].done)
        return store_damaged(
            d->store, err, "table trial has trial %" PRId64 " of point %" PRId64 " more than once",
            t->trial, t->point);
    note(d, t);
    return true;
}

struct counted_values {
    const struct sweep_loop *drive;
    size_t n;
};

static bool check_value(void *context, int64_t p, const char *path, const char *value,
                        struct err *err)
{
    struct counted_values *counted = context;
    const struct plan *plan = counted->drive->plan;
    counted->n++;
    for (size_t a = 0; p < (int64_t)plan->n_points && a < plan->job->sweep.n; a++)
        if (strcmp(path, job_axis(plan->job, a)->path) == 0 &&
            strcmp(value, plan->points[p].values[a]) == 0)
            return true;
    return store_damaged(counted->drive->store, err,
                         "table point_value, point %" PRId64
                         ": %.60s=%.60s is not a value of the job",
                         p, path, value);
}

// With as many rows as the job has values, each of them one of the job's, and unique keys, all
// values are present.
static bool check_values(const struct sweep_loop *d, struct err *err)
{
    struct counted_values counted = {d, 0};
    size_t n = d->plan->n_points * d->plan->job->sweep.n;
    return store_read_values(d->store, check_value, &counted, err) &&
           (counted.n == n ||
            store_damaged(d->store, err, "table point_value has %zu rows, the job has %zu values",
                          counted.n, n));
}

static bool write_job(void *context, struct err *err)
{
    const struct sweep_loop *d = context;
    const struct plan *plan = d->plan;
    struct store_job job = {plan->hash, plan->job->name, plan->keys, plan->n_keys,
                            store_trial_tables};
    if (!store_begin(d->store, &job, err))
        return false;
    if (!store_is_new(d->store))
        return check_values(d, err);
    for (size_t p = 0; p < plan->n_points; p++)
        for (size_t a = 0; a < plan->job->sweep.n; a++)
            if (!store_add_value(d->store, (int64_t)p, job_axis(plan->job, a)->path,
                                 plan->points[p].values[a], err))
                return false;
    return true;
}

struct sweep_loop *sweep_loop_create(const struct plan *plan, struct store *store, struct err *err)
{
    struct sweep_loop *d = mem_alloc(1, sizeof *d);
    size_t trials = (size_t)plan->job->trials;
    *d = (struct sweep_loop){.plan = plan, .store = store, .all = plan->n_points * trials};
    d->points = mem_alloc(plan->n_points, sizeof *d->points);
    struct sweep_loop_trial *all = mem_alloc(d->all, sizeof *all);
    for (size_t p = 0; p < plan->n_points; p++)
        d->points[p].trials = all + p * trials;
    bool ok =
        store_transaction(store, write_job, d, err) && store_read_trials(store, read_back, d, err);
    for (size_t p = 0; ok && p < plan->n_points; p++)
        ok = decide(d, p, err);
    if (ok)
        return d;
    sweep_loop_destroy(d);
    return NULL;
}

void sweep_loop_destroy(struct sweep_loop *drive)
{
    if (!drive)
        return;
    free(drive->points[0].trials);
    free(drive->points);
    free(drive);
}

bool sweep_loop_done(const struct sweep_loop *drive)
{
    return drive->done == drive->all;
}

// The next task: first those of dead workers, then points and trials in their order.
struct queue {
    struct task *again; // one per worker at most
    size_t n_again, point;
};

static bool next_task(struct sweep_loop *d, struct queue *q, struct task *task)
{
    while (q->n_again > 0) {
        *task = q->again[--q->n_again];
        if (!d->points[task->point].n)
            return true;
    }
    for (; q->point < d->plan->n_points; q->point++) {
        struct sweep_loop_point *point = &d->points[q->point];
        size_t most = (size_t)d->plan->job->trials;
        while (!point->n && point->first_free < most) {
            size_t t = point->first_free++;
            *task = (struct task){.point = q->point, .trial = t};
            if (!point->trials[t].done)
                return true;
        }
    }
    return false;
}

static bool take(struct sweep_loop *d, const struct task *task, const struct answer *answer,
                 struct err *err)
{
    const struct plan_point *point = &d->plan->points[task->point];
    if (!answer->ok)
        return err_wrap(err, &answer->err, "point %zu (%s), trial %zu: %s", task->point + 1,
                        point->label, task->trial + 1, answer->err.text);
    if (d->points[task->point].n)
        return true; // decided in the meantime
    const struct fault_counts *faults = &answer->trial.faults;
    struct store_trial t = {.point = (int64_t)task->point,
                            .trial = (int64_t)task->trial,
                            .images = (int64_t)d->plan->images,
                            .right = (int64_t)answer->trial.right,
                            .cells = faults->cells,
                            .lrs = faults->lrs,
                            .hrs = faults->hrs,
                            .word_lines = parts_of(faults->word_lines),
                            .bit_lines = parts_of(faults->bit_lines),
                            .drivers = parts_of(faults->drivers),
                            .adcs = parts_of(faults->adcs),
                            .seconds = answer->seconds};
    if (!store_add_trial(d->store, &t, err))
        return false;
    note(d, &t);
    return decide(d, task->point, err);
}

// A worker's death uses up one try of the task; it may have been killed for lack of memory.
static bool try_again(const struct sweep_loop *d, struct queue *q, struct task *task,
                      struct err *err)
{
    if (task->deaths++ > 0)
        return err_fail(err,
                        "point %zu (%s), trial %zu: two workers died while running it; provide "
                        "more memory, or use fewer --jobs, then continue with --resume",
                        task->point + 1, d->plan->points[task->point].label, task->trial + 1);
    q->again[q->n_again++] = *task;
    return true;
}

struct clock {
    double start_s, told_s;
    size_t done_at_start;
};

static void tell(const struct sweep_loop *d, const struct sweep_loop_params *params,
                 struct clock *clock)
{
    double now = clock_now_s();
    if (!params->progress || (now - clock->told_s < 0.5 && !sweep_loop_done(d)))
        return;
    clock->told_s = now;
    size_t here = d->done > clock->done_at_start ? d->done - clock->done_at_start : 0;
    params->progress(params->context, d->done, d->all, now - clock->start_s, here);
}

static bool loop(struct sweep_loop *d, const struct sweep_loop_params *params,
                 struct workers *workers, struct queue *q, struct err *err)
{
    struct clock clock = {clock_now_s(), 0, d->done};
    struct task task;
    struct answer answer;
    enum workers_event event;
    while (!*params->stop && !sweep_loop_done(d)) {
        while (workers_idle(workers) && next_task(d, q, &task))
            if (!workers_give(workers, &task, err))
                return false;
        if (!workers_wait(workers, 200, &event, &task, &answer, err))
            return false;
        if (event == WORKERS_ANSWER && !take(d, &task, &answer, err))
            return false;
        if (event == WORKERS_DIED && !try_again(d, q, &task, err))
            return false;
        tell(d, params, &clock);
    }
    return true;
}

bool sweep_loop_run(struct sweep_loop *drive, const struct sweep_loop_params *params,
                    struct err *err)
{
    struct worker_state bench = {.plan = drive->plan, .store = drive->store};
    size_t left = drive->all - drive->done;
    struct workers_params how = {
        .jobs = left < (size_t)params->jobs ? (int)left : params->jobs,
        .task_size = sizeof(struct task),
        .answer_size = sizeof(struct answer),
        .begin = begin_bench,
        .work = work,
        .context = &bench,
    };
    if (sweep_loop_done(drive))
        return true;
    if (!mem_fits_machine(drive->plan->worker_bytes * how.jobs, "a sweep with so many workers",
                          "use fewer workers", err))
        return false;
    struct workers *workers = workers_create(&how, err);
    struct queue q = {.again = mem_alloc((size_t)how.jobs, sizeof *q.again)};
    bool ok = workers && loop(drive, params, workers, &q, err);
    workers_destroy(workers);
    free(q.again);
    return ok;
}
