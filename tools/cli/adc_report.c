#include "tools/cli/adc_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "nets/net.h"
#include "base/text.h"
#include "base/warn.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"
#include "base/visible.h"

struct totals {
    struct adc_count count;
    int layers, lossy;
    int worst;      // the lossy layer that lacks most bits, or the one that needs most
    int needed;     // bits, of all layers
    bool calibrate; // some lossy layer's range could be calibrated
    bool votes;     // some lossy layer has read-outs of one bit
};

static bool lacks_more(const struct adc_need *a, const struct adc_need *b)
{
    if (a->lossless != b->lossless)
        return !a->lossless;
    return a->needed - a->bits > b->needed - b->bits;
}

// Sums of conductances that vary lie between the codes of any ADC: those of more bits, or of a
// calibrated range, are of no help where the bits are enough for whole steps.
static bool lacks_bits(const struct adc_need *need)
{
    return !need->lossless && (need->bits == 1 || need->needed > need->bits);
}

static struct totals add_up(const struct mapping *map, const struct adc_loss *layers)
{
    struct totals t = {.worst = -1};
    for (size_t i = 0; i < map->net->n; i++) {
        const struct adc_loss *l = &layers[i];
        if (!l->need.bits)
            continue;
        t.layers++;
        t.lossy += !l->need.lossless;
        bool can_calibrate = l->need.bits > 1 && !l->need.calibrated;
        t.calibrate = t.calibrate || (lacks_bits(&l->need) && can_calibrate);
        t.votes = t.votes || (!l->need.lossless && l->need.bits == 1);
        t.needed = l->need.needed > t.needed ? l->need.needed : t.needed;
        if (t.worst < 0 || lacks_more(&l->need, &layers[t.worst].need))
            t.worst = (int)i;
        t.count.conversions += l->count.conversions;
        t.count.clipped += l->count.clipped;
        t.count.rounded += l->count.rounded;
    }
    return t;
}

// A full range is that of rows x levels, whatever sums the cells can make of it.
static const char *range_of(const struct adc_need *need)
{
    return need->calibrated ? "calibrated range" : "full range";
}

static double share(int64_t part, int64_t all)
{
    return all ? (double)part / (double)all : 0;
}

// "1.2 % of the conversions are clipped and 3 % rounded (first 16 images)", in `text`.
static const char *losses(const struct adc_count *count, size_t images, char *text, size_t n)
{
    snprintf(text, n,
             "%.3g %% of the conversions are clipped and %.3g %% rounded (first %zu image%s)",
             100 * share(count->clipped, count->conversions),
             100 * share(count->rounded, count->conversions), images, images == 1 ? "" : "s");
    return text;
}

// --- JSON ---

static void json_need(struct jsonw *w, const struct adc_need *need)
{
    jsonw_int(w, "bits", need->bits);
    jsonw_int(w, "bits_needed", need->needed);
    jsonw_number(w, "lowest_sum", need->low);
    jsonw_number(w, "highest_sum", need->high);
    jsonw_number(w, "steps_per_code", need->worth);
    jsonw_bool(w, "lossless", need->lossless);
    jsonw_bool(w, "calibrated", need->calibrated);
}

static void json_count(struct jsonw *w, const struct adc_count *count)
{
    jsonw_int(w, "conversions", count->conversions);
    jsonw_number(w, "clipped", share(count->clipped, count->conversions));
    jsonw_number(w, "rounded", share(count->rounded, count->conversions));
}

void adc_json(const struct mapping *map, const struct adc_loss *layers, size_t images,
              struct jsonw *w)
{
    struct totals t = add_up(map, layers);
    jsonw_object(w, "adc");
    jsonw_string(w, "bound", "programmed cells");
    jsonw_int(w, "bits_needed", t.needed);
    jsonw_bool(w, "lossless", !t.lossy);
    jsonw_int(w, "images", (int64_t)images);
    json_count(w, &t.count);
    jsonw_array(w, "layers");
    for (size_t i = 0; i < map->net->n; i++) {
        if (!layers[i].need.bits)
            continue;
        jsonw_object(w, NULL);
        jsonw_string(w, "name", map->net->layers[i].name);
        json_need(w, &layers[i].need);
        json_count(w, &layers[i].count);
        jsonw_end(w);
    }
    jsonw_end(w);
    jsonw_end(w);
}

// --- Text ---

static void print_table(const struct mapping *map, const struct adc_loss *layers)
{
    static const char *const headers[] = {"<layer",   ">ADC bits", ">needed",  ">lowest sum",
                                          ">highest", ">clipped",  ">rounded", NULL};
    struct table *table = table_create(headers);
    for (size_t i = 0; i < map->net->n; i++) {
        const struct adc_loss *l = &layers[i];
        if (!l->need.bits)
            continue;
        table_cell(table, "%s", map->net->layers[i].name);
        table_cell(table, "%d", l->need.bits);
        table_cell(table, "%d", l->need.needed);
        table_cell(table, "%.6g", l->need.low);
        table_cell(table, "%.6g", l->need.high);
        table_cell(table, "%.3g %%", 100 * share(l->count.clipped, l->count.conversions));
        table_cell(table, "%.3g %%", 100 * share(l->count.rounded, l->count.conversions));
    }
    fputc('\n', stdout);
    table_print(table, stdout);
    table_destroy(table);
    fputc('\n', stdout);
}

void adc_text(const struct mapping *map, const struct adc_loss *layers, size_t images, bool all)
{
    struct totals t = add_up(map, layers);
    if (t.worst < 0)
        return;
    const struct adc_need *need = &layers[t.worst].need;
    char lost[120];
    losses(&t.count, images, lost, sizeof lost);
    if (!t.lossy)
        printf("ADC      lossless: the largest sums of the programmed cells need %d bits\n",
               t.needed);
    else if (!lacks_bits(need))
        printf("ADC      enough bits for whole steps (%d needed), but sums of varying conductances "
               "lie between steps: %s\n",
               t.needed, lost);
    else
        printf("ADC      %d of %d layers may lose information ('%s' has %d bits and needs %d); "
               "%s\n",
               t.lossy, t.layers, visible(map->net->layers[t.worst].name), need->bits, need->needed,
               lost);
    if (all)
        print_table(map, layers);
}

// --- Warnings ---

// Calibrated ADCs round by design; what they clip is reported above 1 %.
static bool worth_a_warning(const struct totals *t, const struct adc_loss *layers)
{
    double clipped = share(t->count.clipped, t->count.conversions);
    return t->lossy && lacks_bits(&layers[t->worst].need) &&
           (t->votes || clipped > 0.01 || (t->calibrate && t->count.clipped + t->count.rounded));
}

void adc_warn(const struct mapping *map, const struct adc_loss *layers, size_t images,
              struct warnings *warnings)
{
    struct totals t = add_up(map, layers);
    if (!worth_a_warning(&t, layers))
        return;
    const struct adc_need *need = &layers[t.worst].need;
    char hint[80], lost[120];
    snprintf(hint, sizeof hint, "%sadc.bits=%d", t.calibrate ? "adc.range=calibrated, or " : "",
             need->needed);
    warn_add(warnings, "adc-clips",
             "ADCs lose information: %s; the sums of layer '%s' lie between %.6g and %.6g and "
             "need %d bits of %s, its ADC has %d; set %s (and the time, energy and area of such an "
             "ADC)",
             losses(&t.count, images, lost, sizeof lost), map->net->layers[t.worst].name, need->low,
             need->high, need->needed, range_of(need), need->bits, hint);
}

// --- Rows x full scale ---

void adc_rows_json(const struct mapping *map, struct jsonw *w)
{
    jsonw_object(w, "adc");
    jsonw_string(w, "bound", "rows x full scale");
    jsonw_array(w, "layers");
    for (size_t i = 0; i < map->net->n; i++) {
        struct adc_need need = loss_need_of_rows(map, (int)i);
        if (!need.bits)
            continue;
        jsonw_object(w, NULL);
        jsonw_string(w, "name", map->net->layers[i].name);
        json_need(w, &need);
        jsonw_end(w);
    }
    jsonw_end(w);
    jsonw_end(w);
}

static bool converts(const struct adc_need *need)
{
    return need->bits > 0;
}

// Whatever the weights.
static bool rounds(const struct adc_need *need)
{
    return converts(need) && !need->calibrated && (need->worth > 1 || need->bits == 1);
}

// The layer that lacks most bits of those that are `among`; -1 if there are none.
static int worst_of_rows(const struct mapping *map, bool (*among)(const struct adc_need *need),
                         struct adc_need *worst)
{
    int at = -1;
    for (size_t i = 0; i < map->net->n; i++) {
        struct adc_need need = loss_need_of_rows(map, (int)i);
        if (among(&need) && (at < 0 || lacks_more(&need, worst))) {
            at = (int)i;
            *worst = need;
        }
    }
    return at;
}

void adc_rows_text(const struct mapping *map, const char *label)
{
    struct adc_need need;
    int at = worst_of_rows(map, converts, &need);
    if (at >= 0)
        printf("%s %d bits, %s; the sums of layer '%s' lie between %.6g and %.6g and need %d bits "
               "(rows x full scale; bitline eval counts the cells that are programmed)\n",
               label, need.bits, range_of(&need), visible(map->net->layers[at].name), need.low,
               need.high, need.needed);
}

void adc_rows_warn(const struct mapping *map, struct warnings *warnings)
{
    struct adc_need need;
    int at = worst_of_rows(map, rounds, &need);
    if (at >= 0 && need.bits == 1)
        warn_add(warnings, "adc-clips",
                 "the read-outs of layer '%s' have one bit for sums between %.6g and %.6g (rows x "
                 "full scale); where an output has several of them, they vote; set adc.bits=%d to "
                 "lose nothing (and the time, energy and area of such an ADC); bitline eval "
                 "reports the accuracy",
                 map->net->layers[at].name, need.low, need.high, need.needed);
    else if (at >= 0)
        warn_add(warnings, "adc-clips",
                 "the ADC of layer '%s' has %d bits for sums between %.6g and %.6g (rows x full "
                 "scale), so a code stands for %.3g steps and sums are rounded; set "
                 "adc.range=calibrated, or adc.bits=%d (and the time, energy and area of such an "
                 "ADC); bitline eval reports the accuracy",
                 map->net->layers[at].name, need.bits, need.low, need.high, need.worth,
                 need.needed);
}
