// Does a super-net's step train all its sub-nets, and the same however often it is stopped?
#include "tests/train/folder.h"
#include "tests/train/school.h"

#include <string.h>

#include "nets/train/slim_draw.h"
#include "nets/train/targets.h"
#include "base/mem.h"

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
    school_open(&s, form, sample);
    s.recipe.augment = (struct augment){0};
    s.recipe.optimiser = (struct optimiser){.kind = OPTIMISER_SGD, .rate = 0.7};
    struct trainer *trainer = school_trainer(&s);
    struct weights *first = weights_create(s.net), *sums = weights_create(s.net);
    trainer_init(s.net, 5, first);
    school_list(first, w);
    school_list(sums, sum);
    first_batch(&s, &b);
    assert_true(slim_space(&s.recipe.supernet, s.net, mem, &space, &err));
    slim_draw(&space, &s.recipe.supernet, 5, 0, NULL, widths[0]);
    for (int k = 0; k < 4; k++) {
        struct net *net;
        assert_true(school_resize(&s.form, widths[k], &net, &err));
        struct weights *own = weights_create(net), *got = weights_create(net);
        struct graph *graph = school_graph(net);
        struct graph_batch batch = {BATCH, b.pointers, b.targets};
        school_list(own, mine);
        school_list(got, grads);
        school_share(s.net, w, net, mine, false);
        graph_train(graph, own, 0, &batch, got, b.logits);
        school_share(s.net, sum, net, grads, true);
        if (k == 0 && sample == SLIM_SANDWICH)
            targets_teacher(BATCH, 10, b.logits, 1, 1, b.targets);
        graph_destroy(graph);
        weights_destroy(own);
        weights_destroy(got);
        net_destroy(net);
    }
    school_step(trainer, 1);
    for (size_t i = 1; i < 4; i++)
        for (int64_t k = 0; k < s.net->layers[i].weights; k++) {
            float want = w[i][k] - 0.7F * sum[i][k];
            assert_close((double)trainer_weights(trainer)->layers[i].w[k], (double)want, 1e-6);
        }
    weights_destroy(first);
    weights_destroy(sums);
    trainer_destroy(trainer);
    arena_destroy(mem);
    school_close(&s);
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

static void resume_equals_unbroken(enum net_form form, int sample, int period)
{
    static const uint64_t stops[] = {0, 1, 6, 7, 13, 14, 20};
    static const int candidate[] = {4, 6};
    const int *given = sample == SLIM_HAWIS ? candidate : NULL;
    struct arena *mem = arena_create();
    struct school s;
    struct err warning = {0}, err = {0};
    school_open(&s, form, sample);
    s.recipe.supernet.period = period;
    const char *identity = trainer_identity(&s.params, mem);
    struct trainer *whole = school_trainer(&s);
    trainer_set_candidate(whole, given);
    school_step(whole, UINT64_MAX);
    s.params.workers = 2;
    struct trainer *broken = school_trainer(&s);
    trainer_set_candidate(broken, given);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        school_step(broken, stops[i]);
        assert_true(checkpoint_write(folder, identity, trainer_state(broken), &err));
        school_step(broken, stops[i] + 2); // lost
        trainer_destroy(broken);
        broken = school_trainer(&s);
        trainer_set_candidate(broken, given);
        assert_int_equal(checkpoint_find(folder, identity, trainer_state(broken), &warning, &err),
                         CHECKPOINT_READ);
    }
    school_step(broken, UINT64_MAX);
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
    school_close(&s);
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
    school_open(&s, FORM_BINARY, SLIM_HAWIS);
    struct trainer *with = school_trainer(&s), *without = school_trainer(&s);
    trainer_set_candidate(with, candidate);
    school_step(with, 1);
    school_step(without, 1);
    assert_true(weights_hash(s.net, trainer_weights(with)) !=
                weights_hash(s.net, trainer_weights(without)));
    trainer_destroy(with);
    trainer_destroy(without);
    school_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_sub_nets_are_summed),
        cmocka_unit_test(goes_on_as_if_unbroken),
        cmocka_unit_test(candidate_is_trained),
    };
    return cmocka_run_group_tests_name("supernet", tests, folder_enter, folder_leave);
}
