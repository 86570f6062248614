// Greedy slimming (AutoSlim, arXiv 1903.11728): from wide nets to narrow ones, each time shrinking
// the decision that costs least reward per cost saved. What a decision's trial gave before another
// one shrank is kept as a guess, and the most promising guesses are tried again first (Minoux's
// lazy greedy), so a step takes a round and not a trial of everything. When nothing shrinks any
// more, the rest of the budget climbs from the best candidate, one decision up or down at a time.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tools/search/agents/search_rng.h"
#include "tools/search/agents/kinds.h"

struct params {
    double step, share;
    int from;
};

enum from { FROM_WIDEST, FROM_START };
static const char *const from_names[] = {"widest", "start", NULL};

#define AT(member) .offset = offsetof(struct params, member)
static const struct conf_field fields[] = {
    {"step", CONF_NUM, AT(step), .min = 1e-3, .max = 1, .fallback = "0.125",
     .help = "by which a decision shrinks"},
    {"share", CONF_NUM, AT(share), .min = 0.01, .max = 1, .fallback = "0.5",
     .help = "of the episodes, in which everything should have shrunk"},
    {"from", CONF_ENUM, AT(from), .names = from_names, .fallback = "widest",
     .help = "where slimming begins; widest where there is no start"},
    {0},
};
#undef AT

enum { HERE = -1, FILLER = -2 }; // trials that move nothing, or that fill a round

struct trial {
    int decision; // or HERE, FILLER
    int up;       // climbing: 1 or -1
};

struct decision {
    double score; // reward lost per cost saved, smaller is better; infinite: not worth a thought
    bool fresh;   // the score was measured here
    bool taken;   // shrinks now
    int reach;    // steps of a trial: more than one while fewer save nothing
    double to;    // where the last trial went
    struct told told; // its result
};

struct agent {
    struct arena *mem;
    struct problem problem;
    struct params params;
    uint64_t seed;
    struct decision *decisions;
    double *here;           // where trials start
    struct told value;      // of here; failed: not known
    double *best;           // the best so far
    struct told best_value; // its
    double *fallback;       // the last single move, if several at once should fail
    struct told fallback_value;
    struct trial *trials; // of this round
    struct told *tolds;
    double *xs; // (round, n)
    int take;   // decisions that may shrink at once
    bool climbing;
    double step; // climbing
    int next;    // climbing: the move to try next, and how many led nowhere
    int vain;
    bool improved; // in this round
};

static double inside(double v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static void copy(const struct agent *a, double *to, const double *from)
{
    memcpy(to, from, (size_t)a->problem.n * sizeof *to);
}

// Puts a trial of the round down.
static double *add_trial(struct agent *a, int slot, int decision, int up)
{
    double *x = a->xs + (size_t)slot * a->problem.n;
    a->trials[slot] = (struct trial){decision, up};
    copy(a, x, a->here);
    return x;
}

// What is left of a round looks around the best: a few decisions anywhere near.
static void fill(struct agent *a, int slot, int episode)
{
    int n = a->problem.n;
    struct search_rng chance =
        search_rng_begin(a->seed, CHANCE_PROPOSAL, (uint32_t)(episode + slot));
    double *x = add_trial(a, slot, FILLER, 0);
    if (!a->best_value.failed)
        copy(a, x, a->best);
    int sure = search_rng_below(&chance, n);
    for (int i = 0; i < n; i++)
        if (search_rng_uniform(&chance) < 0.1 || i == sure)
            x[i] = inside(x[i] + a->params.step * search_rng_normal(&chance));
}

// The decision with the best guess that was not measured here; -1: none.
static int stalest(const struct agent *a)
{
    int found = -1;
    for (int i = 0; i < a->problem.n; i++) {
        const struct decision *d = &a->decisions[i];
        if (!d->fresh && a->here[i] > 0 && (found < 0 || d->score < a->decisions[found].score))
            found = i;
    }
    return found;
}

static int plan_slimming(struct agent *a)
{
    int slot = 0;
    if (a->value.failed)
        add_trial(a, slot++, HERE, 0);
    for (; slot < a->problem.round; slot++) {
        int k = stalest(a);
        if (k < 0)
            break;
        a->decisions[k].fresh = true;
        double *x = add_trial(a, slot, k, -1);
        x[k] = inside(x[k] - a->params.step * a->decisions[k].reach);
    }
    return slot;
}

static int plan_climbing(struct agent *a)
{
    int moves = 2 * a->problem.n, slot = 0;
    // Most moves of a round that leave the box lead nowhere at once.
    for (int tried = 0; slot < a->problem.round && tried < moves; tried++) {
        int k = a->next % moves / 2, up = a->next % 2 ? -1 : 1;
        double moved = inside(a->here[k] + up * a->step);
        a->next++;
        if (moved == a->here[k]) {
            a->vain++;
            continue;
        }
        add_trial(a, slot++, k, up)[k] = moved;
    }
    return slot;
}

static void plan(struct agent *a, int episode)
{
    int slot = a->climbing ? plan_climbing(a) : plan_slimming(a);
    for (; slot < a->problem.round; slot++)
        fill(a, slot, episode);
    for (int i = 0; i < a->problem.round; i++)
        a->problem.snap(a->problem.context, a->xs + (size_t)i * a->problem.n);
}

static void start_slimming(struct agent *a)
{
    const struct problem *p = &a->problem;
    double steps = 0;
    for (int i = 0; i < p->n; i++) {
        a->decisions[i] = (struct decision){.score = (double)-INFINITY, .reach = 1};
        a->here[i] = a->params.from == FROM_START && p->start ? p->start[i] : 1;
        steps += ceil(a->here[i] / a->params.step);
    }
    double rounds = fmax(1, a->params.share * p->episodes / p->round);
    a->take = (int)fmin(fmax(1, ceil(steps / rounds)), p->n);
    p->snap(p->context, a->here);
}

static struct agent *create(const struct problem *problem, const void *params, uint64_t seed)
{
    struct arena *mem = arena_create();
    struct agent *a = arena_alloc(mem, 1, sizeof *a);
    size_t n = (size_t)problem->n, round = (size_t)problem->round;
    *a = (struct agent){.mem = mem, .problem = *problem, .seed = seed};
    a->params = *(const struct params *)params;
    a->decisions = arena_alloc(mem, n, sizeof *a->decisions);
    a->here = arena_alloc(mem, n, sizeof *a->here);
    a->best = arena_alloc(mem, n, sizeof *a->best);
    a->fallback = arena_alloc(mem, n, sizeof *a->fallback);
    a->trials = arena_alloc(mem, round, sizeof *a->trials);
    a->tolds = arena_alloc(mem, round, sizeof *a->tolds);
    a->xs = arena_alloc(mem, round * n, sizeof *a->xs);
    a->value.failed = a->best_value.failed = a->fallback_value.failed = true;
    start_slimming(a);
    a->problem.start = NULL;
    plan(a, 0);
    return a;
}

static void destroy(struct agent *a)
{
    if (a)
        arena_destroy(a->mem);
}

static void propose(struct agent *a, int episode, double *x)
{
    copy(a, x, a->xs + (size_t)(episode % a->problem.round) * a->problem.n);
}

static double cost(const struct told *t)
{
    return t->objectives[1];
}

// What a trial says of its decision, at a known here.
static void score(struct agent *a, int slot)
{
    const struct told *t = &a->tolds[slot];
    int k = a->trials[slot].decision;
    struct decision *d = &a->decisions[k];
    double saved = cost(&a->value) - cost(t);
    d->told = *t;
    d->to = a->xs[(size_t)slot * a->problem.n + k];
    if (!t->failed && saved > 0) {
        d->score = (a->value.reward - t->reward) / saved;
    } else if (!t->failed && d->to > 0) { // not a crossbar less yet: further, before all others
        d->reach++;
        d->fresh = false;
    } else {
        d->score = (double)INFINITY;
    }
}

// The best of the decisions measured here that no guess beats; -1: none.
static int best_fresh(const struct agent *a)
{
    double guess = (double)INFINITY;
    int found = -1;
    for (int i = 0; i < a->problem.n; i++) {
        const struct decision *d = &a->decisions[i];
        if (!d->fresh && a->here[i] > 0)
            guess = fmin(guess, d->score);
        else if (d->fresh && !d->taken && isfinite(d->score) &&
                 (found < 0 || d->score < a->decisions[found].score))
            found = i;
    }
    return found >= 0 && a->decisions[found].score <= guess ? found : -1;
}

// Shrinks what is due; the rest of what was measured becomes a guess.
static void shrink(struct agent *a)
{
    int moved = 0;
    for (int k; moved < a->take && (k = best_fresh(a)) >= 0; moved++) {
        struct decision *d = &a->decisions[k];
        d->taken = true;
        if (moved == 0) {
            copy(a, a->fallback, a->here);
            a->fallback[k] = d->to;
            a->fallback_value = d->told;
        }
    }
    for (int i = 0; i < a->problem.n && moved > 0; i++) {
        struct decision *d = &a->decisions[i];
        if (d->taken) {
            a->here[i] = d->to;
            d->reach = 1;
        }
        d->taken = d->fresh = false;
    }
    if (moved > 0)
        a->value = a->fallback_value;
    if (moved > 1)
        a->value.failed = true; // several at once: not known yet
}

static void climb_from_best(struct agent *a)
{
    a->climbing = true;
    a->step = a->params.step;
    a->vain = a->next = 0;
    if (!a->best_value.failed)
        copy(a, a->here, a->best);
}

// After a round of slimming.
static void slim(struct agent *a)
{
    if (a->trials[0].decision == HERE) {
        a->value = a->tolds[0];
        if (a->value.failed && a->fallback_value.failed) { // the widest itself
            climb_from_best(a);
            return;
        }
        if (a->value.failed) {
            copy(a, a->here, a->fallback);
            a->value = a->fallback_value;
            for (int i = 0; i < a->problem.n; i++)
                a->decisions[i].fresh = false;
            return;
        }
    }
    for (int i = 0; i < a->problem.round; i++)
        if (a->trials[i].decision >= 0)
            score(a, i);
    shrink(a);
    if (!a->value.failed && stalest(a) < 0)
        climb_from_best(a);
}

// After a round of climbing.
static void climb(struct agent *a, bool improved)
{
    const double least = 1.0 / 64;
    if (improved) {
        copy(a, a->here, a->best);
        a->vain = 0;
        return;
    }
    for (int i = 0; i < a->problem.round; i++)
        a->vain += a->trials[i].decision >= 0;
    if (a->vain < 2 * a->problem.n)
        return;
    a->vain = 0;
    a->step = a->step / 2 < least ? a->params.step : a->step / 2;
}

static void tell(struct agent *a, int episode, const struct told *told)
{
    int slot = episode % a->problem.round;
    struct told *t = &a->tolds[slot];
    *t = *told;
    t->failed = told_failed(told);
    t->x = NULL;
    if (told_better(t, &a->best_value)) {
        a->best_value = *t;
        copy(a, a->best, told->x);
        a->improved = true;
    }
    if (slot + 1 < a->problem.round)
        return;
    if (a->climbing)
        climb(a, a->improved);
    else
        slim(a);
    a->improved = false;
    plan(a, episode + 1);
}

static void describe(const struct agent *a, char *text, size_t size)
{
    double sum = 0;
    for (int i = 0; i < a->problem.n; i++)
        sum += a->here[i];
    snprintf(text, size, "%s at mean %.3f", a->climbing ? "climbing" : "slimming",
             sum / a->problem.n);
}

const struct agent_kind agent_greedy = {.name = "greedy",
                                        .starts = true,
                                        .fields = fields,
                                        .size = sizeof(struct params),
                                        .create = create,
                                        .destroy = destroy,
                                        .propose = propose,
                                        .tell = tell,
                                        .describe = describe};
