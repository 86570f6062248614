// What a search leaves in its folder for people and programs. The bytes depend on the job alone:
// not on workers, kills or times.
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct err;
struct finals;
struct search;
struct search_episode;

// Episodes of the front (accuracy against the reward's cost; nobody is better in both), cheapest
// first; the first of those that build the same. Returns how many; `front` has room for all
// episodes.
size_t search_front(const struct search *search, int *front);

// A comma and the number, or nothing behind it where it is not known.
void search_csv_number(FILE *out, bool known, double value);
// The uniform net that is next wider than a ratio; NULL: none.
const struct search_episode *search_wider(const struct search *search, double ratio);

// front.csv, episodes.csv, references.csv, job.yaml, and the best net and those of the front, ready
// for run, train and eval: best.yaml, nets/front-*.yaml; where the job sets or searches keys of the
// chip, beside each the chip that it was judged on, *-chip.yaml. What is not known is empty.
bool search_export(const struct search *search, const char *folder, const char *version,
                   struct err *err);
// Whether search_export will succeed, as far as that can be known before the first episode.
bool search_export_check(const struct search *search, const char *folder, struct err *err);
bool search_has_chips(const struct search *search); // whether there are such files of chips
// `finals`: of stage C, or NULL.
void search_json(const struct search *search, const struct finals *finals, const char *version,
                 FILE *out);
// front.svg (the front and the uniform nets), widths.svg (HAWIS's Figure 5), channels.svg (Figure
// 4). All data and scripts are written first. As gnuplot_draw(); `stop` is what ends it.
bool search_plot(const struct search *search, const char *folder, const volatile sig_atomic_t *stop,
                 bool *drawn, struct err *why, struct err *err);
// The same of final.svg, the nets of stage C: mean and range of test accuracy against the reward's
// cost.
bool search_plot_final(const struct search *search, const struct finals *finals, const char *folder,
                       const volatile sig_atomic_t *stop, bool *drawn, struct err *why,
                       struct err *err);
