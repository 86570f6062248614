#include "tools/search/job.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/run/run.h"
#include "tools/search/agents/agent.h"

const char *const search_source_names[] = {"formula", "command", "supernet", NULL};

#define AT(member) .offset = offsetof(struct search_accuracy, member)
static const struct conf_field accuracy_fields[] = {
    {"source", CONF_ENUM, AT(source), .names = search_source_names, .fallback = "formula",
     .help = "formula: a closed form, without training; command: an external program; supernet: "
             "sub-nets of one trained net, on images held out from training"},
    {"formula", CONF_SECTION, AT(formula), .fields = formula_fields,
     .help = "ceiling - loss * sum of share * ratio^-power; an assumption, whose defaults apply to "
             "binary ResNet-20 on CIFAR-10 only: for another net state all four"},
    {"command", CONF_NODE, AT(command), .optional = true, .word = "a list of words",
     .help =
         "reads a candidate as a line of JSON, answers with its accuracy, or an error, as another"},
    {"timeout", CONF_QTY, AT(timeout_s), .min = 0.001, .max = 1e7, .unit = "s", .fallback = "600 s",
     .help = "time limit of an answer; then the command is restarted and asked again"},
    {"supernet", CONF_SECTION, AT(supernet), .fields = supernet_accuracy_fields, .optional = true,
     .present = offsetof(struct search_accuracy, has_supernet), .help = "HAWIS's stages A and B"},
    {"faults", CONF_SECTION, AT(faults), .fields = faults_fields, .optional = true,
     .present = offsetof(struct search_accuracy, has_faults),
     .help = "for source supernet: accuracy is measured in the crossbars of sampled faulty "
             "chips; clean_accuracy is then that of the weights without a chip"},
    {0},
};
#undef AT

#define AT(member) .offset = offsetof(struct search_cost, member)
static const struct conf_field cost_fields[] = {
    {"policy", CONF_ENUM, AT(policy), .names = policy_names, .fallback = "exact",
     .help = "how energy and area are charged"},
    {"events", CONF_BOOL, AT(events), .fallback = "true",
     .help = "false: energy and area in closed form, without leakage and latency; "
             "policy exact only"},
    {0},
};
#undef AT

#define AT(member) .offset = offsetof(struct search_job, member)
const struct conf_field search_fields[] = {
    {"kind", CONF_STR, AT(kind), .fallback = "search",
     .help = "marks the file as a job of bitline search"},
    {"name", CONF_STR, AT(name),
     .help = "name of the job and its folder: at most 80 letters, digits, '.', '_' and '-'"},
    {"description", CONF_TEXT, AT(description), .fallback = "", .help = "free text"},
    {"chip", CONF_STR, AT(chip), .help = "a name, or a file"},
    {"net", CONF_STR, AT(net), .help = "a name, or a file"},
    {"form", CONF_ENUM, AT(form), .names = net_form_names, .optional = true,
     .present = offsetof(struct search_job, has_form),
     .help = "number format of the net; default: the net's own"},
    {"set", CONF_NODE, AT(set), .optional = true, .word = "a map of PATH: VALUE",
     .help = "overrides of keys of the chip, or of the net (net.PATH)"},
    {"data", CONF_STR, AT(data), .optional = true,
     .help = "images for the training jobs named here, such as cifar10:DIR; default: those of "
             "the training jobs"},
    {"space", CONF_SECTION, AT(space), .fields = space_fields,
     .help = "the search space: widths, and settings of the chip"},
    {"accuracy", CONF_SECTION, AT(accuracy), .fields = accuracy_fields,
     .help = "source of a candidate's accuracy"},
    {"cost", CONF_SECTION, AT(cost), .fields = cost_fields,
     .help = "how a candidate's costs are simulated"},
    {"reward", CONF_SECTION, AT(reward), .fields = reward_fields, .help = "reward of a candidate"},
    {"final", CONF_SECTION, AT(final), .fields = retrain_fields, .optional = true,
     .present = offsetof(struct search_job, has_final),
     .help = "HAWIS's stage C: the chosen nets are trained from scratch"},
    {"agent", CONF_STR, AT(agent_name), .fallback = "evolution",
     .help = "proposes candidates: ddpg, ddpg-haq, random, evolution, nsga2, cmaes, greedy"},
    {"agents", CONF_NODE, AT(agents), .optional = true, .word = "a map of AGENT: its parameters",
     .help = "parameters of agents, such as agents: {nsga2: {population: 40}}"},
    {"start", CONF_NUM, AT(start), .min = 0, .max = 1000, .fallback = "0",
     .help = "ratio of the uniform net that evolution, nsga2, cmaes or greedy start from; 0: none"},
    {"episodes", CONF_INT, AT(episodes), .min = 1, .max = SEARCH_MAX_EPISODES, .fallback = "600",
     .help = "total number of candidates"},
    {"round", CONF_INT, AT(round), .min = 1, .max = SEARCH_MAX_ROUND, .fallback = "8",
     .help = "candidates proposed before the first of them is evaluated; affects the result, "
             "unlike jobs"},
    {"seed", CONF_INT, AT(seed), .min = 0, .max = INT_MAX, .fallback = "1",
     .help = "of the agent and of the mapping"},
    {"jobs", CONF_INT, AT(jobs), .min = 1, .max = 256, .fallback = "1",
     .help = "worker processes; the result is the same"},
    {0},
};
#undef AT

static const struct conf_node *at(const struct search_job *job, const char *path)
{
    const struct conf_node *node = conf_find(job->conf->root, path);
    return node ? node : job->conf->root;
}

static bool take_agent(struct search_job *job, struct err *err)
{
    static const struct conf_node none = {.kind = CONF_MAP};
    job->agent = agent_kind(job->agent_name);
    if (!job->agent)
        return conf_fail(at(job, "agent"), err,
                         "unknown agent '%.40s'; use ddpg, ddpg-haq, random, evolution, nsga2, "
                         "cmaes or greedy",
                         job->agent_name);
    if (job->start > 0 && !job->agent->starts)
        return conf_fail(at(job, "start"), err,
                         "agent %s does not use a start; remove it, or use evolution, nsga2, "
                         "cmaes or greedy",
                         job->agent->name);
    const struct conf_node *all = job->agents;
    if (all && all->kind != CONF_MAP)
        return conf_fail(all, err, "expected a map of AGENT: its parameters");
    for (size_t i = 0; all && i < all->n; i++) {
        const struct agent_kind *kind = agent_kind(all->children[i]->key);
        if (!kind)
            return conf_fail(all->children[i], err, "unknown agent");
        if (!kind->fields)
            return conf_fail(all->children[i], err, "has no parameters");
        void *params = arena_alloc(job->conf->mem, kind->size, 1);
        if (!conf_bind(job->conf, all->children[i], kind->fields, params, err))
            return false;
        if (kind == job->agent)
            job->agent_params = params;
    }
    if (job->agent_params || !job->agent->fields)
        return true;
    job->agent_params = arena_alloc(job->conf->mem, job->agent->size, 1);
    return conf_bind(job->conf, &none, job->agent->fields, job->agent_params, err);
}

static bool take_command(struct search_job *job, struct err *err)
{
    const struct conf_node *command = job->accuracy.command;
    if (job->accuracy.source != SOURCE_COMMAND)
        return !command || conf_fail(command, err, "is given, but source is %s; remove one",
                                     search_source_names[job->accuracy.source]);
    if (!command || command->kind != CONF_SEQ || !command->n)
        return conf_fail(command ? command : at(job, "accuracy"), err,
                         "command: expected a list of words, such as [python3, train.py]");
    job->words = arena_alloc(job->conf->mem, command->n + 1, sizeof *job->words);
    for (size_t i = 0; i < command->n; i++) {
        if (command->children[i]->kind != CONF_SCALAR)
            return conf_fail(command->children[i], err, "expected a word");
        job->words[i] = arena_strdup(job->conf->mem, command->children[i]->text);
    }
    return true;
}

static bool check_supernet(const struct search_job *job, struct err *err)
{
    const struct search_accuracy *a = &job->accuracy;
    if (a->source != SOURCE_SUPERNET)
        return !a->has_supernet ||
               conf_fail(at(job, "accuracy.supernet"), err,
                         "is given, but source is %s; remove one", search_source_names[a->source]);
    if (!a->has_supernet)
        return conf_fail(at(job, "accuracy"), err,
                         "source supernet requires a section supernet, such as {train: "
                         "train-synth-supernet}");
    if (a->supernet.tune_epochs > 0 && job->round != 1)
        return conf_fail(at(job, "round"), err,
                         "%d candidates at once cannot each tune the super-net before the next is "
                         "proposed; set round to 1, or tune_epochs to 0",
                         job->round);
    return !a->supernet.has_candidate || a->supernet.candidate_epochs > 0 ||
           conf_fail(at(job, "accuracy.supernet.candidate"), err,
                     "has no effect, because candidate_epochs is 0");
}

static bool check_faults(const struct search_job *job, struct err *err)
{
    const struct search_accuracy *a = &job->accuracy;
    return !a->has_faults || a->source == SOURCE_SUPERNET ||
           conf_fail(at(job, "accuracy.faults"), err,
                     "requires weights for the crossbars, which source %s does not have; use "
                     "source supernet, or remove this",
                     search_source_names[a->source]);
}

// Overrides of a training job: the images first, so that its own `set` may override them.
static bool take_sets(const struct search_job *job, const struct conf_node *set,
                      struct jobfile_sets *out, struct err *err)
{
    struct jobfile_sets own = {0};
    if (set && !jobfile_sets(job->conf, set, &own, err))
        return false;
    out->items = arena_alloc(job->conf->mem, own.n + 1, sizeof *out->items);
    if (job->data)
        out->items[out->n++] = arena_printf(job->conf->mem, "data=%s", job->data);
    for (size_t i = 0; i < own.n; i++)
        out->items[out->n++] = own.items[i];
    return true;
}

static bool check_data(const struct search_job *job, struct err *err)
{
    return !job->data || job->has_final || job->accuracy.source == SOURCE_SUPERNET ||
           conf_fail(at(job, "data"), err, "this job trains nothing; remove it");
}

static bool check(struct search_job *job, struct err *err)
{
    if (!jobfile_check_name(job->conf, job->name, err) || !check_data(job, err) ||
        !take_sets(job, job->accuracy.supernet.set, &job->accuracy.supernet.sets, err) ||
        !take_sets(job, job->final.set, &job->final.sets, err))
        return false;
    if (job->set && !jobfile_sets(job->conf, job->set, &job->sets, err))
        return false;
    if (!job->cost.events && job->cost.policy != POLICY_EXACT)
        return conf_fail(at(job, "cost"), err,
                         "events: false is a closed form of the policy exact only; remove one of "
                         "them");
    if (!job->cost.events &&
        (job->reward.cost == COST_LATENCY || job->reward.limits[COST_LATENCY] > 0 ||
         job->reward.weights[COST_LATENCY] > 0))
        return conf_fail(at(job, "cost"), err,
                         "events: false gives no latency, but the reward uses it");
    return reward_check(&job->reward, at(job, "reward"), err) && take_command(job, err) &&
           check_supernet(job, err) && check_faults(job, err) && take_agent(job, err);
}

bool search_job_load(const char *what, const char *const *sets, size_t n_sets,
                     struct search_job **out, struct err *err)
{
    struct search_job *job = mem_alloc(1, sizeof *job);
    job->conf = jobfile_open(what, FILE_SEARCH, sets, n_sets, err);
    if (job->conf && jobfile_resolve(job->conf, "chip", JOBFILE_NAME, err) &&
        jobfile_resolve(job->conf, "net", JOBFILE_NAME, err) &&
        jobfile_resolve(job->conf, "data", JOBFILE_DATA, err) &&
        jobfile_resolve(job->conf, "accuracy.supernet.train", JOBFILE_NAME, err) &&
        jobfile_resolve(job->conf, "accuracy.supernet.weights", JOBFILE_WEIGHTS, err) &&
        jobfile_resolve(job->conf, "final.train", JOBFILE_NAME, err) &&
        conf_bind(job->conf, job->conf->root, search_fields, job, err) && check(job, err)) {
        *out = job;
        return true;
    }
    search_job_destroy(job);
    return false;
}

void search_job_destroy(struct search_job *job)
{
    if (!job)
        return;
    conf_close(job->conf);
    free(job);
}
