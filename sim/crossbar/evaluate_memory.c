// Lower bound of the memory for running images through a net.
#include "nets/net.h"
#include "base/mem.h"
#include "base/mem_limit.h"
#include "sim/crossbar/evaluate.h"

struct evaluate_need evaluate_need(const struct net *net)
{
    double weights = 0, values = 0;
    for (size_t i = 0; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        weights += layer_has_weights(l) ? (double)l->weights : 0;
        values += (double)l->out_c * l->out_h * l->out_w;
    }
    if (net->form == FORM_BINARY) // bit maps; integers in addition to the weights
        return (struct evaluate_need){weights * (sizeof(float) + sizeof(int32_t)), values / 8};
    if (net->form == FORM_FLOAT) // every worker has its own copy of the filters
        return (struct evaluate_need){weights * sizeof(float), (weights + values) * sizeof(float)};
    // Ranges are measured in floating point, with floating-point filters and maps, before the
    // integers exist.
    return (struct evaluate_need){weights * 2 * sizeof(float), values * sizeof(float)};
}

bool evaluate_fits(const struct net *net, int workers, struct err *err)
{
    struct evaluate_need need = evaluate_need(net);
    struct arena *mem = arena_create();
    const char *what = arena_printf(mem, "evaluating the net '%.100s'%s", net->name,
                                    workers > 1 ? " with so many workers" : "");
    bool ok =
        mem_fits(need.shared + need.worker, what, "use narrower layers or smaller maps", err) &&
        mem_fits_machine(need.shared + workers * need.worker, what,
                         "use fewer workers, narrower layers or smaller maps", err);
    arena_destroy(mem);
    return ok;
}
