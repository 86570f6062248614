#include "tools/cli/activity_file.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"
#include "tools/study/version.h"

// What inputs and cells of an array mean.
struct level_model_kind {
    int dac_bits, cell_bits, arrays;
    bool offset_column, subtract_after, flip;
};

struct layer_entry {
    const char *layer;
    int packed; // groups that share a crossbar; 1 in files from before they did
    double inputs_on, cells_lrs, nonzero;
};

struct file {
    const char *version, *command, *chip, *chip_hash, *net, *net_hash, *form, *data;
    int images;
    struct level_model_kind kind;
    struct conf_list layers; // of struct layer_entry
};

#define AT(member) .offset = offsetof(struct layer_entry, member)
static const struct conf_field layer_fields[] = {
    {"layer", CONF_STR, AT(layer), .help = "its name"},
    {"groups_packed", CONF_INT, AT(packed), .min = 1, .max = INT_MAX, .fallback = "1",
     .help = "groups in a crossbar"},
    {"inputs_on", CONF_NUM, AT(inputs_on), .min = 0, .max = 1, .help = "share of word lines"},
    {"cells_lrs", CONF_NUM, AT(cells_lrs), .min = 0, .max = 1, .help = "share of cells"},
    {"conversions_nonzero", CONF_NUM, AT(nonzero), .min = 0, .max = 1, .help = "share of codes"},
    {0},
};
#undef AT

#define AT(member) .offset = offsetof(struct file, member)
static const struct conf_field file_fields[] = {
    {"version", CONF_STR, AT(version), .help = "of the program"},
    {"command", CONF_STR, AT(command), .help = "that wrote the file"},
    {"chip", CONF_STR, AT(chip), .help = "its name"},
    {"chip_hash", CONF_STR, AT(chip_hash), .help = "of its keys"},
    {"net", CONF_STR, AT(net), .help = "its name"},
    {"net_hash", CONF_STR, AT(net_hash), .help = "of its layers"},
    {"form", CONF_STR, AT(form), .help = "of the net"},
    {"data", CONF_STR, AT(data), .help = "what the images are from"},
    {"images", CONF_INT, AT(images), .min = 1, .max = 10000000, .help = "how many"},
    {"dac_bits", CONF_INT, AT(kind.dac_bits), .min = 1, .max = 64, .help = "of the chip"},
    {"cell_bits", CONF_INT, AT(kind.cell_bits), .min = 1, .max = 64, .help = "of the chip"},
    {"arrays", CONF_INT, AT(kind.arrays), .min = 1, .max = 2, .help = "of one weight"},
    {"offset_column", CONF_BOOL, AT(kind.offset_column), .help = "of the chip"},
    {"subtract_after", CONF_BOOL, AT(kind.subtract_after), .help = "of the chip"},
    {"flip", CONF_BOOL, AT(kind.flip), .fallback = "false", .help = "crossbar.encoding: flip"},
    {"layers", CONF_SECTIONS, AT(layers), .fields = layer_fields,
     .size = sizeof(struct layer_entry), .help = "those with arrays"},
    {0},
};
#undef AT

static struct level_model_kind kind_of(const struct chip *chip)
{
    return (struct level_model_kind){chip->dac.bits,
                                     chip->cell.bits,
                                     chip_arrays(chip),
                                     chip->crossbar.polarity == POLARITY_OFFSET,
                                     chip->crossbar.subtract_after != 0,
                                     chip->crossbar.encoding == ENCODING_FLIP};
}

static void write_hash(struct jsonw *w, const char *key, uint64_t hash)
{
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    jsonw_string(w, key, text);
}

static void write_all(struct jsonw *w, const struct activity_report *r)
{
    const struct chip *chip = r->mapping->chip;
    const struct net *net = r->mapping->net;
    struct level_model_kind kind = kind_of(chip);
    jsonw_object(w, NULL);
    jsonw_string(w, "version", BITLINE_VERSION);
    jsonw_string(w, "command", r->command);
    jsonw_string(w, "chip", chip->name);
    write_hash(w, "chip_hash", chip->hash);
    jsonw_string(w, "net", net->name);
    write_hash(w, "net_hash", net->hash);
    jsonw_string(w, "form", net_form_names[net->form]);
    jsonw_string(w, "data", r->data);
    jsonw_int(w, "images", (int64_t)r->images);
    jsonw_int(w, "dac_bits", kind.dac_bits);
    jsonw_int(w, "cell_bits", kind.cell_bits);
    jsonw_int(w, "arrays", kind.arrays);
    jsonw_bool(w, "offset_column", kind.offset_column);
    jsonw_bool(w, "subtract_after", kind.subtract_after);
    jsonw_bool(w, "flip", kind.flip);
    jsonw_array(w, "layers");
    for (size_t i = 1; i < net->n; i++) {
        if (!r->mapping->layers[i].slices)
            continue;
        jsonw_object(w, NULL);
        jsonw_string(w, "layer", net->layers[i].name);
        jsonw_int(w, "groups_packed", r->mapping->layers[i].packed);
        jsonw_number(w, "inputs_on", r->layers[i].params.inputs_on);
        jsonw_number(w, "cells_lrs", r->layers[i].params.cells_lrs);
        jsonw_number(w, "conversions_nonzero", r->layers[i].nonzero);
        jsonw_end(w);
    }
    jsonw_end(w);
    jsonw_end(w);
}

bool activity_write(const char *path, const struct activity_report *report, struct err *err)
{
    struct file_out *out = file_create(path, err);
    if (!out)
        return false;
    struct jsonw *w = jsonw_create(file_stream(out), 2);
    write_all(w, report);
    jsonw_destroy(w);
    return file_commit(out, err);
}

static bool check_file(const struct file *file, const struct conf_node *root,
                       const struct mapping *mapping, struct err *err)
{
    const struct net *net = mapping->net;
    struct level_model_kind kind = kind_of(mapping->chip), has = file->kind;
    char hash[24];
    snprintf(hash, sizeof hash, "%016" PRIx64, net->hash);
    if (strcmp(hash, file->net_hash) != 0)
        return conf_fail(conf_find(root, "net_hash"), err,
                         "was measured on another net ('%s', %s) than '%s', %s [%s]; run eval "
                         "--activity with this net, form and width",
                         file->net, file->form, net->name, net_form_names[net->form], hash);
    if (kind.dac_bits != has.dac_bits || kind.cell_bits != has.cell_bits ||
        kind.arrays != has.arrays || kind.offset_column != has.offset_column ||
        kind.subtract_after != has.subtract_after || kind.flip != has.flip)
        return conf_fail(conf_find(root, "dac_bits"), err,
                         "was measured on arrays with other DAC bits, cell bits, polarity or "
                         "encoding; run eval --activity on the chip '%s'",
                         mapping->chip->name);
    return mapping->chip->cell.read_j < 0 ||
           conf_fail(conf_find(mapping->chip->conf->root, "cell.read_energy"), err,
                     "is given, so a read costs the same whatever the data; set "
                     "cell.read_energy=auto, or drop --activity");
}

static bool take_layers(const struct file *file, const struct conf_node *root,
                        const struct mapping *mapping, struct activity_params *to, struct err *err)
{
    const struct net *net = mapping->net;
    const struct layer_entry *entries = file->layers.items;
    for (size_t i = 1; i < net->n; i++) {
        if (!mapping->layers[i].slices)
            continue;
        size_t e = 0;
        while (e < file->layers.n && strcmp(entries[e].layer, net->layers[i].name) != 0)
            e++;
        if (e == file->layers.n)
            return conf_fail(conf_find(root, "layers"), err,
                             "has nothing on layer '%s'; run eval --activity again",
                             net->layers[i].name);
        if (entries[e].packed != mapping->layers[i].packed)
            return conf_fail(file->layers.nodes[e], err,
                             "layer '%s' was measured with %d groups in a crossbar, and has %d "
                             "here; run eval --activity with the same mapping.groups and crossbar",
                             net->layers[i].name, entries[e].packed, mapping->layers[i].packed);
        to[i] = (struct activity_params){entries[e].inputs_on, entries[e].cells_lrs};
    }
    return true;
}

bool activity_read(const char *path, const struct mapping *mapping, struct arena *mem,
                   const struct activity_params **out, struct err *err)
{
    struct conf *conf = conf_open(path, err);
    struct file file = {0};
    struct activity_params *all = arena_alloc(mem, mapping->net->n, sizeof *all);
    bool ok = conf && conf_bind(conf, conf->root, file_fields, &file, err) &&
              check_file(&file, conf->root, mapping, err) &&
              take_layers(&file, conf->root, mapping, all, err);
    conf_close(conf);
    *out = all;
    return ok;
}
