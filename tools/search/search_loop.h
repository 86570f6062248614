// The work of a search: rounds of proposals, judged by workers, told to the agent in their order,
// every one of them in the store before it counts. Never trains, never simulates: workers do.
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
    double ratio;            // of a reference; 0 else
    struct cost cost;
    double accuracy;
    double clean_accuracy; // where faults are stated: of the weights by themselves
    struct judged judged;
    uint64_t chip_hash, net_hash;
    const char *why; // it failed
};

struct search {
    const struct search_job *job; // lent, as is the store
    struct store *store;
    struct chip *chip;
    struct net *net; // at ratio 1
    struct space *space;
    struct supernet_accuracy *stages; // where the accuracy comes from a super-net; else NULL
    struct agent *agent;
    struct store_key *keys; // all that the results depend on
    size_t n_keys;
    char hash[17];                     // of the keys
    size_t n_references;               // uniform nets; the first is the baseline, ratio 1
    struct search_episode *references; // judged before the first round
    struct search_episode *episodes;   // job->episodes
    size_t done;                       // of the episodes
    size_t told;
    int32_t *index; // hash table of episodes by what they build
    size_t index_size;
    struct warnings warnings; // of the job's chip, and of where accuracies come from
    struct arena *mem;
};

struct search_params {
    int jobs; // workers
    // Where they are; NULL: they are processes of this machine. The one that tunes a super-net is
    // a process of this machine in any case: its state is in the search's folder.
    struct workers *(*start_workers)(void *context, const struct search *search,
                                     const struct workers_params *params, struct err *err);
    // Set by a signal: what is begun has a few seconds to finish, the rest is left.
    const volatile sig_atomic_t *stop;
    void (*progress)(void *context, const struct search *search, double seconds, size_t done_here);
    void *context; // of both
};

// Loads chip, net and the super-net's training job, makes space and agent; opens nothing else.
bool search_create(const struct search_job *job, struct search **out, struct err *err);
void search_destroy(struct search *search); // NULL is fine
// Whether its accuracies come from a closed form: assumed, not measured. Output that holds them
// says so.
bool search_assumes(const struct search *search);
// After supernet_accuracy_load(). Writes the job to the store or finds it there, with the episodes
// that are done.
bool search_begin(struct search *search, struct store *store, struct err *err);
// True when all is done, or *stop was set (search_done() tells).
bool search_run(struct search *search, const struct search_params *params, struct err *err);
bool search_done(const struct search *search); // all episodes and references

// The episode with the largest reward among those done that keep the limits (where none does, that
// which passes them least), the cheapest and then the first of equals; NULL: none.
const struct search_episode *search_best(const struct search *search);
// How many of those done have failed, and why the first of them did.
size_t search_failed(const struct search *search, const char **why);
