// Matrix products with the arrays: one worker, one map at a time.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/geometry.h"
#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/loss.h"
#include "sim/crossbar/matrix.h"
#include "sim/map/map.h"

int64_t array_code(int64_t full, int half, int32_t sum)
{
    int64_t top = ((int64_t)1 << half) - 1, code = sum;
    if (full > top + 1) {
        int64_t scaled = sum * ((int64_t)2 << half) + full, two = 2 * full;
        code = scaled / two - (scaled % two < 0);
    }
    return code > top ? top : code < -top - 1 ? -top - 1 : code;
}

int64_t array_value(int64_t full, int half, int64_t codes)
{
    bool scaled = full > (int64_t)1 << half;
    return scaled ? (codes * full + ((int64_t)1 << half) / 2) >> half : codes;
}

struct array_worker {
    const struct level_model *arrays;
    uint64_t *bits;           // one window, packed
    uint8_t *padded;          // the map of a binary layer, padded
    int32_t *window;          // one window, by row
    int16_t *lines;           // the map of a layer of small integers
    int32_t *sums;            // of one group of rows, or of all; or of a row of windows
    int64_t *codes;           // sums of ADC codes
    struct adc_count *counts; // by layer; NULL: nothing is counted
};

void array_worker_count(struct array_worker *worker, struct adc_count *counts)
{
    worker->counts = counts;
}

// Channels for the rows of all matrices together: the last matrix may have unused ones.
static size_t padded_size(const struct layer *l, const struct matrix *m)
{
    size_t channels = (size_t)m->groups * m->rows / l->kernel_h / l->kernel_w;
    return channels * padded_h(l) * padded_w(l);
}

struct array_worker *array_worker_create(const struct level_model *arrays)
{
    struct array_worker *worker = mem_alloc(1, sizeof *worker);
    size_t words = 1, rows = 1, columns = LANES, padded = 1, lines = 1;
    for (size_t i = 0; i < arrays->map->net->n; i++)
        for (int r = 0; r < arrays->layers[i].replicas; r++) {
            const struct matrix *m = matrix_of_row(&arrays->layers[i], r);
            words = (size_t)m->n_words > words ? (size_t)m->n_words : words;
            rows = (size_t)m->rows > rows ? (size_t)m->rows : rows;
            size_t row = (size_t)m->columns * arrays->map->net->layers[i].out_w;
            columns = row > columns ? row : columns;
            size_t line = m->lines ? lines_map_size(arrays, (int)i) : 0;
            lines = line > lines ? line : lines;
            size_t map = m->packed ? padded_size(&arrays->map->net->layers[i], m) : 0;
            padded = map > padded ? map : padded;
        }
    worker->arrays = arrays;
    worker->padded = mem_alloc(padded, 1);
    worker->bits = mem_alloc(words, sizeof *worker->bits);
    worker->lines = mem_alloc(lines, sizeof *worker->lines);
    worker->window = mem_alloc(rows, sizeof *worker->window);
    worker->sums = mem_alloc(columns, sizeof *worker->sums);
    worker->codes = mem_alloc(columns, sizeof *worker->codes);
    return worker;
}

void array_worker_destroy(struct array_worker *worker)
{
    if (!worker)
        return;
    free(worker->bits);
    free(worker->padded);
    free(worker->lines);
    free(worker->window);
    free(worker->sums);
    free(worker->codes);
    free(worker);
}

// The bits of the window whose first element is at `window`, in the order of the mapping's rows.
static void pack_window(const struct matrix *m, const uint8_t *window, uint64_t *bits)
{
    for (int word = 0; word < m->n_words; word++) {
        uint64_t packed = 0;
        int first = m->word_row[word], end = m->word_row[word + 1];
        for (int row = first; row < end; row++)
            packed |= (uint64_t)window[m->offset[row]] << (row - first);
        bits[word] = packed;
    }
}

static void pad_map(const struct layer *l, const struct matrix *m, const int32_t *in,
                    uint8_t *padded)
{
    int width = padded_w(l), height = padded_h(l);
    memset(padded, l->pad_one, padded_size(l, m));
    for (int c = 0; c < l->in_c; c++)
        for (int y = 0; y < l->in_h; y++) {
            uint8_t *to = padded + ((size_t)c * height + y + l->pad_top) * width + l->pad_left;
            const int32_t *from = in + ((size_t)c * l->in_h + y) * l->in_w;
            for (int x = 0; x < l->in_w; x++)
                to[x] = (uint8_t)from[x];
        }
}

static void count_codes(const struct matrix *m, int half, const int32_t *sums,
                        struct adc_count *count)
{
    double codes = (double)((int64_t)1 << half);
    double worth = (double)m->full > codes ? (double)m->full / codes : 1;
    for (int c = 0; c < m->outs; c++) {
        double code = floor(sums[c] / worth + 0.5);
        bool clipped = code > codes - 1 || code < -codes;
        count->clipped += clipped;
        count->rounded += !clipped && (double)array_code(m->full, half, sums[c]) * worth != sums[c];
    }
}

static void multiply_packed(struct array_worker *worker, int layer, const struct matrix *m,
                            int group, const uint8_t *window)
{
    const struct level_model *a = worker->arrays;
    int half = chip_adc(a->map->chip, a->map->net->layers[layer].name)->bits - 1;
    pack_window(m, window, worker->bits);
    memset(worker->codes, 0, (size_t)m->columns * sizeof *worker->codes);
    memset(worker->sums, 0, (size_t)m->columns * sizeof *worker->sums);
    size_t base = (size_t)group * m->n_words;
    for (int word = 0; word < m->n_words; word++) {
        if (worker->bits[word]) {
            size_t at = (base + word) * m->columns;
            a->kernels->count_bits(worker->bits[word], m->plus + at, m->minus + at, m->columns,
                                   worker->sums);
        }
        if (!m->clips || (word + 1) % m->group_words)
            continue;
        if (worker->counts)
            count_codes(m, half, worker->sums, &worker->counts[layer]);
        for (int c = 0; c < m->outs; c++) // one conversion per column and group of rows
            worker->codes[c] += array_code(m->full, half, worker->sums[c]);
        memset(worker->sums, 0, (size_t)m->columns * sizeof *worker->sums);
    }
    for (int c = 0; c < m->outs; c++)
        worker->codes[c] =
            m->clips ? array_value(m->full, half, worker->codes[c]) : worker->sums[c];
}

static void multiply_rows(struct array_worker *worker, const struct matrix *m, int group)
{
    const int32_t *w = m->w + (size_t)group * m->rows * m->columns;
    if (m->narrow) {
        memset(worker->sums, 0, (size_t)m->columns * sizeof *worker->sums);
        for (int row = 0; row < m->rows; row++)
            if (worker->window[row])
                worker->arrays->kernels->add_row(
                    worker->window[row], m->narrow + ((size_t)group * m->rows + row) * m->columns,
                    m->columns, worker->sums);
        for (int c = 0; c < m->outs; c++)
            worker->codes[c] = worker->sums[c];
        return;
    }
    memset(worker->codes, 0, (size_t)m->columns * sizeof *worker->codes);
    for (int row = 0; row < m->rows; row++)
        for (int c = 0; c < m->outs && worker->window[row]; c++)
            worker->codes[c] += (int64_t)worker->window[row] * w[(size_t)row * m->columns + c];
}

// Computes the codes of one window of one matrix.
static void multiply_window(struct array_worker *worker, int layer, const struct matrix *m,
                            const int32_t *in, int group, int y, int x)
{
    const struct layer *l = &worker->arrays->map->net->layers[layer];
    if (!m->packed) {
        struct map_matrix own = map_matrix(worker->arrays->map, layer, group);
        gather_window(l, in, own.chan0, own.chans, y, x, worker->window);
        memset(worker->window + own.rows, 0, (size_t)(m->rows - own.rows) * sizeof(int32_t));
        multiply_rows(worker, m, group);
        return;
    }
    int width = padded_w(l), height = padded_h(l);
    size_t at = (size_t)map_matrix(worker->arrays->map, layer, group).chan0 * height * width;
    at += (size_t)y * l->stride_h * width + (size_t)x * l->stride_w;
    multiply_packed(worker, layer, m, group, worker->padded + at);
}

static void prepare_maps(struct array_worker *worker, int layer, const int32_t *in)
{
    const struct level_model *a = worker->arrays;
    bool packed = false, lines = false;
    for (int r = 0; r < a->layers[layer].replicas; r++) {
        const struct matrix *m = matrix_of_row(&a->layers[layer], r);
        packed |= m->packed;
        lines |= m->lines != NULL;
    }
    if (packed)
        pad_map(&a->map->net->layers[layer], &a->layers[layer], in, worker->padded);
    if (lines)
        lines_fill(a, layer, in, worker->lines);
}

void level_model_matrix(void *context, int layer, const int32_t *in, int64_t *acc)
{
    struct array_worker *worker = context;
    const struct level_model *a = worker->arrays;
    const struct layer *l = &a->map->net->layers[layer];
    size_t map = (size_t)l->out_h * l->out_w;
    prepare_maps(worker, layer, in);
    for (int y = 0; y < l->out_h; y++) {
        const struct matrix *m = matrix_of_row(&a->layers[layer], y);
        if (m->lines) {
            lines_row(a, layer, y, worker->lines, worker->sums, acc);
            continue;
        }
        for (int g = 0; g < m->groups; g++)
            for (int x = 0; x < l->out_w; x++) {
                multiply_window(worker, layer, m, in, g, y, x);
                for (int c = 0; c < m->outs && g * m->outs + c < l->out_c; c++)
                    acc[((size_t)g * m->outs + c) * map + (size_t)y * l->out_w + x] =
                        worker->codes[c];
            }
    }
}
