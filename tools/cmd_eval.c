// bitline eval CHIP NET: what accuracy is left.
#include <argp.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nets/integer.h"
#include "nets/weights.h"
#include "sim/base/err.h"
#include "sim/base/mem.h"
#include "sim/base/text.h"
#include "sim/chip/chip.h"
#include "sim/infer/analog.h"
#include "sim/infer/array.h"
#include "sim/infer/evaluate.h"
#include "sim/map/map.h"
#include "tools/cmd.h"
#include "tools/inputs.h"
#include "tools/pool.h"
#include "tools/version.h"
#include "workloads/dataset.h"

enum {
    OPTION_WEIGHTS = 1,
    OPTION_DATA,
    OPTION_IMAGES,
    OPTION_SA0,
    OPTION_SA1,
    OPTION_SIGMA,
    OPTION_TRIALS,
    OPTION_SEED,
    OPTION_JOBS,
    OPTION_JSON,
    OPTION_CPU,
};

static const struct argp_option options[] = {
    {"form", OPTION_FORM, "FORM", 0, "binary, int8, int16, or float (on the chip ideal)", 0},
    {"width", OPTION_WIDTH, "RATIO", 0, "Widen all layers, e.g. 3x", 0},
    {"widths", OPTION_WIDTHS, "LIST", 0, "Output channels layer by layer", 0},
    {"set", OPTION_SET, "PATH=VALUE", 0, "Override a key of the chip, or of the net (net.PATH)", 0},
    {"weights", OPTION_WEIGHTS, "FILE", 0, "safetensors, names as in PyTorch", 0},
    {"data", OPTION_DATA, "SET", 0,
     "cifar10:DIR, mnist:DIR, fashion:DIR, synth or synth32 (default by the net's input)", 0},
    {"images", OPTION_IMAGES, "N", 0, "The first N test images (default: all)", 0},
    {"sa0", OPTION_SA0, "RATE", 0, "Share of cells stuck at low resistance (HAWIS's SA0)", 0},
    {"sa1", OPTION_SA1, "RATE", 0, "Share of cells stuck at high resistance (HAWIS's SA1)", 0},
    {"sigma", OPTION_SIGMA, "S", 0, "Log-normal variation of every cell's resistance", 0},
    {"trials", OPTION_TRIALS, "T", 0, "Fabricated chips to draw (default 1)", 0},
    {"seed", OPTION_SEED, "N", 0, "Of the first draw (default 1)", 0},
    {"jobs", OPTION_JOBS, "N", 0, "Worker processes (default 1); the result is the same", 0},
    {"cpu", OPTION_CPU, "LEVEL", 0, "Kernels at most: scalar, avx2, avx512; the result is the same",
     0},
    {"json", OPTION_JSON, NULL, 0, "Print one JSON object", 0},
    {0},
};
static const char doc[] =
    "Run test images through the crossbars of a chip, broken cells included, and say how many are "
    "still classified right.\v"
    "Cells stuck at low resistance (SA0 in HAWIS's words) read the highest level, those stuck at "
    "high resistance (SA1) the lowest; other tools use the two names the other way round.\n\n"
    "Examples:\n"
    "  bitline eval ideal resnet20 --form float --weights w.safetensors --data cifar10:DIR\n"
    "  bitline eval hawis resnet20 --weights w.safetensors --data cifar10:DIR --sa0 0.01 "
    "--trials 5";

struct args {
    struct inputs inputs;
    const char *chip, *net, *weights, *data;
    bool json;
    unsigned long long images, trials, seed, jobs;
    struct fault_params faults;
    struct variation variation;
    enum cpu_level cpu;
    struct err err;
};

static bool parse_whole(const char *name, const char *text, unsigned long long least,
                        unsigned long long most, unsigned long long *out, struct err *err)
{
    char *end;
    *out = strtoull(text, &end, 10);
    if (end == text || *end || text[0] < '0' || text[0] > '9' || *out < least || *out > most)
        return err_set(err, "--%s %s: a whole number from %llu to %llu is wanted", name, text,
                       least, most);
    return true;
}

static bool parse_rate(const char *name, const char *text, double *out, struct err *err)
{
    char *end;
    *out = strtod(text, &end);
    if (end == text || *end || !(*out >= 0) || *out > 1)
        return err_set(err, "--%s %s: a rate from 0 to 1 is wanted (1 %% is 0.01)", name, text);
    return true;
}

static bool parse_sigma(const char *text, double *out, struct err *err)
{
    char *end;
    *out = strtod(text, &end);
    if (end == text || *end || !(*out >= 0) || *out > 10)
        return err_set(err, "--sigma %s: a number from 0 to 10 is wanted", text);
    return true;
}

static bool parse_cpu(const char *text, enum cpu_level *out, struct err *err)
{
    for (int i = 0; cpu_level_names[i]; i++)
        if (!strcmp(text, cpu_level_names[i])) {
            *out = (enum cpu_level)i;
            return true;
        }
    return err_set(err, "--cpu %s: unknown; take scalar, avx2 or avx512", text);
}

static bool parse_value(int key, char *arg, struct args *a)
{
    switch (key) {
    case OPTION_IMAGES:
        parse_whole("images", arg, 1, 10000000, &a->images, &a->err);
        return true;
    case OPTION_TRIALS:
        parse_whole("trials", arg, 1, 100000, &a->trials, &a->err);
        return true;
    case OPTION_SEED:
        parse_whole("seed", arg, 0, INT64_MAX, &a->seed, &a->err);
        return true;
    case OPTION_JOBS:
        parse_whole("jobs", arg, 1, 256, &a->jobs, &a->err);
        return true;
    case OPTION_SA0:
        parse_rate("sa0", arg, &a->faults.stuck_lrs, &a->err);
        return true;
    case OPTION_SA1:
        parse_rate("sa1", arg, &a->faults.stuck_hrs, &a->err);
        return true;
    case OPTION_SIGMA:
        parse_sigma(arg, &a->variation.sigma, &a->err);
        return true;
    case OPTION_CPU:
        parse_cpu(arg, &a->cpu, &a->err);
        return true;
    default:
        return false;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct args *a = state->input;
    if (inputs_option(&a->inputs, key, arg, &a->err) || parse_value(key, arg, a))
        return 0;
    switch (key) {
    case OPTION_WEIGHTS:
        a->weights = arg;
        return 0;
    case OPTION_DATA:
        a->data = arg;
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            argp_error(state, "'%s' is one argument too many: CHIP and NET are wanted", arg);
        *(state->arg_num ? &a->net : &a->chip) = arg;
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2)
            argp_error(state, "CHIP and NET are wanted");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

// All that an evaluation needs, loaded.
struct model {
    struct chip *chip;
    struct net *net;
    struct mapping *map;
    struct weights *weights;
    struct dataset *data;
    struct integer *integer;
    size_t images;
};

static bool load_data(struct args *a, struct model *m)
{
    const struct net *net = m->net;
    const char *spec = a->data ? a->data : net->raw_c == 3 ? "synth32" : "synth";
    if (!dataset_open(spec, DATASET_TEST, a->images, &m->data, &a->err))
        return false;
    const struct dataset *d = m->data;
    if (d->channels != net->raw_c || d->height != net->raw_h || d->width != net->raw_w)
        return err_set(&a->err, "net '%s' reads images of %dx%dx%d, the set '%s' has %dx%dx%d",
                       net->name, net->raw_c, net->raw_h, net->raw_w, d->name, d->channels,
                       d->height, d->width);
    if (d->classes > net->classes)
        return err_set(&a->err, "net '%s' tells %d classes apart, the set '%s' has %d", net->name,
                       net->classes, d->name, d->classes);
    m->images = d->n;
    if (a->images > d->n)
        return err_set(&a->err, "--images %llu: the set '%s' has %zu test images", a->images,
                       d->name, d->n);
    return true;
}

// Ranges of the k-bit forms come from training images, never from the test.
static bool make_integer(struct args *a, struct model *m)
{
    enum { CALIBRATION = 256 };
    double *ranges = NULL;
    if (m->net->form == FORM_FLOAT)
        return strcmp(m->chip->name, "ideal") == 0 ||
               err_set(&a->err, "the form float has no hardware; it runs on the chip ideal alone");
    if (m->net->form != FORM_BINARY) {
        struct dataset *train = NULL;
        if (!dataset_open(a->data              ? a->data
                          : m->net->raw_c == 3 ? "synth32"
                                               : "synth",
                          DATASET_TRAIN, CALIBRATION, &train, &a->err))
            return false;
        ranges = mem_alloc(m->net->n, sizeof *ranges);
        evaluate_ranges(m->net, m->weights, train, CALIBRATION, ranges);
        dataset_close(train);
    }
    m->integer = integer_create(m->net, m->weights, ranges, &a->err);
    free(ranges);
    return m->integer && map_net(m->net, m->chip, a->seed, &m->map, &a->err);
}

static bool load(struct args *a, struct model *m)
{
    if (a->faults.stuck_lrs + a->faults.stuck_hrs > 1)
        return err_set(&a->err, "--sa0 %g and --sa1 %g together are above 1", a->faults.stuck_lrs,
                       a->faults.stuck_hrs);
    if (!a->weights)
        return err_set(&a->err, "--weights FILE is wanted: a safetensors file that fits the net");
    return inputs_chip(&a->inputs, a->chip, &m->chip, &a->err) &&
           inputs_net(&a->inputs, a->net, &m->net, &a->err) && load_data(a, m) &&
           weights_load(a->weights, m->net, &m->weights, &a->err) && make_integer(a, m);
}

static void unload(struct model *m)
{
    integer_destroy(m->integer);
    dataset_close(m->data);
    weights_destroy(m->weights);
    map_destroy(m->map);
    net_destroy(m->net);
    chip_destroy(m->chip);
}

struct share {
    const struct evaluation *what;
    size_t images;
};

static void evaluate_share(void *context, int j, int jobs, void *result)
{
    const struct share *share = context;
    evaluate(share->what, share->images, (size_t)j, (size_t)jobs, result);
}

// Predictions of all images; workers send theirs at every jobs-th place.
static bool predict(const struct args *a, const struct evaluation *what, size_t images,
                    uint8_t *classes, struct err *err)
{
    struct share share = {what, images};
    int jobs = (int)a->jobs;
    uint8_t *all = mem_alloc(images * (size_t)jobs, 1);
    bool ok = pool_run(jobs, images, evaluate_share, &share, all, err);
    for (size_t i = 0; i < images && ok; i++)
        classes[i] = all[i % (size_t)jobs * images + i];
    free(all);
    return ok;
}

struct outcome {
    double *accuracy; // per trial
    struct fault_counts faults;
    int64_t cut; // conductances above the range
    double seconds;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void add_faults(struct outcome *out, struct fault_counts counts)
{
    out->faults.cells += counts.cells;
    out->faults.lrs += counts.lrs;
    out->faults.hrs += counts.hrs;
}

// A chip as drawn: cells as levels where that says all, else as conductances.
struct drawn {
    struct arrays *arrays;
    struct analog *analog;
};

static bool draw_chip(const struct args *a, const struct model *m, unsigned trial,
                      struct drawn *drawn, struct outcome *out, struct err *err)
{
    struct fault_params faults = a->faults;
    faults.seed = a->seed;
    faults.trial = trial;
    if (a->variation.sigma <= 0)
        drawn->arrays = arrays_create(m->map, m->integer, &faults, a->cpu, NULL);
    if (drawn->arrays) {
        add_faults(out, arrays_faults(drawn->arrays));
        return true;
    }
    drawn->analog = analog_create(m->map, m->integer, &faults, &a->variation, err);
    if (!drawn->analog)
        return false;
    add_faults(out, analog_faults(drawn->analog));
    out->cut += analog_cut(drawn->analog);
    return true;
}

static bool run_trial(struct args *a, const struct model *m, unsigned trial, struct outcome *out)
{
    struct drawn drawn = {0};
    if (m->integer && !draw_chip(a, m, trial, &drawn, out, &a->err))
        return false;
    struct evaluation what = {m->net, m->weights, m->integer, drawn.arrays, drawn.analog, m->data};
    uint8_t *classes = mem_alloc(m->images, 1);
    bool ok = predict(a, &what, m->images, classes, &a->err);
    size_t right = 0;
    for (size_t i = 0; i < m->images; i++)
        right += classes[i] == m->data->labels[i];
    out->accuracy[trial] = (double)right / (double)m->images;
    free(classes);
    arrays_destroy(drawn.arrays);
    analog_destroy(drawn.analog);
    return ok;
}

static void spread(const struct args *a, const struct outcome *out, double *mean, double *deviation)
{
    double n = (double)a->trials, sum = 0, squares = 0;
    for (unsigned t = 0; t < a->trials; t++)
        sum += out->accuracy[t];
    *mean = sum / n;
    for (unsigned t = 0; t < a->trials; t++)
        squares += (out->accuracy[t] - *mean) * (out->accuracy[t] - *mean);
    *deviation = a->trials > 1 ? sqrt(squares / (n - 1)) : 0;
}

static void print_json(const struct args *a, const struct model *m, const struct outcome *out,
                       const char *command)
{
    double mean, deviation;
    char hash[24];
    spread(a, out, &mean, &deviation);
    struct jsonw *w = jsonw_create(stdout, 2);
    jsonw_object(w, NULL);
    jsonw_string(w, "version", BITLINE_VERSION);
    jsonw_string(w, "command", command);
    jsonw_string(w, "chip", m->chip->name);
    snprintf(hash, sizeof hash, "%016" PRIx64, m->chip->hash);
    jsonw_string(w, "chip_hash", hash);
    jsonw_string(w, "net", m->net->name);
    snprintf(hash, sizeof hash, "%016" PRIx64, m->net->hash);
    jsonw_string(w, "net_hash", hash);
    snprintf(hash, sizeof hash, "%016" PRIx64, weights_hash(m->net, m->weights));
    jsonw_string(w, "weights_hash", hash);
    jsonw_string(w, "form", net_form_names[m->net->form]);
    jsonw_string(w, "data", m->data->name);
    jsonw_int(w, "seed", (int64_t)a->seed);
    jsonw_number(w, "accuracy", mean);
    jsonw_number(w, "deviation", deviation);
    jsonw_array(w, "trials");
    for (unsigned t = 0; t < a->trials; t++)
        jsonw_number(w, NULL, out->accuracy[t]);
    jsonw_end(w);
    jsonw_int(w, "images", (int64_t)m->images);
    jsonw_object(w, "faults");
    jsonw_object(w, "requested");
    jsonw_number(w, "stuck_lrs", a->faults.stuck_lrs);
    jsonw_number(w, "stuck_hrs", a->faults.stuck_hrs);
    jsonw_number(w, "sigma", a->variation.sigma);
    jsonw_end(w);
    jsonw_object(w, "injected");
    jsonw_int(w, "cells", out->faults.cells);
    jsonw_int(w, "stuck_lrs", out->faults.lrs);
    jsonw_int(w, "stuck_hrs", out->faults.hrs);
    jsonw_int(w, "conductances_cut", out->cut);
    jsonw_end(w);
    jsonw_end(w);
    jsonw_number(w, "images_per_second", (double)m->images * (double)a->trials / out->seconds);
    jsonw_end(w);
    jsonw_destroy(w);
}

static void print_text(const struct args *a, const struct model *m, const struct outcome *out,
                       const char *command)
{
    double mean, deviation;
    spread(a, out, &mean, &deviation);
    printf("bitline %s\n", BITLINE_VERSION);
    printf("net      %s, %s, width %s [%016" PRIx64 "], weights %s [%016" PRIx64 "]\n",
           m->net->name, net_form_names[m->net->form], m->net->width, m->net->hash, a->weights,
           weights_hash(m->net, m->weights));
    printf("chip     %s [%016" PRIx64 "]\n", m->chip->name, m->chip->hash);
    printf("data     %s, %zu test images, seed %llu\n", m->data->name, m->images, a->seed);
    printf("command  %s\n\n", command);
    printf("accuracy %.2f %%", 100 * mean);
    if (a->trials > 1)
        printf(" (mean of %llu chips, standard deviation %.2f points)", a->trials, 100 * deviation);
    printf("\n");
    if (m->integer)
        printf("faults   stuck at low resistance (SA0): %g asked, %" PRId64 " hit; at high (SA1): "
               "%g asked, %" PRId64 " hit; of %" PRId64 " cells\n",
               a->faults.stuck_lrs, out->faults.lrs, a->faults.stuck_hrs, out->faults.hrs,
               out->faults.cells);
    if (a->variation.sigma > 0)
        printf("variation log-normal, sigma %g, drawn once per chip; %" PRId64
               " conductances above 64 Gmax were cut there\n",
               a->variation.sigma, out->cut);
    printf("speed    %.0f images/s\n", (double)m->images * (double)a->trials / out->seconds);
}

int cmd_eval(int argc, char **argv)
{
    struct args a = {.seed = 1, .trials = 1, .jobs = 1, .cpu = CPU_AVX512};
    const char *command = inputs_command(argc, argv);
    static const struct argp argp = {options, parse, "CHIP NET", doc, 0, 0, 0};
    static char name[] = "bitline eval";
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    struct model m = {0};
    struct outcome out = {0};
    int code = EXIT_USAGE;
    if (!a.err.text[0] && load(&a, &m)) {
        out.accuracy = mem_alloc(a.trials, sizeof *out.accuracy);
        double start = now_s();
        code = EXIT_OK;
        for (unsigned t = 0; t < a.trials && code == EXIT_OK; t++)
            if (!run_trial(&a, &m, t, &out))
                code = EXIT_USAGE;
        out.seconds = now_s() - start;
    }
    if (code == EXIT_OK) {
        (a.json ? print_json : print_text)(&a, &m, &out, command);
        code = inputs_finish(code);
    } else {
        inputs_refuse(&a.err);
    }
    free(out.accuracy);
    unload(&m);
    return code;
}
