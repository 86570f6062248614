#include "tools/cli/search_command.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nets/net.h"
#include "nets/train/trainer.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "sim/chip/chip.h"
#include "tools/cli/cmd.h"
#include "tools/cli/options.h"
#include "tools/cli/job_args.h"
#include "tools/cli/progress.h"
#include "tools/cli/print_search.h"
#include "tools/search/agents/agent.h"
#include "tools/search/subprocess.h"
#include "tools/search/search_loop.h"
#include "tools/search/export.h"
#include "tools/search/retrain.h"
#include "tools/search/job.h"
#include "tools/search/supernet_accuracy.h"
#include "tools/study/store.h"
#include "tools/train/job.h"
#include "tools/train/run.h"
#include "tools/study/version.h"
#include "base/visible.h"

enum { OPTION_AGENT = OPTION_OWN, OPTION_EPISODES, OPTION_SEED, OPTION_STAGE };

static const struct argp_option options[] = {
    {"set", OPTION_SET, "KEY=VALUE", 0, "Override a key of the job, e.g. reward.lambda=3", 0},
    {"agent", OPTION_AGENT, "AGENT", 0,
     "ddpg, ddpg-haq, random, evolution, nsga2, cmaes or greedy (default: the job's)", 0},
    {"episodes", OPTION_EPISODES, "N", 0, "Total number of candidates (default: the job's)", 0},
    {"seed", OPTION_SEED, "N", 0, "Random seed (default: the job's)", 0},
    {"stage", OPTION_STAGE, "STAGE", 0,
     "Run one stage only: a (train the super-net), b (search with the super-net of stage a) or c "
     "(train the best networks from scratch). Default: all stages of the job",
     0},
    {"out", OPTION_OUT, "DIR", 0, "Output folder (default: the name of the job)", 0},
    {"resume", OPTION_RESUME, NULL, 0, "Resume a search, or start one if the folder is empty", 0},
    {"jobs", OPTION_JOBS, "N", 0,
     "Number of worker processes (default: the job's); does not change the result", 0},
    {"json", OPTION_JSON, NULL, 0, "Print one JSON object", 0},
    {0},
};
enum { N_OPTIONS = sizeof options / sizeof *options };

struct args {
    struct job_args job;
    const struct search_command *command;
    char sets[3][64]; // from the options
    size_t n_sets;
    char stage; // 0: all stages of the job
};

// Options that are shorthand for keys of the job; they override --set.
static void set_key(struct args *a, const char *key, const char *value)
{
    if (strlen(value) > 40) {
        err_set(&a->job.err, "--%s %.40s...: too long", key, value);
        return;
    }
    char *set = a->sets[a->n_sets++ % 3];
    snprintf(set, sizeof a->sets[0], "%s=%s", key, value);
    options_parse(&a->job.inputs, OPTION_SET, set, &a->job.err);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct args *a = state->input;
    switch (key) {
    case OPTION_AGENT:
        set_key(a, "agent", arg);
        return 0;
    case OPTION_EPISODES:
        job_number("episodes", arg, 1, SEARCH_MAX_EPISODES, &a->job.err);
        set_key(a, "episodes", arg);
        return 0;
    case OPTION_SEED:
        job_number("seed", arg, 0, INT32_MAX, &a->job.err);
        set_key(a, "seed", arg);
        return 0;
    case OPTION_STAGE:
        if (strcmp(arg, "a") != 0 && strcmp(arg, "b") != 0 && strcmp(arg, "c") != 0)
            err_set(&a->job.err, "--stage %.20s: expected a, b or c", arg);
        a->stage = *arg;
        return 0;
    case OPTION_JOBS:
        if (!a->command->workers)
            return job_option(&a->job, key, arg, state) ? 0 : ARGP_ERR_UNKNOWN;
        err_set(&a->job.err,
                "--jobs %.20s: the ranks that mpirun starts are the workers; set their "
                "number with mpirun -n, and remove --jobs",
                arg);
        return 0;
    case ARGP_KEY_END:
        if (!a->job.job)
            a->job.job = "search-synth";
        return 0;
    default:
        return job_option(&a->job, key, arg, state) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

static void show_progress(void *context, const struct search *s, double seconds, size_t here)
{
    (void)context;
    size_t all = (size_t)s->job->episodes;
    const struct search_episode *best = search_best(s);
    fprintf(stderr, "\repisode %zu/%zu", s->done, all);
    if (best)
        fprintf(stderr, ", best: reward %.4g, %saccuracy %.2f %%, %.4g uJ", best->judged.reward,
                search_assumes(s) ? "assumed " : "", 100 * best->accuracy,
                1e6 * best->cost.of[COST_ENERGY]);
    if (here > 0)
        progress_left((double)(all - s->done) * seconds / (double)here);
    fputs("\033[K", stderr);
    if (s->done == all)
        fputc('\n', stderr);
}

static int leave_off(const struct job_args *a, const struct search *s, const char *folder)
{
    fprintf(stderr,
            "%sbitline: stopped after %zu of %d episodes, saved in %s/search.db; continue "
            "with the same command and --resume\n",
            isatty(STDERR_FILENO) ? "\n" : "", s->done, s->job->episodes, visible(folder));
    return job_left_off(a);
}

static void show_training(const struct run *run)
{
    const struct train_state *state = trainer_state(run->trainer);
    uint64_t here = state->step - run->first, left = trainer_steps(run->trainer) - state->step;
    long seconds = here ? (long)(run->seconds / (double)here * (double)left + 0.5) : 0;
    fprintf(stderr, "\rtraining, epoch %zu/%d, step %" PRIu64 "/%" PRIu64,
            state->n_rows + (left > 0), run->job->recipe.epochs, state->step,
            trainer_steps(run->trainer));
    if (state->seen > 0)
        fprintf(stderr, ", accuracy %.2f %%", 100 * (double)state->right / (double)state->seen);
    fprintf(stderr, ", %ld:%02ld:%02ld left\033[K", seconds / 3600, seconds / 60 % 60,
            seconds % 60);
    if (left == 0)
        fputc('\n', stderr);
}

static void leave_store(void *store)
{
    store_leave(store);
}

// The number of training threads, and of workers unless they are MPI ranks.
static int jobs_of(const struct args *a, const struct search *s)
{
    return a->job.jobs ? a->job.jobs : s->job->jobs;
}

static struct subprocess training(const struct args *a, const struct search *s, struct store *store)
{
    return (struct subprocess){
        .threads = jobs_of(a, s),
        .stop = a->job.stop,
        .begin = leave_store,
        .context = store,
        .progress = isatty(STDERR_FILENO) ? show_training : NULL,
    };
}

// False: the command ends here with exit code *code.
static bool train_first(struct args *a, struct search *s, struct store *store, const char *folder,
                        int *code)
{
    struct subprocess how = training(a, s, store);
    struct trained trained = {0};
    *code = EXIT_FAILED;
    if (!supernet_accuracy_train(s->stages, folder, &how, &trained, &a->job.err))
        return false;
    if (trained.warning.text[0])
        cli_say("resuming from the previous checkpoint: ", trained.warning.text);
    if (!trained.done) {
        fprintf(stderr,
                "%sbitline: stopped in stage a, saved in %s/stage-a; continue with the same "
                "command and --resume\n",
                isatty(STDERR_FILENO) ? "\n" : "", visible(folder));
        *code = job_left_off(&a->job);
        return false;
    }
    if (a->stage != 'a')
        return true;
    printf("files    %s/stage-a/weights.safetensors, metrics.csv; continue with --resume\n",
           visible(folder));
    *code = EXIT_OK;
    return false;
}

static bool write_all(struct args *a, const struct search *s, const char *folder, bool *drawn)
{
    struct err why = {0};
    if (!search_export(s, folder, BITLINE_VERSION, &a->job.err) ||
        !search_plot(s, folder, a->job.stop, drawn, &why, &a->job.err))
        return false;
    if (!*drawn)
        cli_say("", why.text);
    return true;
}

static void announce(const char *net, int run)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "stage c, %s, run %d\n", visible(net), run);
}

// Stage C, if the job has one, and its plot.
static bool train_last(struct args *a, const struct search *s, struct store *store,
                       const char *folder, bool *drawn, bool *done, struct finals **out)
{
    struct subprocess how = training(a, s, store);
    struct err why = {0};
    *done = true;
    if (!s->job->has_final || a->stage == 'b')
        return true;
    if (!retrain_run(s, folder, BITLINE_VERSION, &how, announce, done, out, &a->job.err))
        return false;
    if (!*done)
        return true;
    if (!search_plot_final(s, *out, folder, a->job.stop, drawn, &why, &a->job.err))
        return false;
    if (!*drawn)
        cli_say("", why.text);
    return true;
}

// Stage C and its messages.
static int finish(struct args *a, const struct search *s, struct store *store, const char *folder)
{
    bool drawn = false, retrain_drawn = true, done = true;
    const char *why;
    if (!search_best(s)) {
        bool ok = search_export(s, folder, BITLINE_VERSION, &a->job.err);
        search_failed(s, &why);
        if (ok)
            err_fail(&a->job.err, "all %d candidates failed; the first: %s", s->job->episodes, why);
        return EXIT_FAILED;
    }
    struct finals *finals = NULL;
    if (!write_all(a, s, folder, &drawn) ||
        !train_last(a, s, store, folder, &retrain_drawn, &done, &finals)) {
        finals_destroy(finals);
        return EXIT_FAILED;
    }
    if (!done)
        fprintf(stderr,
                "%sbitline: stopped in stage c, saved in %s/stage-c; continue with the same "
                "command and --resume\n",
                isatty(STDERR_FILENO) ? "\n" : "", visible(folder));
    else if (a->job.json)
        search_json(s, finals, BITLINE_VERSION, stdout);
    else
        print_search(s, finals, folder, drawn, retrain_drawn);
    finals_destroy(finals);
    // A signal during plotting loses the plots, not the results.
    return done && ((drawn && retrain_drawn) || !*a->job.stop) ? EXIT_OK : job_left_off(&a->job);
}

static int work(struct args *a, struct search *s, struct store *store, const char *folder)
{
    int code = EXIT_OK;
    bool trains =
        s->stages && supernet_accuracy_trains(s->stages) && (!a->stage || a->stage == 'a');
    struct search_params params = {
        .jobs = a->command->workers ? a->command->workers : jobs_of(a, s),
        .start_workers = a->command->start_workers,
        .context = a->command->context,
        .stop = a->job.stop,
        .progress = isatty(STDERR_FILENO) ? show_progress : NULL,
    };
    if (trains && !train_first(a, s, store, folder, &code))
        return code;
    if ((s->stages && !supernet_accuracy_load(s->stages, folder, jobs_of(a, s), &a->job.err)) ||
        !search_begin(s, store, &a->job.err))
        return EXIT_FAILED;
    if (a->stage == 'c' && s->done < (size_t)s->job->episodes) {
        err_set(&a->job.err, "--stage c: %zu of %d episodes are done; run --stage b first", s->done,
                s->job->episodes);
        return EXIT_FAILED;
    }
    if (!search_run(s, &params, &a->job.err))
        return EXIT_FAILED;
    if (!search_done(s))
        return leave_off(&a->job, s, folder);
    if (!store_in_place(store, &a->job.err))
        return EXIT_FAILED;
    return finish(a, s, store, folder);
}

static const char *folder_of(const struct args *a, const struct search *s)
{
    return a->job.out ? a->job.out : s->job->name;
}

static bool check_stage(struct args *a, const struct search *s)
{
    if (!a->stage)
        return true;
    if (a->stage == 'c' && !s->job->has_final)
        return err_set(&a->job.err,
                       "--stage c: job '%s' has no section final, which says how to train "
                       "its networks; add one, such as {train: JOB}",
                       s->job->name);
    if (a->stage == 'a' && !s->stages)
        return err_set(&a->job.err,
                       "--stage a: the accuracy of job '%s' does not come from a super-net; "
                       "remove --stage",
                       s->job->name);
    if (a->stage == 'a')
        return supernet_accuracy_trains(s->stages) ||
               err_set(&a->job.err, "--stage a: the job sets the super-net's weights; remove "
                                    "accuracy.supernet.weights or --stage");
    const char *path = s->stages ? supernet_accuracy_weights(s->stages, folder_of(a, s)) : NULL;
    return !path || access(path, F_OK) == 0 ||
           err_set(&a->job.err, "--stage %c: %s is missing; run --stage a first", a->stage, path);
}

static int search(struct args *a, struct search *s)
{
    const char *folder = folder_of(a, s);
    if (!search_export_check(s, folder, &a->job.err) || !file_make_folder(folder, &a->job.err))
        return EXIT_FAILED;
    job_catch_signals(&a->job);
    struct store *store = store_open(folder, "search.db", a->job.resume, &a->job.err);
    if (!store)
        return EXIT_FAILED;
    int code = work(a, s, store, folder);
    struct err note = {0};
    store_close(store, &note, &a->job.err);
    if (note.text[0])
        cli_say("", note.text);
    return code;
}

// Leaves --jobs out of --help where it is refused.
static void list_options(const struct search_command *command, struct argp_option *list)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        list[i] = options[i];
        if (command->workers && list[i].key == OPTION_JOBS)
            list[i].flags = OPTION_HIDDEN;
    }
}

static bool load(struct args *a, struct search_job **job, struct search **search)
{
    return !a->job.err.text[0] &&
           search_job_load(a->job.job, a->job.inputs.sets, a->job.inputs.n_sets, job,
                           &a->job.err) &&
           search_create(*job, search, &a->job.err);
}

int search_command(int argc, char **argv, const struct search_command *command)
{
    struct argp_option list[N_OPTIONS];
    const struct argp argp = {list, parse, "[JOB]", command->doc, 0, 0, 0};
    struct args a = {.command = command};
    struct search_job *job = NULL;
    struct search *s = NULL;
    list_options(command, list);
    options_run(&argp, argc, argv, 0, &a);
    int code = EXIT_FAILED;
    if (load(&a, &job, &s) && check_stage(&a, s))
        code = search(&a, s);
    if (a.job.err.text[0])
        code = cli_refuse(&a.job.err);
    if (code == EXIT_OK)
        code = cli_finish_warned(code, &s->warnings);
    search_destroy(s);
    search_job_destroy(job);
    return code;
}

struct search *search_command_open(int argc, char **argv, const struct search_command *command,
                                   struct err *err)
{
    static const struct argp argp = {options, parse, 0, 0, 0, 0, 0};
    struct args a = {.command = command};
    struct search_job *job = NULL;
    struct search *s = NULL;
    options_run(&argp, argc, argv, ARGP_SILENT, &a);
    if (load(&a, &job, &s) &&
        (!s->stages || supernet_accuracy_load(s->stages, folder_of(&a, s), 1, &a.job.err)))
        return s;
    *err = a.job.err;
    search_destroy(s);
    search_job_destroy(job);
    return NULL;
}
