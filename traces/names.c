#include "traces/names.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

struct names {
    struct arena *mem;
    const char **texts;
    size_t n, room;
    size_t *slots; // open addressing: index + 1, or 0 where free; a power of two of them
    size_t n_slots;
};

enum { FIRST_SLOTS = 64 };

struct names *names_create(void)
{
    struct names *names = mem_alloc(1, sizeof *names);
    names->mem = arena_create();
    names->n_slots = FIRST_SLOTS;
    names->slots = mem_alloc(names->n_slots, sizeof *names->slots);
    return names;
}

void names_destroy(struct names *names)
{
    if (!names)
        return;
    arena_destroy(names->mem);
    free(names->texts);
    free(names->slots);
    free(names);
}

// The slot that holds the text, or the free one where it belongs.
static size_t slot_of(const struct names *names, const char *text)
{
    size_t slot = (size_t)hash_bytes(HASH_START, text, strlen(text)) & (names->n_slots - 1);
    while (names->slots[slot] && strcmp(names->texts[names->slots[slot] - 1], text) != 0)
        slot = (slot + 1) & (names->n_slots - 1);
    return slot;
}

static void grow(struct names *names)
{
    free(names->slots);
    names->n_slots *= 2;
    names->slots = mem_alloc(names->n_slots, sizeof *names->slots);
    for (size_t i = 0; i < names->n; i++)
        names->slots[slot_of(names, names->texts[i])] = i + 1;
}

size_t names_find(const struct names *names, const char *text)
{
    size_t found = names->slots[slot_of(names, text)];
    return found ? found - 1 : SIZE_MAX;
}

size_t names_add(struct names *names, const char *text)
{
    if (2 * (names->n + 1) > names->n_slots)
        grow(names);
    size_t slot = slot_of(names, text);
    assert(!names->slots[slot]);
    names->texts = mem_grow(names->texts, &names->room, names->n + 1, sizeof *names->texts);
    names->texts[names->n] = arena_strndup(names->mem, text, strlen(text));
    names->slots[slot] = ++names->n;
    return names->n - 1;
}

size_t names_count(const struct names *names)
{
    return names->n;
}

const char *names_text(const struct names *names, size_t index)
{
    assert(index < names->n);
    return names->texts[index];
}
