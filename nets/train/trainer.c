#include "nets/train/trainer_state.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/encode.h"
#include "nets/net.h"
#include "nets/train/augment.h"
#include "nets/train/graph.h"
#include "nets/train/optimise.h"
#include "nets/train/recipe.h"
#include "nets/train/schedule.h"
#include "nets/train/slim.h"
#include "nets/train/subnets.h"
#include "nets/train/targets.h"
#include "nets/weights.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "workloads/dataset.h"

#define RUNNING 0.1f // the new batch's part of the running statistics, PyTorch's default

static bool check_data(const struct net *net, const struct dataset *data, struct err *err)
{
    if (data->channels != net->raw_c || data->height != net->raw_h || data->width != net->raw_w)
        return err_set(err, "net '%s' reads images of %dx%dx%d, the set '%s' has %dx%dx%d",
                       net->name, net->raw_c, net->raw_h, net->raw_w, data->name, data->channels,
                       data->height, data->width);
    if (!encode_check(net, data->name, err))
        return false;
    return data->classes <= net->classes ||
           err_set(err, "net '%s' has %d classes, the set '%s' has %d", net->name, net->classes,
                   data->name, data->classes);
}

static bool check_teacher(const struct net *net, const struct net *teacher, struct err *err)
{
    if (teacher->raw_c != net->raw_c || teacher->raw_h != net->raw_h ||
        teacher->raw_w != net->raw_w)
        return err_set(err, "the teacher '%s' reads images of %dx%dx%d, the net '%s' of %dx%dx%d",
                       teacher->name, teacher->raw_c, teacher->raw_h, teacher->raw_w, net->name,
                       net->raw_c, net->raw_h, net->raw_w);
    if (teacher->form == FORM_INT8 || teacher->form == FORM_INT16)
        return err_set(err,
                       "the teacher '%s' is of the form %s, whose ranges its file does not "
                       "hold; use float or binary",
                       teacher->name, net_form_names[teacher->form]);
    return teacher->classes == net->classes ||
           err_set(err, "the teacher '%s' has %d classes, the net '%s' has %d", teacher->name,
                   teacher->classes, net->name, net->classes);
}

static bool split(struct trainer *t, struct err *err)
{
    const struct recipe *r = t->recipe;
    size_t n = t->params.data->n, batch = (size_t)r->batch;
    t->held_out = arena_alloc(t->mem, n, sizeof *t->held_out);
    t->order = arena_alloc(t->mem, n, sizeof *t->order);
    t->n_held_out = split_images((uint64_t)r->seed, r->held_out, n, t->held_out);
    t->train = t->held_out + t->n_held_out;
    t->n_train = n - t->n_held_out;
    t->order_epoch = -1;
    size_t epoch = r->epoch_images > 0 ? (size_t)r->epoch_images : t->n_train;
    t->epoch_steps = epoch / batch;
    t->steps = t->epoch_steps * (uint64_t)r->epochs;
    if (r->held_out > 0 && !t->n_held_out)
        return err_set(err, "held_out %g of %zu images is none; set it to 0, or take more images",
                       r->held_out, n);
    if (epoch > t->n_train)
        return err_set(err,
                       "epoch_images %zu is above the %zu images that are left to train with; make "
                       "it smaller, or take more images",
                       epoch, t->n_train);
    return t->epoch_steps > 0 ||
           err_set(err,
                   "batch %zu is above the %zu images that an epoch trains with; make it smaller, "
                   "or take more images",
                   batch, epoch);
}

static bool make_graphs(struct trainer *t, struct err *err)
{
    const struct trainer_params *p = &t->params;
    const struct recipe *r = t->recipe;
    struct graph_options options = {
        .backend = p->backend,
        .operand = (enum operand)r->precision,
        .batch = r->batch,
        .shard = r->shard < r->batch ? r->shard : r->batch,
        .workers = p->workers,
        .scaled_gradient = r->sign_gradient == SIGN_SCALED,
        .perturb = p->perturb,
    };
    if (!graph_create(p->net, &options, &t->graph, err))
        return false;
    options.perturb = NULL;
    return (!p->teacher || graph_create(p->teacher, &options, &t->teacher, err)) &&
           (!r->has_supernet || trainer_make_subnets(t, err));
}

static void make_batch(struct trainer *t)
{
    size_t batch = (size_t)t->recipe->batch, bytes = dataset_image_bytes(t->params.data);
    size_t logits = batch * (size_t)t->params.net->classes;
    t->images = arena_alloc(t->mem, batch, bytes);
    t->pointers = arena_alloc(t->mem, batch, sizeof *t->pointers);
    t->labels = arena_alloc(t->mem, batch, 1);
    t->targets = arena_alloc(t->mem, logits, sizeof *t->targets);
    t->logits = arena_alloc(t->mem, logits, sizeof *t->logits);
    t->teacher_logits = arena_alloc(t->mem, logits, sizeof *t->teacher_logits);
}

struct measure trainer_measure(const struct trainer *t, const struct dataset *data)
{
    return (struct measure){
        .data = data,
        .batch = (size_t)t->recipe->batch,
        .step = t->state.step,
        .classes = t->params.net->classes,
        .pointers = t->pointers,
        .labels = t->labels,
        .logits = t->logits,
    };
}

// From the first training images, as they are.
static void estimate_statistics(struct trainer *t)
{
    const struct recipe *r = t->recipe;
    struct measure m = trainer_measure(t, t->params.data);
    size_t n = (size_t)(r->has_supernet ? r->supernet.bn_batches : r->bn_batches);
    graph_set_ranges(t->graph, t->state.ranges);
    measure_statistics(&m, t->graph, &t->measured, t->train,
                       n < t->epoch_steps ? n : (size_t)t->epoch_steps);
    graph_ranges(t->graph, t->state.ranges);
}

// The first weights: those given, or by chance.
static void set_weights(struct trainer *t)
{
    const struct net *net = t->params.net;
    const struct weights *init = t->params.init;
    if (t->params.init_net) {
        slim_gather(t->params.init_net, init, net, t->weights);
    } else if (init) {
        struct tensors from = tensors_of(net, init, t->mem);
        tensors_copy(&t->state.params, &from);
        for (size_t i = 0; i < net->n; i++)
            t->weights->layers[i].bn_eps = init->layers[i].bn_eps;
    } else {
        trainer_init(net, (uint64_t)t->recipe->seed, t->weights);
    }
    if (t->params.init_net || t->recipe->epochs == 0)
        estimate_statistics(t);
}

// Weights that began as others have seen what those saw, too.
static const char *split_of(const struct trainer *t)
{
    struct arena *mem = t->weights->mem;
    const char *own = trainer_split(t->recipe, t->params.data, mem);
    const char *before = t->params.init ? t->params.init->split : NULL;
    if (!before || strcmp(before, own) == 0)
        return own;
    return arena_printf(mem, "%s; before: %.200s", own, before);
}

static void make_state(struct trainer *t)
{
    const struct net *net = t->params.net;
    t->weights = weights_create(net);
    t->weights->split = split_of(t);
    t->weights->trained_on = t->params.data->name;
    t->grads = weights_create(net);
    t->state.params = tensors_of(net, t->weights, t->mem);
    t->measured =
        (struct measured){t->weights, t->grads, t->state.params, tensors_of(net, t->grads, t->mem)};
    t->state.optimiser = optimiser_state(&t->recipe->optimiser, &t->state.params, t->mem);
    t->state.best_accuracy = -1;
    t->state.n_ranges = net->n;
    t->state.ranges = arena_alloc(t->mem, net->n, sizeof *t->state.ranges);
    if (t->recipe->keep == KEEP_BEST) {
        t->best = weights_create(net);
        t->best->split = t->weights->split;
        t->best->trained_on = t->weights->trained_on;
        t->state.best = tensors_of(net, t->best, t->mem);
    }
    set_weights(t);
}

bool trainer_create(const struct trainer_params *params, struct trainer **out, struct err *err)
{
    struct trainer *t = mem_alloc(1, sizeof *t);
    t->params = *params;
    t->recipe = params->recipe;
    t->mem = arena_create();
    if (check_data(params->net, params->data, err) && trainer_fits(params, err) &&
        (!params->teacher || check_teacher(params->net, params->teacher, err)) &&
        (!params->init_net ||
         (slim_check(params->init_net, err) && slim_fits(params->init_net, params->net, err))) &&
        split(t, err) && make_graphs(t, err)) {
        make_batch(t);
        make_state(t);
        *out = t;
        return true;
    }
    trainer_destroy(t);
    return false;
}

void trainer_destroy(struct trainer *trainer)
{
    if (!trainer)
        return;
    subnets_destroy(trainer->subnets);
    graph_destroy(trainer->graph);
    graph_destroy(trainer->teacher);
    weights_destroy(trainer->weights);
    weights_destroy(trainer->grads);
    weights_destroy(trainer->best);
    free(trainer->state.rows);
    arena_destroy(trainer->mem);
    free(trainer);
}

bool trainer_done(const struct trainer *trainer)
{
    return trainer->state.step >= trainer->steps;
}

struct train_state *trainer_state(struct trainer *trainer)
{
    return &trainer->state;
}

uint64_t trainer_steps(const struct trainer *trainer)
{
    return trainer->steps;
}

uint64_t trainer_epoch_steps(const struct trainer *trainer)
{
    return trainer->epoch_steps;
}

size_t trainer_bytes(const struct trainer *trainer)
{
    const struct train_state *s = &trainer->state;
    size_t values = 2 * s->params.values + s->best.values +
                    s->optimiser.n * ((s->optimiser.first != NULL) + (s->optimiser.second != NULL));
    return graph_bytes(trainer->graph) + (trainer->teacher ? graph_bytes(trainer->teacher) : 0) +
           (trainer->subnets ? subnets_bytes(trainer->subnets) : 0) + values * sizeof(float);
}

const struct weights *trainer_weights(const struct trainer *trainer)
{
    return trainer->best && trainer->state.best_accuracy >= 0 ? trainer->best : trainer->weights;
}

const uint32_t *trainer_held_out(const struct trainer *trainer, size_t *n)
{
    *n = trainer->n_held_out;
    return trainer->held_out;
}

static void gather(struct trainer *t, uint32_t epoch, size_t first)
{
    const struct dataset *data = t->params.data;
    const struct recipe *r = t->recipe;
    struct image_shape shape = {data->channels, data->height, data->width};
    size_t bytes = dataset_image_bytes(data);
    for (size_t i = 0; i < (size_t)r->batch; i++) {
        uint32_t image = t->order[first + i];
        uint8_t *to = t->images + i * bytes;
        struct augment_draw draw = augment_draw(&r->augment, (uint64_t)r->seed, epoch, image);
        augment_apply(&r->augment, draw, shape, dataset_image(data, image), to);
        t->pointers[i] = to;
        t->labels[i] = data->labels[image];
    }
}

static void set_targets(struct trainer *t, uint64_t step)
{
    const struct recipe *r = t->recipe;
    size_t n = (size_t)r->batch;
    int classes = t->params.net->classes;
    targets_labels(n, classes, t->labels, r->label_smoothing, t->targets);
    if (!t->teacher)
        return;
    struct graph_batch batch = {.n = r->batch, .images = t->pointers};
    graph_forward(t->teacher, t->params.teacher_weights, step, &batch, NULL, t->teacher_logits);
    targets_teacher(n, classes, t->teacher_logits, r->distill.weight, r->distill.temperature,
                    t->targets);
}

static size_t count_right(struct trainer *t, const struct dataset *data, const uint32_t *numbers,
                          size_t n, const struct weights *weights)
{
    struct measure m = trainer_measure(t, data);
    graph_set_ranges(t->graph, t->state.ranges);
    return measure_right(&m, t->graph, weights, numbers, n);
}

size_t trainer_right(struct trainer *trainer, const struct dataset *data)
{
    return count_right(trainer, data, NULL, data->n, trainer_weights(trainer));
}

static bool end_epoch(struct trainer *t, double start, struct err *err)
{
    struct train_state *s = &t->state;
    uint64_t first = s->step - t->epoch_steps;
    double held_out = -1, smallest = -1;
    estimate_statistics(t);
    if (t->n_held_out)
        held_out = (double)count_right(t, t->params.data, t->held_out, t->n_held_out, t->weights) /
                   (double)t->n_held_out;
    if (t->subnets && !trainer_smallest(t, &smallest, err))
        return false;
    if (t->best && held_out > s->best_accuracy) {
        s->best_accuracy = held_out;
        tensors_copy(&s->best, &s->params);
    }
    s->rows = mem_grow(s->rows, &s->rows_capacity, s->n_rows + 1, sizeof *s->rows);
    s->rows[s->n_rows++] = (struct epoch_row){
        .loss = s->loss / (double)t->epoch_steps,
        .train_accuracy = (double)s->right / (double)s->seen,
        .held_out_accuracy = held_out,
        .rate = t->recipe->optimiser.rate *
                schedule_share(&t->recipe->schedule, first, t->steps, t->epoch_steps),
        .seconds = s->seconds + clock_now_s() - start,
        .smallest_accuracy = smallest,
    };
    s->right = s->seen = 0;
    s->loss = s->seconds = 0;
    return true;
}

static void update(struct trainer *t)
{
    const struct recipe *r = t->recipe;
    struct train_state *s = &t->state;
    double share = schedule_share(&r->schedule, s->step, t->steps, t->epoch_steps);
    if (r->has_two_side)
        two_side_add(&r->two_side, &s->params, &t->measured.stats_values);
    if (r->clip > 0)
        clip_gradients(&t->measured.stats_values, r->clip);
    optimiser_step(&r->optimiser, r->optimiser.rate * share, s->step, &s->params,
                   &t->measured.stats_values, &s->optimiser);
    if (!t->subnets) // whose widest one is estimated anew
        tensors_move_statistics(&s->params, &t->measured.stats_values, RUNNING);
}

static bool learn(struct trainer *t, struct graph_batch *batch, double *loss, struct err *err)
{
    struct train_state *s = &t->state;
    if (t->subnets)
        return trainer_learn_all(t, batch, loss, err);
    graph_set_ranges(t->graph, s->ranges); // the state may have been read from a file
    *loss = graph_train(t->graph, t->weights, s->step, batch, t->grads, t->logits);
    graph_ranges(t->graph, s->ranges);
    return true;
}

bool trainer_step(struct trainer *trainer, struct err *err)
{
    struct trainer *t = trainer;
    struct train_state *s = &t->state;
    assert(!trainer_done(t));
    double start = clock_now_s();
    uint32_t epoch = (uint32_t)(s->step / t->epoch_steps);
    size_t n = (size_t)t->recipe->batch;
    if (t->order_epoch != epoch)
        order_images((uint64_t)t->recipe->seed, epoch, t->n_train, t->train, t->order);
    t->order_epoch = epoch;
    gather(t, epoch, (size_t)(s->step % t->epoch_steps) * n);
    set_targets(t, s->step);
    struct graph_batch batch = {t->recipe->batch, t->pointers, t->targets};
    double loss = 0;
    if (!learn(t, &batch, &loss, err))
        return false;
    if (!isfinite(loss))
        return err_fail(err,
                        "the loss is NaN or infinite at step %llu, in epoch %u; lower "
                        "optimiser.rate, or set clip",
                        (unsigned long long)s->step + 1, epoch + 1);
    update(t);
    s->step++;
    s->loss += loss;
    s->seen += n;
    s->right += targets_right(n, t->params.net->classes, t->logits, t->labels);
    if (s->step % t->epoch_steps == 0)
        return end_epoch(t, start, err);
    s->seconds += clock_now_s() - start;
    return true;
}
