// Result files of a search. Their bytes depend on the job only, not on the number of workers,
// interruptions or run time.
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct err;
struct finals;
struct search;
struct search_episode;

// Episodes of the Pareto front (accuracy against the reward's cost), cheapest first; of episodes
// that build the same net and chip, the first. Returns their number; `front` has capacity for all
// episodes.
size_t search_front(const struct search *search, int *front);

// Writes a comma and, if it is known, the number.
void search_csv_number(FILE *out, bool known, double value);
// The narrowest uniform net wider than a ratio; NULL: none.
const struct search_episode *search_wider(const struct search *search, double ratio);

// Writes front.csv, episodes.csv, references.csv, job.yaml, and the best net and those of the
// front, ready for run, train and eval: best.yaml, nets/front-*.yaml. If the job sets or searches
// keys of the chip, each net has its chip beside it, *-chip.yaml. Unknown values are empty.
bool search_export(const struct search *search, const char *folder, const char *version,
                   struct err *err);
// Whether search_export will succeed, as far as this can be checked before the first episode.
bool search_export_check(const struct search *search, const char *folder, struct err *err);
bool search_has_chips(const struct search *search); // whether *-chip.yaml files are written
// `finals`: results of stage C, or NULL.
void search_json(const struct search *search, const struct finals *finals, const char *version,
                 FILE *out);
// front.svg (the front and the uniform nets), widths.svg (HAWIS's Figure 5), channels.svg (Figure
// 4). All data and scripts are written first. Otherwise like gnuplot_draw(); a nonzero *stop ends
// it.
bool search_plot(const struct search *search, const char *folder, const volatile sig_atomic_t *stop,
                 bool *drawn, struct err *why, struct err *err);
// The same for final.svg, the nets of stage C: mean and range of test accuracy against the reward's
// cost.
bool search_plot_final(const struct search *search, const struct finals *finals, const char *folder,
                       const volatile sig_atomic_t *stop, bool *drawn, struct err *why,
                       struct err *err);
