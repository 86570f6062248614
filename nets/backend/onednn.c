// Convolutions by oneDNN on the calling thread alone: who calls has shared the images out already,
// and sums that are split over threads would change with their number.
#include "nets/backend/backend.h"

#include <assert.h>
#include <errno.h>
#include <dnnl.h>
#include <omp.h>

#include "nets/backend/onednn_plan.h"
#include "base/mem.h"

enum { DIRECTIONS = BACKWARD_WEIGHTS + 1, TENSORS = 3 };

// A primitive and its arguments: two tensors that are given for every run and, between them, packed
// weights or their gradients, which the conv holds.
struct step {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[TENSORS + 1]; // and a scratchpad
    int n;
};

struct conv {
    struct arena *mem; // packed weights and the scratchpad, which steps share
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr;
    struct step products[DIRECTIONS], reorders[DIRECTIONS];
};

struct plans {
    dnnl_primitive_desc_t products[DIRECTIONS], reorders[DIRECTIONS];
};

enum { HELD = 1, NO_ARG = 0 }; // places in these
static const int product_args[DIRECTIONS][TENSORS] = {
    {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
    {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
    {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST},
};
static const int pack_args[TENSORS] = {DNNL_ARG_FROM, DNNL_ARG_TO, NO_ARG};
static const int unpack_args[TENSORS] = {DNNL_ARG_TO, DNNL_ARG_FROM, NO_ARG};

// oneDNN plans and runs for as many threads as OpenMP would give the caller. That number belongs to
// the calling thread, and is put back.
static int one_thread(void)
{
    int before = omp_get_max_threads();
    omp_set_num_threads(1);
    return before;
}

static bool add_arg(struct conv *conv, struct step *step, dnnl_primitive_desc_t plan, int arg,
                    void *data)
{
    dnnl_memory_t memory = plan_arg(plan, conv->engine, arg, data);
    step->args[step->n++] = (dnnl_exec_arg_t){arg, memory};
    return memory != NULL;
}

static bool step_init(struct conv *conv, struct step *step, dnnl_primitive_desc_t plan,
                      const int args[TENSORS], void *held, void *scratch)
{
    for (int i = 0; i < TENSORS && args[i] != NO_ARG; i++)
        if (!add_arg(conv, step, plan, args[i], i == HELD ? held : NULL))
            return false;
    return add_arg(conv, step, plan, DNNL_ARG_SCRATCHPAD, scratch) &&
           dnnl_primitive_create(&step->primitive, plan) == dnnl_success;
}

static void step_fini(struct step *step)
{
    for (int i = 0; i < step->n; i++)
        dnnl_memory_destroy(step->args[i].memory);
    dnnl_primitive_destroy(step->primitive);
}

static void run(struct conv *conv, struct step *step, const void *first, const void *third)
{
    int before = one_thread();
    const union {
        const void *given;
        void *data; // oneDNN's handles know no const; it does not write to what is read
    } at[TENSORS] = {[0] = {first}, [2] = {third}};
    dnnl_status_t status = dnnl_memory_set_data_handle(step->args[0].memory, at[0].data);
    if (third && status == dnnl_success)
        status = dnnl_memory_set_data_handle(step->args[2].memory, at[2].data);
    if (status == dnnl_success)
        status = dnnl_primitive_execute(step->primitive, conv->stream, step->n, step->args);
    if (status == dnnl_out_of_memory)
        mem_fail(0);
    assert(status == dnnl_success); // all that can fail is asked for when planning
    dnnl_stream_wait(conv->stream);
    omp_set_num_threads(before);
    (void)status;
}

static bool open_library(struct conv *conv)
{
    return dnnl_engine_create(&conv->engine, dnnl_cpu, 0) == dnnl_success &&
           dnnl_stream_create(&conv->stream, conv->engine, dnnl_stream_default_flags) ==
               dnnl_success &&
           dnnl_primitive_attr_create(&conv->attr) == dnnl_success &&
           dnnl_primitive_attr_set_scratchpad_mode(conv->attr, dnnl_scratchpad_mode_user) ==
               dnnl_success;
}

static bool plan_all(struct conv *conv, const struct conv_shape *shape, enum operand operand,
                     bool with_data, struct plans *p)
{
    for (int d = FORWARD; d < DIRECTIONS; d++) {
        if (d == BACKWARD_DATA && !with_data)
            continue;
        p->products[d] = plan_conv(conv->engine, conv->attr, shape, operand, (enum direction)d,
                                   d == FORWARD ? NULL : p->products[FORWARD]);
        if (!p->products[d])
            return false;
        p->reorders[d] = plan_reorder(conv->engine, conv->attr, shape, p->products[d],
                                      product_args[d][HELD], d != BACKWARD_WEIGHTS);
        if (!p->reorders[d])
            return false;
    }
    return true;
}

static void *create_scratch(struct conv *conv, const struct plans *p)
{
    size_t most = 0;
    for (int d = FORWARD; d < DIRECTIONS; d++) {
        const dnnl_primitive_desc_t both[] = {p->products[d], p->reorders[d]};
        for (int i = 0; i < 2; i++) {
            size_t bytes = both[i] ? plan_arg_bytes(both[i], DNNL_ARG_SCRATCHPAD) : 0;
            most = bytes > most ? bytes : most;
        }
    }
    return arena_alloc(conv->mem, most, 1);
}

static bool create_steps(struct conv *conv, const struct plans *p)
{
    void *scratch = create_scratch(conv, p);
    for (int d = FORWARD; d < DIRECTIONS; d++) {
        if (!p->products[d])
            continue;
        size_t bytes = plan_arg_bytes(p->products[d], product_args[d][HELD]);
        void *held = arena_alloc(conv->mem, bytes, 1);
        if (!step_init(conv, &conv->products[d], p->products[d], product_args[d], held, scratch) ||
            !step_init(conv, &conv->reorders[d], p->reorders[d],
                       d == BACKWARD_WEIGHTS ? unpack_args : pack_args, held, scratch))
            return false;
    }
    return true;
}

static void onednn_destroy(struct conv *conv)
{
    if (!conv)
        return;
    for (int d = FORWARD; d < DIRECTIONS; d++) {
        step_fini(&conv->products[d]);
        step_fini(&conv->reorders[d]);
    }
    dnnl_primitive_attr_destroy(conv->attr);
    dnnl_stream_destroy(conv->stream);
    dnnl_engine_destroy(conv->engine);
    arena_destroy(conv->mem);
}

static struct conv *onednn_create(const struct conv_shape *shape, enum operand operand,
                                  bool with_data)
{
    assert(conv_shape_valid(shape));
    struct arena *mem = arena_create();
    struct conv *conv = arena_alloc(mem, 1, sizeof *conv);
    conv->mem = mem;
    struct plans plans = {0};
    int before = one_thread();
    errno = 0;
    bool ok = open_library(conv) && plan_all(conv, shape, operand, with_data, &plans) &&
              create_steps(conv, &plans);
    // oneDNN passes over an implementation that found no memory: the next, or the reference, would
    // give other bytes.
    if (errno == ENOMEM)
        mem_fail(0);
    omp_set_num_threads(before);
    for (int d = FORWARD; d < DIRECTIONS; d++) {
        dnnl_primitive_desc_destroy(plans.products[d]);
        dnnl_primitive_desc_destroy(plans.reorders[d]);
    }
    if (!ok) {
        onednn_destroy(conv);
        conv = NULL;
    }
    return conv;
}

static void onednn_set_weights(struct conv *conv, const float *w)
{
    run(conv, &conv->reorders[FORWARD], w, NULL);
    if (conv->reorders[BACKWARD_DATA].primitive)
        run(conv, &conv->reorders[BACKWARD_DATA], w, NULL);
}

static void onednn_forward(struct conv *conv, const void *x, float *y)
{
    run(conv, &conv->products[FORWARD], x, y);
}

static void onednn_backward_data(struct conv *conv, const void *dy, float *dx)
{
    assert(conv->products[BACKWARD_DATA].primitive);
    run(conv, &conv->products[BACKWARD_DATA], dx, dy);
}

static void onednn_backward_weights(struct conv *conv, const void *x, const void *dy, float *dw)
{
    run(conv, &conv->products[BACKWARD_WEIGHTS], x, dy);
    run(conv, &conv->reorders[BACKWARD_WEIGHTS], dw, NULL);
}

const struct backend backend_onednn = {
    .name = "onednn",
    .create = onednn_create,
    .destroy = onednn_destroy,
    .set_weights = onednn_set_weights,
    .forward = onednn_forward,
    .backward_data = onednn_backward_data,
    .backward_weights = onednn_backward_weights,
    .version = plan_version,
};
