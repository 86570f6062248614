#include "tools/search/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "tools/search/search_loop.h"
#include "tools/search/identity.h"
#include "tools/search/job.h"
#include "tools/search/space.h"
#include "tools/study/store.h"

enum { TEXT_ROOM = MOST_DECISIONS * 8 };

static uint64_t hash_of(const struct search *search, const int *widths,
                        const unsigned short *choices)
{
    uint64_t hash = hash_bytes(HASH_START, widths, search->space->n_layers * sizeof *widths);
    return hash_bytes(hash, choices, search->space->n_knobs * sizeof *choices);
}

bool history_same(const struct search *search, const struct search_episode *a,
                  const struct search_episode *b)
{
    return !memcmp(a->widths, b->widths, search->space->n_layers * sizeof *a->widths) &&
           !memcmp(a->choices, b->choices, search->space->n_knobs * sizeof *a->choices);
}

// The place of an episode's candidate in the table: where one that builds the same stands, or a
// free one.
int32_t *history_place(const struct search *search, const struct search_episode *e)
{
    size_t at = (size_t)hash_of(search, e->widths, e->choices) & (search->index_size - 1);
    while (search->index[at] >= 0 && !history_same(search, &search->episodes[search->index[at]], e))
        at = (at + 1) & (search->index_size - 1);
    return &search->index[at];
}

struct search_episode *history_episode(struct search *search, int64_t number)
{
    return number < 0 ? &search->references[-1 - number] : &search->episodes[number];
}

void history_note(struct search *search, int64_t number)
{
    struct search_episode *e = history_episode(search, number);
    e->done = true;
    if (number < 0)
        return;
    search->done++;
    if (!e->failed) {
        int32_t *place = history_place(search, e);
        if (*place < 0)
            *place = (int32_t)number;
    }
}

// --- The store ---

// Settings back from their text, "PATH=VALUE PATH=VALUE"; values that no knob has stay 0 and show
// when the text is made again.
static void read_knobs(const struct search *search, const char *text, unsigned short *choices)
{
    for (size_t k = 0; k < search->space->n_knobs; k++) {
        const struct space_choice *knob = &search->space->knobs[k];
        size_t path = strlen(knob->path);
        if (strncmp(text, knob->path, path) != 0 || text[path] != '=')
            return;
        text += path + 1;
        for (size_t v = 0; v < knob->n; v++) {
            size_t n = strlen(knob->values[v]);
            bool ends = !strncmp(text, knob->values[v], n) && (!text[n] || text[n] == ' ');
            if (ends) {
                choices[k] = (unsigned short)v;
                text += text[n] ? n + 1 : n;
                break;
            }
        }
    }
}

static void read_widths(const struct search *search, const char *text, int *widths)
{
    for (size_t k = 0; k < search->space->n_layers; k++) {
        char *end;
        widths[k] = (int)strtol(text, &end, 10);
        text = *end == ',' ? end + 1 : end;
    }
}

static bool read_back(void *context, const struct store_episode *from, struct err *err)
{
    struct search *search = context;
    char widths[TEXT_ROOM], knobs[1024] = "";
    struct store *store = search->store;
    if (from->episode < -(int64_t)search->n_references || from->episode >= search->job->episodes)
        return err_set(err,
                       "the store has an episode %lld that the job does not have; give it what "
                       "final.uniform had, or choose another --out",
                       (long long)from->episode);
    struct search_episode *e = history_episode(search, from->episode);
    if (e->done)
        return store_damaged(store, err, "table episode has episode %lld more than once",
                             (long long)from->episode);
    if (from->failed != (*from->why != 0))
        return store_damaged(store, err, "table episode, episode %lld: failed does not fit why",
                             (long long)from->episode);
    if (from->episode >= 0) { // the widths of uniform nets are the job's
        read_widths(search, from->widths, e->widths);
        read_knobs(search, from->knobs, e->choices);
    }
    evaluate_widths_text(search->space, e->widths, widths, sizeof widths);
    if (from->episode >= 0)
        evaluate_knobs_text(search->space, e->choices, knobs, sizeof knobs);
    if (strcmp(widths, from->widths) != 0 || strcmp(knobs, from->knobs) != 0)
        return from->episode < 0
                   ? err_set(err,
                             "the store's uniform net %lld has the widths %.60s, not those of "
                             "ratio %g; add to final.uniform at its end only, or choose another "
                             "--out",
                             (long long)-from->episode, from->widths, e->ratio)
                   : store_damaged(store, err,
                                   "table episode, episode %lld: widths %.60s or knobs are none "
                                   "of this job",
                                   (long long)from->episode, from->widths);
    e->failed = from->failed;
    e->why = arena_strdup(search->mem, from->why);
    e->cost = (struct cost){{from->energy_j, from->latency_s, from->area_m2}, from->binary_ops};
    e->accuracy = from->accuracy;
    e->clean_accuracy = from->clean_accuracy;
    e->chip_hash = strtoull(from->chip_hash, NULL, 16);
    e->net_hash = strtoull(from->net_hash, NULL, 16);
    history_note(search, from->episode);
    return true;
}

static bool write_job(void *context, struct err *err)
{
    const struct search *search = context;
    bool clean = search->job->accuracy.has_faults;
    struct store_job job = {search->hash, search->job->name, search->keys, search->n_keys,
                            clean ? store_clean_episode_tables : store_episode_tables};
    return store_begin(search->store, &job, err);
}

void history_judge(struct search *search, struct search_episode *e)
{
    if (!e->failed)
        e->judged =
            reward_judge(&search->job->reward, &search->references[0].cost, e->accuracy, &e->cost);
}

void history_judge_all(struct search *search)
{
    for (size_t e = 0; e < (size_t)search->job->episodes; e++)
        if (search->episodes[e].done)
            history_judge(search, &search->episodes[e]);
    for (size_t r = 0; r < search->n_references; r++)
        if (search->references[r].done)
            history_judge(search, &search->references[r]);
}

bool search_begin(struct search *search, struct store *store, struct err *err)
{
    search->store = store;
    identify_search(search);
    if (!store_transaction(store, write_job, search, err) ||
        !store_read_episodes(store, search->job->accuracy.has_faults, read_back, search, err))
        return false;
    if (search->references[0].done)
        history_judge_all(search);
    return true;
}

bool history_keep(struct search *search, int64_t number, double seconds, struct err *err)
{
    const struct search_episode *e = history_episode(search, number);
    char widths[TEXT_ROOM], knobs[1024] = "", chip[24], net[24];
    evaluate_widths_text(search->space, e->widths, widths, sizeof widths);
    if (number >= 0)
        evaluate_knobs_text(search->space, e->choices, knobs, sizeof knobs);
    snprintf(chip, sizeof chip, "%016llx", (unsigned long long)e->chip_hash);
    snprintf(net, sizeof net, "%016llx", (unsigned long long)e->net_hash);
    struct store_episode row = {.episode = number,
                                .widths = widths,
                                .knobs = knobs,
                                .failed = e->failed,
                                .why = e->why ? e->why : "",
                                .energy_j = e->cost.of[COST_ENERGY],
                                .latency_s = e->cost.of[COST_LATENCY],
                                .area_m2 = e->cost.of[COST_AREA],
                                .binary_ops = e->cost.binary_ops,
                                .accuracy = e->accuracy,
                                .reward = e->judged.reward,
                                .violation = e->judged.violation,
                                .chip_hash = chip,
                                .net_hash = net,
                                .seconds = seconds,
                                .has_clean = search->job->accuracy.has_faults,
                                .clean_accuracy = e->clean_accuracy};
    return store_add_episode(search->store, &row, err);
}
