#include "traces/timeline.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "traces/sink.h"

// More layers than this at work on one tile at once is no picture any more; the rest shares the
// last lane, so that placing a span stays cheap.
enum { MAX_LANES = 64 };

struct key {
    int64_t first, second;
    size_t index;
};

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    if (a->second != b->second)
        return a->second < b->second ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static size_t *sorted(struct key *keys_take, size_t n)
{
    size_t *order = mem_alloc(n, sizeof *order);
    if (n)
        qsort(keys_take, n, sizeof *keys_take, compare_keys);
    for (size_t i = 0; i < n; i++)
        order[i] = keys_take[i].index;
    free(keys_take);
    return order;
}

// By start, then by end: what takes no time stands before what starts at its end.
static size_t *by_start(const struct span *spans, size_t n)
{
    struct key *keys = mem_alloc(n, sizeof *keys);
    for (size_t i = 0; i < n; i++)
        keys[i] = (struct key){trace_ps(spans[i].start_s), trace_ps(spans[i].end_s), i};
    return sorted(keys, n);
}

static size_t new_lane(struct timeline *timeline, size_t *room, int tile, int number)
{
    timeline->lanes =
        mem_grow(timeline->lanes, room, timeline->n_lanes + 1, sizeof *timeline->lanes);
    timeline->lanes[timeline->n_lanes] =
        (struct lane){.tile = tile, .number = number, .layer = -1, .next = SIZE_MAX};
    return timeline->n_lanes++;
}

// A free lane of the tile whose first lane is *head: the one this layer was on, else the first,
// else a new one.
static size_t pick_lane(struct timeline *timeline, size_t *room, size_t *head,
                        const struct span *span)
{
    int64_t start_ps = trace_ps(span->start_s);
    size_t pick = SIZE_MAX, last = SIZE_MAX;
    for (size_t at = *head; at != SIZE_MAX; at = timeline->lanes[at].next) {
        const struct lane *lane = &timeline->lanes[at];
        last = at;
        if (lane->end_ps > start_ps)
            continue;
        if (lane->layer == span->layer)
            return at;
        if (pick == SIZE_MAX)
            pick = at;
    }
    if (pick != SIZE_MAX)
        return pick;
    if (last == SIZE_MAX)
        return *head = new_lane(timeline, room, span->tile, 0);
    int number = timeline->lanes[last].number + 1;
    if (number == MAX_LANES)
        return last;
    size_t made = new_lane(timeline, room, span->tile, number);
    timeline->lanes[last].next = made;
    return made;
}

struct timeline *timeline_create(const struct trace *trace, const struct trace_head *head)
{
    const struct span *spans;
    size_t n = trace_spans(trace, &spans), room = 0;
    struct timeline *timeline = mem_alloc(1, sizeof *timeline);
    timeline->order = by_start(spans, n);
    timeline->lane_of = mem_alloc(n, sizeof *timeline->lane_of);
    size_t *heads = mem_alloc(head->n_tiles + 1, sizeof *heads); // of every tile; off chip first
    for (size_t i = 0; i <= head->n_tiles; i++)
        heads[i] = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        const struct span *span = &spans[timeline->order[i]];
        assert(span->tile < 0 || (size_t)span->tile < head->n_tiles);
        size_t tile = span->tile < 0 ? 0 : (size_t)span->tile + 1;
        size_t at = pick_lane(timeline, &room, &heads[tile], span);
        struct lane *lane = &timeline->lanes[at];
        int64_t end_ps = trace_ps(span->end_s);
        lane->layer = span->layer;
        lane->end_ps = end_ps > lane->end_ps ? end_ps : lane->end_ps;
        timeline->lane_of[timeline->order[i]] = at;
    }
    free(heads);
    return timeline;
}

void timeline_destroy(struct timeline *timeline)
{
    if (!timeline)
        return;
    free(timeline->order);
    free(timeline->lane_of);
    free(timeline->lanes);
    free(timeline);
}

char *timeline_lane_name(char *buf, size_t n, const struct trace_head *head,
                         const struct lane *lane)
{
    const char *tile = trace_tile_name(head, lane->tile);
    if (lane->number)
        snprintf(buf, n, "%s lane %d", tile, lane->number + 1);
    else
        snprintf(buf, n, "%s", tile);
    return buf;
}

size_t *timeline_by_tile(const struct timeline *timeline)
{
    struct key *keys = mem_alloc(timeline->n_lanes, sizeof *keys);
    for (size_t i = 0; i < timeline->n_lanes; i++) {
        const struct lane *lane = &timeline->lanes[i];
        keys[i] = (struct key){lane->tile < 0 ? INT64_MAX : lane->tile, lane->number, i};
    }
    return sorted(keys, timeline->n_lanes);
}
