#include "tests/search/problems.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

// As of a net with three blocks; a function of k and the decision before it.
static void state(void *context, const double *x, int k, double s[AGENT_STATE])
{
    const struct test_problem *test = context;
    double last = test->n > 1 ? test->n - 1 : 1, block = 3 * k / test->n;
    const double of_layer[AGENT_STATE] = {k / last,
                                          block / 2,
                                          (1 + (k > 0 ? 3 * (k - 1) / test->n : 0)) / 3.0,
                                          (1 + block) / 3,
                                          1,
                                          k > 0 && 3 * k / test->n != 3 * (k - 1) / test->n,
                                          (1 + block) * (1 + block) / 9,
                                          1 / (1 + block),
                                          k > 0 ? x[k - 1] : 0,
                                          k > 0 ? x[k - 1] * (1 + block) / 3 : 0};
    memcpy(s, of_layer, sizeof of_layer);
}

static void snap(void *context, double *x)
{
    const struct test_problem *test = context;
    for (int i = 0; i < test->n && test->grid > 0; i++)
        x[i] = floor(x[i] * test->grid + 0.5) / test->grid;
}

static void *defaults(const struct agent_kind *kind)
{
    void *params = mem_alloc(1, kind->size + 1);
    if (!kind->fields)
        return params;
    struct err err = {0};
    struct conf *conf = conf_parse("defaults", "{}", 2, &err);
    if (!conf || !conf_bind(conf, conf->root, kind->fields, params, &err))
        abort();
    conf_close(conf);
    return params;
}

void search_begin(struct search *s, const char *agent, const struct test_problem *test,
                  uint64_t seed, int episodes, int round)
{
    struct test_problem *own = mem_alloc(1, sizeof *own);
    *own = *test;
    *s = (struct search){.test = own, .kind = agent_kind(agent)};
    s->problem = (struct problem){.n = test->n,
                                  .state = state,
                                  .snap = snap,
                                  .context = own,
                                  .episodes = episodes,
                                  .round = round,
                                  .start = test->start};
    s->history.n = test->n;
    s->history.xs = mem_alloc((size_t)episodes * test->n, sizeof(double));
    s->history.tolds = mem_alloc((size_t)episodes, sizeof(struct told));
    void *params = defaults(s->kind);
    s->agent = s->kind->create(&s->problem, params, seed);
    free(params);
}

void search_run(struct search *s, int until)
{
    struct history *h = &s->history;
    while (h->episodes < until) {
        int begin = h->episodes, end = begin + s->problem.round;
        end = end < s->problem.episodes ? end : s->problem.episodes;
        for (int e = begin; e < end; e++) {
            double *x = h->xs + (size_t)e * h->n;
            s->kind->propose(s->agent, e, x);
            h->tolds[e] = (struct told){.x = x};
            s->test->value(x, h->n, &h->tolds[e]);
            if (h->tolds[e].failed)
                h->tolds[e] = (struct told){.failed = true};
        }
        for (int e = begin; e < end; e++)
            s->kind->tell(s->agent, e, &h->tolds[e]);
        h->episodes = end;
    }
}

void search_end(struct search *s)
{
    s->kind->destroy(s->agent);
    free(s->history.xs);
    free(s->history.tolds);
    free(s->problem.context);
}

double search_best(const char *agent, const struct test_problem *test, uint64_t seed, int episodes,
                   int round)
{
    struct search s;
    search_begin(&s, agent, test, seed, episodes, round);
    search_run(&s, episodes);
    double best = (double)-INFINITY;
    for (int e = 0; e < episodes; e++) {
        const struct told *t = &s.history.tolds[e];
        if (!told_failed(t) && !(t->violation > 0))
            best = fmax(best, t->reward);
    }
    search_end(&s);
    return best;
}

double quadratic_target(int i)
{
    return (i * 7 % 19 + 0.5) / 19;
}

void value_quadratic(const double *x, int n, struct told *told)
{
    double sum = 0, cost = 0;
    for (int i = 0; i < n; i++) {
        sum += (x[i] - quadratic_target(i)) * (x[i] - quadratic_target(i)) / n;
        cost += x[i] / n;
    }
    told->reward = 1 - sum;
    told->objectives[0] = sum;
    told->objectives[1] = cost;
}

void value_staircase(const double *x, int n, struct told *told)
{
    double gap = 0.02, energy = 0;
    for (int i = 0; i < n; i++) {
        int stage = 3 * i / n, channels = (int)((16 << stage) * (1 + 4 * x[i]) + 0.5);
        int crossbars = (channels + 27) / 28; // 3x3 kernels on 256 rows hold 28 channels
        energy += crossbars * (stage == 0 ? 4 : stage == 1 ? 2 : 1);
        gap += 0.3 / n * (1 + i % 3) * exp(-8 * x[i]);
    }
    told->reward = -gap * log(energy / (0.5 * n));
    told->objectives[0] = gap;
    told->objectives[1] = energy;
}

void value_constrained(const double *x, int n, struct told *told)
{
    value_quadratic(x, n, told);
    told->violation = fmax(0, told->objectives[1] - 0.4);
    told->reward -= 2 * told->violation;
}
