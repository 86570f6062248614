#include "tools/search/supernet_accuracy.h"

#include <stdlib.h>
#include <string.h>

#include "nets/backend/backend.h"
#include "nets/net.h"
#include "nets/train/augment.h"
#include "nets/train/recipe.h"
#include "nets/train/slim.h"
#include "nets/train/supernet.h"
#include "nets/train/trainer.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "tools/search/subprocess.h"
#include "tools/search/space.h"
#include "tools/train/job.h"
#include "workloads/dataset.h"

#define AT(member) .offset = offsetof(struct supernet_accuracy_candidate, member)
static const struct conf_field candidate_fields[] = {
    {"optimiser", CONF_SECTION, AT(optimiser), .fields = optimiser_fields, .help = "the steps"},
    {"schedule", CONF_SECTION, AT(schedule), .fields = schedule_fields,
     .help = "of the learning rate, over candidate_epochs"},
    {0},
};
#undef AT

#define AT(member) .offset = offsetof(struct supernet_accuracy_params, member)
const struct conf_field supernet_accuracy_fields[] = {
    {"train", CONF_STR, AT(train), .help = "a training job with a supernet: a name, or a file"},
    {"set", CONF_NODE, AT(set), .optional = true, .word = "a map of PATH: VALUE",
     .help = "overrides of keys of that job, such as {epochs: 5, images: 10000}"},
    {"weights", CONF_STR, AT(weights), .optional = true,
     .help = "weights of the trained super-net; default: train it first, in DIR/stage-a"},
    {"tune_epochs", CONF_INT, AT(tune_epochs), .min = 0, .max = 1000, .fallback = "0",
     .help = "tuning of the super-net per candidate, as in `train`; 0: none; otherwise round "
             "must be 1"},
    {"candidate_epochs", CONF_INT, AT(candidate_epochs), .min = 0, .max = 1000, .fallback = "0",
     .help = "tuning of the candidate, from the shared weights, which do not change"},
    {"candidate", CONF_SECTION, AT(candidate), .fields = candidate_fields, .optional = true,
     .present = offsetof(struct supernet_accuracy_params, has_candidate),
     .help = "how candidates are tuned; default: as in `train`"},
    {0},
};
#undef AT

struct supernet_accuracy {
    const struct supernet_accuracy_params *params;
    const struct conf_node *at; // blamed
    const struct space *space;
    const char *folder; // of the search
    struct train_job *train;
    struct recipe recipe; // of stage B
    double least;         // ratio
    struct weights *weights;
    int threads;
    struct supernet *supernet; // of this process; NULL: nothing was asked yet
    struct dataset *held_out;  // of this process; NULL: nobody wanted them yet
    struct arena *mem;
};

// --- Opening ---

static bool check_bounds(const struct supernet_accuracy *s, const struct conf_node *at,
                         struct err *err)
{
    struct slim_space slim;
    const struct slim_plan *plan = &s->recipe.supernet;
    if (!slim_space(plan, s->train->net, s->mem, &slim, err))
        return false;
    for (size_t k = 0; k < s->space->n_layers; k++) {
        const struct space_layer *l = &s->space->layers[k];
        if (l->low < slim.low[k] || l->high > slim.high[k])
            return conf_fail(at, err,
                             "layer '%s' is searched from %d to %d channels, the super-net has %d "
                             "to %d; narrow the space, or train one with other least and most",
                             l->name, l->low, l->high, slim.low[k], slim.high[k]);
        if (l->step % slim.step != 0)
            return conf_fail(at, err,
                             "layer '%s' is searched in steps of %d channels, the super-net was "
                             "trained in steps of %d; make the first a multiple of the second",
                             l->name, l->step, slim.step);
    }
    return true;
}

static bool check_net(const struct supernet_accuracy *s, const struct conf_node *at,
                      const struct net *net, struct err *err)
{
    struct net *same = NULL;
    int *base = arena_alloc(s->mem, s->space->n_layers, sizeof *base);
    for (size_t k = 0; k < s->space->n_layers; k++)
        base[k] = s->space->layers[k].base;
    if (slim_layers(s->train->net) == s->space->n_layers &&
        !train_job_resize(s->train, base, &same, err))
        return false;
    bool ok = same && same->hash == net->hash;
    net_destroy(same);
    return ok || conf_fail(at, err,
                           "it trains '%s' (%s), not the searched net, '%s' (%s); "
                           "name the same net, form and keys in both jobs",
                           s->train->net->name, net_form_names[s->train->net->form], net->name,
                           net_form_names[net->form]);
}

static bool check(const struct supernet_accuracy *s, const struct conf_node *at,
                  const struct net *net, struct err *err)
{
    const struct recipe *r = &s->train->recipe;
    if (!r->has_supernet)
        return conf_fail(at, err, "'%s' does not train a super-net; add a section supernet",
                         r->name);
    if (!(r->held_out > 0))
        return conf_fail(at, err,
                         "'%s' has no held-out images to evaluate candidates; set held_out above 0",
                         r->name);
    return check_net(s, at, net, err) && check_bounds(s, at, err);
}

// Tuned on over all episodes, and never back to an earlier epoch.
static void plan_stage_b(struct supernet_accuracy *s, int episodes)
{
    int epochs = s->params->tune_epochs * episodes;
    s->recipe = s->train->recipe;
    s->recipe.keep = KEEP_LAST;
    s->recipe.epochs = epochs > 0 ? epochs : 1;
}

// Whoever was trained on the images that are held out here looks better than it is.
static bool check_split(const struct supernet_accuracy *s, const struct weights *weights,
                        struct err *err)
{
    const char *was = weights ? weights->split : NULL;
    const char *is = trainer_split(&s->recipe, s->train->data, s->mem);
    return !was || strcmp(was, is) == 0 ||
           conf_fail(s->at, err,
                     "its weights were trained with %.90s held out, this job has %s: candidates "
                     "would be evaluated on their training images; give both the same data, "
                     "images, held_out and seed",
                     was, is);
}

bool supernet_accuracy_open(const struct supernet_accuracy_params *params,
                            const struct conf_node *at, const struct net *net,
                            const struct space *space, int episodes, struct supernet_accuracy **out,
                            struct err *err)
{
    struct arena *mem = arena_create();
    struct supernet_accuracy *s = arena_alloc(mem, 1, sizeof *s);
    *s = (struct supernet_accuracy){
        .params = params, .at = at, .space = space, .threads = 1, .mem = mem};
    if (!train_job_load(params->train, params->sets.items, params->sets.n, &s->train, err)) {
        supernet_accuracy_close(s);
        return false;
    }
    plan_stage_b(s, episodes);
    if (!check(s, at, net, err) ||
        (params->weights &&
         (!weights_load(params->weights, s->train->net, &s->weights, err) ||
          !weights_trainable(s->train->net, s->weights, params->weights, err))) ||
        !check_split(s, s->weights, err) || !check_split(s, s->train->init, err)) {
        supernet_accuracy_close(s);
        return false;
    }
    *out = s;
    return true;
}

void supernet_accuracy_close(struct supernet_accuracy *stages)
{
    if (!stages)
        return;
    supernet_accuracy_leave(stages);
    weights_destroy(stages->weights);
    train_job_destroy(stages->train);
    arena_destroy(stages->mem);
}

// --- Stage A ---

bool supernet_accuracy_trains(const struct supernet_accuracy *s)
{
    return !s->params->weights;
}

bool supernet_accuracy_train(const struct supernet_accuracy *s, const char *folder,
                             const struct subprocess *how, struct trained *out, struct err *err)
{
    struct arena *mem = arena_create();
    const char *to = arena_printf(mem, "%s/stage-a", folder);
    bool ok = subprocess_train(s->train, to, how, false, out, err);
    arena_destroy(mem);
    return ok;
}

const char *supernet_accuracy_weights(const struct supernet_accuracy *s, const char *folder)
{
    const char *path = s->params->weights;
    return path ? path : arena_printf(s->mem, "%s/stage-a/weights.safetensors", folder);
}

bool supernet_accuracy_load(struct supernet_accuracy *s, const char *folder, int threads,
                            struct err *err)
{
    const char *path = supernet_accuracy_weights(s, folder);
    s->folder = arena_printf(s->mem, "%s/stage-b", folder);
    s->threads = s->params->tune_epochs > 0 ? threads : 1;
    file_tidy(s->folder);
    return (s->weights || weights_load(path, s->train->net, &s->weights, err)) &&
           check_split(s, s->weights, err) &&
           (s->params->tune_epochs == 0 || file_make_folder(s->folder, err));
}

// --- Stage B ---

static struct supernet_params supernet_params(const struct supernet_accuracy *s)
{
    const struct supernet_accuracy_params *p = s->params;
    const struct train_job *job = s->train;
    return (struct supernet_params){
        .trainer = {.net = job->net,
                    .recipe = &s->recipe,
                    .data = job->data,
                    .backend = job->backend,
                    .workers = s->threads,
                    .init = s->weights,
                    .teacher = job->teacher,
                    .teacher_weights = job->teacher_weights,
                    .resize = {train_job_resize, job}},
        .optimiser = p->has_candidate ? p->candidate.optimiser : job->recipe.optimiser,
        .schedule = p->has_candidate ? p->candidate.schedule : job->recipe.schedule,
    };
}

const struct dataset *supernet_accuracy_images(const struct supernet_accuracy *s)
{
    return s->train->data;
}

size_t supernet_accuracy_n_held_out(const struct supernet_accuracy *s)
{
    size_t n = s->train->data->n;
    uint32_t *numbers = mem_alloc(n, sizeof *numbers);
    size_t held_out = split_images((uint64_t)s->recipe.seed, s->recipe.held_out, n, numbers);
    free(numbers);
    return held_out;
}

uint64_t supernet_accuracy_training_hash(const struct supernet_accuracy *s)
{
    struct arena *mem = arena_create();
    struct trainer_params params = supernet_params(s).trainer;
    params.init = NULL;
    const char *text = trainer_identity(&params, mem);
    uint64_t hash = hash_bytes(HASH_START, text, strlen(text));
    arena_destroy(mem);
    return hash;
}

uint64_t supernet_accuracy_weights_hash(const struct supernet_accuracy *s)
{
    return weights_hash(s->train->net, s->weights);
}

// The first question of all is about a reference, and writes the state that stage A left; whoever
// comes later finds one.
static bool open_supernet(struct supernet_accuracy *s, int64_t episode, struct err *err)
{
    struct supernet_params params = supernet_params(s);
    struct err warning = {0};
    if (s->supernet)
        return true;
    if (!supernet_create(&params, &s->supernet, err))
        return false;
    if (s->params->tune_epochs == 0)
        return true;
    bool ok = episode == -1 ? supernet_save(s->supernet, s->folder, err)
                            : supernet_load(s->supernet, s->folder, &warning, err);
    if (!ok)
        supernet_accuracy_leave(s);
    return ok;
}

bool supernet_accuracy_tune(struct supernet_accuracy *s, int64_t episode, const int *widths,
                            struct err *err)
{
    int epochs = s->params->tune_epochs;
    if (!open_supernet(s, episode, err))
        return false;
    if (epochs == 0 || episode < 0)
        return true;
    int done = supernet_epochs(s->supernet), until = ((int)episode + 1) * epochs;
    if (done == until)
        return true;
    if (done != until - epochs)
        return err_set(err,
                       "%s: the super-net was tuned for %d epochs, episode %d requires %d; its "
                       "file does not match this search: start again with another --out",
                       s->folder, done, (int)episode, until - epochs);
    return supernet_tune(s->supernet, widths, until, err) &&
           supernet_save(s->supernet, s->folder, err);
}

static bool inside(const struct supernet_accuracy *s, const int *widths, struct err *err)
{
    const struct slim_plan *plan = &s->recipe.supernet;
    for (size_t k = 0; k < s->space->n_layers; k++) {
        const struct space_layer *l = &s->space->layers[k];
        if (widths[k] < l->base * plan->least - 1 || widths[k] > l->base * plan->most + 1e-9)
            return err_set(err, "the super-net does not contain these widths");
    }
    return true;
}

bool supernet_accuracy_ask(struct supernet_accuracy *s, int64_t episode, const int *widths,
                           bool take, struct supernet_net *out, bool *broken, struct err *err)
{
    int epochs = s->params->candidate_epochs;
    *broken = !supernet_accuracy_tune(s, episode, widths, err);
    if (*broken || !inside(s, widths, err))
        return false;
    return take ? supernet_take(s->supernet, widths, epochs, out, err)
                : supernet_try(s->supernet, widths, epochs, &out->accuracy, err);
}

const struct dataset *supernet_accuracy_held_out(struct supernet_accuracy *s, size_t most)
{
    if (!s->held_out)
        s->held_out = supernet_held_out(s->supernet, most);
    return s->held_out;
}

void supernet_accuracy_leave(struct supernet_accuracy *s)
{
    supernet_destroy(s->supernet);
    dataset_close(s->held_out);
    s->supernet = NULL;
    s->held_out = NULL;
}
