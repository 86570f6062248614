#include "sim/dataflow/window_cost.h"

#include <math.h>

#include "nets/net.h"
#include "sim/chip/chip.h"
#include "sim/map/map.h"
#include "sim/map/size.h"

const char *const step_names[] = {"buffer read", "array", "conversion", "digital", "write", 0};

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int log2_ceil(int64_t n)
{
    int bits = 0;
    while ((int64_t)1 << bits < n)
        bits++;
    return bits;
}

int window_cost_psum_bits(const struct mapping *mapping, int layer)
{
    const struct chip *chip = mapping->chip;
    const struct map_layer *m = &mapping->layers[layer];
    int rows = chip->crossbar.rows;
    const struct slice *s = &mapping->slices[m->slice0];
    rows = s->rows < rows ? s->rows : rows;
    int in_tile = chip->tile.pes * chip->pe.crossbars; // blocks that are added up before it is sent
    int blocks = m->row_blocks < in_tile ? m->row_blocks : in_tile;
    return chip_adc(chip, mapping->net->layers[layer].name)->bits +
           (m->input_cycles - 1) * chip->dac.bits +
           (m->column_slices * m->weight_slices - 1) * chip->cell.bits +
           log2_ceil(ceil_div(rows, chip_rows_active(chip))) + log2_ceil(blocks);
}

int window_cost_stored_bits(const struct mapping *mapping, int layer)
{
    const struct net *net = mapping->net;
    int bits = net->layers[layer].out_bits, stream = 0;
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        if (l->kind == LAYER_ADD && l->input[1] == layer && l->in_bits[1] != bits)
            stream = l->in_bits[1];
    }
    return bits + stream;
}

// What the crossbars of one owner of ADCs (a PE, or a single crossbar) have to do.
struct load {
    int64_t columns;    // to convert, per group of rows and bit cycle
    int64_t groups;     // of rows, of the largest crossbar
    int64_t shift_adds; // of the PE
};

struct sums {
    double array_s, convert_s, interval_s; // of the slowest owner
    double busy_s, wait_s;                 // ADC: of the slowest owner
    int64_t shift_adds;                    // of the PE with most
};

static void time_owner(const struct chip *chip, const struct adc_params *adc, int cycles,
                       const struct load *load, struct sums *sums)
{
    double read_s = chip->dac.time_s + chip->cell.read_s;
    double rounds = (double)ceil_div(load->columns, adc->count);
    double steps = (double)cycles * (double)load->groups;
    double convert_s = steps * rounds * adc->time_s, array_s, interval_s;
    if (chip->pe.has_sample_hold) {
        double sampled_s = read_s + chip->pe.sample_hold.time_s;
        array_s = steps * sampled_s;
        interval_s = steps * fmax(sampled_s, rounds * adc->time_s);
    } else { // a column is read while it is converted
        array_s = steps * rounds * read_s;
        interval_s = array_s + convert_s;
    }
    sums->interval_s = fmax(sums->interval_s, interval_s);
    if (array_s + convert_s < sums->array_s + sums->convert_s)
        return;
    sums->array_s = array_s;
    sums->convert_s = sums->busy_s = convert_s;
    sums->wait_s = steps * (rounds - 1) * adc->time_s;
}

// Flipped columns are corrected by top * (sum of the inputs): for each group of rows and window one
// shift-add per column. ISAAC reads the sum of the inputs from its unit column, whose conversions
// are counted with the others, and keeps one bit per column (Shafiee et al., ISCA 2016); a single
// array counts its inputs digitally, one add per row and cycle. Estimates: the paper lists no
// energy for the correction and no stage, so it takes no time here.
static int64_t unflip_adds(const struct chip *chip, const struct slice *s, int64_t groups,
                           int64_t cycles)
{
    bool unit = chip->crossbar.polarity == POLARITY_OFFSET;
    return (s->columns - unit) * groups + (unit ? 0 : s->rows * cycles);
}

static void count_slice(struct window_cost *work, const struct chip *chip,
                        const struct adc_params *adc, const struct map_layer *m,
                        const struct slice *s, int bits, struct load *load)
{
    int64_t groups = ceil_div(s->rows, chip_rows_active(chip));
    int twice = chip->crossbar.subtract_after ? 2 : 1;
    int64_t cycles = m->input_cycles, columns = (int64_t)s->columns * twice;
    int64_t conversions = columns * groups * cycles;
    int64_t rounds = ceil_div(columns, adc->count);
    work->count[METER_CELL_READS] += s->rows * (int64_t)s->columns * chip_arrays(chip) * cycles;
    work->count[METER_ROW_DRIVES] += s->rows * cycles * (chip->pe.has_sample_hold ? 1 : rounds);
    work->count[METER_CONVERSIONS] += conversions;
    work->count[METER_PE_RESULTS] += conversions;
    work->count[METER_INPUT_BITS] += (int64_t)s->rows * bits;
    if (chip->pe.has_sample_hold)
        work->count[METER_SAMPLES] += conversions;
    if (cycles * groups * m->column_slices * twice > 1) {
        work->count[METER_SHIFT_ADDS] += conversions;
        load->shift_adds += conversions;
    }
    if (chip->crossbar.encoding == ENCODING_FLIP)
        work->count[METER_SHIFT_ADDS] += unflip_adds(chip, s, groups, cycles);
    load->columns += columns;
    load->groups = groups > load->groups ? groups : load->groups;
}

// Own sums of every slice; each PE has converters and shift-adders of its own.
static void time_arrays(struct window_cost *work, const struct mapping *mapping, int tile,
                        struct sums *sums)
{
    const struct chip *chip = mapping->chip;
    const struct map_tile *t = &mapping->tiles[tile];
    const struct map_layer *m = &mapping->layers[t->layer];
    const struct layer *layer = &mapping->net->layers[t->layer];
    const struct adc_params *adc = chip_adc(chip, layer->name);
    struct load load = {0};
    for (int i = t->slice0; i < t->slice0 + t->slices; i++) {
        const struct slice *s = &mapping->slices[i];
        count_slice(work, chip, adc, m, s, layer->in_bits[0], &load);
        bool last = i + 1 == t->slice0 + t->slices || s[1].pe != s->pe;
        if (adc->share == ADC_PER_CROSSBAR || last) {
            time_owner(chip, adc, m->input_cycles, &load, sums);
            load.columns = load.groups = 0;
        }
        if (last) {
            sums->shift_adds =
                load.shift_adds > sums->shift_adds ? load.shift_adds : sums->shift_adds;
            load.shift_adds = 0;
        }
    }
}

// Of the k columns of a window only those are read that the window before did not have, except at
// the start of a row. A dilated window shares columns only where it moves by a multiple of the
// dilation.
static int64_t next_rows(const struct layer *layer, int64_t rows)
{
    int moved = layer->stride_w / layer->dilation_w;
    bool shares = layer->stride_w % layer->dilation_w == 0 && moved < layer->kernel_w;
    int step = shares ? moved : layer->kernel_w;
    return (rows * step + layer->kernel_w - 1) / layer->kernel_w;
}

struct read_time {
    double first_s, next_s;
};

static struct read_time read_inputs(struct window_cost *work, const struct mapping *mapping,
                                    int tile)
{
    const struct chip *chip = mapping->chip;
    const struct map_tile *t = &mapping->tiles[tile];
    const struct layer *layer = &mapping->net->layers[t->layer];
    int bits = layer->in_bits[0], end = t->slice0 + t->slices;
    struct read_time time = {0};
    bool at_pe = chip->pe.has_buffer;
    const struct buffer_params *buffer = at_pe ? &mapping->pe_buffer : &mapping->tile_buffer;
    int each = at_pe ? chip->pe.crossbars : t->slices;
    work->read_meter = at_pe ? METER_PE_READS : METER_TILE_READS;
    for (int from = t->slice0; from < end; from += each) {
        int64_t rows = size_rows(mapping, from, from + each < end ? from + each : end);
        int64_t fresh = next_rows(layer, rows);
        int64_t first = buffer_words(buffer, rows * bits),
                next = buffer_words(buffer, fresh * bits);
        work->first_words += first;
        work->next_words += next;
        time.first_s = fmax(time.first_s, (double)first * buffer->time_s);
        time.next_s = fmax(time.next_s, (double)next * buffer->time_s);
        if (!at_pe && chip->tile.bus.rate_bps > 0) { // on to the PEs
            work->first_bus_bits += rows * bits;
            work->next_bus_bits += fresh * bits;
        }
    }
    if (work->first_bus_bits) {
        time.first_s = fmax(time.first_s, (double)work->first_bus_bits / chip->tile.bus.rate_bps);
        time.next_s = fmax(time.next_s, (double)work->next_bus_bits / chip->tile.bus.rate_bps);
    }
    return time;
}

// Sums of the same outputs inside the tile: pieces - 1 additions each.
static int64_t local_adds(const struct mapping *mapping, int tile)
{
    const struct map_tile *t = &mapping->tiles[tile];
    int64_t adds = 0;
    for (int i = t->slice0 + 1; i < t->slice0 + t->slices; i++) {
        const struct slice *s = &mapping->slices[i];
        if (s->group == s[-1].group && s->col_block == s[-1].col_block)
            adds += s->outs;
    }
    return adds;
}

// From the steps of a window to how long the tile is busy and when the result is there.
static void settle(struct window_cost *work, const struct chip *chip, struct read_time read,
                   double interval_s)
{
    double *step = work->step_s;
    step[STEP_READ] = read.next_s;
    double after_s = step[STEP_ARRAY] + step[STEP_CONVERT] + step[STEP_DIGITAL] + step[STEP_WRITE];
    if (chip->tile.overlap == OVERLAP_NONE) {
        work->first_s = read.first_s + after_s;
        work->next_s = read.next_s + after_s;
        work->delay_s = 0;
        return;
    }
    double pace_s = fmax(interval_s, fmax(step[STEP_DIGITAL], step[STEP_WRITE]));
    work->first_s = fmax(pace_s, read.first_s);
    work->next_s = fmax(pace_s, read.next_s);
    // The pipeline fills with a row's first window, which reads more than the next ones.
    work->delay_s = fmax(read.first_s + after_s - work->first_s, 0);
}

struct window_cost window_cost_of_tile(const struct mapping *mapping, int tile)
{
    const struct chip *chip = mapping->chip;
    struct window_cost work = {0};
    struct sums sums = {0};
    struct read_time read = read_inputs(&work, mapping, tile);
    time_arrays(&work, mapping, tile, &sums);
    int64_t adds = local_adds(mapping, tile);
    work.count[METER_MERGE_ADDS] = adds;
    work.step_s[STEP_ARRAY] = sums.array_s;
    work.step_s[STEP_CONVERT] = sums.convert_s;
    work.step_s[STEP_DIGITAL] =
        unit_time(&chip->pe.shift_add, sums.shift_adds) + unit_time(&chip->tile.adder, adds);
    work.adc_busy_s = sums.busy_s;
    work.adc_wait_s = sums.wait_s;
    settle(&work, chip, read, sums.interval_s);
    return work;
}

static void append(struct window_cost *work, const struct chip *chip, enum step step, double time_s,
                   bool split)
{
    work->step_s[step] += time_s;
    if (split) {
        work->tail_s += time_s;
    } else if (chip->tile.overlap == OVERLAP_NONE) {
        work->first_s += time_s;
        work->next_s += time_s;
    } else { // a stage more in the pipeline; it may set the pace
        double through_s = work->first_s + work->delay_s + time_s;
        work->first_s = fmax(work->first_s, work->step_s[step]);
        work->next_s = fmax(work->next_s, work->step_s[step]);
        work->delay_s = fmax(through_s - work->first_s, 0);
    }
}

static void finish_element(struct window_cost *work, int64_t count[METERS],
                           const struct mapping *mapping, int layer, int outs, bool split)
{
    const struct chip *chip = mapping->chip;
    const struct layer *l = &mapping->net->layers[layer];
    if (l->act != ACT_NONE) {
        count[METER_OUTPUTS] += outs;
        append(work, chip, STEP_DIGITAL, unit_time(&chip->tile.output, outs), split);
    }
    count[METER_OUTPUT_ELEMENTS] += outs;
    int64_t words = buffer_words(&mapping->tile_buffer,
                                 (int64_t)outs * window_cost_stored_bits(mapping, layer));
    count[METER_TILE_WRITES] += words;
    append(work, chip, STEP_WRITE, (double)words * mapping->tile_buffer.time_s, split);
}

void window_cost_finish(struct window_cost *work, const struct mapping *mapping, int layer, int add,
                        int outs, int64_t helper_sums, bool split)
{
    const struct chip *chip = mapping->chip;
    work->count[METER_MERGE_ADDS] += helper_sums;
    append(work, chip, STEP_DIGITAL, unit_time(&chip->tile.adder, helper_sums), split);
    if (!outs)
        return;
    if (add < 0) {
        finish_element(work, work->count, mapping, layer, outs, split);
        return;
    }
    work->add_count[METER_RESIDUAL_ADDS] += outs;
    append(work, chip, STEP_DIGITAL, unit_time(&chip->tile.residual_adder, outs), split);
    finish_element(work, work->add_count, mapping, add, outs, split);
}

struct window_cost window_cost_of_plain(const struct mapping *mapping, int layer, int outs)
{
    const struct chip *chip = mapping->chip;
    const struct layer *l = &mapping->net->layers[layer];
    struct window_cost work = {.read_meter = METER_TILE_READS};
    if (l->kind == LAYER_POOL) {
        int64_t reads = (int64_t)outs * l->kernel_h * l->kernel_w;
        work.count[METER_POOL_READS] = reads;
        append(&work, chip, STEP_DIGITAL, unit_time(&chip->tile.pool, reads), false);
    } else if (l->kind == LAYER_MULTIPLY) {
        work.count[METER_PRODUCTS] = outs;
        append(&work, chip, STEP_DIGITAL, unit_time(&chip->tile.multiplier, outs), false);
    } else {
        work.count[METER_RESIDUAL_ADDS] = outs;
        append(&work, chip, STEP_DIGITAL, unit_time(&chip->tile.residual_adder, outs), false);
    }
    finish_element(&work, work.count, mapping, layer, outs, false);
    return work;
}
