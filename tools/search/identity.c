#include "tools/search/identity.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nets/net.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "tools/study/accuracy.h"
#include "tools/search/agents/agent.h"
#include "tools/search/search_loop.h"
#include "tools/search/job.h"
#include "tools/search/supernet_accuracy.h"
#include "tools/study/store.h"

enum { MOST_KEYS = 24 };

static void add(struct search *s, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct search *s, const char *key, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s->keys[s->n_keys++] = (struct store_key){key, arena_strdup(s->mem, text)};
}

// Sections by the hash of what they say, defaults included: two files that mean the same are one
// search.
static uint64_t section(const struct search_job *job, const char *key,
                        const struct conf_field *fields)
{
    static const struct conf_node none = {.kind = CONF_MAP};
    const struct conf_node *node = conf_find(job->conf->root, key);
    return conf_hash(node ? node : &none, fields);
}

static const struct conf_field *fields_of(const char *key)
{
    const struct conf_field *f = search_fields;
    while (strcmp(f->key, key) != 0)
        f++;
    return f->fields;
}

// By what is in the files, not by their names.
static void add_supernet(struct search *s)
{
    const struct supernet_accuracy_params *p = &s->job->accuracy.supernet;
    static const char key[] = "accuracy.supernet.candidate";
    const struct conf_field *fields = supernet_accuracy_fields;
    while (strcmp(fields->key, "candidate") != 0)
        fields++;
    add(s, "accuracy", "super-net");
    add(s, "training job", "[%016" PRIx64 "]", supernet_accuracy_training_hash(s->stages));
    add(s, "super-net's weights", "[%016" PRIx64 "]", supernet_accuracy_weights_hash(s->stages));
    add(s, "tune_epochs", "%d", p->tune_epochs);
    add(s, "candidate_epochs", "%d", p->candidate_epochs);
    if (p->has_candidate)
        add(s, "candidate", "[%016" PRIx64 "]", section(s->job, key, fields->fields));
    if (s->job->accuracy.has_faults)
        add(s, "faults", "[%016" PRIx64 "], model %d",
            section(s->job, "accuracy.faults", faults_fields), ACCURACY_MODEL_VERSION);
}

void identify_search(struct search *s)
{
    const struct search_job *job = s->job;
    char key[64];
    s->keys = arena_alloc(s->mem, MOST_KEYS, sizeof *s->keys);
    add(s, "name", "%s", job->name);
    add(s, "agent", "%s", job->agent->name);
    snprintf(key, sizeof key, "agents.%s", job->agent->name);
    if (job->agent->fields)
        add(s, "agent's parameters", "[%016" PRIx64 "]", section(job, key, job->agent->fields));
    add(s, "episodes", "%d", job->episodes);
    add(s, "round", "%d", job->round);
    add(s, "seed", "%d", job->seed);
    add(s, "start", "%.17g", job->start);
    static const char *const sections[] = {"space", "cost", "reward"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        add(s, sections[i], "[%016" PRIx64 "]", section(job, sections[i], fields_of(sections[i])));
    if (s->stages)
        add_supernet(s);
    else
        add(s, "accuracy", "[%016" PRIx64 "]", section(job, "accuracy", fields_of("accuracy")));
    add(s, "chip", "%s [%016" PRIx64 "]", s->chip->name, s->chip->hash);
    add(s, "net", "%s [%016" PRIx64 "]", s->net->name, s->net->hash);
    add(s, "model version", "%d", COST_MODEL_VERSION);
    uint64_t hash = HASH_START;
    for (size_t k = 0; k < s->n_keys; k++) {
        hash = hash_bytes(hash, s->keys[k].key, strlen(s->keys[k].key) + 1);
        hash = hash_bytes(hash, s->keys[k].value, strlen(s->keys[k].value) + 1);
    }
    snprintf(s->hash, sizeof s->hash, "%016" PRIx64, hash);
}
