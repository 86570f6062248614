#include "traces/series.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "traces/sink.h"

static int64_t last_ps(const struct trace *trace, const struct trace_head *head)
{
    const struct span *spans;
    size_t n = trace_spans(trace, &spans);
    double end_s = head->end_s;
    for (size_t i = 0; i < n; i++)
        end_s = fmax(end_s, spans[i].end_s);
    return trace_ps(end_s);
}

static size_t bin_at(const struct series *series, int64_t ps)
{
    size_t bin = (size_t)(ps / series->bin_ps);
    return bin < series->n_bins ? bin : series->n_bins - 1;
}

static void spread(const struct series *series, const struct span *span)
{
    double *row = series->energy_j + (size_t)span->layer * series->n_bins;
    int64_t start_ps = trace_ps(span->start_s), end_ps = trace_ps(span->end_s);
    size_t first = bin_at(series, start_ps);
    size_t last = end_ps > start_ps ? bin_at(series, end_ps - 1) : first;
    double left_j = span->energy_j, lasts_ps = (double)(end_ps - start_ps);
    for (size_t bin = first; bin < last; bin++) { // first < last: lasts_ps is not 0
        int64_t bin_end_ps = (int64_t)(bin + 1) * series->bin_ps;
        double share = (double)(bin_end_ps - start_ps) / lasts_ps;
        double part_j = fmin(left_j, share * span->energy_j);
        row[bin] += part_j;
        left_j -= part_j;
        start_ps = bin_end_ps;
    }
    row[last] += left_j; // what rounding left over too, so that the sum is the span's energy
}

struct series *series_create(const struct trace *trace, const struct trace_head *head)
{
    struct series *series = mem_alloc(1, sizeof *series);
    int64_t end_ps = last_ps(trace, head);
    series->n_layers = head->n_layers;
    series->bin_ps = end_ps / SERIES_MAX_BINS + (end_ps % SERIES_MAX_BINS != 0);
    if (!series->bin_ps)
        series->bin_ps = 1;
    series->n_bins = (size_t)(end_ps / series->bin_ps + (end_ps % series->bin_ps != 0));
    if (!series->n_bins)
        series->n_bins = 1;
    series->energy_j = mem_alloc(series->n_layers, series->n_bins * sizeof(double));
    const struct span *spans;
    size_t n = trace_spans(trace, &spans);
    for (size_t i = 0; i < n; i++) {
        assert((size_t)spans[i].layer < head->n_layers);
        spread(series, &spans[i]);
    }
    return series;
}

void series_destroy(struct series *series)
{
    if (!series)
        return;
    free(series->energy_j);
    free(series);
}

double series_power_w(const struct series *series, size_t layer, size_t bin)
{
    return series->energy_j[layer * series->n_bins + bin] / ((double)series->bin_ps * 1e-12);
}
