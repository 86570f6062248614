#include "tools/study/mitigation_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "base/units.h"
#include "sim/chip/chip.h"
#include "sim/run/run.h"
#include "sim/crossbar/mitigation.h"
#include "sim/map/map.h"
#include "sim/run/result.h"
#include "tools/study/accuracy.h"
#include "tools/study/version.h"

void mitigation_add(struct mitigation_report *mending, const struct trial *trial, double unmended)
{
    struct spare_report *to = &mending->spares;
    const struct spare_report *from = &trial->spares;
    mending->unmended[mending->trials++] = unmended;
    mending->channels = trial->channels;
    to->rows += from->rows;
    to->columns += from->columns;
    to->rows_left += from->rows_left;
    to->columns_left += from->columns_left;
    to->wrong_before += from->wrong_before;
    to->wrong_after += from->wrong_after;
    to->cells += from->cells;
    to->crossbars += from->crossbars;
    to->pulses = from->pulses > to->pulses ? from->pulses : to->pulses;
}

static bool price_norms(struct mitigation_report *mending, const struct model *model,
                        struct err *err)
{
    struct result *r = NULL;
    struct run_params params = {.images = 1, .version = BITLINE_VERSION};
    if (!run_mapping(model->map, &params, &r, err))
        return false;
    double images = (double)model->mend.images;
    mending->norms_j = images * r->energy_j;
    mending->norms_s =
        r->latency_s + (r->throughput_ips > 0 ? (images - 1) / r->throughput_ips : 0);
    result_destroy(r);
    return true;
}

bool mitigation_price(struct mitigation_report *mending, const struct model *model, struct err *err)
{
    if (model->mend.spares) {
        struct repair all = {mending->spares.cells, mending->spares.pulses};
        mending->repair = repair_cost(model->map, &all);
        mending->repair.write_j /= mending->trials;
    }
    return !model->mend.bn || price_norms(mending, model, err);
}

static double mean_unmended(const struct mitigation_report *mending)
{
    double sum = 0;
    for (unsigned t = 0; t < mending->trials; t++)
        sum += mending->unmended[t];
    return sum / mending->trials;
}

static void cost_text(double energy_j, double time_s)
{
    char energy[48], time[48];
    printf("%s, %s", units_format(energy, sizeof energy, energy_j, "J"),
           units_format(time, sizeof time, time_s, "s"));
}

static void spares_text(const struct mitigation_report *mending, const struct chip *chip)
{
    const struct spare_report *s = &mending->spares;
    const char *chips = mending->trials > 1 ? " on all chips" : "";
    printf("  spares %" PRId64 " rows and %" PRId64
           " columns remapped%s; cells with a wrong level: "
           "%" PRId64 " before, %" PRId64 " after\n",
           s->rows, s->columns, chips, s->wrong_before, s->wrong_after);
    if (s->rows_left + s->columns_left > 0)
        printf("         too few spares: %" PRId64 " rows and %" PRId64
               " columns with such cells remain "
               "where all %d spare rows or %d spare columns of a crossbar are in use\n",
               s->rows_left, s->columns_left, chip->crossbar.spare_rows,
               chip->crossbar.spare_columns);
    printf("         once per chip: ");
    cost_text(mending->repair.test_j, mending->repair.test_s);
    printf(" to read all cells, ");
    cost_text(mending->repair.write_j, mending->repair.write_s);
    printf(" to write the remapped lines\n");
}

void mitigation_text(const struct mitigation_report *mending, const struct model *model)
{
    printf("mitigate %.2f %% without mitigation\n", 100 * mean_unmended(mending));
    if (model->mend.bn) {
        printf("  bn     %" PRId64 " batch-norms from %zu training images; once per chip: ",
               mending->channels, model->mend.images);
        cost_text(mending->norms_j, mending->norms_s);
        printf(" to run them through the chip\n");
    }
    if (model->mend.gain)
        printf("  gain   sums divided by %.5g; no cost: a factor in the thresholds\n",
               mitigation_gain(&model->chip->defects));
    if (model->mend.spares)
        spares_text(mending, model->chip);
}

static void spares_json(const struct mitigation_report *mending, struct jsonw *w)
{
    const struct spare_report *s = &mending->spares;
    jsonw_object(w, "spares");
    jsonw_int(w, "rows_moved", s->rows);
    jsonw_int(w, "columns_moved", s->columns);
    jsonw_int(w, "rows_left", s->rows_left);
    jsonw_int(w, "columns_left", s->columns_left);
    jsonw_int(w, "wrong_cells_before", s->wrong_before);
    jsonw_int(w, "wrong_cells_after", s->wrong_after);
    jsonw_number(w, "test_energy_j", mending->repair.test_j);
    jsonw_number(w, "test_time_s", mending->repair.test_s);
    jsonw_number(w, "write_energy_j", mending->repair.write_j);
    jsonw_number(w, "write_time_s", mending->repair.write_s);
    jsonw_end(w);
}

void mitigation_json(const struct mitigation_report *mending, const struct model *model,
                     struct jsonw *w)
{
    jsonw_object(w, "mending");
    jsonw_number(w, "accuracy_without", mean_unmended(mending));
    jsonw_array(w, "trials_without");
    for (unsigned t = 0; t < mending->trials; t++)
        jsonw_number(w, NULL, mending->unmended[t]);
    jsonw_end(w);
    if (model->mend.bn) {
        jsonw_object(w, "bn");
        jsonw_int(w, "images", (int64_t)model->mend.images);
        jsonw_int(w, "channels", mending->channels);
        jsonw_number(w, "energy_j", mending->norms_j);
        jsonw_number(w, "time_s", mending->norms_s);
        jsonw_end(w);
    }
    if (model->mend.gain) {
        jsonw_object(w, "gain");
        jsonw_number(w, "divided_by", mitigation_gain(&model->chip->defects));
        jsonw_end(w);
    }
    if (model->mend.spares)
        spares_json(mending, w);
    jsonw_end(w);
}
