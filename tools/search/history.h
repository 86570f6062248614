// Finished episodes of a search, in memory and in the store, indexed by the net and chip that they
// build. Defines search_begin() of search_loop.h.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct err;
struct search;
struct search_episode;

// The episode with a number; -1 - r: reference r.
struct search_episode *history_episode(struct search *search, int64_t number);
// Whether two build the same net and chip.
bool history_same(const struct search *search, const struct search_episode *a,
                  const struct search_episode *b);
// Table slot of the first episode that builds the same and did not fail; the slot holds -1: none.
int32_t *history_place(const struct search *search, const struct search_episode *episode);
// Adds a finished episode, so that candidates that build the same are not simulated again.
void history_note(struct search *search, int64_t number);
// Computes the reward if the episode did not fail; requires the baseline.
void history_judge(struct search *search, struct search_episode *episode);
// The same for all finished episodes.
void history_judge_all(struct search *search);
// Writes it to the store.
bool history_keep(struct search *search, int64_t number, double seconds, struct err *err);
