// bitline search JOB: better widths, by whom the job names.
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nets/net.h"
#include "sim/base/err.h"
#include "sim/base/file.h"
#include "sim/base/mem.h"
#include "sim/base/text.h"
#include "sim/chip/chip.h"
#include "tools/cmd.h"
#include "tools/inputs.h"
#include "tools/job_args.h"
#include "tools/search/agent.h"
#include "tools/search/drive.h"
#include "tools/search/export.h"
#include "tools/search/job.h"
#include "tools/store/store.h"
#include "tools/version.h"

enum { OPTION_AGENT = OPTION_OWN, OPTION_EPISODES, OPTION_SEED };

static const struct argp_option options[] = {
    {"set", OPTION_SET, "KEY=VALUE", 0, "Override a key of the job, such as reward.lambda=3", 0},
    {"agent", OPTION_AGENT, "AGENT", 0,
     "ddpg, ddpg-haq, random, evolution, nsga2, cmaes or greedy, in place of the job's", 0},
    {"episodes", OPTION_EPISODES, "N", 0, "Candidates in all, in place of the job's", 0},
    {"seed", OPTION_SEED, "N", 0, "In place of the job's", 0},
    {"out", OPTION_OUT, "DIR", 0, "Folder of the results (default: the job's name)", 0},
    {"resume", OPTION_RESUME, NULL, 0, "Go on with a search that was stopped or killed", 0},
    {"jobs", OPTION_JOBS, "N", 0, "Worker processes (default: the job's); the result is the same",
     0},
    {"json", OPTION_JSON, NULL, 0, "Print one JSON object", 0},
    {0},
};
static const char doc[] =
    "Search the widths of a net, layer by layer, for much accuracy at little energy, latency or "
    "area on a chip.\v"
    "Every candidate is in DIR/search.db as soon as it is judged: a search that was stopped or "
    "killed goes on with --resume and ends as an undisturbed one would.\n\n"
    "Examples:\n"
    "  bitline search search-resnet20\n"
    "  bitline search search-resnet20 --agent nsga2 --episodes 2000 --out front\n"
    "  bitline search my-job.yaml --set reward.lambda=3 --jobs 2 --resume";

struct args {
    struct job_args job;
    char sets[3][64]; // of the flags
    size_t n_sets;
};

// The flags are short for keys of the job, and stand above its --set.
static void set_key(struct args *a, const char *key, const char *value)
{
    if (strlen(value) > 40) {
        err_set(&a->job.err, "--%s %.40s...: is too long", key, value);
        return;
    }
    char *set = a->sets[a->n_sets++ % 3];
    snprintf(set, sizeof a->sets[0], "%s=%s", key, value);
    inputs_option(&a->job.inputs, OPTION_SET, set, &a->job.err);
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
        fprintf(stderr, ", best: reward %.4g, accuracy %.2f %%, %.4g uJ", best->judged.reward,
                100 * best->accuracy, 1e6 * best->cost.of[COST_ENERGY]);
    if (here > 0)
        job_print_left((double)(all - s->done) * seconds / (double)here);
    fputs("\033[K", stderr);
    if (s->done == all)
        fputc('\n', stderr);
}

static void add_row(struct table *t, const char *name, const struct search_episode *e)
{
    table_cell(t, "%s", name);
    table_cell(t, "%.2f %%", 100 * e->accuracy);
    table_cell(t, "%.4g uJ", 1e6 * e->cost.of[COST_ENERGY]);
    if (e->cost.of[COST_LATENCY] > 0)
        table_cell(t, "%.4g us", 1e6 * e->cost.of[COST_LATENCY]);
    else
        table_cell(t, "-");
    table_cell(t, "%.4g mm2", 1e6 * e->cost.of[COST_AREA]);
    table_cell(t, "%.4g M", (double)e->cost.binary_ops * 1e-6);
    table_cell(t, "%.4g", e->judged.reward);
}

// The front is long: about a dozen of its nets, evenly, with both ends.
static void print_front(const struct search *s)
{
    enum { SHOWN = 12 };
    static const char *const headers[] = {"<net",  ">accuracy", ">energy", ">latency",
                                          ">area", ">ops",      ">reward", NULL};
    int *front = mem_alloc((size_t)s->job->episodes, sizeof *front);
    size_t n = search_front(s, front), shown = n < SHOWN ? n : SHOWN;
    const struct search_episode *best = search_best(s);
    struct table *t = table_create(headers);
    char name[32];
    if (best)
        add_row(t, "best", best);
    for (size_t i = 0; i < shown; i++) {
        size_t at = shown > 1 ? i * (n - 1) / (shown - 1) : 0;
        snprintf(name, sizeof name, "front %zu/%zu", at + 1, n);
        add_row(t, name, &s->episodes[front[at]]);
    }
    for (size_t r = 0; r < s->n_references; r++) {
        snprintf(name, sizeof name, "uniform %gx", s->references[r].ratio);
        if (!s->references[r].failed)
            add_row(t, name, &s->references[r]);
    }
    table_print(t, stdout);
    table_destroy(t);
    free(front);
}

static bool write_all(const struct job_args *a, const struct search *s, const char *folder,
                      struct err *err)
{
    struct err why = {0};
    bool drawn = false;
    if (!search_export(s, folder, BITLINE_VERSION, err) ||
        !search_plot(s, folder, &drawn, &why, err))
        return false;
    if (!drawn)
        fprintf(stderr, "bitline: %s\n", why.text);
    if (a->json) {
        search_json(s, BITLINE_VERSION, stdout);
        return true;
    }
    printf("bitline %s\n", BITLINE_VERSION);
    printf("job      %s [%s], agent %s, seed %d, %d episodes in rounds of %d\n", s->job->name,
           s->hash, s->job->agent->name, s->job->seed, s->job->episodes, s->job->round);
    printf("net      %s, %s, on chip %s; %zu widths, %zu settings of the chip\n\n", s->net->name,
           net_form_names[s->net->form], s->chip->name, s->space->n_layers, s->space->n_knobs);
    print_front(s);
    printf("\nfiles    %s/front.csv, best.yaml, nets/front-*.yaml, episodes.csv, references.csv, "
           "job.yaml%s, search.db\n",
           folder, drawn ? ", front.svg, widths.svg, channels.svg" : "");
    return true;
}

static int leave_off(const struct job_args *a, const struct search *s, const char *folder)
{
    fprintf(stderr,
            "%sbitline: stopped with %zu of %d episodes done, all of them in %s/search.db; go on "
            "with the same command and --resume\n",
            isatty(STDERR_FILENO) ? "\n" : "", s->done, s->job->episodes, folder);
    return job_left_off(a);
}

static int work(struct job_args *a, struct search *s, struct store *store, const char *folder)
{
    struct search_params params = {
        .jobs = a->jobs ? a->jobs : s->job->jobs,
        .stop = a->stop,
        .progress = isatty(STDERR_FILENO) ? show_progress : NULL,
    };
    if (!search_begin(s, store, &a->err))
        return EXIT_USAGE;
    if (!search_run(s, &params, &a->err))
        return EXIT_FAILED;
    if (s->done < (size_t)s->job->episodes)
        return leave_off(a, s, folder);
    return write_all(a, s, folder, &a->err) ? EXIT_OK : EXIT_FAILED;
}

static int search(struct job_args *a, struct search *s)
{
    const char *folder = a->out ? a->out : s->job->name;
    if (!file_make_folder(folder, &a->err))
        return EXIT_FAILED;
    job_catch_signals(a);
    struct store *store = store_open(folder, "search.db", a->resume, &a->err);
    if (!store)
        return EXIT_USAGE;
    int code = work(a, s, store, folder);
    store_close(store);
    return code;
}

int cmd_search(int argc, char **argv)
{
    static const struct argp argp = {options, parse, "JOB", doc, 0, 0, 0};
    static char name[] = "bitline search";
    struct args a = {0};
    struct search_job *job = NULL;
    struct search *s = NULL;
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    int code = EXIT_USAGE;
    if (!a.job.err.text[0] &&
        search_job_load(a.job.job, a.job.inputs.sets, a.job.inputs.n_sets, &job, &a.job.err) &&
        search_create(job, &s, &a.job.err))
        code = search(&a.job, s);
    if (a.job.err.text[0])
        inputs_refuse(&a.job.err);
    if (code == EXIT_OK)
        code = inputs_finish(code);
    search_destroy(s);
    search_job_destroy(job);
    return code;
}
