// Estimates of memory: what a run needs at least. They may never be above what the run really
// takes, or what fits would be refused; and are worth little if they are far below.
#include "tests/close.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "nets/backend/backend.h"
#include "nets/float_net.h"
#include "nets/net.h"
#include "nets/train/recipe.h"
#include "nets/train/trainer.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/mem_limit.h"
#include "sim/crossbar/evaluate.h"
#include "workloads/dataset.h"

#define HEAD                                                                                       \
    "name: n\ninput: {channels: 1, height: 28, width: 28, bits: 8}\nclasses: 10\n"                 \
    "default_form: float\nlayers:\n"

static const char *const nets[] = {
    // most is maps; most is weights; both, with adds
    HEAD "  - {name: c1, kind: conv, out: 16, kernel: 3, pad: 1}\n"
         "  - {name: c2, kind: conv, out: 16, kernel: 3, pad: 1}\n"
         "  - {name: fc, kind: linear, out: 10}\n",
    HEAD "  - {name: c1, kind: conv, out: 8, kernel: 5, stride: 4}\n"
         "  - {name: l1, kind: linear, out: 1500}\n"
         "  - {name: l2, kind: linear, out: 1500}\n"
         "  - {name: fc, kind: linear, out: 10}\n",
};

static size_t allocated(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static struct net *load_net(const char *text, enum net_form form)
{
    struct err err = {0};
    struct net_options options = {.has_form = true, .form = form};
    struct net *net = NULL;
    struct conf *conf = conf_parse("net", text, strlen(text), &err);
    if (!conf || !net_load(conf, &options, &net, &err))
        fail_msg("%s", err.text);
    conf_close(conf);
    return net;
}

static void compare(double need, size_t taken)
{
    if (need > (double)taken || need < (double)taken / 4)
        fail_msg("estimated %.0f bytes, took %zu", need, taken);
}

static void check_training(const struct net *net, const struct dataset *data, int optimiser,
                           enum operand operand, int workers)
{
    struct err err = {0};
    struct recipe recipe = {
        .epochs = 1,
        .batch = 32,
        .shard = 16,
        .precision = (int)operand,
        .keep = optimiser == OPTIMISER_ADAM ? KEEP_BEST : KEEP_LAST,
        .held_out = 0.2,
        .optimiser = {.kind = optimiser, .rate = 0.05, .momentum = 0},
    };
    struct trainer_params params = {.net = net,
                                    .recipe = &recipe,
                                    .data = data,
                                    .backend = &backend_reference,
                                    .workers = workers};
    struct trainer *trainer = NULL;
    size_t before = allocated();
    if (!trainer_create(&params, &trainer, &err))
        fail_msg("%s", err.text);
    compare(trainer_need(&params), allocated() - before);
    trainer_destroy(trainer);
}

static void training_needs_what_is_estimated(void **state)
{
    (void)state;
    struct err err = {0};
    struct dataset *data = NULL;
    assert_true(dataset_open("synth", DATASET_TRAIN, 100, &data, &err));
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        for (int form = FORM_BINARY; form <= FORM_FLOAT; form++) {
            struct net *net = load_net(nets[i], (enum net_form)form);
            bool float_net = form == FORM_FLOAT;
            check_training(net, data, OPTIMISER_SGD, OPERAND_F32, 1);
            check_training(net, data, OPTIMISER_ADAM, OPERAND_F32, 3);
            if (float_net)
                check_training(net, data, OPTIMISER_ADAMW, OPERAND_BF16, 2);
            net_destroy(net);
        }
    dataset_close(data);
}

// In floating point: the weights, then filters and maps of one worker.
static void evaluation_needs_what_is_estimated(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct net *net = load_net(nets[i], FORM_FLOAT);
        struct evaluate_need need = evaluate_need(net);
        size_t before = allocated();
        struct weights *weights = weights_create(net);
        size_t between = allocated();
        struct float_net *forward = float_net_create(net, weights);
        compare(need.shared, between - before);
        compare(need.worker, allocated() - between);
        float_net_destroy(forward);
        weights_destroy(weights);
        net_destroy(net);
    }
}

static void limit_of_the_process_counts(void **state)
{
    (void)state;
    struct err err = {0};
    struct rlimit old, small;
    getrlimit(RLIMIT_AS, &old);
    small = old;
    small.rlim_cur = (rlim_t)1 << 30;
    assert_true(mem_fits(1e6, "it", "do less", &err));
    assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
    bool more = mem_fits(1.5 * (1 << 30), "it", "do less", &err);
    bool less = mem_fits(0.5 * (1 << 30), "it", "do less", NULL);
    setrlimit(RLIMIT_AS, &old);
    assert_false(more);
    assert_true(less);
    assert_string_equal(
        err.text, "it needs at least 1.5 GiB of memory, this process may have 1 GiB; do less");
    assert_int_equal(err.class, ERR_INPUT);
    err = (struct err){0};
    assert_false(mem_fits_machine(1e18, "it", "do less", &err)); // an exabyte
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_needs_what_is_estimated),
        cmocka_unit_test(evaluation_needs_what_is_estimated),
        cmocka_unit_test(limit_of_the_process_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
