// bitline eval CHIP NET: what accuracy is left.
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
    OPTION_MEND,
    OPTION_MEND_IMAGES,
    OPTION_ACTIVITY,
    OPTION_ADC,
};

static const struct argp_option options[] = {
    {"form", OPTION_FORM, "FORM", 0,
     "binary, int8, int16, or float (on the chip ideal, or another of arithmetic: exact)", 0},
    {"width", OPTION_WIDTH, "RATIO", 0, "Widen all layers, e.g. 3x", 0},
    {"widths", OPTION_WIDTHS, "LIST", 0, "Output channels layer by layer", 0},
    {"set", OPTION_SET, "PATH=VALUE", 0, "Override a key of the chip, or of the net (net.PATH)", 0},
    {"weights", OPTION_WEIGHTS, "FILE", 0,
     "safetensors, names as in PyTorch; or a name of 'bitline list weights'", 0},
    {"data", OPTION_DATA, "SET", 0,
     "cifar10:DIR, mnist:DIR, fashion:DIR, synth or synth32 (default by the net's input)", 0},
    {"images", OPTION_IMAGES, "N", 0, "The first N test images (default: all)", 0},
    {"sa0", OPTION_SA0, "RATE", 0, "Share of cells stuck at low resistance (HAWIS's SA0)", 0},
    {"sa1", OPTION_SA1, "RATE", 0, "Share of cells stuck at high resistance (HAWIS's SA1)", 0},
    {"sigma", OPTION_SIGMA, "S", 0, "Log-normal variation of every cell's resistance", 0},
    {"mend", OPTION_MEND, "LIST", 0,
     "What mends every chip that is drawn, split by commas: bn (batch-norms taken anew on it), "
     "gain (the mean change of conductances by --sigma and drift divided out), spares (broken "
     "lines moved onto the chip's spare ones)",
     0},
    {"mend-images", OPTION_MEND_IMAGES, "K", 0, "Training images for --mend bn (default 256)", 0},
    {"activity", OPTION_ACTIVITY, "FILE", 0,
     "Write what the images switch in the arrays of the first chip drawn (slow; --images), for run "
     "--activity",
     0},
    {"adc", OPTION_ADC, NULL, 0,
     "List the layers with the bits that their ADCs need and have and the conversions that lose "
     "something, of the first chip drawn",
     0},
    {"trials", OPTION_TRIALS, "T", 0, "Fabricated chips to draw (default 1)", 0},
    {"seed", OPTION_SEED, "N", 0, "Of the first draw (default 1)", 0},
    {"jobs", OPTION_JOBS, "N", 0, "Worker processes (default 1); the result is the same", 0},
    {"cpu", OPTION_CPU, "LEVEL", 0, "Kernels at most: scalar, avx2, avx512; the result is the same",
     0},
    {"reference", OPTION_REFERENCE, "NET", 0,
     "Count the images that are classified otherwise than by the unbroken net in whole numbers "
     "(integer, the default) or in floating point (float)",
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
    "  bitline eval hawis signs --weights train-signs --sa0 0.01 --trials 3\n"
    "  bitline eval ideal resnet20 --form float --weights float.safetensors \\\n"
    "      --data cifar10:DIR\n"
    "  bitline eval hawis resnet20 --weights w.safetensors --data cifar10:DIR \\\n"
    "      --sa0 0.01 --trials 5\n"
    "  bitline eval hawis resnet20 --weights w.safetensors --data cifar10:DIR \\\n"
    "      --sa1 0.1 --mend bn";

struct args {
    struct model_params model;
    const char *activity;
    bool json, adc;
    unsigned long long trials, jobs;
    char defects[3][48]; // sets of the chip's, from --sa0, --sa1 and --sigma
    enum cpu_level cpu;
    enum reference reference;
    struct err err;
};

static bool parse_whole(const char *name, const char *text, unsigned long long least,
                        unsigned long long most, unsigned long long *out, struct err *err)
{
    int64_t value = 0;
    if (!integer_parse(text, (int64_t)least, (int64_t)most, &value))
        return err_set(err, "--%s %s: a whole number from %llu to %llu is wanted", name, text,
                       least, most);
    *out = (unsigned long long)value;
    return true;
}

// The flags are short for keys of the chip.
static void set_defect(struct args *a, int i, const char *key, double value)
{
    struct inputs *inputs = &a->model.inputs;
    bool again = *a->defects[i];
    snprintf(a->defects[i], sizeof a->defects[i], "defects.%s=%.17g", key, value);
    if (!again && inputs->n_sets == INPUTS_MAX_SETS)
        err_set(&a->err, "more than %d settings; write a chip file that extends this one",
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
        err_set(&a->err, "--%s %s: a rate from 0 to 1 is wanted (1 %% is 0.01)", name, text);
}

static void parse_sigma(const char *text, struct args *a)
{
    double sigma;
    if (number_parse(text, 0, 10, &sigma))
        set_defect(a, 2, "sigma", sigma);
    else
        err_set(&a->err, "--sigma %s: a number from 0 to 10 is wanted", text);
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

static const char *const reference_names[] = {"integer", "float"};

static void parse_reference(const char *text, struct args *a)
{
    if (!strcmp(text, reference_names[REFERENCE_FLOAT]))
        a->reference = REFERENCE_FLOAT;
    else if (!strcmp(text, reference_names[REFERENCE_INTEGER]))
        a->reference = REFERENCE_INTEGER;
    else
        err_set(&a->err, "--reference %s: unknown; take integer or float", text);
}

static bool parse_value(int key, char *arg, struct args *a)
{
    unsigned long long whole = 0;
    switch (key) {
    case OPTION_IMAGES:
        if (parse_whole("images", arg, 1, 10000000, &whole, &a->err))
            a->model.images = (size_t)whole;
        return true;
    case OPTION_TRIALS:
        parse_whole("trials", arg, 1, 100000, &a->trials, &a->err);
        return true;
    case OPTION_SEED:
        if (parse_whole("seed", arg, 0, INT64_MAX, &whole, &a->err))
            a->model.seed = whole;
        return true;
    case OPTION_JOBS:
        parse_whole("jobs", arg, 1, 256, &a->jobs, &a->err);
        return true;
    case OPTION_MEND:
        mitigation_parse(arg, &a->model.mend, &a->err);
        return true;
    case OPTION_MEND_IMAGES:
        if (parse_whole("mend-images", arg, 1, 10000000, &whole, &a->err))
            a->model.mend.images = (size_t)whole;
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
            err_set(&a->err, "--activity: the name of the file is empty; give one, such as "
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
        return err_set(&a->err, "--weights FILE is wanted: a safetensors file that fits the net");
    if (mend->images && !mend->bn)
        return err_set(&a->err, "--mend-images is for --mend bn; drop it, or mend with bn");
    if (!mend->images)
        mend->images = MEND_IMAGES;
    a->model.workers = (int)a->jobs;
    if (a->activity && !file_try(a->activity, &a->err))
        return false;
    if (!model_load(&a->model, NULL, m, &a->err))
        return false;
    if (mend->gain && !defect_varies(&m->chip->defects))
        return err_set(&a->err, "--mend gain: cells that neither vary nor drift have no gain to "
                                "take out; give --sigma or defects.drift_time and "
                                "defects.drift_exponent, or drop gain");
    return a->model.images <= m->images ||
           err_set(&a->err, "--images %zu: the set '%s' has %zu test images", a->model.images,
                   m->data->name, m->images);
}

// The same draw as it is, where a mended one is compared with it.
static bool run_unmended(struct args *a, const struct model *m, const struct chip_sample *sample,
                         double *accuracy)
{
    struct trial one = {0};
    struct model unmended = *m;
    unmended.mend = (struct mitigation_params){0};
    if (!model_trial(&unmended, sample, a->cpu, (int)a->jobs, NULL, &one, &a->err))
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
    double unmended = 0;
    if (out->mending && !run_unmended(a, m, &sample, &unmended))
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
        mitigation_add(out->mending, &one, unmended);
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

// Of all chips together.
static void warn_chance(const struct model *m, const struct eval_report *out,
                        struct warnings *warnings)
{
    double right = 0;
    for (unsigned t = 0; t < out->trials; t++)
        right += out->accuracy[t] * (double)m->images;
    chance_warn((size_t)(right + 0.5), m->images * out->trials, m->data->classes,
                defect_any(&m->chip->defects) ? "with these defects nothing may be left of the net"
                : m->net->form == FORM_BINARY
                    ? "check that net, form, weights and data belong together, and the net's key "
                      "activations (zero_one or plus_minus_one)"
                    : "check that net, form, weights and data belong together",
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
            printf("activity %s, for bitline run --activity\n", visible(a.activity));
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
