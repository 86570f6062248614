// What was asked to be broken and what was: the words and keys by which eval and sweep report it.
#pragma once
#include "sim/crossbar/fault.h"

struct jsonw;

// Parts that break besides cells.
struct faults_part {
    const char *key, *words;
    double rate; // asked for; 0: the kind is off
    struct fault_tally tally;
};
enum { FAULTS_PARTS = 4 };
void faults_list(const struct defect_params *asked, const struct fault_counts *counts,
                 struct faults_part parts[FAULTS_PARTS]);

// "faults": {"requested", "injected"}. Cells always, the other parts where they were asked for.
void faults_json(const struct defect_params *asked, const struct fault_counts *counts,
                 struct jsonw *w);
