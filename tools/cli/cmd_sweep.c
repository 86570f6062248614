// bitline sweep JOB.yaml: accuracy over defect rates, or any key of chip or net.
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "tools/cli/cmd.h"
#include "tools/cli/options.h"
#include "tools/cli/job_args.h"
#include "tools/cli/progress.h"
#include "tools/study/store.h"
#include "tools/sweep/sweep_loop.h"
#include "tools/sweep/export.h"
#include "tools/sweep/job.h"
#include "tools/sweep/plan.h"
#include "tools/study/version.h"
#include "base/visible.h"

static const struct argp_option options[] = {
    {"set", OPTION_SET, "KEY=VALUE", 0, "Override a key of the job, e.g. trials or weights", 0},
    {"out", OPTION_OUT, "DIR", 0, "Output folder (default: the name of the job)", 0},
    {"resume", OPTION_RESUME, NULL, 0, "Resume a run, or start one if the folder is empty", 0},
    {"jobs", OPTION_JOBS, "N", 0,
     "Number of worker processes (default: the job's); does not change the result", 0},
    {"json", OPTION_JSON, NULL, 0, "Print points.json", 0},
    {0},
};
static const char doc[] =
    "Run a sweep: accuracy over fault rates, or over any key of the chip or the network, with "
    "repeated trials and 95 % confidence intervals.\v"
    "Files in the output folder: run.db (SQLite; every trial is stored when it ends), points.csv, "
    "points.json, job.yaml (the resolved job), and accuracy.svg with its data and gnuplot script. "
    "After any interruption, --resume continues to the same files. File names in a job are "
    "relative "
    "to the job file, those in --set to the current folder. `bitline show schema workload` lists "
    "the keys.\n\n"
    "Examples:\n"
    "  bitline sweep figure3-sa0 --set weights=w.safetensors --set data=cifar10:DIR\n"
    "  bitline sweep ./job.yaml --set trials=3 --set images=100 --out quick\n"
    "  bitline sweep ./job.yaml --resume --jobs 2";

static error_t parse(int key, char *arg, struct argp_state *state)
{
    return job_option(state->input, key, arg, state) ? 0 : ARGP_ERR_UNKNOWN;
}

static void show_progress(void *context, size_t done, size_t all, double seconds, size_t here)
{
    (void)context;
    double rate = seconds > 0 ? (double)here / seconds : 0;
    fprintf(stderr, "\r%zu/%zu trials", done, all);
    if (here > 0) {
        fprintf(stderr, ", %.3g/s", rate);
        progress_left((double)(all - done) / rate);
    }
    fputs("\033[K", stderr);
    if (done == all)
        fputc('\n', stderr);
}

static void print_point(const struct sweep_loop *d, size_t p, const bool shown[FAULTS_PARTS],
                        struct table *table)
{
    struct export_point e = export_point(d, p);
    struct faults_part parts[FAULTS_PARTS];
    for (size_t a = 0; a < d->plan->job->sweep.n; a++)
        table_cell(table, "%s", d->plan->points[p].values[a]);
    table_cell(table, "%zu", e.n);
    table_cell(table, "%.2f %%", 100 * e.mean);
    if (e.n > 1) {
        table_cell(table, "%.2f", 100 * e.deviation);
        table_cell(table, "+-%.2f", 100 * e.interval);
    } else {
        table_cell(table, "-");
        table_cell(table, "-");
    }
    table_cell(table, "%" PRId64, e.faults.lrs);
    table_cell(table, "%" PRId64, e.faults.hrs);
    struct chip_sample sample = plan_sample(d->plan, p, 0);
    faults_list(&sample.defects, &e.faults, parts);
    for (int i = 0; i < FAULTS_PARTS; i++)
        if (shown[i])
            table_cell(table, "%" PRId64, parts[i].tally.hit);
}

static void print_points(const struct sweep_loop *d)
{
    const struct job *job = d->plan->job;
    const char *headers[JOB_MAX_AXES + FAULTS_PARTS + 7] = {0};
    char names[JOB_MAX_AXES + FAULTS_PARTS][120];
    bool shown[FAULTS_PARTS];
    size_t n = 0;
    for (; n < job->sweep.n; n++) {
        snprintf(names[n], sizeof names[n], ">%s", job_axis(job, n)->path);
        headers[n] = names[n];
    }
    static const char *const rest[] = {">trials",        ">accuracy",       ">deviation",
                                       ">95 % interval", ">stuck at low R", ">stuck at high R"};
    memcpy(headers + n, rest, sizeof rest);
    size_t last = n + sizeof rest / sizeof *rest;
    struct faults_part parts[FAULTS_PARTS];
    export_parts(d, shown);
    faults_list(&d->plan->variants->defects, &(struct fault_counts){0}, parts);
    for (int i = 0; i < FAULTS_PARTS; i++)
        if (shown[i]) {
            snprintf(names[n], sizeof names[n], ">%s", parts[i].words);
            headers[last++] = names[n++];
        }
    struct table *table = table_create(headers);
    for (size_t p = 0; p < d->plan->n_points; p++)
        print_point(d, p, shown, table);
    table_print(table, stdout);
    table_destroy(table);
}

// Returns the exit code. A signal during plotting loses the plot, not the results.
static int write_all(struct job_args *a, const struct sweep_loop *d, const char *folder)
{
    struct export_params params = {folder, BITLINE_VERSION, a->stop};
    struct err why = {0};
    bool drawn = false;
    if (!export_tables(d, &params, &a->err) || !export_plot(d, &params, &drawn, &why, &a->err))
        return EXIT_FAILED;
    if (!drawn)
        cli_say("", why.text);
    int code = !drawn && *a->stop ? job_left_off(a) : EXIT_OK;
    if (a->json) {
        export_json(d, BITLINE_VERSION, stdout);
        return code;
    }
    printf("bitline %s\n", BITLINE_VERSION);
    printf("job      %s [%s], seed %d\n", visible(d->plan->job->name), d->plan->hash,
           d->plan->job->seed);
    printf("net      %s, %s, on chip %s; %zu images of %s\n\n", visible(d->plan->net),
           visible(d->plan->form), visible(d->plan->chip), d->plan->images,
           visible(d->plan->data_name));
    print_points(d);
    printf("\nfiles    %s/points.csv, points.json, job.yaml, accuracy.dat, accuracy.gp%s, run.db\n",
           visible(folder), drawn ? ", accuracy.svg" : "");
    return code;
}

static int leave_off(const struct job_args *a, const struct sweep_loop *d, const char *folder)
{
    fprintf(stderr,
            "%sbitline: stopped with %zu of %zu trials done, all of them in %s/run.db; go on with "
            "the same command and --resume\n",
            isatty(STDERR_FILENO) ? "\n" : "", d->done, d->all, visible(folder));
    return job_left_off(a);
}

static int work(struct job_args *a, const struct plan *plan, struct store *store,
                const char *folder)
{
    struct sweep_loop_params params = {
        .jobs = a->jobs ? a->jobs : plan->job->jobs,
        .stop = a->stop,
        .progress = isatty(STDERR_FILENO) ? show_progress : NULL,
    };
    struct sweep_loop *drive = sweep_loop_create(plan, store, &a->err);
    int code = EXIT_FAILED;
    if (drive && sweep_loop_run(drive, &params, &a->err)) {
        if (!sweep_loop_done(drive))
            code = leave_off(a, drive, folder);
        else if (store_in_place(store, &a->err))
            code = write_all(a, drive, folder);
    }
    sweep_loop_destroy(drive);
    return code;
}

static int sweep(struct job_args *a, const struct job *job, const struct plan *plan)
{
    const char *folder = a->out ? a->out : job->name;
    static const char *const names[] = {"points.csv",   "points.json", "job.yaml", "accuracy.dat",
                                        "accuracy.svg", "accuracy.gp", NULL};
    if (!file_try_all(folder, names, &a->err) || !file_make_folder(folder, &a->err))
        return EXIT_FAILED;
    job_catch_signals(a);
    struct store *store = store_open(folder, "run.db", a->resume, &a->err);
    if (!store)
        return EXIT_FAILED;
    int code = work(a, plan, store, folder);
    struct err note = {0};
    store_close(store, &note, &a->err);
    if (note.text[0])
        cli_say("", note.text);
    return code;
}

int cmd_sweep(int argc, char **argv)
{
    static const struct argp argp = {options, parse, "JOB", doc, 0, 0, 0};
    static char name[] = "bitline sweep";
    struct job_args a = {0};
    struct job *job = NULL;
    struct plan *plan = NULL;
    argv[0] = name;
    options_run(&argp, argc, argv, 0, &a);
    int code = EXIT_FAILED;
    if (!a.err.text[0] && job_load(a.job, a.inputs.sets, a.inputs.n_sets, &job, &a.err) &&
        plan_create(job, progress_checked, &plan, &a.err))
        code = sweep(&a, job, plan);
    if (a.err.text[0])
        code = cli_refuse(&a.err);
    if (code == EXIT_OK)
        code = cli_finish_warned(code, &plan->warnings);
    plan_destroy(plan);
    job_destroy(job);
    return code;
}
