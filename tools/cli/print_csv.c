// The result as CSV files. The first line of each, behind '#', says where it comes from.
#include <inttypes.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "sim/map/map.h"
#include "sim/run/result.h"
#include "tools/cli/print_result.h"
#include "base/visible.h"

static void number(FILE *out, double value)
{
    char text[40];
    fputs(text_double(text, sizeof text, value), out);
}

static void field(FILE *out, const char *text)
{
    csv_field(out, text ? text : "");
}

static void pair(FILE *out, const char *key, const char *value)
{
    field(out, key);
    fputc(',', out);
    field(out, value);
    fputc('\n', out);
}

static void pair_number(FILE *out, const char *key, double value)
{
    char text[40];
    pair(out, key, text_double(text, sizeof text, value));
}

static void pair_hash(FILE *out, const char *key, uint64_t hash)
{
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    pair(out, key, text);
}

// For spreadsheets and pandas (comment='#').
static void write_head(const struct result *r, FILE *out)
{
    fprintf(out,
            "# bitline %s, chip %s [%016" PRIx64 "], net %s [%016" PRIx64 "], policy %s, seed "
            "%" PRIu64 ": %s\n",
            r->version, visible(r->chip), r->chip_hash, visible(r->net), r->net_hash, r->policy,
            r->seed, visible(r->command));
}

static void write_summary(const struct result *r, FILE *out)
{
    fputs("key,value\n", out);
    pair(out, "version", r->version);
    pair(out, "command", r->command);
    pair(out, "chip", r->chip);
    pair_hash(out, "chip_hash", r->chip_hash);
    pair(out, "net", r->net);
    pair_hash(out, "net_hash", r->net_hash);
    pair(out, "form", r->form);
    pair(out, "width", r->width);
    pair(out, "policy", r->policy);
    pair(out, "noc", r->noc);
    pair(out, "tokens", r->tokens);
    pair(out, "mapping", r->mapping);
    fprintf(out, "seed,%" PRIu64 "\n", r->seed);
    pair_number(out, "images", r->images);
    pair_number(out, "macs", (double)r->macs);
    pair_number(out, "binary_ops", (double)r->binary_ops);
    pair_number(out, "crossbars", r->crossbars);
    pair_number(out, "tiles", r->tiles);
    pair_number(out, "energy_j", r->energy_j);
    pair_number(out, "energy_without_leakage_j", r->energy_without_leakage_j);
    pair_number(out, "shared_j", r->shared_j);
    pair_number(out, "latency_s", r->latency_s);
    pair_number(out, "throughput_ips", r->throughput_ips);
    pair_number(out, "edp_js", r->edp_js);
    pair_number(out, "average_power_w", r->average_w);
    pair_number(out, "peak_power_w", r->peak_w);
    pair_number(out, "tops", r->tops);
    pair_number(out, "tops_per_w", r->tops_per_w);
    pair_number(out, "tops_per_mm2", r->tops_per_mm2);
    pair_number(out, "area_m2", r->area_m2);
    pair_number(out, "chip_area_m2", r->chip_area_m2);
    pair(out, "bottleneck", r->bottleneck);
}

static void write_layers(const struct result *r, FILE *out)
{
    fputs("layer,kind,macs,crossbars,tiles,replicas,rows_used,columns_used,energy_j,start_s,end_s,"
          "latency_s,compute_s,wait_s,transfer_s,busy_s\n",
          out);
    for (size_t i = 0; i < r->n_layers; i++) {
        const struct layer_result *l = &r->layers[i];
        field(out, l->name);
        fprintf(out, ",%s,%" PRId64 ",%d,%d,%d", l->kind, l->macs, l->crossbars, l->tiles,
                l->replicas);
        const double values[] = {l->rows_used,  l->columns_used, l->energy_j,  l->start_s,
                                 l->end_s,      l->latency_s,    l->compute_s, l->wait_s,
                                 l->transfer_s, l->busy_s};
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            fputc(',', out);
            number(out, values[v]);
        }
        fputc('\n', out);
    }
}

static void ledger_rows(FILE *out, const char *layer, const struct ledger *ledger)
{
    for (int p = 0; p < PARTS; p++) {
        if (ledger->energy_j[p] <= 0)
            continue;
        field(out, layer);
        fprintf(out, ",%s,", part_names[p]);
        number(out, ledger->energy_j[p]);
        fputc('\n', out);
    }
}

static void write_parts(const struct result *r, FILE *out)
{
    fputs("layer,part,energy_j\n", out);
    for (size_t i = 0; i < r->n_layers; i++)
        ledger_rows(out, r->layers[i].name, &r->layers[i].ledger);
    ledger_rows(out, "shared", &r->shared);
}

static void write_shared(const struct result *r, FILE *out)
{
    fputs("part,kind,busy_s,wait_s,uses,blocker,blocked\n", out);
    for (size_t i = 0; i < r->n_shared; i++) {
        const struct shared_part *p = &r->parts[i];
        field(out, p->name);
        fprintf(out, ",%s,", shared_kind_names[p->kind]);
        number(out, p->busy_s);
        fputc(',', out);
        number(out, p->wait_s);
        fprintf(out, ",%" PRId64 ",", p->uses);
        field(out, p->blocker);
        fputc(',', out);
        field(out, p->blocked);
        fputc('\n', out);
    }
}

static void write_slices(const struct mapping *map, FILE *out)
{
    fputs("layer,replica,tile,x,y,pe,crossbar,group,groups,row_block,col_block,weight_slice,row0,"
          "rows,"
          "channel0,channels,output0,outputs,columns\n",
          out);
    for (int i = 0; i < map->n_slices; i++) {
        const struct slice *s = &map->slices[i];
        const struct map_tile *t = &map->tiles[s->tile];
        field(out, map->net->layers[s->layer].name);
        const int values[] = {s->replica,      s->tile,  t->x,      t->y,         s->pe,
                              s->crossbar,     s->group, s->groups, s->row_block, s->col_block,
                              s->weight_slice, s->row0,  s->rows,   s->chan0,     s->chans,
                              s->out0,         s->outs,  s->columns};
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            fprintf(out, ",%d", values[v]);
        fputc('\n', out);
    }
}

const char *const print_csv_files[] = {"layers.csv",  "parts.csv",  "shared.csv",
                                       "summary.csv", "slices.csv", NULL};

bool print_csv(const struct result *r, const struct mapping *map, const char *folder,
               struct err *err)
{
    static const struct {
        const char *name;
        void (*write)(const struct result *, FILE *);
    } files[] = {{"layers.csv", write_layers},
                 {"parts.csv", write_parts},
                 {"shared.csv", write_shared},
                 {"summary.csv", write_summary}};
    if (!file_make_folder(folder, err))
        return false;
    struct arena *mem = arena_create();
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof files / sizeof *files; i++) {
        struct file_out *out = file_create(arena_printf(mem, "%s/%s", folder, files[i].name), err);
        ok = out != NULL;
        if (ok) {
            write_head(r, file_stream(out));
            files[i].write(r, file_stream(out));
            ok = file_commit(out, err);
        }
    }
    struct file_out *out = ok ? file_create(arena_printf(mem, "%s/slices.csv", folder), err) : NULL;
    ok = out != NULL;
    if (ok) {
        write_head(r, file_stream(out));
        write_slices(map, file_stream(out));
        ok = file_commit(out, err);
    }
    arena_destroy(mem);
    return ok;
}
