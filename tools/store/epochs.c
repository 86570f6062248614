// The tables of training runs.
#include "sim/base/err.h"
#include "tools/store/sql.h"

const char store_epoch_tables[] =
    "CREATE TABLE epoch (job TEXT NOT NULL REFERENCES job, epoch INTEGER NOT NULL,"
    " loss REAL NOT NULL, train_accuracy REAL NOT NULL, held_out_accuracy REAL,"
    " learning_rate REAL NOT NULL, smallest_accuracy REAL, PRIMARY KEY (job, epoch)) WITHOUT ROWID;"
    "CREATE TABLE epoch_time (job TEXT NOT NULL REFERENCES job, epoch INTEGER NOT NULL,"
    " seconds REAL NOT NULL, finished TEXT NOT NULL, PRIMARY KEY (job, epoch)) WITHOUT ROWID;";

struct adding_epoch {
    struct store *store;
    const struct store_epoch *epoch;
};

static bool write_epoch(void *context, struct err *err)
{
    const struct adding_epoch *a = context;
    const struct store_epoch *e = a->epoch;
    return sql_change(a->store, err,
                      "INSERT INTO epoch VALUES (?, ?, ?, ?, NULLIF(?, -1.0), ?, NULLIF(?, -1.0))",
                      "siddddd", a->store->job, e->epoch, e->loss, e->train_accuracy,
                      e->held_out_accuracy, e->rate, e->smallest_accuracy) &&
           sql_change(a->store, err, "INSERT INTO epoch_time VALUES (?, ?, ?, datetime('now'))",
                      "sid", a->store->job, e->epoch, e->seconds);
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
