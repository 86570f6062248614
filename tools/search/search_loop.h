// Main loop of a search: rounds of proposals, evaluated by workers and reported to the agent in
// order. Every result is stored before it counts. Training and simulation run in the workers only.
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/warn.h"
#include "tools/search/evaluate.h"
#include "tools/search/reward.h"

struct arena;
struct chip;
struct err;
struct net;
struct search_job;
struct space;
struct supernet_accuracy;
struct store;
struct store_key;
struct workers;
struct workers_params;

struct search_episode {
    bool done, failed;
    int *widths;             // of the space's layers
    unsigned short *choices; // of its knobs
    double ratio;            // of a reference; else 0
    struct cost cost;
    double accuracy;
    double clean_accuracy; // if faults are stated: accuracy of the weights without a chip
    struct judged judged;
    uint64_t chip_hash, net_hash;
    const char *why; // reason of the failure
};

struct search {
    const struct search_job *job; // borrowed, as is the store
    struct store *store;
    struct chip *chip;
    struct net *net; // at ratio 1
    struct space *space;
    struct supernet_accuracy *stages; // if the accuracy comes from a super-net; else NULL
    struct agent *agent;
    struct store_key *keys; // everything the results depend on
    size_t n_keys;
    char hash[17];                     // of the keys
    size_t n_references;               // uniform nets; the first is the baseline, ratio 1
    struct search_episode *references; // judged before the first round
    struct search_episode *episodes;   // job->episodes
    size_t done;                       // finished episodes
    size_t told;                       // episodes reported to the agent
    int32_t *index;                    // hash table of episodes by the net and chip that they build
    size_t index_size;
    struct warnings warnings; // of the job's chip, and of where accuracies come from
    struct arena *mem;
};

struct search_params {
    int jobs; // workers
    // Starts them; NULL: processes of this machine. The worker that tunes a super-net is always a
    // process of this machine, because its state is in the search's folder.
    struct workers *(*start_workers)(void *context, const struct search *search,
                                     const struct workers_params *params, struct err *err);
    // Set by a signal: candidates in progress have a few seconds to finish; the rest is not
    // started.
    const volatile sig_atomic_t *stop;
    void (*progress)(void *context, const struct search *search, double seconds, size_t done_here);
    void *context; // of both
};

// Loads chip, net and the super-net's training job, creates space and agent; opens nothing else.
bool search_create(const struct search_job *job, struct search **out, struct err *err);
void search_destroy(struct search *search); // NULL is fine
// Whether accuracies come from a closed form: assumed, not measured. Output must label them so.
bool search_assumes(const struct search *search);
// After supernet_accuracy_load(). Writes the job to the store, or reads it and the finished
// episodes from there.
bool search_begin(struct search *search, struct store *store, struct err *err);
// True when all is done, or *stop was set; search_done() says which.
bool search_run(struct search *search, const struct search_params *params, struct err *err);
bool search_done(const struct search *search); // all episodes and references

// The finished episode with the largest reward within the limits (if none is within them, the one
// with the smallest violation). Ties: the cheapest, then the first. NULL: none.
const struct search_episode *search_best(const struct search *search);
// Number of failed episodes, and the reason of the first failure.
size_t search_failed(const struct search *search, const char **why);
