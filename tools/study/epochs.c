// The tables of training runs.
#include "base/err.h"
#include "tools/study/sql.h"
#include "tools/study/sql_table.h"

#define N(columns) (sizeof(columns) / sizeof *(columns))

static const struct store_column epoch_columns[] = {
    {.name = "epoch", .type = STORE_INT, .min = 1, .max = STORE_MAX_COUNT},
    {.name = "loss", .type = STORE_REAL, .min = -1e300, .max = 1e300},
    {.name = "train_accuracy", .type = STORE_REAL, .max = 1},
    {.name = "held_out_accuracy", .type = STORE_REAL, .may_be_null = true, .max = 1},
    {.name = "learning_rate", .type = STORE_REAL, .min = -1e300, .max = 1e300},
    {.name = "smallest_accuracy", .type = STORE_REAL, .may_be_null = true, .max = 1},
};
static const struct store_table epoch_table = {
    .name = "epoch", .columns = epoch_columns, .n = N(epoch_columns), .n_keys = 1};

static const struct store_column time_columns[] = {
    {.name = "epoch", .type = STORE_INT, .min = 1, .max = STORE_MAX_COUNT},
    {.name = "seconds", .type = STORE_REAL, .max = 1e12},
    {.name = "finished", .type = STORE_TEXT},
};
static const struct store_table epoch_time = {.name = "epoch_time",
                                              .columns = time_columns,
                                              .n = N(time_columns),
                                              .n_keys = 1,
                                              .replaces = true};

const struct store_table *const store_epoch_tables[] = {&epoch_table, &epoch_time, NULL};

struct adding_epoch {
    struct store *store;
    const struct store_epoch *epoch;
};

// -1 stands for none.
static struct store_value accuracy(double share)
{
    return (struct store_value){.is_null = share < 0, .real = share};
}

static bool write_epoch(void *context, struct err *err)
{
    const struct adding_epoch *a = context;
    const struct store_epoch *e = a->epoch;
    char now[STORE_TIME_SIZE];
    struct store_value values[] = {
        {.integer = e->epoch},          {.real = e->loss}, {.real = e->train_accuracy},
        accuracy(e->held_out_accuracy), {.real = e->rate}, accuracy(e->smallest_accuracy),
    };
    struct store_value times[] = {
        {.integer = e->epoch}, {.real = e->seconds}, {.text = sql_now(now)}};
    return sql_table_add(a->store, &epoch_table, values, err) &&
           sql_table_add(a->store, &epoch_time, times, err);
}

bool store_add_epoch(struct store *store, const struct store_epoch *epoch, struct err *err)
{
    struct adding_epoch adding = {store, epoch};
    return store_transaction(store, write_epoch, &adding, err);
}

struct dropping_epochs {
    struct store *store;
    int64_t first;
};

static bool delete_epochs(void *context, struct err *err)
{
    const struct dropping_epochs *d = context;
    return sql_change(d->store, err, "DELETE FROM epoch WHERE job = ? AND epoch >= ?", "si",
                      d->store->job, d->first) &&
           sql_change(d->store, err, "DELETE FROM epoch_time WHERE job = ? AND epoch >= ?", "si",
                      d->store->job, d->first);
}

bool store_drop_epochs(struct store *store, int64_t first, struct err *err)
{
    struct dropping_epochs dropping = {store, first};
    return store_transaction(store, delete_epochs, &dropping, err);
}
