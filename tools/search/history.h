// What a search knows already: its episodes, found again by what they build, in memory and in the
// store. search_begin() of drive.h lives there.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct err;
struct search;
struct search_episode;

// By number: of an episode, or -1 - r of reference r.
struct search_episode *history_episode(struct search *search, int64_t number);
// Whether two build the same.
bool history_same(const struct search *search, const struct search_episode *a,
                  const struct search_episode *b);
// Where the table has the first episode that builds the same and did not fail; -1 there: none.
int32_t *history_place(const struct search *search, const struct search_episode *episode);
// It is done; what builds the same need not be costed again.
void history_note(struct search *search, int64_t number);
// The reward of what did not fail; wants the baseline.
void history_judge(struct search *search, struct search_episode *episode);
// The same of all that is done.
void history_judge_all(struct search *search);
// Writes it to the store.
bool history_keep(struct search *search, int64_t number, double seconds, struct err *err);
