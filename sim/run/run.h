// Simulates a mapping and assembles the result: times from the events, energies from their counts.
#pragma once
#include <stdbool.h>

#include "sim/dataflow/dataflow.h"
#include "sim/events/transport.h"

struct activity_params;
struct err;
struct mapping;
struct result;
struct trace;

enum policy { POLICY_EXACT, POLICY_MNSIM };
extern const char *const policy_names[]; // NULL-terminated

struct run_params {
    enum policy policy;
    enum tokens tokens;
    enum noc_backend backend;
    int images;                             // 0: 1
    struct trace *trace;                    // NULL: none
    const struct activity_params *activity; // measured, per layer of the net; NULL: as assumed
    const char *version, *command;
    void (*progress)(int64_t done, int64_t all); // tokens over all channels; NULL: none
};

// The result owns its memory and does not refer to the mapping.
bool run_mapping(const struct mapping *mapping, const struct run_params *params,
                 struct result **out, struct err *err);
