// bitline eval CHIP NET: inference accuracy on a chip, faults included.
#include <argp.h>
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/number.h"
#include "base/mem.h"
#include "base/warn.h"
#include "sim/chip/chip.h"
#include "sim/chip/plausible_chip.h"
#include "sim/map/map.h"
#include "tools/study/accuracy.h"
#include "tools/cli/activity_file.h"
#include "tools/cli/adc_report.h"
#include "tools/cli/cmd.h"
#include "tools/cli/options.h"
#include "tools/study/mitigation_report.h"
#include "tools/study/model_warn.h"
#include "tools/cli/print_eval.h"
#include "workloads/dataset.h"
#include "base/visible.h"

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
    OPTION_REFERENCE,
    OPTION_JSON,
    OPTION_CPU,
    OPTION_MITIGATE,
    OPTION_MITIGATE_IMAGES,
    OPTION_MEND, // old names, for one version
    OPTION_MEND_IMAGES,
    OPTION_ACTIVITY,
    OPTION_ADC,
};

static const struct argp_option options[] = {
    {"form", OPTION_FORM, "FORM", 0,
     "binary, int8, int16, or float (only on chips with arithmetic: exact, such as ideal)", 0},
    {"width", OPTION_WIDTH, "RATIO", 0, "Widen all layers, e.g. 3x", 0},
    {"widths", OPTION_WIDTHS, "LIST", 0, "Output channels of each layer, e.g. 64,80,80", 0},
    {"set", OPTION_SET, "PATH=VALUE", 0, "Override a key of the chip, or of the network (net.PATH)",
     0},
    {"weights", OPTION_WEIGHTS, "FILE", 0,
     "A safetensors file with PyTorch's tensor names, or a name from 'bitline list weights'", 0},
    {"data", OPTION_DATA, "SET", 0,
     "Data set: cifar10:DIR, mnist:DIR, fashion:DIR, synth or synth32 (default: according to the "
     "network's input)",
     0},
    {"images", OPTION_IMAGES, "N", 0, "Use the first N test images (default: all)", 0},
    {"sa0", OPTION_SA0, "RATE", 0, "Fraction of cells stuck at low resistance (SA0 in HAWIS)", 0},
    {"sa1", OPTION_SA1, "RATE", 0, "Fraction of cells stuck at high resistance (SA1 in HAWIS)", 0},
    {"sigma", OPTION_SIGMA, "S", 0,
     "Standard deviation of the log-normal variation of cell resistance", 0},
    {"mitigate", OPTION_MITIGATE, "LIST", 0,
     "Fault mitigation for every sampled chip, comma-separated: bn (re-estimate batch-norm "
     "statistics on the chip), gain (divide out the mean conductance change caused by --sigma and "
     "drift), spares (remap faulty rows and columns to spare ones)",
     0},
    {"mitigate-images", OPTION_MITIGATE_IMAGES, "K", 0,
     "Number of training images for --mitigate bn (default 256)", 0},
    {"mend", OPTION_MEND, "LIST", OPTION_HIDDEN, NULL, 0},
    {"mend-images", OPTION_MEND_IMAGES, "K", OPTION_HIDDEN, NULL, 0},
    {"activity", OPTION_ACTIVITY, "FILE", 0,
     "Measure the switching activity of the first sampled chip's arrays and write it for 'bitline "
     "run --activity' (slow; limit it with --images)",
     0},
    {"adc", OPTION_ADC, NULL, 0,
     "List for each layer the ADC bits needed and present, and the conversions that are clipped or "
     "rounded on the first sampled chip",
     0},
    {"trials", OPTION_TRIALS, "T", 0, "Number of chips to sample (default 1)", 0},
    {"seed", OPTION_SEED, "N", 0, "Random seed of the chip samples (default 1)", 0},
    {"jobs", OPTION_JOBS, "N", 0,
     "Number of worker processes (default 1); does not change the result", 0},
    {"cpu", OPTION_CPU, "LEVEL", 0,
     "Highest instruction set to use: scalar, avx2 or avx512; does not change the result", 0},
    {"reference", OPTION_REFERENCE, "NET", 0,
     "Report how many predictions differ from the fault-free network, computed in integers "
     "(integer, the default) or in floating point (float)",
     0},
    {"json", OPTION_JSON, NULL, 0, "Print one JSON object", 0},
    {0},
};
static const char doc[] =
    "Evaluate a network on a chip: classify test images with the chip's crossbars, including "
    "faulty cells, and report the accuracy.\v"
    "Cells stuck at low resistance (SA0 in HAWIS) read as the highest level, cells stuck at high "
    "resistance (SA1) as the lowest. Some other tools swap the two names.\n\n"
    "Examples:\n"
    "  bitline eval hawis signs --weights train-signs --sa0 0.01 --trials 3\n"
    "  bitline eval ideal resnet20 --form float --weights float.safetensors \\\n"
    "      --data cifar10:DIR\n"
    "  bitline eval hawis resnet20 --weights w.safetensors --data cifar10:DIR \\\n"
    "      --sa0 0.01 --trials 5\n"
    "  bitline eval hawis resnet20 --weights w.safetensors --data cifar10:DIR \\\n"
    "      --sa1 0.1 --mitigate bn";

struct args {
    struct model_params model;
    const char *activity;
    bool json, adc;
    unsigned long long trials, jobs;
    char defects[3][48]; // settings of the chip, from --sa0, --sa1 and --sigma
    enum cpu_level cpu;
    enum reference reference;
    struct err err;
};

static bool parse_integer(const char *name, const char *text, unsigned long long min,
                          unsigned long long max, unsigned long long *out, struct err *err)
{
    int64_t value = 0;
    if (!integer_parse(text, (int64_t)min, (int64_t)max, &value))
        return err_set(err, "--%s %s: expected an integer from %llu to %llu", name, text, min, max);
    *out = (unsigned long long)value;
    return true;
}

// --sa0, --sa1 and --sigma are shorthand for keys of the chip.
static void set_defect(struct args *a, int i, const char *key, double value)
{
    struct inputs *inputs = &a->model.inputs;
    bool again = *a->defects[i];
    snprintf(a->defects[i], sizeof a->defects[i], "defects.%s=%.17g", key, value);
    if (!again && inputs->n_sets == INPUTS_MAX_SETS)
        err_set(&a->err, "too many settings (at most %d); write a chip file that extends this one",
                INPUTS_MAX_SETS);
    else if (!again)
        inputs->sets[inputs->n_sets++] = a->defects[i];
}

static void parse_rate(const char *name, const char *text, struct args *a, int i, const char *key)
{
    double rate;
    if (number_parse(text, 0, 1, &rate))
        set_defect(a, i, key, rate);
    else
        err_set(&a->err, "--%s %s: expected a rate from 0 to 1 (1 %% is 0.01)", name, text);
}

static void parse_sigma(const char *text, struct args *a)
{
    double sigma;
    if (number_parse(text, 0, 10, &sigma))
        set_defect(a, 2, "sigma", sigma);
    else
        err_set(&a->err, "--sigma %s: expected a number from 0 to 10", text);
}

static bool parse_cpu(const char *text, enum cpu_level *out, struct err *err)
{
    for (int i = 0; cpu_level_names[i]; i++)
        if (!strcmp(text, cpu_level_names[i])) {
            *out = (enum cpu_level)i;
            return true;
        }
    return err_set(err, "--cpu %s: unknown; use scalar, avx2 or avx512", text);
}

static const char *const reference_names[] = {"integer", "float"};

static void parse_reference(const char *text, struct args *a)
{
    if (!strcmp(text, reference_names[REFERENCE_FLOAT]))
        a->reference = REFERENCE_FLOAT;
    else if (!strcmp(text, reference_names[REFERENCE_INTEGER]))
        a->reference = REFERENCE_INTEGER;
    else
        err_set(&a->err, "--reference %s: unknown; use integer or float", text);
}

static void note_old_name(const char *old, const char *current)
{
    fprintf(stderr, "bitline: --%s is now called --%s; the old name goes with the next version\n",
            visible(old), visible(current));
}

static bool parse_value(int key, char *arg, struct args *a)
{
    unsigned long long value = 0;
    switch (key) {
    case OPTION_IMAGES:
        if (parse_integer("images", arg, 1, 10000000, &value, &a->err))
            a->model.images = (size_t)value;
        return true;
    case OPTION_TRIALS:
        parse_integer("trials", arg, 1, 100000, &a->trials, &a->err);
        return true;
    case OPTION_SEED:
        if (parse_integer("seed", arg, 0, INT64_MAX, &value, &a->err))
            a->model.seed = value;
        return true;
    case OPTION_JOBS:
        parse_integer("jobs", arg, 1, 256, &a->jobs, &a->err);
        return true;
    case OPTION_MEND:
    case OPTION_MITIGATE:
        if (key == OPTION_MEND)
            note_old_name("mend", "mitigate");
        mitigation_parse(arg, &a->model.mend, &a->err);
        return true;
    case OPTION_MEND_IMAGES:
    case OPTION_MITIGATE_IMAGES:
        if (key == OPTION_MEND_IMAGES)
            note_old_name("mend-images", "mitigate-images");
        if (parse_integer("mitigate-images", arg, 1, 10000000, &value, &a->err))
            a->model.mend.images = (size_t)value;
        return true;
    case OPTION_SA0:
        parse_rate("sa0", arg, a, 0, "stuck_lrs");
        return true;
    case OPTION_SA1:
        parse_rate("sa1", arg, a, 1, "stuck_hrs");
        return true;
    case OPTION_SIGMA:
        parse_sigma(arg, a);
        return true;
    case OPTION_REFERENCE:
        parse_reference(arg, a);
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
    if (options_parse(&a->model.inputs, key, arg, &a->err) || parse_value(key, arg, a))
        return 0;
    switch (key) {
    case OPTION_WEIGHTS:
        a->model.weights = arg;
        return 0;
    case OPTION_DATA:
        a->model.data = arg;
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_ADC:
        a->adc = true;
        return 0;
    case OPTION_ACTIVITY:
        a->activity = arg;
        if (!*arg)
            err_set(&a->err, "--activity: the file name is empty; choose one, such as "
                             "activity.json");
        return 0;
    default:
        return options_chip_net(key, arg, state, &a->model.chip, &a->model.net) ? 0
                                                                                : ARGP_ERR_UNKNOWN;
    }
}

static bool load(struct args *a, struct model *m)
{
    struct mitigation_params *mend = &a->model.mend;
    if (!a->model.weights)
        return err_set(&a->err,
                       "--weights FILE is required: a safetensors file that fits the network");
    if (mend->images && !mend->bn)
        return err_set(
            &a->err,
            "--mitigate-images requires --mitigate bn; add it, or remove --mitigate-images");
    if (!mend->images)
        mend->images = MEND_IMAGES;
    a->model.workers = (int)a->jobs;
    if (a->activity && !file_try(a->activity, &a->err))
        return false;
    if (!model_load(&a->model, NULL, m, &a->err))
        return false;
    if (mend->gain && !defect_varies(&m->chip->defects))
        return err_set(&a->err,
                       "--mitigate gain: cells that neither vary nor drift have no gain to "
                       "divide out; set --sigma, or defects.drift_time and "
                       "defects.drift_exponent, or remove gain");
    return a->model.images <= m->images ||
           err_set(&a->err, "--images %zu: the set '%s' has %zu test images", a->model.images,
                   m->data->name, m->images);
}

// The same chip sample without mitigation, for comparison.
static bool run_unmitigated(struct args *a, const struct model *m, const struct chip_sample *sample,
                            double *accuracy)
{
    struct trial one = {0};
    struct model unmitigated = *m;
    unmitigated.mend = (struct mitigation_params){0};
    if (!model_trial(&unmitigated, sample, a->cpu, (int)a->jobs, NULL, &one, &a->err))
        return false;
    *accuracy = (double)one.right / (double)m->images;
    return true;
}

static bool run_trial(struct args *a, const struct model *m, unsigned trial,
                      struct eval_report *out)
{
    struct chip_sample sample = {m->chip->defects, a->model.seed, trial, 0, NULL};
    struct trial one = {0};
    struct adc_loss *adc = trial == 0 ? out->adc : NULL; // of the first chip
    double unmitigated = 0;
    if (out->mending && !run_unmitigated(a, m, &sample, &unmitigated))
        return false;
    if (!model_trial(m, &sample, a->cpu, (int)a->jobs, adc, &one, &a->err))
        return false;
    if (trial == 0)
        out->adc_images = one.adc_images;
    out->seconds -= one.adc_seconds;
    fault_add(&out->faults, &one.faults);
    out->cut += one.cut;
    out->dropped = fmax(out->dropped, one.dropped);
    out->differ += one.differ;
    out->accuracy[trial] = (double)one.right / (double)m->images;
    if (out->mending)
        mitigation_add(out->mending, &one, unmitigated);
    return true;
}

static bool run_trials(struct args *a, const struct model *m, struct eval_report *out)
{
    double start = clock_now_s();
    for (unsigned t = 0; t < a->trials; t++)
        if (!run_trial(a, m, t, out))
            return false;
    out->seconds += clock_now_s() - start;
    return !out->mending || mitigation_price(out->mending, m, &a->err);
}

static bool write_activity(struct args *a, const struct model *m, const char *command)
{
    struct chip_sample sample = {m->chip->defects, a->model.seed, 0, 0, NULL};
    struct activity_shares *layers = mem_alloc(m->net->n, sizeof *layers);
    struct activity_report report = {m->map, layers, m->data->name, command, m->images};
    bool ok = model_activity(m, &sample, a->cpu, (int)a->jobs, layers, &a->err) &&
              activity_write(a->activity, &report, &a->err);
    free(layers);
    return ok;
}

static bool work(struct args *a, const struct model *m, struct eval_report *out)
{
    return (!a->activity || write_activity(a, m, out->command)) && run_trials(a, m, out);
}

// Warns if the accuracy over all sampled chips is at chance level.
static void warn_chance(const struct model *m, const struct eval_report *out,
                        struct warnings *warnings)
{
    double right = 0;
    for (unsigned t = 0; t < out->trials; t++)
        right += out->accuracy[t] * (double)m->images;
    chance_warn(
        (size_t)(right + 0.5), m->images * out->trials, m->data->classes,
        defect_any(&m->chip->defects) ? "the network may have lost all accuracy to these defects"
        : m->net->form == FORM_BINARY
            ? "check that network, form, weights and data belong together, and the network's key "
              "activations (zero_one or plus_minus_one)"
            : "check that network, form, weights and data belong together",
        warnings);
}

int cmd_eval(int argc, char **argv)
{
    struct args a = {.model.seed = 1, .trials = 1, .jobs = 1, .cpu = CPU_AVX512};
    const char *command = cli_command(argc, argv);
    static const struct argp argp = {options, parse, "CHIP NET", doc, 0, 0, 0};
    static char name[] = "bitline eval";
    argv[0] = name;
    options_run(&argp, argc, argv, 0, &a);
    struct model m = {0};
    struct warnings warnings = {0};
    struct eval_report out = {
        .model = &m, .params = &a.model, .command = command, .warnings = &warnings};
    struct mitigation_report mending = {0};
    int code = EXIT_OK;
    bool ok = false;
    if (!a.err.text[0] && load(&a, &m) &&
        (!m.integer || model_compare(&m, a.reference, a.cpu, (int)a.jobs, &a.err))) {
        assert(m.chip && m.net && m.data);
        plausible_chip(m.chip, m.map ? &m.map->pe_buffer : NULL, m.map ? &m.map->tile_buffer : NULL,
                       &warnings);
        model_warn(&m, a.model.weights, a.model.data != NULL, &warnings);
        stream_warn(&m, &warnings);
        out.accuracy = mem_alloc((size_t)a.trials, sizeof *out.accuracy);
        out.adc = m.integer ? mem_alloc(m.net->n, sizeof *out.adc) : NULL;
        out.adc_table = a.adc;
        out.trials = (unsigned)a.trials;
        out.reference = reference_names[a.reference];
        mending.unmended = mem_alloc((size_t)a.trials, sizeof *mending.unmended);
        out.mending = mitigation_any(&m.mend) ? &mending : NULL;
        ok = work(&a, &m, &out);
    }
    if (ok) {
        if (out.adc)
            adc_warn(m.map, out.adc, out.adc_images, &warnings);
        warn_chance(&m, &out, &warnings);
        (a.json ? print_eval_json : print_eval_text)(&out);
        if (a.activity && !a.json)
            printf("activity %s (for bitline run --activity)\n", visible(a.activity));
        code = cli_finish_warned(code, &warnings);
    } else {
        code = cli_refuse(&a.err);
    }
    free(out.accuracy);
    free(out.adc);
    free(mending.unmended);
    warnings_fini(&warnings);
    model_unload(&m);
    return code;
}
