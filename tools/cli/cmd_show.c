// bitline show chip|net|schema.
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/units.h"
#include "sim/chip/chip.h"
#include "sim/chip/inherit.h"
#include "base/conf/conf.h"
#include "tools/cli/cmd.h"
#include "tools/cli/options.h"
#include "tools/cli/print_tensors.h"
#include "nets/train/recipe.h"
#include "tools/search/job.h"
#include "tools/sweep/job.h"
#include "base/visible.h"

enum { OPTION_PARTS = 1, OPTION_INHERITED, OPTION_TENSORS };

static const struct argp_option options[] = {
    {"form", OPTION_FORM, "FORM", 0, "net: binary, int8, int16 or float", 0},
    {"width", OPTION_WIDTH, "RATIO", 0, "net: widen all layers, e.g. 3x", 0},
    {"widths", OPTION_WIDTHS, "LIST", 0, "net: output channels of each layer", 0},
    {"set", OPTION_SET, "PATH=VALUE", 0, "Override a key of the chip, or of the network (net.PATH)",
     0},
    {"parts", OPTION_PARTS, NULL, 0, "chip: peak power, area and power density by part", 0},
    {"inherited", OPTION_INHERITED, NULL, 0,
     "chip: the keys that the file does not set itself, and the origin of each value", 0},
    {"tensors", OPTION_TENSORS, NULL, 0,
     "net: the tensors that a weights file must hold, and the meaning of their values", 0},
    {0},
};
static const char doc[] = "Print a chip (every key with the origin of its value; the output is a "
                          "valid chip file), a network (layers, shapes, operations), or the "
                          "reference of all keys.\v"
                          "Examples:\n"
                          "  bitline show chip hawis\n"
                          "  bitline show chip isaac-ce --parts\n"
                          "  bitline show chip hawis-q8 --inherited\n"
                          "  bitline show net resnet20 --form binary --width 3x\n"
                          "  bitline show net resnet20 --tensors\n"
                          "  bitline show schema          all keys of chip, net and job files\n"
                          "  bitline show schema tile     keys of one part";

struct args {
    struct inputs inputs;
    const char *what, *name;
    bool parts, inherited, tensors;
    struct err err;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct args *a = state->input;
    if (options_parse(&a->inputs, key, arg, &a->err))
        return 0;
    switch (key) {
    case OPTION_TENSORS:
        a->tensors = true;
        return 0;
    case OPTION_PARTS:
        a->parts = true;
        return 0;
    case OPTION_INHERITED:
        a->inherited = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            argp_error(state, "unexpected argument '%s'", visible(arg));
        *(state->arg_num ? &a->name : &a->what) = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->what)
            argp_error(state, "expected chip NAME, net NAME or schema");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void cell_units(struct table *table, double value, const char *unit)
{
    char text[48];
    table_cell(table, "%s", units_format(text, sizeof text, value, unit));
}

static void part_rows(struct table *table, const struct chip_part *parts, int n)
{
    for (int i = 0; i < n; i++) {
        table_cell(table, "%s", parts[i].name);
        table_cell(table, "%s", parts[i].owner);
        table_cell(table, "%.6g", parts[i].count);
        cell_units(table, parts[i].power_w, "W");
        cell_units(table, parts[i].area_m2, "m2");
    }
}

static void sum_row(struct table *table, const char *name, double power_w, double area_m2)
{
    table_cell(table, "%s", name);
    table_cell(table, "%s", "");
    table_cell(table, "%s", "");
    cell_units(table, power_w, "W");
    cell_units(table, area_m2, "m2");
}

// Peak power: every part busy. Buffers sized for a net are shown without their size.
static void print_parts(const struct chip *chip)
{
    static const char *const tile[] = {"<in one tile", "<part of", ">count",
                                       ">peak power",  ">area",    NULL};
    static const char *const whole[] = {"<in the chip", "<part of", ">count",
                                        ">peak power",  ">area",    NULL};
    struct chip_sum sum = chip_add_up(chip, NULL, NULL);
    struct table *table = table_create(tile);
    part_rows(table, sum.parts, sum.n_tile);
    table_rule(table);
    sum_row(table, "one tile", sum.tile_w, sum.tile_m2);
    table_print(table, stdout);
    table_destroy(table);
    putchar('\n');
    table = table_create(whole);
    part_rows(table, sum.parts + sum.n_tile, sum.n - sum.n_tile);
    table_rule(table);
    sum_row(table, "the chip", sum.chip_w, sum.chip_m2);
    table_print(table, stdout);
    table_destroy(table);
    if (sum.tile_w > 0)
        printf("\nread-out: %.1f %% of tile power, %.1f %% of tile area\n",
               100 * sum.adc_w / sum.tile_w, 100 * sum.adc_m2 / sum.tile_m2);
    if (sum.tile_m2 > 0)
        printf("power density, all parts busy: %.3g W/mm2 in a tile, %.3g W/mm2 in the chip\n",
               sum.tile_w / sum.tile_m2 * 1e-6, sum.chip_w / sum.chip_m2 * 1e-6);
    if ((chip->pe.has_buffer && chip->pe.buffer.bytes < 0) || chip->tile.buffer.bytes < 0)
        puts("buffers of automatic size are not counted here; bitline run sizes them for a net");
}

// What presets and `auto` come to, as comments: the output stays a chip file.
static void print_in_force(const struct chip *chip)
{
    char a[48], b[48], c[48];
    const struct adc_params *adc = &chip->adc;
    puts("# what presets and auto come to:");
    printf("#   DAC: %d bits, %s and %s per row driven, %s\n", chip->dac.bits,
           units_format(a, sizeof a, chip->dac.time_s, "s"),
           units_format(b, sizeof b, chip->dac.energy_j, "J"),
           units_format(c, sizeof c, chip->dac.area_m2, "m2"));
    printf("#   read-out: %d bits, %s and %s per conversion, %s\n", adc->bits,
           units_format(a, sizeof a, adc->time_s, "s"),
           units_format(b, sizeof b, adc->energy_j, "J"),
           units_format(c, sizeof c, adc->area_m2, "m2"));
    printf("#   cell: %s per read at the assumed activity, %s per write\n",
           units_format(a, sizeof a, cell_read_energy(&chip->cell, &chip->activity), "J"),
           units_format(b, sizeof b, cell_write_energy(&chip->cell), "J"));
    printf("#   %d rows driven at once, %d tiles\n", chip_rows_active(chip), chip_tiles(chip));
}

struct inherited {
    const struct chip *chip;
    struct table *table;
    size_t stated, other, defaults; // values: in the file or --set, in other files, in none
};

// A text of a file in one line of a table.
static void cell_text(struct table *table, const char *text)
{
    char shown[64];
    size_t n = strlen(text);
    snprintf(shown, sizeof shown, n < sizeof shown ? "%s" : "%.60s...", text);
    for (char *c = shown; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    table_cell(table, "%s", shown);
}

static void list_inherited(void *context, const char *path, const char *text,
                           const struct conf_node *node)
{
    struct inherited *list = context;
    char from[120] = "default";
    if (node && inherit_is_own(list->chip, node)) {
        list->stated++;
        return;
    }
    *(node ? &list->other : &list->defaults) += 1;
    if (node)
        snprintf(from, sizeof from, "%.100s:%d", node->origin, node->line);
    cell_text(list->table, path);
    cell_text(list->table, text);
    cell_text(list->table, from);
}

static void print_inherited(const struct chip *chip)
{
    static const char *const headers[] = {"<key", "<value", "<from", NULL};
    struct inherited list = {.chip = chip, .table = table_create(headers)};
    conf_walk(chip->conf->root, chip_fields, list_inherited, &list);
    table_print(list.table, stdout);
    table_destroy(list.table);
    printf("\n%zu values are stated in %s or by --set, %zu are inherited from chips that it "
           "extends, %zu are defaults\n",
           list.stated, visible(chip->conf->root->origin), list.other, list.defaults);
}

static bool show_chip(const struct args *a, struct err *err)
{
    struct chip *chip = NULL;
    if (!inputs_chip(&a->inputs, a->name, &chip, err))
        return false;
    if (a->inherited) {
        print_inherited(chip);
    } else if (a->parts) {
        print_parts(chip);
    } else {
        conf_print(chip->conf->root, chip_fields, true, stdout);
        print_in_force(chip);
    }
    chip_destroy(chip);
    return true;
}

// "3x3/2" or "3x3/2x1", with a dilation "3x3/1 dilated 2x2"; pads as one number or as top, left,
// bottom, right.
static void window_cells(struct table *table, const struct layer *l)
{
    if ((l->kind != LAYER_CONV || l->tokens) && l->kind != LAYER_POOL) {
        table_cell(table, "-");
        table_cell(table, "-");
        return;
    }
    char stride[32], dilation[40] = "";
    if (l->stride_h == l->stride_w)
        snprintf(stride, sizeof stride, "%d", l->stride_h);
    else
        snprintf(stride, sizeof stride, "%dx%d", l->stride_h, l->stride_w);
    if (l->dilation_h > 1 || l->dilation_w > 1)
        snprintf(dilation, sizeof dilation, " dilated %dx%d", l->dilation_h, l->dilation_w);
    table_cell(table, "%dx%d/%s%s", l->kernel_h, l->kernel_w, stride, dilation);
    const char *counted = l->count_pad ? "" : " not counted";
    if (l->pad_left == l->pad_top && l->pad_bottom == l->pad_top && l->pad_right == l->pad_top)
        table_cell(table, "%d%s", l->pad_top, l->pad_top ? counted : "");
    else
        table_cell(table, "%d %d %d %d%s", l->pad_top, l->pad_left, l->pad_bottom, l->pad_right,
                   counted);
}

static void inputs_cell(struct table *table, const struct net *net, const struct layer *l)
{
    char text[400] = "-";
    const char *sign = l->kind == LAYER_ADD ? " + " : l->kind == LAYER_MULTIPLY ? " * " : ", ";
    size_t used = 0;
    for (int edge = 0; edge < l->n_inputs && used < sizeof text; edge++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.60s", edge ? sign : "",
                                 net->layers[l->input[edge]].name);
    table_cell(table, "%s", text);
}

static void layer_row(struct table *table, const struct net *net, const struct layer *l)
{
    table_cell(table, "%s", l->name);
    if (l->kind == LAYER_CONV && l->groups > 1)
        table_cell(table, "%s, %d groups", layer_kind_name(l), l->groups);
    else
        table_cell(table, "%s", layer_kind_name(l));
    inputs_cell(table, net, l);
    table_cell(table, "%dx%dx%d", l->out_c, l->out_h, l->out_w);
    window_cells(table, l);
    if (l->weight_bits)
        table_cell(table, "%d", l->weight_bits);
    else
        table_cell(table, "-");
    table_cell(table, "%d", l->kind == LAYER_INPUT ? l->out_bits : l->in_bits[0]);
    table_cell(table, "%" PRId64, l->macs);
    table_cell(table, "%" PRId64, l->params);
}

static void print_net(const struct net *net)
{
    static const char *const headers[] = {"<layer",
                                          "<kind",
                                          "<from",
                                          ">out (c x h x w)",
                                          ">kernel/stride",
                                          ">pad",
                                          ">weight bits",
                                          ">input bits",
                                          ">MACs",
                                          ">parameters",
                                          NULL};
    struct net_ops ops = net_ops(net);
    printf("net      %s: %s\n", visible(net->name), visible(net->description));
    printf("form     %s, width %s [%016" PRIx64 "]\n", net_form_names[net->form],
           visible(net->width), net->hash);
    printf("image    %dx%dx%d, %d bits\n", net->raw_c, net->raw_h, net->raw_w, net->raw_bits);
    const char *scale = net_weight_scale(net);
    if (scale)
        printf("weights  one scale for every %s\n", scale);
    printf("\n");
    struct table *table = table_create(headers);
    for (size_t i = 0; i < net->n; i++)
        layer_row(table, net, &net->layers[i]);
    table_print(table, stdout);
    table_destroy(table);
    printf("\nMACs                       %" PRId64 " (%.2f M)\n", ops.macs,
           (double)ops.macs * 1e-6);
    printf("parameters                 %" PRId64 " (%" PRId64 " weights)\n", ops.params,
           ops.weights);
    printf("binary operations          %" PRId64
           " (%.0f M; one MAC is one operation, as in HAWIS's "
           "Tables III and IV)\n",
           ops.binary_ops, (double)ops.binary_ops * 1e-6);
    printf("integer operations         %" PRId64 "\n", ops.integer_ops);
    printf("full-precision operations  %" PRId64 "\n", ops.float_ops);
    printf("counted as nothing there   %" PRId64 " residual additions, %" PRId64
           " elements read by pooling, %" PRId64 " thresholds\n",
           ops.residual_adds, ops.pool_elements, ops.thresholds);
    if (ops.element_products)
        printf("element products           %" PRId64 " (multiply layers)\n", ops.element_products);
    print_activations(net);
    if (net->residual_bits)
        printf("residual stream            %d bits, fixed point\n", net->residual_bits);
}

static bool show_net(const struct args *a, struct err *err)
{
    struct net *net = NULL;
    if (!inputs_net(&a->inputs, a->name, &net, err))
        return false;
    if (!a->tensors)
        print_net(net);
    bool ok = !a->tensors || print_tensors(net, err);
    net_destroy(net);
    return ok;
}

static bool show_schema(const struct args *a, struct err *err)
{
    static const struct conf_field *const tables[] = {chip_fields, net_fields, job_fields};
    if (!a->name) {
        puts("# chip files");
        conf_print_schema(chip_fields, 0, stdout);
        puts("\n# net files");
        conf_print_schema(net_fields, 0, stdout);
        puts("\n# workload files of sweeps");
        conf_print_schema(job_fields, 0, stdout);
        puts("\n# workload files of searches");
        conf_print_schema(search_fields, 0, stdout);
        puts("\n# training files");
        conf_print_schema(recipe_fields, 0, stdout);
        return true;
    }
    for (const struct conf_field *f = chip_fields; f->key; f++)
        if (f->fields && !strcmp(f->key, a->name)) {
            printf("# %s: %s\n", f->key, f->help ? f->help : "");
            conf_print_schema(f->fields, 0, stdout);
            return true;
        }
    if (!strcmp(a->name, "search")) {
        conf_print_schema(search_fields, 0, stdout);
        return true;
    }
    for (int k = 0; k < CATALOG_KINDS; k++)
        if (!strcmp(a->name, catalog_kind_names[k])) {
            conf_print_schema(tables[k], 0, stdout);
            return true;
        }
    if (!strcmp(a->name, "train")) {
        conf_print_schema(recipe_fields, 0, stdout);
        return true;
    }
    return err_set(
        err,
        "show schema %s: no such part; take chip, net, workload, search, train, or a section of a "
        "chip (bitline show schema chip names them)",
        a->name);
}

int cmd_show(int argc, char **argv)
{
    static const struct argp argp = {options, parse, "chip NAME\nnet NAME\nschema [PART]", doc, 0,
                                     0,       0};
    static char name[] = "bitline show";
    struct args a = {0};
    argv[0] = name;
    options_run(&argp, argc, argv, 0, &a);
    bool ok = !a.err.text[0];
    bool chip = !strcmp(a.what, "chip"), net = !strcmp(a.what, "net");
    if (ok && (chip || net) && !a.name)
        ok = err_set(&a.err, "show %s: a name or a file is wanted", a.what);
    else if (ok && chip)
        ok = show_chip(&a, &a.err);
    else if (ok && net)
        ok = show_net(&a, &a.err);
    else if (ok && !strcmp(a.what, "schema"))
        ok = show_schema(&a, &a.err);
    else if (ok)
        ok = err_set(&a.err, "show %s: unknown; take chip, net or schema", a.what);
    if (!ok)
        return cli_refuse(&a.err);
    return cli_finish(EXIT_OK);
}
