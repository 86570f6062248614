// Is a sub-net the ordinary net that it is said to be, and does a search get the same answers
// however it asks?
#include "tests/train/folder.h"
#include "tests/train/school.h"

#include <string.h>

#include "nets/train/slim_draw.h"
#include "nets/train/supernet.h"
#include "nets/train/targets.h"
#include "base/mem.h"

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
    const uint8_t *pointers[BATCH];
    float logits[BATCH * 10];
    school_open(&s, FORM_BINARY, SLIM_SANDWICH);
    struct trainer *trainer = school_trainer(&s);
    school_step(trainer, 2 * STEPS);
    assert_true(trainer_extract(trainer, widths, NULL, &net, &got, &err));
    assert_true(trainer_accuracy(trainer, widths, &accuracy, &err));
    assert_int_equal(net->layers[1].out_c, 5);
    assert_int_equal(net->layers[2].out_c, 7);
    struct weights *own = weights_create(net), *stats = weights_create(net);
    school_list(trainer_weights(trainer), w);
    school_list(own, part);
    school_share(s.net, w, net, part, false);
    for (size_t i = 1; i < 4; i++)
        assert_memory_equal(own->layers[i].w, got->layers[i].w,
                            (size_t)net->layers[i].weights * sizeof(float));
    struct graph *graph = school_graph(net);
    size_t held_out = split_images(5, 0.1, IMAGES, images), right = 0;
    for (size_t batch = 0; batch < 3; batch++) {
        for (size_t i = 0; i < BATCH; i++)
            pointers[i] = dataset_image(s.data, images[held_out + batch * BATCH + i]);
        struct graph_batch here = {.n = BATCH, .images = pointers};
        graph_forward(graph, got, 0, &here, stats, logits);
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
        graph_forward(graph, got, 0, &here, NULL, logits);
        right += targets_right(1, 10, logits, &s.data->labels[images[i]]);
    }
    assert_true(accuracy == (double)right / (double)held_out);
    graph_destroy(graph);
    weights_destroy(own);
    weights_destroy(stats);
    weights_destroy(got);
    net_destroy(net);
    trainer_destroy(trainer);
    school_close(&s);
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
    school_open(&s, FORM_BINARY, SLIM_SANDWICH);
    struct trainer *trainer = school_trainer(&s), *alone = NULL;
    school_step(trainer, STEPS);
    assert_true(trainer_extract(trainer, widths, NULL, &net, &got, &err));
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
    school_close(&s);
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
    school_open(&s, FORM_BINARY, SLIM_HAWIS);
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
    school_close(&s);
}

static void takes(struct supernet *supernet, const int *candidate, int epochs,
                  const struct weights *want)
{
    struct err err = {0};
    struct supernet_net taken = {0};
    assert_true(supernet_take(supernet, candidate, epochs, &taken, &err));
    assert_true(weights_hash(taken.net, taken.weights) == weights_hash(taken.net, want));
    weights_destroy(taken.weights);
    net_destroy(taken.net);
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
    school_open(&s, FORM_FLOAT, SLIM_HAWIS);
    struct supernet *supernet = make_supernet(&s);
    assert_true(supernet_tune(supernet, candidate, 1, &err));
    assert_true(supernet_try(supernet, candidate, 0, &untouched, &err));
    assert_true(supernet_try(supernet, candidate, 2, &tuned, &err));
    struct trainer *trainer = supernet_trainer(supernet);
    assert_true(trainer_accuracy(trainer, candidate, &want, &err));
    assert_true(untouched == want);
    assert_true(trainer_extract(trainer, candidate, NULL, &net, &got, &err));
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
    school_step(alone, UINT64_MAX);
    assert_true(tuned == trainer_state(alone)->rows[1].held_out_accuracy);
    takes(supernet, candidate, 0, got);
    takes(supernet, candidate, 2, trainer_weights(alone));
    trainer_destroy(alone);
    weights_destroy(got);
    net_destroy(net);
    supernet_destroy(supernet);
    school_close(&s);
}

// What is taken is what was tried: its accuracy by the net and weights that come with it, over the
// held-out images that come with them.
static void takes_what_it_tries(int epochs)
{
    static const int candidate[] = {6, 8};
    struct school s;
    struct err err = {0};
    double tried;
    const uint8_t *pointers[1];
    float logits[10];
    struct supernet_net got = {0};
    size_t right = 0;
    school_open(&s, FORM_BINARY, SLIM_HAWIS);
    struct supernet *supernet = make_supernet(&s);
    assert_true(supernet_tune(supernet, candidate, 1, &err));
    assert_true(supernet_try(supernet, candidate, epochs, &tried, &err));
    assert_true(supernet_take(supernet, candidate, epochs, &got, &err));
    assert_true(got.accuracy == tried);
    struct dataset *all = supernet_held_out(supernet, 0), *few = supernet_held_out(supernet, 5);
    assert_int_equal(all->n, 13);
    assert_int_equal(few->n, 5);
    assert_memory_equal(all->images, few->images, 5 * dataset_image_bytes(few));
    assert_memory_equal(all->labels, few->labels, 5);
    supernet_destroy(supernet); // nothing of it is lent
    struct graph *graph = school_graph(got.net);
    for (size_t i = 0; i < all->n; i++) {
        struct graph_batch one = {.n = 1, .images = pointers};
        pointers[0] = dataset_image(all, i);
        graph_forward(graph, got.weights, 0, &one, NULL, logits);
        right += targets_right(1, 10, logits, &all->labels[i]);
    }
    assert_true(got.accuracy == (double)right / (double)all->n);
    graph_destroy(graph);
    weights_destroy(got.weights);
    net_destroy(got.net);
    dataset_close(all);
    dataset_close(few);
    school_close(&s);
}

static void takes_what_it_tries_as_it_stands(void **state)
{
    (void)state;
    takes_what_it_tries(0);
}

static void takes_what_it_tries_tuned(void **state)
{
    (void)state;
    takes_what_it_tries(2);
}

static void refuses_what_no_search_can_use(void **state)
{
    (void)state;
    struct school s;
    struct err a = {0}, b = {0}, c = {0}, warning = {0};
    struct supernet *supernet = NULL;
    school_open(&s, FORM_FLOAT, SLIM_HAWIS);
    s.recipe.has_supernet = false;
    struct supernet_params params = {.trainer = s.params};
    assert_false(supernet_create(&params, &supernet, &a));
    assert_non_null(strstr(a.text, "requires a recipe with supernet"));
    s.recipe.has_supernet = true;
    supernet = make_supernet(&s);
    assert_false(supernet_tune(supernet, NULL, 4, &b));
    assert_non_null(strstr(b.text, "for 4 epochs, its recipe has 3"));
    assert_false(supernet_load(supernet, "no-such-folder", &warning, &c));
    assert_non_null(strstr(c.text, "no-such-folder: there is no checkpoint"));
    supernet_destroy(supernet);
    school_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extracted_is_an_ordinary_net),
        cmocka_unit_test(starts_from_a_super_net),
        cmocka_unit_test(episodes_are_the_same),
        cmocka_unit_test(tries_an_ordinary_net),
        cmocka_unit_test(takes_what_it_tries_as_it_stands),
        cmocka_unit_test(takes_what_it_tries_tuned),
        cmocka_unit_test(refuses_what_no_search_can_use),
    };
    return cmocka_run_group_tests_name("supernet search", tests, folder_enter, folder_leave);
}
