#include "sim/chip/chip.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "models/technology.h"
#include "base/err.h"
#include "base/mem.h"

static const char *const polarity_names[] = {"single", "differential", "offset_column", NULL};
static const char *const subtract_names[] = {"before_adc", "after_adc", NULL};
static const char *const encoding_names[] = {"plain", "flip", NULL};
static const char *const slice_names[] = {"columns", "arrays", NULL};
static const char *const overlap_names[] = {"none", "window", NULL};
const char *const map_policy_names[] = {"kernel-aligned", "dense", NULL};
static const char *const group_names[] = {"auto", "packed", "apart", NULL};
static const char *const placement_names[] = {"row_major", "snake", "zigzag", "random", NULL};
static const char *const sram_names[] = {"given", "sram-90nm", "sram-65nm", "sram-45nm", NULL};

#define OF(type, member) .offset = offsetof(struct type, member)
#define UNIT(name, type, member, text)                                                             \
    {                                                                                              \
        name, CONF_SECTION, OF(type, member), .fields = unit_fields, .optional = true,             \
                                              .help = text                                         \
    }

static const struct conf_field crossbar_fields[] = {
    {"rows", CONF_INT, OF(crossbar_params, rows), .min = 1, .max = CHIP_MAX_LINES,
     .help = "word lines"},
    {"columns", CONF_INT, OF(crossbar_params, columns), .min = 1, .max = CHIP_MAX_LINES,
     .help = "bit lines for weights (the offset column comes on top)"},
    {"spare_rows", CONF_INT, OF(crossbar_params, spare_rows), .min = 0, .max = CHIP_MAX_SPARES,
     .fallback = "0", .help = "spare word lines for row repair (eval --mitigate spares)"},
    {"spare_columns", CONF_INT, OF(crossbar_params, spare_columns), .min = 0,
     .max = CHIP_MAX_SPARES, .fallback = "0", .help = "bit lines more, likewise"},
    {"polarity", CONF_ENUM, OF(crossbar_params, polarity), .names = polarity_names,
     .fallback = "differential", .help = "how negative weights are held"},
    {"subtract", CONF_ENUM, OF(crossbar_params, subtract_after), .names = subtract_names,
     .fallback = "before_adc", .help = "differential: plus and minus columns are subtracted"},
    {"encoding", CONF_ENUM, OF(crossbar_params, encoding), .names = encoding_names,
     .fallback = "plain",
     .help = "flip: a column of a single array whose levels add up to more than half of full scale "
             "is stored complemented, so that its ADC needs one bit less (ISAAC)"},
    {"slices", CONF_ENUM, OF(crossbar_params, slices), .names = slice_names, .fallback = "arrays",
     .help = "where the cells of one weight stand: side by side, or in crossbars of their own"},
    {"rows_active", CONF_INT, OF(crossbar_params, rows_active), .min = 1, .max = 65536,
     .fallback = "auto", .word = "auto", .help = "rows driven at once; auto: as many as DACs"},
    {"wire_resistance", CONF_QTY, OF(crossbar_params, wire_ohm), .min = 0, .max = 1e6,
     .unit = "ohm", .fallback = "0 ohm",
     .help = "of a word or bit line, from one cell to the next; felt by eval and sweep"},
    {"driver_area", CONF_QTY, OF(crossbar_params, driver_area_m2), .min = 0, .max = 1, .unit = "m2",
     .fallback = "0 m2", .help = "per word line of one array"},
    {"overhead_area", CONF_QTY, OF(crossbar_params, overhead_area_m2), .min = 0, .max = 1,
     .unit = "m2", .fallback = "0 m2", .help = "of one array, besides cells and drivers"},
    {0},
};

static const struct conf_field pe_fields[] = {
    {"crossbars", CONF_INT, OF(pe_params, crossbars), .min = 1, .max = 4096, .fallback = "1",
     .help = "crossbars (or differential pairs) in a PE"},
    {"buffer", CONF_SECTION, OF(pe_params, buffer), .fields = buffer_fields, .optional = true,
     .present = offsetof(struct pe_params, has_buffer), .help = "of input activations"},
    UNIT("input_register", pe_params, input_register, "one bit latched for one row"),
    UNIT("output_register", pe_params, output_register, "one conversion stored"),
    {"sample_hold", CONF_SECTION, OF(pe_params, sample_hold), .fields = unit_fields,
     .optional = true, .present = offsetof(struct pe_params, has_sample_hold),
     .help = "one column sampled; count per crossbar. Without it the array is read again for every "
             "round of the ADCs"},
    UNIT("shift_add", pe_params, shift_add, "one conversion shifted and added"),
    {0},
};

static const struct conf_field bus_fields[] = {
    {"rate", CONF_QTY, OF(bus_params, rate_bps), .min = 1, .max = 1e18, .unit = "b/s",
     .help = "from the tile's buffer to its PEs"},
    {"energy", CONF_QTY, OF(bus_params, energy_j), .min = 0, .max = 1e-3, .unit = "J",
     .fallback = "0 J", .help = "one bit"},
    {"area", CONF_QTY, OF(bus_params, area_m2), .min = 0, .max = 1, .unit = "m2",
     .fallback = "0 m2", .help = "the whole bus"},
    {"leakage", CONF_QTY, OF(bus_params, leakage_w), .min = 0, .max = 1e3, .unit = "W",
     .fallback = "0 W", .help = "the whole bus"},
    TECHNOLOGY_FIELD(struct bus_params, technology_m),
    {0},
};

static const struct conf_field tile_fields[] = {
    {"pes", CONF_INT, OF(tile_params, pes), .min = 1, .max = CHIP_MAX_PES, .help = "PEs in a tile"},
    {"overlap", CONF_ENUM, OF(tile_params, overlap), .names = overlap_names, .fallback = "none",
     .help = "window: windows of a tile overlap, the slowest step sets the pace"},
    {"buffer", CONF_SECTION, OF(tile_params, buffer), .fields = buffer_fields,
     .help = "outputs and residual rows; inputs too where PEs have no buffer"},
    {"bus", CONF_SECTION, OF(tile_params, bus), .fields = bus_fields, .optional = true,
     .help = "to the PEs; absent: nothing to wait for, free"},
    UNIT("adder", tile_params, adder, "two partial sums added"),
    UNIT("output", tile_params, output, "threshold (batch-norm folded) or activation, one element"),
    UNIT("output_register", tile_params, output_register, "one output element"),
    UNIT("residual_adder", tile_params, residual_adder, "one element of a residual add"),
    {"multiplier", CONF_SECTION, OF(tile_params, multiplier), .fields = unit_fields,
     .optional = true, .present = offsetof(struct tile_params, has_multiplier),
     .help = "one product of two elements; run refuses nets with multiply layers without it"},
    UNIT("pool", tile_params, pool, "one element read by a pooling window"),
    {"input_rows", CONF_INT, OF(tile_params, input_rows), .min = 1, .max = 1 << 20,
     .fallback = "auto", .word = "auto",
     .help = "depth of the input buffers of convolutions; auto: from their bytes"},
    {"residual_rows", CONF_INT, OF(tile_params, residual_rows), .min = 1, .max = 1 << 20,
     .fallback = "auto", .word = "auto",
     .help = "depth of residual buffers; auto: what the path beside needs, and two"},
    {"psum_rows", CONF_INT, OF(tile_params, psum_rows), .min = 1, .max = 1 << 20, .fallback = "2",
     .help = "depth of buffers of partial sums from other tiles"},
    {0},
};

static const struct conf_field offchip_fields[] = {
    {"rate", CONF_QTY, OF(offchip_params, rate_bps), .min = 1, .max = 1e18, .unit = "b/s",
     .help = "of images in and results out"},
    {"latency", CONF_QTY, OF(offchip_params, latency_s), .min = 0, .max = 1, .unit = "s",
     .fallback = "0 s", .help = "of one transfer"},
    {"energy", CONF_QTY, OF(offchip_params, energy_j), .min = 0, .max = 1e-3, .unit = "J",
     .fallback = "0 J", .help = "one bit"},
    {"area", CONF_QTY, OF(offchip_params, area_m2), .min = 0, .max = 1, .unit = "m2",
     .fallback = "0 m2", .help = "the whole link"},
    {"power", CONF_QTY, OF(offchip_params, power_w), .min = 0, .max = 1e3, .unit = "W",
     .fallback = "0 W", .help = "constant, counted with the leakage"},
    TECHNOLOGY_FIELD(struct offchip_params, technology_m),
    {0},
};

static const struct conf_field mapping_fields[] = {
    {"policy", CONF_ENUM, OF(mapping_params, policy), .names = map_policy_names,
     .fallback = "kernel-aligned",
     .help = "kernel-aligned: whole kernels, floor(rows / k^2) input channels per crossbar; dense: "
             "rows packed"},
    {"groups", CONF_ENUM, OF(mapping_params, groups), .names = group_names, .fallback = "auto",
     .help = "of grouped convolutions; packed: as many in one crossbar as fit, block-diagonally, "
             "with weights of 0 between them; apart: crossbars for each; auto: packed, but not "
             "beyond what the ADC reads without loss"},
    {"replicate", CONF_BOOL, OF(mapping_params, replicate), .fallback = "false",
     .help = "copy slow layers while tiles are left"},
    {"tiles", CONF_INT, OF(mapping_params, tiles), .min = 1, .max = 16384, .fallback = "auto",
     .word = "auto", .help = "budget; auto: the whole chip"},
    {"placement", CONF_ENUM, OF(mapping_params, placement), .names = placement_names,
     .fallback = "snake", .help = "order in which the mesh is filled; random follows the seed"},
    {0},
};

static const struct conf_field bits_fields[] = {
    {"weight", CONF_INT, OF(mnsim_bits, weight), .min = 1, .max = 32, .help = "charged bits"},
    {"input", CONF_INT, OF(mnsim_bits, input), .min = 1, .max = 32, .help = "charged bits"},
    {"output", CONF_INT, OF(mnsim_bits, output), .min = 1, .max = 32, .help = "charged bits"},
    {0},
};

#define BITS(name, i)                                                                              \
    {                                                                                              \
        name, CONF_SECTION, .offset = offsetof(struct mnsim_params, bits[i]),                      \
                            .fields = bits_fields, .optional = true, .help = "charged bits"        \
    }
static const struct conf_field mnsim_fields[] = {
    BITS("binary", 0),
    BITS("int8", 1),
    BITS("int16", 2),
    {"polarity", CONF_INT, OF(mnsim_params, polarity), .min = 1, .max = 2,
     .help = "arrays per weight"},
    {"groups", CONF_INT, OF(mnsim_params, groups), .min = 1, .max = 64, .help = "Group_Num"},
    {"pes", CONF_INT, OF(mnsim_params, pes), .min = 1, .max = 256, .help = "PEs in a tile"},
    {"dacs", CONF_INT, OF(mnsim_params, dacs), .min = 1, .max = 65536, .help = "DAC_Num"},
    {"adcs", CONF_INT, OF(mnsim_params, adcs), .min = 1, .max = 65536, .help = "ADC_Num"},
    {"digital_rate", CONF_QTY, OF(mnsim_params, digital_hz), .min = 1, .max = 1e12, .unit = "Hz",
     .help = "Digital_Frequency"},
    {"joint_technology", CONF_QTY, OF(mnsim_params, joint_technology_m), .min = 1e-9, .max = 1e-6,
     .unit = "m", .help = "of the adder tree"},
    {"buffer_kind", CONF_ENUM, OF(mnsim_params, buffer_technology), .names = sram_names,
     .fallback = "sram-90nm", .help = "SRAM class of its buffers"},
    {"buffer_width", CONF_INT, OF(mnsim_params, buffer_width), .min = 64, .max = 512,
     .fallback = "64", .help = "bits of a word"},
    {"driver_area", CONF_QTY, OF(mnsim_params, driver_area_m2), .min = 0, .max = 1, .unit = "m2",
     .fallback = "0 m2", .help = "per word line of one array"},
    {0},
};

static const struct conf_field override_fields[] = {
    {"layer", CONF_STR, OF(layer_override, layer), .help = "name of the layer"},
    {"adc", CONF_SECTION, OF(layer_override, adc), .fields = adc_fields,
     .help = "its read-out, in place of the chip's"},
    {0},
};

static const char *const arithmetic_names[] = {"parts", "exact", NULL};

const struct conf_field chip_fields[] = {
    {"name", CONF_NAME, OF(chip, name), .help = "of the chip"},
    {"description", CONF_TEXT, OF(chip, description), .fallback = "", .help = "for people"},
    {"technology", CONF_QTY, OF(chip, technology_m), .min = 1e-9, .max = 1e-6, .unit = "m",
     .fallback = "auto", .word = "auto",
     .help = "node of all parts that state none themselves; nothing is scaled; auto: not stated"},
    {"arithmetic", CONF_ENUM, OF(chip, arithmetic), .names = arithmetic_names, .fallback = "parts",
     .help = "exact: a reference, on which the form float is evaluated in floating point, beyond "
             "all parts; parts: cells, lines and converters compute, as in any design"},
    {"activity", CONF_SECTION, OF(chip, activity), .fields = activity_fields,
     .help = "what is assumed of the data"},
    {"cell", CONF_SECTION, OF(chip, cell), .fields = cell_fields, .help = "the memory cell"},
    {"crossbar", CONF_SECTION, OF(chip, crossbar), .fields = crossbar_fields,
     .help = "the array of cells"},
    {"dac", CONF_SECTION, OF(chip, dac), .fields = dac_fields, .help = "word-line drivers"},
    {"adc", CONF_SECTION, OF(chip, adc), .fields = adc_fields,
     .help = "read-out; with bits: 1 a comparator or sense amplifier"},
    {"overrides", CONF_SECTIONS, OF(chip, overrides), .fields = override_fields,
     .size = sizeof(struct layer_override), .optional = true, .help = "read-out of single layers"},
    {"pe", CONF_SECTION, OF(chip, pe), .fields = pe_fields, .help = "crossbars that share parts"},
    {"tile", CONF_SECTION, OF(chip, tile), .fields = tile_fields, .help = "PEs and an output unit"},
    {"noc", CONF_SECTION, OF(chip, noc), .fields = noc_fields, .help = "the network on chip"},
    {"offchip", CONF_SECTION, OF(chip, offchip), .fields = offchip_fields,
     .help = "the link to the world"},
    UNIT("encoder", chip, encoder, "one bit of the first layer's input planes"),
    {"power_gating", CONF_BOOL, OF(chip, gating), .fallback = "true",
     .help = "unoccupied tiles are off and leak nothing"},
    {"defects", CONF_SECTION, OF(chip, defects), .fields = defect_fields,
     .help = "what is broken or spreads; felt by eval and sweep, free of time and energy"},
    {"mapping", CONF_SECTION, OF(chip, mapping), .fields = mapping_fields,
     .help = "how nets are laid out"},
    {"mnsim", CONF_SECTION, OF(chip, mnsim), .fields = mnsim_fields, .optional = true,
     .present = offsetof(struct chip, has_mnsim),
     .help = "what the policy mnsim charges; absent: the policy is refused"},
    {0},
};

// An omitted section has no position: the error names the file and the section.
static const struct conf_node *at(const struct chip *chip, const char *path)
{
    const struct conf_node *node = conf_find(chip->conf->root, path);
    if (node)
        return node;
    struct conf_node *absent = arena_alloc(chip->conf->mem, 1, sizeof *absent);
    *absent = *chip->conf->root;
    absent->key = arena_strdup(chip->conf->mem, path);
    absent->parent = chip->conf->root;
    return absent;
}

static bool resolve_overrides(struct chip *chip, struct err *err)
{
    struct layer_override *items = chip->overrides.items;
    for (size_t i = 0; i < chip->overrides.n; i++) {
        const struct conf_node *node = chip->overrides.nodes[i];
        const struct conf_node *adc = conf_find(node, "adc");
        if (!adc_resolve(&items[i].adc, adc ? adc : node, err))
            return false;
        for (size_t j = 0; j < i; j++)
            if (!strcmp(items[i].layer, items[j].layer))
                return conf_fail(node, err, "layer '%s' is overridden twice; keep one",
                                 items[i].layer);
    }
    return true;
}

// A buffer whose size waits for the net is checked at one that every width has; sim/map resolves it
// again.
static bool check_buffer(const struct buffer_params *buffer, const struct conf_node *node,
                         struct err *err)
{
    struct buffer_params trial = *buffer;
    if (trial.bytes < 0 && trial.kind == 0)
        return conf_fail(node, err,
                         "bytes: auto needs one of the SRAM kinds; give the bytes, or a kind");
    if (trial.bytes < 0)
        trial.bytes = 1 << 16;
    return buffer_resolve(&trial, node, err);
}

static bool check(struct chip *chip, struct err *err)
{
    if (chip->cell.r_hrs_ohm < 0) // the word "inf"
        chip->cell.r_hrs_ohm = (double)INFINITY;
    if (chip->cell.r_hrs_ohm <= chip->cell.r_lrs_ohm)
        return conf_fail(at(chip, "cell.r_hrs"), err,
                         "%g ohm is not above r_lrs (%g ohm), so the two states cannot be told "
                         "apart; raise r_hrs (inf: no leakage) or lower r_lrs",
                         chip->cell.r_hrs_ohm, chip->cell.r_lrs_ohm);
    if (chip->dac.count > chip->crossbar.rows)
        return conf_fail(at(chip, "dac.count"), err,
                         "%d DACs for %d rows; at most one each: lower "
                         "dac.count or raise crossbar.rows",
                         chip->dac.count, chip->crossbar.rows);
    if (chip->crossbar.rows_active > chip->crossbar.rows)
        return conf_fail(at(chip, "crossbar.rows_active"), err,
                         "%d of %d rows cannot be active; lower it", chip->crossbar.rows_active,
                         chip->crossbar.rows);
    if (chip->crossbar.rows + chip->crossbar.spare_rows > CHIP_MAX_LINES ||
        chip->crossbar.columns + chip->crossbar.spare_columns > CHIP_MAX_LINES)
        return conf_fail(at(chip, "crossbar"), err,
                         "with its spare lines an array is larger than %d x %d; take fewer",
                         CHIP_MAX_LINES, CHIP_MAX_LINES);
    if (chip->crossbar.subtract_after && chip->crossbar.polarity != POLARITY_DIFFERENTIAL)
        return conf_fail(at(chip, "crossbar.subtract"), err,
                         "only differential pairs are subtracted; remove the key or set polarity");
    if (chip->crossbar.encoding == ENCODING_FLIP &&
        chip->crossbar.polarity == POLARITY_DIFFERENTIAL)
        return conf_fail(at(chip, "crossbar.encoding"), err,
                         "a differential pair holds no offset, so flipped columns would not lower "
                         "its sums; set crossbar.polarity to single or offset_column, or encoding "
                         "to plain");
    if (!defect_check(&chip->defects, at(chip, "defects"), err))
        return false;
    if (chip->mapping.tiles > chip_tiles(chip))
        return conf_fail(at(chip, "mapping.tiles"), err,
                         "%d tiles, but the chip has %d x %d = %d; lower "
                         "it, or raise noc.columns and noc.rows",
                         chip->mapping.tiles, chip->noc.columns, chip->noc.rows, chip_tiles(chip));
    if (chip->pe.has_buffer && !check_buffer(&chip->pe.buffer, at(chip, "pe.buffer"), err))
        return false;
    return check_buffer(&chip->tile.buffer, at(chip, "tile.buffer"), err);
}

bool chip_load(struct conf *conf_take, struct chip **out, struct err *err)
{
    struct chip *chip = arena_alloc(conf_take->mem, 1, sizeof *chip);
    chip->conf = conf_take;
    if (!conf_bind(conf_take, conf_take->root, chip_fields, chip, err) ||
        !dac_resolve(&chip->dac, at(chip, "dac"), err) ||
        !adc_resolve(&chip->adc, at(chip, "adc"), err) || !resolve_overrides(chip, err) ||
        !check(chip, err)) {
        conf_close(conf_take);
        return false;
    }
    chip->hash = conf_hash(conf_take->root, chip_fields);
    *out = chip;
    return true;
}

void chip_destroy(struct chip *chip)
{
    if (chip)
        conf_close(chip->conf);
}

const struct adc_params *chip_adc(const struct chip *chip, const char *layer)
{
    const struct layer_override *items = chip->overrides.items;
    for (size_t i = 0; i < chip->overrides.n; i++)
        if (!strcmp(items[i].layer, layer))
            return &items[i].adc;
    return &chip->adc;
}

int chip_tiles(const struct chip *chip)
{
    return chip->noc.columns * chip->noc.rows;
}

int chip_rows_active(const struct chip *chip)
{
    int dacs = chip->dac.count > 0 ? chip->dac.count : chip->crossbar.rows;
    int most = chip->crossbar.rows_active > 0 ? chip->crossbar.rows_active : dacs;
    return most < dacs ? most : dacs;
}

int chip_arrays(const struct chip *chip)
{
    return chip->crossbar.polarity == POLARITY_DIFFERENTIAL ? 2 : 1;
}
