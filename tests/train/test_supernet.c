// Does a super-net's step train all its sub-nets, the same however often it is stopped, and is a
// sub-net the ordinary net that it is said to be?
#include "tests/close.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nets/backend/backend.h"
#include "nets/net.h"
#include "nets/train/graph.h"
#include "nets/train/recipe.h"
#include "nets/train/slim.h"
#include "nets/train/slim_draw.h"
#include "nets/train/supernet.h"
#include "nets/train/targets.h"
#include "nets/train/trainer.h"
#include "nets/weights.h"
#include "sim/base/err.h"
#include "sim/base/mem.h"
#include "workloads/dataset.h"

enum { IMAGES = 130, BATCH = 16, STEPS = 7, WIDTHS = 2 };
static const char net_text[] = "name: tiny\n"
                               "input: {channels: 1, height: 28, width: 28, bits: 8}\n"
                               "classes: 10\n"
                               "layers:\n"
                               "  - {name: conv1, kind: conv, out: 3, kernel: 5, stride: 4}\n"
                               "  - {name: conv2, kind: conv, out: 5, kernel: 3, stride: 2}\n"
                               "  - {name: fc, kind: linear, out: 10}\n";

struct maker {
    enum net_form form;
};

static bool make_net(enum net_form form, double width, const int *widths, struct net **out,
                     struct err *err)
{
    struct net_options options = {.has_form = true,
                                  .form = form,
                                  .width = width,
                                  .widths = widths,
                                  .n_widths = widths ? WIDTHS : 0};
    struct conf *conf = conf_parse("net", net_text, strlen(net_text), err);
    bool ok = conf && net_load(conf, &options, out, err);
    conf_close(conf);
    return ok;
}

static bool resize(const void *context, const int *widths, struct net **out, struct err *err)
{
    return make_net(((const struct maker *)context)->form, 0, widths, out, err);
}

static struct recipe recipe(int sample)
{
    return (struct recipe){
        .epochs = 3,
        .batch = BATCH,
        .shard = 4,
        .seed = 5,
        .held_out = 0.1,
        .optimiser = {.kind = OPTIMISER_SGD, .rate = 0.05, .momentum = 0.9, .weight_decay = 1e-4},
        .schedule = {.kind = SCHEDULE_CONSTANT},
        .augment = {.flip = true, .crop = 2},
        .has_supernet = true,
        .supernet = {.least = 1,
                     .most = 3,
                     .step = 1,
                     .sample = sample,
                     .sub_nets = 4,
                     .distill = sample == SLIM_SANDWICH,
                     .period = 2,
                     .bn_batches = 3},
    };
}

// All that a trainer borrows.
struct school {
    struct maker maker;
    struct net *net;
    struct dataset *data;
    struct recipe recipe;
    struct trainer_params params;
};

static void open_school(struct school *s, enum net_form form, int sample)
{
    struct err err = {0};
    *s = (struct school){.maker = {form}, .recipe = recipe(sample)};
    if (!make_net(form, 3, NULL, &s->net, &err) ||
        !dataset_open("synth", DATASET_TRAIN, IMAGES, &s->data, &err))
        fail_msg("%s", err.text);
    s->params = (struct trainer_params){.net = s->net,
                                        .recipe = &s->recipe,
                                        .data = s->data,
                                        .backend = &backend_reference,
                                        .workers = 1,
                                        .resize = {resize, &s->maker}};
}

static void close_school(struct school *s)
{
    dataset_close(s->data);
    net_destroy(s->net);
}

static struct trainer *make(const struct school *s)
{
    struct err err = {0};
    struct trainer *trainer = NULL;
    if (!trainer_create(&s->params, &trainer, &err))
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

static struct graph *make_graph(const struct net *net)
{
    struct err err = {0};
    struct graph *graph = NULL;
    struct graph_options options = {
        .backend = &backend_reference, .batch = BATCH, .shard = 4, .workers = 1};
    if (!graph_create(net, &options, &graph, &err))
        fail_msg("%s", err.text);
    return graph;
}

// --- One step ---

struct lesson_batch {
    const uint8_t *pointers[BATCH];
    uint8_t labels[BATCH];
    float targets[BATCH * 10], logits[BATCH * 10];
};

static void first_batch(const struct school *s, struct lesson_batch *b)
{
    uint32_t images[IMAGES], order[IMAGES];
    size_t held_out = split_images(5, 0.1, IMAGES, images);
    order_images(5, 0, IMAGES - held_out, images + held_out, order);
    for (int i = 0; i < BATCH; i++) {
        b->pointers[i] = dataset_image(s->data, order[i]);
        b->labels[i] = s->data->labels[order[i]];
    }
    targets_labels(BATCH, 10, b->labels, 0, b->targets);
}

// By the indices of a weight, not by slim_gather and slim_add: to = from + at the same place.
static void copy_shared(const struct net *wide, float *const *w, const struct net *narrow,
                        float *const *n, bool add)
{
    for (size_t i = 1; i < narrow->n; i++) {
        size_t row = (size_t)(narrow->layers[i].weights / narrow->layers[i].out_c);
        size_t stride = (size_t)(wide->layers[i].weights / wide->layers[i].out_c);
        for (int o = 0; o < narrow->layers[i].out_c; o++)
            for (size_t k = 0; k < row; k++)
                if (add)
                    w[i][(size_t)o * stride + k] += n[i][(size_t)o * row + k];
                else
                    n[i][(size_t)o * row + k] = w[i][(size_t)o * stride + k];
    }
}

static void list_weights(const struct weights *w, float *list[4])
{
    for (size_t i = 1; i < 4; i++)
        list[i] = w->layers[i].w;
}

// The sub-nets one by one, each an ordinary net with the first of the wide one's weights; the
// gradients' sum, and one step of plain SGD with it.
static void first_step(enum net_form form, int sample)
{
    struct school s;
    struct err err = {0};
    struct lesson_batch b;
    struct slim_space space;
    struct arena *mem = arena_create();
    int widths[4][WIDTHS];
    float *w[4], *sum[4], *mine[4], *grads[4];
    open_school(&s, form, sample);
    s.recipe.augment = (struct augment){0};
    s.recipe.optimiser = (struct optimiser){.kind = OPTIMISER_SGD, .rate = 0.7};
    struct trainer *trainer = make(&s);
    struct weights *first = weights_create(s.net), *sums = weights_create(s.net);
    trainer_init(s.net, 5, first);
    list_weights(first, w);
    list_weights(sums, sum);
    first_batch(&s, &b);
    assert_true(slim_space(&s.recipe.supernet, s.net, mem, &space, &err));
    slim_draw(&space, &s.recipe.supernet, 5, 0, NULL, widths[0]);
    for (int k = 0; k < 4; k++) {
        struct net *net;
        assert_true(resize(&s.maker, widths[k], &net, &err));
        struct weights *own = weights_create(net), *got = weights_create(net);
        struct graph *graph = make_graph(net);
        struct graph_batch batch = {BATCH, b.pointers, b.targets};
        list_weights(own, mine);
        list_weights(got, grads);
        copy_shared(s.net, w, net, mine, false);
        graph_train(graph, own, 0, &batch, got, b.logits);
        copy_shared(s.net, sum, net, grads, true);
        if (k == 0 && sample == SLIM_SANDWICH)
            targets_teacher(BATCH, 10, b.logits, 1, 1, b.targets);
        graph_destroy(graph);
        weights_destroy(own);
        weights_destroy(got);
        net_destroy(net);
    }
    step(trainer, 1);
    for (size_t i = 1; i < 4; i++)
        for (int64_t k = 0; k < s.net->layers[i].weights; k++) {
            float want = w[i][k] - 0.7F * sum[i][k];
            assert_close((double)trainer_weights(trainer)->layers[i].w[k], (double)want, 1e-6);
        }
    weights_destroy(first);
    weights_destroy(sums);
    trainer_destroy(trainer);
    arena_destroy(mem);
    close_school(&s);
}

static void gradients_of_sub_nets_are_summed(void **state)
{
    (void)state;
    first_step(FORM_FLOAT, SLIM_SANDWICH);
    first_step(FORM_BINARY, SLIM_SANDWICH);
    first_step(FORM_BINARY, SLIM_HAWIS);
    first_step(FORM_FLOAT, SLIM_UNIFORM);
}

// --- Runs ---

static char folder[] = "supernet-XXXXXX";

static void resume_equals_unbroken(enum net_form form, int sample, int period)
{
    static const uint64_t stops[] = {0, 1, 6, 7, 13, 14, 20};
    static const int candidate[] = {4, 6};
    const int *given = sample == SLIM_HAWIS ? candidate : NULL;
    struct arena *mem = arena_create();
    struct school s;
    struct err warning = {0}, err = {0};
    open_school(&s, form, sample);
    s.recipe.supernet.period = period;
    const char *identity = trainer_identity(&s.params, mem);
    struct trainer *whole = make(&s);
    trainer_set_candidate(whole, given);
    step(whole, UINT64_MAX);
    s.params.workers = 2;
    struct trainer *broken = make(&s);
    trainer_set_candidate(broken, given);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        step(broken, stops[i]);
        assert_true(checkpoint_write(folder, identity, trainer_state(broken), &err));
        step(broken, stops[i] + 2); // lost
        trainer_destroy(broken);
        broken = make(&s);
        trainer_set_candidate(broken, given);
        assert_int_equal(checkpoint_find(folder, identity, trainer_state(broken), &warning, &err),
                         CHECKPOINT_READ);
    }
    step(broken, UINT64_MAX);
    assert_true(weights_hash(s.net, trainer_weights(whole)) ==
                weights_hash(s.net, trainer_weights(broken)));
    const struct train_state *a = trainer_state(whole), *b = trainer_state(broken);
    assert_int_equal(a->n_rows, 3);
    assert_int_equal(b->n_rows, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(a->rows[i].loss == b->rows[i].loss);
        assert_true(a->rows[i].smallest_accuracy >= 0);
        assert_true(a->rows[i].held_out_accuracy == b->rows[i].held_out_accuracy);
        assert_true(a->rows[i].smallest_accuracy == b->rows[i].smallest_accuracy);
    }
    trainer_destroy(whole);
    trainer_destroy(broken);
    close_school(&s);
    arena_destroy(mem);
}

static void goes_on_as_if_unbroken(void **state)
{
    (void)state;
    resume_equals_unbroken(FORM_BINARY, SLIM_SANDWICH, 1);
    resume_equals_unbroken(FORM_INT8, SLIM_SANDWICH, 3);
    resume_equals_unbroken(FORM_BINARY, SLIM_HAWIS, -1);
}

static void candidate_is_trained(void **state)
{
    (void)state;
    static const int candidate[] = {4, 6};
    struct school s;
    open_school(&s, FORM_BINARY, SLIM_HAWIS);
    struct trainer *with = make(&s), *without = make(&s);
    trainer_set_candidate(with, candidate);
    step(with, 1);
    step(without, 1);
    assert_true(weights_hash(s.net, trainer_weights(with)) !=
                weights_hash(s.net, trainer_weights(without)));
    trainer_destroy(with);
    trainer_destroy(without);
    close_school(&s);
}

// --- Sub-nets by themselves ---

// Batch-norm by hand: the mean over the first three batches of training images. Then the ordinary
// net gets as many held-out images right as the super-net says of it.
static void extracted_is_an_ordinary_net(void **state)
{
    (void)state;
    static const int widths[] = {5, 7};
    struct school s;
    struct err err = {0};
    struct net *net = NULL;
    struct weights *got = NULL;
    uint32_t images[IMAGES];
    double accuracy, mean[5] = {0}, var[5] = {0};
    float *w[4], *part[4];
    struct lesson_batch b;
    open_school(&s, FORM_BINARY, SLIM_SANDWICH);
    struct trainer *trainer = make(&s);
    step(trainer, 2 * STEPS);
    assert_true(trainer_extract(trainer, widths, &net, &got, &err));
    assert_true(trainer_accuracy(trainer, widths, &accuracy, &err));
    assert_int_equal(net->layers[1].out_c, 5);
    assert_int_equal(net->layers[2].out_c, 7);
    struct weights *own = weights_create(net), *stats = weights_create(net);
    list_weights(trainer_weights(trainer), w);
    list_weights(own, part);
    copy_shared(s.net, w, net, part, false);
    for (size_t i = 1; i < 4; i++)
        assert_memory_equal(own->layers[i].w, got->layers[i].w,
                            (size_t)net->layers[i].weights * sizeof(float));
    struct graph *graph = make_graph(net);
    size_t held_out = split_images(5, 0.1, IMAGES, images), right = 0;
    for (size_t batch = 0; batch < 3; batch++) {
        for (size_t i = 0; i < BATCH; i++)
            b.pointers[i] = dataset_image(s.data, images[held_out + batch * BATCH + i]);
        struct graph_batch here = {.n = BATCH, .images = b.pointers};
        graph_forward(graph, got, 0, &here, stats, b.logits);
        for (int c = 0; c < 5; c++) {
            mean[c] += (double)stats->layers[1].mean[c] / 3;
            var[c] += (double)stats->layers[1].var[c] / 3;
        }
    }
    for (int c = 0; c < 5; c++) {
        assert_close((double)got->layers[1].mean[c], mean[c], 1e-4);
        assert_close((double)got->layers[1].var[c], var[c], 1e-4);
    }
    for (size_t i = 0; i < held_out; i++) {
        const uint8_t *one = dataset_image(s.data, images[i]);
        struct graph_batch here = {.n = 1, .images = &one};
        graph_forward(graph, got, 0, &here, NULL, b.logits);
        right += targets_right(1, 10, b.logits, &s.data->labels[images[i]]);
    }
    assert_true(accuracy == (double)right / (double)held_out);
    graph_destroy(graph);
    weights_destroy(own);
    weights_destroy(stats);
    weights_destroy(got);
    net_destroy(net);
    trainer_destroy(trainer);
    close_school(&s);
}

// From the widest's weights alone, as a file of them has it: the same as out of the super-net.
static void starts_from_a_super_net(void **state)
{
    (void)state;
    static const int widths[] = {5, 7};
    struct school s;
    struct err err = {0};
    struct net *net = NULL;
    struct weights *got = NULL;
    open_school(&s, FORM_BINARY, SLIM_SANDWICH);
    struct trainer *trainer = make(&s), *alone = NULL;
    step(trainer, STEPS);
    assert_true(trainer_extract(trainer, widths, &net, &got, &err));
    struct recipe r = s.recipe;
    r.has_supernet = false;
    r.epochs = 0;
    r.bn_batches = 3;
    struct trainer_params params = {.net = net,
                                    .recipe = &r,
                                    .data = s.data,
                                    .backend = &backend_reference,
                                    .workers = 1,
                                    .init = trainer_weights(trainer),
                                    .init_net = s.net};
    assert_true(trainer_create(&params, &alone, &err));
    assert_true(trainer_done(alone));
    assert_true(weights_hash(net, trainer_weights(alone)) == weights_hash(net, got));
    trainer_destroy(alone);
    trainer_destroy(trainer);
    weights_destroy(got);
    net_destroy(net);
    close_school(&s);
}

// --- As a search uses it ---

static struct supernet *make_supernet(const struct school *s)
{
    struct err err = {0};
    struct supernet *supernet = NULL;
    struct supernet_params params = {
        .trainer = s->params,
        .optimiser = {.kind = OPTIMISER_SGD, .rate = 0.02, .momentum = 0.9},
        .schedule = {.kind = SCHEDULE_CONSTANT}};
    if (!supernet_create(&params, &supernet, &err))
        fail_msg("%s", err.text);
    return supernet;
}

static uint64_t hash(const struct school *s, struct supernet *supernet)
{
    return weights_hash(s->net, trainer_weights(supernet_trainer(supernet)));
}

// Three episodes; one run of them with two workers, saved and taken up after each.
static void episodes_are_the_same(void **state)
{
    (void)state;
    static const int candidates[3][WIDTHS] = {{4, 6}, {9, 5}, {3, 15}};
    struct school s;
    struct err warning = {0}, err = {0};
    double whole[3], broken[3], again;
    open_school(&s, FORM_BINARY, SLIM_HAWIS);
    struct supernet *one = make_supernet(&s);
    for (int e = 0; e < 3; e++) {
        assert_true(supernet_tune(one, candidates[e], e + 1, &err));
        uint64_t before = hash(&s, one);
        assert_true(supernet_try(one, candidates[e], 2, &whole[e], &err));
        assert_true(supernet_try(one, candidates[e], 2, &again, &err));
        assert_true(whole[e] == again);
        assert_true(hash(&s, one) == before);
        assert_int_equal(supernet_epochs(one), e + 1);
    }
    s.params.workers = 2;
    struct supernet *two = make_supernet(&s);
    for (int e = 0; e < 3; e++) {
        assert_true(supernet_tune(two, candidates[e], e + 1, &err));
        assert_true(supernet_save(two, folder, &err));
        supernet_destroy(two);
        two = make_supernet(&s);
        assert_true(supernet_load(two, folder, &warning, &err));
        assert_true(supernet_try(two, candidates[e], 2, &broken[e], &err));
        assert_true(broken[e] == whole[e]);
    }
    assert_true(hash(&s, one) == hash(&s, two));
    supernet_destroy(one);
    supernet_destroy(two);
    close_school(&s);
}

// Without fine-tuning it is the extracted net's accuracy; with it, that of one trained on from
// there.
static void tries_an_ordinary_net(void **state)
{
    (void)state;
    static const int candidate[] = {6, 8};
    struct school s;
    struct err err = {0};
    double untouched, tuned, want;
    struct net *net = NULL;
    struct weights *got = NULL;
    struct trainer *alone = NULL;
    open_school(&s, FORM_FLOAT, SLIM_HAWIS);
    struct supernet *supernet = make_supernet(&s);
    assert_true(supernet_tune(supernet, candidate, 1, &err));
    assert_true(supernet_try(supernet, candidate, 0, &untouched, &err));
    assert_true(supernet_try(supernet, candidate, 2, &tuned, &err));
    struct trainer *trainer = supernet_trainer(supernet);
    assert_true(trainer_accuracy(trainer, candidate, &want, &err));
    assert_true(untouched == want);
    assert_true(trainer_extract(trainer, candidate, &net, &got, &err));
    struct recipe r = s.recipe;
    r.has_supernet = false;
    r.bn_batches = 3;
    r.epochs = 2;
    r.optimiser = (struct optimiser){.kind = OPTIMISER_SGD, .rate = 0.02, .momentum = 0.9};
    struct trainer_params params = s.params;
    params.net = net;
    params.recipe = &r;
    params.init = got;
    assert_true(trainer_create(&params, &alone, &err));
    step(alone, UINT64_MAX);
    assert_true(tuned == trainer_state(alone)->rows[1].held_out_accuracy);
    trainer_destroy(alone);
    weights_destroy(got);
    net_destroy(net);
    supernet_destroy(supernet);
    close_school(&s);
}

static void refuses_what_no_search_can_use(void **state)
{
    (void)state;
    struct school s;
    struct err a = {0}, b = {0}, c = {0}, warning = {0};
    struct supernet *supernet = NULL;
    open_school(&s, FORM_FLOAT, SLIM_HAWIS);
    s.recipe.has_supernet = false;
    struct supernet_params params = {.trainer = s.params};
    assert_false(supernet_create(&params, &supernet, &a));
    assert_non_null(strstr(a.text, "wants a recipe with supernet"));
    s.recipe.has_supernet = true;
    supernet = make_supernet(&s);
    assert_false(supernet_tune(supernet, NULL, 4, &b));
    assert_non_null(strstr(b.text, "for 4 epochs, its recipe has 3"));
    assert_false(supernet_load(supernet, "no-such-folder", &warning, &c));
    assert_non_null(strstr(c.text, "no-such-folder: there is no checkpoint"));
    supernet_destroy(supernet);
    close_school(&s);
}

static int enter(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int leave(void **state)
{
    static const char *const names[] = {"checkpoint", "checkpoint.old"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        char path[80];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_sub_nets_are_summed),
        cmocka_unit_test(goes_on_as_if_unbroken),
        cmocka_unit_test(candidate_is_trained),
        cmocka_unit_test(extracted_is_an_ordinary_net),
        cmocka_unit_test(starts_from_a_super_net),
        cmocka_unit_test(episodes_are_the_same),
        cmocka_unit_test(tries_an_ordinary_net),
        cmocka_unit_test(refuses_what_no_search_can_use),
    };
    return cmocka_run_group_tests_name("supernet", tests, enter, leave);
}
