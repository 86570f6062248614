#include "tools/study/model_warn.h"

#include <math.h>
#include <string.h>

#include "nets/net.h"
#include "nets/weights.h"
#include "base/warn.h"
#include "tools/study/accuracy.h"
#include "workloads/dataset.h"

static void warn_data(const struct model *m, const char *weights, bool given, struct warnings *w)
{
    const char *trained = m->weights->trained_on, *used = m->data->name;
    if (trained && !strcmp(trained, used))
        return;
    if (given && trained)
        warn_add(w, "other-data",
                 "%.100s was trained on '%.60s', not on '%.60s', which it is "
                 "evaluated on",
                 weights, trained, used);
    else if (trained)
        warn_add(w, "default-data",
                 "%.100s was trained on '%.60s', but no data set is named, so the generated images "
                 "'%.60s' are used; give --data",
                 weights, trained, used);
    else if (!given)
        warn_add(w, "default-data",
                 "%.100s does not say what it was trained on, and no data set is named, so the "
                 "generated images '%.60s' are used; give --data",
                 weights, used);
}

// Floating-point weights can be quantised to int8; those of binary nets cannot.
static void warn_form(const struct model *m, const char *weights, struct warnings *w)
{
    const char *trained = m->weights->form, *binary = net_form_names[FORM_BINARY];
    if (trained && !strcmp(trained, binary) != (m->net->form == FORM_BINARY))
        warn_add(w, "other-form",
                 "%.100s was trained in the form %.20s and is evaluated as %s; "
                 "use --form %.20s",
                 weights, trained, net_form_names[m->net->form], trained);
}

void model_warn(const struct model *model, const char *weights, bool data_given,
                struct warnings *warnings)
{
    warn_data(model, weights, data_given, warnings);
    warn_form(model, weights, warnings);
    net_warn(model->net, warnings);
    weights_warn(model->net, model->weights, warnings);
}

bool chance_level(size_t right, size_t images, int classes)
{
    enum { FEWEST = 20 };
    double n = (double)images, p = 1.0 / classes;
    return images >= FEWEST && classes > 1 && (double)right <= n * p + 2 * sqrt(n * p * (1 - p));
}

void chance_warn(size_t right, size_t images, int classes, const char *why,
                 struct warnings *warnings)
{
    if (chance_level(right, images, classes))
        warn_add(warnings, "chance-level",
                 "%zu of %zu images are right, %.2f %%, which guessing among %d classes reaches "
                 "too: %s",
                 right, images, 100 * (double)right / (double)images, classes, why);
}
