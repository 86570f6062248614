#include "traces/sums.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "traces/names.h"
#include "traces/sink.h"

struct sums {
    struct names *layer_names, *tile_names;
    struct names *pairs;      // "LAYER TILE" numbers that have been seen
    struct arena *part_names; // handed on with the parts
    struct trace_layer_sum *layers;
    struct trace_tile_sum *tiles;
    struct trace_part *parts;
    size_t layer_room, tile_room, part_room, n_parts, n_spans;
};

static char *copy(const char *text)
{
    size_t n = strlen(text) + 1;
    return memcpy(mem_alloc(n, 1), text, n);
}

struct sums *sums_create(void)
{
    struct sums *sums = mem_alloc(1, sizeof *sums);
    sums->layer_names = names_create();
    sums->tile_names = names_create();
    sums->pairs = names_create();
    sums->part_names = arena_create();
    return sums;
}

void sums_destroy(struct sums *sums)
{
    if (!sums)
        return;
    names_destroy(sums->layer_names);
    names_destroy(sums->tile_names);
    names_destroy(sums->pairs);
    free(sums->layers);
    free(sums->tiles);
    free(sums->parts);
    arena_destroy(sums->part_names);
    free(sums);
}

bool sums_add_layer(struct sums *sums, const char *name)
{
    if (names_find(sums->layer_names, name) != SIZE_MAX)
        return false;
    size_t at = names_add(sums->layer_names, name);
    sums->layers = mem_grow(sums->layers, &sums->layer_room, at + 1, sizeof *sums->layers);
    sums->layers[at] = (struct trace_layer_sum){.first_s = HUGE_VAL};
    return true;
}

size_t sums_find_layer(const struct sums *sums, const char *name)
{
    return names_find(sums->layer_names, name);
}

size_t sums_tile(struct sums *sums, const char *name)
{
    size_t at = names_find(sums->tile_names, name);
    if (at != SIZE_MAX)
        return at;
    at = names_add(sums->tile_names, name);
    sums->tiles = mem_grow(sums->tiles, &sums->tile_room, at + 1, sizeof *sums->tiles);
    sums->tiles[at] = (struct trace_tile_sum){0};
    return at;
}

void sums_add_part(struct sums *sums, const struct trace_part *part)
{
    sums->parts = mem_grow(sums->parts, &sums->part_room, sums->n_parts + 1, sizeof *sums->parts);
    sums->parts[sums->n_parts] = *part;
    sums->parts[sums->n_parts++].name = arena_strdup(sums->part_names, part->name);
}

// True the first time.
static bool is_new_pair(struct sums *sums, int layer, int tile)
{
    char pair[32];
    snprintf(pair, sizeof pair, "%d %d", layer, tile);
    if (names_find(sums->pairs, pair) != SIZE_MAX)
        return false;
    names_add(sums->pairs, pair);
    return true;
}

void sums_add_span(struct sums *sums, const struct span *span)
{
    assert((size_t)span->layer < names_count(sums->layer_names));
    assert((size_t)span->tile < names_count(sums->tile_names));
    struct trace_layer_sum *layer = &sums->layers[span->layer];
    struct trace_tile_sum *tile = &sums->tiles[span->tile];
    double duration_s = span->end_s - span->start_s;
    double *of_layer[SPAN_KINDS] = {&layer->compute_s, &layer->wait_s, &layer->transfer_s};
    double *of_tile[SPAN_KINDS] = {&tile->compute_s, &tile->wait_s, &tile->transfer_s};
    *of_layer[span->kind] += duration_s;
    *of_tile[span->kind] += duration_s;
    layer->energy_j += span->energy_j;
    tile->energy_j += span->energy_j;
    layer->first_s = fmin(layer->first_s, span->start_s);
    layer->last_s = fmax(layer->last_s, span->end_s);
    bool on_chip = strcmp(names_text(sums->tile_names, (size_t)span->tile), TRACE_OFF_CHIP) != 0;
    layer->tiles += on_chip && is_new_pair(sums, span->layer, span->tile);
    sums->n_spans++;
}

size_t sums_spans(const struct sums *sums)
{
    return sums->n_spans;
}

void sums_finish(struct sums *sums, struct trace_summary *out)
{
    out->n_layers = names_count(sums->layer_names);
    out->n_tiles = names_count(sums->tile_names);
    out->n_parts = sums->n_parts;
    out->n_spans = sums->n_spans;
    out->layers = sums->layers;
    out->tiles = sums->tiles;
    out->parts = sums->parts;
    out->part_names = sums->part_names;
    out->energy_j = 0;
    for (size_t i = 0; i < out->n_layers; i++) {
        struct trace_layer_sum *layer = &out->layers[i];
        layer->name = copy(names_text(sums->layer_names, i));
        layer->first_s = layer->first_s > layer->last_s ? 0 : layer->first_s; // no span
        out->energy_j += layer->energy_j;
    }
    for (size_t i = 0; i < out->n_tiles; i++)
        out->tiles[i].name = copy(names_text(sums->tile_names, i));
    sums->layers = NULL;
    sums->tiles = NULL;
    sums->parts = NULL;
    sums->part_names = NULL;
    sums->n_parts = 0;
}

void trace_summary_fini(struct trace_summary *summary)
{
    for (size_t i = 0; i < summary->n_layers; i++)
        free(summary->layers[i].name);
    for (size_t i = 0; i < summary->n_tiles; i++)
        free(summary->tiles[i].name);
    free(summary->layers);
    free(summary->tiles);
    free(summary->parts);
    arena_destroy(summary->part_names);
    free(summary->head);
    *summary = (struct trace_summary){0};
}
