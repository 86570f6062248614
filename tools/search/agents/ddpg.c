// DDPG (Lillicrap et al., ICLR 2016) deciding layer after layer, as in AMC, HAQ and HAWIS. Two
// forms by name. `ddpg-haq` is HAQ's agent with its faults (lib/rl/ddpg.py of its code; of HAWIS's
// own nothing but the states and "a variant form of Bellman's equation" is published). `ddpg`
// mends what is known to go wrong with it:
//  - returns: HAQ writes the final reward R to every step and adds the next step's value, so values
//    grow with the number of layers left. Here every step's return is R itself, mixed with the
//    next step's value by `bootstrap`.
//  - baseline: HAQ subtracts a fast average of random batches' rewards, and targets shake with it.
//    Here rewards count by their mean and deviation over the replay.
//  - actions: HAQ remembers what it asked for, not what was built. Here it is what was built.
//  - ends of the range: behind a sigmoid the actor cannot leave 0 and 1 again. Here it is linear
//    and its gradients are inverted near the ends (Hausknecht and Stone, ICLR 2016).
//  - history: HAQ's ten numbers know the last decision only. Here the mean of all so far stands
//    beside them, and the decision's place as a unit vector, which a small net could not tell from
//    the place as one number in as few episodes.
//  - noise: HAQ's deviation is below 0.002 in the last of 600 episodes. Here it has a floor, and a
//    schedule that knows how many episodes there will be.
// AMC's fault of never drawing the first layer's transitions is in neither. That rewards age while
// the super-net moves is for the search to mend, by scoring the best again.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/portable_math.h"
#include "tools/search/agents/search_rng.h"
#include "tools/search/agents/kinds.h"
#include "tools/search/agents/mlp.h"
#include "tools/search/agents/replay.h"

struct params {
    int hidden, warmup, batch, replay, updates;
    double actor_rate, critic_rate, tau, sigma;
    double decay;                          // ddpg-haq
    double sigma_least, anneal, bootstrap; // ddpg
};

// Of tables/ddpg_reference: HAQ's rl_quantize.py, lines 165 to 187.
#define AT(member) .offset = offsetof(struct params, member)
#define COMMON(hidden_, rate_)                                                                     \
    {"hidden",                                                                                     \
     CONF_INT,                                                                                     \
     AT(hidden),                                                                                   \
     .min = 1,                                                                                     \
     .max = 4096,                                                                                  \
     .fallback = hidden_,                                                                          \
     .help = "units of either hidden layer of actor and critic"},                                  \
        {"warmup",                                                                                 \
         CONF_INT,                                                                                 \
         AT(warmup),                                                                               \
         .min = 1,                                                                                 \
         .max = 1 << 20,                                                                           \
         .fallback = "20",                                                                         \
         .help = "episodes of uniform decisions before learning begins"},                          \
        {"batch",                                                                                  \
         CONF_INT,                                                                                 \
         AT(batch),                                                                                \
         .min = 1,                                                                                 \
         .max = 4096,                                                                              \
         .fallback = "64",                                                                         \
         .help = "transitions of an update"},                                                      \
        {"replay",                                                                                 \
         CONF_INT,                                                                                 \
         AT(replay),                                                                               \
         .min = 1,                                                                                 \
         .max = 1 << 20,                                                                           \
         .fallback = "128",                                                                        \
         .help = "episodes that are remembered"},                                                  \
        {"updates",                                                                                \
         CONF_INT,                                                                                 \
         AT(updates),                                                                              \
         .min = 1,                                                                                 \
         .max = 64,                                                                                \
         .fallback = "1",                                                                          \
         .help = "per decision, when its episode is told"},                                        \
        {"actor_rate",                                                                             \
         CONF_NUM,                                                                                 \
         AT(actor_rate),                                                                           \
         .min = 1e-8,                                                                              \
         .max = 1,                                                                                 \
         .fallback = rate_,                                                                        \
         .help = "learning rate of the actor"},                                                    \
        {"critic_rate",                                                                            \
         CONF_NUM,                                                                                 \
         AT(critic_rate),                                                                          \
         .min = 1e-8,                                                                              \
         .max = 1,                                                                                 \
         .fallback = "1e-3",                                                                       \
         .help = "learning rate of the critic"},                                                   \
        {"tau",                                                                                    \
         CONF_NUM,                                                                                 \
         AT(tau),                                                                                  \
         .min = 0,                                                                                 \
         .max = 1,                                                                                 \
         .fallback = "0.01",                                                                       \
         .help = "share that the target nets follow in an update"},                                \
    {                                                                                              \
        "sigma", CONF_NUM, AT(sigma), .min = 0, .max = 10, .fallback = "0.5",                      \
                                      .help = "first deviation of exploration"                     \
    }

static const struct conf_field haq_fields[] = {
    COMMON("300", "1e-4"),
    {"decay", CONF_NUM, AT(decay), .min = 0, .max = 1, .fallback = "0.99",
     .help = "of the deviation, per episode after warm-up"},
    {0},
};
static const struct conf_field fields[] = {
    COMMON("64", "1e-3"),
    {"sigma_least", CONF_NUM, AT(sigma_least), .min = 1e-3, .max = 1, .fallback = "0.03",
     .help = "last deviation of exploration"},
    {"anneal", CONF_NUM, AT(anneal), .min = 0.01, .max = 1, .fallback = "0.7",
     .help = "share of the episodes after which the deviation is the last"},
    {"bootstrap", CONF_NUM, AT(bootstrap), .min = 0, .max = 1, .fallback = "0",
     .help = "share of the next step's value in a return; the rest is the episode's reward"},
    {0},
};
#undef COMMON
#undef AT

struct agent {
    struct arena *mem;
    struct problem problem;
    struct params params;
    uint64_t seed;
    bool mended;
    int width; // of a state
    struct mlp *actor, *critic, *target_actor, *target_critic;
    struct replay *replay;
    double baseline; // ddpg-haq: average of batches' mean rewards
    bool has_baseline;
    int told;
    double *x, *asked; // a proposal; (round, n) as asked for, before snapping
    float *states;     // (n + 1, width) of an episode
    // (batch, ...) of an update; inputs: the critic's, state and action.
    float *state, *next, *inputs, *action, *target, *value, *slope, *input_slope;
    const struct transition **drawn;
};

static void create_nets(struct agent *a)
{
    struct search_rng chance = search_rng_begin(a->seed, CHANCE_WEIGHTS, 0);
    int hidden = a->params.hidden;
    struct mlp_shape shape = {.layers = 3,
                              .widths = {a->width, hidden, hidden, 1},
                              .sigmoid = !a->mended,
                              .batch = a->params.batch};
    a->actor = mlp_create(&shape, &chance);
    if (a->mended) { // from the middle of the range
        *mlp_weight(a->actor, 2, hidden, 0) = 0.5F;
        for (int i = 0; i < hidden; i++)
            *mlp_weight(a->actor, 2, i, 0) *= 0.1F;
    }
    shape.widths[0] = a->width + 1;
    shape.sigmoid = false;
    a->critic = mlp_create(&shape, &chance);
    a->target_actor = mlp_clone(a->actor);
    a->target_critic = mlp_clone(a->critic);
}

static struct agent *create(const struct problem *problem, const struct params *params,
                            uint64_t seed, bool mended)
{
    struct arena *mem = arena_create();
    struct agent *a = arena_alloc(mem, 1, sizeof *a);
    *a = (struct agent){.mem = mem, .problem = *problem, .seed = seed, .mended = mended};
    a->params = *params;
    a->width = AGENT_STATE + (mended ? 1 + problem->n : 0);
    size_t n = (size_t)problem->n, width = (size_t)a->width, batch = (size_t)params->batch;
    create_nets(a);
    a->replay = replay_create((size_t)params->replay * n, width);
    a->x = arena_alloc(mem, n, sizeof *a->x);
    a->asked = arena_alloc(mem, (size_t)problem->round * n, sizeof *a->asked);
    a->states = arena_alloc(mem, (n + 1) * width, sizeof *a->states);
    a->state = arena_alloc(mem, batch * width, sizeof(float));
    a->next = arena_alloc(mem, batch * width, sizeof(float));
    a->inputs = arena_alloc(mem, batch * (width + 1), sizeof(float));
    a->input_slope = arena_alloc(mem, batch * (width + 1), sizeof(float));
    a->action = arena_alloc(mem, batch, sizeof(float));
    a->target = arena_alloc(mem, batch, sizeof(float));
    a->value = arena_alloc(mem, batch, sizeof(float));
    a->slope = arena_alloc(mem, batch, sizeof(float));
    a->drawn = arena_alloc(mem, batch, sizeof *a->drawn);
    return a;
}

static struct agent *create_mended(const struct problem *problem, const void *params, uint64_t seed)
{
    return create(problem, params, seed, true);
}

static struct agent *create_haq(const struct problem *problem, const void *params, uint64_t seed)
{
    return create(problem, params, seed, false);
}

static void destroy(struct agent *a)
{
    if (!a)
        return;
    mlp_destroy(a->actor);
    mlp_destroy(a->critic);
    mlp_destroy(a->target_actor);
    mlp_destroy(a->target_critic);
    replay_destroy(a->replay);
    arena_destroy(a->mem);
}

// The state of decision k given those before it in x.
static void see(const struct agent *a, const double *x, int k, float *state)
{
    double s[AGENT_STATE], sum = 0;
    a->problem.state(a->problem.context, x, k, s);
    for (int i = 0; i < AGENT_STATE; i++)
        state[i] = (float)s[i];
    if (!a->mended)
        return;
    for (int i = 0; i < k; i++)
        sum += x[i];
    state[AGENT_STATE] = k > 0 ? (float)(sum / k) : 0.5F;
    for (int i = 0; i < a->problem.n; i++)
        state[AGENT_STATE + 1 + i] = i == k ? 1 : 0;
}

static double deviation(const struct agent *a, int episode)
{
    const struct params *p = &a->params;
    int since = episode - p->warmup;
    if (p->sigma <= 0)
        return 0;
    if (!a->mended)
        return p->decay > 0 ? p->sigma * num_exp(fmax(since * num_log(p->decay), -700)) : 0;
    double span = fmax(1, p->anneal * (a->problem.episodes - p->warmup));
    double share = fmin(since / span, 1);
    return p->sigma * num_exp(share * num_log(fmin(p->sigma_least / p->sigma, 1)));
}

// One proposal; asked[k] is what the actor and the noise said before snapping.
static void decide(struct agent *a, int episode, double *x, double *asked)
{
    int n = a->problem.n;
    struct search_rng chance = search_rng_begin(a->seed, CHANCE_PROPOSAL, (uint32_t)episode);
    double sigma = deviation(a, episode);
    for (int k = 0; k < n; k++)
        x[k] = 0;
    for (int k = 0; k < n; k++) {
        float mean;
        see(a, x, k, a->state);
        mlp_forward(a->actor, a->state, 1, &mean);
        double inside = fmin(fmax((double)mean, 0), 1);
        if (episode < a->params.warmup)
            asked[k] = search_rng_uniform(&chance);
        else
            asked[k] = search_rng_truncated(&chance, inside, sigma);
        x[k] = asked[k];
        a->problem.snap(a->problem.context, x);
    }
}

static void propose(struct agent *a, int episode, double *x)
{
    decide(a, episode, x, a->asked + (size_t)(episode % a->problem.round) * a->problem.n);
}

// Mean of 0 and deviation of 1 over what is remembered.
static void standardise(const struct agent *a, float *reward)
{
    double mean, spread;
    replay_rewards(a->replay, &mean, &spread);
    for (int i = 0; i < a->params.batch; i++)
        reward[i] = (float)(((double)reward[i] - mean) / (spread > 0 ? spread : 1));
}

static void subtract_baseline(struct agent *a, float *reward)
{
    double mean = 0;
    for (int i = 0; i < a->params.batch; i++)
        mean += (double)reward[i] / a->params.batch;
    a->baseline = a->has_baseline ? a->baseline + 0.5 * (mean - a->baseline) : mean;
    a->has_baseline = true;
    for (int i = 0; i < a->params.batch; i++)
        reward[i] -= (float)a->baseline;
}

static void join(const struct agent *a, const float *state, const float *action)
{
    size_t width = (size_t)a->width;
    for (size_t i = 0; i < (size_t)a->params.batch; i++) {
        memcpy(a->inputs + i * (width + 1), state + i * width, width * sizeof *state);
        a->inputs[i * (width + 1) + width] = action[i];
    }
}

static void draw_batch(struct agent *a, struct search_rng *chance)
{
    size_t width = (size_t)a->width;
    for (int i = 0; i < a->params.batch; i++) {
        const struct transition *t = a->drawn[i] = replay_draw(a->replay, chance);
        memcpy(a->state + (size_t)i * width, t->state, width * sizeof(float));
        memcpy(a->next + (size_t)i * width, t->next, width * sizeof(float));
        a->target[i] = t->reward;
    }
}

// What the critic should have said of the batch.
static void find_targets(struct agent *a)
{
    int n = a->params.batch;
    if (a->mended)
        standardise(a, a->target);
    else
        subtract_baseline(a, a->target);
    float share = a->mended ? (float)a->params.bootstrap : 1;
    if (!(share > 0))
        return;
    mlp_forward(a->target_actor, a->next, n, a->action);
    for (int i = 0; i < n && a->mended; i++)
        a->action[i] = fminf(fmaxf(a->action[i], 0), 1);
    join(a, a->next, a->action);
    mlp_forward(a->target_critic, a->inputs, n, a->value);
    for (int i = 0; i < n; i++)
        if (!a->drawn[i]->last)
            a->target[i] = (a->mended ? 1 - share : 1) * a->target[i] + share * a->value[i];
}

static void update_critic(struct agent *a)
{
    int n = a->params.batch;
    for (int i = 0; i < n; i++)
        a->action[i] = a->drawn[i]->action;
    join(a, a->state, a->action);
    mlp_forward(a->critic, a->inputs, n, a->value);
    for (int i = 0; i < n; i++) // of the mean squared error
        a->slope[i] = 2 * (a->value[i] - a->target[i]) / (float)n;
    mlp_backward(a->critic, a->slope, NULL, true);
    mlp_step(a->critic, a->params.critic_rate);
}

// Up the critic's slope along the actor's decisions.
static void update_actor(struct agent *a)
{
    int n = a->params.batch;
    mlp_forward(a->actor, a->state, n, a->action);
    join(a, a->state, a->action);
    mlp_forward(a->critic, a->inputs, n, a->value);
    for (int i = 0; i < n; i++)
        a->slope[i] = -1 / (float)n;
    mlp_backward(a->critic, a->slope, a->input_slope, false);
    for (int i = 0; i < n; i++) {
        float slope = a->input_slope[(size_t)(i + 1) * (a->width + 1) - 1];
        if (a->mended) // down: room below; up: room above; both turn round outside
            slope *= slope > 0 ? a->action[i] : 1 - a->action[i];
        a->slope[i] = slope;
    }
    mlp_backward(a->actor, a->slope, NULL, true);
    mlp_step(a->actor, a->params.actor_rate);
}

static void remember(struct agent *a, const double *asked, const struct told *told)
{
    size_t n = (size_t)a->problem.n, width = (size_t)a->width;
    for (size_t k = 0; k < n; k++)
        see(a, told->x, (int)k, a->states + k * width);
    for (size_t k = 0; k < n; k++)
        replay_add(a->replay,
                   &(struct transition){.state = a->states + k * width,
                                        .next = a->states + (k + 1) * width,
                                        .action = (float)(a->mended ? told->x[k] : asked[k]),
                                        .reward = (float)told->reward,
                                        .last = k + 1 == n});
}

static void learn(struct agent *a, int episode)
{
    struct search_rng chance = search_rng_begin(a->seed, CHANCE_LEARNING, (uint32_t)episode);
    for (int i = 0; i < a->problem.n * a->params.updates; i++) {
        draw_batch(a, &chance);
        find_targets(a);
        update_critic(a);
        update_actor(a);
        mlp_follow(a->target_actor, a->actor, (float)a->params.tau);
        mlp_follow(a->target_critic, a->critic, (float)a->params.tau);
    }
}

static void tell(struct agent *a, int episode, const struct told *told)
{
    int n = a->problem.n, slot = episode % a->problem.round;
    // What was asked for depends on weights that the first lesson of the round changes.
    for (int i = 0; i < a->problem.round && slot == 0 && !a->mended; i++)
        decide(a, episode + i, a->x, a->asked + (size_t)i * n);
    a->told = episode + 1;
    if (!told_failed(told))
        remember(a, a->asked + (size_t)slot * n, told);
    if (a->told > a->params.warmup && replay_size(a->replay) > 0)
        learn(a, episode);
}

static void describe(const struct agent *a, char *text, size_t size)
{
    if (a->told < a->params.warmup)
        snprintf(text, size, "warm-up, %d of %d", a->told, a->params.warmup);
    else
        snprintf(text, size, "noise %.3f", deviation(a, a->told));
}

const struct agent_kind agent_ddpg = {.name = "ddpg",
                                      .fields = fields,
                                      .size = sizeof(struct params),
                                      .create = create_mended,
                                      .destroy = destroy,
                                      .propose = propose,
                                      .tell = tell,
                                      .describe = describe};
const struct agent_kind agent_ddpg_haq = {.name = "ddpg-haq",
                                          .fields = haq_fields,
                                          .size = sizeof(struct params),
                                          .create = create_haq,
                                          .destroy = destroy,
                                          .propose = propose,
                                          .tell = tell,
                                          .describe = describe};
