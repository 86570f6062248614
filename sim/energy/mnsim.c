#include "sim/energy/mnsim.h"

#include <math.h>
#include <stdlib.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/map/groups.h"

// What the rules need of one layer.
struct load {
    int64_t windows, row;        // output windows; of one output row
    int max_row, max_col, group; // of the largest block
    int channels;                // input channels of one PE (features of a linear layer)
    int pes, tiles, per_tile;    // charged PEs = tiles * per_tile
    int cycles;                  // row cycles * column cycles * bit cycles (LM/PE_latency.py:32)
    int k_h, stride_h, stride_w;
    int inner_h, inner_w; // part of the first window that is not padding
    bool linear;
};

static int ceil_div(int64_t a, int64_t b)
{
    return (int)((a + b - 1) / b);
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

static int log2_ceil(int n)
{
    int bits = 0;
    while (1 << bits < n)
        bits++;
    return bits;
}

// Mapping rule (MM/Tile_connection_graph.py:251-316, 461-464).
static struct load load_of(const struct layer *layer, const struct chip *chip,
                           const struct mnsim_bits *bits)
{
    const struct mnsim_params *p = &chip->mnsim;
    int kk = layer->kernel_h * layer->kernel_w;
    int per_block = chip->crossbar.rows / kk;
    int inputs = layer->in_c / layer->groups;
    int slices = p->polarity == 2 ? bits->weight - 1 : bits->weight;
    struct load l = {.windows = (int64_t)layer->out_h * layer->out_w, .row = layer->out_w};
    l.linear = layer->kind == LAYER_LINEAR;
    l.channels = min_int(per_block, inputs);
    l.max_row = l.channels * kk;
    l.max_col = min_int(layer->out_c, chip->crossbar.columns);
    l.group = min_int(slices, p->groups);
    int row_blocks = ceil_div(inputs, per_block);
    int col_blocks = ceil_div(slices, p->groups) * ceil_div(layer->out_c, chip->crossbar.columns);
    int n = row_blocks * col_blocks * layer->groups;
    l.tiles = ceil_div(n, p->pes);
    l.per_tile = min_int(n, p->pes);
    l.pes = n;
    l.cycles = ceil_div(bits->input, chip->dac.bits) * ceil_div(l.max_row, p->dacs) *
               ceil_div(l.max_col, p->adcs);
    l.k_h = layer->kernel_h;
    l.stride_h = layer->stride_h;
    l.stride_w = layer->stride_w;
    l.inner_h = max_int(layer->kernel_h - layer->pad_top, 0);
    l.inner_w = max_int(layer->kernel_w - layer->pad_left, 0);
    return l;
}

static double buffer_time(const struct chip *chip, int64_t bits)
{
    return ceil_div(bits, chip->mnsim.buffer_width) * 20e-9; // HM/Buffer.py:327, 424-430
}

// Time of all windows' input buffer reads and writes (LM/Model_latency.py:901-983, 1035-1161).
// MNSIM knows one kernel size, stride and pad; here heights and widths stand apart.
static void input_times(const struct chip *chip, const struct load *l, int bits, double *read_s,
                        double *write_s)
{
    int64_t rows = l->windows / l->row, c = l->channels;
    if (l->linear) {
        *read_s = *write_s = buffer_time(chip, (int64_t)l->max_row * bits);
        return;
    }
    *read_s = (double)rows * buffer_time(chip, (int64_t)l->max_row * bits) +
              (double)(l->windows - rows) * buffer_time(chip, c * l->stride_w * l->k_h * bits);
    *write_s = buffer_time(chip, c * l->inner_h * l->inner_w * bits) +
               (double)(rows - 1) * buffer_time(chip, c * l->stride_h * l->inner_w * bits) +
               (double)(l->row - 1) * buffer_time(chip, c * l->stride_w * l->k_h * bits) +
               (double)(rows - 1) * (double)(l->row - 1) *
                   buffer_time(chip, c * l->stride_h * l->stride_w * bits);
}

// Tile output buffer, once per window: written with the sums' width, read with the outputs'.
static void output_times(const struct chip *chip, const struct load *l, int out_bits,
                         double *read_s, double *write_s)
{
    int64_t sums = (int64_t)l->max_col * l->per_tile;
    *read_s = (double)l->windows * buffer_time(chip, sums * out_bits);
    *write_s =
        (double)l->windows * buffer_time(chip, sums * (chip->adc.bits + log2_ceil(l->per_tile)));
}

// HM/JointModule.py:32: power and area by bits, at 65 nm.
static void joint_module(const struct chip *chip, double *power_w, double *area_m2)
{
    static const struct {
        int bits;
        double mw, um2;
    } rows[] = {{4, 0.139, 182.9}, {8, 0.264, 353.8}, {12, 0.367, 385.4}, {1 << 30, 0.497, 512.2}};
    int i = 0;
    while (chip->adc.bits > rows[i].bits)
        i++;
    double scale = chip->mnsim.joint_technology_m / 65e-9;
    *power_w = rows[i].mw * 1e-3 * scale * scale;
    *area_m2 = rows[i].um2 * 1e-12 * scale * scale;
}

struct prices {
    double cell_w, dac_s, adc_s, adc_w, dac_w; // power of one, time of one use
    double joint_w, cycle_s;
    double in_read_w, in_write_w, out_read_w, out_write_w;
};

// Power times 20 ns a word: the access and the leakage meanwhile (HM/Buffer.py).
static void buffer_power(const struct chip *chip, double bytes, double *read_w, double *write_w)
{
    const struct buffer_row *row =
        buffer_row(chip->mnsim.buffer_technology - 1, bytes, chip->mnsim.buffer_width);
    *read_w = row->read_j / 20e-9 + row->leakage_w;
    *write_w = row->write_j / 20e-9 + row->leakage_w;
}

static void charge_layer(const struct chip *chip, const struct prices *p, const struct load *l,
                         const struct mnsim_bits *bits, struct ledger *ledger,
                         struct mnsim_layer *out)
{
    const struct mnsim_params *m = &chip->mnsim;
    double n = (double)l->tiles * l->per_tile * l->group;
    double uses = (double)l->windows * l->cycles;
    int mux = ceil_div(chip->crossbar.columns, m->adcs); // HM/PE.py:182
    int demux = ceil_div(chip->crossbar.rows, m->dacs);  // HM/PE.py:193
    int adcs = ceil_div(l->max_col, mux), dacs = ceil_div(l->max_row, demux);
    double read_s, write_s, out_read_s, out_write_s;
    input_times(chip, l, bits->input, &read_s, &write_s);
    output_times(chip, l, bits->output, &out_read_s, &out_write_s);
    double *j = ledger->energy_j;
    j[PART_CROSSBAR] = n * m->polarity * l->max_row * (double)l->max_col * p->cell_w /
                       (demux * mux) * uses * chip->cell.read_s;
    j[PART_DAC] = n * dacs * p->dac_w * uses * p->dac_s;
    j[PART_ADC] = n * adcs * p->adc_w * uses * p->adc_s;
    j[PART_BUFFER_READ] =
        l->tiles * (l->per_tile * p->in_read_w + p->out_read_w) * (read_s + out_read_s);
    j[PART_BUFFER_WRITE] =
        l->tiles * (l->per_tile * p->in_write_w + p->out_write_w) * (write_s + out_write_s);
    j[PART_ADDER] = (double)l->tiles * (l->per_tile - 1) * adcs * p->joint_w *
                    log2_ceil(l->per_tile) * p->cycle_s * (double)l->windows;
    out->pes = l->tiles * l->per_tile;
    out->tiles = l->tiles;
    out->serial_s = uses * (chip->cell.read_s + p->dac_s + p->adc_s) + read_s + write_s +
                    out_write_s + (double)l->windows * log2_ceil(l->per_tile) * p->cycle_s;
}

// Chip-wide maxima, rounded up to powers of two (MM/Tile_connection_graph.py:301-304, 470-479).
static void size_buffers(const struct net *net, const struct chip *chip,
                         const struct mnsim_bits *bits, struct mnsim_result *out)
{
    double in = 1, outs = 1;
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *layer = &net->layers[i];
        if (!layer_has_weights(layer))
            continue;
        struct load l = load_of(layer, chip, bits);
        double width = layer->kind == LAYER_CONV ? (double)layer->in_w * layer->kernel_h : 1;
        in = fmax(in, width * layer->in_c * bits->input / 8 / l.pes);
        outs = fmax(outs, 2.0 * layer->out_c * bits->output / 8 / l.tiles);
    }
    out->input_buffer_bytes = exp2(ceil(log2(in)));
    out->output_buffer_bytes = exp2(ceil(log2(outs)));
}

// HM/PE.py:465-489, HM/Tile.py:157-216; multiplexers and registers (0.1 %) are left out.
static double tile_area(const struct chip *chip, const struct mnsim_result *r)
{
    const struct mnsim_params *m = &chip->mnsim;
    const struct crossbar_params *x = &chip->crossbar;
    double array_m2 =
        (double)x->rows * x->columns * chip->cell.area_m2 + x->rows * m->driver_area_m2;
    double joint_w, joint_m2;
    joint_module(chip, &joint_w, &joint_m2);
    int technology = m->buffer_technology - 1;
    double pe_m2 = m->polarity * m->groups * array_m2 + m->adcs * chip->adc.area_m2 +
                   m->dacs * chip->dac.area_m2 +
                   buffer_row(technology, r->input_buffer_bytes, m->buffer_width)->area_m2;
    return m->pes * pe_m2 + (m->pes - 1) * m->adcs * joint_m2 + 91917e-12 /* pooling */ +
           buffer_row(technology, r->output_buffer_bytes, m->buffer_width)->area_m2;
}

static bool refuse_layer(const struct net *net, const struct layer *l, const struct chip *chip,
                         struct err *err)
{
    const struct conf_node *root = chip->conf->root;
    int packed = l->kind == LAYER_CONV ? groups_packed(net, l, chip) : 1;
    if (packed > 1)
        return conf_fail(conf_find(root, "mapping"), err,
                         "policy mnsim charges crossbars for every group of layer '%s', and %d "
                         "groups share one here; use --policy exact, or set mapping.groups=apart",
                         l->name, packed);
    if (l->kind == LAYER_MULTIPLY)
        return conf_fail(conf_find(root, "mnsim"), err,
                         "policy mnsim has no rule for products of elements, as in layer '%s'; use "
                         "--policy exact",
                         l->name);
    if (l->dilation_h > 1 || l->dilation_w > 1)
        return conf_fail(conf_find(root, "mnsim"), err,
                         "policy mnsim has no rule for dilated windows, and layer '%s' has a "
                         "dilation of %d x %d; use --policy exact",
                         l->name, l->dilation_h, l->dilation_w);
    if (l->kernel_h * l->kernel_w > chip->crossbar.rows)
        return conf_fail(conf_find(root, "crossbar.rows"), err,
                         "policy mnsim never splits a kernel, and layer '%s' has %dx%d", l->name,
                         l->kernel_h, l->kernel_w);
    return true;
}

static bool refuse(const struct net *net, const struct chip *chip, struct err *err)
{
    const struct conf_node *root = chip->conf->root;
    if (!chip->has_mnsim)
        return err_set(err,
                       "policy mnsim: chip '%s' has no mnsim block, so it is not known what to "
                       "charge; use --policy exact, or a chip such as hawis",
                       chip->name);
    const struct conf_node *at = conf_find(root, "mnsim");
    if ((int)net->form >= CHIP_FORMS || !chip->mnsim.bits[net->form].weight)
        return conf_fail(at, err,
                         "charges no bits for the form %s; add %s: {weight, input, output}",
                         net_form_names[net->form], net_form_names[net->form]);
    if (chip->mnsim.polarity == 2 && chip->mnsim.bits[net->form].weight < 2)
        return conf_fail(at, err, "polarity 2 needs weights of 2 bits or more: one is the sign");
    if (chip->mapping.policy != MAP_KERNEL_ALIGNED || chip->mapping.replicate)
        return conf_fail(conf_find(root, "mapping"), err,
                         "policy mnsim charges kernel-aligned mappings without replication only; "
                         "use --policy exact");
    if (chip->crossbar.spare_rows + chip->crossbar.spare_columns > 0)
        return conf_fail(conf_find(root, "crossbar"), err,
                         "policy mnsim knows no spare lines; use --policy exact, or set "
                         "crossbar.spare_rows=0 and crossbar.spare_columns=0");
    if (chip->mnsim.buffer_technology == 0)
        return conf_fail(at, err, "buffer_kind must be one of the SRAM classes");
    if (!buffer_row(chip->mnsim.buffer_technology - 1, 1, chip->mnsim.buffer_width))
        return conf_fail(at, err, "buffer_width %d is not in the table; take 64, 128 or 256",
                         chip->mnsim.buffer_width);
    for (size_t i = 1; i < net->n; i++)
        if (!refuse_layer(net, &net->layers[i], chip, err))
            return false;
    return true;
}

bool mnsim_charge(const struct net *net, const struct chip *chip, struct mnsim_result *out,
                  struct err *err)
{
    *out = (struct mnsim_result){0};
    if (!refuse(net, chip, err))
        return false;
    const struct mnsim_bits *bits = &chip->mnsim.bits[net->form];
    struct prices p = {.cell_w = cell_read_power(&chip->cell, &chip->activity),
                       .dac_s = chip->dac.time_s,
                       .adc_s = chip->adc.time_s,
                       .cycle_s = 1 / chip->mnsim.digital_hz};
    p.dac_w = p.dac_s > 0 ? chip->dac.energy_j / p.dac_s : 0;
    p.adc_w = p.adc_s > 0 ? chip->adc.energy_j / p.adc_s : 0;
    double joint_m2;
    joint_module(chip, &p.joint_w, &joint_m2);
    size_buffers(net, chip, bits, out);
    buffer_power(chip, out->input_buffer_bytes, &p.in_read_w, &p.in_write_w);
    buffer_power(chip, out->output_buffer_bytes, &p.out_read_w, &p.out_write_w);
    out->layers = mem_alloc(net->n, sizeof *out->layers);
    out->ledgers = mem_alloc(net->n, sizeof *out->ledgers);
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *layer = &net->layers[i];
        if (layer->kind == LAYER_POOL) { // one tile without PEs; 64 units of 3x3 (HM/Pooling.py)
            double s = 100e-9 * ceil_div(layer->out_c, 64) *
                       ceil_div((int64_t)layer->kernel_h * layer->kernel_w, 9);
            out->ledgers[i].energy_j[PART_POOL] =
                3.082e-3 * s * layer->out_h * (double)layer->out_w;
            out->layers[i].tiles = 1;
        } else if (layer_has_weights(layer)) {
            struct load l = load_of(layer, chip, bits);
            charge_layer(chip, &p, &l, bits, &out->ledgers[i], &out->layers[i]);
        }
        out->pes += out->layers[i].pes;
        out->tiles += out->layers[i].tiles;
    }
    out->tile_m2 = tile_area(chip, out);
    out->area_m2 = out->tiles * out->tile_m2;
    return true;
}

void mnsim_fini(struct mnsim_result *result)
{
    free(result->layers);
    free(result->ledgers);
}
