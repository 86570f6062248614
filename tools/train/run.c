#include "tools/train/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nets/train/recipe.h"
#include "nets/train/trainer.h"
#include "nets/weights.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sim/crossbar/perturb.h"
#include "tools/study/store.h"
#include "tools/train/job.h"

// The identity's lines as keys of the store.
static size_t split_identity(const struct run *run, struct store_key **out)
{
    size_t n = 0;
    char *text = arena_strdup(run->mem, run->identity);
    struct store_key *keys = arena_alloc(run->mem, strlen(text), sizeof *keys);
    for (char *at = text, *end; *at; at = end + 1) {
        char *blank = at + strcspn(at, " ");
        end = at + strcspn(at, "\n");
        *blank = *end = 0;
        keys[n++] = (struct store_key){at, blank + 1};
    }
    *out = keys;
    return n;
}

static bool begin_store(void *context, struct err *err)
{
    const struct run *run = context;
    struct store_key *keys;
    size_t n = split_identity(run, &keys);
    uint64_t hash = hash_bytes(HASH_START, run->identity, strlen(run->identity));
    struct store_job job = {
        .hash = arena_printf(run->mem, "%016" PRIx64, hash),
        .name = run->job->recipe.name,
        .keys = keys,
        .n_keys = n,
        .tables = store_epoch_tables,
    };
    return store_begin(run->store, &job, err);
}

static bool add_epoch(const struct run *run, size_t i, struct err *err)
{
    const struct epoch_row *row = &trainer_state(run->trainer)->rows[i];
    struct store_epoch epoch = {
        .epoch = (int64_t)i + 1,
        .loss = row->loss,
        .train_accuracy = row->train_accuracy,
        .held_out_accuracy = row->held_out_accuracy,
        .rate = row->rate,
        .seconds = row->seconds,
        .smallest_accuracy = row->smallest_accuracy,
    };
    return store_add_epoch(run->store, &epoch, err);
}

// The checkpoint counts: the store may be an epoch before or behind it.
static bool go_on(struct run *run, struct err *warning, struct err *err)
{
    struct train_state *state = trainer_state(run->trainer);
    enum checkpoint_found found = checkpoint_find(run->folder, run->identity, state, warning, err);
    if (found == CHECKPOINT_DAMAGED || found == CHECKPOINT_REFUSED)
        return false;
    run->first = state->step;
    if (!store_drop_epochs(run->store, 1, err))
        return false;
    for (size_t i = 0; i < state->n_rows; i++)
        if (!add_epoch(run, i, err))
            return false;
    return true;
}

static bool check_folder(const struct run *run, bool resume, struct err *err)
{
    const char *path = arena_printf(run->mem, "%s/checkpoint", run->folder);
    return resume || access(path, F_OK) != 0 ||
           err_set(err,
                   "%s: already holds a run; continue it with --resume, or choose another --out",
                   path);
}

static bool write_job(const struct run *run, struct err *err)
{
    struct file_out *out = file_create(arena_printf(run->mem, "%s/job.yaml", run->folder), err);
    if (!out)
        return false;
    conf_print(run->job->conf->root, recipe_fields, false, file_stream(out));
    return file_commit(out, err);
}

static void set_redraw(const struct run *run)
{
    const struct train_job *job = run->job;
    uint64_t steps[] = {
        [REDRAW_NEVER] = 0, [REDRAW_EPOCH] = trainer_epoch_steps(run->trainer), [REDRAW_STEP] = 1};
    if (job->perturbation)
        perturb_redraw(job->perturbation, steps[job->recipe.perturb.redraw]);
}

static const char *const outputs[] = {"job.yaml", "metrics.csv", "seconds.csv",
                                      "weights.safetensors", NULL};

bool run_open(const struct train_job *job, const struct run_options *options, struct run **out,
              struct err *warning, struct err *err)
{
    struct run *run = mem_alloc(1, sizeof *run);
    *run = (struct run){.job = job, .folder = options->folder, .mem = arena_create()};
    struct trainer_params params = {
        .net = job->net,
        .recipe = &job->recipe,
        .data = job->data,
        .backend = job->backend,
        .workers = options->workers,
        .init = job->init,
        .init_net = job->init_net,
        .teacher = job->teacher,
        .teacher_weights = job->teacher_weights,
        .resize = {train_job_resize, job},
        .perturb = job->perturbation ? perturb_hooks(job->perturbation) : NULL,
        .chip = job->chip_text,
    };
    if (trainer_create(&params, &run->trainer, err) && file_make_folder(run->folder, err) &&
        check_folder(run, options->resume, err) && file_try_all(run->folder, outputs, err)) {
        set_redraw(run);
        run->identity = trainer_identity(&params, run->mem);
        run->store = store_open(run->folder, "run.db", options->resume, err);
    }
    if (run->store && store_transaction(run->store, begin_store, run, err) &&
        go_on(run, warning, err) && write_job(run, err)) {
        *out = run;
        return true;
    }
    run_close(run, NULL, NULL);
    return false;
}

bool run_close(struct run *run, struct err *note, struct err *err)
{
    if (!run)
        return true;
    bool ok = store_close(run->store, note, err);
    trainer_destroy(run->trainer);
    arena_destroy(run->mem);
    free(run);
    return ok;
}

static bool write_checkpoint(const struct run *run, struct err *err)
{
    return checkpoint_write(run->folder, run->identity, trainer_state(run->trainer), err);
}

// Whether a checkpoint is due `steps` and `seconds` after the last.
static bool is_due(const struct run *run, uint64_t steps, double seconds)
{
    const struct recipe_checkpoint *when = &run->job->recipe.checkpoint;
    return (when->steps && steps >= (uint64_t)when->steps) ||
           (when->seconds && seconds >= when->seconds);
}

static bool end_epoch(const struct run *run, struct err *err)
{
    const struct train_state *state = trainer_state(run->trainer);
    return add_epoch(run, state->n_rows - 1, err) &&
           trainer_metrics(run->folder, state, run->job->recipe.has_supernet, err);
}

bool run_train(struct run *run, const volatile sig_atomic_t *stop,
               void (*progress)(const struct run *run), struct err *err)
{
    struct train_state *state = trainer_state(run->trainer);
    double start = clock_now_s(), written = start;
    uint64_t written_at = state->step;
    while (!trainer_done(run->trainer) && !*stop) {
        size_t rows = state->n_rows;
        if (!trainer_step(run->trainer, err))
            return false;
        run->seconds = clock_now_s() - start;
        if (state->n_rows > rows && !end_epoch(run, err))
            return false;
        if (state->n_rows > rows ||
            is_due(run, state->step - written_at, start + run->seconds - written)) {
            if (!write_checkpoint(run, err))
                return false;
            written_at = state->step;
            written = clock_now_s();
        }
        if (progress)
            progress(run);
    }
    return (written_at == state->step && state->step > run->first) || write_checkpoint(run, err);
}

bool run_export(const struct run *run, struct err *err)
{
    const char *path = arena_printf(run->mem, "%s/weights.safetensors", run->folder);
    return store_in_place(run->store, err) &&
           trainer_metrics(run->folder, trainer_state(run->trainer), run->job->recipe.has_supernet,
                           err) &&
           weights_save(path, run->job->net, trainer_weights(run->trainer), err);
}
