#include "tools/cli/print_eval.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/warn.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "base/text.h"
#include "sim/chip/chip.h"
#include "tools/study/accuracy.h"
#include "tools/cli/adc_report.h"
#include "tools/study/faults.h"
#include "tools/study/inputs.h"
#include "tools/study/mitigation_report.h"
#include "tools/study/version.h"
#include "workloads/dataset.h"
#include "base/visible.h"

static void spread(const struct eval_report *r, double *mean, double *deviation)
{
    double n = r->trials, sum = 0, squares = 0;
    for (unsigned t = 0; t < r->trials; t++)
        sum += r->accuracy[t];
    *mean = sum / n;
    for (unsigned t = 0; t < r->trials; t++)
        squares += (r->accuracy[t] - *mean) * (r->accuracy[t] - *mean);
    *deviation = r->trials > 1 ? sqrt(squares / (n - 1)) : 0;
}

// --- JSON ---

static void json_hash(struct jsonw *w, const char *key, uint64_t hash)
{
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    jsonw_string(w, key, text);
}

static void json_variation(struct jsonw *w, const struct defect_params *d, int64_t cut)
{
    jsonw_object(w, "variation");
    jsonw_number(w, "sigma", d->sigma);
    if (d->redraw > 0)
        jsonw_int(w, "redraw_images", d->redraw);
    if (d->drift_s > 1) {
        jsonw_number(w, "drift_time_s", d->drift_s);
        jsonw_number(w, "drift_exponent", d->drift_exponent);
        jsonw_number(w, "drift_spread", d->drift_spread);
    }
    jsonw_int(w, "conductances_cut", cut);
    jsonw_end(w);
}

static void json_spreads(struct jsonw *w, const struct eval_report *r)
{
    const struct chip *chip = r->model->chip;
    json_variation(w, &chip->defects, r->cut);
    if (chip->defects.adc_offset > 0)
        jsonw_number(w, "adc_offset", chip->defects.adc_offset);
    if (chip->defects.read_noise > 0)
        jsonw_number(w, "read_noise", chip->defects.read_noise);
    if (chip->crossbar.wire_ohm <= 0)
        return;
    jsonw_object(w, "wires");
    jsonw_number(w, "resistance_ohm", chip->crossbar.wire_ohm);
    jsonw_number(w, "largest_drop", r->dropped);
    jsonw_end(w);
}

void print_eval_json(const struct eval_report *r)
{
    const struct model *m = r->model;
    double mean, deviation;
    spread(r, &mean, &deviation);
    struct jsonw *w = jsonw_create(stdout, 2);
    jsonw_object(w, NULL);
    jsonw_string(w, "version", BITLINE_VERSION);
    jsonw_string(w, "command", r->command);
    warnings_json(r->warnings, w);
    jsonw_string(w, "chip", m->chip->name);
    json_hash(w, "chip_hash", m->chip->hash);
    jsonw_string(w, "net", m->net->name);
    json_hash(w, "net_hash", m->net->hash);
    json_hash(w, "weights_hash", weights_hash(m->net, m->weights));
    jsonw_string(w, "form", net_form_names[m->net->form]);
    jsonw_string(w, "weight_scale", weights_scale_kind(m->net, m->weights));
    bool binary = m->net->form == FORM_BINARY;
    jsonw_string(w, "activations", binary ? net_activations_names[m->net->activations] : NULL);
    jsonw_string(w, "data", m->data->name);
    jsonw_int(w, "seed", (int64_t)r->params->seed);
    jsonw_number(w, "accuracy", mean);
    jsonw_number(w, "deviation", deviation);
    jsonw_array(w, "trials");
    for (unsigned t = 0; t < r->trials; t++)
        jsonw_number(w, NULL, r->accuracy[t]);
    jsonw_end(w);
    jsonw_int(w, "images", (int64_t)m->images);
    if (m->reference) {
        jsonw_string(w, "reference", r->reference);
        jsonw_number(w, "differ", (double)r->differ / r->trials);
    }
    faults_json(&m->chip->defects, &r->faults, w);
    json_spreads(w, r);
    if (r->adc)
        adc_json(m->map, r->adc, r->adc_images, w);
    if (r->mending)
        mitigation_json(r->mending, m, w);
    jsonw_number(w, "images_per_second",
                 (double)m->images * r->trials * (r->mending ? 2 : 1) / r->seconds);
    jsonw_end(w);
    jsonw_destroy(w);
}

// --- Text ---

static void text_faults(const struct eval_report *r)
{
    const struct defect_params *d = &r->model->chip->defects;
    struct faults_part parts[FAULTS_PARTS];
    faults_list(d, &r->faults, parts);
    printf("faults   stuck at low resistance (SA0): %g requested, %" PRId64
           " injected; at high (SA1): "
           "%g requested, %" PRId64 " injected; of %" PRId64 " cells\n",
           d->stuck_lrs, r->faults.lrs, d->stuck_hrs, r->faults.hrs, r->faults.cells);
    for (int i = 0; i < FAULTS_PARTS; i++)
        if (parts[i].rate > 0)
            printf("         %s: %g requested, %" PRId64 " injected of %" PRId64 "\n",
                   parts[i].words, parts[i].rate, parts[i].tally.hit, parts[i].tally.all);
}

static void text_variation(const struct defect_params *d, int64_t cut)
{
    printf("variation log-normal, sigma %g, sampled ", d->sigma);
    if (d->redraw > 0)
        printf("again every %d images", d->redraw);
    else
        printf("once per chip");
    if (d->drift_s > 1)
        printf("; drift of %g s, nu %g, spread of nu %g", d->drift_s, d->drift_exponent,
               d->drift_spread);
    printf("; %" PRId64 " conductances clipped at the top of the range\n", cut);
}

static void text_spreads(const struct eval_report *r)
{
    const struct chip *chip = r->model->chip;
    const struct defect_params *d = &chip->defects;
    if (defect_varies(d))
        text_variation(d, r->cut);
    if (d->adc_offset > 0)
        printf("ADCs     constant offsets, normal, standard deviation %g codes\n", d->adc_offset);
    if (d->read_noise > 0)
        printf("noise    normal, standard deviation %g LRS cells in every read-out\n",
               d->read_noise);
    if (chip->crossbar.wire_ohm > 0)
        printf("wires    %g ohm from cell to cell, to first order: up to %.3g %% of a cell's "
               "current lost\n",
               chip->crossbar.wire_ohm, 100 * r->dropped);
}

void print_eval_text(const struct eval_report *r)
{
    const struct model *m = r->model;
    double mean, deviation;
    spread(r, &mean, &deviation);
    printf("bitline %s\n", BITLINE_VERSION);
    printf("net      %s, %s, width %s [%016" PRIx64 "], weights %s [%016" PRIx64 "]\n",
           visible(m->net->name), net_form_names[m->net->form], visible(m->net->width),
           m->net->hash, visible(r->params->weights), weights_hash(m->net, m->weights));
    const char *scale = weights_scale_kind(m->net, m->weights);
    if (scale)
        printf("scales   weights have one scale for every %s\n", scale);
    printf("chip     %s [%016" PRIx64 "]\n", visible(m->chip->name), m->chip->hash);
    printf("data     %s, %zu test images, seed %" PRIu64 "\n", m->data->name, m->images,
           r->params->seed);
    printf("command  %s\n\n", visible(r->command));
    printf("accuracy %.2f %%", 100 * mean);
    if (r->trials > 1)
        printf(" (mean of %u chips, standard deviation %.2f points)", r->trials, 100 * deviation);
    printf("\n");
    if (m->reference)
        printf("differ   %g of %zu predictions differ from the fault-free network (%s)\n",
               (double)r->differ / r->trials, m->images, visible(r->reference));
    if (r->mending)
        mitigation_text(r->mending, m);
    if (m->integer) {
        text_faults(r);
        text_spreads(r);
        adc_text(m->map, r->adc, r->adc_images, r->adc_table);
    }
    printf("speed    %.0f images/s\n",
           (double)m->images * r->trials * (r->mending ? 2 : 1) / r->seconds);
}
