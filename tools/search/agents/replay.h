// Replay buffer: an agent's last decisions, to learn from them again.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct search_rng;

struct transition {
    const float *state, *next; // borrowed by replay_add; of a drawn one, owned by the replay
    float action;
    float reward; // of the whole episode
    bool last;    // terminal
};

struct replay;

// Holds the last `capacity` transitions, with states of `width` numbers.
struct replay *replay_create(size_t capacity, size_t width);
void replay_destroy(struct replay *replay); // NULL is fine
void replay_add(struct replay *replay, const struct transition *transition);
size_t replay_size(const struct replay *replay);
// Uniform, with repetition; the replay is not empty.
const struct transition *replay_draw(const struct replay *replay, struct search_rng *chance);
// Mean and deviation of the rewards in it; deviation 0 when it holds fewer than two.
void replay_rewards(const struct replay *replay, double *mean, double *deviation);
