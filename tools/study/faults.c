#include "tools/study/faults.h"

#include <stdio.h>

#include "base/text.h"

void faults_list(const struct defect_params *asked, const struct fault_counts *counts,
                 struct faults_part parts[FAULTS_PARTS])
{
    const struct defect_params *d = asked;
    const struct fault_counts *c = counts;
    parts[0] = (struct faults_part){"word_lines", "open word lines", d->word_lines, c->word_lines};
    parts[1] = (struct faults_part){"bit_lines", "open bit lines", d->bit_lines, c->bit_lines};
    parts[2] = (struct faults_part){"drivers", "drivers stuck on", d->drivers, c->drivers};
    parts[3] = (struct faults_part){"adcs", "ADCs stuck at a code", d->adcs, c->adcs};
}

void faults_json(const struct defect_params *asked, const struct fault_counts *counts,
                 struct jsonw *w)
{
    struct faults_part parts[FAULTS_PARTS];
    faults_list(asked, counts, parts);
    jsonw_object(w, "faults");
    jsonw_object(w, "requested");
    jsonw_number(w, "stuck_lrs", asked->stuck_lrs);
    jsonw_number(w, "stuck_hrs", asked->stuck_hrs);
    for (int i = 0; i < FAULTS_PARTS; i++)
        if (parts[i].rate > 0)
            jsonw_number(w, parts[i].key, parts[i].rate);
    jsonw_end(w);
    jsonw_object(w, "injected");
    jsonw_int(w, "cells", counts->cells);
    jsonw_int(w, "stuck_lrs", counts->lrs);
    jsonw_int(w, "stuck_hrs", counts->hrs);
    for (int i = 0; i < FAULTS_PARTS; i++) {
        char all[32];
        if (parts[i].rate <= 0)
            continue;
        snprintf(all, sizeof all, "%s_used", parts[i].key);
        jsonw_int(w, all, parts[i].tally.all);
        jsonw_int(w, parts[i].key, parts[i].tally.hit);
    }
    jsonw_end(w);
    jsonw_end(w);
}
