#include "tools/cli/print_result.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/warn.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/units.h"
#include "sim/run/result.h"
#include "tools/cli/adc_report.h"
#include "tools/study/inputs.h"
#include "base/visible.h"

static void cell_units(struct table *table, double value, const char *unit)
{
    char text[48];
    table_cell(table, "%s", units_format(text, sizeof text, value, unit));
}

static void cell_share(struct table *table, double part, double whole)
{
    if (whole > 0)
        table_cell(table, "%.1f %%", 100 * part / whole);
    else
        table_cell(table, "-");
}

static void cell_count(struct table *table, int64_t n)
{
    if (n >= 1000000)
        table_cell(table, "%.2f M", (double)n * 1e-6);
    else
        table_cell(table, "%" PRId64, n);
}

static void print_head(const struct result *r, FILE *out)
{
    fprintf(out, "bitline %s\n", r->version);
    fprintf(out, "net      %s, %s, width %s: %.2f M MACs, %.3f M parameters [%016" PRIx64 "]\n",
            visible(r->net), r->form, visible(r->width), (double)r->macs * 1e-6,
            (double)r->params * 1e-6, r->net_hash);
    fprintf(out, "chip     %s [%016" PRIx64 "]\n", visible(r->chip), r->chip_hash);
    fprintf(out,
            "mapping  %s: %d crossbars (%d arrays) on %d tiles; used: rows %.1f %%, columns %.1f "
            "%%, cells %.1f %%, crossbars of these tiles %.1f %%, tiles of the chip %.1f %%\n",
            r->mapping, r->crossbars, r->arrays, r->tiles, 100 * r->use_rows, 100 * r->use_columns,
            100 * r->use_cells, 100 * r->use_crossbars, 100 * r->use_tiles);
    fprintf(out, "run      policy %s, NoC %s, tokens %s, %d image%s, seed %" PRIu64 "\n", r->policy,
            r->noc, r->tokens, r->images, r->images == 1 ? "" : "s", r->seed);
    fprintf(out, "command  %s\n\n", visible(r->command));
}

static void layer_row(struct table *table, const struct layer_result *l, double total_j)
{
    table_cell(table, "%s", l->name);
    table_cell(table, "%s", l->kind);
    cell_count(table, l->macs);
    table_cell(table, "%d", l->crossbars);
    table_cell(table, "%d", l->tiles);
    if (l->crossbars) {
        table_cell(table, "%.0f %%", 100 * l->rows_used);
        table_cell(table, "%.0f %%", 100 * l->columns_used);
    } else {
        table_cell(table, "-");
        table_cell(table, "-");
    }
    cell_units(table, l->energy_j, "J");
    cell_share(table, l->energy_j, total_j);
    cell_units(table, l->start_s, "s");
    cell_units(table, l->latency_s, "s");
    cell_units(table, l->compute_s, "s");
    cell_units(table, l->wait_s, "s");
    cell_units(table, l->transfer_s, "s");
}

static struct table *layer_table(const struct result *r)
{
    static const char *const headers[] = {"<layer",   "<kind",    ">MACs",   ">xbars",    ">tiles",
                                          ">rows",    ">cols",    ">energy", ">share",    ">starts",
                                          ">latency", ">compute", ">wait",   ">transfer", NULL};
    struct table *table = table_create(headers);
    for (size_t i = 0; i < r->n_layers; i++)
        layer_row(table, &r->layers[i], r->energy_j);
    table_rule(table);
    table_cell(table, "shared by all");
    for (int i = 0; i < 6; i++)
        table_cell(table, "%s", "");
    cell_units(table, r->shared_j, "J");
    cell_share(table, r->shared_j, r->energy_j);
    for (int i = 0; i < 5; i++)
        table_cell(table, "%s", "");
    table_cell(table, "total");
    table_cell(table, "%s", "");
    cell_count(table, r->macs);
    table_cell(table, "%d", r->crossbars);
    table_cell(table, "%d", r->tiles);
    table_cell(table, "%.0f %%", 100 * r->use_rows);
    table_cell(table, "%.0f %%", 100 * r->use_columns);
    cell_units(table, r->energy_j, "J");
    cell_share(table, r->energy_j, r->energy_j);
    table_cell(table, "%s", "");
    cell_units(table, r->latency_s, "s");
    for (int i = 0; i < 3; i++)
        table_cell(table, "%s", "");
    return table;
}

static struct ledger sum_ledgers(const struct result *r)
{
    struct ledger sum = r->shared;
    for (size_t i = 0; i < r->n_layers; i++) {
        for (int p = 0; p < PARTS; p++)
            sum.energy_j[p] += r->layers[i].ledger.energy_j[p];
        for (int m = 0; m < METERS; m++)
            sum.count[m] += r->layers[i].ledger.count[m];
    }
    return sum;
}

static void print_parts(const struct result *r, FILE *out)
{
    static const char *const headers[] = {"<energy by part", ">per image", ">share", NULL};
    struct ledger sum = sum_ledgers(r);
    struct table *table = table_create(headers);
    for (int p = 0; p < PARTS; p++) {
        if (sum.energy_j[p] <= 0)
            continue;
        table_cell(table, "%s", part_names[p]);
        cell_units(table, sum.energy_j[p], "J");
        cell_share(table, sum.energy_j[p], r->energy_j);
    }
    table_print(table, out);
    table_destroy(table);
    static const char *const areas[] = {"<area by part", ">occupied tiles", ">share", NULL};
    table = table_create(areas);
    for (size_t i = 0; i < r->n_areas; i++) {
        table_cell(table, "%s", r->areas[i].name);
        cell_units(table, r->areas[i].area_m2, "m2");
        cell_share(table, r->areas[i].area_m2, r->area_m2);
    }
    fputc('\n', out);
    table_print(table, out);
    table_destroy(table);
}

static int by_wait(const void *a, const void *b)
{
    const struct shared_part *const *x = a, *const *y = b;
    if ((*x)->wait_s != (*y)->wait_s)
        return (*x)->wait_s < (*y)->wait_s ? 1 : -1;
    return *x < *y ? -1 : *x > *y;
}

enum { TOP_PARTS = 8 };

static void print_shared(const struct result *r, FILE *out)
{
    static const char *const headers[] = {
        "<shared part", ">busy", ">of the run", ">waited for", "<who held it", "<who waited", NULL};
    const struct shared_part **order = mem_alloc(r->n_shared, sizeof *order);
    for (size_t i = 0; i < r->n_shared; i++)
        order[i] = &r->parts[i];
    qsort(order, r->n_shared, sizeof *order, by_wait);
    struct table *table = table_create(headers);
    size_t n = 0, waited = 0;
    for (size_t i = 0; i < r->n_shared; i++)
        waited += order[i]->wait_s > 0;
    for (; n < r->n_shared && n < TOP_PARTS && order[n]->wait_s > 0; n++) {
        const struct shared_part *p = order[n];
        table_cell(table, "%s", p->name);
        cell_units(table, p->busy_s, "s");
        cell_share(table, p->busy_s, r->run_s);
        cell_units(table, p->wait_s, "s");
        table_cell(table, "%s", p->blocker ? p->blocker : "-");
        table_cell(table, "%s", p->blocked ? p->blocked : "-");
    }
    if (n) {
        fprintf(out,
                "\nLongest waits (%zu of %zu parts that something waited for; --json lists all)\n",
                n, waited);
        table_print(table, out);
    }
    table_destroy(table);
    free(order);
}

static void line(FILE *out, const char *name, double value, const char *unit, const char *note)
{
    char text[48];
    fprintf(out, "%-28s %s%s\n", name, units_format(text, sizeof text, value, unit), note);
}

static void print_totals(const struct result *r, FILE *out)
{
    fputc('\n', out);
    line(out, "energy per image", r->energy_j, "J", r->measured ? " (measured activity)" : "");
    if (r->measured)
        line(out, "  at the assumed activity", r->energy_assumed_j, "J", "");
    line(out, "  without leakage", r->energy_without_leakage_j, "J", "");
    line(out, "latency of the first image", r->latency_s, "s", "");
    fprintf(out, "%-28s %.6g images/s%s\n", "throughput", r->throughput_ips,
            r->throughput_estimated ? " (estimate: inverse of the slowest stage)" : "");
    fprintf(out, "%-28s %.4g Js\n", "energy-delay product", r->edp_js);
    line(out, "average power", r->average_w, "W", "");
    line(out, "peak power", r->peak_w, "W", " (every part of the occupied tiles busy)");
    fprintf(out, "%-28s %.4g TOPS, %.4g TOPS/W, %.4g TOPS/mm2 (1 MAC = 2 operations)\n",
            "figures of merit", r->tops, r->tops_per_w, r->tops_per_mm2);
    line(out, "area of occupied tiles", r->area_m2, "m2", "");
    line(out, "area of the chip", r->chip_area_m2, "m2", "");
    line(out, "writing the weights, once", r->program_j, "J", "");
    if (r->bottleneck)
        fprintf(out, "%-28s %s\n", "bottleneck", visible(r->bottleneck));
}

void print_text(const struct result *r, FILE *out)
{
    print_head(r, out);
    struct table *table = layer_table(r);
    table_print(table, out);
    table_destroy(table);
    fputc('\n', out);
    print_parts(r, out);
    print_shared(r, out);
    print_totals(r, out);
}

// --- JSON ---

static void json_ledger(struct jsonw *w, const struct ledger *ledger)
{
    jsonw_object(w, "energy");
    for (int p = 0; p < PARTS; p++)
        if (ledger->energy_j[p] > 0)
            jsonw_number(w, part_names[p], ledger->energy_j[p]);
    jsonw_end(w);
    jsonw_object(w, "counts");
    for (int m = 0; m < METERS; m++)
        if (ledger->count[m] > 0)
            jsonw_int(w, meter_names[m], ledger->count[m]);
    jsonw_end(w);
}

static void json_layer(struct jsonw *w, const struct layer_result *l)
{
    jsonw_object(w, NULL);
    jsonw_string(w, "name", l->name);
    jsonw_string(w, "kind", l->kind);
    jsonw_int(w, "macs", l->macs);
    jsonw_int(w, "crossbars", l->crossbars);
    jsonw_int(w, "tiles", l->tiles);
    jsonw_int(w, "replicas", l->replicas);
    jsonw_int(w, "groups_packed", l->packed);
    jsonw_number(w, "rows_used", l->rows_used);
    jsonw_number(w, "columns_used", l->columns_used);
    jsonw_number(w, "start_s", l->start_s);
    jsonw_number(w, "end_s", l->end_s);
    jsonw_number(w, "latency_s", l->latency_s);
    jsonw_number(w, "compute_s", l->compute_s);
    jsonw_number(w, "wait_s", l->wait_s);
    jsonw_number(w, "transfer_s", l->transfer_s);
    jsonw_number(w, "busy_s", l->busy_s);
    jsonw_string(w, "slowest_step", l->slowest);
    jsonw_number(w, "energy_j", l->energy_j);
    json_ledger(w, &l->ledger);
    jsonw_end(w);
}

static void json_hash(struct jsonw *w, const char *key, uint64_t hash)
{
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    jsonw_string(w, key, text);
}

static void json_provenance(struct jsonw *w, const struct result *r)
{
    jsonw_string(w, "version", r->version);
    jsonw_string(w, "command", r->command);
    jsonw_string(w, "chip", r->chip);
    json_hash(w, "chip_hash", r->chip_hash);
    jsonw_string(w, "net", r->net);
    json_hash(w, "net_hash", r->net_hash);
    jsonw_string(w, "form", r->form);
    jsonw_string(w, "width", r->width);
    jsonw_string(w, "policy", r->policy);
    jsonw_string(w, "noc", r->noc);
    jsonw_string(w, "tokens", r->tokens);
    jsonw_string(w, "mapping", r->mapping);
    jsonw_int(w, "seed", (int64_t)r->seed);
    jsonw_int(w, "images", r->images);
}

static void json_totals(struct jsonw *w, const struct result *r)
{
    jsonw_int(w, "macs", r->macs);
    jsonw_int(w, "binary_ops", r->binary_ops);
    jsonw_int(w, "params", r->params);
    jsonw_int(w, "crossbars", r->crossbars);
    jsonw_int(w, "arrays", r->arrays);
    jsonw_int(w, "tiles", r->tiles);
    jsonw_number(w, "energy_j", r->energy_j);
    if (r->measured)
        jsonw_number(w, "energy_assumed_activity_j", r->energy_assumed_j);
    jsonw_number(w, "energy_without_leakage_j", r->energy_without_leakage_j);
    jsonw_number(w, "latency_s", r->latency_s);
    jsonw_number(w, "throughput_ips", r->throughput_ips);
    jsonw_bool(w, "throughput_estimated", r->throughput_estimated);
    jsonw_number(w, "run_s", r->run_s);
    jsonw_number(w, "area_m2", r->area_m2);
    jsonw_number(w, "chip_area_m2", r->chip_area_m2);
    jsonw_number(w, "edp_js", r->edp_js);
    jsonw_number(w, "average_power_w", r->average_w);
    jsonw_number(w, "peak_power_w", r->peak_w);
    jsonw_number(w, "tops", r->tops);
    jsonw_number(w, "tops_per_w", r->tops_per_w);
    jsonw_number(w, "tops_per_mm2", r->tops_per_mm2);
    jsonw_int(w, "ops_per_mac", 2);
    jsonw_number(w, "program_energy_j", r->program_j);
    jsonw_number(w, "program_time_s", r->program_s);
    jsonw_number(w, "pe_buffer_bytes", r->pe_buffer_bytes);
    jsonw_number(w, "tile_buffer_bytes", r->tile_buffer_bytes);
    jsonw_string(w, "bottleneck", r->bottleneck);
}

static void json_use(struct jsonw *w, const struct result *r)
{
    jsonw_object(w, "utilisation");
    jsonw_number(w, "rows", r->use_rows);
    jsonw_number(w, "columns", r->use_columns);
    jsonw_number(w, "cells", r->use_cells);
    jsonw_number(w, "crossbars_in_tiles", r->use_crossbars);
    jsonw_number(w, "tiles_in_chip", r->use_tiles);
    jsonw_end(w);
    jsonw_object(w, "area");
    for (size_t i = 0; i < r->n_areas; i++)
        jsonw_number(w, r->areas[i].name, r->areas[i].area_m2);
    jsonw_end(w);
}

void print_json(const struct result *r, const struct mapping *map, const struct warnings *warnings,
                FILE *out)
{
    struct jsonw *w = jsonw_create(out, 2);
    jsonw_object(w, NULL);
    json_provenance(w, r);
    warnings_json(warnings, w);
    adc_rows_json(map, w);
    json_totals(w, r);
    json_use(w, r);
    jsonw_object(w, "shared");
    jsonw_number(w, "energy_j", r->shared_j);
    json_ledger(w, &r->shared);
    jsonw_end(w);
    jsonw_array(w, "layers");
    for (size_t i = 0; i < r->n_layers; i++)
        json_layer(w, &r->layers[i]);
    jsonw_end(w);
    jsonw_array(w, "parts");
    for (size_t i = 0; i < r->n_shared; i++) {
        const struct shared_part *p = &r->parts[i];
        jsonw_object(w, NULL);
        jsonw_string(w, "name", p->name);
        jsonw_string(w, "kind", shared_kind_names[p->kind]);
        jsonw_number(w, "busy_s", p->busy_s);
        jsonw_number(w, "wait_s", p->wait_s);
        jsonw_int(w, "uses", p->uses);
        jsonw_string(w, "blocker", p->blocker);
        jsonw_string(w, "blocked", p->blocked);
        jsonw_end(w);
    }
    jsonw_end(w);
    jsonw_end(w);
    jsonw_destroy(w);
}
