#include "tools/search/agents/replay.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tools/search/agents/search_rng.h"

struct replay {
    size_t capacity, width, size, next;
    struct transition *items;
    float *states; // (capacity, two, width)
};

struct replay *replay_create(size_t capacity, size_t width)
{
    struct replay *r = mem_alloc(1, sizeof *r);
    r->capacity = capacity;
    r->width = width;
    r->items = mem_alloc(capacity, sizeof *r->items);
    r->states = mem_alloc(capacity * 2 * width, sizeof *r->states);
    return r;
}

void replay_destroy(struct replay *r)
{
    if (!r)
        return;
    free(r->items);
    free(r->states);
    free(r);
}

void replay_add(struct replay *r, const struct transition *transition)
{
    float *state = r->states + r->next * 2 * r->width, *next = state + r->width;
    memcpy(state, transition->state, r->width * sizeof *state);
    memcpy(next, transition->next, r->width * sizeof *next);
    r->items[r->next] = *transition;
    r->items[r->next].state = state;
    r->items[r->next].next = next;
    r->next = (r->next + 1) % r->capacity;
    r->size += r->size < r->capacity;
}

size_t replay_size(const struct replay *r)
{
    return r->size;
}

const struct transition *replay_draw(const struct replay *r, struct search_rng *chance)
{
    assert(r->size > 0);
    return &r->items[search_rng_below(chance, (int)r->size)];
}

void replay_rewards(const struct replay *r, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < r->size; i++)
        sum += (double)r->items[i].reward;
    *mean = r->size ? sum / (double)r->size : 0;
    for (size_t i = 0; i < r->size; i++) {
        double d = (double)r->items[i].reward - *mean;
        squares += d * d;
    }
    *deviation = r->size > 1 ? sqrt(squares / (double)(r->size - 1)) : 0;
}
