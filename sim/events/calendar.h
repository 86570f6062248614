// Reservations of one shared resource. A request gets the first gap that is long enough, so a short
// packet does not wait for one that arrives later.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct tensor_name {
    int64_t start, end; // ticks
    int owner;          // layer
};

struct blame { // contention: `blocker` held the resource while `blocked` waited
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

// Saturating sum: the total of many concurrent waits may exceed the 550 s that 64 bits of ticks
// hold.
static inline int64_t ticks_sum(int64_t a, int64_t b)
{
    return b > INT64_MAX - a ? INT64_MAX : a + b;
}

// Reserves `length` ticks at `earliest` or later for `owner` and returns the start. No request
// starts before `now`, so reservations that ended earlier are discarded.
int64_t calendar_take(struct calendar *calendar, int64_t now, int64_t earliest, int64_t length,
                      int owner);
// The pair with the longest wait; NULL if there was no wait.
const struct blame *calendar_worst(const struct calendar *calendar);
void calendar_fini(struct calendar *calendar);
