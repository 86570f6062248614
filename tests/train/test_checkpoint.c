// Does a checkpoint come back as it was, and is nothing else taken for one?
#include "tests/close.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nets/train/checkpoint.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

enum { N = 37, ROWS = 3, PATH_ROOM = 120 };
static const char job[] = "net lenet5\nseed 1\noptimiser.rate 0.1\n";

struct run {
    float weights[N], mean[2], first[N];
    double ranges[2];
    struct tensor items[2];
    struct train_state state;
};

static void make(struct run *run, float start)
{
    *run = (struct run){.mean = {start, -start}};
    for (int i = 0; i < N; i++) {
        run->weights[i] = start + (float)i;
        run->first[i] = start - (float)i;
    }
    run->ranges[0] = (double)start / 3;
    run->items[0] = (struct tensor){TENSOR_WEIGHT, N, run->weights};
    run->items[1] = (struct tensor){TENSOR_MEAN, 2, run->mean};
    run->state = (struct train_state){
        .step = 100 + (uint64_t)start,
        .right = 5,
        .seen = 9,
        .loss = 0.1,
        .seconds = 2.5,
        .params = {2, run->items, N + 2},
        .best_accuracy = -1,
        .optimiser = {N, run->first, NULL},
        .n_ranges = 2,
        .ranges = run->ranges,
    };
    for (int i = 0; i < ROWS; i++) {
        struct train_state *s = &run->state;
        s->rows = mem_grow(s->rows, &s->rows_capacity, s->n_rows + 1, sizeof *s->rows);
        s->rows[s->n_rows++] = (struct epoch_row){(double)start, 0.5, 0.25, 0.1, i};
    }
}

static void make_empty(struct run *run)
{
    make(run, 0);
    free(run->state.rows);
    run->state = (struct train_state){.params = run->state.params,
                                      .optimiser = run->state.optimiser,
                                      .n_ranges = 2,
                                      .ranges = run->ranges};
}

static void assert_same(const struct run *a, const struct run *b)
{
    assert_memory_equal(a->weights, b->weights, sizeof a->weights);
    assert_memory_equal(a->mean, b->mean, sizeof a->mean);
    assert_memory_equal(a->first, b->first, sizeof a->first);
    assert_memory_equal(a->ranges, b->ranges, sizeof a->ranges);
    assert_int_equal(a->state.step, b->state.step);
    assert_int_equal(a->state.right, b->state.right);
    assert_int_equal(a->state.seen, b->state.seen);
    assert_true(a->state.loss == b->state.loss && a->state.seconds == b->state.seconds);
    assert_true(a->state.best_accuracy == b->state.best_accuracy);
    assert_int_equal(a->state.n_rows, b->state.n_rows);
    assert_memory_equal(a->state.rows, b->state.rows, a->state.n_rows * sizeof *a->state.rows);
}

static char folder[] = "checkpoint-XXXXXX";
static char newest[PATH_ROOM], older[PATH_ROOM], between[PATH_ROOM];

static int enter(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(newest, sizeof newest, "%s/checkpoint", folder);
    snprintf(older, sizeof older, "%s/checkpoint.old", folder);
    snprintf(between, sizeof between, "%s/checkpoint.new", folder);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    unlink(newest);
    unlink(older);
    unlink(between);
    return rmdir(folder);
}

static void put(const char *path, const char *bytes, size_t n)
{
    struct err err = {0};
    struct file_out *out = file_create(path, &err);
    assert_non_null(out);
    fwrite(bytes, 1, n, file_stream(out));
    assert_true(file_commit(out, &err));
}

static void write_two(struct run *first, struct run *second)
{
    struct err err = {0};
    unlink(newest);
    unlink(older);
    make(first, 1);
    make(second, 2);
    assert_true(checkpoint_write(folder, job, &first->state, &err));
    assert_true(checkpoint_write(folder, job, &second->state, &err));
}

static void comes_back(void **state)
{
    (void)state;
    struct run first, second, back;
    struct err err = {0};
    make_empty(&back);
    assert_int_equal(checkpoint_read("no such file", job, &back.state, &err), CHECKPOINT_NONE);
    write_two(&first, &second);
    assert_int_equal(checkpoint_read(newest, job, &back.state, &err), CHECKPOINT_READ);
    assert_same(&back, &second);
    assert_int_equal(checkpoint_read(older, job, &back.state, &err), CHECKPOINT_READ);
    assert_same(&back, &first);
    assert_int_not_equal(access(between, F_OK), 0);
    free(first.state.rows);
    free(second.state.rows);
    free(back.state.rows);
}

static void refuses_what_is_not_whole(void **state)
{
    (void)state;
    struct run first, second, back;
    struct err err = {0};
    size_t n;
    write_two(&first, &second);
    make_empty(&back);
    char *bytes = file_read(newest, 1 << 20, &n, &err);
    assert_non_null(bytes);
    for (size_t k = 0; k < n; k += k < 40 ? 1 : 50) {
        struct err cut = {0}, changed = {0};
        put(between, bytes, k);
        assert_int_equal(checkpoint_read(between, job, &back.state, &cut), CHECKPOINT_DAMAGED);
        assert_non_null(strstr(cut.text, "is cut short"));
        bytes[k] ^= 1;
        put(between, bytes, n);
        bytes[k] ^= 1;
        assert_in_range(checkpoint_read(between, job, &back.state, &changed), CHECKPOINT_DAMAGED,
                        CHECKPOINT_REFUSED);
        assert_int_not_equal(changed.text[0], 0);
    }
    struct err more = {0};
    bytes = mem_resize(bytes, n + 1, 1);
    bytes[n] = 0;
    put(between, bytes, n + 1);
    assert_int_equal(checkpoint_read(between, job, &back.state, &more), CHECKPOINT_DAMAGED);
    unlink(between);
    free(bytes);
    free(first.state.rows);
    free(second.state.rows);
    free(back.state.rows);
}

static void passes_over_a_damaged_one(void **state)
{
    (void)state;
    struct run first, second, back;
    struct err warning = {0}, err = {0};
    write_two(&first, &second);
    make_empty(&back);
    put(newest, "bitline", 7);
    assert_int_equal(checkpoint_find(folder, job, &back.state, &warning, &err), CHECKPOINT_READ);
    assert_non_null(strstr(warning.text, "cut short"));
    assert_same(&back, &first);
    put(older, "x", 1);
    assert_int_equal(checkpoint_find(folder, job, &back.state, &warning, &err), CHECKPOINT_DAMAGED);
    assert_non_null(strstr(err.text, "choose another --out"));
    unlink(newest);
    unlink(older);
    free(first.state.rows);
    free(second.state.rows);
    free(back.state.rows);
}

// Stopped between the two renames: the newest one has the third name.
static void finds_the_one_between(void **state)
{
    (void)state;
    struct run first, second, back;
    struct err warning = {0}, err = {0};
    write_two(&first, &second);
    make_empty(&back);
    assert_int_equal(rename(newest, between), 0);
    assert_int_equal(checkpoint_find(folder, job, &back.state, &warning, &err), CHECKPOINT_READ);
    assert_int_equal(warning.text[0], 0);
    assert_same(&back, &second);
    assert_true(checkpoint_write(folder, job, &back.state, &err));
    assert_int_equal(checkpoint_read(newest, job, &back.state, &err), CHECKPOINT_READ);
    assert_same(&back, &second);
    free(first.state.rows);
    free(second.state.rows);
    free(back.state.rows);
}

static void tells_what_differs(void **state)
{
    (void)state;
    struct run first, second, back;
    write_two(&first, &second);
    make_empty(&back);
    static const struct {
        const char *job, *sentence;
    } cases[] = {
        {"net lenet5\nseed 1\noptimiser.rate 0.2\n", "(optimiser.rate: 0.1 there, 0.2 here)"},
        {"net mlp\nseed 2\noptimiser.rate 0.1\n", "(net: lenet5 there, mlp here; seed: 1 there"},
        {"net lenet5\nseed 1\noptimiser.rate 0.1\nclip 1\n", "(clip: nothing there, 1 here)"},
        {"net lenet5\nseed 1\n", "(it has keys that this job lacks)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err warning = {0}, err = {0};
        assert_int_equal(checkpoint_find(folder, cases[i].job, &back.state, &warning, &err),
                         CHECKPOINT_REFUSED);
        assert_non_null(strstr(err.text, "is of another job"));
        assert_non_null(strstr(err.text, cases[i].sentence));
    }
    assert_int_equal(back.state.step, 0);
    free(first.state.rows);
    free(second.state.rows);
}

static void refuses_another_version(void **state)
{
    (void)state;
    struct run first, second, back;
    struct err err = {0};
    size_t n;
    write_two(&first, &second);
    make_empty(&back);
    char *bytes = file_read(newest, 1 << 20, &n, &err);
    assert_non_null(bytes);
    bytes[8] = (char)(CHECKPOINT_VERSION + 1);
    put(newest, bytes, n);
    assert_int_equal(checkpoint_read(newest, job, &back.state, &err), CHECKPOINT_REFUSED);
    assert_non_null(strstr(err.text, "has version 3, this program knows 2"));
    free(bytes);
    free(first.state.rows);
    free(second.state.rows);
}

// What was there stays, if the new one cannot be written.
static void keeps_the_last_on_failure(void **state)
{
    (void)state;
    struct run first, second, back;
    struct err err = {0}, warning = {0};
    write_two(&first, &second);
    make_empty(&back);
    assert_int_equal(mkdir(between, 0777), 0);
    assert_false(checkpoint_write(folder, job, &first.state, &err));
    assert_int_equal(rmdir(between), 0);
    assert_int_equal(checkpoint_find(folder, job, &back.state, &warning, &err), CHECKPOINT_READ);
    assert_same(&back, &second);
    free(first.state.rows);
    free(second.state.rows);
    free(back.state.rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(refuses_what_is_not_whole),
        cmocka_unit_test(passes_over_a_damaged_one),
        cmocka_unit_test(finds_the_one_between),
        cmocka_unit_test(tells_what_differs),
        cmocka_unit_test(refuses_another_version),
        cmocka_unit_test(keeps_the_last_on_failure),
    };
    return cmocka_run_group_tests_name("checkpoints", tests, enter, leave);
}
