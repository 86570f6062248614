// Images do not depend on each other: classes for 1, 2 and 7 jobs, and logits in other orders of
// the images on one worker.
#include "tests/graphs/trial.h"

#include <stdlib.h>
#include <string.h>

#include "nets/float_net.h"
#include "nets/int_net.h"
#include "nets/net.h"
#include "base/mem.h"
#include "sim/crossbar/evaluate.h"

enum outcome compare_classes(const struct evaluation *what, const int32_t *want,
                             struct report *report)
{
    static const size_t jobs[] = {1, 2, 7};
    for (size_t j = 0; j < sizeof jobs / sizeof *jobs; j++) {
        int32_t classes[TRIAL_IMAGES];
        for (size_t first = jobs[j]; first-- > 0;) // the last worker first
            evaluate(what, TRIAL_IMAGES, first, jobs[j], classes);
        for (size_t k = 0; k < TRIAL_IMAGES; k++)
            if (classes[k] != want[k])
                return differs(report, "class %d of image %zu with %zu jobs, not %d", classes[k], k,
                               jobs[j], want[k]);
    }
    return SAME;
}

static enum outcome check_integer(const struct trial *trial, struct report *report)
{
    static const size_t orders[][TRIAL_IMAGES] = {
        {0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}, {3, 3, 0, 5, 1, 7, 2, 3}};
    size_t classes = (size_t)trial->net->classes;
    int64_t *alone = mem_alloc(TRIAL_IMAGES * classes, sizeof *alone);
    int32_t want[TRIAL_IMAGES];
    struct int_net copy = *trial->integer;
    enum outcome outcome = SAME;
    for (size_t k = 0; k < TRIAL_IMAGES; k++) { // each by a worker of its own
        struct int_net_run *run = int_net_run_create(trial->integer);
        const int64_t *logits = int_net_run_image(run, dataset_image(&trial->images, k),
                                                  int_net_matrix_reference, &copy);
        memcpy(alone + k * classes, logits, classes * sizeof *logits);
        want[k] = int_net_class(logits, (int)classes);
        int_net_run_destroy(run);
    }
    for (size_t o = 0; o < sizeof orders / sizeof *orders && outcome == SAME; o++) {
        struct int_net_run *run = int_net_run_create(trial->integer);
        for (size_t i = 0; i < TRIAL_IMAGES && outcome == SAME; i++) {
            size_t k = orders[o][i];
            const int64_t *logits = int_net_run_image(run, dataset_image(&trial->images, k),
                                                      int_net_matrix_reference, &copy);
            if (memcmp(alone + k * classes, logits, classes * sizeof *logits) != 0)
                outcome = differs(report, "logits of image %zu depend on the images before", k);
        }
        int_net_run_destroy(run);
    }
    free(alone);
    const struct evaluation what = {.net = trial->net,
                                    .weights = trial->weights,
                                    .integer = trial->integer,
                                    .data = &trial->images};
    return outcome == SAME ? compare_classes(&what, want, report) : outcome;
}

enum outcome check_jobs(const struct trial *trial, struct report *report)
{
    int32_t want[TRIAL_IMAGES];
    for (size_t k = 0; k < TRIAL_IMAGES; k++) {
        struct float_net *forward = float_net_create(trial->net, trial->weights);
        const float *logits = float_net_run(forward, dataset_image(&trial->images, k));
        int best = 0;
        for (int c = 1; c < trial->net->classes; c++)
            best = logits[c] > logits[best] ? c : best;
        want[k] = best;
        float_net_destroy(forward);
    }
    const struct evaluation what = {
        .net = trial->net, .weights = trial->weights, .data = &trial->images};
    enum outcome outcome = compare_classes(&what, want, report);
    return outcome == SAME ? check_integer(trial, report) : outcome;
}
