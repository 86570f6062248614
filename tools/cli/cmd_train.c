// bitline train JOB: trains a net on a data set.
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "nets/net.h"
#include "nets/train/trainer.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/text.h"
#include "base/warn.h"
#include "sim/chip/chip.h"
#include "tools/cli/cmd.h"
#include "tools/cli/options.h"
#include "tools/cli/job_args.h"
#include "tools/study/model_warn.h"
#include "tools/cli/progress.h"
#include "tools/train/job.h"
#include "tools/train/run.h"
#include "tools/study/version.h"
#include "base/visible.h"
#include "workloads/dataset.h"

static const struct argp_option options[] = {
    {"set", OPTION_SET, "KEY=VALUE", 0, "Override a key of the job, e.g. epochs or data", 0},
    {"out", OPTION_OUT, "DIR", 0, "Output folder (default: the name of the job)", 0},
    {"resume", OPTION_RESUME, NULL, 0, "Resume a run, or start one if the folder is empty", 0},
    {"jobs", OPTION_JOBS, "N", 0,
     "Number of threads (default: one per processor); does not change the result", 0},
    {"json", OPTION_JSON, NULL, 0, "Print one JSON object", 0},
    {0},
};
static const char doc[] =
    "Train a network as a job describes, and report its accuracy on the test images.\v"
    "Files in the output folder: weights.safetensors for `bitline eval`, metrics.csv with one row "
    "per epoch, seconds.csv with the time of each epoch, job.yaml (the resolved job), run.db "
    "(SQLite, the same rows), and the last two checkpoints. After any interruption, --resume "
    "continues to the same weights. File names in a job are relative to the job file, those in "
    "--set to the current folder. `bitline show schema train` lists the keys.\n\n"
    "A job with `supernet` trains networks of many widths that share weights. Another job extracts "
    "one of them with init and init_width, and trains it further; with epochs 0 and bn_batches "
    "above 0 it only re-estimates the batch-norm statistics.\n\n"
    "Examples:\n"
    "  bitline train train-lenet5-binary --set data=mnist:DIR\n"
    "  bitline train train-synth --set epochs=2 --out quick\n"
    "  bitline train train-synth --set chip=hawis --set perturb.stuck=true \\\n"
    "    --set chip_set.defects.stuck_hrs=0.05 --out aware\n"
    "  bitline train ./job.yaml --resume --jobs 2\n"
    "  bitline train train-synth-supernet\n"
    "  bitline train train-synth --out cut --set width=1.5x --set epochs=0 \\\n"
    "    --set bn_batches=5 --set init_width=3x \\\n"
    "    --set init=train-synth-supernet/weights.safetensors";

static error_t parse(int key, char *arg, struct argp_state *state)
{
    return job_option(state->input, key, arg, state) ? 0 : ARGP_ERR_UNKNOWN;
}

static double images_per_second(const struct run *run)
{
    uint64_t steps = trainer_state(run->trainer)->step - run->first;
    double images = (double)steps * run->job->recipe.batch;
    return run->seconds > 0 ? images / run->seconds : 0;
}

static void show_progress(const struct run *run)
{
    const struct train_state *state = trainer_state(run->trainer);
    uint64_t here = state->step - run->first, left = trainer_steps(run->trainer) - state->step;
    fprintf(stderr, "\repoch %zu/%d, step %" PRIu64 "/%" PRIu64, state->n_rows + (left > 0),
            run->job->recipe.epochs, state->step, trainer_steps(run->trainer));
    if (state->seen > 0)
        fprintf(stderr, ", accuracy %.2f %%", 100 * (double)state->right / (double)state->seen);
    fprintf(stderr, ", %.3g images/s", images_per_second(run));
    progress_left(here ? run->seconds / (double)here * (double)left : 0);
    fputs("\033[K", stderr);
    if (left == 0)
        fputc('\n', stderr);
}

// Writes null where there is no value.
static void print_number(struct jsonw *w, const char *key, double value, bool there)
{
    if (there)
        jsonw_number(w, key, value);
    else
        jsonw_string(w, key, NULL);
}

static struct warnings warnings_of(const struct run *run, size_t right)
{
    const struct train_job *job = run->job;
    struct warnings warnings = {0};
    net_warn(job->net, &warnings);
    chance_warn(
        right, job->test->n, job->test->classes,
        "the network learnt nothing; check the learning rate, the number of epochs and the images",
        &warnings);
    return warnings;
}

static void print_json(const struct run *run, size_t right, const struct warnings *warnings)
{
    const struct train_job *job = run->job;
    const struct train_state *state = trainer_state(run->trainer);
    static const struct epoch_row none = {.held_out_accuracy = -1, .smallest_accuracy = -1};
    const struct epoch_row *last = state->n_rows ? &state->rows[state->n_rows - 1] : &none;
    char hash[24];
    struct jsonw *w = jsonw_create(stdout, 2);
    jsonw_object(w, NULL);
    jsonw_string(w, "version", BITLINE_VERSION);
    jsonw_string(w, "job", job->recipe.name);
    jsonw_string(w, "net", job->net->name);
    jsonw_string(w, "form", net_form_names[job->net->form]);
    jsonw_string(w, "width", job->net->width);
    snprintf(hash, sizeof hash, "%016" PRIx64, job->net->hash);
    jsonw_string(w, "net_hash", hash);
    snprintf(hash, sizeof hash, "%016" PRIx64,
             weights_hash(job->net, trainer_weights(run->trainer)));
    jsonw_string(w, "weights_hash", hash);
    jsonw_string(w, "chip", job->chip ? job->chip->name : NULL);
    jsonw_string(w, "data", job->data->name);
    jsonw_string(w, "backend", job->backend->name);
    jsonw_string(w, "precision", operand_names[job->recipe.precision]);
    jsonw_int(w, "seed", job->recipe.seed);
    jsonw_int(w, "epochs", (int64_t)state->n_rows);
    jsonw_int(w, "steps", (int64_t)state->step);
    print_number(w, "loss", last->loss, state->n_rows);
    print_number(w, "train_accuracy", last->train_accuracy, state->n_rows);
    print_number(w, "held_out_accuracy", last->held_out_accuracy, last->held_out_accuracy >= 0);
    if (job->recipe.has_supernet)
        print_number(w, "smallest_accuracy", last->smallest_accuracy, last->smallest_accuracy >= 0);
    jsonw_number(w, "test_accuracy", (double)right / (double)job->test->n);
    jsonw_int(w, "test_images", (int64_t)job->test->n);
    jsonw_int(w, "bytes", (int64_t)trainer_bytes(run->trainer));
    print_number(w, "images_per_second", images_per_second(run), run->seconds > 0);
    warnings_json(warnings, w);
    jsonw_end(w);
    jsonw_destroy(w);
}

static void cell_accuracy(struct table *table, double accuracy)
{
    if (accuracy >= 0)
        table_cell(table, "%.2f %%", 100 * accuracy);
    else
        table_cell(table, "-");
}

static void print_epochs(const struct train_state *state, bool supernet)
{
    static const char *const headers[] = {
        ">epoch", ">loss", ">train accuracy", ">held-out accuracy", ">learning rate", ">s", NULL};
    static const char *const supernet_headers[] = {
        ">epoch",         ">loss", ">train accuracy", ">held-out accuracy",
        ">learning rate", ">s",    ">smallest",       NULL};
    struct table *table = table_create(supernet ? supernet_headers : headers);
    for (size_t i = 0; i < state->n_rows; i++) {
        const struct epoch_row *row = &state->rows[i];
        table_cell(table, "%zu", i + 1);
        table_cell(table, "%.4f", row->loss);
        table_cell(table, "%.2f %%", 100 * row->train_accuracy);
        cell_accuracy(table, row->held_out_accuracy);
        table_cell(table, "%.4g", row->rate);
        table_cell(table, "%.1f", row->seconds);
        if (supernet)
            cell_accuracy(table, row->smallest_accuracy);
    }
    table_print(table, stdout);
    table_destroy(table);
}

static void print_text(const struct run *run, size_t right)
{
    const struct train_job *job = run->job;
    const struct recipe *r = &job->recipe;
    printf("bitline %s\n", BITLINE_VERSION);
    printf("job      %s, seed %d\n", visible(job->recipe.name), job->recipe.seed);
    printf("net      %s, %s, width %s [%016" PRIx64 "]\n", visible(job->net->name),
           net_form_names[job->net->form], visible(job->net->width), job->net->hash);
    if (job->chip)
        printf("chip     %s, modelled:%s%s%s; new sample: %s\n", visible(job->chip_text),
               r->perturb.variation ? " variation" : "", r->perturb.stuck ? " stuck" : "",
               r->perturb.adc ? " adc" : "", recipe_redraw_names[r->perturb.redraw]);
    printf("data     %s, %zu training images\n", job->data->name, job->data->n);
    printf("backend  %s %s, %s, %.1f MB\n\n", job->backend->name, job->backend->version(),
           operand_names[job->recipe.precision], (double)trainer_bytes(run->trainer) / 1e6);
    if (job->recipe.epochs > 0) {
        print_epochs(trainer_state(run->trainer), job->recipe.has_supernet);
        putchar('\n');
    }
    printf("accuracy %.2f %% of %zu test images, inference in floating point%s\n",
           100 * (double)right / (double)job->test->n, job->test->n,
           job->chip ? ", with the modelled chip effects" : "");
    if (run->seconds > 0)
        printf("speed    %.0f images/s\n", images_per_second(run));
    printf(
        "files    %s/weights.safetensors, metrics.csv, seconds.csv, job.yaml, checkpoint, run.db\n",
        visible(run->folder));
}

static int leave_off(const struct job_args *a, const struct run *run)
{
    fprintf(stderr,
            "%sbitline: stopped after %" PRIu64 " of %" PRIu64
            " steps, saved in %s/checkpoint; continue with the same command and --resume\n",
            isatty(STDERR_FILENO) ? "\n" : "", trainer_state(run->trainer)->step,
            trainer_steps(run->trainer), visible(run->folder));
    return job_left_off(a);
}

static int work(struct job_args *a, struct run *run)
{
    if (!run_train(run, a->stop, isatty(STDERR_FILENO) ? show_progress : NULL, &a->err))
        return EXIT_FAILED;
    if (!trainer_done(run->trainer))
        return leave_off(a, run);
    if (!run_export(run, &a->err))
        return EXIT_FAILED;
    size_t right = trainer_right(run->trainer, run->job->test);
    struct warnings warnings = warnings_of(run, right);
    if (a->json)
        print_json(run, right, &warnings);
    else
        print_text(run, right);
    int code = cli_finish_warned(EXIT_OK, &warnings);
    warnings_fini(&warnings);
    return code;
}

static int train(struct job_args *a, const struct train_job *job)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct run_options run_options = {
        .folder = a->out ? a->out : job->recipe.name,
        .resume = a->resume,
        .workers = a->jobs            ? a->jobs
                   : processors < 1   ? 1
                   : processors > 256 ? 256
                                      : (int)processors,
    };
    struct err warning = {0};
    struct run *run = NULL;
    job_catch_signals(a);
    if (!run_open(job, &run_options, &run, &warning, &a->err))
        return EXIT_FAILED;
    if (warning.text[0])
        cli_say("resuming from the previous checkpoint: ", warning.text);
    int code = work(a, run);
    struct err note = {0};
    run_close(run, &note, &a->err);
    if (note.text[0])
        cli_say("", note.text);
    return code;
}

int cmd_train(int argc, char **argv)
{
    static const struct argp argp = {options, parse, "JOB", doc, 0, 0, 0};
    static char name[] = "bitline train";
    struct job_args a = {0};
    struct train_job *job = NULL;
    argv[0] = name;
    options_run(&argp, argc, argv, 0, &a);
    int code = EXIT_FAILED;
    if (!a.err.text[0] && train_job_load(a.job, a.inputs.sets, a.inputs.n_sets, &job, &a.err))
        code = train(&a, job);
    if (a.err.text[0])
        code = cli_refuse(&a.err);
    train_job_destroy(job);
    return code;
}
