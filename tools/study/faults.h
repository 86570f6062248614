// Requested and injected faults: the terms and keys with which eval and sweep report them.
#pragma once
#include "sim/crossbar/fault.h"

struct jsonw;

// Faulty parts other than cells.
struct faults_part {
    const char *key, *words;
    double rate; // requested; 0: the kind is off
    struct fault_tally tally;
};
enum { FAULTS_PARTS = 4 };
void faults_list(const struct defect_params *asked, const struct fault_counts *counts,
                 struct faults_part parts[FAULTS_PARTS]);

// "faults": {"requested", "injected"}. Cells always, other parts if requested.
void faults_json(const struct defect_params *asked, const struct fault_counts *counts,
                 struct jsonw *w);
