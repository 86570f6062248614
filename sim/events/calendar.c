#include "sim/events/calendar.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void blame(struct calendar *c, int blocker, int blocked, int64_t ticks)
{
    for (size_t i = 0; i < c->n_blames; i++)
        if (c->blames[i].blocker == blocker && c->blames[i].blocked == blocked) {
            c->blames[i].ticks = ticks_sum(c->blames[i].ticks, ticks);
            return;
        }
    c->blames = mem_grow(c->blames, &c->cap_blames, c->n_blames + 1, sizeof *c->blames);
    c->blames[c->n_blames++] = (struct blame){blocker, blocked, ticks};
}

static void insert(struct calendar *c, size_t at, struct tensor_name slot)
{
    if (c->first > 64 && c->first > c->n / 2) { // discard past reservations
        assert(c->slots);
        memmove(c->slots, c->slots + c->first, (c->n - c->first) * sizeof *c->slots);
        at -= c->first;
        c->n -= c->first;
        c->first = 0;
    }
    c->slots = mem_grow(c->slots, &c->cap, c->n + 1, sizeof *c->slots);
    memmove(c->slots + at + 1, c->slots + at, (c->n - at) * sizeof *c->slots);
    c->slots[at] = slot;
    c->n++;
}

int64_t calendar_take(struct calendar *c, int64_t now, int64_t earliest, int64_t length, int owner)
{
    assert(earliest >= now); // earlier reservations are discarded
    while (c->first < c->n && c->slots[c->first].end <= now)
        c->first++;
    int64_t start = earliest;
    size_t at = c->first;
    for (; at < c->n; at++) {
        const struct tensor_name *slot = &c->slots[at];
        if (slot->end <= start)
            continue;
        if (start + length <= slot->start)
            break;
        blame(c, slot->owner, owner, slot->end - start);
        start = slot->end;
    }
    c->uses++;
    c->busy += length;
    c->wait = ticks_sum(c->wait, start - earliest);
    if (length <= 0)
        return start;
    // A queue of one owner is one slot, however long it gets.
    struct tensor_name *before = at > c->first ? &c->slots[at - 1] : NULL;
    if (before && before->end == start && before->owner == owner)
        before->end += length;
    else
        insert(c, at, (struct tensor_name){start, start + length, owner});
    return start;
}

const struct blame *calendar_worst(const struct calendar *c)
{
    const struct blame *worst = NULL;
    for (size_t i = 0; i < c->n_blames; i++)
        if (!worst || c->blames[i].ticks > worst->ticks)
            worst = &c->blames[i];
    return worst;
}

void calendar_fini(struct calendar *c)
{
    free(c->slots);
    free(c->blames);
}
