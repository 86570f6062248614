// Does the loop do what the recipe says, and the same however often it is stopped?
#include "tests/close.h"

#include <string.h>

#include "nets/backend/backend.h"
#include "nets/net.h"
#include "nets/train/graph.h"
#include "nets/train/recipe.h"
#include "nets/train/targets.h"
#include "nets/train/trainer.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"
#include "tests/train/folder.h"
#include "workloads/dataset.h"

enum { IMAGES = 130, BATCH = 16, STEPS = 7 }; // of 117 that are left, an epoch takes 112
static const char net_text[] = "name: tiny\n"
                               "input: {channels: 1, height: 28, width: 28, bits: 8}\n"
                               "classes: 10\n"
                               "default_form: float\n"
                               "layers:\n"
                               "  - {name: conv1, kind: conv, out: 4, kernel: 5, stride: 4}\n"
                               "  - {name: conv2, kind: conv, out: 6, kernel: 3, stride: 2}\n"
                               "  - {name: fc, kind: linear, out: 10}\n";

static struct net *load_net(enum net_form form)
{
    struct err err = {0};
    struct net_options options = {.has_form = true, .form = form};
    struct net *net = NULL;
    struct conf *conf = conf_parse("net", net_text, strlen(net_text), &err);
    if (!conf || !net_load(conf, &options, &net, &err))
        fail_msg("%s", err.text);
    conf_close(conf);
    return net;
}

static struct dataset *load_data(enum dataset_part part, size_t n)
{
    struct err err = {0};
    struct dataset *data = NULL;
    if (!dataset_open("synth", part, n, &data, &err))
        fail_msg("%s", err.text);
    return data;
}

static struct recipe recipe(void)
{
    return (struct recipe){
        .epochs = 3,
        .batch = BATCH,
        .shard = 4,
        .seed = 5,
        .held_out = 0.1,
        .optimiser = {.kind = OPTIMISER_SGD, .rate = 0.05, .momentum = 0.9, .weight_decay = 1e-4},
        .schedule = {.kind = SCHEDULE_COSINE, .warm_up = 1},
        .augment = {.flip = true, .crop = 2},
        .label_smoothing = 0.1,
    };
}

static struct trainer *make(const struct trainer_params *params)
{
    struct err err = {0};
    struct trainer *trainer = NULL;
    if (!trainer_create(params, &trainer, &err))
        fail_msg("%s", err.text);
    return trainer;
}

static void step(struct trainer *trainer, uint64_t until)
{
    struct err err = {0};
    while (!trainer_done(trainer) && trainer_state(trainer)->step < until)
        if (!trainer_step(trainer, &err))
            fail_msg("%s", err.text);
}

// All but the seconds.
static void assert_same_rows(const struct train_state *a, const struct train_state *b)
{
    assert_int_equal(a->n_rows, b->n_rows);
    for (size_t i = 0; i < a->n_rows; i++) {
        assert_true(a->rows[i].loss == b->rows[i].loss);
        assert_true(a->rows[i].train_accuracy == b->rows[i].train_accuracy);
        assert_true(a->rows[i].held_out_accuracy == b->rows[i].held_out_accuracy);
        assert_true(a->rows[i].rate == b->rows[i].rate);
    }
}

static void write_down(struct trainer *trainer, const char *identity)
{
    struct err err = {0};
    if (!checkpoint_write(folder, identity, trainer_state(trainer), &err))
        fail_msg("%s", err.text);
}

static void go_on(struct trainer *trainer, const char *identity)
{
    struct err warning = {0}, err = {0};
    assert_int_equal(checkpoint_find(folder, identity, trainer_state(trainer), &warning, &err),
                     CHECKPOINT_READ);
}

// One run unbroken with one worker; one with two, written down and taken up by a new trainer after
// each of several steps, in the middle of an epoch and at its end.
static void resume_equals_unbroken(enum net_form form, const struct recipe *r)
{
    static const uint64_t stops[] = {0, 1, 6, 7, 8, 13, 14, 20};
    struct arena *mem = arena_create();
    struct net *net = load_net(form);
    struct dataset *data = load_data(DATASET_TRAIN, IMAGES);
    struct trainer_params params = {
        .net = net, .recipe = r, .data = data, .backend = &backend_reference, .workers = 1};
    const char *identity = trainer_identity(&params, mem);
    struct trainer *whole = make(&params), *broken = NULL;
    step(whole, UINT64_MAX);
    assert_int_equal(trainer_state(whole)->step, 3 * STEPS);
    assert_int_equal(trainer_state(whole)->n_rows, 3);
    params.workers = 2;
    broken = make(&params);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        step(broken, stops[i]);
        write_down(broken, identity);
        step(broken, stops[i] + 2); // lost
        trainer_destroy(broken);
        broken = make(&params);
        go_on(broken, identity);
        assert_int_equal(trainer_state(broken)->step, stops[i]);
    }
    step(broken, UINT64_MAX);
    assert_true(weights_hash(net, trainer_weights(whole)) ==
                weights_hash(net, trainer_weights(broken)));
    assert_same_rows(trainer_state(whole), trainer_state(broken));
    trainer_destroy(whole);
    trainer_destroy(broken);
    dataset_close(data);
    net_destroy(net);
    arena_destroy(mem);
}

static void goes_on_with_sgd(void **state)
{
    (void)state;
    struct recipe r = recipe();
    resume_equals_unbroken(FORM_FLOAT, &r);
    resume_equals_unbroken(FORM_BINARY, &r);
}

static void goes_on_with_all_else(void **state)
{
    (void)state;
    struct recipe r = recipe();
    r.optimiser = (struct optimiser){
        .kind = OPTIMISER_ADAM, .rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    r.keep = KEEP_BEST;
    r.bn_batches = 3;
    r.clip = 0.5;
    r.has_two_side = true;
    r.two_side = (struct two_side){0.05, 0.01};
    resume_equals_unbroken(FORM_INT8, &r);
    resume_equals_unbroken(FORM_BINARY, &r);
}

// The first step by hand: the first images of the epoch's order, plain SGD at the rate of the
// warm-up's first step, running statistics a tenth of the way to the batch's.
static void first_step_is_the_formula(void **state)
{
    (void)state;
    struct err err = {0};
    struct recipe r = recipe();
    r.augment = (struct augment){0};
    r.optimiser = (struct optimiser){.kind = OPTIMISER_SGD, .rate = 0.7};
    struct net *net = load_net(FORM_FLOAT);
    struct dataset *data = load_data(DATASET_TRAIN, IMAGES);
    struct trainer_params params = {
        .net = net, .recipe = &r, .data = data, .backend = &backend_reference, .workers = 1};
    struct trainer *trainer = make(&params);
    step(trainer, 1);
    uint32_t images[IMAGES], order[IMAGES];
    const uint8_t *pointers[BATCH];
    uint8_t labels[BATCH];
    float targets[BATCH * 10];
    size_t held_out = split_images(5, 0.1, IMAGES, images);
    assert_int_equal(held_out, 13);
    order_images(5, 0, IMAGES - held_out, images + held_out, order);
    for (int i = 0; i < BATCH; i++) {
        pointers[i] = dataset_image(data, order[i]);
        labels[i] = data->labels[order[i]];
    }
    targets_labels(BATCH, 10, labels, 0.1, targets);
    struct graph_options options = {
        .backend = &backend_reference, .batch = BATCH, .shard = 4, .workers = 1};
    struct graph_batch batch = {BATCH, pointers, targets};
    struct graph *graph = NULL;
    struct weights *w = weights_create(net), *g = weights_create(net);
    trainer_init(net, 5, w);
    assert_true(graph_create(net, &options, &graph, &err));
    graph_train(graph, w, 0, &batch, g, NULL);
    const struct weights *got = trainer_weights(trainer);
    for (size_t i = 1; i < net->n; i++)
        for (int64_t k = 0; w->layers[i].w && k < net->layers[i].weights; k++)
            assert_close(
                (double)got->layers[i].w[k],
                (double)w->layers[i].w[k] - 0.7 / (double)STEPS * (double)g->layers[i].w[k], 1e-4);
    for (int c = 0; c < 4; c++) {
        assert_close((double)got->layers[1].mean[c], 0.1 * (double)g->layers[1].mean[c], 1e-5);
        assert_close((double)got->layers[1].var[c], 0.9 + 0.1 * (double)g->layers[1].var[c], 1e-5);
    }
    graph_destroy(graph);
    weights_destroy(w);
    weights_destroy(g);
    trainer_destroy(trainer);
    dataset_close(data);
    net_destroy(net);
}

// Epochs of two batches: the first two of the same epochs taken whole, where nothing is learnt.
static void epochs_take_so_many_images(void **state)
{
    (void)state;
    struct recipe whole_recipe = recipe();
    whole_recipe.optimiser = (struct optimiser){.kind = OPTIMISER_SGD, .rate = 1e-12};
    struct recipe r = whole_recipe;
    r.epoch_images = 2 * BATCH + BATCH / 2;
    struct net *net = load_net(FORM_FLOAT);
    struct dataset *data = load_data(DATASET_TRAIN, IMAGES);
    struct trainer_params params = {
        .net = net, .recipe = &r, .data = data, .backend = &backend_reference, .workers = 1};
    struct trainer *few = make(&params);
    step(few, UINT64_MAX);
    const struct train_state *s = trainer_state(few);
    assert_int_equal(s->step, 3 * 2);
    assert_int_equal(s->n_rows, 3);
    params.recipe = &whole_recipe;
    struct trainer *whole = make(&params);
    for (size_t epoch = 0; epoch < 3; epoch++) {
        step(whole, epoch * STEPS + 2);
        assert_close(trainer_state(whole)->loss / 2, s->rows[epoch].loss, 1e-9);
    }
    trainer_destroy(few);
    trainer_destroy(whole);
    dataset_close(data);
    net_destroy(net);
}

// Without learning, estimating anew gives the plain mean over the batches, whatever came before.
static void estimates_batch_norm_anew(void **state)
{
    (void)state;
    struct err err = {0};
    struct recipe r = recipe();
    r.epochs = 1;
    r.bn_batches = 2;
    r.optimiser.rate = 1e-12;
    r.optimiser.weight_decay = 0;
    struct net *net = load_net(FORM_FLOAT);
    struct dataset *data = load_data(DATASET_TRAIN, IMAGES);
    struct trainer_params params = {
        .net = net, .recipe = &r, .data = data, .backend = &backend_reference, .workers = 1};
    struct trainer *trainer = make(&params);
    step(trainer, UINT64_MAX);
    uint32_t images[IMAGES];
    float logits[BATCH * 10];
    double mean[4] = {0};
    size_t held_out = split_images(5, 0.1, IMAGES, images);
    struct graph_options options = {
        .backend = &backend_reference, .batch = BATCH, .shard = 4, .workers = 1};
    struct graph *graph = NULL;
    struct weights *w = weights_create(net), *stats = weights_create(net);
    trainer_init(net, 5, w);
    assert_true(graph_create(net, &options, &graph, &err));
    for (size_t b = 0; b < 2; b++) {
        const uint8_t *pointers[BATCH];
        for (size_t i = 0; i < BATCH; i++)
            pointers[i] = dataset_image(data, images[held_out + b * BATCH + i]);
        struct graph_batch batch = {.n = BATCH, .images = pointers};
        graph_forward(graph, w, 0, &batch, stats, logits);
        for (int c = 0; c < 4; c++)
            mean[c] += (double)stats->layers[1].mean[c] / 2;
    }
    for (int c = 0; c < 4; c++)
        assert_close((double)trainer_weights(trainer)->layers[1].mean[c], mean[c], 1e-4);
    graph_destroy(graph);
    weights_destroy(w);
    weights_destroy(stats);
    trainer_destroy(trainer);
    dataset_close(data);
    net_destroy(net);
}

// A teacher that is all of the target draws the net to itself: the labels do not matter then.
static void learns_from_a_teacher(void **state)
{
    (void)state;
    struct recipe r = recipe();
    struct net *net = load_net(FORM_FLOAT);
    struct dataset *data = load_data(DATASET_TRAIN, IMAGES), wrong;
    struct weights *teacher = weights_create(net);
    trainer_init(net, 99, teacher);
    r.has_distill = true;
    r.distill.weight = 1;
    r.distill.temperature = 0.5;
    uint8_t labels[IMAGES] = {0};
    wrong = *data;
    wrong.labels = labels;
    struct trainer_params params = {.net = net,
                                    .recipe = &r,
                                    .data = data,
                                    .backend = &backend_reference,
                                    .workers = 1,
                                    .teacher = net,
                                    .teacher_weights = teacher};
    struct trainer *right_labels = make(&params);
    params.data = &wrong;
    struct trainer *wrong_labels = make(&params);
    step(right_labels, UINT64_MAX);
    step(wrong_labels, UINT64_MAX);
    assert_true(weights_hash(net, trainer_weights(right_labels)) ==
                weights_hash(net, trainer_weights(wrong_labels)));
    const struct epoch_row *rows = trainer_state(right_labels)->rows;
    assert_true(rows[2].loss < rows[0].loss);
    trainer_destroy(right_labels);
    trainer_destroy(wrong_labels);
    weights_destroy(teacher);
    dataset_close(data);
    net_destroy(net);
}

// More than a net that guesses: ten classes, so 10 %.
static void learns(void **state)
{
    (void)state;
    struct recipe r = recipe();
    r.epochs = 6;
    r.augment = (struct augment){0};
    struct net *net = load_net(FORM_FLOAT);
    struct dataset *data = load_data(DATASET_TRAIN, 1000), *test = load_data(DATASET_TEST, 500);
    struct trainer_params params = {
        .net = net, .recipe = &r, .data = data, .backend = &backend_reference, .workers = 1};
    struct trainer *trainer = make(&params);
    step(trainer, UINT64_MAX);
    assert_in_range(trainer_right(trainer, test), 150, 500);
    const struct epoch_row *rows = trainer_state(trainer)->rows;
    assert_true(rows[5].loss < rows[0].loss);
    trainer_destroy(trainer);
    dataset_close(data);
    dataset_close(test);
    net_destroy(net);
}

static void normal_first_weights(void **state)
{
    (void)state;
    struct net *net = load_net(FORM_FLOAT);
    struct weights *w = weights_create(net);
    trainer_init(net, 1, w);
    // conv2: 6 x 3 x 3 is its fan-out; 216 weights. fc: the 24 or so inputs are its fan-in.
    for (size_t i = 2; i < net->n; i++) {
        const struct layer *layer = &net->layers[i];
        double n = (double)layer->weights, sum = 0, squares = 0;
        double fan = layer->kind == LAYER_LINEAR ? layer->in_c : 54;
        for (int64_t k = 0; k < layer->weights; k++) {
            sum += (double)w->layers[i].w[k];
            squares += (double)w->layers[i].w[k] * (double)w->layers[i].w[k];
        }
        assert_true(fabs(sum / n) < 5 * sqrt(2 / fan / n));
        assert_close(squares / n, 2 / fan, 5 * sqrt(2 / n));
    }
    weights_destroy(w);
    net_destroy(net);
}

static void refuses(const struct trainer_params *params, const char *sentence)
{
    struct err err = {0};
    struct trainer *trainer = NULL;
    assert_false(trainer_create(params, &trainer, &err));
    if (!strstr(err.text, sentence))
        fail_msg("'%s' does not say '%s'", err.text, sentence);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct net *net = load_net(FORM_FLOAT), *int8 = load_net(FORM_INT8);
    struct dataset *data = load_data(DATASET_TRAIN, 20), odd = *data;
    struct weights *teacher = weights_create(int8);
    struct recipe r = recipe();
    struct trainer_params params = {
        .net = net, .recipe = &r, .data = data, .backend = &backend_reference, .workers = 1};
    r.batch = 19;
    refuses(&params, "batch 19 is above the 18 images that an epoch");
    r.held_out = 0.01;
    r.batch = 2;
    refuses(&params, "held_out 0.01 of 20 images is none");
    r.held_out = 0;
    odd.width = 27;
    params.data = &odd;
    refuses(&params, "reads images of 1x28x28, the set 'synth' has 1x28x27");
    params.data = data;
    params.teacher = int8;
    params.teacher_weights = teacher;
    refuses(&params, "use float or binary");
    weights_destroy(teacher);
    dataset_close(data);
    net_destroy(net);
    net_destroy(int8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_with_sgd),           cmocka_unit_test(goes_on_with_all_else),
        cmocka_unit_test(first_step_is_the_formula),  cmocka_unit_test(estimates_batch_norm_anew),
        cmocka_unit_test(learns_from_a_teacher),      cmocka_unit_test(learns),
        cmocka_unit_test(epochs_take_so_many_images), cmocka_unit_test(normal_first_weights),
        cmocka_unit_test(refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests_name("trainer", tests, folder_enter, folder_leave);
}
