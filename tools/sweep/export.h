// Result files of a finished sweep. Their bytes depend on the job only, not on the number of
// workers, interruptions, run time or file locations.
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "tools/study/faults.h"

struct sweep_loop;
struct err;

struct export_params {
    const char *folder, *version;
    const volatile sig_atomic_t *stop; // set by a signal: no plot is made
};

// Result of a point; n, mean and so on over the trials that count.
struct export_point {
    size_t n;
    double mean, deviation, interval; // of the accuracy, 0..1; the last two only if n > 1
    struct fault_counts faults;       // over all n trials
};
struct export_point export_point(const struct sweep_loop *drive, size_t point);

// Which kinds of faulty parts any point requests: those have columns in tables.
void export_parts(const struct sweep_loop *drive, bool asked[FAULTS_PARTS]);

// points.csv, points.json, job.yaml.
bool export_tables(const struct sweep_loop *drive, const struct export_params *params,
                   struct err *err);
void export_json(const struct sweep_loop *drive, const char *version, FILE *out);
// accuracy.dat, accuracy.gp and, by gnuplot, accuracy.svg: accuracy over the first swept path, one
// curve for each combination of the others. *drawn: the plot was made; if not,
// *why is a sentence.
bool export_plot(const struct sweep_loop *drive, const struct export_params *params, bool *drawn,
                 struct err *why, struct err *err);
