// Reservations of one shared part. A request takes the first gap that is long enough, so a short
// packet need not wait behind one that comes later.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct tensor_name {
    int64_t start, end; // ticks
    int owner;          // layer
};

struct blame { // owner `blocker` held the part while `blocked` waited
    int blocker, blocked;
    int64_t ticks;
};

struct calendar {
    struct tensor_name *slots; // by start, none overlap
    size_t first, n, cap;
    int64_t busy, wait, uses;
    struct blame *blames;
    size_t n_blames, cap_blames;
};

// Sums of what many wait at once may pass the 550 s that 64 bits of ticks hold; they stay there.
static inline int64_t ticks_sum(int64_t a, int64_t b)
{
    return b > INT64_MAX - a ? INT64_MAX : a + b;
}

// Takes `length` ticks at `earliest` or later for `owner`; nothing is asked for before `now`, so
// what ended before it is forgotten. Returns the start.
int64_t calendar_take(struct calendar *calendar, int64_t now, int64_t earliest, int64_t length,
                      int owner);
// The pair with the longest wait; NULL if nobody waited.
const struct blame *calendar_worst(const struct calendar *calendar);
void calendar_fini(struct calendar *calendar);
